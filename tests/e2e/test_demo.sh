#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# `ajar demo`: without root it invents a cluster, judges it, shows it, and leaves nothing; with root this machine is one node more.
# run.sh: beside, for what it looks at is its own.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root curl setpriv python3
# shellcheck source=tests/e2e/browser.sh
. tests/e2e/browser.sh
mkdir -m 1777 "$T/tmp"
chmod 755 "$T"
cp "$BUILD/ajar" "$P/"

start() { # command before ajar...
	: >"$T/demo.err"
	TMPDIR=$T/tmp "$@" demo --nodes 64 >"$T/demo.out" 2>"$T/demo.err" </dev/null &
	DEMO=$!
	PIDS+=("$DEMO")
}
printed() { grep -oE 'http://127\.0\.0\.1:[0-9]+/login\?token=[A-Za-z0-9_-]+' "$T/demo.err"; }
api() { curl -sS --max-time 10 -b "$T/jar" "$AT/api/v1/$1"; }
alert() { # jq condition
	api 'alerts?limit=100' | jq -e ".items | any($1)" >"$T/any"
}
ends() { kill -INT "$DEMO" && wait "$DEMO"; }

start setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs "$P/ajar"
ok "without root it prints the address of its page" wait_for printed
URL=$(printed)
AT=${URL%/login*}
same "which logs in" "$(curl -sS -o "$T/page" -w '%{http_code}' -c "$T/jar" "$URL")" 303
same "with 64 nodes" "$(api state | jq '.nodes.name | length')" 64
same "each in a rack" "$(api state | jq -c '[.groups.rack[0], .groups.rack[1], (.nodes.rack | length), ([.nodes.rack[] | select(. == 0)] | length)]')" '["","rack01",64,0]'
NODE=$(api state | jq -r '.nodes.name[0]')
RACK=$(api "nodes/$NODE" | jq -r .rack)
ok "a node says which" grep -q '^rack[0-9]' <<<"$RACK"
same "and is found by it" "$(api "nodes?q=rack:$RACK" | jq --arg n "$NODE" --arg r "$RACK" '(.items | map(.node) | index($n)) != null and all(.items[]; .rack == $r)')" true
same "completion knows them" "$(api filter/words | jq -c '[.words[] | select(.kind == "rack") | .values[0]]')" '["rack01"]'
same "then as well" "$(api 'state?at=1h' | jq -c '.nodes.rack | length > 0 and all(. > 0)')" true
ok "a backdoor on two of them" wait_for alert '.port == 31337 and .node_count == 2 and .severity == "critical"'
ok "an impostor" wait_for alert '.kind == "impostor" and .port == 22'
ok "a service that no profile has, once for all its nodes" wait_for alert '.port == 9256 and .node_count > 5'
WAIT=60 ok "a door that the kernel does not show, by the scan" wait_for alert '.kind == "hidden" and .port == 6667'
WAIT=90 ok "a node that falls silent" wait_for alert '.kind == "silent"'
COOKIE=$(awk '/ajar/ { print $6 "=" $7 }' "$T/jar")
ok "the pictures of README can be made of it" env AT="$AT" COOKIE="$COOKIE" OUT="$BUILD/pictures" node tests/e2e/page/pictures.mjs
size() { od -An -tx1 -j1 -N23 "$1" | tr -d ' \n' | sed -n 's/^504e470d0a1a0a0000000d49484452//p'; }
for name in cluster-light cluster-dark node-light node-dark; do
	same "$name.png is a picture of the size that README's has" "$(size "$BUILD/pictures/$name.png")" "$(size "deploy/pictures/$name.png")"
done
ok "light and dark differ" not cmp -s "$BUILD/pictures/node-light.png" "$BUILD/pictures/node-dark.png"
ok "its API is as deploy/api/openapi.json says, and the other way round" python3 tests/e2e/api_document.py "$AT" "$COOKIE"
same "and no alert about the machine it runs on" "$(api 'alerts?limit=100' | jq '[.items[] | select(.kind == "flooded" or .kind == "unseen" or .kind == "outlier")] | length')" 0
ok "its folder is its own" eval '[ "$(stat -c %U:%a "$T"/tmp/ajar-demo-*)" = nobody:700 ]'
ok "it ends when it is told" ends
same "without a trace" "$(ls -A "$T/tmp")" ""
run demo --nodes 5
refuses "too few nodes" 2 "--nodes takes a number from 32 to 20000, not '5'"
TMPDIR=$T/no/such run demo
refuses "nowhere to write" 2 "set TMPDIR to one that you may write"

start ajar
ok "with root as well" wait_for printed
URL=$(printed)
AT=${URL%/login*}
curl -sS -o "$T/page" -c "$T/jar" "$URL"
ok "this machine is one node more" wait_for eval '[ "$(api state | jq ".nodes.name | length")" = 65 ]'
ok "of a class that is learning" eval 'api nodes | jq -e ".items | any(.class == \"this-machine\" and .state == \"recording\")"'
PINS=/sys/fs/bpf/$(ls "$T/tmp")
ok "its sensor is pinned" test -d "$PINS"
ok "it ends" ends
same "without a trace" "$(ls -A "$T/tmp")" ""
ok "nor a pin" not test -e "$PINS"
done_testing
