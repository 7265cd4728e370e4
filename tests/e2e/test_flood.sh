#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A node whose user opens doors from ever new executables: a bounded number of alerts, every door in the timeline with its verdict, and what
# honest nodes and other users open beside it is told.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root sqlite3

DB=$D/store/ajar.db
DOORS=1500
USER_MAX=32 # AUDIT_CROWD_USER_MAX
sim() { "$BUILD/tests/sim/sim" --store "sqlite:$DB" --ago 60 --workers 1 "$@" >"$T/sim.out" 2>&1 && ! grep -vE '^(ready|done)' "$T/sim.out"; }
told() { grep -q "$1" "$HOOK_LOG"; }
alerts() { ajar alerts -j --all --data "$D" 2>/dev/null | jq -c "select($1)"; }
flood() { alerts '.summary | contains(" in a flood: ")'; }
is_flood() { [ "$(flood | jq -r "$1")" = "$2" ]; }
check_is_not_ok() {
	run check --data "$D"
	[ "$RC" != 0 ]
}

keep_alerts
chmod 755 "$T"
chmod 666 "$HOOK_LOG"
printf 'alert.syslog no\nscan.enabled no\n' >"$T/conf"
mkdir -p "$D/store"
ajar db init --data "$D" 2>/dev/null
ajar profile allow compute tcp 22 exe /usr/sbin/sshd user root --data "$D" 2>/dev/null

{
	for ((i = 0; i < DOORS; i++)); do echo "open loud tcp $((2000 + i)) /home/mlee/copy-$i mlee"; done
	echo "open loud tcp 4001 /usr/bin/nc.openbsd alice"
	echo "open loud tcp 22 /home/mlee/sshd mlee"
	for i in 1 2 3; do echo "open honest$i tcp 500$i /home/mlee/other-$i mlee"; done
} >"$T/script"
ok "a user opens $DOORS doors from as many executables, others a few" \
	sim --nodes 'loud,honest[1-3]' --class compute <"$T/script"
ok "the check is no OK while nobody has judged them" check_is_not_ok

ajar -C "$T/conf" monitor --data "$D" --no-scan --on-alert "$T/hook" 2>>"$T/monitor.err" </dev/null &
PIDS+=("$!")
WAIT=60
ok "what another user opens there is told" wait_for told '4001/tcp on loud'
ok "and what is critical of that user" wait_for told ':22/tcp on loud'
for i in 1 2 3; do ok "and what an honest node's user opens, node $i" wait_for told "500$i/tcp on honest$i"; done
ok "and the flood itself" wait_for told 'mlee opens doors in a flood: more than 32 alerts in 10 minutes on loud'
ok "which counts the rest" wait_for is_flood .count $((DOORS - USER_MAX))
ok "and says of how many programs they are" wait_for is_flood .summary \
	"mlee opens doors in a flood: $((DOORS - USER_MAX)) doors by $((DOORS - USER_MAX)) programs without an alert of their own on loud"
unset WAIT
same "so many alerts there are, and no more" "$(alerts '.kind == "unexpected" or .kind == "impostor"' | wc -l)" $((USER_MAX + 1 + 1 + 1 + 3))
same "each door is listed as unexpected" \
	"$(ajar ls -j node:loud --data "$D" 2>/dev/null | grep /home/mlee/copy- | jq -c 'select(.verdict == "unexpected")' | wc -l)" "$DOORS"
same "and is in the timeline" "$(ajar timeline -j --since 1d node:loud --data "$D" 2>/dev/null | jq -c 'select(.event == "open" or .kind == "open")' | wc -l)" $((DOORS + 2))
ID=$(flood | jq -r .id)
run alerts show "$ID" --data "$D"
ok "the alert shows its doors" grep -q 'copy-' "$T/out"
run alerts allow "$ID" --reason test --data "$D"
ok "it is not allowed as if it were one program" eval '[ "$RC" = 2 ] && grep -q "doors of many programs" "$T/err"'
done_testing
