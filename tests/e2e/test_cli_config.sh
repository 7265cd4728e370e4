#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Settings and what is made out of their table and that of the verbs: example file, manual, completion. No root needed.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
for tool in jq mandoc; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP $tool is missing"
		exit 77
	}
done
plain() { ajar -C /dev/null "$@"; }

printf '# mine\n\nnode.class  compute # the many\njournal.max-bytes 64M\n' >"$T/good.conf"
config() { ajar -C "$T/good.conf" --data /tmp/somewhere config show -j | jq -r "select(.key == \"$1\") | .$2"; }
same "a value comes with the line it is from" "$(config node.class origin)" "$T/good.conf:3"
same "in the words of the file" "$(config journal.max-bytes value)" 64M
same "one from the command line says so" "$(config data.dir origin)" --data
same "others are defaults" "$(config journal.replay 'origin + " " + .value + " " + .default')" "default 24h 24h"
ok "every key has help and a range" eval 'plain config -j | jq -es "length > 10 and all(.[]; (.help | length) > 5 and (.range | length) > 1)"'
same "people see them all, each with its value" "$(plain config | sed -n 's/^\([a-z][^ ]*\) .*/\1/p')" "$(plain config -j | jq -r .key)"
ok "and what it is below, on lines of 100 columns" eval 'plain config | awk "/^    [^ ]/ { n++; if (length > 100) bad = 1 } END { exit(bad || n < 10) }"'
ok "a good file is good" ajar config check "$T/good.conf"
check() { # text of a file
	printf '%s\n' "$1" >"$T/bad.conf"
	ajar config check "$T/bad.conf" 2>&1
	echo "$?"
}
same "an unknown key is named with its line, and the nearest one" "$(check $'# x\nnod.name a')" \
	$'ajar: error: '"$T"$'/bad.conf:2: unknown key \'nod.name\' (did you mean \'node.name\'?)\n1'
same "so is a value out of range" "$(check 'journal.max-bytes 3')" \
	$'ajar: error: '"$T"$'/bad.conf:1: bad value \'3\' for journal.max-bytes: 1M to 1024G\n1'
ok "a file that is not there is another matter" eval 'ajar config check "$T/none"; [ $? = 2 ]'
echo 'store.uri mysql://ajar@db1/ajar?ca=/nowhere/ca.pem' >"$T/ca.conf"
run config check "$T/ca.conf"
same "a store whose CA cannot be read is a fault" "$RC" 1
ok "which is named" says "ca=/nowhere/ca.pem cannot be read: No such file or directory"
echo 'store.uri mysql://ajar@db1/ajar?tsl=off' >"$T/slip.conf"
run config check "$T/slip.conf"
same "so is a slip in its URI" "$RC" 1
ok "which is shown" says "tsl"
ok "check looks at its file although -C names a broken one" ajar -C "$T/bad.conf" config check "$T/good.conf"
ok "and at that of -C when it has none" eval 'ajar -C "$T/bad.conf" config check; [ $? = 1 ]'

plain config show --example >"$T/example"
ok "deploy/conf/ajar.conf is what --example prints" diff "$TOP/deploy/conf/ajar.conf" "$T/example"
ok "it changes nothing as it is" ajar config check "$T/example"
sed -nE 's/^#([a-z]+\.[a-z-]+ .*)/\1/p' "$T/example" >"$T/bare"
ok "and its defaults are good settings" ajar config check "$T/bare"
same "all keys are in it" "$(sed -nE 's/^#([a-z]+\.[a-z-]+).*/\1/p' "$T/example")" "$(plain config -j | jq -r .key)"

make -s -C "$TOP" BUILD="${BUILD%/san}" man >/dev/null
M=${BUILD%/san}/man
# Whether the pages referred to are installed here is not the question.
same "mandoc has nothing to say about the manual" "$(mandoc -Tlint "$M"/* | grep -v 'referenced manual not found')" ""
text() { mandoc -Tutf8 "$M/$1" | col -b | tr -s ' \n' ' '; }
same "each verb is in ajar(8)" "$(for v in $(ajar --help | sed -nE 's/^  ([a-z]+)  .*/\1/p'); do grep -q "^.It Cm $v\b" "$M/ajar.8" || echo "$v"; done)" ""
same "each option of each verb is in ajar(8)" "$(for v in $(ajar --help | sed -nE 's/^  ([a-z]+)  .*/\1/p'); do
	ajar "$v" --help | grep -oE '^  .{4}--[a-z-]+' | grep -oE -e '--.*'
done | sort -u | while read -r o; do text ajar.8 | grep -qF -e "$o" || echo "$o"; done)" ""
same "each option of ajar-agent is in ajar-agent(8)" "$(ajar-agent --help | grep -oE '^  +(-[a-zA-Z], )?-+[a-zA-Z-]+' |
	grep -oE -e '--?[a-zA-Z-]+' | while read -r o; do text ajar-agent.8 | grep -qF -e "$o" || echo "$o"; done)" ""
same "each key is in ajar.conf(5)" "$(plain config -j | jq -r .key | while read -r k; do text ajar.conf.5 | grep -qF "$k" || echo "$k"; done)" ""

# shellcheck source=deploy/completions/ajar
. "$TOP/deploy/completions/ajar"
complete_words() { # words..., the last one to be completed
	local COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	case $1 in
	ajar) _ajar "$1" ;;
	*) _ajar_agent "$1" ;;
	esac
	printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' '
}
same "completion knows every verb" "$(complete_words ajar '')" "$(ajar --help | sed -nE 's/^  ([a-z]+)  .*/\1/p' | sort | tr '\n' ' ')"
same "one that has begun" "$(complete_words ajar mon)" "monitor "
same "the words of a verb" "$(complete_words ajar config '')" "check show "
ok "behind other options too" [ "$(complete_words ajar -q profile '')" = "accept allow check dead deny diff export import learn ls proposal reject require rm show test " ]
same "the words below one" "$(complete_words ajar alerts exceptions '')" "ls rm "
same "the options of one" "$(complete_words ajar alerts snooze --n)" "--no-color --note "
same "the options of a verb" "$(complete_words ajar config --ex)" "--example "
ok "those of every verb as well" eval 'complete_words ajar ls - | grep -q -e "--data --help --json"'
touch "$T/file.one"
same "files where a file is wanted" "$(complete_words ajar -C "$T/file.o")$(complete_words ajar --config "$T/file.o")$(complete_words ajar config check "$T/file.o")" \
	"$T/file.one $T/file.one $T/file.one "
same "nothing where a number is wanted" "$(complete_words ajar watch --count '')" " "
same "the agent's options" "$(complete_words ajar-agent --keep)" "--keep-pins "
done_testing
