#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# ajar check as Nagios calls it, and the metrics, through the life of a real ajar run.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root promtool sqlite3 python3

PORT=23740
check() { # wanted state and code, more arguments
	local want=$1 rc=$2
	shift 2
	run --data "$D" check "$@"
	[ "$RC" = "$rc" ] && [[ $OUT == "AJAR $want - "* ]] && [ "$(wc -l <"$T/out")" = 1 ]
}
say_check() {
	run --data "$D" check
	echo "# $RC $OUT"
}
lint() { promtool check metrics <"$1" >"$T/lint" 2>&1 && [ ! -s "$T/lint" ]; }

ok "no store: UNKNOWN" check UNKNOWN 3
ok "with the reason" grep -q "no store at $D" "$T/out"
ok "a mistake in usage: UNKNOWN" check UNKNOWN 3 --clas compute
ok "so is a number that is none" check UNKNOWN 3 --critical many
ok "so is a word too many" check UNKNOWN 3 now
ok "so is a node set that is none" check UNKNOWN 3 --node 'n[1-'
ok "so is a configuration with a fault" eval 'printf "nod.name x\n" >"$T/bad"; check UNKNOWN 3 -C "$T/bad"'

mkdir -p "$T/prom"
chmod 777 "$T/prom"
chmod 755 "$T"
printf 'node.name n1\nalert.syslog no\nmetrics.textfile %s/prom/ajar.prom\nmetrics.every 1s\nhealth.interval 500ms\nsink.dead.type webhook\nsink.dead.url http://127.0.0.1:%s/\nsink.live.type webhook\nsink.live.url http://127.0.0.1:%s/\n' "$T" $PORT $((PORT + 3)) >"$T/conf"
mkdir -p "$T/r"
python3 "$TOP/tests/helpers/receiver.py" $((PORT + 3)) "$T/r" >"$T/receiver.out" 2>&1 </dev/null &
PIDS+=("$!")
wait_for grep -q ready "$T/receiver.out"
has_told() { grep -q "$1" "$T/r/requests"; }
start_run -C "$T/conf" || say_check
ok "a class that is learning: UNKNOWN" wait_for eval 'check UNKNOWN 3 && grep -q "no class has an accepted profile" "$T/out"'
# All is allowed but our own port: whatever else this machine does is not the matter here.
{
	for proto in tcp mptcp; do
		echo "INSERT INTO open_ports (port, port_end, protocol, service, host_type) VALUES (1, $PORT, '$proto', '', 'default'), ($((PORT + 3)), 65535, '$proto', '', 'default');"
	done
	for proto in udp udplite sctp raw packet vsock; do
		echo "INSERT INTO open_ports (port, protocol, service, host_type) VALUES (0, '$proto', '', 'default');"
	done
} | sqlite3 -cmd '.timeout 5000' "$D/store/ajar.db"
ok "accepted and recording: OK" wait_for check OK 0
same "with figures" "$(sed -E 's/.* \| //; s/[0-9.]+s;;60;0 /LAGs;;60;0 /' "$T/out")" \
	"critical=0;;1;0 warning=0;1;;0 notice=0;;;0 recording=1;;;0 silent=0;;;0 stalled=0;;;0 stopped=0;;;0 blind=0;;;0 degraded=0;;;0 judging_lag=LAGs;;60;0 lost=0c"
ok "of another class nothing was checked: UNKNOWN" check UNKNOWN 3 --class other
ok "of another node neither" check UNKNOWN 3 --node 'n[2-9]'
ok "of this one it was" check OK 0 --node 'n[1-9]' --class 'def*'
open_door tcp 0.0.0.0 $((PORT + 1))
first=$DOOR
ok "an unexpected door: CRITICAL" wait_for check CRITICAL 2
ok "it is named" grep -q ":$((PORT + 1))/tcp" "$T/out"
ok "JSON says the same" eval 'ajar --data "$D" check -j 2>/dev/null | jq -e ".state == \"CRITICAL\" and .critical == 1 and .nodes.recording == 1"'
ok "a receiver on the network is told of it" wait_for has_told "$((PORT + 1))/tcp"
kill -9 "$(role_pid notify)"
DOOR_PROGRAM=$(other_door next) open_door tcp 0.0.0.0 $((PORT + 2))
ok "and of the next, although the notifier was killed" wait_for has_told "$((PORT + 2))/tcp"
close_door
wait_for check CRITICAL 2
WAIT=30 wait_for eval 'ajar --data "$D" check -j 2>/dev/null | jq -e ".critical == 1"'
DOOR=$first
ok "one critical alert is not two, but it is one" check WARNING 1 --critical 2
ok "which may be little" check OK 0 --critical 2 --warning 2
ok "the metrics are written by the monitor" wait_for grep -q 'ajar_alerts{state="open",severity="critical",kind="unexpected",class="default"} 1' "$T/prom/ajar.prom"
ok "promtool has nothing against them" lint "$T/prom/ajar.prom"
ok "nodes, doors and the judge are in them" wait_for eval 'grep -q "^ajar_nodes{state=\"recording\"} 1" "$T/prom/ajar.prom" && grep -q "^ajar_doors_open{class=\"default\",verdict=\"unexpected\"} 1" "$T/prom/ajar.prom" && grep -qE "^ajar_monitor_last_seen_timestamp_seconds [1-9]" "$T/prom/ajar.prom"'
ok "and the sink that is dead" wait_for grep -qE '^ajar_sink_failures\{sink="dead"\} [1-9]' "$T/prom/ajar.prom"
same "no port, pid or program is a label" "$(grep -cE '\{[^}]*(port|pid|exe|comm|door|user)=' "$T/prom/ajar.prom")" 0
run --data "$D" metrics
cp "$T/out" "$T/metrics"
ok "ajar metrics prints them" lint "$T/metrics"
run --data "$D" metrics --textfile "$T/prom/mine.prom"
ok "or writes them to a file" lint "$T/prom/mine.prom"
same "and leaves nothing else there" "$(find "$T/prom" -type f | wc -l)" 2
close_door
ok "it closes: OK" wait_for check OK 0
kill -STOP "$(role_pid monitor)"
ok "nobody judges: UNKNOWN" wait_for check UNKNOWN 3 --judging-lag 1s
kill -CONT "$(role_pid monitor)"
ok "somebody does: OK" wait_for check OK 0 --judging-lag 20s
# A sink that was dropped from the configuration is told of nothing; who carried it last is gone. (The dead one comes after it.)
carried_by() {
	sqlite3 -cmd '.timeout 5000' "$D/store/ajar.db" "UPDATE alert_log SET at_ns = at_ns - 600000000000 WHERE id = 1;
		REPLACE INTO sink_cursors (name, log_id) VALUES ('a-sink', 0);
		REPLACE INTO sink_states (name, why, holder) VALUES ('a-sink', '', '$1');"
}
status() { ajar --data "$D" -C "$T/conf" notify --status -j 2>/dev/null | jq -r "select(.sink == \"$1\").state"; }
warned() { ajar --data "$D" -C "$T/conf" check 2>/dev/null | grep -qF "the sink '$1' has not been told"; }
carried_by "elsewhere $(cat /proc/sys/kernel/random/boot_id) pid 1"
ok "a sink of another machine has not been told: that is said" wait_for warned a-sink
carried_by "$(hostname) $(cat /proc/sys/kernel/random/uuid) pid 1"
ok "one of this machine that was dropped from the configuration is passed over" wait_for warned dead
same "its state says so" "$(status a-sink)" dropped
stop_run
ok "all is stopped: UNKNOWN" check UNKNOWN 3
done_testing
