#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The sensor and `ajar run` on other kernels: Debian's cloud kernels boot in QEMU, without KVM, from an initramfs of busybox and
# what was built here, or cross-built (aarch64.sh) for kernels for arm64. Three at once, one CPU each. Each is fetched once by apt, by the name
# of its suite's metapackage, with lists and cache of its own in $BUILD/vm, and kept there. AJAR_VM_KERNELS="5.10 sid 6.12-arm64": these;
# AJAR_VM_TABLE=FILE: the table in it is written.
# run.sh: within 1200 s, for other tests have a share of the processors on which two kernels are emulated
set -u
cd "$(dirname "$0")/../.." || exit 2
TOP=$PWD
case ${BUILD:=build} in /*) ;; *) BUILD=$TOP/$BUILD ;; esac
SERIES=${AJAR_VM_KERNELS:-6.1 6.12}
declare -A SUITE=([5.10]=bullseye [6.1]=bookworm [6.12]=trixie [sid]=sid)
# In the order in which they need each other; a kernel may have one built in.
MODULES="libcrc32c vsock vsock_diag udp_tunnel ip6_udp_tunnel sctp inet_diag tcp_diag udp_diag raw_diag sctp_diag af_packet_diag"
LIMIT=${AJAR_VM_TIMEOUT:-900} # seconds for a kernel
CACHE=$BUILD/vm
T=$(mktemp -d "${TMPDIR:-/tmp}/ajar-vm-XXXXXX")
PIDS=()
# shellcheck disable=SC2317
finish() {
	for p in $(jobs -rp); do kill "$p" 2>/dev/null; done
	wait
	rm -rf "$T"
}
trap finish EXIT
trap 'exit 1' INT TERM

skip() {
	echo "1..0 # SKIP $1"
	exit 77
}
[ "$(uname -m)" = x86_64 ] || skip "the kernels boot on x86_64, this is $(uname -m)"
MAKE=${MAKE:-make}
# shellcheck source=tests/vm/aarch64.sh
. tests/vm/aarch64.sh
arch_of() { # series
	case $1 in *-arm64) echo arm64 ;; *) echo amd64 ;; esac
}
ARCHES=$(for s in $SERIES; do arch_of "$s"; done | sort -u)
tools="qemu-system-x86_64 cpio busybox dpkg apt-get apt-cache xz"
case $ARCHES in *arm64*) tools+=" qemu-system-aarch64 $CROSS_TOOLS" ;; esac
for tool in $tools; do
	command -v $tool >/dev/null || skip "$tool is missing: run 'make test-kernels' as root once, it installs it"
done
busybox="$(command -v busybox)"
! ldd "$busybox" >/dev/null 2>&1 || skip "busybox is not static: install busybox-static"

# --- kernels ------------------------------------------------------------------------------------

KEYS=/usr/share/keyrings/debian-archive-keyring.gpg
# A place is a suite, or suite-arm64.
apt_of() { # place, program, arguments: with nothing of the system's own configuration of packages
	local d=$CACHE/apt-$1 program=$2 arch=()
	case $1 in *-arm64) arch=(-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State::status="$d/status") ;; esac
	shift 2
	timeout 200 "$program" -q "${arch[@]}" -o Dir::Etc::SourceList="$d/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$d/lists" \
		-o Dir::Cache="$d/cache" -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
		-o Acquire::Languages=none -o APT::Sandbox::User=root -o APT::Get::List-Cleanup=false "$@"
}
# From where this machine gets Debian's packages, another suite comes too.
# shellcheck disable=SC2016
update() { # place
	local d=$CACHE/apt-$1 suite=${1%-arm64} main security
	main=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -1)
	security=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian-Security' | head -1)
	[ -n "$main" ] || {
		echo "apt has no package lists of Debian here"
		return 1
	}
	mkdir -p "$d/lists/partial" "$d/cache/archives/partial"
	: >"$d/status"
	echo "deb [signed-by=$KEYS] $main $suite main" >"$d/sources.list"
	[ -z "$security" ] || [ "$suite" = sid ] || echo "deb [signed-by=$KEYS] $security $suite-security main" >>"$d/sources.list"
	apt_of "$1" apt-get update >"$d/log" 2>&1 || {
		echo "apt-get update for $1: $(tail -1 "$d/log")"
		return 1
	}
}
needs() { # place package pattern: what it depends on, exactly
	apt_of "$1" apt-cache show --no-all-versions "$2" 2>/dev/null | sed -n 's/^Depends: //p' | tr ',' '\n' | sed 's/^ *//; s/ .*//' | grep -E -m1 "$3"
}
fetch() { # series: $CACHE/SERIES/{vmlinuz,release,modules/,busybox}, the last for another processor; whole or not at all
	[ ! -f "$CACHE/$1/release" ] || [ "$(cat "$CACHE/$1/wanted" 2>/dev/null)" != "$MODULES" ] || return 0
	local package modules arch box='' suite=${SUITE[${1%-arm64}]:-} work=$CACHE/.$1.$$
	[ -n "$suite" ] || {
		echo "there is no suite for '$1', only for ${!SUITE[*]}"
		return 1
	}
	arch=$(arch_of "$1")
	[ "$arch" = amd64 ] || suite=$suite-$arch box=busybox-static
	update "$suite" || return 1
	package=$(needs "$suite" "linux-image-cloud-$arch" "^linux-image-[0-9].*-cloud-$arch\$")
	[ -n "$package" ] || {
		echo "$suite has no cloud kernel"
		return 1
	}
	modules=$(needs "$suite" "$package" '^linux-modules-[0-9]') # since 7.x a package of its own
	rm -rf "$work"
	mkdir -p "$work/modules"
	# shellcheck disable=SC2086
	(cd "$work" && apt_of "$suite" apt-get download $package $modules $box >apt.log 2>&1) || {
		echo "apt-get download $package: $(tail -1 "$work/apt.log")"
		rm -rf "$work"
		return 1
	}
	local deb
	for deb in "$work"/*.deb; do dpkg -x "$deb" "$work/x" || return 1; done
	mv "$work"/x/boot/vmlinuz-* "$work/vmlinuz" || return 1
	[ -z "$box" ] || mv "$(find "$work/x" -path '*bin/busybox')" "$work/busybox" || return 1
	local m
	for m in $MODULES; do
		find "$work"/x/lib/modules "$work"/x/usr/lib/modules -name "$m.ko*" -exec cp {} "$work/modules/" \; 2>/dev/null
		[ ! -f "$work/modules/$m.ko.xz" ] || xz -d "$work/modules/$m.ko.xz"
		[ ! -f "$work/modules/$m.ko" ] || echo "$m.ko" >>"$work/modules/order"
	done
	echo "$MODULES" >"$work/wanted"
	echo "$package $(dpkg-deb -f "$(find "$work" -maxdepth 1 -name "${package}_*.deb")" Version)" >"$work/release"
	rm -rf "$work/x" "$work"/*.deb "${CACHE:?}/$1"
	mv "$work" "$CACHE/$1"
}
mkdir -p "$CACHE"
for s in $SERIES; do
	why=$(fetch "$s") || skip "no kernel to boot: ${why:-$s cannot be unpacked}"
done

# --- the initramfs ------------------------------------------------------------------------------

programs="ajar ajar-agent tests/bpf/test_doors tests/bpf/test_owner tests/bpf/test_sensor tests/bpf/test_links tests/bpf/test_tiers tests/bpf/test_unheld tests/bpf/test_unhooked tests/bpf/test_canary tests/helpers/odd_door tests/helpers/hold_door"
libraries_amd64() { # those of the programs below $BUILD, into a root
	local p lib
	for p in $programs; do ldd "$BUILD/$p"; done 2>/dev/null |
		awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// { print $1 }' | sort -u |
		while read -r lib; do
			mkdir -p "$1${lib%/*}"
			cp -L "$lib" "$1$lib"
		done
}
# Nothing here can ask their loader: what each needs by name, and what these need.
libraries_arm64() { # into a root
	local to=$1/usr/lib/aarch64-linux-gnu lib
	mkdir -p "$to" "$1/lib"
	cp -L "$ROOT/lib/ld-linux-aarch64.so.1" "$1/lib/"
	add() { # file
		for lib in $(readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
			[ ! -e "$to/$lib" ] || continue
			cp -L "$(find "$ROOT/lib/aarch64-linux-gnu" "$ROOT/usr/lib/aarch64-linux-gnu" -name "$lib" 2>/dev/null | head -1)" "$to/$lib" && add "$to/$lib"
		done
	}
	for p in $programs; do add "$CROSS/$p"; done
}
root_for() { # architecture: $T/root-ARCHITECTURE, all but a kernel's own files
	local root=$T/root-$1 from=$BUILD p
	[ "$1" = amd64 ] || from=$CROSS
	mkdir -p "$root"/{bin,proc,sys,dev,etc,build/tests/bpf,build/tests/helpers}
	cp "$busybox" "$root/bin/busybox"
	cp tests/vm/init.sh "$root/init"
	cp tests/vm/run_inside.sh "$root/run_inside.sh"
	chmod 0755 "$root/init"
	printf 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$root/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
	for p in $programs; do
		[ -x "$from/$p" ] || skip "$from/$p is not built: run 'make tests'"
		cp "$from/$p" "$root/build/$p"
	done
	"libraries_$1" "$root"
}
# shellcheck disable=SC2046 # words
cross_build() {
	local why
	why=$(fetch_root $($MAKE -s print-libs)) || skip "no libraries for arm64: ${why:-they cannot be unpacked}"
	cross $(printf "$CROSS/%s " $programs) >"$T/cross.log" 2>&1 || {
		echo "not ok 1 - clang builds programs and tests for arm64"
		tail -30 "$T/cross.log" | sed 's/^/#   /'
		echo 1..1
		exit 1
	}
}
case $ARCHES in *arm64*) cross_build ;; esac
for a in $ARCHES; do root_for "$a"; done

# The machine's second serial port is for TAP. An arm64 board has one, and a card brings the other. Its pointers are not authenticated: to emulate that takes
# most of the time (test_owner on 6.12: 14 s of CPU, over 39 s with it; cortex-a57 18 s).
emulate() { # series, its initramfs
	local boot=(-nodefaults -no-user-config -display none -monitor none -nic none -no-reboot -kernel "$CACHE/$1/vmlinuz" -initrd "$2")
	local append="quiet panic=-1 oops=panic lsm=landlock,lockdown,yama,bpf LIMIT=$((LIMIT * 2 / 9))"
	case $(arch_of "$1") in
	arm64) exec timeout -k 5 "$LIMIT" qemu-system-aarch64 -M virt -accel tcg -cpu max,pauth=off -m 1024 -smp 1 "${boot[@]}" -serial "file:$T/$1.kernel" \
		-chardev "file,id=tap,path=$T/$1.tap" -device pci-serial,chardev=tap -append "console=ttyAMA0 $append TAP=ttyS0" ;;
	*) exec timeout -k 5 "$LIMIT" qemu-system-x86_64 -M q35 -accel tcg -cpu max -m 768 -smp 1 "${boot[@]}" -serial "file:$T/$1.kernel" -serial "file:$T/$1.tap" \
		-append "console=ttyS0 $append" ;;
	esac
}
for s in $SERIES; do
	root=$T/root-$(arch_of "$s")
	rm -rf "$root/modules"
	cp -r "$CACHE/$s/modules" "$root/modules"
	[ -f "$root/modules/order" ] || : >"$root/modules/order"
	[ ! -f "$CACHE/$s/busybox" ] || cp "$CACHE/$s/busybox" "$root/bin/busybox"
	(cd "$root" && find . -print0 | cpio --null --quiet -o -H newc) >"$T/$s.cpio"
	: >"$T/$s.tap"
	while [ "$(jobs -rp | wc -l)" -ge 3 ]; do wait -n; done
	(emulate "$s" "$T/$s.cpio") >"$T/$s.qemu" 2>&1 </dev/null &
	PIDS+=($!)
done
for p in "${PIDS[@]}"; do wait "$p"; done

# --- what they said -----------------------------------------------------------------------------

n=0 bad=0 order=''
declare -A good=() all=() cannot=()
count() { # kernel, test, line
	case " $order " in *" $2 "*) ;; *) order+=" $2" ;; esac
	all[$1 $2]=$((${all[$1 $2]:-0} + 1))
	case $3 in
	*"# SKIP machine:"*) cannot[$1 $2]=$((${cannot[$1 $2]:-0} + 1)) ;;
	"ok "*) good[$1 $2]=$((${good[$1 $2]:-0} + 1)) ;;
	esac
}
line() { # ok|not ok, sentence
	n=$((n + 1))
	[ "$1" = ok ] || bad=1
	printf '%s %s - %s\n' "$1" "$n" "$2"
}
for s in $SERIES; do
	test=boot plan='' seen=0
	printf '# %s: %s\n' "$s" "$(cat "$CACHE/$s/release")"
	while IFS= read -r l; do
		l=${l%$'\r'}
		case $l in
		"begin "*) test=${l#begin } plan='' seen=0 ;;
		"ok "*)
			seen=$((seen + 1))
			count "$s" "$test" "$l"
			line ok "$s $test: ${l#ok * - }"
			;;
		"not ok "*)
			seen=$((seen + 1))
			count "$s" "$test" "$l"
			line "not ok" "$s $test: ${l#not ok * - }"
			;;
		1..*) plan=${l#1..} ;;
		"end "*)
			if [ "$l" != "end $test 0" ] || [ "$plan" != "$seen" ] || [ "$seen" = 0 ]; then
				line "not ok" "$s $test: ended with ${l##* } after $seen of ${plan:-an unknown number of} checks"
			fi
			;;
		*) printf '#   %s\n' "$l" ;;
		esac
	done <"$T/$s.tap"
	if grep -q '^all done' "$T/$s.tap"; then
		line ok "$s: all of it ran"
	else
		line "not ok" "$s: it did not get to its end in $LIMIT s"
		cat "$T/$s.kernel" "$T/$s.qemu" | tail -n 30 | tr -d '\r' | sed 's/^/#   /'
	fi
done
# shellcheck disable=SC2016
# Kernel by case: checks that hold, of so many, and those that such a kernel cannot do.
table() {
	local t s
	printf '| case |'
	for s in $SERIES; do printf ' %s |' "$(sed 's/^linux-image-//; s/-cloud-amd64//; s/-cloud-arm64/ arm64/' "$CACHE/$s/release")"; done
	printf '\n| --- |'
	for s in $SERIES; do printf ' --- |'; done
	for t in $order; do
		printf '\n| %s |' "$t"
		for s in $SERIES; do
			printf ' %s of %s%s |' "${good[$s $t]:-0}" "${all[$s $t]:-0}" "${cannot[$s $t]:+, ${cannot[$s $t]} not on it}"
		done
	done
	printf '\n\nMeasured on %s by `make test-kernels`.\n' "$(date -u +%F)"
}
if [ -n "${AJAR_VM_TABLE:-}" ]; then
	{
		sed '/^<!-- table -->$/q' "$AJAR_VM_TABLE"
		table
		sed -n '/^<!-- end -->$/,$p' "$AJAR_VM_TABLE"
	} >"$T/table" && cp "$T/table" "$AJAR_VM_TABLE"
fi
echo "1..$n"
exit $bad
