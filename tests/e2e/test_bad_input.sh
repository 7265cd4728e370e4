#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# What a bad environment gets: one line that says what is wrong and how to fix it, exit 2, nothing lost or half-written.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root unshare sqlite3 setpriv timeout ip

# In a mount namespace of its own that the first argument arranges; everything in it is gone afterwards.
run_in() { # arrangement, program and its arguments
	local how=$1
	shift
	timeout -k 5 "${LIMIT:-30}" unshare -m --propagation private bash -c "$how; exec \"\$@\"" bash "$@" >"$T/out" 2>"$T/err" </dev/null
	RC=$?
	OUT=$(tr -d "\\0" <"$T/out")
}
sum() { sha256sum <"$1"; }

# --- the kernel's side -----------------------------------------------------------------------------
no_btf='mount -t tmpfs none /sys/kernel/btf'
# A cgroup namespace of its own, too: else the sensor mounts one for itself.
no_cgroup_mount='while umount -l "$(awk "\$3 == \"cgroup2\" { print \$2; exit }" /proc/mounts)" 2>/dev/null; do :; done'
no_cgroup="$no_cgroup_mount; set -- unshare --cgroup \"\$@\""
no_bpffs='while umount -l /sys/fs/bpf 2>/dev/null; do :; done'
ro_bpffs='findmnt -t bpf /sys/fs/bpf >/dev/null || mount -t bpf bpf /sys/fs/bpf; mount --bind /sys/fs/bpf /sys/fs/bpf; mount -o remount,bind,ro /sys/fs/bpf'
echo "sensor.lowest-tier A" >"$T/all.conf"
for verb in watch ls run; do
	run_in "$no_btf" ajar $verb -C "$T/all.conf" --data "$D"
	refuses "$verb that may not see less, without BTF" 2 "no BTF (/sys/kernel/btf/vmlinux): boot one built with CONFIG_DEBUG_INFO_BTF=y"
	ok "and names what would work" says "or settle for less: sensor.lowest-tier C"
done
# Where it is to go depends on whether version 1 is there, too.
run_in "$no_cgroup_mount" stat -f -c %T /sys/fs/cgroup
command="mount -t cgroup2 cgroup2 /sys/fs/cgroup"
[ "$OUT" = sysfs ] || command="mkdir -p /sys/fs/cgroup/unified && $command/unified"
fix="this mount namespace hides cgroup v2, as 'ip netns exec' and containers do; for it alone: '$command'"
for verb in watch ls run; do
	run_in "$no_cgroup" ajar $verb -C "$T/all.conf" --data "$D"
	refuses "$verb that may not see less, without cgroup v2" 2 "$fix; or settle for less: sensor.lowest-tier B"
done
for verb in watch run; do
	# Ended as a person would.
	LIMIT=60 run_in "$no_cgroup" timeout -s INT 3 ajar $verb --data "$T/lower"
	ok "$verb without cgroup v2 goes on, and says what it lacks" says "tier B sees less than tier A: $fix; UDP"
	same "once" "$(grep -c 'tier B sees' "$T/err")" 1
	LIMIT=60 run_in "$no_btf" timeout -s INT 3 ajar $verb --data "$T/poll"
	ok "$verb without BTF goes on, too" says "tier C sees less than tier A: this kernel has no BTF"
done
ok "the start record says so" eval "ajar timeline -j --data '$T/poll' | grep '\"event\":\"start\"' | grep -q 'tier C (this kernel has no BTF.*comes and goes between two looks'"
LIMIT=60 run_in "$no_btf; $no_bpffs" timeout -s INT 3 ajar run --data "$T/poll"
ok "run without BTF and without a place for pins goes on, too" says "tier C sees less than tier A: this kernel has no BTF"
run_in "$no_cgroup" ajar doctor --data "$T/lower"
ok "doctor says it too" eval "grep -A1 'tier B): this mount namespace hides cgroup v2, ' '$T/out' | grep -qF 'fix: $command'"
run_in "$no_cgroup_mount; $command; set -- unshare --cgroup \"\$@\"" ajar doctor --data "$T/lower"
ok "and that command is enough" grep -q '^ok cgroup v2 ' "$T/out"
LIMIT=60 run_in "$no_cgroup_mount" timeout -s INT 3 ajar watch --data "$T/own"
ok "where it is only not mounted, the sensor mounts one for itself" says "sensor: tier A"
run_in "$no_cgroup_mount" ajar doctor --data "$T/own"
ok "which doctor knows" eval "grep -q '^ok cgroup v2 .*by a mount of its own' '$T/out'"
NS=ajar-hide-$$
ip netns add $NS
timeout -k 5 60 ip netns exec $NS timeout -s INT 3 ajar watch --data "$T/own" >"$T/out" 2>"$T/err" </dev/null
ok "so it is under 'ip netns exec', which hides it" says "sensor: tier A"
ip netns del $NS
run_in "$no_btf" ajar doctor --data "$D"
same "doctor finds BTF missing: exit 1" "$RC" 1
ok "and says what fixes it" eval "grep -A1 'BTF  .*no /sys/kernel/btf' '$T/out' | grep -q 'fix: .*apt-get install'"
run_in "$no_bpffs" ajar ls -q --data "$D"
same "ls needs no BPF file system" "$RC" 0
run_in "$ro_bpffs" ajar run --web off --data "$D"
refuses "run with a read-only BPF file system" 2 "the BPF file system is read-only: 'mount -o remount,rw /sys/fs/bpf'"
run_in "$ro_bpffs" ajar doctor --data "$D"
same "which doctor finds: exit 1" "$RC" 1
for program in "ajar run" "ajar-agent" "ajar watch"; do
	chmod 755 "$T"
	mkdir -p "$T/bin" && cp "$BUILD/ajar" "$BUILD/ajar-agent" "$T/bin"
	# shellcheck disable=SC2086
	PATH=$T/bin:$PATH setpriv --reuid 65534 --regid 65534 --clear-groups $program --data "$T/nobody" >"$T/out" 2>"$T/err" </dev/null
	RC=$? OUT=$(cat "$T/out")
	refuses "$program without root" 2 "root"
