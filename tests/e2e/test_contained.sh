#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What one node says costs that node alone: the monitor with a backlog, a node whose record cannot be read, one that cannot be judged and one
# with boots of which nothing is there.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root sqlite3

DB=$D/store/ajar.db
q() { sqlite3 -cmd '.timeout 9000' "$DB" "$1"; }
pending() { q 'SELECT count(*) FROM journals WHERE stored_seq > judged_seq'; }
none_pending() { [ "$(pending)" = 0 ]; }
sim() { "$BUILD/tests/sim/sim" --store "sqlite:$DB" --ago 60 --workers 1 "$@" >"$T/sim.out" 2>&1 && ! grep -vE '^(ready|done)' "$T/sim.out"; }
told() { grep -q "$1" "$HOOK_LOG"; }
node() { ajar node "$1" -j --data "$D" 2>/dev/null | jq -r "$2"; }
is_node() { [ "$(node "$1" "$2")" = "$3" ]; }
start_monitor() {
	ajar -C "$T/conf" monitor --data "$D" --no-scan --on-alert "$T/hook" 2>>"$T/monitor.err" </dev/null &
	MONITOR=$!
	PIDS+=("$MONITOR")
}
stop_monitor() {
	kill -TERM "$MONITOR"
	wait "$MONITOR"
}

keep_alerts
chmod 755 "$T"
chmod 666 "$HOOK_LOG"
printf 'alert.syslog no\nscan.enabled no\n' >"$T/conf"
mkdir -p "$D/store"
ajar db init --data "$D" 2>/dev/null
ajar profile allow compute tcp 22 exe /usr/sbin/sshd user root --data "$D" 2>/dev/null

# Of node a the first record has no time, of node b the second cannot be judged, node c is said to have what it has not.
ok "records of some nodes" sim --nodes a --class compute --nodes b --class compute --nodes c --class compute --nodes victim --class compute <<'END'
open a tcp 4001 /opt/d4001 root
open a tcp 4002 /opt/d4002 root
open b tcp 4003 /opt/d4003 root
open b tcp 4004 /opt/d4004 root
open c tcp 4005 /opt/d4005 root
open victim tcp 4006 /opt/d4006 root
END
q "UPDATE events SET record = CAST(substr(record, 1, 4) || zeroblob(8) || substr(record, 13) AS BLOB) WHERE port = 4001"
q "CREATE TRIGGER never BEFORE INSERT ON doors WHEN NEW.port = 4004 BEGIN SELECT RAISE(ABORT, 'no door of mine'); END"
q "INSERT INTO journals (node_id, boot_seq, stored_seq) WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
  SELECT id, i, 9223372036854775806 FROM nodes, n WHERE name = 'c'"
start_monitor
ok "the next node's door is told of" wait_for told '4006/tcp'
ok "and the readable one of a" wait_for told '4002/tcp'
ok "and the one before of b" wait_for told '4003/tcp'
ok "what a said is counted" wait_for is_node a .unreadable 1
ok "b cannot be judged, which is an alert" wait_for told 'b cannot be judged'
ok "with the reason" told 'no door of mine'
same "it is not called judged" "$(node b .unjudged)" 1
ok "people read how far it is judged" eval 'ajar node b --data "$D" 2>/dev/null | grep -q "^judged  *up to "'
run check --data "$D"
same "the check is no OK" "$RC" 2
ok "and names it" grep -q 'cannot be judged' "$T/out"
ok "metrics have it" eval 'ajar metrics --data "$D" 2>/dev/null | grep -q "^ajar_judging_failing_nodes 1"'
q "DROP TRIGGER never"
ok "when it can be judged again it is" wait_for told '4004/tcp'
WAIT=60
ok "in the end all is judged, and what c does not have is not waited for" wait_for none_pending
unset WAIT
stop_monitor

# A backlog of many nodes.
ok "records of many nodes while no monitor runs" sim --nodes 'm[0001-1600]' --class compute <<'END'
boot m[0001-1600] 20
restart m[0001-1600] sshd 5
restart m[0001-1600] sshd 5
restart m[0001-1600] sshd 5
END
ok "and a door of one of them" sim --nodes first --class compute <<'END'
open first tcp 4444 /usr/bin/nc root
END
before=$(pending)
: >"$HOOK_LOG"
start_monitor
ok "with a backlog, alerts are told at once" wait_for test -s "$HOOK_LOG"
left=$(pending)
stop_monitor
ok "while most of it waits ($left of $before nodes)" test "$left" -gt $((before / 2))
ok "and the monitor ends when it is told to ($(pending) wait)" test "$(pending)" -gt 0
done_testing
