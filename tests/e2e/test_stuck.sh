#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Slow and stuck parts: stopped roles, a locked store, a reader that does not end, a hook that fails or hangs.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/ledger.sh
. tests/e2e/ledger.sh
need_root sqlite3
WAIT=40

told() { grep -c -- "$1" "$T/run.err" || :; }
opened() { jq -r "select(.port == $1 and .state == \"open\") | .port" "$HOOK_LOG" | wc -l; }
: >"$T/fails"
cat >"$T/hook" <<'EOS'
#!/bin/sh
alert=$(cat)
case $alert in
*'"port":22811,'*) # fails as long as the file is there
	echo x >>"$HOOK_LOG.failed"
	[ ! -e "$HOOK_LOG.fail" ] || exit 1 ;;
esac
printf '%s\n' "$alert" >>"$HOOK_LOG"
EOS

ok "ajar run says ready" start_run --on-alert "$T/hook" -q
ok "a profile is accepted" ajar profile learn --write --data "$D"
# Not all children of it: a hook is one too, for a moment.
role_pids() { for role in agent ship monitor; do echo "$role $(role_pid $role)"; done; }
roles=$(role_pids)

# --- stopped roles ------------------------------------------------------------------------------------
start_storm "$T/load" 100000 200 22800 10
for role in agent ship monitor; do
	pid=$(role_pid $role)
	kill -STOP "$pid"
	n=$(wc -l <"$T/load")
	ok "doors go on while the $role is stopped" wait_for lines_over "$T/load" $((n + 600))
	kill -CONT "$pid"
done
end_storm
ok "a door after all that alerts" through 22821
check_ledger "$T/load"
same "nothing is missing" "$(head -3 "$T/missing")" ""
same "and nothing lost" "$(told_lost)" 0

# --- the store locked by somebody else for longer than anybody waits ----------------------------------------------
coproc LOCK { sqlite3 "$D/store/ajar.db"; }
LOCK_IN=${LOCK[1]} LOCK_OUT=${LOCK[0]} LOCKER=$LOCK_PID # bash forgets them when it ends
printf 'PRAGMA busy_timeout=20000;\nBEGIN IMMEDIATE;\nSELECT 7;\n' >&"$LOCK_IN"
while read -r line <&"$LOCK_OUT" && [ "$line" != 7 ]; do :; done
start_storm "$T/load2" 100000 100 22800 10
ok "a store that is locked for long is said once" wait_for eval '[ "$(told "cannot ship.*lock")" = 1 ]'
printf 'COMMIT;\n.quit\n' >&"$LOCK_IN"
wait "$LOCKER" 2>/dev/null
end_storm
ok "when the lock is gone everything goes on" through 22822
check_ledger "$T/load" "$T/load2"
same "with nothing missing" "$(head -3 "$T/missing")" ""

# --- a reader in one long transaction, and one that follows: the WAL -------------------------------------------------
ajar timeline --follow --data "$D" >/dev/null 2>&1 &
PIDS+=($!)
coproc READER { sqlite3 -readonly "$D/store/ajar.db"; }
READER_IN=${READER[1]} READER_OUT=${READER[0]} FOLLOWER=$READER_PID
printf 'BEGIN;\nSELECT 7 FROM settings LIMIT 1;\n' >&"$READER_IN"
read -r _ <&"$READER_OUT"
"$STORM" 4000 0 0 1 >"$T/load3"
ok "a long reading transaction stops nobody" through 22823
held=$(stat -c %s "$D/store/ajar.db-wal")
printf 'COMMIT;\n.quit\n' >&"$READER_IN"
wait "$FOLLOWER" 2>/dev/null
"$STORM" 4000 0 0 1 >"$T/load4"
ok "nor its end" through 22824
"$STORM" 4000 0 0 1 >"$T/load5"
ok "nor what comes then" through 22825
after=$(stat -c %s "$D/store/ajar.db-wal")
echo "# the WAL has $held bytes with the reader, $after two storms later"
ok "the WAL does not grow with what is stored while others follow" [ "$after" -le $((held + 8000000)) ]
check_ledger "$T"/load*[0-9] "$T/load"
ok "what is missing was reported lost" [ "$MISSING" -le "$(told_lost)" ]

# --- hooks that fail ----------------------------------------------------------------------------------------
: >"$HOOK_LOG.fail"
open_door tcp 0.0.0.0 22811
ok "a hook that fails is tried again" wait_for lines_over "$HOOK_LOG.failed" 1
same "and said with the reason" "$(told 'exec sink failed: .*status 1')" 1
close_door
DOOR_PROGRAM=$(other_door behind) open_door tcp 0.0.0.0 22812
kill -9 "$(role_pid monitor)"
rm "$HOOK_LOG.fail"
ok "a door behind it alerts when it works again" wait_for grep -q '"port":22812,' "$HOOK_LOG"
close_door
same "the first is reported once, although its monitor was killed" "$(opened 22811)" 1
same "and the second" "$(opened 22812)" 1
same "no change was reported twice in all this" "$(sort "$HOOK_LOG" | uniq -d | head -1)" ""

same "no role died but the one we killed" "$(grep 'starting it again$' "$T/run.err" | sed 's/.*warning: //')" \
	"ajar monitor was killed by SIGKILL, starting it again"
same "as their pids have it" "$(comm -13 <(role_pids | sort) <(sort <<<"$roles") | cut -d' ' -f1)" monitor
ok "the journal is whole" ajar timeline verify --data "$D"
stop_run
same "SIGTERM ends it with 0" "$?" 0
done_testing
