#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What do the two witnesses find? A cluster of network namespaces on one kernel, each a node with an agent of its own (sensor.scope netns),
# a shipper and real services; a hub with the monitor and the real nmap; the store is a MariaDB server, which one of the nodes serves too.
# First all is as it should be, and nothing may alert. Then something happens on every node but one, all at once, and a table says
# of each happening what was found, what was missed and what was false.
# run.sh: within 600 s, for it waits for what twenty nodes tell and two whole scans find
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root nmap ip nft tc python3 sshd nginx rpcbind chronyd mariadb openssl ssh-keygen
# shellcheck source=tests/netns/cluster.sh
. tests/netns/cluster.sh
# shellcheck source=tests/netns/services.sh
. tests/netns/services.sh
end_all() {
	local p
	for p in "${AGENTS[@]}"; do kill -TERM "$p" 2>/dev/null; done
	exec 9>&- # the server stops, and takes its folder with it
	finish
	cluster_down
	rm -rf "/sys/fs/bpf/$CLUSTER"-*
}
declare -A AGENTS=() SHIPS=() SSHD=() WEB=()
trap end_all EXIT
keep_alerts
chmod 755 "$T"
chmod 666 "$HOOK_LOG"
BEGAN=${EPOCHREALTIME/./}
stage() { echo "# $(((${EPOCHREALTIME/./} - BEGAN) / 1000)) ms: $1"; }

NODES="honest db redirected nested router rogue fake keyed newdoor fenced cable dead killed slow again flap moved taker tarpit banner"
KNOWN=22,80,111,443,2200,2201,2202,3306,8001-8007
HUNTED=1-300,$KNOWN,9001-9020
ROUNDS=1 MORE='' LONGEST=120
# The long run: twice as many nodes, 10,000 ports, three rounds; and the versions of what keeps nmap waiting for minutes.
[ -z "${AJAR_LONG:-}" ] || { HUNTED=1-10000 ROUNDS=3 LONGEST=900 MORE=$(echo more{01..20}) && NODES="$NODES $MORE"; }

# --- the cluster --------------------------------------------------------------------------------------

