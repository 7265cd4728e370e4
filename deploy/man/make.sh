#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# make.sh AJAR PAGE.in: the page, with a list of the program's own tables for each line "@list NAME" (keys, verbs, options),
# text folded at 80 columns; a line of it must not begin as a command does.
set -e
lists() {
	while IFS= read -r line; do
		case $line in
		"@list "*) "$1" -C /dev/null config show --man "${line#@list }" || exit ;;
		*) printf '%s\n' "$line" ;;
		esac
	done <"$2"
}
lists "$1" "$2" | awk '
/^\./ { print; next }
{
	out = ""
	n = split($0, words, " ")
	for (i = 1; i <= n; i++) {
		if (out != "" && length(out) + 1 + length(words[i]) > 78) {
			print out
			out = ""
		}
		if (out == "" && words[i] ~ /^[.'"'"']/)
			words[i] = "\\&" words[i]
		out = out == "" ? words[i] : out " " words[i]
	}
	print out
}'
