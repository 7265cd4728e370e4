#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Prints a C file with the migrations given as arguments (sql/store/DRIVER/NNNN_name.sql), in
# the order given. The text is embedded byte for byte: its SHA-256 is what schema_migrations keeps.
set -eu

echo '/* Made by sql/embed.sh; do not edit. */'
echo '#include <stddef.h>'
echo '#include "store/migrate.h"'
echo
echo 'const struct sql_file sql_files[] = {'
for file in "$@"; do
	base=${file##*/}
	base=${base%.sql}
	dir=${file%/*}
	number=${base%%_*}
	case $number in
	[0-9][0-9][0-9][0-9]) ;;
	*)
		echo "embed.sh: '$file': the name must be NNNN_words.sql" >&2
		exit 2
		;;
	esac
	# Of two with one number only the first would ever be run.
	if [ "$dir/$number" = "${last:-}" ]; then
		echo "embed.sh: '$file': its number is taken: give it the next free one" >&2
		exit 2
	fi
	last=$dir/$number
	# 1$number - 10000: a plain number without reading the leading zeros as octal.
	printf '\t{ "%s", %u, "%s",\n' "${dir##*/}" "$((1$number - 10000))" "${base#*_}"
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/\t  "/' -e 's/$/\\n"/' "$file"
	printf '\t},\n'
done
echo '	{ NULL, 0, NULL, NULL },'
echo '};'
