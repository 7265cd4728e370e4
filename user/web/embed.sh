#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Prints a C file with the page: the files given as arguments (user/web/page/...), each compressed. All but index.html are served below
# /p/HASH/, where HASH is of all their names and bytes, so that a browser may keep them for ever; in index.html "/p/BASE/" becomes
# that folder. The same files give the same text wherever and whenever it runs.
set -eu

root=user/web/page
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
hash=$(for file in "$@"; do printf '%s\n' "${file#"$root"/}" && cat "$file"; done | sha256sum | cut -c1-16)

echo '/* Made by user/web/embed.sh; do not edit. */'
echo '#include "web/assets.h"'
echo
n=0
for file in "$@"; do
	sed_script=
	[ "${file#"$root"/}" != index.html ] || sed_script="s|/p/BASE/|/p/$hash/|g"
	sed "$sed_script" "$file" | gzip -9n >"$work/gz"
	printf 'static const unsigned char bytes_%d[] = {\n' "$n"
	od -An -v -tx1 "$work/gz" | sed -e 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
	echo '};'
	n=$((n + 1))
done
echo
printf 'const char web_assets_folder[] = "/p/%s/";\n' "$hash"
echo 'const struct web_asset web_assets[] = {'
n=0
for file in "$@"; do
	name=${file#"$root"/}
	case $name in
	*[!a-zA-Z0-9._/-]*)
		echo "embed.sh: '$file': letters, digits and ._- are what a name may have" >&2
		exit 2
		;;
	esac
	printf '\t{ "%s", bytes_%d, sizeof(bytes_%d) },\n' "$name" "$n" "$n"
	n=$((n + 1))
done
echo '	{ NULL, NULL, 0 },'
echo '};'
