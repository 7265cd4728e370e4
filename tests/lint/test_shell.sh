#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The scripts run with what Debian has: dash takes those of sh, bash its own, and mawk each awk program in them. shellcheck
# (test_format.sh) does not look into those.
cd "$(dirname "$0")/../.." || exit 2
. tests/lint/tree.sh
for tool in dash mawk python3; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP $tool is missing: run 'make deps-test' as root"
		exit 77
	}
done
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
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"; tree_done' EXIT
scripts() { # shell: files whose first line names it
	git ls-files -z --cached --others --exclude-standard |
		xargs -0 awk -v named="^#!.*[/ ]$1( |\$)" 'FNR == 1 && $0 ~ named { print FILENAME } { nextfile }'
}
check "each test that is a script may be run (chmod +x)" "$(git ls-files --cached --others --exclude-standard 'tests/*/test_*.sh' | while read -r f; do [ -x "$f" ] || echo "$f"; done)"
check "dash takes each script of sh" "$(for f in $(scripts sh); do dash -n "$f" 2>&1; done)"
check "bash takes each script of bash" "$(for f in $(scripts bash); do bash -n "$f" 2>&1; done)"
# -W dump: mawk translates the program, and does not run it.
cat >"$tmp/awk.py" <<'E2'
import re
import subprocess
import sys

programs = 0
for name in sys.argv[1:]:
    text = open(name, encoding="utf-8", errors="replace").read()
    for m in re.finditer(r"\b(?:m?awk)\b((?:\s+-[vF]\s*(?:'[^']*'|\"[^\"]*\"|[^\s'\"]+))*)(?:\s|\\\n)+'((?:[^']|'\"'\"'|'\\'')*)'", text):
        if text[text.rfind("\n", 0, m.start()) + 1 : m.start()].lstrip().startswith("#"):
            continue
        programs += 1
        program = re.sub(r"'\"'\"'|'\\''", "'", m[2])
        if name == "Makefile":
            program = program.replace("$$", "$")
        line = text.count("\n", 0, m.start()) + 1
        got = subprocess.run(["mawk", "-W", "dump", "--", program], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if got.returncode:
            print(f"{name}:{line}: {got.stderr.strip().splitlines()[0] if got.stderr else 'mawk refuses it'}")
        # Debian 12's mawk takes the braces for themselves.
        for regex in re.findall(r"(?<![\w)\]$])\s*/((?:[^/\\\n]|\\.)+)/", program):
            if re.search(r"(?<!\\)\{[0-9]+(,[0-9]*)?\}", regex):
                print(f"{name}:{line}: a repetition in braces: /{regex}/")
if len(sys.argv) > 20 and programs < 30:
    print(f"only {programs} awk programs were found: is this check still right?")
E2
# shellcheck disable=SC2046
check "mawk takes each awk program in them" "$(python3 "$tmp/awk.py" Makefile $(git ls-files --cached --others --exclude-standard '*.sh' .ci))"
mkdir "$tmp/bad"
printf 'awk %s{ print strtonum($1) }%s\n' "'" "'" >"$tmp/bad/function.sh"
printf 'awk -v a=1 %s/^[0-9]{4}/ { print }%s\n' "'" "'" >"$tmp/bad/braces.sh"
check "this check sees what only gawk knows" "$(for f in function braces; do python3 "$tmp/awk.py" "$tmp/bad/$f.sh" | grep -q "$f.sh:1: " || echo "$f is not seen"; done)"
echo "1..$n"
exit $bad
