# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A simulated cluster (tests/sim) in front of the real store and the real monitor. Source it behind lib.sh.

SIM=$BUILD/tests/sim/sim
keep_alerts
chmod 755 "$T"
chmod 666 "$HOOK_LOG"

# A store: sqlite in $D, or a private MariaDB server; its URI is in STORE, and sql asks it.
sqlite_store() {
	mkdir -p "$D/store"
	STORE=sqlite:$D/store/ajar.db
	ajar db init --data "$D" 2>/dev/null
	[ "$(id -u)" != 0 ] || chmod -R a+rwX "$D" # the monitor is not root for long
	sql() { sqlite3 -cmd '.timeout 10000' "$D/store/ajar.db" "$1"; }
}
# server options...: it lives as long as fd 9 is open.
mariadb_store() {
	mkfifo "$T/in"
	"$BUILD/tests/helpers/mariadb_server" -- --skip-networking "$@" <"$T/in" >"$T/server.out" 2>"$T/server.err" &
	PIDS+=($!)
	exec 9>"$T/in"
	WAIT=60 wait_for grep -Eq '^(ready|skip)' "$T/server.out"
	grep -q '^ready' "$T/server.out" || {
		echo "1..0 # SKIP $(sed -n 's/^skip //p' "$T/server.out")"
		exit 77
	}
	SOCKET=$(sed -n 's/^ready //p' "$T/server.out")
	STORE="mysql://ajar@localhost/ajar?socket=$SOCKET"
	ajar db init --store "$STORE" 2>/dev/null
	sql() { mariadb -u ajar -S "$SOCKET" -N ajar -e "$1" 9>&-; }
}
view() { ajar "$@" --data "$D" --store "$STORE"; }

start_monitor() {
	printf 'alert.syslog no\n' >"$T/conf"
	ajar -C "$T/conf" monitor --data "$D" --store "$STORE" --on-alert "$T/hook" 2>"$T/monitor.err" </dev/null 9>&- &
	MONITOR=$!
	PIDS+=("$MONITOR")
}
stop_monitor() {
	kill -TERM "$MONITOR" 2>/dev/null
	wait "$MONITOR"
}

start_sim() { # options of sim but --store; it says "ready" when all nodes have their store
	coproc SIMULATION { exec "$SIM" --store "$STORE" "$@" 2>"$T/sim.err" 9>&-; }
	# shellcheck disable=SC2153 # coproc sets it
	SIM_PID=$SIMULATION_PID
	PIDS+=("$SIM_PID")
	local from=${SIMULATION[0]} to=${SIMULATION[1]}
	exec 7<&"$from" 8>&"$to"
	exec {from}<&- {to}>&- # ours are 7 and 8: when 8 closes the simulation ends
	read -rt 120 ANSWER <&7 && [ "$ANSWER" = ready ] || {
		head -5 "$T/sim.err"
		return 1
	}
}
# One command; what was answered is in ANSWER.
sim() {
	echo "$*" >&8
	ANSWER=
	read -rt 250 ANSWER <&7
	case $ANSWER in
	done* | same*) ;;
	*)
		echo "$*: ${ANSWER:-no answer}"
		head -5 "$T/sim.err"
		return 1
		;;
	esac
}
end_sim() {
	exec 8>&- 7<&-
	wait "$SIM_PID" 2>/dev/null
}

none_pending() { [ "$(sql 'SELECT count(*) FROM journals WHERE stored_seq > judged_seq')" = 0 ]; }
# Until the monitor has judged all there is.
judged() { WAIT=${1:-120} wait_for none_pending; }
