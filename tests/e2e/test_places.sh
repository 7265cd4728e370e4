#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Where a door is: in which job and container, or in none, or not known; in which network namespace, on which device. Cgroups and
# namespaces are made here, with our pid in their names, and removed.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root ip nsenter unshare python3
V2=$(findmnt -nt cgroup2 -o TARGET | head -1)
V1=$(findmnt -nt cgroup -o TARGET | grep -m1 -E '/(freezer|pids|devices)$')
[ -n "$V2" ] || {
	echo "1..0 # SKIP no cgroup v2 is mounted"
	exit 77
}
MADE=() BLUE=ajar-blue$$ RED=ajar-red$$
remove_all() {
	finish
	for ((i = ${#MADE[@]} - 1; i >= 0; i--)); do WAIT=5 wait_for rmdir "${MADE[i]}"; done
	ip netns del "$BLUE" 2>/dev/null
	ip netns del "$RED" 2>/dev/null
}
trap remove_all EXIT
cgroup() { # hierarchy, path: what is not there is made
	local at=$1 part
	for part in ${2//\// }; do
		at=$at/$part
		[ -d "$at" ] || { mkdir "$at" && MADE+=("$at"); }
	done
	CG=$at
}
# Five ports that the profile asks something of: in a job, in none, in a container, in none, the program alone.
FIRST=22810
in_cgroup() {
	(echo "$BASHPID" >"$CG/cgroup.procs" && exec "$HOLD_DOOR" tcp 127.0.0.1 "$FIRST" $((FIRST + 1)) $((FIRST + 2)) $((FIRST + 3)) $((FIRST + 4))) >"$T/ports" 2>&1 &
	DOOR=$!
	PIDS+=("$DOOR")
}
ports() { ajar ls -j --data "$D" :$FIRST-$((FIRST + 4)) 2>/dev/null; }
judged() { [ "$(ports | jq -r 'select(.verdict == "as profiled" or .verdict == "unexpected" or .verdict == "impostor") | .port' | grep -c .)" = 5 ]; }
verdicts() { ports | jq -rs 'sort_by(.port) | map(if .verdict == "as profiled" then "y" else "n" end) | join("")'; }
# sentence, wanted verdicts ("y" as profiled) of: job any, job none, container any, container none, the program; wanted job and container
place() {
	ok "$1: its doors are judged" wait_for judged
	same "$1: job, no job, container, no container, program" "$(verdicts)" "$2"
	same "$1: as JSON" "$(ports | jq -rs '.[0] | "\(.job) \(.job_known) \(.container) \(.container_known)"')" "$3"
	# unshare -f takes no SIGTERM while it waits for its child.
	kill -9 "$DOOR"
	wait "$DOOR" 2>/dev/null
	wait_for eval '[ -z "$(ports)" ]'
}

ip netns add "$BLUE" && ip netns add "$RED" && ip -n "$BLUE" link set lo up && ip -n "$RED" link set lo up
keep_alerts
ok "it starts" start_run --no-scan --on-alert "$T/hook"
ok "it learns" wait_for ajar profile learn --write --data "$D"
n=0
for want in "job any" "job none" "container any" "container none" "exe $HOLD_DOOR"; do
	# shellcheck disable=SC2086
	ok "a rule: $want" ajar profile allow default tcp $((FIRST + n)) $want --reason test --data "$D"
	n=$((n + 1))
done

# --- jobs and containers by their cgroups ----------------------------------------------------------------
ID=$(printf '%064x' $$)
SLUID=s$(printf '%013d' $$)
open_door tcp 127.0.0.1 "$FIRST" $((FIRST + 1)) $((FIRST + 2)) $((FIRST + 3)) $((FIRST + 4))
place "a program of the host" nynyy "null true null true"
cgroup "$V2" "/system.slice/ajar$$"_slurmstepd.scope/$SLUID/step_0
in_cgroup
place "a job of Slurm named by its SLUID" ynnyy "$SLUID true null true"
cgroup "$V2" "/system.slice/ajar$$"_slurmstepd.scope/task_$$/step_0
in_cgroup
place "one named in a way that nobody knows yet" nnnny "null false null false"
cgroup "$V2" "/docker/$ID"
in_cgroup
place "docker" nyynn "null true $ID true"
cgroup "$V2" "/kubepods-besteffort-pod$$.slice:cri-containerd:$ID"
in_cgroup
place "containerd with the other driver" nyynn "null true $ID true"
cgroup "$V2" "/lxc.payload.ajar$$/system.slice/ssh.service"
in_cgroup
place "a container of LXC" nyynn "null true ajar$$ true"
cgroup "$V2" "/user.slice/user-$$.slice/docker-$ID.scope"
in_cgroup
place "a container's name where users make cgroups" nnnny "null false $ID false"
cgroup "$V2" "/system.slice/ajar$$.service/x_slurmstepd.scope/job_$$"
in_cgroup
place "a job's name below a service, whose user may make cgroups" nnnny "$$ false null false"
cgroup "$V2" "/ajar-strange$$/x"
in_cgroup
place "a path of no known shape" nnnny "null false null false"
if [ -n "$V1" ]; then
	cgroup "$V1" "/slurm_ajar$$/uid_0/job_$$/step_0"
	in_cgroup
	place "a job of Slurm on cgroup v1" ynnyy "$$ true null true"
	cgroup "$V1" "/docker/$ID"
	in_cgroup
	place "docker on cgroup v1" nyynn "null true $ID true"
	cgroup "$V1" "/ajar-strange$$/x"
	in_cgroup
	place "no known shape in one hierarchy of v1" nnnny "null false null false"
else
	echo "# no hierarchy of cgroup v1 here: its three cases are not tried"
fi

# --- a container that is gone at once ----------------------------------------------------------------------
cgroup "$V2" "/ajar-brief$$"
for i in 1 2 3 4 5; do
	gone=$CG/docker-$(printf '%064x' $((i + 16))).scope
	mkdir "$gone"
	# shellcheck disable=SC2016
	sh -c 'echo $$ >"$1/cgroup.procs"; exec timeout 20 python3 -c "import socket,sys
s = socket.socket(); s.bind((\"127.0.0.1\", int(sys.argv[1]))); s.listen()" "$2"' - "$gone" $((22820 + i))
	rmdir "$gone"
done
told() { ajar timeline -j --data "$D" :22821-22825 2>/dev/null | jq -r 'select(.event == "open") | .container' | sort -u | grep -c 0000; }
ok "five containers, gone before anybody could look, are all named" wait_for eval '[ "$(told)" = 5 ]'

# --- namespaces that say "container" ------------------------------------------------------------------------
unshared() { # unshare's options
	unshare "$@" "$HOLD_DOOR" tcp 127.0.0.1 "$FIRST" $((FIRST + 1)) $((FIRST + 2)) $((FIRST + 3)) $((FIRST + 4)) >"$T/ports" 2>&1 &
	DOOR=$!
	PIDS+=("$DOOR")
}
unshared -p -f --kill-child
place "a PID namespace of its own" nynny "null true null false"
if unshare -U true 2>/dev/null; then
	unshared -U
	place "a user namespace of its own" nynny "null true null false"
fi
unshared -m
place "a mount namespace alone is a unit's, too" nynyy "null true null true"
mkdir "$T/root"
# shellcheck disable=SC2016
unshare -m sh -c 'mount -t tmpfs none "$1" && mkdir -p "$1$(dirname "$2")" && cp "$2" "$1$2" || exit 1
for lib in $(ldd "$2" | grep -o "/[^ ]*"); do mkdir -p "$1$(dirname "$lib")" && cp "$lib" "$1$lib"; done
exec chroot "$1" "$2" tcp 127.0.0.1 '"$FIRST $((FIRST + 1)) $((FIRST + 2)) $((FIRST + 3)) $((FIRST + 4))" - "$T/root" "$HOLD_DOOR" >"$T/ports" 2>&1 &
DOOR=$!
PIDS+=("$DOOR")
place "a root directory of its own" nynnn "null true null false"

# --- network namespaces and devices --------------------------------------------------------------------------
in_netns() { # name, port
	nsenter --net="/run/netns/$1" "$HOLD_DOOR" tcp 0.0.0.0 "$2" >/dev/null 2>&1 &
	PIDS+=($!)
}
in_netns "$BLUE" 22830
in_netns "$RED" 22830
open_door tcp 127.0.0.1 22831
three() { ajar ls -j --data "$D" :22830-22831 2>/dev/null | jq -r .netns_name | sort | tr '\n' ' '; }
ok "two doors of one port in two namespaces" wait_for eval '[ "$(three)" = "ajar-blue$$ ajar-red$$ null " ]'
same "ls names them" "$(ajar ls --data "$D" :22830 2>/dev/null | grep -o "netns ajar-[a-z]*$$" | sort | tr '\n' ' ')" "netns $BLUE netns $RED "
alerts_of() { ajar alerts -j --data "$D" 2>/dev/null | jq -c "select(.port == $1)"; }
two() { [ "$(alerts_of 22830 | jq -r .summary | sort -u | grep -c "in netns ajar-")" = 2 ]; }
ok "they are two alerts, which say where" wait_for two
same "timeline names them" "$(ajar timeline --data "$D" :22830 2>/dev/null | grep ' + ' | grep -o "in netns ajar-[a-z]*$$" | sort | tr '\n' ' ')" "in netns $BLUE in netns $RED "
# shellcheck disable=SC2034 # eval uses it
ID1=$(alerts_of 22830 | jq -r .id | head -1)
ok "an alert there says that nobody can judge it from outside" eval 'ajar alerts show "$ID1" --data "$D" | grep -q "outside   cannot be judged: it is in netns ajar-"'

python3 - 22832 <<'PY' &
import signal, socket, sys
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, 25, b"lo")
s.bind(("", int(sys.argv[1])))
s.listen()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.setsockopt(socket.SOL_SOCKET, 25, b"lo")
u.bind(("", int(sys.argv[1])))
signal.pause()
PY
PIDS+=($!)
bound() { ajar ls -j --data "$D" :22832 2>/dev/null | jq -r '"\(.proto) \(.addr) \(.device) \(.scope)"' | sort | tr '\n' ';'; }
ok "sockets bound to the loopback device are loopback doors" wait_for eval '[ "$(bound)" = "tcp 0.0.0.0 lo loopback;udp 0.0.0.0 lo loopback;" ]'
same "shown with their device" "$(ajar ls --data "$D" :22832 2>/dev/null | grep -c '0.0.0.0%lo:22832')" 2
calm() { [ "$(alerts_of 22832 | jq -r .severity | sort -u)" = notice ]; }
ok "and no more than a notice" wait_for calm
stop_run
done_testing
