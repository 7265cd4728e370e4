#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Two witnesses: a node in a network namespace, scanned from another one with the real nmap, while the sensor shows its doors. A port that
# a rule of nft redirects to another door is reachable and no door: "hidden", after a confirmation scan. Sshd's banner from a program
# that is not sshd: "masquerade". A firewall: "blocked". What is as it should be, opens, or closes raises nothing of these.
# run.sh: alone, for doors anywhere on the machine put its confirmation scan off.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root nmap ip nft python3
M=ajar-scan-m$$ K=ajar-scan-t$$
remove_namespaces() {
	for n in "$M" "$K"; do
		ip netns pids "$n" 2>/dev/null | xargs -r kill 2>/dev/null
		ip netns del "$n" 2>/dev/null
	done
}
trap 'remove_namespaces; finish' EXIT
ip netns add "$M" && ip netns add "$K" || exit 1
ip -n "$M" link add ajs0 type veth peer name ajs1 netns "$K"
ip -n "$M" addr add 10.251.0.1/24 dev ajs0
ip -n "$K" addr add 10.251.0.2/24 dev ajs1
for n in "$M" "$K"; do ip -n "$n" link set lo up; done
ip -n "$M" link set ajs0 up
ip -n "$K" link set ajs1 up

cat >"$T/conf" <<E
node.name here
store.uri sqlite:$T/store/ajar.db
scan.networks 10.251.0.0/16
health.interval 500ms
alert.syslog no
E
chmod 755 "$T"
install -d -o nobody -m 755 "$T/store"
cat >"$T/ssh.py" <<'E'
import socket
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("10.251.0.2", 23835))
s.listen(50)
print("open", flush=True)
while True:
    c, _ = s.accept()
    try:
        c.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n")
        c.recv(100)
    except OSError:
        pass
    c.close()
E
in_node() { # port
	ip netns exec "$K" "$HOLD_DOOR" tcp 10.251.0.2 "$1" >"$T/door.$1" 2>&1 </dev/null &
	PIDS+=("$!")
	DOOR=$!
	wait_for grep -q open "$T/door.$1"
}
start_in() {
	: >"$T/run.err"
	nsenter --net=/run/netns/"$M" ajar run --web off --data "$D" -q -C "$T/conf" >"$T/run.out" 2>"$T/run.err" </dev/null &
	RUN=$!
	PIDS+=("$RUN")
	wait_for grep -qx ready "$T/run.err"
}
scan() { LIMIT=60 run scan -C "$T/conf" --data "$D" "$@"; }
from_m() {
	timeout -k 5 60 nsenter --net=/run/netns/"$M" ajar scan -C "$T/conf" --data "$D" "$@" >"$T/out" 2>"$T/err" </dev/null
	RC=$?
}
kinds() { # port
	ajar alerts --all -j -C "$T/conf" --data "$D" 2>/dev/null | jq -r "select(.port == $1 and .state != \"resolved\") | .kind" | sort -u | xargs
}
has_kind() { [ "$(kinds "$1")" = "$2" ]; }

in_node 23831
in_node 23832
ip netns exec "$K" python3 "$T/ssh.py" >"$T/ssh.out" 2>&1 </dev/null &
PIDS+=("$!")
ok "a node with three services" wait_for grep -q open "$T/ssh.out"
serve_tls() { # a key of its own
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=here -keyout "$T/$1.key" -out "$T/$1.crt" >/dev/null 2>&1
	ip netns exec "$K" openssl s_server -accept 10.251.0.2:23836 -key "$T/$1.key" -cert "$T/$1.crt" -www >"$T/$1.out" 2>&1 </dev/null &
	TLS=$!
	PIDS+=("$TLS")
	wait_for grep -q ACCEPT "$T/$1.out"
}
ok "and one with a key" serve_tls first
ok "the sensor runs" start_in
[ "$BAD" = 0 ] || done_testing
run profile learn --write -C "$T/conf" --data "$D"
same "what is open is its profile" "$RC" 0
run scan addrs set here 10.251.0.2 -C "$T/conf" --data "$D"
same "its address is reported" "$RC" 0

from_m --ports 23830-23839
same "a scan from the other namespace" "$RC" 0
ok "sees all three" grep -q "23831.*23832.*23835" "$T/out"

