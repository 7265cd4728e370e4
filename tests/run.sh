#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs groups of tests (fresh lint vm unit abi store bpf fault e2e fuzz bench, or all) and ends with "N passed, N failed".
# A test is a program that prints TAP: $BUILD/tests/GROUP/test_* or tests/GROUP/test_*.sh. Output of a test is shown when it
# fails; all of it is kept in $BUILD/log/.
#
# Just before its last line it names the tests that failed once more, for who is shown the end alone.
#
# What did not run is no pass: "ok 3 # SKIP why" and a program that ends with 77 ("1..0 # SKIP why") are counted as skipped, and
# in CI (CI=true) as failed. Not so "# SKIP machine: why": this kernel or CPU cannot do it, and nobody can install that.
#
# Most of a test's time is waiting, so two run side by side (AJAR_TEST_JOBS=1: one after the other). Which may is the matter of
# three queues: "machine" (e2e, bpf, fault) has tests that look at the whole machine, one at a time; "beside" (all other groups)
# has those that may run beside anything; "alone" (bench) those that measure, when everything else has ended. A test says that it
# belongs elsewhere than its group by a comment near its top: "run.sh: alone, for it counts clock ticks". A test is given five
# minutes, or what such a comment says: "run.sh: within 900 s, for it installs packages".
set -u
cd "$(dirname "$0")/.." || exit 2
BUILD=${BUILD:-build}
export BUILD

# Stores and journals sync what they write, and most tests waited for a disk: /tmp is memory while they run, in a mount namespace
# that goes with us. Not in a long run, nor for what runs alone, nor where that cannot be had (AJAR_TEST_TMP=disk: nowhere).
memory_tmp() {
	[ -z "${AJAR_LONG:-}" ] && [ -z "${AJAR_TEST_TMP:-}" ] && [ "$(id -u)" = 0 ] || return 1
	case $PWD/:$BUILD/ in /tmp/* | *:/tmp/*) return 1 ;; esac
	[ "$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)" -ge 8000000 ] || return 1
	unshare --mount --propagation private mount -t tmpfs -o size=6g,mode=1777 ajar-tests /tmp 2>/dev/null
}
# A run inside a test must leave the memory to the run that took it.
own_tmp=
[ "${AJAR_TEST_TMP:-}" != mine ] || own_tmp=1 AJAR_TEST_TMP=memory
if memory_tmp; then
	export AJAR_TEST_TMP=mine
	# shellcheck disable=SC2016 # the inner shell's
	exec unshare --mount --propagation private sh -c 'mount -t tmpfs -o size=6g,mode=1777 ajar-tests /tmp && exec "$@"' - sh tests/run.sh "$@"
fi
CI=${CI:-}
jobs=${AJAR_TEST_JOBS:-2}
mkdir -p "$BUILD/log"
Q=$(mktemp -d "$BUILD/log/queues-XXXXXX") || exit 2
trap 'rm -rf "$Q"' EXIT
# Interrupted, it ends after what is running.
trap 'for q in machine beside alone; do : >"$Q/$q"; done' INT TERM
: >"$Q/results"

# AJAR_ANY_DAY=1: all of it on another day, elsewhere (tests/any_day.sh).
day=
# shellcheck source=tests/any_day.sh
[ -z "${AJAR_ANY_DAY:-}" ] || { day=any_day && . tests/any_day.sh; }

count() { grep -c "$1" "$2" || true; }

# Some seconds (AJAR_LONG: ten minutes) of libFuzzer from the seeds; a crash prints its input. With sanitizers, beside other
# tests, the largest node set takes ten seconds: what hangs takes a minute.
fuzz() {
	name=${1##*/fuzz_}
	seconds=10
	[ -z "${AJAR_LONG:-}" ] || seconds=600
	corpus=$(mktemp -d)
	[ ! -d "tests/fuzz/seeds/$name" ] || cp -r "tests/fuzz/seeds/$name/." "$corpus"
	(cd "$corpus" && mkdir new && "$OLDPWD/$1" -max_total_time=$seconds -timeout=60 -rss_limit_mb=2048 -print_final_stats=0 new .) &&
		echo "ok 1 - $name: $seconds s of hostile input do no harm" || echo "not ok 1 - $name: hostile input does harm"
	echo 1..1
	rm -rf "$corpus"
}

# passed, failed, skipped
result() { printf '%s %s %s\n' "$1" "$2" "$3" >>"$Q/results"; }

