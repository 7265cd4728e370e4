# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What the end-to-end tests share: TAP, waiting for conditions, doors, and a clean end whatever happens.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
TOP=$PWD
case ${BUILD:=build} in /*) ;; *) BUILD=$TOP/$BUILD ;; esac
export PATH="$BUILD:$PATH" LC_ALL=C
unset NO_COLOR
T=$(mktemp -d "${TMPDIR:-/tmp}/ajar-e2e-XXXXXX")
D=$T/data
# What doors are held by: learning leaves out programs below /tmp, /home and their like, where a checkout may well be.
P=$BUILD/tests/helpers
[ "$(id -u)" != 0 ] || { P=$(mktemp -d /usr/local/lib/ajar-e2e-XXXXXX) && chmod 755 "$P" && cp "$BUILD/tests/helpers/hold_door" "$P/"; }
HOLD_DOOR=$P/hold_door
N=0 BAD=0
PIDS=()
export AJAR_E2E_DIR=$T
read -r _ _ _ _ GROUP _ </proc/self/stat # of processes; no script here has a space in its name

need_root() {
	[ "$(id -u)" = 0 ] || {
		echo "1..0 # SKIP needs root"
		exit 77
	}
	for tool in jq "$@"; do
		command -v "$tool" >/dev/null || {
			echo "1..0 # SKIP $tool is missing"
			exit 77
		}
	done
}

# In this shell, not a copy of it: what the command sets stays.
ok() { # sentence, command...
	local what=$1
	shift
	N=$((N + 1))
	if "$@" >"$T/ok.out" 2>&1; then
		echo "ok $N - $what"
	else
		echo "not ok $N - $what"
		printf '#   %s\n' "$*"
		head -c 1500 "$T/ok.out" | sed 's/^/#   /'
		BAD=$((BAD + 1))
	fi
}
same() { # sentence, got, wanted
	N=$((N + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $N - $1"
	else
		printf 'not ok %s - %s\n#   got    %s\n#   wanted %s\n' "$N" "$1" "$2" "$3"
		BAD=$((BAD + 1))
	fi
}
not() { ! "$@"; }

# Runs ajar: code, standard output and standard error are in RC, OUT and ERR.
run() {
	timeout -k 5 "${LIMIT:-30}" ajar "$@" >"$T/out" 2>"$T/err" </dev/null
	RC=$?
	# shellcheck disable=SC2034 # for those who source this
	OUT=$(tr -d "\\0" <"$T/out") ERR=$(cat "$T/err")
}
says() { # a fixed text; what was said instead is shown
	grep -qF -- "$1" "$T/err" || {
		head -c 1000 "$T/err"
		return 1
	}
}
# sentence, exit code, a fixed text of standard error; nothing may be on standard output, and one line on the other.
refuses() {
	same "$1: exit $2" "$RC" "$2"
	same "$1: no data" "$OUT" ""
	same "$1: one line" "$(grep -c '' "$T/err")" 1
	ok "$1: it says so" says "$3"
}

# For setpriv --bounding-set: what a unit of ours has, but one of it.
bounding() { # capability to leave out, or nothing; of the unit in UNIT
	local set=-all c
	for c in $(sed -n 's/^CapabilityBoundingSet=//p' "deploy/systemd/$UNIT"); do
		[ "$c" = "${1:-}" ] || set+=,+$(echo "${c#CAP_}" | tr A-Z a-z)
	done
	echo "$set"
}

# Until the command succeeds, at most 20 s (WAIT=seconds); the pause between two looks is a read that times out.
wait_for() {
	local end=$((SECONDS + ${WAIT:-20}))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		read -rt 0.02 <> <(:) || :
	done
}

# A door held by a program of ours until close_door; its pid is in DOOR.
open_door() { # tcp|udp address port...
	local said=$T/door.$RANDOM$RANDOM
	"${DOOR_PROGRAM:-$HOLD_DOOR}" "$@" >"$said" 2>&1 <&- &
	DOOR=$!
	PIDS+=("$DOOR")
	wait_for grep -q open "$said"
}
# A copy of that program under another name; ports that one program opens shortly after each other are one alert.
other_door() { # name
	mkdir -p "$P/doors.$$" && cp "$HOLD_DOOR" "$P/doors.$$/$1" && echo "$P/doors.$$/$1"
}
close_door() { # the last one opened, or the pid given
	kill "${1:-$DOOR}" 2>/dev/null
	wait "${1:-$DOOR}" 2>/dev/null
	return 0
}

# An alert program, $T/hook, that keeps what it is given in $HOOK_LOG, a line each.
keep_alerts() {
	export HOOK_LOG=$T/alerts
	: >"$HOOK_LOG"
	printf '#!/bin/sh\ncat >>"$HOOK_LOG"\n' >"$T/hook"
	chmod +x "$T/hook"
}

start_run() { # more arguments of ajar run; without the web page, which many at a time would fight for, unless WEB says where
	: >"$T/run.err" # "ready" of one before must not count
	ajar run --data "$D" --web "${WEB:-off}" "$@" >"$T/run.out" 2>"$T/run.err" </dev/null &
	RUN=$!
	PIDS+=("$RUN")
	wait_for grep -qx ready "$T/run.err"
}
stop_run() {
	kill -TERM "$RUN" 2>/dev/null
	wait "$RUN"
}
# The pid of a role of our own ajar run.
role_pid() { # agent|ship|monitor
	case $1 in
	agent) pgrep -P "$RUN" -x ajar-agent ;;
	*) pgrep -P "$RUN" -f "ajar $1" ;;
	esac
}

# Where the sensor of our own ajar run is pinned; the agent holds that folder open.
pin_dir() {
	for fd in /proc/"$(role_pid agent)"/fd/*; do readlink "$fd"; done | grep '^/sys/fs/bpf/ajar[^/]*$' | head -1
}

# Still a process of this test: a pid comes round again within a minute or two of many tests, and then it is somebody else's.
is_ours() { # pid
	local stat state group
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
	read -r state _ group _ <<<"${stat##*) }"
	[ "$state" != Z ] || return 1
	[ "$group" = "$GROUP" ] || grep -qzxF "AJAR_E2E_DIR=$T" "/proc/$1/environ" 2>/dev/null
}
end_ours() { # signal
	local p
	for p in "${PIDS[@]}"; do ! is_ours "$p" || kill "-$1" "$p" 2>/dev/null; done
}
none_of_ours() {
	local p
	for p in "${PIDS[@]}"; do ! is_ours "$p" || return 1; done
}
finish() {
	end_ours TERM
	WAIT=15 wait_for none_of_ours || end_ours KILL
	[ "$BAD" = 0 ] || { [ -f "$T/run.err" ] && tr -d '\0' <"$T/run.err" | sed 's/^/# run: /' | tail -40; }
	rm -rf "$T" "$P/doors.$$"
	[ "$P" = "$BUILD/tests/helpers" ] || rm -rf "$P"
}
trap finish EXIT
done_testing() {
	echo "1..$N"
	[ "$BAD" = 0 ]
	exit
}
