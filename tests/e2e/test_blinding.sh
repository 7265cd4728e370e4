#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What somebody who is root does to blind a running agent, each once: what tells of it and after how many seconds, and whether it is
# repaired. In a mount namespace with a BPF file system of its own; hooks are taken away from our own agent alone, by its links' numbers.
# The table is printed; what tells should do so within 15 s, and is waited for much longer.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root bpftool unshare mount
if [ -z "${AJAR_BLINDING_INSIDE:-}" ]; then
	rm -rf "$T"
	[ "$P" = "$BUILD/tests/helpers" ] || rm -rf "$P"
	trap - EXIT
	AJAR_BLINDING_INSIDE=1 exec unshare --mount --propagation private "$0"
fi
while umount /sys/fs/bpf 2>/dev/null; do :; done
mount -t bpf -o mode=0755 bpf /sys/fs/bpf
WAIT=60

keep_alerts
cat >"$T/conf" <<E2
node.name here
health.interval 500ms
health.silent-after 3s
sensor.doors-per-user 200
alert.syslog no
E2
rows() { ajar timeline -j --data "$D" -C "$T/conf" 2>/dev/null | jq -c "select(.event == \"$1\")"; }
gaps() { rows gap | wc -l; }
more_gaps() { [ "$(gaps)" -gt "$GAPS" ]; }
said() { grep -q -- "$1" "$T/run.err"; }
alerted() { # words of the summary, state
	jq -es "any(.[]; (.summary | test(\"$1\")) and .state == \"$2\")" "$HOOK_LOG"
}
doctor_says() { ajar doctor --data "$D" -C "$T/conf" 2>/dev/null | grep -q -- "$1"; }
links() { # attach type as the kernel numbers it, or nothing for all: our agent's links that are attached to a cgroup, by number
	for f in /proc/"$AGENT"/fdinfo/*; do
		awk -v want="${1:-}" '/^link_id:/ { id = $2 } /^cgroup_id:/ { cgroup = $2 } /^attach_type:/ { type = $2 }
			END { if (cgroup && (want == "" || want == type)) print id }' "$f" 2>/dev/null
	done
}
detach() { for id in $(links "$@"); do bpftool link detach id "$id" || return 1; done; }
listed() { ajar ls -j --data "$D" -C "$T/conf" ":$1" 2>/dev/null | jq -re .origin >"$T/origin"; }
sees() { # tcp|udp address port: by its event; a sweep may be first, but not each time
	for _ in 1 2 3 4 5; do
		open_door "$@" && wait_for listed "$3"
		close_door
		! grep -qx event "$T/origin" || return 0
	done
	return 1
}
left_at() { # cgroup: the programs of our agent's hooks, and no longer the root's
	for f in /proc/"$AGENT"/fdinfo/*; do
		awk '/^prog_id:/ { prog = $2 } /^cgroup_id:/ { cgroup = $2 } /^attach_type:/ { type = $2 } END { if (cgroup) print type, prog }' "$f" 2>/dev/null
	done >"$T/programs"
	detach "" || return 1
	while read -r type prog; do
		bpftool cgroup attach "$1" "$(jq -nr --arg t "$type" '{ "3": "sock_ops", "8": "bind4", "9": "bind6", "12": "post_bind4", "13": "post_bind6",
			"34": "sock_release" }[$t]')" id "$prog" multi || return 1
	done <"$T/programs"
}
now_ms() { echo "${EPOCHREALTIME/[.,]/}" | sed 's/...$//'; }
begin() { # attempt
	ATTEMPT=$1 GAPS=$(gaps) BEGAN=$(now_ms) TOOK=-
}
told() { # by what, command...
	BY=$1
	shift
	ok "$ATTEMPT: told by $BY" wait_for "$@"
	TOOK=$(($(now_ms) - BEGAN))
}
repaired() { # words, command...
	local how=$1
	shift
	ok "$ATTEMPT: $how" wait_for "$@"
	row "$how"
}
row() { printf '# %-38s | %-38s | %3d.%d s | %s\n' "$ATTEMPT" "$BY" $((TOOK / 1000)) $((TOOK / 100 % 10)) "$1" | tee -a "$T/table"; }

ok "ajar run says ready" start_run -C "$T/conf" --on-alert "$T/hook" --no-scan
AGENT=$(role_pid agent)
wait_for eval '[ -n "$(rows start)" ]'
same "its hooks are six links" "$(links | wc -l)" 6

begin "the agent is stopped by a signal"
kill -STOP "$AGENT"
told "an alert: no heartbeat" alerted "no heartbeat" open
ok "$ATTEMPT: 'ajar doctor' does not call it running" doctor_says "^✗.* agent .*its process is stopped"
kill -CONT "$AGENT"
repaired "when it goes on, resolved" alerted "no heartbeat" resolved
ok "$ATTEMPT: then 'ajar doctor' does" wait_for doctor_says "^ok agent .*running: tier A"

begin "one hook is detached (post_bind6)"
ok "$ATTEMPT: it is" detach 13
told "a gap record with the hook's name" more_gaps
ok "$ATTEMPT: which names it" eval 'rows gap | tail -1 | grep -q "cgroup/post_bind6) was taken away"'
repaired "attached again" eval 'rows gap | tail -1 | grep -q "attached again"'
ok "$ATTEMPT: a door of it is seen as it opens" sees udp ::1 26971

begin "all hooks are detached"
ok "$ATTEMPT: they are" detach
told "a gap record" more_gaps
repaired "attached again" eval '[ "$(links | wc -l)" = 6 ]'
ok "$ATTEMPT: a door is seen as it opens" sees tcp 127.0.0.1 26972
ok "$ATTEMPT: it alerts" wait_for alerted "here has lost records" open

CG=$(findmnt -nt cgroup2 -o TARGET | head -1)
if mkdir "$CG/ajar-blinding-$$" 2>/dev/null; then
	begin "hooks are left at its own cgroup alone"
	ok "$ATTEMPT: they are" eval 'echo "$AGENT" >"$CG/ajar-blinding-$$/cgroup.procs" && left_at "$CG/ajar-blinding-$$"'
	told "a gap record" more_gaps
	repaired "attached again" eval '[ "$(links | wc -l)" = 6 ]'
	ok "$ATTEMPT: a door of another cgroup is seen as it opens" sees tcp 127.0.0.1 26974
	echo "$AGENT" >"$CG/cgroup.procs"
	ok "$ATTEMPT: the cgroup goes" wait_for rmdir "$CG/ajar-blinding-$$"

	begin "the process that tries from elsewhere is killed"
	read -r CANARY <"$CG/ajar-canary-$AGENT/cgroup.procs"
	ok "$ATTEMPT: it is" kill -9 "$CANARY"
	told "the agent's log" said "the process that tries from another cgroup .* has ended"
	row "not repaired: that takes root"
fi

begin "a user opens more doors than are kept"
setpriv --reuid 4321 --regid 4321 --clear-groups "$BUILD/tests/helpers/storm_doors" 400 0 0 1 hold >"$T/crowd" 2>&1 </dev/null &
CROWD=$!
PIDS+=("$CROWD")
told "a gap record with the user" more_gaps
ok "$ATTEMPT: which names it" eval 'rows gap | tail -1 | grep -q "too many doors of .*: 200 are open, and what is above 200 is not recorded"'
ok "$ATTEMPT: a door of another user is seen as it opens" sees tcp 127.0.0.1 26973
row "the rest is not recorded"
kill "$CROWD"
wait "$CROWD" 2>/dev/null

begin "pins are removed"
PINS=$(pin_dir)
rm -f "$PINS"/v*/link_*
told "the agent's log" said "somebody removed pins of the sensor, they are made again"
repaired "made again" eval '[ "$(ls "$PINS"/v*/link_* | wc -l)" -ge 6 ]'

begin "their folder is removed"
rm -rf "$PINS"
told "the agent's log" said "they cannot be made again"
ok "$ATTEMPT: and by 'ajar doctor'" doctor_says "pins .*somebody removed"
row "not repaired: the folder above is root's"

begin "the journal's folder is moved away"
mv "$D/journal" "$D/elsewhere"
told "the agent's log" said "somebody moved or removed .*/journal: "
mv "$D/elsewhere" "$D/journal"
repaired "when it is back, it goes on" said "is back"

begin "the reader of redirect rules is killed"
KEEPER=$(pgrep -P "$AGENT" -x ajar-redirect)
READER=$(pgrep -P "$KEEPER" -x ajar-redirect)
kill -9 "$READER"
told "a record in the timeline" eval 'rows steer | grep -q "the process that reads it has ended"'
repaired "started again" eval 'pgrep -P "$KEEPER" -x ajar-redirect'

begin "the reader is stopped by a signal"
# shellcheck disable=SC2034 # eval reads it
STEERS=$(rows steer | wc -l)
kill -STOP "$(pgrep -P "$KEEPER" -x ajar-redirect)"
told "a record in the timeline" eval '[ "$(rows steer | wc -l)" -gt "$STEERS" ]'
repaired "started again" eval '[ "$(rows steer | wc -l)" -gt $((STEERS + 1)) ]'

begin "the agent is killed, its sensor gone"
kill -9 "$AGENT"
told "a gap record of the next agent" more_gaps
repaired "started again" eval '[ -d "$(pin_dir)" ]'
ok "$ATTEMPT: a door is seen as it opens" sees tcp 127.0.0.1 26973

same "one agent died, the one we killed" "$(grep -c 'starting it again$' "$T/run.err")" 1
ok "the journal is whole" ajar timeline verify --data "$D"
stop_run
same "SIGTERM ends it with 0" "$?" 0
ok "no cgroup of a canary is left of the agent that was killed" [ ! -e "$CG/ajar-canary-$AGENT" ]
done_testing