one() { # group program source
	name=$(basename "$2")
	log=$BUILD/log/${AJAR_ANY_DAY:+day-}$1-$name.log
	limit=$(sed -n '1,20s/.*run\.sh: within \([0-9]*\) s, for .*/\1/p' "$3" | head -1)
	limit=${AJAR_TEST_TIMEOUT:-${limit:-300}}
	[ -z "${AJAR_LONG:-}" ] || limit=7200
	start=$(date +%s)
	if [ "$1" = fuzz ]; then
		fuzz "$2" >"$log" 2>&1
	else
		$day timeout -k 10 "$limit" "$2" >"$log" 2>&1 </dev/null
	fi
	rc=$?
	all=$(count '^ok ' "$log")
	bad=$(count '^not ok ' "$log")
	left=$(count '^ok .*# SKIP ' "$log")
	good=$((all - left))
	took=$(($(date +%s) - start))
	if [ "$rc" = 77 ]; then
		why=$(sed -n 's/^1\.\.0 # SKIP //p' "$log" | head -1)
		if [ -n "$CI" ]; then
			result 0 1 0
			printf 'not ok  %s/%s: skipped in CI: %s\n' "$1" "$name" "$why" | tee -a "$Q/bad"
		else
			result 0 0 1
			printf 'skip    %s/%s: %s\n' "$1" "$name" "$why"
		fi
		return
	fi
	# A program that died, or printed no plan, has failed even if each line so far was good.
	if [ "$rc" != 0 ] && [ "$bad" = 0 ] || ! grep -q '^1\.\.[1-9]' "$log"; then
		bad=$((bad + 1))
		printf '# exit status %s\n' "$rc" >>"$log"
	fi
	if [ -n "$CI" ]; then
		may=$(count '^ok .*# SKIP machine: ' "$log")
		[ "$left" = "$may" ] || printf '# skipped in CI: %s checks\n' $((left - may)) >>"$log"
		bad=$((bad + left - may))
		left=$may
	fi
	result "$good" "$bad" "$left"
	if [ "$bad" = 0 ]; then
		printf 'ok      %s/%s (%s checks, %s s)\n' "$1" "$name" "$good" "$took"
		[ "$1" != bench ] || sed -n 's/^#/       /p' "$log"
	else
		printf 'not ok  %s/%s (%s of %s failed, %s s)\n' "$1" "$name" "$bad" $((good + bad)) "$took" | tee -a "$Q/bad"
		grep -a '^not ok \|^# exit status \|^# skipped in CI' "$log" | head -5 | sed 's/^/        /' >>"$Q/bad"
		grep -av '^ok ' "$log" | tail -60 | sed 's/^/        /'
	fi
	sed -n 's/^ok .*# SKIP //p' "$log" | sort | uniq -c | while read -r times why; do
		printf 'skip    %s/%s: %s (%s checks)\n' "$1" "$name" "$why" "$times"
	done
}

# --- queues: lines "group program source" -----------------------------------------------------------------

queue() { # group program source
	q=$(sed -n '1,20s/.*run\.sh: \(machine\|beside\|alone\), for .*/\1/p' "$3" | head -1)
	if [ -z "$q" ]; then
		case $1 in
		e2e | bpf | fault) q=machine ;;
		bench) q=alone ;;
		*) q=beside ;;
		esac
	fi
	printf '%s %s %s\n' "$1" "$2" "$3" >>"$Q/$q"
}

group() {
	pattern=test_
	[ "$1" != bench ] || pattern=
	[ "$1" != fuzz ] || pattern=fuzz_
	for p in "$BUILD/tests/$1/$pattern"*; do
		case $p in *.o | *.d | *'*') continue ;; esac
		source=tests/$1/$(basename "$p").c
		[ -f "$source" ] && [ -x "$p" ] && queue "$1" "$p" "$source"
	done
	for p in tests/"$1"/test_*.sh; do
		[ -f "$p" ] && queue "$1" "$p" "$p"
	done
}

next() { # queue: takes its first line
	{
		flock 7
		head -n 1 "$Q/$1"
		sed -i 1d "$Q/$1"
	} 7>"$Q/lock"
}

# Until the queues, in this order, are empty. What a test says is printed as a whole.
work() { # name queue...
	said=$Q/said.$1 began=$(date +%s) who=$1
	shift
	for q in "$@"; do
		while line=$(next "$q") && [ -n "$line" ]; do
			# shellcheck disable=SC2086 # three words
			one $line >"$said"
			{
				flock 7
				cat "$said"
			} 7>"$Q/lock"
		done
	done
	printf '%s (%s): %s s\n' "$who" "$*" $(($(date +%s) - began)) >>"$Q/times"
}

for q in machine beside alone; do : >"$Q/$q"; done
fresh=fresh # not once more inside of it
[ -z "${AJAR_FRESH:-}" ] || fresh=
for g in "$@"; do
	case $g in
	all) for a in $fresh lint vm unit abi store bpf fault e2e fuzz bench; do group "$a"; done ;;
	*) group "$g" ;;
	esac
done
if [ "$jobs" -gt 1 ]; then
	work 2 beside &
	work 1 machine beside
	wait
else
	work 1 machine beside
fi
[ -z "$own_tmp" ] || umount -l /tmp # what measures has the disk
work 1 alone
[ "$jobs" -le 1 ] || sed 's/^/# worker /' "$Q/times"
passed=0 failed=0 skipped=0
totals=$(awk '{ p += $1; f += $2; s += $3 } END { print "passed=" p + 0, "failed=" f + 0, "skipped=" s + 0 }' "$Q/results")
eval "$totals"
[ ! -s "$Q/bad" ] || cat "$Q/bad"
[ "$skipped" = 0 ] || printf '%s skipped\n' "$skipped"
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
