#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs groups of tests (unit abi store bpf e2e vm fault lint bench fuzz, or all) and ends with "N passed, N failed".
# A test is a program that prints TAP: $BUILD/tests/GROUP/test_* or tests/GROUP/test_*.sh. One ends with 77 to skip; in CI
# (CI=true) a skip is a failure. Output of a test is shown when it fails; all of it is kept in $BUILD/log/.
set -u
cd "$(dirname "$0")/.." || exit 2
BUILD=${BUILD:-build}
export BUILD
CI=${CI:-}
passed=0 failed=0 skipped=0
mkdir -p "$BUILD/log"

count() { grep -c "$1" "$2" || true; }

# Some seconds (AJAR_LONG: ten minutes) of libFuzzer from the seeds; a crash prints its input.
fuzz() {
	name=${1##*/fuzz_}
	seconds=10
	[ -z "${AJAR_LONG:-}" ] || seconds=600
	corpus=$(mktemp -d)
	[ ! -d "tests/fuzz/seeds/$name" ] || cp -r "tests/fuzz/seeds/$name/." "$corpus"
	(cd "$corpus" && mkdir new && "$OLDPWD/$1" -max_total_time=$seconds -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 new .) &&
		echo "ok 1 - $name: $seconds s of hostile input do no harm" || echo "not ok 1 - $name: hostile input does harm"
	echo 1..1
	rm -rf "$corpus"
}

one() { # group program
	name=$(basename "$2")
	log=$BUILD/log/$1-$name.log
	limit=${AJAR_TEST_TIMEOUT:-300}
	[ -z "${AJAR_LONG:-}" ] || limit=7200
	start=$(date +%s)
	if [ "$1" = fuzz ]; then
		fuzz "$2" >"$log" 2>&1
	else
		timeout -k 10 "$limit" "$2" >"$log" 2>&1 </dev/null
	fi
	rc=$?
	good=$(count '^ok ' "$log")
	bad=$(count '^not ok ' "$log")
	took=$(($(date +%s) - start))
	if [ "$rc" = 77 ]; then
		why=$(sed -n 's/^1\.\.0 # SKIP //p' "$log" | head -1)
		if [ -n "$CI" ]; then
			failed=$((failed + 1))
			printf 'not ok  %s/%s: skipped in CI: %s\n' "$1" "$name" "$why"
		else
			skipped=$((skipped + 1))
			printf 'skip    %s/%s: %s\n' "$1" "$name" "$why"
		fi
		return
	fi
	# A program that died, or printed no plan, has failed even if each line so far was good.
	if [ "$rc" != 0 ] && [ "$bad" = 0 ] || ! grep -q '^1\.\.[1-9]' "$log"; then
		bad=$((bad + 1))
		printf '# exit status %s\n' "$rc" >>"$log"
	fi
	passed=$((passed + good))
	failed=$((failed + bad))
	if [ "$bad" = 0 ]; then
		printf 'ok      %s/%s (%s checks, %s s)\n' "$1" "$name" "$good" "$took"
		[ "$1" != bench ] || sed -n 's/^#/       /p' "$log"
	else
		printf 'not ok  %s/%s (%s of %s failed)\n' "$1" "$name" "$bad" $((good + bad))
		grep -av '^ok ' "$log" | tail -60 | sed 's/^/        /'
	fi
}

group() {
	pattern=test_
	[ "$1" != bench ] || pattern=
	[ "$1" != fuzz ] || pattern=fuzz_
	for p in "$BUILD/tests/$1/$pattern"*; do
		case $p in *.o | *.d | *'*') continue ;; esac
		[ -f "tests/$1/$(basename "$p").c" ] && [ -x "$p" ] && one "$1" "$p"
	done
	for p in tests/"$1"/test_*.sh; do
		[ -f "$p" ] && one "$1" "$p"
	done
}

for g in "$@"; do
	case $g in
	all) for a in lint unit abi store bpf e2e vm fault fuzz bench; do group "$a"; done ;;
	*) group "$g" ;;
	esac
done
[ "$skipped" = 0 ] || printf '%s skipped\n' "$skipped"
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
