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
honest() { exec setpriv --reuid 65534 --regid 65534 --clear-groups "$PROFILED" tcp 127.0.0.1 "$1"; }
# As systemd does it for PrivateTmp=, and for PrivateUsers=: the user namespace comes after the mounts, which stay root's.
unit() { exec unshare -m "$PROFILED" tcp 127.0.0.1 "$1"; }
unit_users() { exec unshare -m unshare -U "$PROFILED" tcp 127.0.0.1 "$1"; }
borrowed() {
	exec setpriv --reuid 65534 --regid 65534 --clear-groups \
		unshare -Urm sh -c 'mount --bind "$1" "$2" && exec "$2" tcp 127.0.0.1 "$3"' sh "$OWN" "$PROFILED" "$1"
}
# Root binds another program over it, or a folder of its own.
# shellcheck disable=SC2016
root_file() { exec unshare -m sh -c 'mount --bind "$1" "$2" && exec "$2" tcp 127.0.0.1 "$3"' sh "$OWN" "$PROFILED" "$1"; }
# shellcheck disable=SC2016
root_folder() { exec unshare -m sh -c 'd=${1%/*} && cp "$1" "$3/profiled" && mount --bind "$3" "$d" && exec "$1" tcp 127.0.0.1 "$2"' sh "$PROFILED" "$1" "$T"; }
# What units do: parts of the tree that lead to themselves.
# shellcheck disable=SC2016
read_only() { exec unshare -m sh -c 'mount --bind "${1%/*}" "${1%/*}" && mount -o remount,bind,ro "${1%/*}" && exec "$1" tcp 127.0.0.1 "$2"' sh "$PROFILED" "$1"; }
HELD=()
hold() { # how port
	"$1" "$2" >"$T/$1.$2" 2>&1 <&- &
	HELD+=("$!")
	PIDS+=("$!")
	wait_for grep -q open "$T/$1.$2"
}
close_doors() {
	for p in "${HELD[@]}"; do close_door "$p"; done
	# Root binds another program over it, or a folder of its own.
# shellcheck disable=SC2016
root_file() { exec unshare -m sh -c 'mount --bind "$1" "$2" && exec "$2" tcp 127.0.0.1 "$3"' sh "$OWN" "$PROFILED" "$1"; }
# shellcheck disable=SC2016
root_folder() { exec unshare -m sh -c 'd=${1%/*} && cp "$1" "$3/profiled" && mount --bind "$3" "$d" && exec "$1" tcp 127.0.0.1 "$2"' sh "$PROFILED" "$1" "$T"; }
# What units do: parts of the tree that lead to themselves.
# shellcheck disable=SC2016
read_only() { exec unshare -m sh -c 'mount --bind "${1%/*}" "${1%/*}" && mount -o remount,bind,ro "${1%/*}" && exec "$1" tcp 127.0.0.1 "$2"' sh "$PROFILED" "$1"; }
HELD=()
}
seen() { ajar ls -j --data "$D" ":$1" | jq -r '"\(.opener.exe) \(.opener.exe_foreign) \(.verdict)"'; }
is_seen() { [ "$(seen "$1")" = "$2" ]; }
judged() { # sentence port facts
	wait_for is_seen "$2" "$3"
	same "$1" "$(seen "$2")" "$3"
}

ok "ajar run says ready" start_run --on-alert "$T/hook" --no-scan -q
ok "a profile is accepted" ajar profile learn --write --data "$D"
ok "with a row for a program" ajar profile allow default tcp 26991-26999 exe "$PROFILED" --reason test --data "$D"
hold honest 26994
judged "the program itself is as profiled" 26994 "$PROFILED null as profiled"
hold unit 26995
judged "in a mount namespace that root made, as units have, too" 26995 "$PROFILED null as profiled"
hold unit_users 26996
judged "and with a user namespace made after it" 26996 "$PROFILED null as profiled"
hold borrowed 26997
judged "one that has borrowed its path is none" 26997 "$PROFILED true impostor"
hold root_file 26991
judged "nor is what root bound over it" 26991 "$PROFILED true impostor"
hold root_folder 26992
judged "or over its folder" 26992 "$PROFILED true impostor"
hold read_only 26993
judged "while a bind of the same, read-only, is what units have" 26993 "$PROFILED null as profiled"
ok "the list says so" eval "ajar ls --data '$D' :26997 | grep -q 'path of another mount namespace'"
ok "it is alerted" wait_for grep -q '"port":26997' "$HOOK_LOG"
ok "and the alert says why" grep -q 'is of another mount namespace' "$HOOK_LOG"
ok "no other is" eval "! grep -qE '\"port\":2699[3456]' '$HOOK_LOG'"
stop_run
same "SIGTERM ends it with 0" "$?" 0

# Who stood there before the agent, and who is read from /proc where there is no BPF.
for tier in A D; do
	D=$T/tier$tier
	export AJAR_SENSOR_TIER=$tier
	ok "tier $tier: the doors stand before it" start_run --no-scan -q
	ok "tier $tier: a row for the program" eval "ajar profile learn --write --data '$D' && ajar profile allow default tcp 26991-26999 exe '$PROFILED' --reason test --data '$D'"
	judged "tier $tier: the program" 26994 "$PROFILED null as profiled"
	judged "tier $tier: in root's mount namespace" 26995 "$PROFILED null as profiled"
	judged "tier $tier: with a user namespace after it" 26996 "$PROFILED null as profiled"
	judged "tier $tier: the borrower of its path" 26997 "$PROFILED true impostor"
	judged "tier $tier: what root bound over it" 26991 "$PROFILED true impostor"
	judged "tier $tier: or over its folder" 26992 "$PROFILED true impostor"
	judged "tier $tier: a bind of the same" 26993 "$PROFILED null as profiled"
	ok "tier $tier: learning leaves it out" eval "ajar profile learn --data '$D' 2>&1 | tee '$T/learnt' | grep -q 'of another mount namespace'"
	stop_run
	same "tier $tier: SIGTERM ends it with 0" "$?" 0
done
close_doors
done_testing
