#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The build keeps its promises: no warning with gcc and clang, the same bytes from two folders, install as asked.
# run.sh: within 900 s, for it builds everything four times
cd "$(dirname "$0")/../.." || exit 2
. tests/lint/tree.sh
top=$PWD
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"; tree_done' EXIT
MAKE=${MAKE:-make}
unset MAKEFLAGS MAKELEVEL MFLAGS CFLAGS LDFLAGS
n=0 bad=0
result() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then echo "ok $n - $2"; else
		echo "not ok $n - $2"
		tail -20 "$tmp/log" | sed 's/^/# /'
		bad=1
	fi
}
# What is built already, from this folder, is the first of two builds; a second is only made when that is not from these sources.
first=$top/${BUILD:-build}
[ -x "$top/${BUILD:-build}/ajar" ] || first=${BUILD:-build}
unset BUILD
for where in one two-with-another-name; do
	mkdir "$tmp/$where"
	git ls-files -z | xargs -0 cp --parents -t "$tmp/$where"
done
(cd "$tmp/one" && $MAKE -j2 WERROR=1 all) >"$tmp/log" 2>&1
result $? "gcc builds it without a warning"
same_as() { # folder
	cmp "$tmp/one/build/ajar" "$1/ajar" >>"$tmp/log" 2>&1 && cmp "$tmp/one/build/ajar-agent" "$1/ajar-agent" >>"$tmp/log" 2>&1
}
same_as "$first" || { (cd "$tmp/two-with-another-name" && $MAKE -j2 WERROR=1 all) >"$tmp/log" 2>&1 && same_as "$tmp/two-with-another-name/build"; }
result $? "two builds in two folders give the same bytes"
# Its warnings come before it optimizes, which takes half of its time.
(cd "$tmp/one" && $MAKE -j2 WERROR=1 CC=clang OPT=-O0 HARDEN= BUILD=build/clang all) >"$tmp/log" 2>&1
result $? "clang builds it without a warning"
(cd "$tmp/one" && $MAKE install DESTDIR="$tmp/root" PREFIX=/usr) >"$tmp/log" 2>&1 &&
	[ -x "$tmp/root/usr/bin/ajar" ] && [ -x "$tmp/root/usr/sbin/ajar-agent" ] &&
	"$tmp/root/usr/bin/ajar" --version >>"$tmp/log" 2>&1
result $? "make install puts both programs where DESTDIR and PREFIX say"
grep -q '^ExecStart=/usr/sbin/ajar-agent$' "$tmp/root/usr/lib/systemd/system/ajar-agent.service" 2>"$tmp/log" &&
	(cd "$tmp/one" && $MAKE uninstall DESTDIR="$tmp/root" PREFIX=/usr) >>"$tmp/log" 2>&1 &&
	find "$tmp/root" ! -type d >"$tmp/log" && [ ! -s "$tmp/log" ]
result $? "units with it, and make uninstall takes all of it away"
touch "$tmp/one/user/base/buf.h"
(cd "$tmp/one" && $MAKE -n all) >"$tmp/log" 2>&1
grep -q -- '-c user/base/buf.c' "$tmp/log" && ! grep -q -e '-c build/gen/sql.c' -e '-c user/base/hash.c' "$tmp/log"
result $? "a touched header rebuilds what includes it and nothing else"
cp "$top/README.md" "$tmp/log" 2>/dev/null
grep -q 'make run' "$top/README.md" && grep -q 'make test' "$top/README.md"
result $? "README names the two commands"
(ldd "$tmp/one/build/ajar-agent" | grep -vE 'linux-vdso|ld-linux|libc\.so|libbpf|libelf|libz\.') >"$tmp/log" 2>&1
[ ! -s "$tmp/log" ]
result $? "ajar-agent links libbpf, libelf, zlib and libc, nothing else"
echo "1..$n"
exit $bad
