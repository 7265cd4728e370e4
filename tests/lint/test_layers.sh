#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Who may include whom; an include that is not in the table is a failure. include/ajar/ is open to all.
cd "$(dirname "$0")/../.." || exit 2
awk '
BEGIN {
	allow["base"] = "base"
	allow["core"] = "base core"
	allow["conf"] = "base core conf"
	allow["sensor"] = "base core sensor"
	allow["steer"] = "base core steer"
	allow["journal"] = "base core journal"
	allow["store"] = "base core store"
	allow["audit"] = "base core audit"
	allow["ship"] = "base core conf journal store ship"
	allow["alert"] = "base core conf store alert"
	allow["view"] = "base core conf store view"
	allow["scan"] = "base core conf store scan"
	allow["notify"] = "base core conf store alert view notify"
	# Stored records are chained as in the journal: who judges them checks that.
	allow["monitor"] = "base core conf journal store audit alert scan monitor"
	allow["agent"] = "base core conf steer sensor journal agent"
	allow["cli"] = "base core conf sensor journal store audit ship alert view scan notify monitor cli"
}
/^#include "/ {
	split(FILENAME, f, "/")
	split($2, q, "\"")
	if (q[2] == "ajar.skel.h") # generated
		next
	if (split(q[2], to, "/") < 2) {
		print "not ok - " FILENAME ": include \"" q[2] "\" from the root of user/"
		bad++
		next
	}
	if (to[1] == "ajar")
		next
	n++
	if (!(f[2] in allow) || index(" " allow[f[2]] " ", " " to[1] " ") == 0) {
		print "not ok - " FILENAME " may not include " q[2]
		bad++
	}
}
END {
	if (!bad)
		print "ok 1 - all " n " includes go the way the layer table says"
	print "1.." (bad ? bad : 1)
	exit bad > 0
}' user/*/*.c user/*/*.h
