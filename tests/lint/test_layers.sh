#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Who may include whom: the table of rooms in CONTRIBUTING.md. An include that it does not allow is a failure, and so is a room that it lacks.
cd "$(dirname "$0")/../.." || exit 2
awk '
# The rows of the table of rooms: | room | what for | may include |
FILENAME == "CONTRIBUTING.md" {
	if (split($0, row, / *\| */) == 5 && row[2] ~ /^[a-z]+$/ && row[2] != "room") {
		allow[row[2]] = "base " row[2] " " row[4]
		rooms++
	}
	next
}
/^#include "/ {
	split(FILENAME, f, "/")
	split($2, q, "\"")
	if (q[2] ~ /^ajar(_plain|_bare)?\.skel\.h$/) # generated
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
	if (rooms < 10) {
		print "not ok - the table of rooms is not in CONTRIBUTING.md"
		bad++
	}
	if (!bad)
		print "ok 1 - all " n " includes go the way the layer table says"
	print "1.." (bad ? bad : 1)
	exit bad > 0
}' CONTRIBUTING.md user/*/*.c user/*/*.h
