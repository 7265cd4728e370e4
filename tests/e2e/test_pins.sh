#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The folder of pins goes with the agent, or with `ajar run`, however those end and whatever the mode of the BPF file system's
# root is. Each in a mount namespace with a bpffs of its own: what is found there is ours.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root unshare mount
if [ -z "${AJAR_PINS_INSIDE:-}" ]; then
	rm -rf "$T"
	[ "$P" = "$BUILD/tests/helpers" ] || rm -rf "$P"
	trap - EXIT
	AJAR_PINS_INSIDE=1 exec unshare --mount --propagation private "$0"
fi
printf 'role.user nobody\n' >"$T/conf"
chmod 755 "$T"
left() { find /sys/fs/bpf -mindepth 1 -maxdepth 1 -name 'ajar*' | head -5; }
nothing_left() { [ -z "$(left)" ]; }
empty_bpffs() { # mode, or "none": not mounted
	while umount /sys/fs/bpf 2>/dev/null; do :; done
	[ "$1" = none ] || mount -t bpf -o "mode=$1" bpf /sys/fs/bpf
	rm -rf "$D"
}
is_pinned() { [ -n "$(left)" ]; }
is_gone() { ! kill -0 "$1" 2>/dev/null; }
agent_up() { # more arguments
	mkdir -p "$D"
	: >"$T/agent.out" # "recording" of one before must not count
	ajar-agent -v -C "$T/conf" --data "$D" "$@" >"$T/agent.out" 2>&1 </dev/null &
	AGENT=$!
	PIDS+=("$AGENT")
	WAIT=60 wait_for grep -q 'recording: ' "$T/agent.out" # programs are verified anew, beside other tests
}
agent_end() { # signal
	kill "-$1" "$AGENT"
	wait "$AGENT" 2>/dev/null
}
run_up() { start_run -C "$T/conf" -q --no-scan "$@"; }
agent_of_run() { wait_for role_pid agent && AGENT=$(role_pid agent); }

for mode in 0700 0755 1777 none; do
	empty_bpffs $mode
	ok "bpffs $mode: the agent runs" agent_up
	ok "bpffs $mode: it is pinned" is_pinned
	same "bpffs $mode: the agent has no privilege" "$(awk '/^Uid/ { print $2 } /^Cap(Inh|Prm|Eff|Bnd|Amb)/ && $2 !~ /^0+$/ { print $0 }' "/proc/$AGENT/status")" 65534
	helper=$(pgrep -P "$AGENT" -x ajar-unpin)
	same "bpffs $mode: who removes the folder may pass over modes, and no more" \
		"$(awk '/^Cap(Prm|Eff|Bnd)/ { printf "%s ", $2 } /^NoNewPrivs/ { print $2 }' "/proc/$helper/status")" "0000000000000002 0000000000000002 0000000000000000 1"
	agent_end TERM
	same "bpffs $mode: told to end, it leaves nothing" "$(left)" ""
	ok "bpffs $mode: and nobody" is_gone "$helper"
	ok "bpffs $mode: another" agent_up
	agent_end KILL
	ok "bpffs $mode: killed, it leaves its pins for the next" is_pinned
	ok "bpffs $mode: which takes over" agent_up
	ok "bpffs $mode: and says so" grep -q 'took over' "$T/agent.out"
	agent_end TERM
	same "bpffs $mode: and leaves nothing" "$(left)" ""

	ok "bpffs $mode: ajar run" run_up
	ok "bpffs $mode: is pinned" is_pinned
	stop_run
	same "bpffs $mode: ended, it leaves nothing" "$(left)" ""
	ok "bpffs $mode: ajar run, again" run_up
	agent_of_run
	kill -STOP "$RUN" && kill -KILL "$AGENT" && wait_for eval '! [ -e /proc/$AGENT/exe ]'
	kill -TERM "$RUN" && kill -CONT "$RUN"
	wait "$RUN"
	same "bpffs $mode: ended while its agent is between two lives, it leaves nothing" "$(left)" ""
	ok "bpffs $mode: a third time" run_up
	kill -KILL "$RUN"
	wait "$RUN" 2>/dev/null
	ok "bpffs $mode: killed, nothing is left" wait_for nothing_left
	ok "bpffs $mode: a fourth time" run_up
	agent_of_run
	kill -STOP "$RUN" && kill -KILL "$AGENT" && wait_for eval '! [ -e /proc/$AGENT/exe ]'
	ok "bpffs $mode: its agent is dead, and pinned" is_pinned
	kill -KILL "$RUN"
	wait "$RUN" 2>/dev/null
	ok "bpffs $mode: killed while its agent is between two lives, nothing is left" wait_for nothing_left
done

# --- what stays ----------------------------------------------------------------------------------------------------------

empty_bpffs 0700
ok "an agent that is to keep its pins" agent_up --keep-pins
agent_end TERM
ok "keeps them" is_pinned
printf 'store.uri nonsense://\n' >>"$T/conf"
ajar run --web off -C "$T/conf" --data "$D" -q --store nonsense:// >"$T/out" 2>&1 </dev/null
ok "an ajar run that cannot start leaves them" is_pinned
sed -i '/^store/d' "$T/conf"
ok "one that can takes over" run_up
ok "a second one with the same data" not ajar run --web off -C "$T/conf" --data "$D" -q
ok "does not take the first one's away" is_pinned
mkdir "/sys/fs/bpf/$(basename "$(left)")/of-somebody-else"
stop_run
same "nor is removed what is not ours" "$(find /sys/fs/bpf -name of-somebody-else | wc -l)" 1
done_testing
