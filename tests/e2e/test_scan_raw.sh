#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# SYN and UDP scans with the real nmap on a cluster of network namespaces: what the nmap of each kind may do and who it is, what is said
# where it may not, and how gentle each kind is to what it asks.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root nmap ip sqlite3 python3 setpriv
# shellcheck source=tests/netns/cluster.sh
. "$TOP/tests/netns/cluster.sh"
# shellcheck source=tests/netns/scan.sh
. "$TOP/tests/netns/scan.sh"
trap scan_finish EXIT

NET_RAW=0000000000002000 NONE=0000000000000000
NOBODY=$(id -u nobody)
ok "a hub stands" cluster_up
ok "a store is made" scan_store
ok "three nodes stand" eval 'scan_node a && scan_node b && scan_node dead'
in_node dead ip link set eth0 down
ok "one has doors" serve_on a mute 2222 8080
ok "and silent UDP doors" serve_on a udp 5353
ok "and a hung daemon" serve_on b hung 9999

# --- the same doors by both kinds, and who the nmap is ----------------------------------------------------------

# What the nmap of a scan under way holds, from the kernel: "uid effective permitted bounding nonewprivs".
holds() {
	awk '/^Uid/ { u = $2 } /^CapEff/ { e = $2 } /^CapPrm/ { p = $2 } /^CapBnd/ { b = $2 } /^NoNewPrivs/ { n = $2 } END { print u, e, p, b, n }' "/proc/$1/status"
}
nmap_below() { # process: the nmap that it started
	local p
	p=$(pgrep -P "$1" -x nmap) && [ "$(cat /proc/"$p"/comm)" = nmap ] && echo "$p"
}
slow_scan() { # kind: some seconds of it, and what its nmap holds in HOLDS
	ip netns exec "$CLUSTER-hub" "$BUILD/ajar" scan -C "$T/conf" --data "$D" a -q --kind "$1" --ports "$2" --host-rate "$3" >"$T/slow.out" 2>"$T/slow.err" </dev/null &
	local pid=$! child
	PIDS+=("$pid")
	wait_for nmap_below "$pid"
	child=$(nmap_below "$pid")
	HOLDS=$(holds "$child")
	wait "$pid"
}
printf 'role.user nobody\n' >>"$T/conf"
slow_scan connect 1-300 150
same "the nmap of a connect scan is nobody's and has no capability" "$HOLDS" "$NOBODY $NONE $NONE $NONE 1"
slow_scan syn 1-300 150
same "that of a SYN scan has CAP_NET_RAW and no other, nor could it get any" "$HOLDS" "$NOBODY $NET_RAW $NET_RAW $NET_RAW 1"

for kind in connect syn; do
	hub_scan a b --kind $kind --ports 2000-9000 -j
	same "a $kind scan ends well" "$RC" 0
	same "a $kind scan sees the doors of a" "$(jq -r 'select(.node == "a") | .ports[] | select(.state == "open") | .port' "$T/out" | xargs)" "2222 8080"
	same "a $kind scan: each host was seen" "$(jq -r .state "$T/out" | xargs)" "seen seen"
done
for kind in connect syn; do
	hub_scan dead --kind $kind --ports 1-5 -j
	same "a dead node is nowhere 'closed' in a $kind scan" "$(jq -r '.ports[] | select(.state == "closed" or .state == "open") | .port' "$T/out" | xargs)" ""
done
in_node a ip addr add fd51:251::a/64 dev eth0 nodad
in_hub ip addr add fd51:251::1/64 dev br0 nodad
ajar scan addrs set a "$(addr_of a)" fd51:251::a -C "$T/conf" --data "$D"
hub_scan a --kind syn --ports 2222-2230 -j
same "SYN scans know IPv6" "$(jq -r 'select(.addr == "fd51:251::a") | .ports[] | select(.state == "open") | .port' "$T/out")" 2222
ajar scan addrs set a "$(addr_of a)" -C "$T/conf" --data "$D"

# --- UDP: silence proves nothing --------------------------------------------------------------------------------

hub_scan a --kind udp --ports 5353-5355 -j
same "a UDP scan ends well" "$RC" 0
same "a silent door is open|filtered, one that is not there closed" "$(port_state 5353) $(port_state 5354)" "open|filtered closed"
same "it counts as open nowhere" "$(jq -r .open "$T/out")" 0
hub_scan a --kind udp --ports 5353-5355
ok "and is shown as what it is" grep -q '5353/udp open|filtered' "$T/out"

