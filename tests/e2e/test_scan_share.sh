#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Several monitors' scanners on one queue: three, each in a network namespace of its own as on a host of its own, one MariaDB between
# them, twelve nodes. One is killed in the middle, one stalls, one is told to stop; who looks on the wire sees that no node is asked by
# two at a time, and the store has each host of each scan once.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root nmap ip python3 mariadb
# shellcheck source=tests/netns/cluster.sh
. "$TOP/tests/netns/cluster.sh"
# shellcheck source=tests/netns/scan.sh
. "$TOP/tests/netns/scan.sh"
trap scan_finish EXIT

mkfifo "$T/in"
"$BUILD/tests/helpers/mariadb_server" <"$T/in" >"$T/server.out" 2>"$T/server.err" &
PIDS+=("$!")
exec 9>"$T/in"
answered() { grep -q '^ready\|^skip' "$T/server.out"; }
WAIT=60 wait_for answered
grep -q ^ready "$T/server.out" || {
	echo "1..0 # SKIP $(sed -n 's/^skip //p' "$T/server.out")"
	exit 77
}
SOCKET=$(sed -n 's/^ready //p' "$T/server.out")
STORE="mysql://ajar@localhost/ajar?socket=$SOCKET"
scan_sql() { mariadb -N -u ajar -S "$SOCKET" ajar -e "$1"; }
printf 'store.uri %s\nrole.user nobody\nscan.processes 1\n' "$STORE" >>"$T/conf"
chmod 755 "$T"

ok "a hub stands" cluster_up
run db init --store "$STORE"
same "a store is made on the server" "$RC" 0
NODES="$(printf 'n%02d ' {1..12})solo"
stand() {
	local n i=0
	for n in $NODES; do
		node_up "$n" || return
		scan_sql "INSERT INTO nodes (name, host_type, reported_host_type, first_seen_ns, last_seen_ns) VALUES ('$n', 'c$((i++ % 6))', 'compute', 1, 1)" &&
			ajar scan addrs set "$n" "$(addr_of "$n")" -C "$T/conf" || return
	done
}
# Of six classes: a shard has two of them.
ok "thirteen nodes stand" stand
NODE_NET=${CLUSTER_NET}.1.
ok "three monitors too, each in a place of its own" node_up m1 m2 m3
for p in rapid verify version; do ajar scan plans set $p enabled=no -C "$T/conf"; done 2>/dev/null
ip netns exec "$CLUSTER-hub" python3 "$TOP/tests/netns/who_asks.py" "$T/asked" "$NODE_NET" >"$T/asks" 2>&1 <&- &
ASKS=$!
PIDS+=("$ASKS")
ok "somebody looks at the wire" wait_for grep -qx up "$T/asks"

declare -A M=()
monitor() { # its name
	ip netns exec "$CLUSTER-$1" "$BUILD/ajar" scan serve -C "$T/conf" --data "$T/$1" >"$T/$1.out" 2>>"$T/$1.err" </dev/null 9>&- &
	M[$1]=$!
	PIDS+=("$!")
}
plan() { ajar scan plans set "$1" 'nodes=n[01-12]' kind=connect ports="$2" host-rate="$3" rate=0 idle=no every=1d -C "$T/conf" 2>/dev/null && scan_sql "UPDATE scan_plans SET created_ns = 1 WHERE name = '$1'"; }
state_of() { scan_sql "SELECT state FROM scans WHERE plan = '$1'"; }
is_state() { [ "$(state_of "$1")" = "$2" ]; }
holders() { scan_sql "SELECT owner FROM scan_shards WHERE state = 'running'" | sort -u; }
holds() { holders | grep -q ":${M[$1]}\$"; }
all_hold() { holds m1 && holds m2 && holds m3; }
seen() { scan_sql "SELECT count(*), count(DISTINCT node_id), sum(h.state = 'seen') FROM scan_hosts h JOIN scans s ON s.id = h.scan_id WHERE s.plan = '$1'" | xargs; }
hosts_done() { scan_sql "SELECT h.node_id, h.addr, h.started_ns, h.ended_ns FROM scan_hosts h JOIN scans s ON s.id = h.scan_id WHERE s.plan = '$1' AND h.state = 'seen' " | sort; }

