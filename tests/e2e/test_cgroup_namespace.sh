#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An agent in a cgroup namespace, as a container's default is: its cgroup tree is a part of the machine's, and it must not take the
# part for the whole. The cgroup is made here, with our pid in its name, and removed.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root unshare findmnt
V2=$(findmnt -nt cgroup2 -o TARGET | head -1)
CG=$V2/ajar-cgns$$
[ -n "$V2" ] && mkdir "$CG" || {
	echo "1..0 # SKIP no cgroup v2 is mounted to make a cgroup in"
	exit 77
}
# shellcheck disable=SC2317 # by the trap
remove_all() {
	finish
	WAIT=5 wait_for rmdir "$CG"
}
trap remove_all EXIT
mkdir "$T/cg"
# As a container's runtime does it: into the cgroup, new namespaces, and the one mount of cgroup v2 is of the namespace.
# shellcheck disable=SC2016 # it is for the shells in there
in_container() { # program and its arguments
	exec sh -c 'echo $$ >"$0/cgroup.procs" && exec unshare -C -m --propagation private sh -c '\''
		while umount -l "$(awk "\$3 == \"cgroup2\" { print \$2; exit }" /proc/mounts)" 2>/dev/null; do :; done
		mount -t cgroup2 cgroup2 "$0" && exec "$@"'\'' "$@"' "$CG" "$T/cg" "$@"
}
start() { # conf, data
	: >"$T/run.err"
	in_container ajar run -C "$1" --data "$2" --web off --no-scan -q >"$T/run.out" 2>"$T/run.err" </dev/null &
	RUN=$!
	PIDS+=("$RUN")
	wait_for grep -qx ready "$T/run.err"
}
listed() { ajar ls -j --data "$D" ":$1" 2>/dev/null | jq -es --arg o "$2" 'any(.[]; .origin == $o)'; }
part="only a part of cgroup v2 is mounted here"
printf 'sensor.sweep-every 2s\n' >"$T/conf"
printf 'sensor.lowest-tier A\n' >"$T/all.conf"
printf 'sensor.scope netns\n' >"$T/own.conf"

ok "ajar run says ready" start "$T/conf" "$D"
ok "it says that it sees less, and why" grep -qF "tier B sees less than tier A: $part" "$T/run.err"
ok "the start record says so" eval "ajar timeline -j --data '$D' | jq -es --arg p '$part' 'any(.[]; .event == \"start\" and (.reason | contains(\"tier B\") and contains(\$p)))'"
ok "a TCP door outside of its cgroup opens" open_door tcp 127.0.0.1 22861
ok "it is seen at once" wait_for listed 22861 event
ok "a UDP door, too" open_door udp 127.0.0.1 22862
ok "it is found by a sweep" wait_for listed 22862 sweep
stop_run
same "SIGTERM ends it with 0" $? 0

(in_container timeout -k 5 60 ajar doctor -C "$T/conf" --data "$D") >"$T/doctor" 2>&1
ok "doctor says it" eval "grep -A1 '(tier B): $part' '$T/doctor' | grep -qF 'fix: docker run --cgroupns=host'"
(in_container timeout -k 5 60 ajar watch -C "$T/all.conf") >"$T/watch" 2>&1 </dev/null
same "who may not see less is refused" $? 2
ok "with the reason" grep -q "$part" "$T/watch"

# A container that is a node of its own: all that it watches is in its part.
ok "with the scope of its network namespace it starts" start "$T/own.conf" "$T/own"
ok "on tier A" eval "ajar timeline -j --data '$T/own' | jq -es 'any(.[]; .event == \"start\" and (.reason | contains(\"tier A\")))'"
stop_run
same "SIGTERM ends that with 0" $? 0
(in_container timeout -k 5 60 ajar doctor -C "$T/own.conf" --data "$T/own") >"$T/doctor" 2>&1
ok "and doctor is content" grep -q '^ok cgroup v2 .*the part of this container' "$T/doctor"
done_testing
