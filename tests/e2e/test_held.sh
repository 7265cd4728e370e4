#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Who holds a door, from the kernel to the alert: a program that is permitted listens, and then another one holds the door, by each
# way there is. A table of ways: what was done, after how long the holder is named, its verdict, the alert, and after a restart.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root python3 perl ip nsenter
# As the kernel has them: what PATH finds may be a script that leads there.
PY=$(python3 -c 'import os; print(os.readlink("/proc/self/exe"))')
PERL=$(perl -e 'print readlink "/proc/self/exe"')
NS=ajarheld$$
ip netns add "$NS" && ip -n "$NS" link set lo up
trap 'ip netns del "$NS"; finish' EXIT
inside() { nsenter --net="/run/netns/$NS" "$@"; }

# One program, many ways; each says "ready" when its door stands and does the rest at SIGUSR1.
cat >"$T/way.py" <<'PYTHON'
import array, ctypes, os, signal, socket, sys
way, port, perl = sys.argv[1], int(sys.argv[2]), sys.argv[3]
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])

def door():
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("0.0.0.0", port))
    s.listen(5)
    s.set_inheritable(True)
    return s

def wait():
    print("ready", flush=True)
    signal.sigwait([signal.SIGUSR1])

def other():
    os.execv(perl, ["other", "-e", "sleep"])

if way in ("send", "late"):
    a, b = socket.socketpair()
    if os.fork():
        a.close()
        s = door()
        wait()
        b.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [s.fileno()]))])
        os._exit(0)
    b.close()
    if way == "late":
        open(sys.argv[4]).read()
    _, got, _, _ = a.recvmsg(1, socket.CMSG_SPACE(4))
    os.set_inheritable(array.array("i", got[0][2][:4])[0], True)
    other()
s = door()
wait()
if way == "exec":
    other()
if way == "fork":
    if os.fork() == 0:
        other()
    os._exit(0)
if way == "activate":
    if os.fork() == 0:
        other()
if way == "take":
    pid, number = os.getpid(), s.fileno()
    if os.fork() == 0:
        os.close(number)
        fd = ctypes.CDLL(None).syscall(438, os.pidfd_open(pid), number, 0)
        os.set_inheritable(fd, True)
        other()
signal.pause()
PYTHON

door_of() { inside ajar ls -j ":$1" --data "$D" 2>/dev/null; }
# jq 1.6 takes no input for a yes.
held_by() { door_of "$1" | jq -es --arg exe "$2" 'any(.[].holders[]; .exe == $exe)'; }
unheld() { door_of "$1" | jq -es 'any(.[]; .holders == [])'; }
verdict_of() { door_of "$1" | jq -r .verdict; }
alerts_on() { jq -rs --argjson p "$1" '[.[] | select(.port == $p or ((.ports // "") | split(",") | any(. == ($p | tostring)))) | .kind + " " + .state] | unique | join(";")' "$HOOK_LOG"; }
opened() { jq -s '[.[] | select(.state == "open")] | length' "$HOOK_LOG"; }

keep_alerts
export HOOK_LOG
# By no timed sweep: each way has to be noticed when it happens, however long a loaded machine takes to look.
printf 'sensor.scope netns\nsensor.sweep-every 1h\nscan.enabled no\nalert.syslog no\n' >"$T/conf"
begin() {
	: >"$T/run.err"
	nsenter --net="/run/netns/$NS" ajar run --web off -C "$T/conf" --data "$D" --no-scan --on-alert "$T/hook" >"$T/run.out" 2>"$T/run.err" </dev/null &
	RUN=$!
	PIDS+=("$RUN")
	WAIT=60 wait_for grep -qx ready "$T/run.err"
}

