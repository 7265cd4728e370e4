#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Each header compiles alone and is guarded by the name of its path.
cd "$(dirname "$0")/../.." || exit 2
. tests/lint/tree.sh
n=0 bad=0
mysql=$(pkg-config --cflags libmariadb 2>/dev/null || pkg-config --cflags mysqlclient)
for h in $(git ls-files 'user/*.h' 'include/*.h'); do
	n=$((n + 1))
	short=${h#user/}
	short=${short#include/}
	guard=AJAR_$(echo "${short#ajar/}" | tr 'a-z/.-' 'A-Z___')
	if ! grep -q "^#ifndef $guard\$" "$h"; then
		echo "not ok $n - $h is guarded by $guard"
		bad=1
	elif ! printf '#include "%s"\n' "$short" | ${CC:-gcc} -std=gnu17 -D_GNU_SOURCE -Iuser -Iinclude $mysql -Wall -Wextra -Werror \
		-fsyntax-only -x c - 2>"${TMPDIR:-/tmp}/headers.$$"; then
		echo "not ok $n - $h compiles alone"
		sed 's/^/# /' "${TMPDIR:-/tmp}/headers.$$"
		bad=1
	else
		echo "ok $n - $h compiles alone"
	fi
done
rm -f "${TMPDIR:-/tmp}/headers.$$"
echo "1..$n"
exit $bad