store_up() {
	mkfifo "$T/in"
	in_node db "$BUILD/tests/helpers/mariadb_server" -- --port=3306 --bind-address="$(addr_of db)" <"$T/in" >"$T/server.out" 2>"$T/server.err" &
	PIDS+=($!)
	exec 9>"$T/in"
	WAIT=60 wait_for grep -Eq '^(ready|skip)' "$T/server.out"
	SOCKET=$(sed -n 's/^ready //p' "$T/server.out")
	STORE="mysql://ajar@localhost/ajar?socket=$SOCKET"
}
conf_of() { # node
	cat >"$T/$1.conf" <<-C
		node.name $1
		node.class cluster
		data.dir $T/$1
		store.uri $STORE
		sensor.scope netns
		sensor.pin-dir /sys/fs/bpf/$CLUSTER-$1
		health.interval 500ms
		health.silent-after 8s
		scan.networks $CLUSTER_NET.0.0/16
		alert.syslog no
		alert.local-after 0s
	C
}
into() { # node command...: the mounts stay those of the machine, for cgroups and pins
	local node=$1
	shift
	exec nsenter --net="/run/netns/$CLUSTER-$node" "$@"
}
start_agent() { # node
	(into "$1" ajar-agent -q -C "$T/$1.conf") >"$T/$1.agent" 2>&1 </dev/null 9>&- &
	AGENTS[$1]=$!
	PIDS+=($!)
}
start_ship() {
	(into "$1" ajar ship -q -C "$T/$1.conf") >"$T/$1.ship" 2>&1 </dev/null 9>&- &
	SHIPS[$1]=$!
	PIDS+=($!)
}
start_monitor() {
	conf_of hub
	(into hub ajar monitor -q -C "$T/hub.conf" --on-alert "$T/hook") >"$T/run.err" 2>&1 </dev/null 9>&- &
	PIDS+=($!)
}
view() { ajar "$@" -C "$T/hub.conf" --data "$T/hub"; }
scan() { (into hub timeout -k 5 "$LONGEST" ajar scan -q -C "$T/hub.conf" --data "$T/hub" --plan byhand "$@") 9>&-; }
# Every node has told of every door that it should have.
doors_known() { [ "$(view ls -j 2>/dev/null | jq -r 'select(.port < 9000) | "\(.node) \(.proto) \(.port)"' | sort -u | grep -cxFf "$T/doors")" = "$(wc -l <"$T/doors")" ]; }
profile() {
	cat >"$T/profile" <<-P
		class cluster
		allow tcp 22 service ssh exe /usr/sbin/sshd fingerprint $(ssh_pin "$SVC/key")
		allow tcp 80 service http exe /usr/sbin/nginx
		allow tcp 443 service https exe /usr/sbin/nginx fingerprint tls:SHA256:$(tls_pin)
		allow tcp 111 service rpcbind exe /usr/sbin/rpcbind
		allow udp 111 exe /usr/sbin/rpcbind
		allow udp 123 exe /usr/sbin/chronyd
		allow tcp 3306 service mysql exe /usr/sbin/mariadbd
		allow tcp 2200-2202 service ssh
		allow tcp 8001-8007
	P
	view profile import "$T/profile"
}
serve_all() {
	local n
	for n in $NODES; do serve_ssh "$n" && SSHD[$n]=$SERVED; done
	for n in honest fenced cable slow taker again; do serve_web "$n" && WEB[$n]=$SERVED; done
	serve_rpc honest
	serve_time honest
	for n in $NODES; do echo "$n tcp 22"; done >"$T/doors"
	for n in honest fenced cable slow taker again; do printf '%s tcp 80\n%s tcp 443\n' "$n" "$n"; done >>"$T/doors"
	printf 'honest tcp 111\nhonest udp 111\nhonest udp 123\ndb tcp 3306\n' >>"$T/doors"
}
settle() { wait_for sh -c "[ \$(date +%s) -gt $(($(date +%s) + 6)) ]"; } # COMPARE_SETTLE_NS and the rest of a second

# --- what was reported ------------------------------------------------------------------------------------

# All that was ever told as open, "node port kind" a line; node-wide findings have port 0. Ports that one program opened within
# seconds of each other are one alert, be it on several nodes: which port is on which of them its doors say. They say it while they are
# open, and one opens and closes all the time: what was told once stays told.
told() {
	{
		jq -r 'select(.state == "open" and (.port_count // 0) <= 1) | .kind as $k | (.port // 0) as $p | .nodes | split(",")[] | "\(.) \($p) \($k)"' "$HOOK_LOG"
		for i in $(jq -r 'select(.state == "open" and (.port_count // 0) > 1) | .id' "$HOOK_LOG" | sort -u); do
			view alerts show "$i" -j 2>/dev/null | jq -r '.kind as $k | (.doors + .doors_then)[] | "\(.node) \(.port) \($k)"'
		done
	} >>"$T/told.ever"
	sort -u "$T/told.ever"
}
tells() { told | grep -qx "$1"; }
# What was backed off is asked for again a minute later: the short run does not wait for that.
quiet_queue() {
	view scan ls -j 2>/dev/null | jq -se --arg long "${AJAR_LONG:-}" 'all((.state != "queued" and .state != "running") or ($long == "" and .nodes == "cable"))'
}

