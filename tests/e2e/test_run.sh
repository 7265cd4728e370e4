#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# `ajar run` as a newcomer meets it: learn, accept, an unexpected door, who opened it, the alert, its end, the timeline.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root

keep_alerts
alerts() { jq -c "select($1)" "$HOOK_LOG"; }
has_alert() { [ -n "$(alerts "$1")" ]; }
count_alerts() { alerts "$1" | wc -l; }

open_door tcp 127.0.0.1 21901
before=$DOOR
ok "ajar run says ready" start_run --on-alert "$T/hook" -q

for role in agent ship monitor; do
	pid=$(role_pid $role)
	ok "the $role runs" [ -n "$pid" ]
	same "the $role has no capability" "$(awk '/^Cap(Inh|Prm|Eff|Bnd|Amb)/ { print $2 }' "/proc/$pid/status" | sort -u)" 0000000000000000
	ok "the $role is not root" awk '/^(Uid|Gid)/ { for (i = 2; i <= 5; i++) if (!$i) exit 1 }' "/proc/$pid/status"
	same "the $role can gain no privilege" "$(awk '/^NoNewPrivs/ { print $2 }' "/proc/$pid/status")" 1
done

door() { ajar ls -j --data "$D" ":$1"; }
door_field() { door "$1" | jq -r "$2" | head -1; }
ok "a door that was open before is listed" wait_for test -n "$(door 21901)"
same "as found by the snapshot" "$(door_field 21901 .origin)" snapshot
same "with its opener's executable" "$(door_field 21901 .opener.exe)" "$(readlink -f "$HOLD_DOOR")"

open_door tcp 0.0.0.0 21902
ok "a door opened now is listed" wait_for eval 'test -n "$(door 21902)"'
same "as seen when it happened" "$(door_field 21902 .origin)" event
same "and nobody judges while learning" "$(door_field 21902 .verdict)" learning
close_door
ok "every view says that it is learning" eval "ajar ls --data '$D' 2>&1 >/dev/null | grep -q 'profile learn --write'"
same "and nothing alerts" "$(cat "$HOOK_LOG")" ""

ok "what is open is accepted as the profile" ajar profile learn --write --data "$D"
ok "and shown" eval "ajar profile show default -j --data '$D' | jq -es 'any(.[]; .port == 21901)'"
ok "the door of before is as profiled" wait_for eval '[ "$(door_field 21901 .verdict)" = "as profiled" ]'

open_door tcp 0.0.0.0 21903
ok "an unexpected door raises an alert" wait_for has_alert '.port == 21903 and .state == "open"'
alert=$(alerts '.port == 21903' | head -1)
field() { printf '%s' "$alert" | jq -r "$1"; }
same "which names the kind" "$(field .kind)" unexpected
same "and the protocol" "$(field .proto)" tcp
same "and who opened the door" "$(field .door.opener.pid)" "$DOOR"
same "with the arguments" "$(field '.door.opener.argv | join(" ")')" "$HOLD_DOOR tcp 0.0.0.0 21903"
ok "and at least one ancestor" eval '[ "$(field ".door.opener.ancestors | length")" -ge 1 ]'
ok "and says why and what to do" eval '[ -n "$(field .why)" ] && [ -n "$(field .remedy)" ] && [ -n "$(field .summary)" ]'
ok "alerts ls shows it" eval "ajar alerts ls -j --data '$D' | jq -es 'any(.[]; .port == 21903 and .state == \"open\")'"
close_door
ok "the alert is resolved when the door is gone" wait_for has_alert '.port == 21903 and .state == "resolved"'
same "there was one alert for the door and one resolution" "$(count_alerts '.port == 21903')" 2

cp "$HOLD_DOOR" "$T/impostor"
close_door "$before"
DOOR_PROGRAM=$T/impostor open_door tcp 127.0.0.1 21901
ok "another program on a permitted port is an impostor" wait_for has_alert '.port == 21901 and .kind == "impostor"'
same "which is critical" "$(alerts '.kind == "impostor"' | jq -r .severity | head -1)" critical
close_door

open_door udp 0.0.0.0 21904
ok "a UDP door alerts too" wait_for has_alert '.port == 21904 and .proto == "udp"'
close_door

ok "the timeline remembers opening and closing" wait_for eval \
	'[ "$(ajar timeline -j --data "$D" :21903 | jq -r "select(.event == \"open\" or .event == \"close\") | .event" | tr "\n" " ")" = "open close " ]'
ok "with how long it was open" eval "ajar timeline -j --data '$D' :21903 | jq -es 'any(.[]; .event == \"close\" and .duration_ms >= 0 and .opened != null)'"
ok "all JSON of the timeline is JSON" eval "ajar timeline -j --data '$D' | jq -e . >/dev/null"
ok "timeline verify finds the journal whole" ajar timeline verify --data "$D"

run_pid=$RUN
pins=$(pin_dir)
ok "its sensor is pinned" test -d "$pins"
stop_run
same "SIGTERM ends it with 0" "$?" 0
same "no role is left" "$(pgrep -P "$run_pid")" ""
ok "nothing is left pinned" not test -e "$pins"
ok "the views work without it" eval "ajar timeline -j --data '$D' | jq -es 'any(.[]; .event == \"stop\")'"
done_testing
