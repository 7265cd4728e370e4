#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A time without a sensor is on the record: an agent that is killed, and whose pins go with it, sees nothing until the next
# one is there. That is a gap, counted and alerted; not so a stop in order, nor a kill that leaves the sensor at work.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root

keep_alerts
printf 'health.interval 500ms\n' >"$T/conf"
rows() { ajar timeline -j --data "$D" | jq -c 'select(.event == "start" or .event == "stop" or .event == "gap")'; }
kinds() { rows | jq -r .event | tr '\n' ' '; }
gaps() { rows | jq -c 'select(.event == "gap")'; }
told() { jq -r 'select(.kind == "lost") | .state' "$HOOK_LOG" | tr '\n' ' '; }
lost() { ajar node -j --data "$D" | jq .lost; }
agent_again() { # the pid of before
	wait_for eval 'p=$(role_pid agent) && [ "$p" != '"$1"' ] && [ "$(rows | jq -r .event | tail -1)" = start ]'
}

ok "ajar run says ready" start_run -C "$T/conf" --on-alert "$T/hook" --no-scan -q
wait_for eval '[ "$(kinds)" = "start " ]'
same "the first start of all follows nothing" "$(kinds)" "start "
stop_run
same "it ends in order" "$?" 0
ok "another" start_run -C "$T/conf" --on-alert "$T/hook" --no-scan -q
wait_for eval '[ "$(kinds)" = "start stop start " ]'
same "a stop record and a start record say when nothing was watched" "$(kinds)" "start stop start "

pid=$(role_pid agent) pins=$(pin_dir)
ok "its sensor is pinned" test -d "$pins"
kill -9 "$pid"
wait_for eval '[ "$(kinds)" = "start stop start start " ]'
same "killed, its sensor stays: the next one takes over and nothing was unwatched" "$(kinds)" "start stop start start "
same "nothing of all that is a loss" "$(lost)" 0

pid=$(role_pid agent)
# The supervisor is held, so that the next agent comes when the door has been there.
kill -STOP "$RUN" && kill -9 "$pid" && rm -rf "$pins"
DOOR_PROGRAM=$(other_door unseen) open_door tcp 127.0.0.1 26998
close_door
kill -CONT "$RUN"
wait_for eval '[ "$(kinds)" = "start stop start start gap start " ]'
same "killed together with its sensor: a gap before the next start" "$(kinds)" "start stop start start gap start "
same "the door in it was not seen" "$(ajar timeline -j --data "$D" :26998 | jq -r 'select(.event == "open") | .event')" ""
same "who asks for that door is told of the gap" "$(ajar timeline -j --data "$D" :26998 | jq -r .event)" gap
same "it says since when, and how it came" "$(gaps | jq '.since != null and .since < .time and (.reason | test("no sensor"))')" true
ok "so does the line" eval "ajar timeline --data '$D' :26998 | grep -q '! GAP of .*: the agent ended without a word'"
ok "it is alerted" wait_for eval '[ "$(told)" = "open " ]'
same "and counted as a loss" "$(lost)" 1
ok "the journal is whole" ajar timeline verify --data "$D"
stop_run
same "SIGTERM ends it with 0" "$?" 0
done_testing