SCENARIOS=()
FOUND=0 MISSED=0 FALSE=0
# What happens, node, ports with commas or "all", kinds: KIND must come for each port, KIND? may.
expect() { SCENARIOS+=("$1|$2|$3|$4"); }
# Lines of $T/told that a happening is about, "port kind".
got_of() { # node ports
	[ "$2" = all ] && sed -n "s/^$1 //p" "$T/told" || for p in ${2//,/ }; do sed -n "s/^$1 \($p .*\)/\1/p" "$T/told"; done
}
missing_of() { # ports kinds, what was reported on standard input
	local told p k
	told=$(cat)
	for k in $2; do
		[[ $k == *'?' ]] || for p in ${1//,/ }; do grep -qx "${p/all/0} $k" <<<"$told" || echo "$p $k"; done
	done
}
all_found() {
	local s node ports kinds
	told >"$T/told"
	for s in "${SCENARIOS[@]}"; do
		IFS='|' read -r _ node ports kinds <<<"$s"
		[ -z "$(got_of "$node" "$ports" | missing_of "$ports" "$kinds")" ] || return 1
	done
}
table() {
	local s what node ports kinds k got found missed false
	told >"$T/told"
	: >"$T/covered"
	printf '# %-56s %-8s %-21s %5s %6s %5s  %s\n' happening node expected found missed false told
	for s in "${SCENARIOS[@]}"; do
		IFS='|' read -r what node ports kinds <<<"$s"
		found=0 false=0
		got=$(got_of "$node" "$ports")
		missed=$(missing_of "$ports" "$kinds" <<<"$got" | grep -c .)
		for k in $(awk '{ print $2 }' <<<"$got"); do
			case " $kinds " in
			*" $k "*) found=$((found + 1)) ;;
			*" $k? "*) ;;
			*) false=$((false + 1)) ;;
			esac
		done
		[ -z "$got" ] || sed "s/^/$node /" <<<"$got" >>"$T/covered"
		FOUND=$((FOUND + found)) MISSED=$((MISSED + missed)) FALSE=$((FALSE + false))
		printf '# %-56s %-8s %-21s %5s %6s %5s  %s\n' "$what" "$node" "${kinds:--}" "$found" "$missed" "$false" \
			"$(awk 'NF { print $1 ":" $2 }' <<<"$got" | head -3 | xargs)"
	done
	sort -u "$T/covered" | comm -13 - "$T/told" >"$T/stray"
	FALSE=$((FALSE + $(wc -l <"$T/stray")))
	[ ! -s "$T/stray" ] || sed 's/^/# told, and nothing happened there: /' "$T/stray" | head -20
	printf '# %s happenings: %s found, %s missed, %s false\n' "${#SCENARIOS[@]}" "$FOUND" "$MISSED" "$FALSE"
}

# --- what happens ---------------------------------------------------------------------------------------

