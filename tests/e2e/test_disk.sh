#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A disk that is really full, by somebody else's file and by the journal itself, and is freed again; a journal at its cap.
if [ -z "${AJAR_OWN_MOUNTS:-}" ] && [ "$(id -u)" = 0 ] && command -v unshare >/dev/null; then
	AJAR_OWN_MOUNTS=1 exec unshare --mount --propagation private "$0"
fi
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/ledger.sh
. tests/e2e/ledger.sh
need_root sqlite3 unshare
[ -n "${AJAR_OWN_MOUNTS:-}" ] || exit 1
WAIT=40

all_alive() { for r in agent ship monitor; do role_pid $r; done; }
told() { grep -c -- "$1" "$T/run.err" || :; }
small_disk() { # size
	D=$T/small
	mkdir -p "$D"
	mount -t tmpfs -o "size=$1,mode=755" tmpfs "$D"
}
free_disk() { umount "$D"; }
full() { [ "$(df --output=avail "$D" | tail -1)" -lt 32 ]; }
load_is() { lines_over "$1" "$2"; }

# --- by somebody else's file ---------------------------------------------------------------------------
small_disk 48m
ok "ajar run says ready on a small disk" start_run --on-alert "$T/hook" -q
ok "a profile is accepted" ajar profile learn --write --data "$D"
before=$(all_alive)
start_storm "$T/load" 100000 300 22700 20
ok "doors open and close" wait_for load_is "$T/load" 300
head -c 100m /dev/zero >"$D/filler" 2>/dev/null
ok "the disk is full" full
n=$(wc -l <"$T/load")
ok "doors go on" wait_for load_is "$T/load" $((n + 1500))
rm "$D/filler"
n=$(wc -l <"$T/load")
ok "and on when it is freed" wait_for load_is "$T/load" $((n + 300))
end_storm
same "no role died" "$(all_alive)" "$before"
ok "everything goes on by itself" through 22761
check_ledger "$T/load"
echo "# $MISSING of $(wc -l <"$T/ledger") are missing, $(told_lost) records are in gap records"
ok "what is missing is counted in gap records" [ "$MISSING" -le "$(told_lost)" ]
grep -v '^ready$' "$T/run.err" | sed 's/^/# /'
same "the agent said once that there is no room" "$(told 'ajar-agent:.*the journal has no room')" 1
ok "with what to do" grep -q 'ajar-agent:.*free disk space' "$T/run.err"
ok "the shipper at most once" [ "$(told 'ajar-ship:.*cannot ship')" -le 1 ]
ok "the monitor at most once" [ "$(told 'ajar-monitor:.*cannot judge')" -le 1 ]
ok "the journal is whole" ajar timeline verify --data "$D"
stop_run
same "SIGTERM ends it with 0" "$?" 0
free_disk

# --- by the journal and the store themselves ----------------------------------------------------------------
: >"$HOOK_LOG"
small_disk 10m
ok "ajar run says ready on a tiny disk" start_run --on-alert "$T/hook" -q
before=$(all_alive)
"$STORM" 15000 0 22700 20 >"$T/load2"
ok "the journal and the store fill it" wait_for full
mount -o remount,size=200m "$D"
ok "a profile is accepted when it has grown" wait_for ajar profile learn --write --data "$D"
same "no role died of that" "$(all_alive)" "$before"
ok "everything goes on by itself" through 22762
check_ledger "$T/load2"
echo "# $MISSING of $(wc -l <"$T/ledger") are missing, $(told_lost) records are in gap records"
ok "what is missing is counted in gap or lost records" [ "$MISSING" -le "$(told_lost)" ]
ok "the journal is whole" ajar timeline verify --data "$D"
stop_run
free_disk

# --- the journal's cap, with a shipper that does not ship ----------------------------------------------------------
: >"$HOOK_LOG"
D=$T/capped
printf 'journal.max-bytes 1M\njournal.segment-bytes 64K\n' >"$T/ajar.conf"
ok "ajar run says ready with a journal of 1M" start_run -C "$T/ajar.conf" --on-alert "$T/hook" -q
ok "a profile is accepted" ajar profile learn --write --data "$D"
ship=$(role_pid ship)
kill -STOP "$ship"
"$STORM" 3000 3000 22700 20 >"$T/load3"
ok "the journal stays below its cap" [ "$(du -sb "$D/journal" | cut -f1)" -le $((1200 * 1024)) ]
kill -CONT "$ship"
ok "the shipper goes on" through 22763
check_ledger "$T/load3"
echo "# $MISSING of $(wc -l <"$T/ledger") are missing, $(told_lost) records are in gap records"
ok "some were dropped" [ "$MISSING" -gt 0 ]
ok "and counted" [ "$MISSING" -le "$(told_lost)" ]
grep -v '^ready$' "$T/run.err" | sed 's/^/# /'
same "the agent said so in one line, with the remedy" "$(told 'ajar-agent:.*raise journal.max-bytes')" 1
ok "the journal is whole" ajar timeline verify --data "$D"
stop_run
same "SIGTERM ends it with 0" "$?" 0
done_testing
