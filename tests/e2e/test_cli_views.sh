#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What every verb says and returns: the command line's grammar, and the views of a store that was made for it. No root.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || {
	echo "1..0 # SKIP jq is missing"
	exit 77
}

# --- grammar ---------------------------------------------------------------------------------------
run
same "ajar alone exits 2" "$RC" 2
ok "and prints its verbs on standard error" grep -q '^  watch ' "$T/err"
same "and nothing else" "$OUT" ""
run --help
same "--help exits 0" "$RC" 0
ok "and prints on standard output" grep -q 'usage: ajar VERB' "$T/out"
same "and nothing on standard error" "$ERR" ""
for verb in watch run ls timeline alerts profile node db config doctor ship monitor; do
	run "$verb" --help
	same "$verb --help exits 0" "$RC" 0
	ok "$verb --help names its usage" grep -q "^usage: ajar $verb" "$T/out"
done
run help ls
ok "help VERB is VERB --help" grep -q '^usage: ajar ls' "$T/out"
run -V
same "the version is one line" "$(echo "$OUT" | grep -cE '^ajar [0-9]+\.[0-9]+\.[0-9]+$')" 1
run wacth
refuses "an unknown verb" 2 "unknown verb 'wacth' (did you mean 'watch'?): run 'ajar --help'"
run frobnicate
refuses "a verb like no other" 2 "unknown verb 'frobnicate': run 'ajar --help'"
run "$(printf 'x\033[2J')"
refuses "a hostile verb is escaped" 2 "unknown verb 'x\\x1b[2J'"
run ls --jsno
refuses "an unknown option" 2 "unknown option '--jsno' (did you mean '--json'?): run 'ajar ls --help'"
run ls -Z
refuses "an unknown letter" 2 "unknown option '-Z': run 'ajar ls --help'"
run --data
refuses "an option without its value" 2 "option '--data' needs a value"
run ls --json=yes
refuses "a switch with a value" 2 "option '--json' takes no value"
run ls --data=
refuses "an empty value" 2 "--data wants a value"
run ls --data "$T" :99999999999
refuses "a port that is none" 2 ":PORT"
run ls --data "$T" colour:red
refuses "an unknown filter" 2 "unknown filter"
run timeline --data "$T" --since yesterday-ish
refuses "a time that is none" 2 "is not a time"
run timeline --data "$T" -n 0
refuses "a count of nothing" 2 "not a number from 1"
run timeline --data "$T"
refuses "a timeline without a store" 2 "no store at"
run timeline verify --data "$T"
refuses "verify without a journal" 2 "no journal at"
run alerts frob --data "$T"
refuses "an unknown word of a verb" 2 "unknown word 'frob'"
run doctor now
refuses "a word too many" 2 "unexpected argument 'now'"
run ls -C "$T/none.conf"
refuses "a configuration that is not there" 2 "cannot read configuration"
printf 'data.dir /x\nnod.name y\n' >"$T/bad.conf"
run -C "$T/bad.conf" ls
refuses "a mistyped key" 2 "bad.conf:2: unknown key 'nod.name' (did you mean 'node.name'?)"
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$T"
	setpriv --reuid 65534 --regid 65534 --clear-groups "$BUILD/ajar" watch --data "$T" >"$T/out" 2>"$T/err"
	RC=$? OUT=$(cat "$T/out")
	[ "$RC" = 126 ] || refuses "watch without root" 2 "reading the kernel needs root: run 'sudo ajar watch'"
fi

# --- views -----------------------------------------------------------------------------------------
"$BUILD/tests/helpers/fill_data" "$D" || {
	echo "Bail out! fill_data failed"
	exit 1
}
export PATH
run ls --data "$D"
same "ls exits 0" "$RC" 0
ok "ls has a header" grep -q '^NODE ' "$T/out"
ok "ls says that no agent runs" grep -q 'no agent runs here' "$T/err"
ok "nothing that moves a cursor is printed" not grep -q "$(printf '\033')" "$T/out"
for words in "ls -j" "timeline -j" "alerts -j" "alerts --all -j" "profile ls -j" "profile show compute -j" \
	"timeline verify -j" "doctor -j" "alerts show 1 -j" "timeline --at @1795363343 -j"; do
	# shellcheck disable=SC2086
	run $words --data "$D"
	ok "'$words' prints objects" jq -es 'length > 0 and all(.[]; type == "object")' "$T/out"
	same "'$words' prints one a line" "$(grep -c '' "$T/out")" "$(jq -c . "$T/out" | grep -c '')"
	ok "'$words' is UTF-8" iconv -f UTF-8 -t UTF-8 "$T/out"
