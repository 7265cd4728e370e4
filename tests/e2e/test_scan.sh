#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# `ajar scan` on 127.0.0.1 and ::1 with the real nmap: a scan by hand, by plans in the monitor, several at once on one queue, and what
# is left when nmap, the one who started it, or the monitor is killed in the middle.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root nmap
cat >"$T/conf" <<E
node.name here
scan.address 127.0.0.1 ::1
alert.syslog no
E
scan() { run scan -C "$T/conf" --data "$D" "$@"; }
field() { jq -r "$1" "$T/out"; }
state_of() { ajar scan ls -j -C "$T/conf" --data "$D" | jq -r "select(.scan == $1) | .state"; }
is_state() { [ "$(state_of "$1")" = "$2" ]; }
newest() { ajar scan ls -j -C "$T/conf" --data "$D" | jq -s 'map(.scan) | max'; }

scan --ports 23810
same "without a store: exit 2" "$RC" 2

start_run -q -C "$T/conf" --no-scan
ok "--no-scan: no scanner runs" not pgrep -f "scan serve .*$D"
open_door tcp 127.0.0.1 23811
open_door tcp ::1 23812

scan --ports 23810-23819
same "a scan by hand ends well" "$RC" 0
ok "it shows the door on IPv4" grep -q "127.0.0.1 *seen *1 23811" "$T/out"
ok "and the one on IPv6" grep -q "::1 *seen *1 23812" "$T/out"
scan --ports 23810-23819 -j
same "as JSON: an object a host" "$(field .addr | sort | xargs)" "127.0.0.1 ::1"
same "with its open ports" "$(field '.ports[] | select(.state == "open") | .port' | sort | xargs)" "23811 23812"
same "and the closed ones" "$(field '[.ports[] | select(.state == "closed")] | length' | xargs)" "9 9"
scan --ports all --rate 0 --host-rate 0 -j
same "all ports: both hosts are seen" "$(field .state | xargs)" "seen seen"
ok "the door is among them" grep -q '"port":23811,"state":"open"' "$T/out"
ok "and the closed are folded" grep -q '"folded":"tcp closed 1-' "$T/out"

scan nosuch
refuses "a node that nobody knows" 2 "'ajar node' lists those that have"
scan here --plan nosuch
refuses "a plan that there is not" 2 "'ajar scan plans' lists them"
scan --ports '22 --script=evil'
refuses "an option in a list of ports" 2 "ports= is"
scan 'here['
refuses "a broken node set" 2 "is not a node set"
scan addrs set here 192.0.2.1
refuses "an address outside of scan.networks" 2 "scan.networks"
scan show 4711
same "a scan that there is not: exit 1" "$RC" 1

# Nothing but what a scan is made of goes to nmap, and it has no environment of ours.
cat >"$T/nmap" <<'E'
#!/bin/sh
{ printf '%s ' "$@"; echo; env; } >&2
exec /usr/bin/nmap "$@"
E
chmod 755 "$T/nmap" "$T"
AJAR_NMAP=$T/nmap AJAR_STORE_PASSWORD=verysecret scan --ports 23811 here
ok "nmap sees no secret of ours" not grep -q verysecret "$T/err"

# nmap dies: what it had finished is kept, the rest is tried again.
cat >"$T/nmap-dies" <<E
#!/bin/sh
if [ -e $T/died ]; then exec /usr/bin/nmap "\$@"; fi
: >$T/died 2>/dev/null
kill -KILL \$\$
E
chmod 755 "$T/nmap-dies"
chmod 777 "$T"
AJAR_NMAP=$T/nmap-dies scan --ports 23811
same "an nmap that was killed is started again: exit 0" "$RC" 0
ok "and it is said" says "SIGKILL"
rm -f "$T/died"
printf '#!/bin/sh\necho "what a mess" >&2\nexit 3\n' >"$T/nmap-fails"
chmod 755 "$T/nmap-fails"
AJAR_NMAP=$T/nmap-fails scan --ports 23811
same "one that always fails: exit 1" "$RC" 1
ok "with its own words" says "what a mess"
ok "and nothing is said to be closed" says "unknown, not closed"
AJAR_NMAP=$T/none scan --ports 23811
refuses "no nmap at all" 2 "there is no nmap"

# Plans in the monitor, without being asked.
stop_run
start_run -q -C "$T/conf"
ok "the scanner runs beside the monitor" wait_for pgrep -f "scan serve .*$D"
scan plans set quick kind=connect ports=23810-23819 every=2s
same "a plan is set" "$RC" 0
planned() { ajar scan ls -j -C "$T/conf" --data "$D" | jq -se 'any(.plan == "quick" and .state == "done" and .hosts_seen == 2)'; }
ok "the monitor runs it" wait_for planned
scan plans rm quick
same "and it is deleted" "$RC" 0
scan plans set quick kind=magic
refuses "a kind that there is not" 2 "kind= is connect"

# Two at once: no node is scanned by both. One that is stopped makes way.
ajar scan -C "$T/conf" --data "$D" --ports all --host-rate 2000 >"$T/a.out" 2>"$T/a.err" &
A=$!
PIDS+=("$A")
ok "a scan is under way" wait_for pgrep -P "$A" nmap
S=$(newest)
ajar scan -C "$T/conf" --data "$D" --ports 23811-23812 >"$T/b.out" 2>"$T/b.err" &
B=$!
PIDS+=("$B")
ok "another is queued" wait_for is_state $((S + 1)) queued
same "and waits, since its node is being scanned" "$(state_of "$S") $(state_of $((S + 1)))" "running queued"
kill -INT "$A"
wait "$A"
same "the first is interrupted: exit 1" "$?" 1
ok "it says what is not known" grep -q "unknown, not closed" "$T/a.err"
same "it has failed" "$(state_of "$S")" failed
wait "$B"
same "then the other ends well" "$?" 0

# One is killed, with no chance to say so: its nmap ends with it, and who else works on the queue finishes what it left.
ajar scan -C "$T/conf" --data "$D" --ports 1-12000,23811-23812 --host-rate 2000 >"$T/a.out" 2>&1 &
A=$!
PIDS+=("$A")
ok "another scan is under way" wait_for pgrep -P "$A" nmap
S=$(newest)
kill -KILL "$A"
wait "$A" 2>/dev/null
ok "killed, its nmap ends with it" wait_for not pgrep -f "nmap .*-p 1-12000,23811"
WAIT=60 ok "the monitor finishes its scan" wait_for is_state "$S" "done"
scan show "$S" -j
same "every host of it was seen" "$(field .state | xargs)" "seen seen"
kill -KILL "$(pgrep -f "scan serve .*$D")"
ok "a scanner that is killed is started again" wait_for pgrep -f "scan serve .*$D"

stop_run
same "all of it stops" "$?" 0
ok "and leaves no scanner" not pgrep -f "scan serve .*$D"
done_testing