done

# --- where the data goes ---------------------------------------------------------------------------
echo precious >"$T/file"
for verb in run ship monitor ls timeline "profile learn --write" "timeline verify"; do
	# shellcheck disable=SC2086
	run $verb --data "$T/file"
	refuses "$verb with a file as --data" 2 "give another --data"
done
run_in : ajar-agent --data "$T/file"
refuses "ajar-agent with a file as --data" 2 "(Not a directory): give another --data"
same "the file is as it was" "$(cat "$T/file")" precious
run run --data /proc/none
refuses "a folder that cannot be made" 2 "cannot make the folder '/proc/none' (No such file or directory): give another --data"
mkdir "$T/mnt"
run_in "mount -t tmpfs -o ro none '$T/mnt'" ajar run --web off --data "$T/mnt/d"
refuses "a read-only disk" 2 "(Read-only file system): give another --data"
run_in "mount -t tmpfs -o size=64k none '$T/mnt'; for i in 1 2 3 4; do cat /dev/zero >>'$T/mnt/pad' 2>/dev/null; done" ajar run --web off --data "$T/mnt/d"
refuses "a full disk" 2 "free disk space"
run_in "mount -t tmpfs -o size=100k none '$T/mnt'" ajar run --web off -q --data "$T/mnt/d"
same "a disk with room for the journal, not for the store: exit 2" "$RC" 2
ok "and it is said" says "the disk is full: make room"

# A disk that fills while the agent runs is test_disk.sh's.
mkdir "$T/foreign" && chown 65534 "$T/foreign"
run run --data "$T/foreign"
refuses "somebody else's folder" 2 "belongs to uid 65534"
same "which stays theirs" "$(stat -c %u "$T/foreign")" 65534

# --- two of them -----------------------------------------------------------------------------------
ok "ajar run says ready" start_run -q
first=$RUN
run run --data "$D"
refuses "a second run on the same data" 2 "another ajar-agent writes $D/journal: stop it, or give another --data"
run_in : ajar-agent --data "$D"
refuses "a second agent" 2 "another ajar-agent writes $D/journal"
ok "the first does not mind" kill -0 "$first"
open_door tcp 127.0.0.1 21951
listed() { [ -n "$(ajar ls -jq --data "$D" :"$1")" ]; }
ok "and goes on recording" wait_for listed 21951
close_door
RUN=$first
stop_run
same "and ends with 0" $? 0

# --- stores that are not ours to use ---------------------------------------------------------------
mkdir -p "$T/other/store"
sqlite3 "$T/other/store/ajar.db" "CREATE TABLE hello(x); INSERT INTO hello VALUES(1)"
before=$(sum "$T/other/store/ajar.db")
for verb in ls timeline alerts "profile learn --write" ship monitor run; do
	# shellcheck disable=SC2086
	run $verb --data "$T/other"
	refuses "$verb with somebody's database" 2 "$T/other/store/ajar.db is another program's database: give another --data or --store"
done
same "the database is untouched, to the byte" "$(sum "$T/other/store/ajar.db")" "$before"
printf 'this is a text, not a database: %04096d' 1 >"$T/other/store/ajar.db"
for verb in ls ship run; do
	run $verb --data "$T/other"
	refuses "$verb with a text for a store" 2 "is not an ajar store"
done

