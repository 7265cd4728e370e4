#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# A program that wears escape sequences, newlines, quotes and broken UTF-8 in its name, path and arguments: nothing raw reaches a
# terminal, a log or a hook, and all JSON is JSON. In a mount namespace of its own, for a /dev/log of its own.
if [ -z "${AJAR_OWN_NS:-}" ] && [ "$(id -u)" = 0 ]; then
	AJAR_OWN_NS=1 exec unshare -m --propagation private "$0" "$@"
fi
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root python3 script

# --- a syslog that keeps what it gets ----------------------------------------------------------------
mkdir "$T/dev"
mount -t tmpfs none "$T/dev"
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty "$T/dev"
mkdir "$T/dev/pts" "$T/dev/shm"
mount --bind /dev/pts "$T/dev/pts"
ln -s pts/ptmx "$T/dev/ptmx"
ln -s /proc/self/fd "$T/dev/fd"
mount --move "$T/dev" /dev # so that nothing of it is below $T when $T goes
[ ! -d /run/systemd ] || mount -t tmpfs none /run/systemd
python3 - "$T/syslog" <<'EOS' &
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("/dev/log")
import os
os.chmod("/dev/log", 0o666)
with open(sys.argv[1], "wb", buffering=0) as f:
    while True:
        f.write(s.recv(65536) + b"\n")
EOS
PIDS+=($!)
ok "there is a syslog" wait_for test -S /dev/log

keep_alerts

# --- the program --------------------------------------------------------------------------------------
# ESC and OSC, a newline, quote, backslash, a lone continuation byte, a bidi override, C1's CSI, a cut UTF-8 sequence.
EVIL=$'a"\\\e[2J\n\xff\xe2\x80\xae\xc2\x9b\e]0;x\a\xc3'
mount -t tmpfs none /mnt # a program below /tmp is not learned
mkdir "/mnt/$EVIL"
PROGRAM=/mnt/$EVIL/$EVIL
cp "$BUILD/tests/helpers/hold_door" "$PROGRAM"
LONG=$(printf '%04000d' 7)

# One raw byte below blank (but newline), DEL, C1, a bidi override or what is no UTF-8: then it is not clean.
cat >"$T/clean.py" <<'EOS'
import re, sys
data = open(sys.argv[1], "rb").read()
if "tty" in sys.argv:  # our own colours, the terminal's line ends, what script(1) says
    data = re.sub(rb"\x1b\[[0-9;]*m", b"", data).replace(b"\r\n", b"\n")
text = data.decode("utf-8")
bad = re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
if bad:
    sys.exit("raw %r in %r" % (bad[0], text[max(0, bad.start() - 60) : bad.end() + 60]))
if not text.strip():
    sys.exit("empty")
EOS
clean() { python3 "$T/clean.py" "$@"; }
on_terminal() { # verb...
	TERM=xterm-256color script -qefc "$(printf '%q ' ajar "$@" --data "$D")" "$T/tty" >/dev/null 2>&1 </dev/null
	sed -i '/^Script \(started\|done\)/d' "$T/tty"
}

ok "a profile that knows it not is accepted" ajar profile learn --write -q --data "$D"
ok "ajar run says ready" start_run --on-alert "$T/hook"
ajar watch -j --data "$D" >"$T/watch" 2>"$T/watch.err" &
PIDS+=($!)
WATCH=$!
ajar watch --data "$D" >"$T/watch.text" 2>&1 &
PIDS+=($!)
WATCH_TEXT=$!
ok "ajar watch watches" eval "wait_for grep -q 'watching (' '$T/watch.text' && wait_for grep -q 'sensor: tier' '$T/watch.err'"

DOOR_PROGRAM=$PROGRAM open_door tcp 127.0.0.1 21961
EVIL_DOOR=$DOOR
# Lives a millisecond; argv[0], empty and long arguments. It takes any port: the long argument finds it again.
(exec -a "$EVIL" "$BUILD/tests/helpers/odd_door" plain "$EVIL" "" '"}],"x":"' "$LONG")

timeline_has() { ajar timeline -jq --data "$D" | jq -es "any(.[]; $1)"; }
is_evil='(.opener.comm // "" | startswith("a\"\\\\x1b[2J\\x0a\\xff"))'
is_odd='(.opener.argv // [] | length > 4 and .[1] == "plain")'
ok "the timeline has both" wait_for eval "timeline_has '.port == 21961' && timeline_has '$is_odd'"
ok "the hook was told" wait_for jq -es 'any(.[]; .port == 21961)' "$T/alerts"
ok "and syslog" wait_for grep -aq 21961 "$T/syslog"
ok "and watch" wait_for jq -es "any(.[]; .port == 21961) and any(.[]; $is_odd)" "$T/watch"

