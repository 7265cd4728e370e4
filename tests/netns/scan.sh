# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What tests of the scanner on a cluster share: a store whose nodes are those of cluster.sh, `ajar scan` from the hub, and services that
# a node may have. To be sourced after e2e/lib.sh and cluster.sh; $T/conf may be added to.
printf 'alert.syslog no\nscan.networks %s.0.0/16 fd51:251::/32\n' "$CLUSTER_NET" >"$T/conf"
SERVICES=$TOP/tests/netns/services.py

scan_finish() {
	finish
	cluster_down
}

scan_store() { # a store of its own, on a file
	mkdir -p "$D/store"
	run db init --store "sqlite:$D/store/ajar.db"
	[ "$RC" = 0 ]
}
scan_sql() { sqlite3 -cmd '.timeout 5000' "$D/store/ajar.db" "$1"; }
scan_node() { # name: a node of the cluster becomes one of the store
	node_up "$1" &&
		scan_sql "INSERT INTO nodes (name, host_type, reported_host_type, first_seen_ns, last_seen_ns) VALUES ('$1', 'compute', 'compute', 1, 1)" &&
		ajar scan addrs set "$1" "$(addr_of "$1")" -C "$T/conf" --data "$D"
}
# ajar scan from the hub: RC, $T/out and $T/err are set.
hub_scan() {
	in_hub timeout "${LIMIT:-60}" "$BUILD/ajar" scan -C "$T/conf" --data "$D" "$@" >"$T/out" 2>"$T/err" </dev/null
	RC=$?
}
# Services of a node until the test ends: what services.py takes.
serve_on() { # node kind port...
	local node=$1 said=$T/serve.$RANDOM$RANDOM
	shift
	in_node "$node" python3 "$SERVICES" "$@" >"$said" 2>&1 <&- &
	SERVES=$!
	PIDS+=("$SERVES")
	wait_for grep -qx up "$said"
}
port_state() { # port [node]: of the last hub_scan -j
	jq -r "select(\"${2:-}\" == \"\" or .node == \"${2:-}\") | .ports[] | select(.port == $1) | .state" "$T/out"
}
host_state() { jq -r "select(.node == \"$1\") | .state" "$T/out"; }
