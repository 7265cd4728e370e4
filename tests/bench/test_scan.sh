#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The table of the paper (Lee et al. 2005: 1601 ports 0.391 s a host, 65535 ports 4.219 s, versions of 4 ports 5.4 s) on a cluster of
# network namespaces: `ajar scan` beside plain nmap, with the flags it has by itself and with good ones, one after the other in one run.
# Scanner and targets share this machine's cores. With AJAR_LONG: 32 and 128 nodes.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
need_root nmap ip sqlite3
# shellcheck source=tests/netns/cluster.sh
. "$TOP/tests/netns/cluster.sh"
finish_bench() {
	finish
	cluster_down
}
trap finish_bench EXIT

SIZES="2 4"
[ -z "${AJAR_LONG:-}" ] || SIZES="8 32 128"
CORES=$(nproc)
DOORS="22 80 443 2049 5432 6818 8080 9100"

cat >"$T/conf" <<E2
alert.syslog no
scan.networks $CLUSTER_NET.0.0/16
E2
ajar_here() { in_hub timeout 280 ajar "$@" -C "$T/conf" --data "$D"; }

now() { date +%s.%N; }
# Seconds of a command, in TOOK; its output in $T/log.
timed() {
	local from
	from=$(now)
	"$@" >"$T/log" 2>"$T/log.err" </dev/null
	RC=$?
	TOOK=$(awk -v a="$from" -v b="$(now)" 'BEGIN { printf "%.3f", b - a }')
}
# One nmap a core, as an administrator with patience would do it: FLAGS over the list of hosts cut into as many pieces.
nmap_all() { # pieces flags...
	local pieces=$1 i pids=()
	shift
	for ((i = 0; i < pieces; i++)); do
		awk -v n="$pieces" -v i="$i" 'NR % n == i' "$T/hosts" >"$T/hosts.$i"
		in_hub timeout 280 nmap -n -Pn -sT -iL "$T/hosts.$i" -oX "$T/nmap.$i.xml" "$@" </dev/null >/dev/null 2>&1 &
		pids+=($!)
	done
	wait "${pids[@]}"
}
nmap_found() { cat "$T"/nmap.*.xml | grep -o '<state state="open"' | wc -l; }
ajar_found() { jq -s '[.[].ports[]? | select(.state == "open")] | length' "$T/log"; }

report() { # what seconds found
	printf '# %4d nodes  %-34s %9.3f s  %8.4f s/node  %s of %s doors\n' "$N_NODES" "$1" "$2" \
		"$(awk -v t="$2" -v n="$N_NODES" 'BEGIN { print t / n }')" "$3" "$((N_NODES * EXPECT))"
	echo "$1|$N_NODES|$2" >>"$T/figures"
}
row() { # name, expected doors a node, ports as nmap has them, as ajar has them
	local name=$1 ports=$3 ours=$4
	EXPECT=$2
	rm -f "$T"/nmap.*.xml
	timed nmap_all 1 -p "$ports"
	report "$name: nmap, its own flags" "$TOOK" "$(nmap_found)"
	rm -f "$T"/nmap.*.xml
	timed nmap_all "$CORES" -p "$ports" -T4 --min-rate 5000 --max-retries 2
	report "$name: nmap, good flags, all cores" "$TOOK" "$(nmap_found)"
	GOOD=$TOOK
	timed ajar_here scan -q -j --kind connect --ports "$ours" --rate 0 --host-rate 0
	same "$name, $N_NODES nodes: ajar scan ends well" "$RC" 0
	report "$name: ajar scan" "$TOOK" "$(ajar_found)"
	same "$name, $N_NODES nodes: it finds every door and none besides" "$(ajar_found)" $((N_NODES * EXPECT))
	awk -v n="$name" -v c="$N_NODES" -v a="$TOOK" -v g="$GOOD" 'BEGIN { printf "#            %s: ajar / good nmap = %.2f\n", n, a / g }'
}

ok "a hub stands" cluster_up
mkdir -p "$D/store"; run db init --store "sqlite:$D/store/ajar.db"; same "a store is made" "$RC" 0
N_NODES=0
: >"$T/hosts"
for size in $SIZES; do
	while [ "$N_NODES" -lt "$size" ]; do
		N_NODES=$((N_NODES + 1))
		name=$(printf 'n%03d' "$N_NODES")
		node_up "$name" || break
		# shellcheck disable=SC2086 # a list
		in_node "$name" "$HOLD_DOOR" tcp "$(addr_of "$name")" $DOORS >"$T/held" </dev/null &
		PIDS+=($!)
		wait_for grep -q open "$T/held"
		addr_of "$name" >>"$T/hosts"
		sqlite3 "$D/store/ajar.db" "INSERT INTO nodes (name, host_type, reported_host_type, first_seen_ns, last_seen_ns)
			VALUES ('$name', 'compute', 'compute', 1, 1)"
		ajar_here scan addrs set "$name" "$(addr_of "$name")" >/dev/null
	done
	same "$size nodes stand" "$N_NODES" "$size"
	row "nmap-services" 7 "[1-65535]" services # 6818, slurmd, is not among them
	row "all ports" 8 1-65535 all
	row "known doors" 8 "$(tr ' ' , <<<"$DOORS")" "$(tr ' ' , <<<"$DOORS")"
done
# From the two largest, what 512 nodes take: a line through both.
awk -F'|' '{ n[$1]++; x[$1, n[$1]] = $2; y[$1, n[$1]] = $3; if (n[$1] == 1) order[++k] = $1 }
	END { for (i = 1; i <= k; i++) { w = order[i]; m = n[w]; if (m < 2) continue;
		slope = (y[w, m] - y[w, m-1]) / (x[w, m] - x[w, m-1]);
		if (slope <= 0) { printf "# 512 nodes  %-34s   no slope: so few nodes take the same time\n", w; continue }
		printf "# 512 nodes  %-34s %9.1f s by the slope of %.4f s/node\n", w, y[w, m] + slope * (512 - x[w, m]), slope } }' "$T/figures"
done_testing