# --- JSON ----------------------------------------------------------------------------------------------
ajar timeline -jq --data "$D" >"$T/timeline"
ajar ls -jq --data "$D" :21961 >"$T/ls"
ajar alerts -jq --data "$D" >"$T/alerts.ls"
cp "$T/watch" "$T/watch.now"
for f in watch.now timeline ls alerts alerts.ls; do
	ok "JSON of $f has nothing raw" clean "$T/$f"
	ok "and every line of it is an object" eval "[ \$(jq -c 'select(type == \"object\")' '$T/$f' | wc -l) = \$(wc -l <'$T/$f') ]"
done
evil() { jq -es --arg path "$2" "any(.[]; .port == 21961 and ((.door | objects) // . | .opener.exe | contains(\$path)))" "$1"; }
ESCAPED='a"\\x1b[2J\x0a\xff\xe2\x80\xae\xc2\x9b\x1b]0;x\x07\xc3'
for f in watch.now timeline ls alerts alerts.ls; do
	ok "the path in $f is whole, and escaped" evil "$T/$f" "/$ESCAPED/$ESCAPED"
done
ok "comm is its first 15 bytes" jq -es "any(.[]; .port == 21961 and $is_evil)" "$T/timeline"
ok "arguments are kept apart" jq -es --arg e "$ESCAPED" "any(.[]; $is_odd and .opener.argv[0] == \$e and .opener.argv[2] == \$e and .opener.argv[3] == \"\" and .opener.argv[4] == \"\\\"}],\\\"x\\\":\\\"\")" "$T/timeline"
ok "a long one is whole, or is said to be cut" jq -es --arg l "$LONG" "any(.[]; $is_odd and (.opener.argv[5] == \$l or .opener.argv_cut == true))" "$T/timeline"

# --- for people ------------------------------------------------------------------------------------------
ok "what syslog got has nothing raw" clean "$T/syslog"
for verb in ls timeline alerts "alerts show 1" "profile learn" "profile show"; do
	# shellcheck disable=SC2086
	ajar $verb --data "$D" >"$T/text" 2>&1
	ok "'$verb' has nothing raw in a file" clean "$T/text"
	# shellcheck disable=SC2086
	on_terminal $verb
	ok "nor on a terminal" clean "$T/tty" tty
done
rm "$T/tty" # what the verb before showed has that port too
on_terminal watch --count 1 :21961 &
PIDS+=($!)
ON_TERMINAL=$!
# Not in the line with which script(1) begins, which has the command.
ok "watch on a terminal shows it" wait_for eval 'grep -av "^Script started" "$T/tty" | grep -aq 21961'
kill "$EVIL_DOOR"
wait "$EVIL_DOOR" 2>/dev/null
wait "$ON_TERMINAL"
ok "with nothing raw" clean "$T/tty" tty
ok "the alert is resolved" wait_for jq -es 'any(.[]; .port == 21961 and .state == "resolved")' "$T/alerts"
ok "ajar run's display had nothing raw" clean "$T/run.out"
ok "nor its talk" clean "$T/run.err"
kill -INT "$WATCH" "$WATCH_TEXT"
wait "$WATCH" "$WATCH_TEXT"
ok "nor watch" clean "$T/watch.text"

# --- a rule for it -----------------------------------------------------------------------------------------
DOOR_PROGRAM=$PROGRAM open_door tcp 127.0.0.1 21961
listed() { ajar ls -jq --data "$D" :21961 | jq -es "length == 1 and .[0].verdict == \"$1\""; }
ok "it is open again" wait_for listed unexpected
ok "it can be learned" ajar profile learn --write -q --data "$D"
ok "and is known again by its name" wait_for listed "as profiled"
ajar profile show -jq --data "$D" >"$T/rows"
ok "the row is clean JSON" clean "$T/rows"
# The program of a row is a pattern: the name's own backslash has one before it.
PATTERN='a"\\\x1b'${ESCAPED#*x1b}
ok "with the path escaped" jq -es --arg p "/$PATTERN" 'any(.[]; .port == 21961 and (.exe | endswith($p)))' "$T/rows"
on_terminal profile show
ok "and on a terminal" clean "$T/tty" tty
close_door
stop_run
same "ajar run ends with 0" $? 0
ok "the journal is whole" ajar timeline verify -q --data "$D"
done_testing
