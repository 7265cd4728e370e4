#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The evasion table: ways to a door that hide who holds it, or that it is one. Each is tried against a rule that permits the program
# whose name it borrows; a table says how it was seen and after how long, who opened it, who holds it, the verdict, the alert.
# What is not seen for what it is stands there as a known gap, which README names; no check says otherwise.
# In a network namespace of its own, so that nobody else's doors are there.
[ "$(id -u)" != 0 ] || [ -n "${AJAR_EVASION_NETNS:-}" ] || AJAR_EVASION_NETNS=1 exec unshare -n bash "$0"
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root ip unshare setpriv mount
V2=$(findmnt -nt cgroup2 -o TARGET | head -1)
[ -n "$V2" ] || {
	echo "1..0 # SKIP no cgroup v2 is mounted"
	exit 77
}
ip link set lo up
HELD=$V2/ajar-evade$$ DOCKER=$V2/ajar-evade$$/docker-$(printf '%064x' $$).scope
mkdir "$HELD" "$DOCKER"
remove_all() {
	finish
	for cgroup in "$DOCKER" "$HELD"; do WAIT=5 wait_for rmdir "$cgroup"; done
}
trap remove_all EXIT

HOLD_DOOR=$BUILD/tests/helpers/evade # what other_door copies
chmod 755 "$P"
keep_alerts
printf 'sensor.scope netns\nsensor.sweep-every 1h\nscan.enabled no\nalert.syslog no\n' >"$T/conf"
PORT=40000 TABLE=$T/table
printf '%-10s %-9s %7s  %-10s %-22s %-13s %s\n' way seen ms opener holders verdict alert >"$TABLE"

nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
# Each way has a program of its own that a rule permits ($1), and another ($2); $3 is the port.
way_plain() { exec "$1" tcp "$3"; }
way_plain2() { exec "$1" tcp "$3"; }
# shellcheck disable=SC2016
MOUNTED='mount --bind "$1" "$2" && exec "$2" tcp "$3"'
way_mount() { exec setpriv --reuid 65534 --regid 65534 --clear-groups unshare -Urm sh -c "$MOUNTED" sh "$2" "$1" "$3"; }
way_rootmount() { exec unshare -m sh -c "$MOUNTED" sh "$2" "$1" "$3"; }
way_container() { echo "$BASHPID" >"$DOCKER/cgroup.procs" && exec "$1" tcp "$3"; }
way_exec() { exec "$1" exec "$3" "$2"; }
way_fork() { exec "$1" fork "$3" "$2"; }
way_inflight() { exec "$1" inflight "$3" "$2"; }
way_ring() { exec "$1" ring "$3" "$2"; }
way_memfd() { exec "$1" memfd "$3"; }
way_deleted() { exec "$2" deleted "$3"; }
way_udpfail() { exec "$BUILD/tests/helpers/udp_door" failed "$3"; }
way_range() { exec "$1" range "$3"; }
way_auto() { exec "$1" auto "$3"; }
way_vsock() { exec "$1" vsock "$3"; }
way_denied() { exec "$1" denied "$3" "$HELD"; }

