#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh: within 900 s, for it runs two groups once more
# No test depends on today, on the time zone or on the language: the pure groups once more, 400 days from now, 12:45 hours east
# of Greenwich, in Turkish, whose i is another one and whose numbers have a comma. `make test-long` runs all groups so.
cd "$(dirname "$0")/../.." || exit 2
for tool in faketime localedef; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP $tool is missing: run 'make deps-test' as root"
		exit 77
	}
done
# faketime leaves its semaphores in /dev/shm when a program of a test is killed: here those go with us.
if [ "$(id -u)" = 0 ] && [ -z "${AJAR_DAY_INSIDE:-}" ]; then
	# shellcheck disable=SC2016 # the inner shell's
	AJAR_DAY_INSIDE=1 exec unshare --mount --propagation private sh -c 'mount -t tmpfs -o mode=1777 ajar-day /dev/shm && exec "$0"' "$0"
fi
T=$(mktemp -d "${TMPDIR:-/tmp}/ajar-day-XXXXXX")
trap 'rm -rf "$T"' EXIT
N=0 BAD=0
same() { # sentence, got, wanted
	N=$((N + 1))
	if [ "$2" = "$3" ]; then echo "ok $N - $1"; else
		printf 'not ok %s - %s\n#   got    %s\n#   wanted %s\n' "$N" "$1" "$2" "$3"
		BAD=$((BAD + 1))
	fi
}
localedef -i tr_TR -f UTF-8 "$T/tr_TR.UTF-8" >"$T/log" 2>&1 || {
	echo "1..0 # SKIP the language cannot be made: install locales"
	exit 77
}
export LOCPATH=$T AJAR_ANY_DAY=1
day() { sh -c '. tests/any_day.sh && any_day "$@"' - "$@"; }
now=$(date +%s)
later=$(day date +%s)
same "400 days later, by a minute" "$(((later - now) / 86400 == 400 && (later - now) % 86400 < 60))" 1
same "in another time zone" "$(day date +%z)" +1245
same "in a language with a comma" "$(day python3 -c 'import locale; locale.setlocale(locale.LC_ALL, ""); print(locale.str(0.5))')" 0,5
AJAR_TEST_TMP=disk sh tests/run.sh unit abi >"$T/out" 2>&1
rc=$?
grep -v '^ok ' "$T/out" | sed 's/^/# /'
same "unit and abi are green there" "$rc $(tail -1 "$T/out" | grep -c '^[1-9][0-9]* passed, 0 failed$')" "0 1"
echo "1..$N"
[ "$BAD" = 0 ]
