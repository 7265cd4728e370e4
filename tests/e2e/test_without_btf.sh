#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Where the kernel has no BTF (hidden here, in a mount namespace) the plain tracepoint tells of TCP: tier C. Doors are seen with their owners and as
# soon as they open, one that is gone at once is recorded, UDP is found by looking, and every view says what such a node misses.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root setpriv jq unshare
printf 'health.interval 1s\n' >"$T/conf"
hold() { # protocol, port: by somebody else than the roles run as
	setpriv --reuid 65533 --regid 65533 --clear-groups "$P/hold_door" "$1" 127.0.0.1 "$2" >"$T/held" 2>&1 &
	HOLDER=$!
	PIDS+=("$HOLDER")
	wait_for grep -q open "$T/held"
}
no_btf='mount -t tmpfs none /sys/kernel/btf'
start() { # arrangement of the mount namespace, bounding set
	: >"$T/err.run"
	unshare -m --propagation private bash -c "$1; exec \"\$@\"" bash setpriv --bounding-set="$2" ajar run -q -C "$T/conf" --data "$D" \
		>"$T/out.run" 2>"$T/err.run" </dev/null &
	RUN=$!
	PIDS+=("$RUN")
	WAIT=60 wait_for grep -qx ready "$T/err.run"
}
lists() { # port, condition of jq
	ajar ls -j --data "$D" ":$1" 2>/dev/null | jq -es "any(.[]; $2)" >/dev/null
}
told() { # condition of jq on one record
	ajar timeline -j --data "$D" 2>/dev/null | jq -es "any(.[]; $1)" >/dev/null
}
UNIT=ajar-run.service
own="\"$P/hold_door\""
ok "a door is open before" hold tcp 21981
first=$HOLDER
# As systemd mounts it; without CAP_SYS_ADMIN the agent cannot.
ok "ajar run says ready, with what its unit has and CAP_SYS_PTRACE of a drop-in" start "$no_btf; mount -t tracefs -o mode=0700 tracefs /sys/kernel/tracing" "$(bounding),+sys_ptrace"
ok "one line says which tier, why, and what it misses" eval "grep -c 'tier C sees less than tier A: this kernel has no BTF .*all but TCP is looked for every few seconds' '$T/err.run' | grep -qx 1"
ok "the door of before has its holder, though he is another user" wait_for lists 21981 ".opener.pid == $first and .opener.exe == $own and .opener.uid == 65533"
ok "another door is opened" hold tcp 21982
second=$HOLDER
ok "it is seen as it opens, with its owner" wait_for lists 21982 ".opener.pid == $second and .opener.exe == $own and (.opener.argv | length) == 4 and .opener.uid == 65533 and .origin == \"event\""
kill "$second"
ok "and as it ends" wait_for told '.event == "close" and .port == 21982 and .origin == "event"'
ok "by whom" told ".event == \"close\" and .port == 21982 and .closer.pid == $second and .opener.pid == $second"
ok "a door that is open for some microseconds" "$BUILD/tests/helpers/cycle_doors" 1
ok "is recorded" wait_for told '.event == "open" and .port > 0 and .opener.comm == "cycle_doors"'
ok "and its end" wait_for told '.event == "close" and .port > 0 and .closer.comm == "cycle_doors"'
ok "a UDP door is opened" hold udp 21984
third=$HOLDER
ok "looking finds it, and who holds it" wait_for lists 21984 ".opener.pid == $third and .opener.exe == $own and .origin == \"sweep\""
kill "$third"
ok "and that it is gone" wait_for told '.event == "close" and .port == 21984 and .origin == "sweep"'
ok "the start record says it" told '.event == "start" and (.reason | startswith("tier C (this kernel has no BTF") and contains("what but TCP is gone between two looks not watched: polling, without BTF"))'
ok "an alert says it: degraded" wait_for eval "ajar alerts -j --data '$D' | jq -es 'any(.[]; .kind == \"degraded\" and .state == \"open\" and (.why | contains(\"tier C\")))'"
ok "so does ajar node" eval "ajar node -j --data '$D' | jq -es 'any(.[]; .state == \"recording\" and (.health.issues | index(\"degraded\")) and .health.tier == \"C\")'"
ok "ajar node NAME" eval "ajar node --data '$D' \"\$(ajar node -j --data '$D' | jq -r .node)\" | grep -q '^wrong .*tier C.*\\[degraded\\]'"
ok "ajar metrics" eval "ajar metrics --data '$D' | grep -qx 'ajar_nodes_recording_tier{tier=\"C\"} 1'"
# What others on this machine open meanwhile is accepted, too.
warns() {
	ajar profile learn --write --data "$D" >"$T/learn" 2>&1
	ajar check --data "$D" >"$T/check" 2>&1
	[ $? = 1 ]
}
ok "ajar check warns: exit 1" wait_for warns
ok "and says so" grep -q 'WARNING.*sees less than a sensor can.*1 node degraded (.*, tier C)' "$T/check"
unshare -m --propagation private bash -c "$no_btf; exec ajar doctor --data $D" >"$T/doctor" 2>&1
ok "doctor names the tier that is left without BTF" eval "grep -q 'BTF  .*all but TCP only by polling (tier C)' '$T/doctor' && grep -q '^ok tracepoint .*sock/inet_sock_set_state' '$T/doctor'"
ok "and the one that runs" grep -q 'agent .*running: tier C' "$T/doctor"
kill -TERM "$RUN"
wait "$RUN"
same "SIGTERM ends it with 0" $? 0
ok "and nothing is left of it" eval "! pgrep -f -- '--data $D'"
D=$T/second
ok "where tracefs is nowhere mounted it reaches it by a mount of its own" start "$no_btf; while umount -l /sys/kernel/tracing 2>/dev/null; do :; done; ! grep tracefs /proc/mounts" +all
ok "on tier C, too" told '.event == "start" and (.reason | startswith("tier C"))'
ok "the door of before is there" lists 21981 ".opener.pid == $first"
kill -TERM "$RUN"
wait "$RUN"
D=$T/third
ok "where it can not, it polls" start "$no_btf; while umount -l /sys/kernel/tracing 2>/dev/null; do :; done" "$(bounding)"
ok "on tier D" told '.event == "start" and (.reason | startswith("tier D"))'
kill -TERM "$RUN"
wait "$RUN"
printf 'sensor.lowest-tier C\n' >>"$T/conf"
timeout -k 5 60 unshare -m --propagation private bash -c "$no_btf; while umount -l /sys/kernel/tracing 2>/dev/null; do :; done; exec \"\$@\"" bash \
	setpriv --bounding-set="$(bounding)" ajar run -q -C "$T/conf" --data "$T/fourth" >"$T/out" 2>"$T/err" </dev/null
same "one that may not see less than C is refused there" $? 2
ok "and is told what would work" grep -q 'or settle for less: sensor.lowest-tier D' "$T/err"
kill "$first"
done_testing