# One that is stopped for longer than its lease, in the middle of a shard: looked at below, when that time is over. Of SYNs, which no monitor here may take over.
ip netns exec "$CLUSTER-m1" "$BUILD/ajar" scan solo --kind syn --ports 1-5000 --host-rate 50 -C "$T/conf" >"$T/solo" 2>&1 </dev/null 9>&- &
SOLO=$!
PIDS+=("$SOLO")
ok "a long scan is under way" wait_for pgrep -P "$SOLO" -x nmap
kill -STOP "$SOLO"

# Two sweeps of the same nodes, due at once: what one asks the other leaves alone until it is done.
ok "two plans are put" eval 'plan sweep 1-900 300 && plan again 2000-2450 300'
for m in m1 m2 m3; do monitor $m; done
ok "all three have work" wait_for all_hold
kill -KILL "${M[m1]}"
kill -STOP "${M[m2]}"
hosts_done sweep >"$T/done.before"
WAIT=60 ok "one is killed, one stands still: the third finishes the first sweep" wait_for is_state sweep "done"
WAIT=30 ok "and the second" wait_for is_state again "done"
same "each host of the first was seen, once" "$(seen sweep)" "12 12 12"
same "and of the second" "$(seen again)" "12 12 12"
hosts_done sweep >"$T/done.after"
same "what was finished before the kill is not done anew" "$(comm -23 "$T/done.before" "$T/done.after")" ""
same "each port of each host is there once" "$(scan_sql "SELECT count(*), count(DISTINCT node_id, addr, proto, port) FROM scan_ports p JOIN scans s ON s.id = p.scan_id WHERE s.plan = 'sweep'" | awk '{ print $1 == $2 }')" 1
kill -CONT "${M[m2]}"
ok "the one that stood still learns that its work went to another" wait_for grep -q "went to another" "$T/m2.err"
hosts_done sweep >"$T/done.late"
ok "and changes nothing of it" cmp "$T/done.after" "$T/done.late"

ok "who stands still for longer than its lease has no nmap that goes on" not pgrep -P "$SOLO" -x -r R,S,D nmap
kill -KILL "$SOLO"

# Told to stop, one gives its work back at once.
ok "a third plan is put" plan third 3000-3600 300
third_under_way() { holds m3 && [ "$(scan_sql "SELECT count(*) FROM scan_shards h JOIN scans s ON s.id = h.scan_id WHERE s.plan = 'third' AND h.state = 'running'")" != 0 ]; }
ok "it is under way" wait_for third_under_way
FROM=$SECONDS
kill -TERM "${M[m3]}"
wait "${M[m3]}"
same "one that is told to stop does" "$?" 0
ok "holding nothing" not holds m3
ok "and the other finishes" wait_for is_state third "done"
ok "with no lease to wait for" [ $((SECONDS - FROM)) -lt 18 ]
same "each host was seen, once" "$(seen third)" "12 12 12"
same "nothing was tried more than three times" "$(scan_sql "SELECT count(*) FROM scan_shards WHERE state = 'failed'")" 0

kill -TERM "$ASKS"
wait "$ASKS"
awk '{ s += $2; t += $4; o += $5; if ($3 > w) w = $3 } END { print "# " NR " nodes were asked " s " times by at most " w " monitors in " t " turns; " o " by two at a time" }' "$T/asked"
same "every node was asked" "$(wc -l <"$T/asked")" 13
same "no node was asked by two at a time, as the wire has it" "$(awk '{ o += $5 } END { print o }' "$T/asked")" 0
same "nor as the store has it" "$(scan_sql "SELECT count(*) FROM scan_hosts a JOIN scan_hosts b ON a.node_id = b.node_id AND a.scan_id < b.scan_id AND b.state = 'seen' AND a.state = 'seen' AND a.started_ns + 1999999999 < b.ended_ns AND b.started_ns + 1999999999 < a.ended_ns")" 0
[ $BAD = 0 ] || tail -n 5 "$T"/m?.err | sed 's/^/# /'
exec 9>&-
done_testing
