# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# README's two commands on a Debian where nobody has installed anything: a root of that suite, in it a clone and nothing else.
# Sourced by test_debian*.sh, which say SUITE and TEST_GROUPS. `make run` installs, builds and runs up to the alert of a first unexpected
# door, then `make test` runs: the groups that the file names, or all in a long run (AJAR_LONG, or AJAR_FRESH_ALL=1).
#
# The root comes from the mirror, the proxy and the keys that apt uses here, by mmdebstrap; apt's own lists are left alone. It and
# the packages are kept for the next run in $AJAR_TEST_CACHE, else /var/cache/ajar-tests. What is installed there comes from those
# files: in the root there is no network but loopback, unless all of `make test` runs, which fetches for itself.
#
# It has /proc, /sys, a BPF file system and /dev in a mount namespace of its own. What runs in the root, and its folder, end
# with this program, also when it is killed.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
TOP=$PWD
N=0 BAD=0
skip() {
	echo "1..0 # SKIP $*"
	exit 77
}
ok() { # sentence, exit code
	N=$((N + 1))
	if [ "$2" = 0 ]; then echo "ok $N - $1"; else
		echo "not ok $N - $1"
		tail -40 "$LOG" | sed 's/^/#   /'
		BAD=$((BAD + 1))
	fi
}
done_testing() {
	echo "1..$N"
	[ "$BAD" = 0 ]
	exit
}

[ "$(id -u)" = 0 ] || skip "needs root"
for tool in mmdebstrap unshare apt-config flock git ip; do
	command -v $tool >/dev/null || skip "$tool is missing: run 'make deps-test' as root"
done
KEYS=/usr/share/keyrings/debian-archive-keyring.gpg
[ -f "$KEYS" ] || skip "Debian's keys are missing: install debian-archive-keyring"
if [ -z "${AJAR_FRESH_INSIDE:-}" ]; then
	AJAR_FRESH_INSIDE=1 exec unshare --mount --propagation private "$0"
fi
ALL=${AJAR_FRESH_ALL:-${AJAR_LONG:-}}

CACHE=${AJAR_TEST_CACHE:-/var/cache/ajar-tests}/fresh-$SUITE
mkdir -p "$CACHE/archives/partial" || skip "the folder $CACHE cannot be made"
exec 9>"$CACHE/lock"
flock -w 1200 9 || skip "another run has been at it for twenty minutes"
find "$CACHE" -maxdepth 1 -name 'run-*' -exec rm -rf {} + # of one that was killed together with its watcher
R=$(mktemp -d "$CACHE/run-XXXXXX") || skip "no room in $CACHE"
LOG=$R.log
chmod 755 "$R"

