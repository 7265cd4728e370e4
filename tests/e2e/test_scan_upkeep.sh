#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the scanner does beside scanning: old scans go as fast as they come, and what it cannot do is said once.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root sqlite3 nmap

S=sqlite:$D/store/ajar.db
sql() { sqlite3 -cmd '.timeout 5000' "$D/store/ajar.db" "$1"; }
scans() { sql 'SELECT count(*) FROM scans'; }

run db init --data "$D"
sql "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120)
	INSERT INTO scans (plan, kind, state, started_ns, ended_ns) SELECT 'old', 'connect', 'done', i, i FROM n;
	CREATE TRIGGER in_the_way BEFORE INSERT ON settings WHEN new.name = 'scan_probed_log' BEGIN SELECT raise(ABORT, 'in the way'); END;"
same "there are many old scans" "$(scans)" 120
chmod -R a+rwX "$T"
printf 'node.name here\nalert.syslog no\nscan.keep-days 1\n' >"$T/conf"
ajar -C "$T/conf" monitor --data "$D" >"$T/monitor.out" 2>"$T/monitor.err" </dev/null &
PIDS+=("$!")
scanner() { pgrep -P "${PIDS[-1]}" | head -1; }
ok "they are all gone within seconds, a piece at a time" wait_for eval '[ "$(scans)" = 0 ]'
ok "no piece is large" grep -q 'deleted 50 old scans' "$T/monitor.err"

# A probe that fails, and looks that go on meanwhile: each wakes the scanner.
warnings() { grep -c 'cannot look at new doors at once' "$T/monitor.err"; }
wakes() { awk '/^voluntary/ { print $2 }' "/proc/$(scanner)/status"; }
raise_alert() { "$BUILD/tests/helpers/put_alerts" "$S" open "$1" "door $1" >/dev/null; }
raise_alert first
ok "a probe that fails is said" wait_for eval '[ "$(warnings)" = 1 ]'
for i in 1 2 3 4; do
	# shellcheck disable=SC2034 # in what is waited for
	before=$(wakes)
	raise_alert "again-$i"
	wait_for eval '[ "$(wakes)" -ge $((before + 3)) ]'
done
same "once, however often it fails" "$(warnings)" 1
sql 'DROP TRIGGER in_the_way'
raise_alert last
ok "and it is tried again" wait_for eval '[ -n "$(sql "SELECT 1 FROM settings WHERE name = '"'scan_probed_log'"'")" ]'
kill -TERM "${PIDS[-1]}"
done_testing
