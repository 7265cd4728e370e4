#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Doors opened and closed as fast as one core can: each is stored or counted as lost, alerts stay few, memory bounded.
# run.sh: alone, for it counts clock ticks and what the ring loses.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/ledger.sh
. tests/e2e/ledger.sh
need_root sqlite3

AUTO=20000 OWN=6000
[ -z "${AJAR_LONG:-}" ] || AUTO=100000 OWN=50000
WAIT=60
[ -z "${AJAR_LONG:-}" ] || WAIT=600
case $BUILD in */san) SAN=1 ;; *) SAN= ;; esac

ok "ajar run says ready" start_run --on-alert "$T/hook" -q
idle_rss=$(awk '/^VmHWM/ { print $2 }' "/proc/$(role_pid agent)/status")
[ -n "$SAN" ] || ok "the agent needs at most 16 MiB idle ($idle_rss kB)" [ "$idle_rss" -le 16384 ]
ok "a profile is accepted" ajar profile learn --write --data "$D"

of_storm='select((.key // "") + (.summary // "") | test("storm_doors"))'
alerts_of_storm() { ajar alerts ls --all -j --data "$D" | jq -c "$of_storm"; }

start=$EPOCHREALTIME
"$STORM" $AUTO 0 0 1 >"$T/auto"
took=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
echo "# $AUTO doors opened and closed in $took ms"
ok "a door after the storm alerts" through 22401
same "a storm on ports the kernel chose is one alert" "$(alerts_of_storm | wc -l)" 1

"$STORM" $OWN 0 23000 2000 >"$T/own"
ok "a door after a storm over 2,000 ports alerts" through 22402
same "which is one alert, too" "$(alerts_of_storm | wc -l)" 2
ok "that has its ports" eval 'alerts_of_storm | jq -es "any(.[]; .port_count > 1000 and (.ports | startswith(\"23\")))"'

check_ledger "$T/auto" "$T/own"
lost=$(told_lost)
echo "# $MISSING of $(wc -l <"$T/ledger") are missing, $lost records are reported lost"
ok "what is missing was counted as lost" [ "$MISSING" -le "$lost" ]
ok "the journal is whole" ajar timeline verify --data "$D"

ok "every alert of the storm is resolved" wait_for eval \
	'[ -z "$(alerts_of_storm | jq -r "select(.state != \"resolved\") | .port")" ]'
same "no alert changed more than twice" "$(jq -r '.key // .id' "$HOOK_LOG" | sort | uniq -c | awk '$1 > 2')" ""
same "no change was delivered twice" "$(sort "$HOOK_LOG" | uniq -d | head -1)" ""

hwm() { awk '/^VmHWM/ { print $2 }' "/proc/$(role_pid "$1")/status"; }
for role in agent ship monitor; do
	echo "# VmHWM of the $role: $(hwm $role) kB"
	[ -n "$SAN" ] || ok "the $role needed at most 32 MiB" [ "$(hwm $role)" -le 32768 ]
done

# Clock ticks of the supervisor and its roles.
ticks() { for p in "$RUN" $(pgrep -P "$RUN"); do awk '{ print $14 + $15 }' "/proc/$p/stat"; done | awk '{ s += $1 } END { print s }'; }
is_quiet() {
	local before
	before=$(ticks)
	read -rt 3 <> <(:) || :
	USED=$(($(ticks) - before))
	echo "# $USED ticks in 3 s without doors"
	[ $USED -le 3 ]
}
ok "without doors nobody uses the CPU" wait_for is_quiet
largest_wal=$(stat -c %s "$D/store/ajar.db-wal")
ok "the store's WAL was reused, not grown ($largest_wal bytes)" [ "$largest_wal" -le 67108864 ]
stop_run
same "SIGTERM ends it with 0" "$?" 0
done_testing
