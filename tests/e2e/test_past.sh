#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The past stays as it was judged: what somebody decides later changes what is shown of now, not of then.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root sqlite3
keep_alerts
open_door tcp 127.0.0.1 21980
first=$DOOR
ok "ajar run says ready" start_run --on-alert "$T/hook" -q
past() { ajar timeline -j --data "$D" --since 1h "$@" 2>"$T/err"; }
verdicts() { past ":$1" | jq -r 'select(.event == "open").verdict' | paste -sd ' '; }
now() { ajar ls -j --data "$D" ":$1" | jq -r .verdict; }
is_now() { [ "$(now "$1")" = "$2" ]; }
at() { ajar timeline -j --data "$D" --at "$2" ":$1" 2>/dev/null; }
stamp() { date -u '+%Y-%m-%d %H:%M:%S'; }
# The next whole second, so that two stamps differ.
tick() {
	local s
	s=$(date +%s)
	wait_for eval "[ \$(date +%s) -gt $s ]"
}
wait_for is_now 21980 learning
same "while nothing is accepted a door is of learning" "$(verdicts 21980)" learning
ok "what is open is accepted" ajar profile learn --write --data "$D"
ok "it is as profiled now" wait_for is_now 21980 'as profiled'
same "and was of learning then" "$(verdicts 21980)" learning
ok "what came of it is in JSON" eval "past :21980 | jq -es 'any(.[]; .verdict == \"learning\" and .verdict_later.verdict == \"as profiled\")'"

open_door tcp 0.0.0.0 21981
second=$DOOR
ok "a door is unexpected" wait_for is_now 21981 unexpected
tick
BEFORE=$(stamp)
tick
ok "it is allowed" env SUDO_USER=mlee ajar profile allow default tcp 21981 --reason later --data "$D"
ok "and as profiled now" wait_for is_now 21981 'as profiled'
tick
BETWEEN=$(stamp)
same "its opening was unexpected, and stays so" "$(verdicts 21981)" unexpected
ok "the row says that it was allowed later, when and by what row" eval "past :21981 | jq -es 'any(.[]; .event == \"open\" and .verdict_later.verdict == \"as profiled\" and .verdict_later.time != null and .verdict_later.row > 0 and .verdict_later.by != null and .verdict_later.made != null)'"
ok "for people too" eval "ajar timeline --data '$D' --since 1h :21981 2>/dev/null | grep -q '  unexpected (later as profiled, allowed by [^ ]* 20'"
ok "a filter for the state finds it by the verdict of then" eval "[ -n \"\$(past :21981 state:unexpected)\" ]"
same "and not by that of now" "$(past :21981 state:profiled | jq -r 'select(.event == "open").event')" ""
same "--at before the decision" "$(at 21981 "$BEFORE" | jq -r '.verdict, .verdict_later.verdict' | paste -sd,)" "unexpected,as profiled"
same "--at behind it" "$(at 21981 "$BETWEEN" | jq -r .verdict)" "as profiled"
ID=$(ajar alerts --all -j --data "$D" | jq -r 'select(.port == 21981).id')
ok "its alert shows the door of then" eval "ajar alerts show $ID --data '$D' | grep -q '^then open 20.* tcp 0.0.0.0:21981 hold_door'"
ok "as JSON, too" eval "ajar alerts show $ID -j --data '$D' | jq -e '.doors == [] and (.doors_then | length == 1) and .doors_then[0].port == 21981'"

# A rule that goes again, and a closing between.
id=$(ajar profile show default -j --data "$D" | jq -r 'select(.port == 21981).id')
ok "the row is removed" ajar profile rm default "$id" --data "$D"
ok "the door is unexpected again" wait_for is_now 21981 unexpected
tick
same "between the two it was as profiled" "$(at 21981 "$BETWEEN" | jq -r '.verdict, .verdict_later.verdict' | paste -sd,)" "as profiled,unexpected"
same "and at first unexpected" "$(at 21981 "$BEFORE" | jq -r .verdict)" unexpected
close_door "$second"
ok "it closes" wait_for eval "past :21981 | jq -es 'any(.[]; .event == \"close\")'"
open_door tcp 0.0.0.0 21981
ok "another opens" wait_for is_now 21981 unexpected
ok "it is allowed while only the second stands" ajar profile allow default tcp 21981 --reason again --data "$D"
ok "it is as profiled" wait_for is_now 21981 'as profiled'
same "both openings keep their verdict" "$(verdicts 21981)" "unexpected unexpected"
same "the view for reports has the verdict of then" "$(sqlite3 "$D/store/ajar.db" "SELECT DISTINCT verdict FROM v_timeline WHERE event = 'open' AND endpoint LIKE '%:21981'")" unexpected
close_door
close_door "$first"

# Doors of before changes were kept: the verdict of then is that of now, and that is said.
stop_run
sqlite3 "$D/store/ajar.db" "UPDATE settings SET value = '9000000000000000000' WHERE name = 'verdicts-since'; DELETE FROM verdict_changes"
ok "a verdict that was not kept is marked" eval "past :21981 | jq -es 'map(select(.event == \"open\")) | length == 2 and all(.[]; .verdict_computed == true)'"
ok "for people too" eval "ajar timeline --data '$D' --since 1h :21981 2>/dev/null | grep -q '(as of now)'"
done_testing