ok "it runs" begin
ok "python may listen" inside ajar profile allow default tcp 7001-7009 exe "$PY" --reason test -C "$T/conf" --data "$D"
printf '%-10s %8s  %-10s %-12s %s\n' way 'named ms' holder verdict alert >"$T/table"
PORT=7000
mkfifo "$T/go"
for way in exec fork send take activate late; do
	PORT=$((PORT + 1))
	nsenter --net="/run/netns/$NS" "$PY" "$T/way.py" $way $PORT "$PERL" "$T/go" >"$T/$way.out" 2>"$T/$way.err" &
	WAY=$!
	PIDS+=("$WAY")
	ok "$way: a door stands" wait_for grep -q ready "$T/$way.out"
	ok "$way: it is known" wait_for held_by $PORT "$PY"
	same "$way: and as profiled" "$(verdict_of $PORT)" "as profiled"
	from=$(date +%s%N)
	kill -USR1 "$WAY"
	[ $way != late ] || {
		WAIT=60 ok "$way: nobody is seen to hold it while it is under way" wait_for unheld $PORT
		: >"$T/go"
	}
	WAIT=60 ok "$way: who holds it then is named" wait_for held_by $PORT "$PERL"
	ms=$((($(date +%s%N) - from) / 1000000))
	same "$way: beside who opened it" "$(door_of $PORT | jq -r .opener.exe)" "$PY"
	same "$way: and that is an impostor" "$(verdict_of $PORT)" impostor
	printf '%-10s %8s  %-10s %-12s %s\n' $way $ms perl "$(verdict_of $PORT)" "$(alerts_on $PORT)" >>"$T/table"
done
told() { [ "$(jq -s '[.[] | select(.kind == "impostor" and .state == "open")] | length > 0' "$HOOK_LOG")" = true ]; }
ok "an alert says so" wait_for told
ok "the timeline has each change" test "$(inside ajar timeline -j --data "$D" | jq -s '[.[] | select(.event == "held")] | length')" -ge 5
ok "ajar ls shows both" bash -c "nsenter --net=/run/netns/$NS ajar ls :7001 --data '$D' | grep -q 'opened by python'"

ok "a tunnel" ip -n "$NS" link add vx0 type vxlan id 42 local 127.0.0.1 dev lo dstport 4789
ip -n "$NS" link set vx0 up 2>/dev/null
kernels() { [ "$(door_of 4789 | jq -r .opener.comm)" = kernel ]; }
ok "its socket is the kernel's" wait_for kernels
same "which ip asked for" "$(door_of 4789 | jq -r .asked_by.comm)" ip
# UDP is judged a second after its bind: what a restart is to leave alone is what has been judged and told.
judged() { [ "$(verdict_of 4789)" = unexpected ] && [ -n "$(alerts_on 4789)" ]; }
ok "it is judged, and alerts" wait_for judged

state() { for p in 4789 7001 7002 7003 7004 7005 7006; do door_of $p | jq -c '[.port, .verdict, .opener.exe, .opener.comm, .asked_by.comm, [.holders[].exe]]'; done; }
state >"$T/before"
N1=$(opened)
stop_run
ok "it runs again" begin
again() { state >"$T/after" && cmp -s "$T/before" "$T/after" && [ "$(inside ajar timeline -j --data "$D" | jq -s '[.[] | select(.event == "start")] | length')" = 2 ]; }
ok "a restart changes no verdict, no opener and no holder" wait_for again
diff "$T/before" "$T/after" | sed 's/^/# /'
same "and raises no alert" "$(opened)" "$N1"

for p in "${PIDS[@]}"; do [ "$p" = "$RUN" ] || ! is_ours "$p" || kill "$p" 2>/dev/null; done
for p in $(ip netns pids "$NS"); do tr '\0' ' ' 2>/dev/null <"/proc/$p/cmdline" | grep -q '^other' && kill "$p"; done
over() { jq -es 'group_by(.id) | map(last) | map(select(.state == "open" and .proto == "tcp")) | length == 0' "$HOOK_LOG"; }
ok "the end of the doors ends their alerts" wait_for over
stop_run
sed 's/^/# /' "$T/table"
done_testing
