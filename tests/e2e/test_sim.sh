#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A simulated cluster against a real MariaDB server and the real monitor: 512 nodes with journals and shippers of their own, then
# 2,000 light ones (AJAR_LONG: 10,000, and more traffic). What the store has is compared with what the nodes made, record by record.
# run.sh: beside, for its nodes are simulated.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
for tool in jq sqlite3 mariadb; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP $tool is missing"
		exit 77
	}
done
# shellcheck source=tests/e2e/sim.sh
. tests/e2e/sim.sh

JOBS=2000 MANY=2000
[ -z "${AJAR_LONG:-}" ] || JOBS=200000 MANY=10000
NODES=node[00001-$(printf %05d "$MANY")]
made() { echo "${ANSWER##* }"; }
alerts() { jq -c 'select(.state == "open")' "$HOOK_LOG" | wc -l; }
union() { # what: the store equals the union of what the nodes made
	ok "$1: the store has what the nodes made, each record once" sim verify
	same "$1: and nothing else" "$(sql 'SELECT count(*) FROM events')" "$(made)"
	same "$1: as ajar counts them too" "$(view db -j | jq .events)" "$(made)"
	ok "$1: the monitor has judged all of it" judged 250
}

cluster() { # what, nodes, one of them
	local one=$3
	ok "$1: all nodes come up within a minute" sim boot "$2" 60
	ok "$1: it is judged" judged 250
	ok "$1: what runs is accepted" view profile learn --class compute --write
	ok "$1: a service restarts everywhere" sim restart "$2" sshd 30
	ok "$1: one door that should not be" sim open "$one" tcp 4444 /usr/bin/nc root
	ok "$1: its record again and everything else's" sim resend
	union "$1"
	ok "$1: one alert" wait_for eval '[ "$(alerts)" = 1 ]'
	ok "$1: it goes when the door does" eval 'sim close "$one" tcp 4444 && sim pass 60 && wait_for eval "jq -e \"select(.state == \\\"resolved\\\")\" \"\$HOOK_LOG\""'
	same "$1: about that door" "$(jq -r '[.port, .severity, .state, .node // .nodes] | @text' "$HOOK_LOG" | head -1)" "[4444,\"critical\",\"open\",\"$one\"]"
}

mkdir "$T/journals"
mariadb_store --max-connections=1000 --innodb-buffer-pool-size=128M --innodb-log-file-size=64M
start_monitor
ok "512 nodes with journals and shippers of their own" start_sim --nodes 'node[001-512]' --journals "$T/journals"
cluster "512 nodes, MariaDB" 'node[001-512]' node007
ok "a package is upgraded everywhere" sim upgrade 'node[001-512]' slurmd 30
ok "a job opens $JOBS doors" sim job 'node[001-064]' 17 alice "$JOBS" 60
union "after that"
same "no alert for a service that is upgraded" "$(jq -c 'select(.port == 6818)' "$HOOK_LOG" | wc -l)" 0
end_sim
stop_monitor
exec 9>&-
rm -rf "$T/journals"

: >"$HOOK_LOG"
rm "$T/in"
mariadb_store --innodb-buffer-pool-size=256M --innodb-log-file-size=256M
start_monitor
ok "$MANY light nodes over four connections" start_sim --nodes "$NODES"
cluster "$MANY nodes, MariaDB" "$NODES" node00007
end_sim
stop_monitor
[ "$BAD" = 0 ] || sed 's/^/# monitor: /' "$T/monitor.err" | tail -20
done_testing