done
run timeline -j --data "$D"
KEYS='["addr","boot_seq","cgroup","cgroups","class","container","container_known","device","door","event","family","job","job_known","latency_us","netns","netns_name","node","opener","origin","port","proto","scope","seq","time","v6only","verdict","where"]'
ok "every event has every key" jq -es --argjson k "$KEYS" 'map(select(.event != "alert")) | length == 6 and all(.[]; (keys | contains($k)))' "$T/out"
ok "rows are in time order" jq -es '[.[].time] | . == sort' "$T/out"
ok "a hostile name is one escaped string" jq -es 'any(.[]; .opener.comm? == "nc\\xff\\x1b[2J\"")' "$T/out"
ok "argv has its three arguments" jq -es 'any(.[]; .opener.argv? == ["nc","\\xc3(","\\x1b]0;x\\x07"])' "$T/out"
ok "the alert is among the events" jq -es 'any(.[]; .event == "alert" and .kind == "unexpected" and .port == 4444 and .door.seq == 3)' "$T/out"
ok "lost has its count" jq -es 'any(.[]; .event == "lost" and .count == 3)' "$T/out"
ok "close has closer, opened, duration_ms" jq -es 'any(.[]; .event == "close" and .duration_ms == 10000 and .closer.pid > 0 and .opened != null)' "$T/out"
run timeline -j :4444 --data "$D"
ok "a filter keeps its port, and what is lost" jq -es '[.[] | .port // .event] | . == [4444, 4444, "lost"]' "$T/out"
run timeline -j user:mlee state:unexpected tcp --data "$D"
ok "words of several kinds must all hold" jq -es 'map(select(.event == "open")) | length == 1 and .[0].port == 4444' "$T/out"
run timeline -j -n 2 --data "$D"
ok "-n keeps the last rows" jq -es 'length == 2 and .[1].event == "alert" and .[1].state == "resolved"' "$T/out"
run timeline -j --since '2026-11-22 16:02:20' --until '2026-11-22 16:02:30' --data "$D"
ok "--since and --until cut" jq -es 'map(select(.event != "alert")) | length == 1 and .[0].port == 8080' "$T/out"
run timeline -j --at '2026-11-22 16:02:25' --data "$D"
ok "--at has the doors of that moment" jq -es '[.[].port] == [22, 4444, 8080]' "$T/out"
run timeline --at '2026-11-22 16:00' --data "$D"
ok "before it all there was none" grep -q 'no door is known' "$T/err"
run ls -j :1 --data "$D"
same "no match is no error" "$RC" 0
ok "and is said" grep -q 'no open door matches' "$T/err"
run -q ls :1 --data "$D"
ok "-q says nothing of it" not grep -q 'no open door matches' "$T/err"
run ls -j state:unexpected --data "$D"
ok "ls has the verdict and the opener" jq -es 'length == 1 and .[0].verdict == "unexpected" and .[0].opener.user == "mlee"' "$T/out"
run profile show nope --data "$D"
refuses "a host type that does not exist" 2 "no host type 'nope': known are compute, default"
run ls --store mysq://ajar@db/ajar
refuses "a store of an unknown kind" 2 "no driver of that name: use sqlite:PATH"
run profile learn --class nope --data "$D"
refuses "learning for it" 2 "no host type 'nope'"
run alerts show 99 --data "$D"
same "an alert that does not exist: exit 2" "$RC" 2
run alerts show 1 --data "$D"
ok "alerts show has why and remedy" eval "grep -q '^why  ' '$T/out' && grep -q '^remedy ' '$T/out'"

