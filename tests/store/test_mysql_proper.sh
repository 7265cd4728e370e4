#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the tests here do with MariaDB, on MySQL proper as well, where it can be had: tests/helpers/mysql_root.sh. Each program
# that starts a server runs again with AJAR_TEST_SERVER=mysql. And the driver compiles against MySQL's client library.
# run.sh: within 900 s, for it starts MySQL for a dozen programs, and its DDL takes its time
cd "$(dirname "$0")/../.." || exit 2
BUILD=${BUILD:-build}
T=$(mktemp -d "${TMPDIR:-/tmp}/ajar-mysql-XXXXXX")
trap 'rm -rf "$T"' EXIT
N=0 BAD=0
said=$(sh tests/helpers/mysql_root.sh 2>&1)
case $said in
root\ *) root=${said#root } ;;
*)
	echo "1..0 # SKIP MySQL could not be had: ${said#why }"
	exit 77
	;;
esac

# Programs with a server of their own say so by including its header; which is there to be seen in the source.
mapfile -t programs < <(grep -lE 'store/(conformance|mariadb)\.h' tests/store/test_*.c | sort)
run() {
	AJAR_TEST_SERVER=mysql "$BUILD/tests/store/$1" >"$T/$1" 2>&1 </dev/null
	echo $? >"$T/$1.rc"
}
pids=()
for p in "${programs[@]}"; do
	name=$(basename "$p" .c)
	[ "$name" != test_sqlite ] || continue
	# It fills the store from MariaDB's sequences and reads MariaDB's counters: that no plan walks a table is shown there.
	[ "$name" != test_time ] || continue
	run "$name" &
	pids+=($!)
	# Two at a time: each has a server, and 500 MB.
	while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n; done
done
wait
for log in "$T"/test_*; do
	case $log in *.rc) continue ;; esac
	name=$(basename "$log")
	good=$(grep -c '^ok ' "$log") rc=$(cat "$log.rc")
	N=$((N + 1))
	if [ "$rc" = 0 ] && [ "$good" -gt 0 ] && ! grep -q '^not ok' "$log"; then
		echo "ok $N - $name on MySQL ($good checks)"
	else
		echo "not ok $N - $name on MySQL: exit $rc"
		grep -av '^ok ' "$log" | head -40 | sed 's/^/#   /'
		BAD=1
	fi
done

N=$((N + 1))
headers=$root/usr/include/mysql
for f in user/store/mysql*.c; do
	"${CC:-gcc}" -std=gnu17 -fsyntax-only -Wall -Wextra -Werror -D_GNU_SOURCE -Iuser -Iinclude -isystem "$headers" -idirafter "$root/usr/include" "$f" || echo "$f"
done >"$T/compile" 2>&1
if [ -f "$headers/mysql.h" ] && [ ! -s "$T/compile" ]; then
	echo "ok $N - the driver compiles against MySQL's client library"
else
	echo "not ok $N - the driver compiles against MySQL's client library"
	head -30 "$T/compile" | sed 's/^/#   /'
	BAD=1
fi
echo "1..$N"
exit $BAD
