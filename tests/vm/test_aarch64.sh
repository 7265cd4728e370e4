#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The build for aarch64 (aarch64.sh). qemu-aarch64 emulates a process and no kernel: the programs and pure tests run in it, BPF objects are
# compared. What an arm64 kernel says to them: test_kernels.sh.
# run.sh: within 900 s, for it builds everything once more
set -u
cd "$(dirname "$0")/../.." || exit 2
case ${BUILD:=build} in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
MAKE=${MAKE:-make}
# shellcheck source=tests/vm/aarch64.sh
. tests/vm/aarch64.sh
# Where the processor matters: digests, bytes as they are stored and sent, plain `char` without a sign.
TESTS="abi/test_event unit/test_hash unit/test_md5 unit/test_text unit/test_event unit/test_bare unit/test_profile unit/test_filter unit/test_journal unit/test_web_request"
T=$(mktemp -d "${TMPDIR:-/tmp}/ajar-aarch64-XXXXXX")
trap 'rm -rf "$T"' EXIT
LOG=$T/log
N=0 BAD=0
skip() {
	echo "1..0 # SKIP $1"
	exit 77
}
ok() { # sentence, command...
	local what=$1
	shift
	N=$((N + 1))
	if "$@" >"$LOG" 2>&1; then echo "ok $N - $what"; else
		echo "not ok $N - $what"
		tail -30 "$LOG" | sed 's/^/#   /'
		BAD=1
	fi
}
[ "$(uname -m)" = x86_64 ] || skip "it is built from x86_64, this is $(uname -m)"
for tool in qemu-aarch64 $CROSS_TOOLS; do
	command -v $tool >/dev/null || skip "$tool is missing: run 'make deps-test' as root"
done

# --- libraries ----------------------------------------------------------------------------------

# shellcheck disable=SC2046 # words
why=$(fetch_root $($MAKE -s print-libs)) || skip "no libraries for arm64: ${why:-they cannot be unpacked}"

# --- the build ----------------------------------------------------------------------------------

# shellcheck disable=SC2317
is_aarch64() {
	readelf -h "$1"
	[ "$(readelf -h "$1" | grep -c -e 'Class: *ELF64' -e 'Machine: *AArch64')" = 2 ]
}
# shellcheck disable=SC2317
emulated() { qemu-aarch64 -L "$ROOT" "$@"; }
# shellcheck disable=SC2317
says_version() {
	emulated "$CROSS/$1" --version
	emulated "$CROSS/$1" --version | grep -qx "$1 $(sed -n 's/^#define AJAR_VERSION "\(.*\)"/\1/p' include/ajar/version.h)"
}
# shellcheck disable=SC2317
passes() { # test
	emulated "$CROSS/tests/$1" >"$T/tap" 2>&1 || {
		grep -v '^ok' "$T/tap"
		return 1
	}
}
ok "clang builds it for aarch64 without a warning" cross all
for p in ajar ajar-agent; do
	ok "$p is a program for aarch64" is_aarch64 "$CROSS/$p"
	ok "and runs there" says_version $p
done
for o in ajar ajar_plain ajar_bare; do
	ok "$o.bpf.o is to the last byte what this machine's sensor loads" cmp "$CROSS/gen/$o.bpf.o" "$BUILD/gen/$o.bpf.o"
done
# shellcheck disable=SC2046,SC2059,SC2086 # words
ok "tests are built for it, too" cross $(printf "$CROSS/tests/%s " $TESTS)
for t in $TESTS; do
	ok "tests/$t passes there" passes "$t"
done
echo "1..$N"
exit $BAD