# --- learning --------------------------------------------------------------------------------------
run profile learn --class compute --data "$D" -j
ok "learn proposes what is open, not the program in /tmp" jq -es '[.[].port] == [22]' "$T/out"
ok "and says what it leaves out, and why" grep -q 'left out: allow tcp 4444 .*deleted' "$T/err"
ok "and how to accept it" grep -q "profile learn --class compute --write" "$T/err"
run profile show compute -j --data "$D"
ok "nothing is written before" jq -es 'length == 1 and .[0].origin == "manual"' "$T/out"
run profile learn --class compute --write --data "$D"
same "--write accepts" "$RC" 0
run profile show compute -j --data "$D"
ok "and the profile has the row" jq -es 'any(.[]; .origin == "learned" and .exe == "/usr/sbin/sshd" and .port == 22)' "$T/out"

# --- output that goes nowhere ----------------------------------------------------------------------
ajar timeline --data "$D" 2>"$T/err" | true
same "a reader that has gone is no error" "${PIPESTATUS[0]}" 0
ok "and no noise" not grep -qi pipe "$T/err"
ajar ls --data "$D" >&- 2>"$T/err"
ok "a closed standard output harms nobody" test $? -le 2
if [ -w /dev/full ]; then
	ajar ls --data "$D" >/dev/full 2>"$T/err"
	same "a full disk under the output is an error" $? 2
	ok "and is said once" test "$(grep -c 'cannot write to standard output' "$T/err")" = 1
fi

# --- verify ----------------------------------------------------------------------------------------
run timeline verify --data "$D"
same "a whole record: exit 0" "$RC" 0
ok "with its counts" grep -q '6 records in 1 segment: whole' "$T/out"
ok "and the store's copy" grep -q '6 records equal, 0 not there yet' "$T/out"
if command -v sqlite3 >/dev/null; then
	cp -r "$D" "$T/altered"
	sqlite3 "$T/altered/store/ajar.db" "PRAGMA ignore_check_constraints=1; DROP TRIGGER IF EXISTS x; UPDATE events SET record = x'00' WHERE seq = 3" 2>"$T/sql.err" ||
		sqlite3 "$T/altered/store/ajar.db" "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'events'" |
		while read -r t; do sqlite3 "$T/altered/store/ajar.db" "DROP TRIGGER $t"; done
	sqlite3 "$T/altered/store/ajar.db" "UPDATE events SET record = x'00' WHERE seq = 3" 2>>"$T/sql.err"
	run timeline verify --data "$T/altered"
	same "an altered record in the store: exit 1" "$RC" 1
	ok "with its place" grep -q '^store:3: record in the store is altered (after record 1:2)' "$T/out"
fi
cp -r "$D" "$T/flipped"
segment=$(ls "$T"/flipped/journal/*.seg)
printf 'X' | dd of="$segment" bs=1 seek=$(($(stat -c %s "$segment") - 100)) conv=notrunc 2>/dev/null
run timeline verify --data "$T/flipped"
same "a flipped byte in the journal: exit 1" "$RC" 1
ok "with file, offset and the record before" grep -qE '^[0-9a-f-]+\.seg:[0-9]+: .* \(after record 1:[0-9]+\)' "$T/out"

# --- following -------------------------------------------------------------------------------------
ajar timeline -f -j --data "$D" >"$T/follow" 2>"$T/follow.err" &
PIDS+=($!)
FOLLOW=$!
ok "--follow begins with what is open" wait_for eval "jq -es 'any(.[]; .port == 4444)' '$T/follow'"
"$BUILD/tests/helpers/fill_data" "$D" more || echo "# fill_data more failed"
ok "and shows what comes in, judged" wait_for eval "jq -es 'any(.[]; .event == \"open\" and .port == 9090 and .verdict == \"unexpected\")' '$T/follow'"
ok "and the alert" wait_for eval "jq -es 'any(.[]; .event == \"alert\" and .port == 9090)' '$T/follow'"
kill -TERM "$FOLLOW"
wait "$FOLLOW"
same "and ends at SIGTERM with exit 0" $? 0
same "each new row was shown once" "$(jq -es '[.[] | select(.event == "open" and .port == 9090)] | length' "$T/follow")" 1

echo "1..$N"
exit "$BAD"
