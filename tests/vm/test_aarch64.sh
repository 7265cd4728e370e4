#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The build for aarch64, by clang and lld on this machine: libraries and headers are Debian's for arm64, of the suite that is installed here. Each is
# fetched once, by apt with a configuration, lists and cache of its own, and unpacked into $BUILD/vm/aarch64; the machine's own apt and
# dpkg know nothing of it. qemu-aarch64 emulates a process and no kernel: the programs and pure tests run in it, BPF objects are compared.
# run.sh: within 900 s, for it builds everything once more
set -u
cd "$(dirname "$0")/../.." || exit 2
case ${BUILD:=build} in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
MAKE=${MAKE:-make}
unset MAKEFLAGS MAKELEVEL MFLAGS CFLAGS LDFLAGS
CROSS=$BUILD/vm/aarch64-build ROOT=$BUILD/vm/aarch64 APT=$BUILD/vm/apt-arm64
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
for tool in clang ld.lld qemu-aarch64 readelf dpkg apt-get apt-cache; do
	command -v $tool >/dev/null || skip "$tool is missing: run 'make deps-test' as root"
done

# --- libraries ----------------------------------------------------------------------------------

apt_of() { # program, arguments: for a machine of that architecture where nothing is installed
	timeout 200 "$@" -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Install-Recommends=false \
		-o Dir::State::status="$APT/status" -o Dir::State::Lists="$APT/lists" -o Dir::Cache="$APT/cache" \
		-o Dir::Etc::SourceList="$APT/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::Preferences=/dev/null \
		-o Dir::Etc::PreferencesParts=/dev/null -o Acquire::Languages=none -o Acquire::Retries=3 -o APT::Sandbox::User=root
}
# shellcheck disable=SC2016
fetch() { # packages: $ROOT, whole or not at all
	local mirror suite gcc deb work=$ROOT.$$
	suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	[ "$(cat "$ROOT/wanted" 2>/dev/null)" != "$suite $*" ] || return 0
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -1)
	[ -n "$mirror" ] || {
		echo "apt has no package lists of Debian here"
		return 1
	}
	mkdir -p "$APT/lists/partial" "$APT/cache/archives/partial"
	: >"$APT/status"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$APT/sources.list"
	apt_of apt-get update >"$APT/log" 2>&1 || {
		echo "apt-get update for arm64: $(tail -1 "$APT/log")"
		return 1
	}
	# What clang links with: the start files and libgcc of that suite's compiler.
	gcc=$(apt_of apt-cache show --no-all-versions gcc | sed -n 's/^Depends:.* gcc-\([0-9][0-9]*\) .*/\1/p')
	rm -f "$APT"/cache/archives/*.deb
	apt_of apt-get install -y --download-only "libgcc-$gcc-dev" "$@" >"$APT/log" 2>&1 || {
		echo "apt-get for arm64: $(grep -m1 '^E:' "$APT/log")"
		return 1
	}
	rm -rf "$work"
	mkdir -p "$work"
	for deb in "$APT"/cache/archives/*.deb; do dpkg -x "$deb" "$work" || return 1; done
	# Since Debian 13 all is below /usr, and programs ask for their loader by its old name.
	[ -e "$work/lib" ] || ln -s usr/lib "$work/lib"
	echo "$suite $*" >"$work/wanted"
	rm -rf "$ROOT" "$APT/cache"
	mv "$work" "$ROOT"
}
# shellcheck disable=SC2046 # words
why=$(fetch $($MAKE -s print-libs)) || skip "no libraries for arm64: ${why:-they cannot be unpacked}"

# --- the build ----------------------------------------------------------------------------------

# Not optimized: half of the time, and all of the warnings that depend on the processor.
# shellcheck disable=SC2317 # called by ok
cross() { # targets
	PKG_CONFIG_SYSROOT_DIR=$ROOT PKG_CONFIG_LIBDIR=$ROOT/usr/lib/aarch64-linux-gnu/pkgconfig:$ROOT/usr/share/pkgconfig \
		$MAKE -j2 WERROR=1 CC="clang --target=aarch64-linux-gnu --sysroot=$ROOT" LDFLAGS=-fuse-ld=lld OPT=-O0 HARDEN= BUILD="$CROSS" "$@"
}
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
