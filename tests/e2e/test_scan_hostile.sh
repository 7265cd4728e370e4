#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What the services of a node answer is whatever they like: real nmap against services that try XML, terminal escapes, HTML, SQL, a line of
# a megabyte, a byte a second, silence, endless answers, a handshake without an end, and a host that is open on every port. Each is bounded
# in time and memory, stored escaped and named. Then a host that bans us in the middle of a scan.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root nmap ip sqlite3 python3 nft
# shellcheck source=tests/netns/cluster.sh
. "$TOP/tests/netns/cluster.sh"
# shellcheck source=tests/netns/scan.sh
. "$TOP/tests/netns/scan.sh"
trap scan_finish EXIT

ok "a hub stands" cluster_up
ok "a store is made" scan_store
printf 'role.user nobody\n' >>"$T/conf"
chmod 755 "$T"
ok "six nodes stand" eval 'for n in evil evil2 good good2 flood bans; do scan_node $n || exit; done'
port=9000
declare -A PORT=()
for kind in xml escapes html sql long drip tarpit endless tls; do
	port=$((port + 1))
	PORT[$kind]=$port
	ok "a service stands: $kind" eval 'serve_on evil $kind $port && serve_on evil2 $kind $port'
done
ALL="9001-$port"
ok "good nodes too" eval 'serve_on good mute 22 && serve_on good2 mute 22'
in_node flood nft -f - <<'R'
table ip t { chain p { type nat hook prerouting priority -100; ip protocol tcp redirect to :9999; }; }
R
ok "and one that answers on every port" serve_on flood tarpit 9999

# The slow one, while others are looked at below. What nmap puts no name to holds a version scan for a minute: that in a long run.
TOLD="escapes html sql long" ASK=${PORT[escapes]}-${PORT[long]}
[ -z "${AJAR_LONG:-}" ] || TOLD+=" xml drip tarpit endless tls" ASK=$ALL,22
FROM=$SECONDS
python3 "$TOP/tests/helpers/peak.py" "$T/peak" ip netns exec "$CLUSTER-hub" "$BUILD/ajar" scan evil2 good2 -q -j --kind version --ports "$ASK" -C "$T/conf" --data "$D" >"$T/version" 2>"$T/version.err" </dev/null &
SCAN=$!
PIDS+=("$SCAN")

# --- every kind of scan ends, in time, with the honest host seen --------------------------------------------------

scan_timed() { # seconds at most, kind, ports
	local from=$SECONDS
	LIMIT=$1 hub_scan evil good -q -j --kind "$2" --ports "$3"
	TOOK=$((SECONDS - from))
}
scan_timed 60 connect "$ALL,22"
same "a connect scan ends well" "$RC $(host_state evil) $(host_state good)" "0 seen seen"
scan_timed 60 verify "$ALL,22"
same "an identity scan of them ends well" "$RC $(host_state evil) $(host_state good)" "0 seen seen"
ok "within 30 s ($TOOK s)" [ "$TOOK" -le 30 ]
# --- one that answers on everything is one fact ----------------------------------------------------------------------------

LIMIT=100 hub_scan flood -q --kind connect --ports all --rate 0 --host-rate 0 -j
same "all 65535 ports open: flooded" "$(host_state flood)" flooded
same "and no row for each" "$(scan_sql "SELECT count(*) FROM scan_ports p JOIN nodes n ON n.id = p.node_id WHERE n.name = 'flood'")" 0
hub_scan show "$(jq .scan "$T/out")"
ok "it is reported in words" grep -q "answers on nearly everything" "$T/out"

# --- one that bans who asks too much ----------------------------------------------------------------------------------------

