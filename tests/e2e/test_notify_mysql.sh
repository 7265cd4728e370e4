#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The notifier on a server, with an account that may only read alerts and keep its own place among them.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root python3 mariadb

PORT=23750
mkfifo "$T/in"
"$BUILD/tests/helpers/mariadb_server" <"$T/in" >"$T/server.out" 2>"$T/server.err" &
PIDS+=("$!")
exec 9>"$T/in"
answered() { grep -qE '^(ready|skip)' "$T/server.out"; }
WAIT=60 wait_for answered
if ! grep -q '^ready' "$T/server.out"; then
	echo "1..0 # SKIP $(sed -n 's/^skip //p' "$T/server.out")"
	exit 77
fi
SOCKET=$(sed -n 's/^ready //p' "$T/server.out")
OWNER="mysql://ajar@localhost/ajar?socket=$SOCKET"
NOTIFIER="mysql://teller@localhost/ajar?socket=$SOCKET"
sql() { mariadb --socket="$SOCKET" --user=ajar ajar -Ne "$1" 2>"$T/sql.err"; }
put() { "$BUILD/tests/helpers/put_alerts" "$OWNER" "$@"; }
put open first "the first" critical >/dev/null
# What user/store/mysql_rights.c gives the role.
grant() {
	sed -nE 's/^\t\{ ACCOUNT_NOTIFY, "([A-Z, ]+)", "([a-z_]+)", false \},$/GRANT \1 ON ajar.\2 TO teller@localhost;/p' "$TOP/user/store/mysql_rights.c"
}
if ! sql "CREATE USER teller@localhost; $(grant)"; then
	echo "1..0 # SKIP this server lets its owner make no account: $(head -1 "$T/sql.err")"
	exit 77
fi

R=$T/r
mkdir -p "$R"
python3 "$TOP/tests/helpers/receiver.py" $PORT "$R" >"$T/receiver.out" 2>&1 </dev/null 9>&- &
PIDS+=("$!")
wait_for grep -q ready "$T/receiver.out"
chmod 755 "$T"
printf 'sink.hook.type webhook\nsink.hook.url http://127.0.0.1:%s/\nsink.am.type alertmanager\nsink.am.url http://127.0.0.1:%s\n' $PORT $PORT >"$T/conf"
NOTIFIERS=0
start_notifier() { # command that starts it...; each has a folder of its own, where a second one would be refused
	NOTIFIERS=$((NOTIFIERS + 1))
	"$@" ajar -C "$T/conf" --data "$D.$NOTIFIERS" --store "$NOTIFIER" notify >>"$T/notify.out" 2>>"$T/run.err" </dev/null 9>&- &
	NOTIFY=$!
	PIDS+=("$NOTIFY")
}
start_notifier env
has() { grep -q "\"path\": \"$1\".*$2" "$R/requests" 2>/dev/null; }
ok "an alert from before its start is reported" wait_for has / "the first"
ok "Alertmanager's too" wait_for has /api/v2/alerts "the first"
put open second "the second" >/dev/null
ok "and one that is written while it runs" wait_for has / "the second"
run --store "$OWNER" notify --status -j
same "its place is in the store" "$(jq -r 'select(.sink == "hook") | [.sent, .behind, .state] | @text' "$T/out")" '[2,0,"ok"]'
same "it may do no more than that" "$(mariadb --socket="$SOCKET" --user=teller ajar -Ne 'SELECT count(*) FROM events' 2>&1 | grep -c denied)" 1
run --store "$OWNER" metrics
ok "the metrics come from a server, too" grep -q '^ajar_sink_sent_total{sink="hook"} 2' "$T/out"

# --- several on one store: each change goes out once ------------------------------------------------------
told() { grep -c "\"path\": \"$1\".*$2" "$R/requests"; } # path, words
# What is open goes to Alertmanager again and again, by design and by each: it has all, and the webhook has each once.
once() { # what, first, last
	local i got=
	for ((i = $2; i <= $3; i++)); do wait_for has / "number $i;" && wait_for has /api/v2/alerts "number $i;"; done
	for ((i = $2; i <= $3; i++)); do got+="$(told / "number $i;") "; done
	same "$1: each is reported once" "${got//1 /}" ""
}
many() { for ((i = $1; i <= $2; i++)); do put open "k$i" "number $i;" >/dev/null; done; }
holder() { sql "SELECT substring_index(holder, ' ', -1) FROM sink_states WHERE name = 'hook'"; }
FIRST=$NOTIFY
start_notifier env
SECOND=$NOTIFY
many 1 20
once "two notifiers" 1 20
same "the first has the sinks still" "$(holder)" "$FIRST"
kill -9 "$FIRST"
wait "$FIRST" 2>/dev/null
many 21 30
once "when it is killed" 21 30
same "the other has them" "$(holder)" "$SECOND"
# As on another machine: nobody can see whether it lives, and its lease has to run out.
start_notifier unshare --pid --fork --kill-child
many 31 33
once "one elsewhere beside it" 31 33
kill -9 "$SECOND"
wait "$SECOND" 2>/dev/null
many 34 36
WAIT=40 once "when that one is killed" 34 36
same "what the killed had told is not told again" "$(told / "number 33;")" 1
NOTIFY=$(pgrep -P "$NOTIFY")
kill "$NOTIFY"
NOTIFY=${PIDS[-1]}
wait "$NOTIFY"
same "SIGTERM ends it well" "$?" 0
done_testing
