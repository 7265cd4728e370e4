# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# To be sourced with $BUILD and $MAKE set: programs for aarch64, by clang and lld on this machine. Libraries and headers are Debian's for arm64, of the suite
# that is installed here, each fetched once, by apt with a configuration, lists and cache of its own, and unpacked into $BUILD/vm/aarch64; the
# machine's own apt and dpkg know nothing of it.
unset MAKEFLAGS MAKELEVEL MFLAGS CFLAGS LDFLAGS
CROSS=$BUILD/vm/aarch64-build ROOT=$BUILD/vm/aarch64 APT=$BUILD/vm/apt-arm64
# shellcheck disable=SC2034 # for those who source it
CROSS_TOOLS="clang ld.lld readelf dpkg apt-get apt-cache"

arm64_apt() { # program, arguments: for a machine of that architecture where nothing is installed
	timeout 200 "$@" -q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Install-Recommends=false \
		-o Dir::State::status="$APT/status" -o Dir::State::Lists="$APT/lists" -o Dir::Cache="$APT/cache" \
		-o Dir::Etc::SourceList="$APT/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::Preferences=/dev/null \
		-o Dir::Etc::PreferencesParts=/dev/null -o Acquire::Languages=none -o Acquire::Retries=3 -o APT::Sandbox::User=root
}
# shellcheck disable=SC2016
fetch_root() { # packages: $ROOT, whole or not at all
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
	arm64_apt apt-get update >"$APT/log" 2>&1 || {
		echo "apt-get update for arm64: $(tail -1 "$APT/log")"
		return 1
	}
	# What clang links with: the start files and libgcc of that suite's compiler.
	gcc=$(arm64_apt apt-cache show --no-all-versions gcc | sed -n 's/^Depends:.* gcc-\([0-9][0-9]*\) .*/\1/p')
	rm -f "$APT"/cache/archives/*.deb
	arm64_apt apt-get install -y --download-only "libgcc-$gcc-dev" "$@" >"$APT/log" 2>&1 || {
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
# Not optimized: half of the time, and all of the warnings that depend on the processor.
cross() { # targets
	PKG_CONFIG_SYSROOT_DIR=$ROOT PKG_CONFIG_LIBDIR=$ROOT/usr/lib/aarch64-linux-gnu/pkgconfig:$ROOT/usr/share/pkgconfig \
		$MAKE -j2 WERROR=1 CC="clang --target=aarch64-linux-gnu --sysroot=$ROOT" LDFLAGS=-fuse-ld=lld OPT=-O0 HARDEN= BUILD="$CROSS" "$@"
}
