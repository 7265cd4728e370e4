#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A path is not a program: an unprivileged user binds a program of his own over a profiled one, in a user and mount namespace.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root unshare setpriv mount

nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
nobody unshare -Urm true 2>/dev/null || {
	echo "1..0 # SKIP users may make no user namespaces here"
	exit 77
}
keep_alerts
PROFILED=$(other_door profiled)
OWN=$(other_door own)
chmod 755 "$P" "$P/doors.$$"
borrowed() { nobody unshare -Urm sh -c "mount --bind '$OWN' '$PROFILED' && exec '$PROFILED' tcp 127.0.0.1 $1"; }
seen() { ajar ls -j --data "$D" ":$1" | jq -r '"\(.opener.exe) \(.opener.exe_foreign) \(.verdict)"'; }
is_seen() { [ -n "$(seen "$1")" ]; }

ok "ajar run says ready" start_run --on-alert "$T/hook" --no-scan -q
ok "a profile is accepted" ajar profile learn --write --data "$D"
ok "with a row for a program" ajar profile allow default tcp 26995-26997 exe "$PROFILED" --reason test --data "$D"
nobody "$PROFILED" tcp 127.0.0.1 26995 >"$T/honest" 2>&1 <&- &
honest=$!
PIDS+=("$honest")
wait_for is_seen 26995
same "the program itself is as profiled" "$(seen 26995)" "$PROFILED null as profiled"
unshare -m "$PROFILED" tcp 127.0.0.1 26996 >"$T/unit" 2>&1 <&- &
unit=$!
PIDS+=("$unit")
wait_for is_seen 26996
same "in a mount namespace that root made, as units have, too" "$(seen 26996)" "$PROFILED null as profiled"
borrowed 26997 >"$T/borrowed" 2>&1 <&- &
evil=$!
PIDS+=("$evil")
wait_for is_seen 26997
same "one that has borrowed its path is none" "$(seen 26997)" "$PROFILED true impostor"
ok "the list says so" eval "ajar ls --data '$D' :26997 | grep -q 'path of another mount namespace'"
ok "it is alerted" wait_for grep -q '"port":26997' "$HOOK_LOG"
ok "and the alert says why" grep -q 'is of another mount namespace' "$HOOK_LOG"
for p in "$honest" "$unit" "$evil"; do close_door "$p"; done
stop_run
same "SIGTERM ends it with 0" "$?" 0
done_testing
