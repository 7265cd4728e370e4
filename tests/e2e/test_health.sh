#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# How the nodes are, through a MariaDB server: silence, stalled agents, a wrong clock, two nodes with one name, a node that is
# installed anew. Each is reported once, with what to do, and resolved when it is over.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root faketime
FAKETIME_LIB=$(find /usr/lib -name libfaketime.so.1 2>/dev/null | head -1)

mkfifo "$T/in"
"$BUILD/tests/helpers/mariadb_server" <"$T/in" >"$T/server.out" 2>"$T/server.err" &
SERVER=$!
PIDS+=("$SERVER")
exec 9>"$T/in"
said() { [ "$(grep -c "^$1" "$T/server.out")" -ge "${2:-1}" ]; }
answered() { said ready || said skip; }
WAIT=60 wait_for answered
if said skip || ! said ready; then
	echo "1..0 # SKIP $(sed -n 's/^skip //p' "$T/server.out")"
	exit 77
fi
STORE="mysql://ajar@localhost/ajar?socket=$(sed -n 's/^ready //p' "$T/server.out")"

keep_alerts
chmod 755 "$T"
chmod 666 "$HOOK_LOG"
cat >"$T/n1.conf" <<END
node.name n1
health.interval 300ms
health.silent-after 2s
health.hole-after 5s
alert.local-after 1s
alert.syslog no
END
sed 's/n1/n2/' "$T/n1.conf" >"$T/n2.conf"

