#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The page of `ajar web` in a browser, against the real server on a real store: a simulated cluster with a backdoor on two nodes, an
# impostor, and alerts whose every field is hostile. page/page.mjs clicks through it; pictures are kept in build/page/.
# run.sh: beside, for its nodes are simulated.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
for tool in jq sqlite3 node npm chromium-headless-shell; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP $tool is missing: run 'make deps-test' as root"
		exit 77
	}
done
# shellcheck source=tests/e2e/sim.sh
. tests/e2e/sim.sh

# What drives the browser is fetched once, as the lock file says.
MODULES=$BUILD/page-modules
if ! cmp -s tests/e2e/page/package-lock.json "$MODULES/package-lock.json" || [ ! -e "$MODULES/complete" ]; then
	rm -rf "$MODULES" && mkdir -p "$MODULES" && cp tests/e2e/page/package*.json "$MODULES/"
	(cd "$MODULES" && npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1 && : >complete) || {
		tail -3 "$MODULES/npm.log" | sed 's/^/# /'
		echo "1..0 # SKIP npm cannot fetch playwright-core and axe-core from its registry"
		exit 77
	}
fi

put_alerts() { "$BUILD/tests/helpers/put_alerts" "$STORE" "$@"; }
accept() { for class in "$@"; do view profile learn --class "$class" --write -q || return; done; }
LONG=$(printf '<b>%04085d</b>' 7)
sqlite_store
start_monitor
ok "a cluster of three classes" start_sim --ago 7200 --nodes 'node[001-080]' --class compute --nodes 'gpu[01-12]' --class gpu --nodes 'login[1-2]' --class login
ok "it boots" sim boot 'node[001-080],gpu[01-12],login[1-2]' 60
ok "it is judged" judged
ok "what runs is accepted" accept compute gpu login
ok "a backdoor on two nodes" sim open 'node[007,009]' tcp 4444 /tmp/.x/nc mlee
ok "a program with a hostile name" sim open gpu03 tcp 5555 '/tmp/<script>alert(1)</script>' '<b>root</b>'
for port in 6001 6002 6003; do
	ok "a door for people to decide about" sim open "node02${port: -1}" tcp "$port" "/opt/tool$port" ann
done
ok "they are alerts" eval 'WAIT=60 wait_for eval "[ \$(grep -c 4444 \"\$HOOK_LOG\") -ge 1 ] && grep -q 5555 \"\$HOOK_LOG\" && grep -q 6003 \"\$HOOK_LOG\""'
ok "an alert with markup in each field" put_alerts open '<i>key' '<img src=x onerror="document.title=1">' critical '<script>document.title=1</script>'
ok "one that turns its line and writes to terminals" put_alerts open turned $'\xe2\x80\xaegnp.exe \e[31mred\a \xd7\x90\xd7\x91' warning $'\xe2\x81\xa6c\xe2\x80\xae'
ok "one of 4,096 bytes" put_alerts open long "$LONG" notice "$(printf '%0200d' 1)"
[ "$(id -u)" != 0 ] || chmod -R a+rwX "$D"

PORT=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
ajar web --data "$D" --web "127.0.0.1:$PORT" >"$T/web.out" 2>"$T/web.err" </dev/null &
PIDS+=($!)
link() { ajar web login --data "$D" --web "127.0.0.1:$PORT" 2>/dev/null | grep -o 'http://.*'; }
serves() { node -e "fetch(\"http://127.0.0.1:$PORT/healthz\").then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"; }
ok "the server serves" wait_for serves

export N PICTURES=$BUILD/page MODULES AJAR_STORE_URI=$STORE PUT_ALERTS=$BUILD/tests/helpers/put_alerts
mkdir -p "$PICTURES"
LINK=$(link)
export LINK DATA=$D
node tests/e2e/page/page.mjs >"$T/page.tap" 2>"$T/page.err"
RC=$?
cat "$T/page.tap"
N=$((N + $(grep -c '^\(not \)\?ok ' "$T/page.tap"))) BAD=$((BAD + $(grep -c '^not ok ' "$T/page.tap")))
same "all of it was run" "$RC" 0
[ "$RC" = 0 ] || cat "$T/page.err" "$T/web.err" | tail -30 | sed 's/^/# /'
done_testing
