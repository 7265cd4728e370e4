#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# tests/run.sh counts what the tests of a small tree say: passed, failed, and skipped, which is neither.
cd "$(dirname "$0")/../.." || exit 2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0 bad=0
same() { # sentence, got, wanted
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		printf 'not ok %s - %s\n#   got    %s\n#   wanted %s\n' "$n" "$1" "$2" "$3"
		bad=1
	fi
}
mkdir -p "$tmp/tests/unit"
cp tests/run.sh "$tmp/tests/"
runs() { # name of the only test, what it does; the last lines in one
	rm -f "$tmp"/tests/unit/*
	printf '#!/bin/sh\n%s\n' "$2" >"$tmp/tests/unit/test_$1.sh"
	chmod 755 "$tmp/tests/unit/test_$1.sh"
	(cd "$tmp" && AJAR_TEST_TMP=disk BUILD=build CI=$CI sh tests/run.sh unit >"$tmp/out" 2>&1)
	echo "$? $(grep -E '^[0-9]+ (skipped|passed)' "$tmp/out" | xargs)"
}
CI=
same "checks that pass" "$(runs good 'echo "ok 1 - a"; echo "ok 2 - b"; echo 1..2')" "0 2 passed, 0 failed"
same "a check that fails" "$(runs bad 'echo "ok 1 - a"; echo "not ok 2 - b"; echo 1..2; exit 1')" "1 1 passed, 1 failed"
same "a skipped check is no pass" "$(runs skip 'echo "ok 1 - a"; echo "ok 2 # SKIP needs a moon"; echo 1..2')" "0 1 skipped 1 passed, 0 failed"
same "its reason is shown" "$(grep -c 'unit/test_skip.sh: needs a moon' "$tmp/out")" 1
same "nor is a skipped program" "$(runs all 'echo "1..0 # SKIP needs a moon"; exit 77')" "0 1 skipped 0 passed, 0 failed"
same "a program that dies has failed" "$(runs dies 'echo "ok 1 - a"; echo 1..1; exit 3')" "1 1 passed, 1 failed"
same "so has one without a plan" "$(runs plan 'echo "ok 1 - a"')" "1 1 passed, 1 failed"
same "and one that takes longer than it says" "$(runs slow '# run.sh: within 1 s, for this test
echo "ok 1 - a"
exec tail -f /dev/null')" "1 1 passed, 1 failed"
same "which failed is said once more at the end" "$(tail -n 3 "$tmp/out" | sed "s|, [0-9]* s)|)|" | xargs)" "not ok unit/test_slow.sh (1 of 2 failed) # exit status 124 1 passed, 1 failed"
CI=true
same "in CI a skipped check is a failure" "$(runs skip 'echo "ok 1 - a"; echo "ok 2 # SKIP needs a moon"; echo 1..2')" "1 1 passed, 1 failed"
same "so is a skipped program" "$(runs all 'echo "1..0 # SKIP needs a moon"; exit 77')" "1 0 passed, 1 failed"
same "what the machine cannot do is skipped there, too" "$(runs cpu 'echo "ok 1 - a"; echo "ok 2 # SKIP machine: no such CPU"; echo 1..2')" "0 1 skipped 1 passed, 0 failed"
echo "1..$n"
exit $bad
