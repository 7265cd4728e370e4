# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A cluster of network namespaces, for tests that source this: a hub, where a monitor runs, with a bridge, and nodes with an
# address each. Nothing in it has a way out: no default route, no address of the machine's own namespace.
#   cluster_up; node_up NAME...; in_hub COMMAND...; in_node NAME COMMAND...; addr_of NAME; cluster_down (always, from a trap)
CLUSTER=ajar-$$-$RANDOM
CLUSTER_NET=10.251
CLUSTER_LEN=0
declare -A CLUSTER_ADDR=()

cluster_up() {
	ip netns add "$CLUSTER-hub" &&
		in_hub ip link set lo up &&
		in_hub ip link add br0 type bridge &&
		in_hub ip addr add "$CLUSTER_NET.0.1/16" dev br0 &&
		in_hub ip link set br0 up
}

node_up() { # name...
	local name i
	for name; do
		CLUSTER_LEN=$((CLUSTER_LEN + 1))
		i=$CLUSTER_LEN
		CLUSTER_ADDR[$name]=$CLUSTER_NET.$((1 + i / 250)).$((1 + i % 250))
		ip netns add "$CLUSTER-$name" &&
			in_hub ip link add "v$i" type veth peer name eth0 netns "$CLUSTER-$name" &&
			in_hub ip link set "v$i" master br0 up &&
			in_node "$name" ip link set lo up &&
			in_node "$name" ip addr add "${CLUSTER_ADDR[$name]}/16" dev eth0 &&
			in_node "$name" ip link set eth0 up || return 1
	done
}

addr_of() { echo "${CLUSTER_ADDR[$1]}"; }

in_hub() { ip netns exec "$CLUSTER-hub" "$@"; }
in_node() {
	local name=$1
	shift
	ip netns exec "$CLUSTER-$name" "$@"
}

# Whatever still runs in it ends: all of it was started there by this test.
cluster_down() {
	local ns pids
	for ns in $(ip netns list 2>/dev/null | awk -v c="$CLUSTER-" 'index($1, c) == 1 { print $1 }'); do
		pids=$(ip netns pids "$ns" 2>/dev/null)
		# shellcheck disable=SC2086 # a list
		[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
		ip netns del "$ns" 2>/dev/null
	done
	return 0
}
