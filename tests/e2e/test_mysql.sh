#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The way of a cluster on one machine: agent, shipper and monitor as processes of their own, and between them a MariaDB server
# that dies and comes back.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root

# The helper lives as long as fd 9 is open, the server as long as the helper.
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
has_alert() { [ -n "$(jq -c "select($1)" "$HOOK_LOG")" ]; }
count_alerts() { jq -c "select($1)" "$HOOK_LOG" | wc -l; }
view() { ajar "$@" --data "$D" --store "$STORE"; }
role() { # name, program and arguments; it says READY=1 to nobody, so what it does is waited for
	local name=$1
	shift
	"$@" --data "$D" >"$T/$name.out" 2>"$T/run.err.$name" </dev/null 9>&- &
	PIDS+=($!)
	declare -g "${name^^}=$!"
}

ok "without a schema a view says what to do" eval "! ajar ls --store '$STORE' 2>'$T/err' && grep -q 'schema 0' '$T/err'"
role monitor ajar monitor --store "$STORE" --on-alert "$T/hook"
role agent ajar-agent --data "$D"
role ship ajar ship --store "$STORE"

door() { view ls -j ":$1" 2>/dev/null; }
open_door tcp 127.0.0.1 22901
ok "a door reaches the store on the server" wait_for eval 'test -n "$(door 22901)"'
ok "what is open is accepted as the profile" view profile learn --write
ok "the door is as profiled" wait_for eval '[ "$(door 22901 | jq -r .verdict)" = "as profiled" ]'
open_door tcp 0.0.0.0 22902
second=$DOOR
ok "an unexpected door raises an alert through the server" wait_for has_alert '.port == 22902 and .state == "open"'
same "with the pid of who opened it" "$(jq -r 'select(.port == 22902) | .door.opener.pid' "$HOOK_LOG" | head -1)" "$second"
ok "alerts ls shows it" eval "view alerts ls -j | jq -es 'any(.[]; .port == 22902 and .state == \"open\")'"
ok "so does the timeline" eval "view timeline -j :22902 | jq -es 'any(.[]; .event == \"open\")'"

kill -USR1 "$SERVER"
ok "the server is killed" wait_for said dead
ok "a view says that it is away" eval "! view ls 2>'$T/err' && grep -q 'is the server running' '$T/err'"
DOOR_PROGRAM=$(other_door third) open_door tcp 0.0.0.0 22903
third=$DOOR
close_door "$second"
kill -USR2 "$SERVER"
ok "and comes back" wait_for said ready 2
WAIT=60 # the shipper asks again every 30 s at the latest
ok "what was opened meanwhile alerts" wait_for has_alert '.port == 22903 and .state == "open"'
ok "what was closed meanwhile is resolved" wait_for has_alert '.port == 22902 and .state == "resolved"'
same "each once" "$(count_alerts '.port == 22902') $(count_alerts '.port == 22903')" "2 1"
close_door "$third"
ok "and so is the other" wait_for has_alert '.port == 22903 and .state == "resolved"'
ok "journal and store agree" view timeline verify

for p in "$AGENT" "$SHIP" "$MONITOR"; do kill -TERM "$p"; done
for p in "$AGENT" "$SHIP" "$MONITOR"; do
	wait "$p"
	same "each ends with 0" "$?" 0
done
for f in "$T"/run.err.*; do [ "$BAD" = 0 ] || sed "s/^/# ${f##*.}: /" "$f" | tail -20; done
done_testing
