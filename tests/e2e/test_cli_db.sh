#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# ajar db and node on a store that was made for it; the monitor prunes by itself. No root needed.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
for tool in jq sqlite3; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP $tool is missing"
		exit 77
	}
done
db() { ajar --data "$D" db "$@" 2>/dev/null; }
sql() { sqlite3 "$D/store/ajar.db" "$1"; }

same "status without a store is an error" "$(ajar --data "$D" db >/dev/null 2>"$T/err"; echo "$? $(wc -l <"$T/err")")" "2 1"
same "so is migrate" "$(ajar --data "$D" db migrate >/dev/null 2>"$T/err"; echo "$? $(wc -l <"$T/err")")" "2 1"
ok "init makes one" db init
ok "and does no harm to one that is there" db init
ok "nor does migrate" db migrate
same "an empty one has nothing in it" "$(db -j | jq -r '[.driver, .events, .oldest, .schema == .schema_wanted] | @text')" '["sqlite",0,null,true]'
rm -rf "$D"
"$BUILD/tests/helpers/fill_data" "$D" recent || echo "Bail out! fill_data failed"
events=$(sql 'SELECT count(*) FROM events')
same "status counts" "$(db status -j | jq .events)" "$events"
ok "and knows size and log" eval 'db status -j | jq -e ".used_bytes > 0 and .file_bytes >= .used_bytes and .wal_bytes >= 0 and .newest != null"'
ok "people get it too" eval 'db status | grep -q "^schema  "'
ok "and what is kept how long, and how full that is" eval 'db status | grep -q "^keeps   365 days, the oldest event has 0.0" && db -j | jq -e ".keep_days == 365 and .keep_bytes == 0 and .oldest_age_s < 600"'
same "by bytes too" "$(printf 'store.keep-bytes 1M\n' >"$T/conf"; ajar -C "$T/conf" --data "$D" db | grep -c '; 1.0 MiB, [0-9]* % of them used$')" 1
same "nothing is old" "$(db prune --days 1)" "deleted 0 events, 0 doors, 0 alerts"
same "no limit is no order" "$(printf 'store.keep-days 0\n' >"$T/conf"; ajar -C "$T/conf" --data "$D" db prune >/dev/null 2>"$T/err"; echo "$?")" 2
node() { ajar --data "$D" node "$@" 2>/dev/null; }
same "a node has its health" "$(node -j | jq -c '[.node, .class, .state, .silent_since, .boot_seq, .events, .lost, .doors]')" \
	"[\"node001\",\"compute\",\"unknown\",null,1,$events,3,2]"
ok "and its sensor's tier" eval 'node -j | jq -e ".tier | startswith(\"tier A\")"'
same "the table names it" "$(node | awk 'NR == 2 { print $1, $2, $3 }')" "node001 compute unknown"
same "this machine's, without an agent that holds its journal, is silent" "$(printf 'node.name node001\n' >"$T/here"
	ajar -C "$T/here" --data "$D" node node001 -j 2>/dev/null | jq -r '.state + " " + (.silent_since == .last_heard | tostring)')" "silent true"
ok "people are told what that means" eval 'ajar -C "$T/here" --data "$D" node node001 | grep -q "^state  *silent (its agent ended"'
exec 9<>"$D/journal/lock"
flock -x 9
same "with one it is recording" "$(ajar -C "$T/here" --data "$D" node -j 2>/dev/null | jq -r .state)" recording
exec 9>&-
same "a node nobody knows is a negative answer" "$(node nobody; echo $?)" 1
ok "the timeline goes to a SIEM as OCSF, doors and alerts" eval 'ajar --data "$D" timeline --format ocsf 2>/dev/null | jq -es "any(.[]; .class_uid == 4001 and .activity_id == 7) and any(.[]; .class_uid == 2004) and all(.[]; .metadata.version == \"1.4.0\")"'
same "another format is no format" "$(ajar --data "$D" timeline --format sosf >/dev/null 2>"$T/err"; echo "$? $(wc -l <"$T/err")")" "2 1"
# As if all of it had come in two days ago, but for the last record.
sql "UPDATE events SET received_ns = received_ns - 172800000000000 WHERE seq < (SELECT max(seq) FROM events); UPDATE journals SET oldest_ns = 0" >/dev/null
same "--dry-run counts" "$(db prune --days 1 --dry-run -j | jq -c '[.dry_run, .events]')" "[true,$((events - 1))]"
same "and deletes nothing" "$(db -j | jq .events)" "$events"
same "prune does" "$(db prune --days 1 -j | jq -c '[.dry_run, .events]')" "[false,$((events - 1))]"
same "one is left" "$(db -j | jq .events)" 1
ok "open doors have stayed" eval 'ajar --data "$D" ls -j 2>/dev/null | jq -es "any(.[]; .port == 22)"'
verified=$(ajar --data "$D" timeline verify -j 2>/dev/null)
ok "verify knows what was pruned from what is missing" jq -es --argjson n $((events - 1)) 'any(.[]; .store_pruned == $n)' <<<"$verified"
ok "a damaged file is an error in one line" eval 'mkdir -p "$T/bad/store"; head -c 8192 /dev/urandom >"$T/bad/store/ajar.db"
	ajar --data "$T/bad" db 2>"$T/err"; [ $? = 2 ] && [ "$(wc -l <"$T/err")" = 1 ]'

rm -rf "$D"
"$BUILD/tests/helpers/fill_data" "$D" recent
sql "UPDATE events SET received_ns = received_ns - 172800000000000" >/dev/null
printf 'store.keep-days 1\nalert.syslog no\n' >"$T/conf"
[ "$(id -u)" != 0 ] || chown -R nobody "$D"
chmod 755 "$T"
ajar -C "$T/conf" --data "$D" monitor 2>"$T/monitor.err" </dev/null &
PIDS+=("$!")
ok "the monitor prunes by itself" wait_for grep -q "pruned $events events" "$T/monitor.err"
done_testing