# Ends what runs in the root, and removes it, when the pipe's other end is closed: by whatever end of ours.
coproc WATCH {
	trap '' HUP INT TERM
	exec 9>&-
	exec setsid sh -c '
		cat >/dev/null
		in_root() { for p in /proc/[0-9]*; do [ "$(readlink "$p/root" 2>/dev/null)" != "$1" ] || echo "${p#/proc/}"; done; }
		for i in 1 2 3 4 5 6 7 8 9 10; do
			pids=$(in_root "$1/root")
			[ -n "$pids" ] || break
			kill -9 $pids 2>/dev/null
			timeout 0.2 tail -f /dev/null
		done
		for i in 1 2 3 4 5; do
			awk -v r="$1/" "index(\$2, r) == 1 { print \$2 }" /proc/self/mounts | sort -r | while read -r m; do umount -l "$m"; done
		done
		rm -rf --one-file-system "$1" "$1.log"
	' - "$R"
}
# shellcheck disable=SC2154 # by coproc
WATCH_END=${WATCH[1]} WATCHER=$WATCH_PID
finish() {
	exec 9>&-
	# What holds the network namespace is not in the root, so the watcher does not end it.
	# shellcheck disable=SC2046 # pids
	[ -z "${NET:-}" ] || kill $(pgrep -P "$NET") "$NET" 2>/dev/null
	eval "exec $WATCH_END>&-"
	while kill -0 "$WATCHER" 2>/dev/null; do read -rt 0.05 <> <(:) || :; done
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

# --- the root --------------------------------------------------------------------------------------------------------------

mirror=$(sed -n 's/^URIs: *\([^ ]*\/debian\)\/* *$/\1/p; s/^deb .*\(https*:[^ ]*\/debian\)\/* .*/\1/p' \
	/etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null | head -1)
mirror=${mirror:-http://deb.debian.org/debian}
{
	apt-config dump | grep -iE '^Acquire::(https?|ftp)::|^Acquire::(Check-Valid-Until|Retries) '
	printf '%s\n' 'Acquire::Languages "none";' 'APT::Install-Recommends "false";'
} >"$R/apt.conf"
sources="deb $mirror $SUITE main
deb $mirror $SUITE-updates main"
[ -z "$(find "$CACHE/base.tar" -mtime +30 2>/dev/null)" ] || rm -f "$CACHE/base.tar"
if [ ! -f "$CACHE/base.tar" ]; then
	# Nothing here needs to outlive a loss of power. (As an option of apt it would become one of the env(1) that mmdebstrap runs.)
	make_root() {
		printf '%s\n' "$sources" | timeout 300 mmdebstrap --variant=minbase --include=ca-certificates,git,make --keyring="$KEYS" \
			--aptopt="$R/apt.conf" --dpkgopt=force-unsafe-io --format=tar "$SUITE" "$CACHE/base.new" - >"$LOG" 2>&1 9>&-
	}
	# A mirror may be away for a moment.
	make_root || { timeout 20 tail -f /dev/null; make_root; } || { timeout 60 tail -f /dev/null; make_root; } ||
		skip "no root of $SUITE can be made: $(grep -E '^(E|W|Err)' "$LOG" | tail -4 | xargs -d '\n' | sed 's|https*://[^ ]*|the mirror|g')"
	mv "$CACHE/base.new" "$CACHE/base.tar"
fi
mkdir "$R/root"
ROOT=$R/root
tar -C "$ROOT" -xf "$CACHE/base.tar" || skip "no room in $CACHE"
mv "$R/apt.conf" "$ROOT/etc/apt/apt.conf.d/90host"
cp /etc/resolv.conf "$ROOT/etc/resolv.conf" 2>/dev/null
printf '127.0.0.1 localhost\n::1 localhost\n127.0.1.1 %s\n' "$(uname -n)" >"$ROOT/etc/hosts"
mount -t proc proc "$ROOT/proc"
mount -t sysfs sysfs "$ROOT/sys"
mount -t bpf -o mode=0700 bpf "$ROOT/sys/fs/bpf"
mount --rbind /sys/fs/cgroup "$ROOT/sys/fs/cgroup"
mount --rbind /dev "$ROOT/dev"
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/dev/shm"
mount -t tmpfs -o mode=755 tmpfs "$ROOT/run"
mount --bind "$CACHE/archives" "$ROOT/var/cache/apt/archives"
rm -f "$ROOT"/etc/apt/apt.conf.d/docker-*
inside() { # program and arguments
	chroot "$ROOT" env -i HOME=/root USER=root TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@" 9>&-
}
offline() { unshare --net sh -c 'ip link set lo up && exec "$@"' - "$@"; }
clone() {
	if [ -z "$(git status --porcelain 2>&1)" ] && git clone -q --no-hardlinks "$TOP" "$ROOT/root/ajar" 2>/dev/null; then return; fi
	# What was changed and not committed is to be tried, too.
	echo "# not a clone, but a copy of what git lists here"
	mkdir -p "$ROOT/root/ajar"
	(
		# shellcheck source=tests/lint/tree.sh
		. tests/lint/tree.sh
		git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$ROOT/root/ajar"
	)
}
clone || skip "the tree cannot be copied: is there room in $CACHE?"
CLONE=/root/ajar

# All that will be installed is fetched now; then no network is needed.
[ "$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)" != "$SUITE" ] || # what this machine has already; apt compares the sums
	cp -ln /var/cache/apt/archives/*.deb "$CACHE/archives/" 2>/dev/null
inside apt-get -q update >"$LOG" 2>&1 || skip "the lists of $SUITE cannot be had: $(sed -n 's/^E: //p' "$LOG" | tail -1 | sed 's|https*://[^ ]*|the mirror|g')"
inside make -s -C $CLONE print-deps >"$R/deps" 2>"$LOG"
# shellcheck disable=SC2046 # words
inside apt-get -q -y --download-only install $(cat "$R/deps") >"$LOG" 2>&1
ok "$SUITE has every package that the Makefile lists" $?

# --- make run --------------------------------------------------------------------------------------------------------------

wait_for() { # seconds command...
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		read -rt 0.1 <> <(:) || :
	done
}
say() { echo "# $SUITE: $* after $SECONDS s"; }
SAID=$R/run.out
LOG=$SAID
# One network namespace for all of this part: it is held by a program that only waits.
offline sh -c 'echo up; exec tail -f /dev/null' >"$R/net" 9>&- &
NET=$!
wait_for 10 grep -q up "$R/net"
become() { # in the network namespace and in the root; replaces this shell
	exec nsenter --net="/proc/$NET/ns/net" chroot "$ROOT" env -i HOME=/root USER=root TERM=dumb \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@" 9>&-
}
in_net() { (become "$@"); }
ajar() { in_net $CLONE/build/ajar "$@"; }
: >"$SAID"
become make -C $CLONE run WERROR=1 >"$SAID" 2>&1 </dev/null &
MAKE_RUN=$!
run_ended() { ! kill -0 "$MAKE_RUN" 2>/dev/null; }
is_up() { run_ended || grep -qx ready "$SAID"; }
wait_for 1200 is_up
ok "$SUITE: make run installs, builds without a warning, and is ready" "$(grep -cxv ready <(grep -x ready "$SAID" || echo no))"
say "make run was ready"
run_ended && done_testing # nothing else can be
LOG=$R/verb
ajar profile learn --write >"$LOG" 2>&1
ok "$SUITE: what is open is accepted" $?
become nc -l -p 4444 >"$R/nc" 2>&1 </dev/null &
NC=$!
LOG=$SAID
wait_for 30 grep -q '! alert [0-9]* open.* nc (root) listens on 0.0.0.0:4444/tcp' "$SAID"
ok "$SUITE: an unexpected door is an alert" $?
say "the alert was there"
LOG=$R/verb
ajar alerts -j >"$LOG" 2>&1 && grep -q '"port":4444' "$LOG"
ok "$SUITE: ajar alerts lists it" $?
ajar doctor >"$LOG" 2>&1
ok "$SUITE: ajar doctor finds no fault" $?
kill "$NC"
RUN=$(pgrep -f '^build/ajar run' --ns "$NET" --nslist net | head -1)
kill -INT "$RUN"
wait "$MAKE_RUN"
[ -z "$(find "$ROOT/sys/fs/bpf" -name 'ajar*')" ]
ok "$SUITE: ended, it leaves nothing pinned" $?

# --- make test -------------------------------------------------------------------------------------------------------------

LOG=$R/test.out
if [ -n "$ALL" ]; then
	inside ${AJAR_LONG:+AJAR_LONG=1} AJAR_FRESH=inside make -C $CLONE test >"$LOG" 2>&1 </dev/null
	rc=$?
	cp "$LOG" "$CACHE/test.out"
else
	in_net AJAR_FRESH=inside make -C $CLONE test ONLY="$TEST_GROUPS" WERROR=1 >"$LOG" 2>&1 </dev/null
	rc=$?
fi
echo "# $SUITE: make test said: $(grep -E '^[0-9]+ passed, ' "$LOG" | tail -1)"
grep '^skip ' "$LOG" | sed 's/^/# /'
LOG=$R/failed
grep -A12 '^not ok' "$R/test.out" >"$LOG" || tail -30 "$R/test.out" >"$LOG"
ok "$SUITE: make test is green" $rc
say "make test had ended"
done_testing
