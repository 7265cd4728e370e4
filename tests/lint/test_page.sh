#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The page of `ajar web`: its types, what its policy forbids (nothing inline, no markup out of text, no other origin), its parts
# all there, and its size.
cd "$(dirname "$0")/../.." || exit 2
for tool in tsc node gzip; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP $tool is missing: run 'make deps-test' as root"
		exit 77
	}
done
PAGE=user/web/page
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
check "the types of the page are right (tsc --checkJs)" "$(tsc -p $PAGE/tsconfig.json 2>&1)"
check "no markup is made out of text" "$(grep -nE 'innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|srcdoc|createContextualFragment' $PAGE/*.js)"
check "no text is run" "$(grep -nE '\beval\(|new Function|set(Timeout|Interval)\("' $PAGE/*.js)"
check "index.html has nothing inline" "$(grep -nE '<script>|<style|style="| on[a-z]+="|javascript:' $PAGE/index.html)"
check "no other origin is named" "$(grep -nE 'https?://' $PAGE/*.js $PAGE/*.css $PAGE/*.html $PAGE/*.svg | grep -v 'http://www\.w3\.org/2000/svg')"
missing=$(
	grep -ohE '/p/BASE/[a-z_.]+' $PAGE/index.html | sed 's|.*/||' | sort -u | while read -r f; do [ -f "$PAGE/$f" ] || echo "index.html: $f"; done
	grep -oE '(from|import\() ?"\./[a-z_]+\.js"' $PAGE/*.js | sed 's|:.*\./|: |; s|"$||' | while read -r from f; do [ -f "$PAGE/$f" ] || echo "$from $f"; done
	ids=$(grep -oE '<symbol id="[a-z]+"' $PAGE/icons.svg | cut -d'"' -f2)
	grep -ohE 'icon\("[a-z]+"' $PAGE/*.js | cut -d'"' -f2 | sort -u | while read -r i; do echo "$ids" | grep -qx "$i" || echo "icons.svg: $i"; done
)
check "each file and icon that is named is there" "$missing"
long=$(wc -l $PAGE/*.js | awk '$1 > 600 && $2 != "total" { print $2 ": " $1 " lines" }')
check "no file has more than 600 lines" "$long"
# What the first screen needs: index.html, what it names, and what those import (pages come when they are asked for).
first=$(node -e '
	const fs = require("fs"), seen = new Set(["index.html", "page.css", "icons.svg", "favicon.svg"]);
	const add = (f) => { if (seen.has(f)) return; seen.add(f);
		for (const m of fs.readFileSync("'$PAGE'/" + f, "utf8").matchAll(/^(?:import|export) [^;]*?from "\.\/([^"]+)"/gm)) add(m[1]); };
	add("main.js"); console.log([...seen].join(" "));')
bytes=$(for f in $first; do gzip -9 -c "$PAGE/$f" | wc -c; done | awk '{ s += $1 } END { print s }')
check "the first load is at most 60 KB compressed (it is $bytes bytes)" "$([ "$bytes" -le 61440 ] || echo "$first")"
echo "1..$n"
exit $bad