# A port that answers by a rule of the node's own nft is reported by its agent: no door, but nothing hidden.
REDIRECTED=unexpected
# A host that falls silent is backed off and asked again a minute later: only the long run sees what is said then.
CABLE='unseen?'
[ -z "${AJAR_LONG:-}" ] || CABLE=unseen
rules() { # node: nft's rules for it on standard input
	in_node "$1" nft -f -
}
cut() { in_hub ip link set "v$1" down; }
number_of() { # node: which it is, as its link in the hub is named
	local i=1 n
	for n in $NODES; do
		[ "$n" != "$1" ] || break
		i=$((i + 1))
	done
	echo "$i"
}
redirect() {
	rules redirected <<<'table ip t { chain p { type nat hook prerouting priority dstnat; tcp dport 9001 redirect to :22; }; }'
	# A namespace inside of the node, as a container's is: its doors are not the node's.
	ip netns add "$CLUSTER-inner" && in_node nested ip link add in0 type veth peer name eth0 netns "$CLUSTER-inner" &&
		in_node nested ip addr add 10.252.0.1/24 dev in0 && in_node nested ip link set in0 up &&
		in_node inner ip link set lo up && in_node inner ip addr add 10.252.0.2/24 dev eth0 && in_node inner ip link set eth0 up &&
		in_node inner ip route add default via 10.252.0.1 && in_node nested sysctl -qw net.ipv4.ip_forward=1 && rogue inner 9102=http
	rules nested <<<'table ip t { chain p { type nat hook prerouting priority dstnat; tcp dport 9002 dnat to 10.252.0.2:9102; }; }'
	# On the way, where no node can see it.
	in_hub nft -f - <<<"table ip t { chain o { type nat hook output priority -100; ip daddr $(addr_of router) tcp dport 9003 dnat to $(addr_of honest):22; }; }"
	rogue tarpit 8007=tarpit
	rules tarpit <<<'table ip t { chain p { type nat hook prerouting priority dstnat; tcp dport 1-65535 redirect to :8007; }; }'
}
masquerade() {
	rogue rogue 2200=http
	kill "${SSHD[fake]}" "${SSHD[keyed]}"
	wait "${SSHD[fake]}" "${SSHD[keyed]}" 2>/dev/null
	rogue fake 22=ssh 2201=ssh
	serve_ssh keyed "$SVC/otherkey"
	rogue banner 8001=xml 8002=esc 8003=html 8004=sql 8005=long 8006=mute
}
open_and_fence() {
	rules newdoor <<<'table ip t { chain i { type filter hook input priority 0; tcp dport 9005 drop; }; }'
	rogue newdoor 9004=http 9005=http 9006=http@lo
	rules fenced <<<'table ip t { chain i { type filter hook input priority 0; tcp dport 80 drop; tcp dport 443 reject with tcp reset; }; }'
	in_node slow tc qdisc add dev eth0 root tbf rate 512kbit burst 8k latency 400ms
	rules slow <<<'table ip t { chain i { type filter hook input priority 0; ct state new numgen random mod 100 < 3 drop; }; }'
	rogue flap 8007=flap 9010=flap
}
fail() {
	cut "$(number_of cable)"
	cut "$(number_of dead)"
	kill -KILL "${AGENTS[dead]}" "${SHIPS[dead]}" "${SSHD[dead]}" "${AGENTS[killed]}"
	wait "${AGENTS[dead]}" "${SHIPS[dead]}" "${SSHD[dead]}" "${AGENTS[killed]}" 2>/dev/null
	rogue killed 9007=http
	in_node moved ip addr del "$(addr_of moved)/16" dev eth0
	in_node taker ip addr add "$(addr_of moved)/16" dev eth0
	in_hub ip neigh flush all # as the new holder's gratuitous ARP does
}
# The agent and a service are started anew while the node is being scanned.
restart() {
	kill -TERM "${AGENTS[again]}" "${WEB[again]}"
	wait "${AGENTS[again]}" "${WEB[again]}" 2>/dev/null
	start_agent again
	serve_web again
	WEB[again]=$SERVED
}

# --- it stands, and all is well -------------------------------------------------------------------------

ok "a hub" cluster_up
# shellcheck disable=SC2086 # a list
ok "nodes stand" node_up $NODES
ok "keys and a certificate" services_make
store_up # not within ok, which would close fd 9 behind it
ok "a MariaDB server, a node's service and the store" ajar db init --store "$STORE"
[ "$BAD" = 0 ] || done_testing
conf_of hub
stage "the store stands"
# Scans are begun here and not by plans; what the monitor asks for itself (confirmation scans, new doors) it does.
view scan plans set byhand kind=connect ports=22 every=30d "window=$(date -u -d '+10 hours' +%H:%M)-$(date -u -d '+11 hours' +%H:%M)" 2>/dev/null
for p in $(view scan plans ls -j | jq -r 'select(.plan != "byhand") | .plan'); do view scan plans rm "$p" 2>/dev/null; done
serve_all
for n in $NODES; do
	conf_of "$n"
	start_agent "$n"
	start_ship "$n"
done
for n in $NODES; do view scan addrs set "$n" "$(addr_of "$n")" 2>/dev/null; done
ok "what is permitted is written down" profile
ok "the monitor runs" start_monitor
WAIT=40 ok "every node tells of its services" wait_for doors_known
stage "every node has told of its services"
settle
scan --kind version --ports "$HUNTED" >"$T/scan1" 2>&1
same "a scan from outside, and what answers" "$?" 0
stage "scanned"
WAIT=60 ok "nothing is left in the queue" wait_for quiet_queue
settle
same "an honest cluster raises nothing" "$(told)" ""
stage "an honest cluster"

