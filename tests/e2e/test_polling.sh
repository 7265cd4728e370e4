#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Where the kernel refuses BPF `ajar run` polls: who holds a door is known all the same, though its roles have no privilege, and every
# view says that such a node is degraded.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root setpriv jq
export AJAR_SENSOR_TIER=D
printf 'health.interval 1s\n' >"$T/conf"
hold() { # port: by somebody else than the roles run as
	setpriv --reuid 65533 --regid 65533 --clear-groups "$P/hold_door" tcp 127.0.0.1 "$1" >"$T/held" 2>&1 &
	HOLDER=$!
	PIDS+=("$HOLDER")
	wait_for grep -q open "$T/held"
}
start() { # bounding set
	: >"$T/err.run"
	setpriv --bounding-set="$1" ajar run -q -C "$T/conf" --data "$D" >"$T/out.run" 2>"$T/err.run" </dev/null &
	RUN=$!
	PIDS+=("$RUN")
	WAIT=60 wait_for grep -qx ready "$T/err.run"
}
lists() { # port, condition of jq
	ajar ls -j --data "$D" ":$1" 2>/dev/null | jq -es "any(.[]; $2)" >/dev/null
}
UNIT=ajar-run.service
own="\"$P/hold_door\""
ok "a door is open before" hold 21971
first=$HOLDER
ok "ajar run says ready, with what its unit has and CAP_SYS_PTRACE of a drop-in" start "$(bounding),+sys_ptrace"
ok "one line says which tier, and what it misses" eval "grep -c 'tier D sees less than tier A: .*looks is not seen' '$T/err.run' | grep -qx 1"
ok "the door of before has its holder, though he is another user" wait_for lists 21971 ".opener.pid == $first and .opener.exe == $own and .opener.uid == 65533"
ok "another door is opened" hold 21972
ok "a glance finds it, and a look who holds it" wait_for lists 21972 ".opener.pid == $HOLDER and .opener.exe == $own and (.opener.argv | length) == 4 and .origin == \"sweep\""
kill "$HOLDER"
ok "and that it is gone" wait_for eval "! ajar ls -j --data '$D' :21972 2>/dev/null | grep -q 21972"
ok "the start record says it" eval "ajar timeline -j --data '$D' | jq -es 'any(.[]; .event == \"start\" and (.reason | startswith(\"tier D\")))'"
ok "an alert says it: degraded" wait_for eval "ajar alerts -j --data '$D' | jq -es 'any(.[]; .kind == \"degraded\" and .state == \"open\" and .severity == \"warning\" and (.why | contains(\"tier D\")))'"
ok "so does ajar node" eval "ajar node -j --data '$D' | jq -es 'any(.[]; .state == \"recording\" and (.health.issues | index(\"degraded\")) and .health.tier == \"D\")'"
ok "ajar node NAME" eval "ajar node --data '$D' \"\$(ajar node -j --data '$D' | jq -r .node)\" | grep -q '^wrong .*tier D.*\\[degraded\\]'"
ok "ajar metrics" eval "ajar metrics --data '$D' | grep -qx 'ajar_nodes_recording_tier{tier=\"D\"} 1'"
ok "the view for reports" eval "sqlite3 '$D/store/ajar.db' 'SELECT kind FROM v_alerts' | grep -qx degraded"
ajar profile learn --write --data "$D" >"$T/learn" 2>&1
ajar check --data "$D" >"$T/check" 2>&1
same "ajar check warns: exit 1" $? 1
ok "and says so" grep -q 'WARNING.*sees less than a sensor can.*1 node degraded (.*, tier D).* degraded=1;' "$T/check"
kill -TERM "$RUN"
wait "$RUN"
same "SIGTERM ends it with 0" $? 0
ok "and nothing is left of it" eval "! pgrep -f -- '--data $D'"
D=$T/second
ok "as the unit is, without CAP_SYS_PTRACE, it starts, too" start "$(bounding)"
ok "lists the door" wait_for lists 21971 .port==21971
ok "and does not guess who holds it" lists 21971 ".opener.pid == null"
kill -TERM "$RUN"
wait "$RUN"
kill "$first"
done_testing
