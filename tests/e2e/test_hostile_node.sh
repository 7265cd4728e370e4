#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh: within 600 s, for it waits long for each alert on a machine that is slow.
# A node does all that its rights allow against the others, on a server with its account and on SQLite as its shipper would: what 20
# honest nodes open meanwhile is told, their records stay as they are, and the check says OK of none that is not judged.
# The times are printed, not held to: tests/bench has what is measured. HOSTILE_SEED: the same attack again.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root sqlite3 mariadb
# shellcheck source=tests/e2e/sim.sh
. "$(dirname "$0")/sim.sh"

SECONDS_OF=5
[ -z "${AJAR_LONG:-}" ] || SECONDS_OF=60
cp "$BUILD/tests/helpers/hook_stamp" "$T/hook" && chmod 755 "$T/hook"
all_told() { [ -n "$(sed -n 's/^alerts told: \([1-9][0-9]*\) of \1$/\1/p' "$T/honest.out")" ]; }
watch_over() { # start_monitor of sim.sh without scans
	printf 'alert.syslog no\nscan.enabled no\n' >"$T/conf"
	ajar -C "$T/conf" monitor --no-scan --data "$D" --store "$STORE" --on-alert "$T/hook" 2>"$T/monitor.err" </dev/null 9>&- &
	MONITOR=$!
	PIDS+=("$MONITOR")
}

# URI of an honest node, what else the hostile one is told
attack() {
	local honest=$1 pid
	shift
	export HOOK_SOCKET=$T/hook.sock
	rm -f "$HOOK_SOCKET"
	view profile allow compute tcp 22 exe /usr/sbin/sshd user root >"$T/out" 2>&1
	"$BUILD/tests/helpers/honest_nodes" --store "$honest" --owner "$STORE" --nodes 20 --class compute --seconds "$SECONDS_OF" \
		--hook "$HOOK_SOCKET" >"$T/honest.out" 2>"$T/honest.err" </dev/null 9>&- &
	pid=$!
	PIDS+=("$pid")
	ok "$DRIVER: honest nodes are there" eval 'WAIT=60 wait_for grep -qx ready "$T/honest.out"'
	watch_over
	AJAR_STORE_PASSWORD=$PASSWORD "$BUILD/tests/helpers/hostile_node" --node evil --class compute --seconds "$SECONDS_OF" --seed "${HOSTILE_SEED:-$RANDOM}" "$@" \
		>"$T/evil.out" 2>"$T/evil.err" </dev/null 9>&-
	ok "$DRIVER: a node does what it can for $SECONDS_OF s" test "$?" = 0
	wait "$pid"
	RC=$?
	sed "s/^/# $DRIVER: /" "$T/evil.out" "$T/honest.out"
	ok "$DRIVER: every honest node's alert is told" all_told
	ok "$DRIVER: the check says OK of no node that is not judged" grep -q ' 0 lies$' "$T/honest.out"
	ok "$DRIVER: and does say it of one without a door" grep -qx 'a node without a door is OK: yes' "$T/honest.out"
	ok "$DRIVER: nobody's records were changed" grep -qx 'nodes whose records were changed: 0' "$T/honest.out"
	same "$DRIVER: the honest nodes end well" "$RC" 0
	ok "$DRIVER: the monitor is there" kill -0 "$MONITOR"
	for verb in "ls node:evil" "alerts --all" "timeline node:evil" "node evil" "node" "metrics"; do
		# shellcheck disable=SC2086 # words
		ok "$DRIVER: ajar $verb can be read" eval "view $verb -j >'$T/view' 2>'$T/err' || { cat '$T/err'; false; }"
	done
	stop_monitor
	same "$DRIVER: and the monitor ends when it is told to" "$?" 0
	sed "s/^/# $DRIVER: monitor: /" "$T/monitor.err" | head -20
}

DRIVER=sqlite PASSWORD=
sqlite_store
attack "$STORE" --store "$STORE"

DRIVER=mariadb
mariadb_store
D=$T/data-server
ok "each node has an account" ajar db grant 'honest[01-21],evil' --class compute --from localhost --password-file "$T/%n.password" --store "$STORE"
PASSWORD=$(head -1 "$T/evil.password")
evil=${STORE/ajar@/evil@}
honest="${STORE/ajar@/%n@}&password-file=$T/%n.password"
attack "$honest" --store "$evil" --socket "$SOCKET" --login evil --db ajar
done_testing
