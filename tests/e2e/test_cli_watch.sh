#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# `ajar watch` and `ajar ls` with neither configuration, database nor daemon: what the kernel shows, live.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root
has() { jq -es "any(.[]; $2)" "$1"; } # file, jq condition on a row

open_door tcp 127.0.0.1 21931
ajar watch -j --data "$D" >"$T/watch" 2>"$T/watch.err" &
WATCH=$!
PIDS+=("$WATCH")
ok "watch shows a door of before" wait_for has "$T/watch" '.port == 21931 and .event == "open" and .origin == "snapshot"'
ok "with its opener" has "$T/watch" '.port == 21931 and .opener.comm == "hold_door" and .opener.user == "root" and (.opener.ancestors | length) > 0'
ok "and says how it watches" grep -q 'sensor: tier [A-D]; profile: none (learning)' "$T/watch.err"
ok "and how many doors are open" wait_for grep -qE '^ajar: [1-9][0-9]* doors? stands? open; watching' "$T/watch.err"
ok "and that it is learning" grep -q "learning: class 'default' has no accepted profile" "$T/watch.err"
close_door
ok "the door's end is shown" wait_for has "$T/watch" '.port == 21931 and .event == "close"'
open_door udp 127.0.0.1 21932
ok "a door opened now is shown" wait_for has "$T/watch" '.port == 21932 and .event == "open" and .origin == "event"'
ok "with its latency" has "$T/watch" '.port == 21932 and .latency_us >= 0'
ok "without an identity that no journal gave" has "$T/watch" '.port == 21932 and .seq == null and .boot_seq == null'
ajar ls -j --data "$D" :21932 >"$T/ls" 2>"$T/ls.err"
same "ls has it from the kernel" "$(jq -r .port "$T/ls")" 21932
ok "and says so" grep -q 'doors the kernel shows now' "$T/ls.err"
close_door
ok "and its end" wait_for has "$T/watch" '.port == 21932 and .event == "close" and .duration_ms >= 0 and .opened != null'
kill -INT "$WATCH"
wait "$WATCH"
same "SIGINT ends it with 0" $? 0
ok "with its counts and what to do next" grep -q 'profile learn --write' "$T/watch.err"
ok "nothing is made in the data folder" not test -e "$D"

ajar watch --count 2 --no-snapshot --data "$D" tcp :21933 >"$T/text" 2>"$T/text.err" &
WATCH=$!
PIDS+=("$WATCH")
ok "watch for people says when it is ready" wait_for grep -q 'watching (' "$T/text.err"
open_door udp 127.0.0.1 21934
close_door
open_door tcp 127.0.0.1 21933
close_door
wait "$WATCH"
same "--count ends it with 0" $? 0
same "and it printed as many rows" "$(grep -c '' "$T/text")" 2
ok "of what the filter wants alone" not grep -q 21934 "$T/text"

# Stopped while much happens (more than two drains of the ring), then interrupted: what was printed and what was not are all of it.
ajar watch -j --no-snapshot --data "$D" :21936 >"$T/many" 2>"$T/many.err" &
WATCH=$!
PIDS+=("$WATCH")
WAIT=60 wait_for grep -q 'watching (' "$T/many.err" || sed 's/^/# /' "$T/many.err"
kill -STOP "$WATCH"
"$BUILD/tests/helpers/storm_doors" 8000 0 21936 1 >"$T/ledger"
kill -INT "$WATCH"
kill -CONT "$WATCH"
wait "$WATCH"
same "an interrupted watch ends with 0" $? 0
missing=$(sed -n 's/.*ended before all was printed: \([0-9]*\) events* that.*/\1/p' "$T/many.err")
ok "and says how many events it had not printed" [ "${missing:-0}" -gt 0 ]
same "which with the printed and the lost ones are all" "$(($(jq -r 'select(.event == "open" or .event == "close").event' "$T/many" | grep -c '') + $(jq -s 'map(select(.event == "lost").count) | add // 0' "$T/many") + missing))" \
	"$(($(grep -c '^open' "$T/ledger") * 2))"

ajar watch -j --data "$D" 2>"$T/pipe.err" | head -n 1 >"$T/first" &
PIPE=$!
PIDS+=("$PIPE")
open_door tcp 127.0.0.1 21935
ok "a reader that goes away ends it" wait_for eval "! kill -0 $PIPE 2>/dev/null"
ok "without noise" not grep -qi 'pipe' "$T/pipe.err"
close_door
done_testing