ok "a node has eight doors" serve_on bans mute 211 477 777 1033 1311 1555 1733 1899
hub_scan bans -q -j --ports 211,477,777,1033,1311,1555,1733,1899
same "a few questions it answers" "$(jq -r .open "$T/out")" 8
in_node bans nft -f - <<'R'
table ip t {
	set banned { type ipv4_addr; flags dynamic, timeout; timeout 1h; }
	chain i {
		type filter hook input priority 0;
		ip saddr @banned drop
		tcp flags & (syn | ack) == syn limit rate over 200/second burst 200 packets add @banned { ip saddr } drop
	}
}
R
LIMIT=100 hub_scan bans -q -j --kind connect --ports 1-2000 --rate 2000 --host-rate 2000
same "in the middle of a sweep it bans us: backed-off, which says nothing of its doors" "$(host_state bans)" backed-off
L=$(scan_sql "SELECT max(id) FROM scans WHERE plan = 'backed off'")
same "its doors are to be asked again, one at a time" "$(scan_sql "SELECT s.host_rate, s.state FROM scans s WHERE id = $L")" "2|queued"
ok "not at once" [ "$(scan_sql "SELECT (lease_ns - s.created_ns) / 1000000000 FROM scan_shards h JOIN scans s ON s.id = h.scan_id WHERE s.id = $L")" -ge 60 ]
in_node bans nft flush set ip t banned
chmod -R a+rwX "$D"
scan_sql "UPDATE scan_shards SET lease_ns = 1 WHERE scan_id = $L; UPDATE scan_plans SET enabled = 0"
ip netns exec "$CLUSTER-hub" "$BUILD/ajar" scan serve -C "$T/conf" --data "$D" >"$T/serve.out" 2>"$T/serve.err" </dev/null &
PIDS+=("$!")
asked_again() { [ "$(scan_sql "SELECT state FROM scans WHERE id = $L")" = "done" ]; }
ok "later they are" wait_for asked_again
same "and found open, which counts" "$(scan_sql "SELECT group_concat(p.port || ' ' || p.state || ' ' || h.state, ', ') FROM scan_ports p JOIN scan_hosts h ON h.scan_id = p.scan_id AND h.node_id = p.node_id WHERE p.scan_id = $L AND p.state <> 'open'")" ""
same "as of a host that was seen" "$(scan_sql "SELECT state FROM scan_hosts WHERE scan_id = $L")" seen
# --- the slow one ------------------------------------------------------------------------------------------------------------

# Not by wait: a shell forgets a child that ended long ago when its pid came round again.
WAIT=200 wait_for [ -s "$T/peak" ] || kill "$SCAN"
read -r RC most < <(cat "$T/peak" 2>/dev/null || echo "no-end 0")
TOOK=$((SECONDS - FROM))
cp "$T/version" "$T/out"
same "a version scan of them ends well" "$RC $(host_state evil2) $(host_state good2)" "0 seen seen"
ok "within 150 s ($TOOK s)" [ "$TOOK" -le 150 ]
echo "# the version scan ended after $TOOK s; the scanner held at most $most KiB"
ok "the scanner stays below 64 MiB" eval "[ $most -gt 0 ] && [ $most -lt 65536 ]"

# --- what they said is data --------------------------------------------------------------------------------------------

plain_text() { ! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xe2\x80\xae|\xc2\x9b' "$1"; }
same "no host was invented by a banner" "$(jq -r .node "$T/out" | sort | xargs)" "evil2 good2"
ok "the JSON is JSON" jq -es 'length == 2' "$T/out"
ok "with no control character" plain_text "$T/out"
S=$(jq -r .scan "$T/out" | head -1)
hub_scan show "$S"
ok "nor has the text for a terminal" plain_text "$T/out"
ok "no text of a service is longer than its column" [ "$(scan_sql 'SELECT max(max(length(product), length(version), length(extra), length(service))) FROM scan_ports')" -le 255 ]
same "the table of ports is still there" "$(scan_sql "SELECT count(*) FROM scan_ports WHERE scan_id = $S AND state = 'open' AND port = ${PORT[sql]}")" 1
for kind in $TOLD; do
	same "a port is open, whatever it says: $kind" "$(scan_sql "SELECT state FROM scan_ports p JOIN nodes n ON n.id = p.node_id WHERE scan_id = $S AND n.name = 'evil2' AND port = ${PORT[$kind]}")" open
done

done_testing
