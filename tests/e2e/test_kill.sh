#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# kill -9 of each role in turn while doors open and close: each door is in the store once and alerts once.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root

keep_alerts
ROUNDS=${AJAR_LONG:+60}
ROUNDS=${ROUNDS:-2}

ok "ajar run says ready" start_run --on-alert "$T/hook" -q
ok "a profile is accepted" ajar profile learn --write --data "$D"

port=26000
ledger=()
round() { # role
	local pid
	pid=$(role_pid "$1") || return 1
	port=$((port + 1))
	DOOR_PROGRAM=$(other_door "door$port") open_door tcp 0.0.0.0 $port || return 1
	ledger+=("$port")
	kill -9 "$pid"
	close_door
	port=$((port + 1))
	DOOR_PROGRAM=$(other_door "door$port") open_door tcp 0.0.0.0 $port || return 1
	ledger+=("$port")
	wait_for eval 'p=$(role_pid '"$1"') && [ "$p" != '"$pid"' ]' || return 1
	close_door
}
for ((i = 0; i < ROUNDS; i++)); do
	for role in agent ship monitor; do
		ok "the $role is killed between two doors and comes back" round $role
	done
done
# The last of all: when it is through, all before it are.
DOOR_PROGRAM=$(other_door last) open_door tcp 0.0.0.0 26999
ledger+=(26999)
ok "a door after all that alerts" wait_for grep -q '"port":26999' "$HOOK_LOG"
close_door
mine=".port >= 26000 and .port < 27000"
stored() { ajar timeline -j --data "$D" | jq -r "select(.event == \"$1\") | select($mine) | .port" | sort -n | tr '\n' ' '; }
want="$(printf '%s ' "${ledger[@]}")"
wait_for eval '[ "$(stored close)" = "$want" ]'
same "all closings arrive, once" "$(stored close)" "$want"
same "each door of the ledger was stored once" "$(stored open)" "$want"
ours="select($mine)"
alerted=$(jq -r "$ours | select(.state == \"open\") | .port" "$HOOK_LOG" | sort -n | uniq | tr '\n' ' ')
same "each raised its alert" "$alerted" "$want"
same "and only one" "$(ajar alerts ls --all -j --data "$D" | jq -r "$ours | .port" | sort -n | tr '\n' ' ')" "$want"
ok "the journal is whole" ajar timeline verify --data "$D"
ok "the supervisor said what died" eval '[ "$(grep -c "was killed by SIGKILL, starting it again" "$T/run.err")" -ge $((3 * ROUNDS)) ]'
pins=$(pin_dir)
ok "its sensor is pinned" test -d "$pins"
stop_run
same "SIGTERM ends it with 0" "$?" 0
ok "nothing is left pinned" not test -e "$pins"
done_testing