role() { # name, configuration, data, program and arguments
	local name=$1 conf=$2 data=$3
	shift 3
	"$@" -C "$T/$conf.conf" --data "$data" >"$T/$name.out" 2>"$T/run.err.$name" </dev/null 9>&- &
	PIDS+=($!)
	declare -g "${name^^}=$!"
}
end() { # pids: told to stop, and gone
	kill -TERM "$@"
	wait "$@"
}
view() { ajar "$@" --store "$STORE" -C "$T/n1.conf"; }
node() { view node n1 -j 2>/dev/null | jq -r "$1"; }
# An alert of this issue, told by words of its summary, in that state.
told() { [ -n "$(jq -c "select(.state == \"$2\" and (.summary | test(\"$1\")))" "$HOOK_LOG")" ]; }
times() { jq -c "select(.summary | test(\"$1\"))" "$HOOK_LOG" | wc -l; }
note() { view timeline -j 2>/dev/null | jq -r "select(.event == \"alert\" and (.summary | test(\"$1\"))) | .note" | tail -1; }
is_state() { [ "$(node .state)" = "$1" ]; }
events() { view timeline -j 2>/dev/null | jq -c 'select(.event != "alert")' | wc -l; }

role monitor n1 "$T/m" ajar monitor --store "$STORE" --on-alert "$T/hook"
role agent n1 "$D" ajar-agent
# A shipper that reports for silent-after before a slow machine has the agent started would be an alert of its own.
WAIT=60 wait_for test -s "$D/journal/status"
role ship n1 "$D" ajar ship --store "$STORE"
ok "a node that reports is recording" wait_for is_state recording
same "on a sensor that sees" "$(node .health.attached)" true
same "by a clock that is right" "$(node '.health.clock_skew_ms | fabs < 500')" true
ok "a second shipper on its data is refused" eval "! timeout 20 ajar ship -C '$T/n1.conf' --data '$D' --store '$STORE' 2>'$T/err' && grep -q 'another .ajar ship. runs on' '$T/err'"
ok "a second monitor on its data, too" eval "! timeout 20 ajar monitor -C '$T/n1.conf' --data '$T/m' --store '$STORE' 2>'$T/err' && grep -q 'another .ajar monitor. runs on' '$T/err'"

kill -STOP "$AGENT"
ok "an agent that hangs is reported" wait_for told "no heartbeat" open
ok "the node is stalled" wait_for is_state stalled
kill -CONT "$AGENT"
ok "and that it is well again" wait_for told "no heartbeat" resolved
ok "and after how long" eval 'note "no heartbeat" | grep -q "^well again after [0-9]* s"'
same "each once" "$(times "no heartbeat")" 2

kill -9 "$SHIP"
ok "a node that is not heard is silent" wait_for told "^n1 is silent" open
ok "the views say so" is_state silent
role ship n1 "$D" ajar ship --store "$STORE"
ok "until it is heard again" wait_for told "^n1 is silent" resolved

# A person lives with it: on that node, until it is back.
exceptions() { view alerts exceptions "$@" -j 2>/dev/null | jq -c '[.stands, .nodes, .kind]'; }
silent_is() { [ "$(view alerts -a -j 2>/dev/null | jq -r 'select(.kind == "silent" and (.summary | test("^n1 is silent"))) | .state')" = "$1" ]; }
allow_silent() { # in the web page the same is done by the monitor
	OUT=$(view alerts allow "$(view alerts -j 2>/dev/null | jq -r 'select(.kind == "silent") | .id')" --reason gone --yes 2>&1)
}
kill -9 "$SHIP"
ok "silent once more" wait_for silent_is open
ok "it is allowed" allow_silent
ok "for its node alone, which is said" eval '[[ "$OUT" == *"an exception for this finding on n1: on another node it alerts"* ]]'
same "and listed" "$(exceptions)" '[true,"n1","silent"]'
ok "the alert is allowed" silent_is allowed
view alerts reopen "$(view alerts -a -j 2>/dev/null | jq -r 'select(.kind == "silent" and .state == "allowed") | .id')" >/dev/null
ok "reopened it is open" silent_is open
same "and the exception over" "$(exceptions)" ""
ok "it is allowed again" allow_silent
role ship n1 "$D" ajar ship --store "$STORE"
ok "a node that is back has no exception any more" wait_for eval '[ -z "$(exceptions)" ]'
same "both are kept for who asks" "$(exceptions --all | sort -u)" '[false,"n1","silent"]'
ok "and the alert is over" wait_for silent_is resolved

end "$SHIP"
# Not by faketime(1): that would be a process between us and the shipper.
role ship n1 "$D" env LD_PRELOAD="$FAKETIME_LIB" FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME=+3600s ajar ship --store "$STORE"
ok "a clock that is an hour off is reported" wait_for told "clock that is wrong" open
ok "by how much" eval "jq -r 'select(.summary | test(\"clock that is wrong\")) | .why' '$HOOK_LOG' | grep -qE '(59 min 5|1 h 0 min).*ahead'"
ok "an hour off is not an hour silent" eval '! told "^n1 is silent.*n1 is silent" open'
end "$SHIP"
role ship n1 "$D" ajar ship --store "$STORE"
ok "and that it is right again" wait_for told "clock that is wrong" resolved

# Another machine with our name: an agent and a journal of its own.
cp "$T/n1.conf" "$T/other.conf"
# shellcheck disable=SC2034 # eval reads it
before=$(node .events)
role agent2 other "$T/other" ajar-agent
role ship2 other "$T/other" ajar ship --store "$STORE"
ok "another machine takes our name" wait_for test -s "$T/other/journal/status"
ok "two nodes with one name are reported" wait_for told "name of two machines" open
ok "with the hosts" eval "jq -r 'select(.summary | test(\"name of two\")) | .why' '$HOOK_LOG' | grep -q \"refused is host '$(hostname)', the name is held by host '$(hostname)'\""
ok "the second is reported, too" eval "grep -q 'reports as node n1 with another journal' '$T/run.err.ship2'"
open_door tcp 127.0.0.1 23301
ok "the first goes on" wait_for eval '[ "$(node .events)" -gt "$before" ]'
same "its installation is the current one" "$(node '.health.other_installations | map(.standing) | join(" ")')" refused
end "$AGENT2" "$SHIP2"
ok "when one of them is gone that is over" wait_for told "name of two machines" resolved
role ship2 n2 "$T/other" ajar ship --store "$STORE"
ok "under another name it sends all it had kept" wait_for eval \
	"[ \"\$(view timeline -j 2>/dev/null | jq -c 'select(.node == \"n2\" and (.event == \"start\" or .event == \"stop\"))' | wc -l)\" = 2 ]"
end "$SHIP2"

# The same name on a new disk.
# shellcheck disable=SC2034 # eval reads both
boots=$(node .boot_seq) had=$(node .events)
end "$AGENT" "$SHIP"
ok "a node that is shut down is stopped, not well" wait_for is_state stopped
rm -rf "$D/journal"
role agent n1 "$D" ajar-agent
role ship n1 "$D" ajar ship --store "$STORE"
ok "a node that was installed anew is reported" wait_for told "installed anew" open
ok "its records come behind the old ones" wait_for eval '[ "$(node .boot_seq)" -gt "$boots" ] && [ "$(node .events)" -gt "$had" ]'
same "nothing is in quarantine" "$(node .health.quarantined)" 0
ok "the remedy names the command" eval "jq -r 'select(.summary | test(\"anew\")) | .remedy' '$HOOK_LOG' | grep -q 'ajar node accept n1'"
ok "which accepts it" view node accept n1
ok "and that is that" wait_for told "installed anew" resolved
ok "its journal and the store's copy agree, number for number" eval "view timeline verify --data '$D'"
ok "accepting once more changes nothing" eval '! view node accept n1'
ok "its chain goes on where its journal's does" not told "chain is broken" open

# Somebody with the server's password cuts off the end of what a node has reported.
has_client() { command -v mariadb; }
if has_client >/dev/null; then
	kill -STOP "$AGENT" # so that it stays the end
	wait_for eval '[ "$(node .seq)" = "$(node .health.newest_seq)" ]'
	mariadb -uajar -S "${STORE#*socket=}" ajar -e "DELETE FROM events WHERE seq = (SELECT seq FROM nodes WHERE name = 'n1') AND boot_seq = (SELECT boot_seq FROM nodes WHERE name = 'n1') AND node_id = (SELECT id FROM nodes WHERE name = 'n1')"
	kill -TERM "$MONITOR"
	wait "$MONITOR"
	role monitor n1 "$T/m" ajar monitor --store "$STORE" --on-alert "$T/hook"
	ok "a record that is cut off the end is missed" wait_for told "chain is broken" open
	kill -CONT "$AGENT"
	ok "a person accepts that" view node accept n1
fi

# Without the store the node judges by itself.
ok "what is open is accepted as the profile" view profile learn --write
ok "the shipper keeps the profile" wait_for eval "grep -qs '^class default' '$D/journal/profile' && ! grep -q learning '$D/journal/profile'"
kill -USR1 "$SERVER"
wait_for said dead
open_door tcp 0.0.0.0 23302
local_alerts() { sed -n 's/.*alert of this node alone: //p' "$T/run.err.ship" | jq -c 'select(.port == 23302)'; }
ok "a door alerts on its node while the store is away" wait_for eval '[ -n "$(local_alerts)" ]'
same "marked as local, with who opened it" "$(local_alerts | jq -c '[.local, .state, .nodes, .door.opener.pid]')" "[true,\"open\",\"n1\",$DOOR]"
kill -USR2 "$SERVER"
WAIT=30 wait_for said ready 2
WAIT=60
ok "when it is back the monitor judges the same door" wait_for eval "[ -n \"\$(jq -c 'select(.port == 23302)' '$HOOK_LOG')\" ]"
same "and nothing is doubled" "$(jq -c 'select(.port == 23302)' "$HOOK_LOG" | wc -l) $(local_alerts | wc -l) $(view alerts ls --all -j 2>/dev/null | jq -c 'select(.port == 23302)' | wc -l)" "1 1 1"

end "$AGENT" "$SHIP"
kill -TERM "$MONITOR"
wait "$MONITOR"
same "the monitor ends with 0" "$?" 0

# A store of before schema 30 may have two current installations of a node: a report in a transaction that was older than the other one's.
sql() { mariadb -uajar -S "${STORE#*socket=}" ajar -e "$1"; }
ok "two installations of a node are current" sql "CREATE TABLE two AS SELECT * FROM node_health WHERE standing = 1 AND node_id = (SELECT id FROM nodes WHERE name = 'n1');
	UPDATE two SET installation = repeat('2', 16), received_ns = received_ns + 1, addresses = NULL, host = 'other';
	INSERT INTO node_health SELECT * FROM two; UPDATE node_health SET standing = 1 WHERE installation = repeat('2', 16); DROP TABLE two"
ok "'ajar node' shows the one heard last, and the other beside it" eval \
	'view node n1 -j >"$T/two" && jq -e ".health.host == \"other\" and any(.health.other_installations[]; .standing == \"current\")" "$T/two"'
ok "and the other nodes" eval 'view node -j | jq -es "length >= 2"'
for f in "$T"/run.err.*; do [ "$BAD" = 0 ] || sed "s/^/# ${f##*.}: /" "$f" | tail -20; done
done_testing
