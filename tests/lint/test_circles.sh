#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# No two files of user/ need each other, whatever way round: by the symbols of the objects, since a header that two files share hides
# that. What is not built cannot be looked at.
cd "$(dirname "$0")/../.." || exit 2
build=${BUILD:-build}
objects=
for f in user/*/*.c; do
	o=$build/${f%.c}.o
	[ -e "$o" ] || {
		echo "1..0 # SKIP $o is not built: run 'make' first"
		exit 77
	}
	objects="$objects $o"
done
# shellcheck disable=SC2086
nm -A -g $objects | sed "s|^$build/user/||; s|\.o:| |" | awk '
NF < 3 { next }
$(NF - 1) == "U" { uses[$1 " " $NF]; next }
{ where[$NF] = $1 }
END {
	for (u in uses) {
		split(u, w, " ")
		if (w[2] in where && where[w[2]] != w[1])
			edge[w[1] " " where[w[2]]]
	}
	# Who needs nobody is in no circle, and nobody is by needing him: taken away until no such file is left; the same from above.
	do {
		taken = 0
		split("", out)
		split("", in_)
		for (e in edge) {
			split(e, w, " ")
			out[w[1]]++
			in_[w[2]]++
		}
		for (e in edge) {
			split(e, w, " ")
			if (!(w[2] in out) || !(w[1] in in_)) {
				delete edge[e]
				taken++
			}
		}
	} while (taken)
	for (e in edge) {
		n++
		lines = lines "# " e "\n"
	}
	print (n ? "not ok" : "ok") " 1 - no two files need each other"
	printf "%s", lines
	print "1..1"
	exit n > 0
}'
