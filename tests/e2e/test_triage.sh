#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a person does with an alert: looks at it, acknowledges, snoozes, allows, reopens; and maintenance.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
PORT=23601

keep_alerts
alerts() { jq -c "select($1)" "$HOOK_LOG"; }
listed() { ajar alerts -a -j --data "$D" 2>/dev/null | jq -r "select($1) | $2"; }
state_is() { [ "$(listed ".id == $1" .state)" = "$2" ]; }
told() { alerts ".id == $1" | wc -l; }

ok "ajar run says ready" start_run --on-alert "$T/hook" -q
ok "a profile is accepted" ajar profile learn --write --data "$D"
open_door tcp 0.0.0.0 $PORT
ok "a door raises an alert" wait_for eval 'test -n "$(alerts ".port == $PORT")"'
ID=$(listed ".port == $PORT" .id)
same "it counts its nodes" "$(listed ".id == $ID" .node_count)" 1

run alerts ack "$ID" --note "ticket 7" --data "$D"
same "it is acknowledged" "$RC" 0
ok "which is said" eval '[[ "$OUT" == "alert $ID acknowledged: "* ]]'
same "and so it stands" "$(listed ".id == $ID" .state)" acknowledged
run alerts ack "$ID" --data "$D"
refuses "acknowledged twice" 2 "is acknowledged: only an open or snoozed one"
run alerts show "$ID" --data "$D"
ok "show has the log, with who and the note" eval '[[ "$OUT" == *"acknowledged by "*": ticket 7"* ]]'
ok "and the door" eval '[[ "$OUT" == *"doors     "*":$PORT"* ]]'

close_door
open_door tcp 0.0.0.0 $PORT
ok "a blink leaves it acknowledged" wait_for eval 'test -n "$(ajar ls -j --data "$D" :$PORT 2>/dev/null)"'
ok "and so it stays" state_is "$ID" acknowledged

run alerts snooze "$ID" --data "$D"
refuses "a snooze without an end" 2 "a snooze has an end: give --for 2h"
run alerts snooze "$ID" --for 900d --data "$D"
refuses "a snooze for ever" 2 "is longer than alert.snooze-max"
run alerts snooze ":$PORT" --for 2s --data "$D"
same "a snooze by filter" "$RC" 0
ok "it snoozes" state_is "$ID" snoozed
ok "and opens by itself when its time is up" wait_for state_is "$ID" open
ok "which is reported" wait_for eval 'test -n "$(alerts ".id == $ID and .state == \"open\"" | sed -n 2p)"'

run alerts allow "$ID" --data "$D"
refuses "allowed without a reason" 2 "give --reason"
run alerts allow "$ID" --reason "ticket 8" --data "$D"
same "nothing is allowed without a word" "$RC" 2
ok "but shown what it would be" eval '[[ "$OUT" == *"allow tcp $PORT"*"in the last 30 days it would have silenced 1 alert, "* ]]'
run alerts allow "$ID" --reason "ticket 8" --expires 1d --yes --data "$D"
same "with --yes it is" "$RC" 0
ok "the door is as profiled" wait_for eval '[ "$(ajar ls -j --data "$D" :$PORT | jq -r .verdict)" = "as profiled" ]'
ok "and the alert stays allowed" state_is "$ID" allowed
run alerts reopen "$ID" --note "not any more" --data "$D"
same "it can be reopened" "$RC" 0
run alerts ack 4711 --data "$D"
refuses "an alert that is none" 2 "no alert 4711"
run alerts ack class:nowhere --data "$D"
refuses "a filter that none is like" 2 "no alert that stands is like that"
close_door

# What no profile row can allow (a missing service, a silent node) is an exception, which is listed and taken back.
same "no exception stands" "$(ajar alerts exceptions -j --data "$D" 2>/dev/null)" ""
sqlite3 -cmd ".timeout 5000" "$D/store/ajar.db" "INSERT INTO exceptions (alert_key, nodes, reason, author, created_ns) SELECT alert_key, nodes || ',old[1-2]', 'being moved', 'mlee', last_ns FROM alerts WHERE id = $ID; UPDATE alerts SET state = 4 WHERE id = $ID"
same "one does, and says what it is about" "$(ajar alerts exceptions -j --data "$D" | jq -r '"\(.id) \(.stands) \(.alert) \(.kind) \(.author) \(.reason) \(.nodes)"')" "1 true $ID unexpected mlee being moved $(listed ".id == $ID" .nodes),old[1-2]"
run alerts exceptions --data "$D"
ok "for people too" eval '[[ "$OUT" == *"for good"*"mlee"*"being moved"* ]]'
run alerts exceptions rm --data "$D"
refuses "none named" 2 "wants a number"
run alerts exceptions rm 7 --data "$D"
refuses "an exception that is none" 2 "no exception 7 stands"
run alerts exceptions rm 1 --node 'new[1' --data "$D"
refuses "nodes that are no node set" 2 "is no node set"
run alerts exceptions rm 1 --node new1 --data "$D"
refuses "a node that it is not for" 2 "and none of those"
run alerts exceptions rm 1 --node old1,new1 --data "$D"
same "for one of its nodes it is taken back" "$RC" 0
ok "and goes on for the others" eval '[[ "$OUT" == "exception 1 goes on for "*old2* ]]'
ok "which the list shows" eval 'ajar alerts exceptions -j --data "$D" | jq -e ".nodes | test(\"old2\") and (test(\"old1|old\\\\[\") | not)" >/dev/null'
run alerts exceptions rm 1 --data "$D"
same "it is taken back" "$RC" 0
ok "its alert's log says so" sh -c "ajar alerts show $ID --data $D | grep -q 'open by .*: exception 1 taken back'"
same "none stands any more" "$(ajar alerts exceptions -j --data "$D" 2>/dev/null)" ""
same "--all shows it" "$(ajar alerts exceptions --all -j --data "$D" | jq -r .stands)" false

run maintenance add all --for 1h --data "$D"
refuses "a maintenance without a reason" 2 "give --reason"
run maintenance add 'node[1' --for 1h --reason x --data "$D"
refuses "a node set that is none" 2 "is no node set"
run maintenance add all --for 1h --reason "firmware" --data "$D"
same "a maintenance" "$RC" 0
W=$(ajar maintenance -j --data "$D" | jq -r .id)
DOOR_PROGRAM=$(other_door held) open_door tcp 0.0.0.0 $((PORT + 1))
ok "during it a door is recorded and its alert held back" wait_for eval '[ "$(listed ".port == $((PORT + 1))" .state)" = snoozed ]'
HELD=$(listed ".port == $((PORT + 1))" .id)
run maintenance end "$W" --data "$D"
same "it is ended" "$RC" 0
ok "what still stands is alerted then" wait_for eval 'test -n "$(alerts ".id == $HELD and .state == \"open\"")"'
same "and nobody was told before" "$(alerts ".id == $HELD" | jq -r .state | tr "\n" " ")" "open "
run maintenance end "$W" --data "$D"
refuses "ended twice" 2 "no maintenance $W is under way or to come"
close_door
stop_run
done_testing
