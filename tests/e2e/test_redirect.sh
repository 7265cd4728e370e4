#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A port that nft answers for a door in another network namespace, scanned from outside with the real nmap: while the node tells of
# the rule it is unexpected and the rule is named; a listener that no kernel view shows and no rule explains is hidden. Three network
# namespaces: the node, what it redirects to, and who scans.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root nmap nft ip
NODE=redirect-n$$ BEHIND=redirect-b$$ OUTSIDE=redirect-o$$
unmake() { for n in "$NODE" "$BEHIND" "$OUTSIDE"; do ip netns del "$n" 2>/dev/null; done; }
trap 'finish; unmake' EXIT
for n in "$NODE" "$BEHIND" "$OUTSIDE"; do ip netns add "$n" && ip -n "$n" link set lo up; done
link() { # namespace, its address, the node's address
	ip link add "v${1:9:1}a$$" netns "$NODE" type veth peer name "v$$" netns "$1"
	ip -n "$NODE" addr add "$3/24" dev "v${1:9:1}a$$" && ip -n "$NODE" link set "v${1:9:1}a$$" up
	ip -n "$1" addr add "$2/24" dev "v$$" && ip -n "$1" link set "v$$" up && ip -n "$1" route add default via "$3"
}
link "$BEHIND" 10.251.2.2 10.251.2.1
link "$OUTSIDE" 10.251.1.2 10.251.1.1
ip netns exec "$NODE" sysctl -qw net.ipv4.ip_forward=1

keep_alerts
cat >"$T/conf" <<E2
node.name here
scan.address 10.251.1.1
scan.networks 10.251.1.0/24
alert.syslog no
health.interval 1s
E2
alert() { jq -es "any(.[]; .port == $1 and .kind == \"$2\" and .state == \"open\")" "$HOOK_LOG"; }
scan() { nsenter --net="/run/netns/$OUTSIDE" env PATH="$PATH" ajar scan -q -C "$T/conf" --data "$D" here --ports 2222,2323 >"$T/out" 2>&1; }
told() { # a pattern, how often at least
	[ "$(ajar timeline -j -C "$T/conf" --data "$D" | jq -r 'select(.event == "steer") | .steering[]' | grep -c "$1")" -ge "${2:-1}" ]
}

: >"$T/run.err"
nsenter --net="/run/netns/$NODE" env PATH="$PATH" HOOK_LOG="$HOOK_LOG" ajar run --web off -q -C "$T/conf" --data "$D" --no-scan --on-alert "$T/hook" \
	>"$T/run.out" 2>"$T/run.err" </dev/null &
RUN=$!
PIDS+=("$RUN")
ok "the node records" wait_for grep -qx ready "$T/run.err"
ajar profile allow default tcp/22 -C "$T/conf" --data "$D" >/dev/null 2>&1 || ajar profile learn --write -C "$T/conf" --data "$D" >/dev/null 2>&1
ip netns exec "$BEHIND" "$HOLD_DOOR" tcp 10.251.2.2 2224 >"$T/behind" 2>&1 <&- &
PIDS+=("$!")
ok "a door behind it" wait_for grep -q open "$T/behind"
ip netns exec "$NODE" nft -f - <<'E2'
table ip nat {
	chain pre {
		type nat hook prerouting priority -100
		tcp dport 2222 dnat to 10.251.2.2:2224
	}
}
E2
ok "the timeline tells of the rule" wait_for told "^tcp 2222 \* 10.251.2.2:2224 nft ip nat pre: dnat$"
ok "a scan from outside" scan
same "sees it open" "$(grep -c 2222 "$T/out")" 1
ok "which is unexpected" wait_for alert 2222 unexpected
ok "and names the rule" jq -es 'any(.[]; .port == 2222 and (.why | contains("nft ip nat pre: dnat to 10.251.2.2:2224")))' "$HOOK_LOG"
ok "and what it leads to" jq -es 'any(.[]; .port == 2222 and (.why | contains("hold_door")))' "$HOOK_LOG"
ok "and not hidden" not alert 2222 hidden
run node here -C "$T/conf" --data "$D"
ok "ajar node shows it" grep -q "^redirects *tcp 2222: nft ip nat pre: dnat to 10.251.2.2:2224" "$T/out"

RULE="^tcp 2222 \* 10.251.2.2:2224 nft ip nat pre: dnat$"
GONE="^! the process that reads it has ended$"
KEEPER=$(pgrep -P "$(role_pid agent)" -x ajar-redirect)
ok "the reader of rules has a keeper that is a child of its own" [ -n "$KEEPER" ]
READER=$(pgrep -P "$KEEPER" -x ajar-redirect)
ok "and is a child of that" [ -n "$READER" ]
same "both have two capabilities" "$(sed -n 's/^CapPrm:\t//p' "/proc/$KEEPER/status" "/proc/$READER/status" | uniq)" 0000008000001000
kill -9 "$READER"
ok "that it ended is reported" wait_for told "$GONE"
ok "how it ended, too" grep -q "redirects.*was killed by SIGKILL, it is started again" "$T/run.err"
WAIT=60
ok "another one reads, and tells of the rule again" wait_for told "$RULE" 2

# Without the node's word both are hidden: after a confirmation scan.
kill -9 "$KEEPER"
ok "that the keeper ended is reported" wait_for told "$GONE" 2
nsenter --net="/run/netns/$NODE" nft add rule ip nat pre tcp dport 2323 dnat to 10.251.2.2:2224
ok "a scan sees another redirected port" scan
ok "it is asked for again" scan
ok "then it is hidden" wait_for alert 2323 hidden
ok "and the alert says that the node could not tell" jq -es 'any(.[]; .port == 2323 and (.why | contains("the process that reads it has ended")))' "$HOOK_LOG"
[ -z "${SHOW:-}" ] || jq -r 'select(.port | IN(2222, 2323)) | .summary, .why, .remedy' "$HOOK_LOG" | sed 's/^/# /'
done_testing