# --- a hung daemon: its queue is not ours to fill ------------------------------------------------------------------

# Besides what the connect scan above has left there.
queue() { in_node b ss -Hltn 'sport = :9999' | awk '{ print $2 }'; }
before=$(queue)
for _ in 1 2 3 4; do
	hub_scan b --kind syn --ports 9999 -q -j
	states+=" $(port_state 9999)"
done
same "four SYN scans find a hung daemon open each time" "$states" " open open open open"
same "and leave nothing in its queue" "$(queue)" "$before"
states=
for _ in 1 2 3 4; do
	hub_scan b --kind connect --ports 9999 -q -j
	states+=" $(port_state 9999)"
done
echo "# four connect scans of it:$states, $(queue) in its queue of 1"
ok "a connect scan that finds it full never says closed" not grep -q closed <<<"$states"

# --- the rate that is promised is the rate on the wire, with all that is sent again -------------------------------------

in_node b nft -f - <<'R'
table ip t { chain i { type filter hook input priority 0; tcp dport 1000-2000 drop; }; }
R
sent() { in_hub cat /sys/class/net/v2/statistics/tx_packets; }
before=$(sent) from=$(date +%s%N)
hub_scan b --kind connect --ports 1000-1999 --host-rate 500 -q -j
per_s=$((($(sent) - before) * 1000000000 / ($(date +%s%N) - from)))
echo "# $(($(sent) - before)) packets to a host that answers nothing on 1000 ports: $per_s a second of 500"
ok "a host behind a firewall gets each port asked more than once" [ $(($(sent) - before)) -ge 2000 ]
ok "and no more packets a second than it is to get" [ "$per_s" -le 500 ]

# --- where the capability is missing ----------------------------------------------------------------------------------

chmod 755 "$T"
chmod -R a+rwX "$D"
cp "$BUILD/ajar" "$P/"
as_nobody() { setpriv --reuid=nobody --regid=nogroup --clear-groups --inh-caps=-all --bounding-set=-all "$@"; }
cd / || exit 2
as_nobody "$P/ajar" scan a --kind syn --ports 22 -C "$T/conf" --data "$D" >"$T/out" 2>"$T/err"
RC=$?
# shellcheck disable=SC2034 # for refuses
OUT=
cd "$TOP" || exit 2
refuses "a SYN scan without CAP_NET_RAW" 2 "needs CAP_NET_RAW, which goes to nmap alone: 'sudo ajar scan', or --kind connect"
run scan plans set raw kind=syn ports=2222,8080 every=2s -C "$T/conf" --data "$D"
refuses "a plan of SYN scans without scan.raw" 2 "set scan.raw"

# --- the monitor's scanner, by plans -------------------------------------------------------------------------------------

printf 'scan.raw yes\n' >>"$T/conf"
run scan plans set raw kind=syn ports=2222,8080 nodes=a every=2s idle=no -C "$T/conf" --data "$D"
same "with it the plan is put" "$RC" 0
for p in rapid verify version; do ajar scan plans set $p enabled=no -C "$T/conf" --data "$D" 2>/dev/null; done
serve() { # more words before ajar
	ip netns exec "$CLUSTER-hub" "$@" "$BUILD/ajar" scan serve -C "$T/conf" --data "$D" >"$T/serve.out" 2>"$T/serve.err" </dev/null &
	SERVE=$!
	PIDS+=("$SERVE")
}
ran() { scan_sql "SELECT count(*) FROM scans WHERE plan = 'raw' AND state = 'done'" | grep -qx "[1-9][0-9]*"; }
serve setpriv --bounding-set=-net_raw --inh-caps=-net_raw
ok "a scanner without the capability says so, and what to do" wait_for grep -q "there is no CAP_NET_RAW here.*ajar.conf(5)" "$T/serve.err"
ok "and which plan it leaves" wait_for grep -q "plan 'raw' is not run here" "$T/serve.err"
same "it has queued nothing" "$(scan_sql 'SELECT count(*) FROM scans WHERE plan = "raw"')" 0
close_door "$SERVE"
serve
ok "one that has it runs the plan" wait_for ran
same "the scanner itself holds it without using it" "$(holds "$SERVE")" "$NOBODY $NONE $NET_RAW $NET_RAW 1"
close_door "$SERVE"
same "both doors were seen by it" "$(scan_sql 'SELECT count(DISTINCT port) FROM scan_ports p JOIN scans s ON s.id = p.scan_id WHERE s.plan = "raw" AND p.state = "open"')" 2
done_testing