redirect && masquerade && open_and_fence && fail
settle
stage "it has happened, and settled"
scans() { # round
	local p=()
	scan --ports "$HUNTED" >"$T/scan2" 2>&1 &
	p+=($!)
	wait_for pgrep -P "$!" -f ajar
	restart
	wait "${p[0]}"
	stage "all ports, from outside"
	ok "a host that answers on everything is one finding" wait_for tells "tarpit 0 flooded"
	scan --ports 9011-9015 tarpit >"$T/scan5" 2>&1 # a look at few of its ports says nothing new
	# Where nothing answers, or a mute one, nmap waits for minutes: there the ports say enough.
	scan --kind version --ports 8004,8005 banner >"$T/scan3" 2>&1 &
	p+=($!)
	scan --kind version --ports "$KNOWN,9001-9020" "$(tr ' ' '\n' <<<"$NODES" | grep -vxE 'tarpit|banner|cable|dead|flap' | paste -sd,)" >"$T/scan4" 2>&1
	wait "${p[1]}"
	[ -z "${AJAR_LONG:-}" ] || scan --kind version --ports "$KNOWN" tarpit,banner,cable,flap >"$T/scan5" 2>&1
	stage "what answers there"
}
for r in $(seq $ROUNDS); do
	[ "$r" = 1 ] || settle
	scans
done

expect "nothing happens: sshd, nginx, rpcbind, chronyd" honest 0,22,80,111,123,443 ""
expect "nothing happens: sshd, mariadbd" db 0,22,3306 ""
expect "redirected by its node: redirect to another port" redirected 9001 "$REDIRECTED"
expect "redirected by its node: DNAT into a namespace inside it" nested 9002 "$REDIRECTED"
expect "a hidden listener: redirected where no node can see it" router 9003 hidden
expect "another protocol on a permitted port" rogue 2200 masquerade
expect "sshd's banner from python on a port for ssh" fake 2201 masquerade
expect "sshd's banner from python on sshd's port" fake 22 "impostor masquerade? changed?"
expect "sshd with another host key than the one pinned" keyed 22 masquerade
expect "a new door, reachable" newdoor 9004 unexpected
expect "a new door behind a firewall" newdoor 9005 unexpected
expect "a new door on loopback" newdoor 9006 unexpected
expect "a firewall that drops, one that rejects" fenced 80,443 blocked
expect "the cable is out, the agent still reports" cable 0 "$CABLE"
expect "the cable is out: its doors" cable 22,80,443 ""
expect "a dead node" dead 0 silent
expect "a dead node: its doors" dead 22 ""
expect "the agent is killed" killed 0 silent
expect "the agent is killed: its doors" killed 22 ""
expect "the agent is killed: a door since then" killed 9007 unexpected
expect "a slow node that loses packets" slow 0,22,80,443 ""
expect "agent and nginx start anew in the middle of the scan" again 0,22,80,443 ""
expect "a permitted door that opens and closes all the time" flap 8007 ""
expect "an unexpected one that does" flap 9010 unexpected
expect "its address is another node's now" moved 0 unseen
expect "its address is another node's now: what answers there" moved 22,80,443 ""
expect "the node that has the address now" taker 0,22,80,443 ""
expect "banners: XML, escapes, HTML, SQL, 1 MB; a mute service" banner 8001,8002,8003,8004,8005,8006 ""
expect "answers on every port" tarpit all flooded
for n in $MORE; do expect "nothing happens: sshd" "$n" 0,22 ""; done
WAIT=45 wait_for all_found
stage "all that was expected is reported, or time is up"
WAIT=60 ok "nothing is left in the queue" wait_for quiet_queue
settle
stage "and all is compared"
table
same "nothing is missed" "$MISSED" 0
same "nothing is false" "$FALSE" 0
view alerts --all >"$T/shown" 2>&1
view scan show "$(view scan ls -j | jq -s "map(.scan) | max")" >>"$T/shown" 2>&1
for i in $(view alerts --all -j | jq -r .id); do view alerts show "$i"; done >>"$T/shown" 2>&1
ok "no banner reaches a terminal as it came" not grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$T/shown"
done_testing