# What is permitted, and behind a rule; and what no door holds, and a rule leads to one.
ip netns exec "$K" nft -f - <<'E'
table ip t {
	chain pre { type nat hook prerouting priority dstnat; tcp dport 23833 redirect to :23831; }
	chain in { type filter hook input priority 0; tcp dport 23832 drop; }
}
E
in_node 23834
rogue=$DOOR
WAIT=20 ok "a door that nobody expected" wait_for has_kind 23834 unexpected
outside() { ajar alerts show "$(ajar alerts -j -C "$T/conf" --data "$D" 2>/dev/null | jq -r 'select(.port == 23834) | .id')" -C "$T/conf" --data "$D" | grep -q "^outside *open at 10.251.0.2"; }
ok "is looked at from outside at once, and the alert says so" wait_for outside
reached() { ajar alerts -j -C "$T/conf" --data "$D" 2>/dev/null | jq -r 'select(.port == 23834 and .severity == "critical") | .why' | grep -q "from outside: reachable"; }
WAIT=10 ok "which is why it is critical: reachable, without waiting for the next heartbeats" wait_for reached
# The kernel's view must have been the same for some seconds before the scan and after it.
ok "the door of before has settled" wait_for sh -c "[ \$(date +%s) -gt $(($(date +%s) + 6)) ]"
from_m --ports 23830-23839
same "a scan sees the redirected port open" "$(grep -c 23833 "$T/out")" 1
WAIT=60 ok "a port that answers and is no door is hidden" wait_for has_kind 23833 hidden
WAIT=30 ok "a permitted one behind a firewall is blocked" wait_for has_kind 23832 blocked
hidden_scan() { ajar alerts -j -C "$T/conf" --data "$D" 2>/dev/null | jq -r 'select(.port == 23833) | .scan | "\(.state) \(.addr) \(.reachable)/\(.asked)"'; }
same "its JSON has what the scan saw" "$(hidden_scan)" "open 10.251.0.2 1/1"
same "a blocked one's too" "$(ajar alerts -j -C "$T/conf" --data "$D" 2>/dev/null | jq -r 'select(.port == 23832) | .scan.state')" filtered
ajar alerts show "$(ajar alerts -j -C "$T/conf" --data "$D" 2>/dev/null | jq -r 'select(.port == 23834) | .id')" -j -C "$T/conf" --data "$D" >"$T/alert"
same "one alert as JSON has its log, doors and nodes" "$(jq -r '"\(.log[0].state) \(.doors[0].port) \(.where[0].node)"' "$T/alert")" "open 23834 here"
run timeline node:here :23833 -C "$T/conf" --data "$D"
ok "the timeline shows what a scan saw change" grep -q "? scan [0-9]* .*: tcp 23833 open.*, not seen before at 10.251.0.2" "$T/out"
ok "in its place: after the door" sh -c "ajar timeline :23834 -C $T/conf --data $D | awk '/\\+ tcp/ {o = NR} /\\? scan/ {s = NR} /! alert/ {a = NR} END {exit !(a && o < s)}'"
same "one alert's story has its scans" "$(jq -r '.scans[0] | "\(.event) \(.port) \(.was) \(.state)"' "$T/alert")" "scan 23834 null open"
same "ls --outside has it beside each door" "$(ajar ls --outside -j :23831-23834 -C "$T/conf" --data "$D" 2>/dev/null | jq -r '"\(.port)=\(.scan.state)"' | sort -u | xargs)" "23831=open 23832=filtered 23834=open"
ok "and as a table" sh -c "ajar ls --outside :23832 -C $T/conf --data $D | grep -q 'filtered, '"
same "a node says how it stands from outside, and each of its ports" "$(ajar node here -j -C "$T/conf" --data "$D" | jq -r '"\(.outside.state) " + (.ports[] | select(.port == 23832) | "\(.kernel) \(.scan.state)")')" "seen open filtered"
ok "for people too" sh -c "ajar node here -C $T/conf --data $D | grep -q '^outside *scanned at 10.251.0.2'"
same "one that is as it should be raises nothing" "$(kinds 23831)" ""
same "one that the kernel tells of itself keeps its alert" "$(kinds 23834)" unexpected
run scan ls -C "$T/conf" --data "$D"
ok "the hidden one was looked at twice" grep -q "confirmation scan" "$T/out"
ajar alerts --all -j -C "$T/conf" --data "$D" 2>/dev/null | jq -r 'select(.kind == "hidden") | .why' >"$T/out"
ok "the alert says what it may be" grep -q "DNAT" "$T/out"

from_m --kind version --ports 23835
WAIT=30 ok "sshd's banner from what is not sshd is a masquerade" wait_for has_kind 23835 masquerade

from_m --kind identity --ports 23836
knows_key() { ajar scan keys -j -C "$T/conf" --data "$D" 2>/dev/null | jq -r 'select(.port == 23836) | .fingerprint' | grep -q ^tls:SHA256:; }
WAIT=30 ok "the key of a service is remembered" wait_for knows_key
kill "$TLS"
wait "$TLS" 2>/dev/null
ok "the service has another one now" serve_tls second

# Fixed: the next scan takes it back.
ip netns exec "$K" nft delete table ip t
close_door "$rogue"
ok "it has settled" wait_for sh -c "[ \$(date +%s) -gt $(($(date +%s) + 6)) ]"
from_m --kind identity --ports 23836
from_m --ports 23830-23834
WAIT=30 ok "another key than the first is a masquerade" wait_for has_kind 23836 masquerade
run scan keys forget here 23836 -C "$T/conf" --data "$D"
same "the old one is forgotten" "$RC" 0
from_m --kind identity --ports 23836
WAIT=30 ok "and the next scan learns the new one" wait_for has_kind 23836 ""
WAIT=30 ok "what is fixed is over: hidden" wait_for has_kind 23833 ""
WAIT=30 ok "and blocked" wait_for has_kind 23832 ""
same "no other hidden door was ever seen" "$(ajar alerts --all -j -C "$T/conf" --data "$D" 2>/dev/null | jq -r 'select(.kind == "hidden") | .port' | xargs)" 23833
stop_run
done_testing
