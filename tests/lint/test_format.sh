#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# clang-format has nothing to change (contract headers and tables are fenced), shellcheck nothing to say.
cd "$(dirname "$0")/../.." || exit 2
. tests/lint/tree.sh
command -v clang-format >/dev/null && command -v shellcheck >/dev/null || {
	echo "1..0 # SKIP clang-format or shellcheck is missing: run 'make deps-test' as root"
	exit 77
}
bad=0
# shellcheck disable=SC2046
out=$(clang-format -n $(git ls-files 'user/*.[ch]' 'tests/*.c' 'bpf/*.[ch]') 2>&1 | grep -c warning)
if [ "$out" = 0 ]; then
	echo "ok 1 - the sources are formatted (make fmt)"
else
	echo "not ok 1 - the sources are formatted (make fmt): $out places"
	bad=1
fi
# shellcheck disable=SC2046
if out=$(shellcheck -S warning $(git ls-files '*.sh') .ci/run 2>&1); then
	echo "ok 2 - shellcheck finds no fault"
else
	echo "not ok 2 - shellcheck finds no fault"
	printf '%s\n' "$out" | head -40 | sed 's/^/# /'
	bad=1
fi
echo "1..2"
exit $bad
