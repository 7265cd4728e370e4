#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The page of `ajar web` in a browser, against the real server on a real store: a simulated cluster with a backdoor on two nodes, an
# impostor, and hostile text in every field that a node, a user or a person fills. page/page.mjs clicks through it; pictures are kept in
# build/page/. PAGE_STORE=mariadb: the same clicks on a server (test_page_mysql.sh), without what only drawing takes.
# run.sh: beside, for its nodes are simulated.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
for tool in jq sqlite3; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP $tool is missing: run 'make deps-test' as root"
		exit 77
	}
done
# shellcheck source=tests/e2e/browser.sh
. tests/e2e/browser.sh
# shellcheck source=tests/e2e/sim.sh
. tests/e2e/sim.sh

put_alerts() { "$BUILD/tests/helpers/put_alerts" "$STORE" "$@"; }
accept() { for class in "$@"; do view profile learn --class "$class" --write -q || return; done; }
LONG=$(printf '<b>%04085d</b>' 7)
# What a name may be made of, too: no blank, and no control character of ASCII.
EVIL_NODE=$'<s>evil\xe2\x80\xae\xc2\x9bn' EVIL_CLASS=$'<u>class\xe2\x80\xae'
case ${PAGE_STORE:=sqlite} in
sqlite) sqlite_store ;;
*) mariadb_store ;;
esac
start_monitor
ok "a cluster of three classes, and a node and a class with hostile names" start_sim --ago 7200 --nodes 'node[001-080]' --class compute --nodes 'gpu[01-12]' --class gpu \
	--nodes 'login[1-2]' --class login --nodes "$EVIL_NODE" --class "$EVIL_CLASS"
ok "it boots" sim boot "node[001-080],gpu[01-12],login[1-2],$EVIL_NODE" 60
ok "it is judged" judged
ok "what runs is accepted" accept compute gpu login "$EVIL_CLASS"
ok "a backdoor on two nodes" sim open 'node[007,009]' tcp 4444 /tmp/.x/nc mlee
ok "a program with a hostile name" sim open gpu03 tcp 5555 '/tmp/<script>alert(1)</script>' '<b>root</b>'
ok "an impostor" sim open node031 tcp 22 /tmp/.y/sshd eve
# Program, user, cgroup, container and arguments; then each of 4,096 bytes.
TEXT='<img\x20src=x\x20onerror=document.title=1>\x1b]0;x\x07\xe2\x80\xae\xd7\x90\x0a\xff'
ok "hostile text in all that a program says of itself" sim open "$EVIL_NODE" tcp 5556 "/tmp/<script>document.title=1<\\x2fscript>$TEXT" "<b>$TEXT" \
	"/lxc.payload.<i>web$TEXT" "<script>document.title=1</script>\\x20$TEXT"
ok "and of 4,096 bytes" sim open "$EVIL_NODE" tcp 5557 "/tmp/$LONG" "$(printf 'u%0200d' 1)" "/lxc.payload.$(printf 'c%0200d' 1)" "$LONG"
ok "an alert is there for each" eval 'WAIT=60 wait_for eval "grep -q 5556 \"\$HOOK_LOG\" && grep -q 5557 \"\$HOOK_LOG\""'
id_of() { view alerts -j 2>/dev/null | jq "select(.port == $1).id"; }
NOTE=$'<script>document.title=1</script>\xe2\x80\xae\xd7\x90'
not_taken() { not view alerts ack "$(id_of 5556)" --note "$1"; }
ok "a note that writes to terminals is not taken" not_taken "$NOTE"$'\e[31m'
ok "nor one of more than 4,000 bytes" not_taken "$LONG"
ok "a hostile note of an acknowledgement" view alerts ack "$(id_of 5556)" --note "$NOTE"
ok "and of a snooze, as long as a note may be" view alerts snooze "$(id_of 5557)" --for 2h --note "${NOTE:0:43}${LONG:0:3900}"
ok "a row for a package" view profile allow login tcp 7003 package openssh-server
ok "a row for a script" view profile allow login tcp 7004 exe /usr/bin/python3.11 argv "/opt/a.py ..."
ok "a hostile reason of a row" view profile allow "$EVIL_CLASS" tcp 7001 exe '/opt/<b>x' --reason "$NOTE"
for port in 6001 6002 6003; do
	ok "a door for people to decide about" sim open "node02${port: -1}" tcp "$port" "/opt/tool$port" ann
done
ok "they are alerts" eval 'WAIT=60 wait_for eval "[ \$(grep -c 4444 \"\$HOOK_LOG\") -ge 1 ] && grep -q 5555 \"\$HOOK_LOG\" && grep -q 6003 \"\$HOOK_LOG\""'
ok "an alert with markup in each field" put_alerts open '<i>key' '<img src=x onerror="document.title=1">' critical '<script>document.title=1</script>'
ok "one that turns its line and writes to terminals" put_alerts open turned $'\xe2\x80\xaegnp.exe \e[31mred\a \xd7\x90\xd7\x91' warning $'\xe2\x81\xa6c\xe2\x80\xae'
ok "one of 4,096 bytes" put_alerts open long "$LONG" notice "$(printf '%0200d' 1)"
[ "$(id -u)" != 0 ] || chmod -R a+rwX "$D"

PORT=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
ajar web --data "$D" --store "$STORE" --web "127.0.0.1:$PORT" >"$T/web.out" 2>"$T/web.err" </dev/null 9>&- &
PIDS+=($!)
link() { ajar web login --data "$D" --store "$STORE" --web "127.0.0.1:$PORT" 2>/dev/null | grep -o 'http://.*'; }
serves() { node -e "fetch(\"http://127.0.0.1:$PORT/healthz\").then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"; }
ok "the server serves" wait_for serves

export EVIL_NODE EVIL_CLASS
export N PAGE_STORE PICTURES=$BUILD/page AJAR_STORE_URI=$STORE PUT_ALERTS=$BUILD/tests/helpers/put_alerts
mkdir -p "$PICTURES"
LINK=$(link)
export LINK DATA=$D
node tests/e2e/page/page.mjs >"$T/page.tap" 2>"$T/page.err"
RC=$?
cp "$T/page.err" "$PICTURES/$PAGE_STORE.err" # how long each took
cat "$T/page.tap"
N=$((N + $(grep -c '^\(not \)\?ok ' "$T/page.tap"))) BAD=$((BAD + $(grep -c '^not ok ' "$T/page.tap")))
same "all of it was run" "$RC" 0
[ "$RC" = 0 ] || cat "$T/page.err" "$T/web.err" | tail -30 | sed 's/^/# /'
done_testing