newer() { sqlite3 "$1" "INSERT INTO schema_migrations (number, name, sha256, applied_at) VALUES (99, 'x', 'y', 'z')"; }
cp -a "$D" "$T/newer"
ok "a store of a newer schema is made" newer "$T/newer/store/ajar.db"
before=$(sum "$T/newer/store/ajar.db")
for verb in ls timeline alerts "profile ls" "profile learn --write" ship monitor run; do
	# shellcheck disable=SC2086
	run $verb --data "$T/newer"
	refuses "$verb with a newer schema" 2 "has schema 99, this ajar knows only"
done
same "the newer store is untouched" "$(sum "$T/newer/store/ajar.db")" "$before"

cp -a "$D" "$T/damaged"
for i in 1 2 3 4 5 6 7 8 9; do
	head -c 4096 /dev/zero | tr '\0' '\377' | dd of="$T/damaged/store/ajar.db" bs=4096 seek=$i conv=notrunc 2>/dev/null
done
for verb in "ls -q" "timeline -q" ship; do
	# shellcheck disable=SC2086
	run $verb --data "$T/damaged"
	refuses "$verb with damaged pages" 2 "is damaged"
done
mv "$T/damaged/store" "$T/damaged/broken"
D=$T/damaged
ok "moved aside, the journal fills a new one" start_run -q
ok "with what is in its replay window" wait_for eval "ajar timeline -jq --data '$D' :21951 | jq -es 'length > 0' >/dev/null"
stop_run
D=$T/data

cp -r "$D" "$T/owned"
chown -R 0:0 "$T/owned"
run run --data "$T/owned"
refuses "files of root where the role writes" 2 "'chown -R "

# --- what alerts go to -----------------------------------------------------------------------------
echo x >"$T/plain"
mkdir "$T/folder"
for program in "$T/none" "$T/plain" "$T/folder" no-such-program-here ""; do
	run run --data "$T/hooked" --on-alert "$program"
	refuses "run with the alert program '${program##*/}'" 2 "--on-alert"
	run monitor --data "$T/hooked" --on-alert "$program"
	refuses "monitor with it" 2 "--on-alert"
done
ok "nothing is made for them" not test -e "$T/hooked"

# Fails, hangs and shouts: alerts go on, and the sink that works misses nothing.
cat >"$T/hook" <<'EOS'
#!/bin/sh
echo x >>"$HOOK_DIR/calls"
case $(wc -l <"$HOOK_DIR/calls") in
1) exit 3 ;;
2) exec tail -f /dev/null ;;
3) head -c 3000000 /dev/zero ; head -c 1000000 /dev/zero >&2 ;;
esac
cat >>"$HOOK_DIR/alerts"
EOS
chmod +x "$T/hook"
export HOOK_DIR=$T
printf 'alert.exec-timeout 300ms\nalert.syslog no\n' >"$T/hook.conf"
D=$T/hooked
ok "a profile of nothing is accepted" eval "sqlite3 :memory: 'SELECT 1' && ajar profile learn --write -q --data '$D' >/dev/null"
ok "ajar run says ready" start_run -q -C "$T/hook.conf" --on-alert "$T/hook"
open_door tcp 127.0.0.1 21952
delivered() { jq -es "any(.[]; .port == $1)" "$T/alerts"; }
ok "a program that fails, hangs and shouts gets its alert in the end" wait_for delivered 21952
close_door
ok "its failure is said" grep -qa "the exec sink failed: '$T/hook' exited with status 3; trying again" "$T/run.err"
ok "and its time limit" grep -qa "was not done after 300 ms and was ended" "$T/run.err"
stop_run
same "run ends with 0" $? 0
same "no program is left hanging" "$(pgrep -f "$T/hook")" ""
D=$T/data

# --- configuration ---------------------------------------------------------------------------------
bad_conf() { # text, complaint
	printf '%b' "$1" >"$T/bad.conf"
	run ls -C "$T/bad.conf"
	refuses "configuration '$1'" 2 "$2"
	run_in : ajar-agent -q --config="$T/bad.conf" --data "$T/none"
	refuses "the same for the agent" 2 "$2"
}
bad_conf '# fine\nnode.nmae x\n' "$T/bad.conf:2: unknown key 'node.nmae' (did you mean 'node.name'?)"
bad_conf 'journal.max-bytes lots\n' "$T/bad.conf:1: bad value 'lots' for journal.max-bytes: 1M to 1024G"
bad_conf 'node.class\n' "$T/bad.conf:1: key 'node.class' has no value"
bad_conf 'node.class a\n\nnode.class b\n' "$T/bad.conf:3: duplicate key 'node.class' (first on line 1)"
bad_conf 'node.name \033[2J\n' "$T/bad.conf:1: bad value '\\x1b[2J'"
run ls -C "$T"
refuses "a folder as configuration" 2 "cannot read configuration"

# --- names that do not exist -----------------------------------------------------------------------
run profile show nope --data "$D"
refuses "a host type that does not exist" 2 "no host type 'nope'"
run profile learn --class nope --data "$D"
refuses "learning for it" 2 "no host type 'nope'"
done_testing