door_of() { ajar ls -j ":$1" --data "$D" 2>/dev/null; }
field() { jq -r "$1" <"$T/seen" 2>/dev/null; }
base() { sed 's|.*/||'; }
alerts_on() { jq -rs --argjson p "$1" '[.[] | select(.port == $p or ((.ports // "") | split(",") | any(. == ($p | tostring)))) | .kind + " " + .state] | unique | join(";")' "$HOOK_LOG"; }
alerted() { [ -n "$(alerts_on "$1")" ]; }
# The door, judged, and held by that program; "-": by nobody who is seen.
held_by() { # port holder
	door_of "$1" >"$T/seen" && [ -s "$T/seen" ] && jq -e --arg is "/$2" '(.verdict // "learning" | IN("learning", "settling") | not) and
		(if $is == "/-" then .holders == [] else any(.holders[]; (.exe // "") | contains($is)) end)' <"$T/seen"
}
begin() { # way; the door stands
	PORT=$((PORT + 1)) WAY=$1
	OWN=$(other_door "own-$1") OTHER=$(other_door "other-$1")
	ajar profile allow default tcp "$PORT" exe "$OWN" --reason test -C "$T/conf" --data "$D" >/dev/null 2>&1
	[ "$1" != denied ] || {
		(echo "$BASHPID" >"$HELD/cgroup.procs" && "way_$1" "$OWN" "$OTHER" "$PORT") >"$T/$1.out" 2>"$T/$1.err" &
	}
	[ "$1" = denied ] || "way_$1" "$OWN" "$OTHER" "$PORT" >"$T/$1.out" 2>"$T/$1.err" &
	PIDS+=($!)
	wait_for grep -Eq '^(open|skip)' "$T/$1.out"
	mapfile -t -O "${#PIDS[@]}" PIDS < <(sed -n 's/^open //p' "$T/$1.out")
	FROM=${EPOCHREALTIME/./}
	! grep -q '^skip' "$T/$1.out"
}
row() { # what "seen" says when it is none of the kernel's words
	printf '%-10s %-9s %7s  %-10s %-22s %-13s %s\n' "$WAY" "${1:-$(field .origin)}" "$(((${EPOCHREALTIME/./} - FROM) / 1000))" \
		"$(field '.opener.exe // .opener.comm' | base)" "$(field '[(.holders // [])[] | .exe // .comm] | join(",")' | sed 's|[^,]*/||g')" \
		"$(field .verdict)" "${2:-$(alerts_on "$PORT")}" >>"$TABLE"
}
# way, holder, verdict: seen for what it is
seen() {
	begin "$1" || {
		echo "# machine: no $1 here"
		return
	}
	WAIT=60 ok "$1: seen, with who holds it" wait_for held_by "$PORT" "$2"
	same "$1: it is not as profiled" "$(field .verdict)" "$3"
	WAIT=60 ok "$1: it alerts" wait_for alerted "$PORT"
	row
}
# The same where it is a known gap: no check.
gap() { # way, holder, what is missing
	begin "$1" || return
	WAIT=${4:-20} wait_for held_by "$PORT" "$2"
	row "" "KNOWN GAP: $3"
}

ok "ajar run says ready" start_run -C "$T/conf" --on-alert "$T/hook" --no-scan -q
ok "a profile is accepted" ajar profile learn --write -C "$T/conf" --data "$D"
begin plain
ok "the program itself is as profiled" wait_for held_by "$PORT" own-plain
same "plain: by its rule" "$(field .verdict)" "as profiled"
row

! nobody unshare -Urm true 2>/dev/null || seen mount own-mount impostor
seen rootmount own-rootmount impostor
seen container own-container impostor
seen exec other-exec impostor
seen fork other-fork impostor
seen memfd 'memfd:evade (deleted)' impostor
seen udpfail udp_door unexpected
seen range own-range unexpected
seen deleted 'other-deleted (deleted)' impostor
gap inflight - 'judged by who opened it'
gap ring - 'judged by who opened it'
gap auto own-auto 'a client for its first minute' 1
# Nobody is to be told of a door that is none: what opens after it is told, and it is not.
begin denied
denied=$PORT
begin plain2
gone() { [ -z "$(door_of "$denied")" ]; }
ok "denied: what another program of the cgroup refuses is no door" wait_for gone
ok "while one that opens later is seen" wait_for held_by "$PORT" own-plain2
same "denied: and it does not alert" "$(alerts_on "$denied")" ""
stop_run
same "SIGTERM ends it with 0" "$?" 0
# What no hook tells of a sweep finds, here every second.
sed -i 's/sweep-every 1h/sweep-every 1s/' "$T/conf"
ok "ajar run says ready again" start_run -C "$T/conf" --on-alert "$T/hook" --no-scan -q
seen vsock own-vsock unexpected
stop_run
sed 's/^/# /' "$TABLE"
done_testing
