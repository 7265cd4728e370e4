#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Rules of STYLE that a grep can keep: banned functions, SQL built with printf, left-overs, licence lines, top level.
cd "$(dirname "$0")/../.." || exit 2
. tests/lint/tree.sh
n=0 bad=0
check() { # sentence, offenders (empty is good)
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "$2" | head -20 | sed 's/^/# /'
		bad=1
	fi
}
files=$(git ls-files '*.c' '*.h')
code=$(git ls-files 'user/*.c' 'user/*.h' 'bpf/*.c' 'bpf/*.h')
# shellcheck disable=SC2086
{
	check "no banned function is called" "$(grep -nE '(^|[^a-zA-Z0-9_.>])(strcpy|strcat|sprintf|strncpy|strncat|gets|atoi|atol|strtol|strtoul|system|popen|alloca|strtok|rand|localtime|gmtime|tmpnam|mktemp)[[:space:]]*\(' $code)"
	check "no SQL is put together with printf" "$(grep -niE 'printf[^;]*"[^"]*\b(select|insert into|update|delete from)\b[^"]*%s' $code)"
	check "nothing is left to do" "$(grep -nE '\b(TODO|FIXME|XXX|HACK)\b' $files)"
	check "each source file carries its licence line" "$(for f in $files; do head -1 "$f" | grep -q SPDX-License-Identifier || echo "$f"; done)"
	check "no line comment with //" "$(grep -nE '^[^"]*(^|[[:space:];])//' $code | grep -v 'https\?://')"
	check "no path of a developer's machine is in the tree" "$(git grep -nE '/(work|farm)/' -- . ':!tests/lint' | cut -c1-160)"
	check "no test sleeps" "$(git grep -nE '\b(sleep [0-9]|usleep\(|[^_a-z]sleep\()' -- tests ':!tests/lint')"
	check "no file has more than 800 lines" "$(wc -l $files | awk '$1 > 800 && $2 != "total"')"
	check "no line of a header is longer than 100 columns" "$(for f in $(git ls-files 'user/*.h' 'include/*.h' 'bpf/*.h'); do
		expand "$f" | awk -v f="$f" 'length > 100 { print f ":" FNR ": " $0 }'
	done)"
	# Tables of formats have a tab behind the star. The rooms that are not named have long ones still.
	check "no comment of these rooms is wider than 100 columns, but for tables" "$(for f in $(git ls-files | grep -E '^user/(base|journal|redirect|alert|notify|ship|scan)/.*\.c$'); do
		grep -vP "^\s*\*\t" "$f" | expand | awk -v f="$f" 'length > 100 && /^ *(\/\*|\*)/ { print f ": " $0 }'
	done)"
	check "no struct is typedef'd" "$(grep -nE '^typedef (struct|union|enum)' $code)"
}
# Of tests/where, as lines "WHAT THING": a file without a test, a row that is for none, a test that is not there.
where=$({
	git ls-files 'tests/*/test_*' | sed -n 's,^tests/\(.*\)\.\(c\|sh\)$,test \1,p'
	sed -n 's/^[^#]/row &/p' tests/where
	git ls-files 'user/*/*.c' | sed 's,^user/\(.*\)\.c$,file \1,'
} | awk '
	$1 == "test" { there[$2]; name = $2; sub(/.*\/test_/, "", name); named[name] }
	$1 == "row" { of[++rows] = $2; pattern = $2; gsub(/\*/, "[^/]*", pattern); re[rows] = "^" pattern "$"
		for (i = 3; i <= NF; i++) if (!($i in there)) print "missing", $2 ": " $i }
	$1 == "file" { split($2, part, "/")
		if (part[2] in named || part[1] "_" part[2] in named) next
		for (i = 1; i <= rows; i++) if ($2 ~ re[i]) break
		if (i > rows) print "without", $2; else used[i] }
	END { for (i = 1; i <= rows; i++) if (!(i in used)) print "idle", of[i] }')
of_where() { echo "$where" | sed -n "s/^$1 //p"; }
check "each file of user/ has a test of its name or one in tests/where" "$(of_where without)"
check "each row of tests/where is for such a file" "$(of_where idle)"
check "each test that tests/where names is there" "$(of_where missing)"
check "each test that a page names is there" "$(git grep -ohE 'tests/[a-z0-9]+/test_[a-z0-9_]+\.(sh|c)' -- deploy/man '*.md' | sort -u | while read -r f; do
	git ls-files --error-unmatch "$f" >/dev/null 2>&1 || echo "$f"
done)"
check "the top level is the one on the card" "$(git ls-files | cut -d/ -f1 | sort -u | grep -vxE 'Makefile|README.md|LICENSE|CHANGES.md|CONTRIBUTING.md|bpf|user|include|sql|deploy|tests|vmlinux|\..*')"
check "both drivers have migrations of the same numbers, or none yet" "$(
	[ -z "$(git ls-files sql/store/mysql)" ] || diff \
		"$(git ls-files sql/store/sqlite | sed 's/.*\///; s/_.*//' >"${TMPDIR:-/tmp}/lint.$$.a" && echo "${TMPDIR:-/tmp}/lint.$$.a")" \
		"$(git ls-files sql/store/mysql | sed 's/.*\///; s/_.*//' >"${TMPDIR:-/tmp}/lint.$$.b" && echo "${TMPDIR:-/tmp}/lint.$$.b")"
	rm -f "${TMPDIR:-/tmp}/lint.$$".?)"
echo "1..$n"
exit $bad
