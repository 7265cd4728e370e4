#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Agent, shipper, monitor and a MariaDB server, each a process of its own, under load: the server, the shipper and the monitor die by
# kill -9 at instants nobody chose, the server hangs, and its disk fills. In the end the ledger of the load, the journal and the
# store agree record by record. AJAR_SEED repeats the instants of another run.
# run.sh: within 900 s, for a slow machine judges what the full disk held up for minutes
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/ledger.sh
. tests/e2e/ledger.sh
need_root mariadb mountpoint

KILLS=18 STOPPED=5 # kills; seconds that the server hangs
[ -z "${AJAR_LONG:-}" ] || KILLS=200 STOPPED=150
RATE=200 FIRST=21400 PORTS=20
SEED=${AJAR_SEED:-$RANDOM}
RANDOM=$SEED
echo "# seed $SEED"
WAIT=180
chmod 755 "$T"
chmod 666 "$HOOK_LOG"

# The server's disk: small, and its own.
mkdir "$T/disk"
mount -t tmpfs -o size=512m,mode=777 ajar-test "$T/disk" || {
	echo "1..0 # SKIP no tmpfs can be mounted"
	exit 77
}
# shellcheck disable=SC2317
finish_disk() {
	exec 9>&-
	# A server that was left stopped must be able to end.
	[ -z "${SERVER_PID:-}" ] || kill -CONT "$SERVER_PID" 2>/dev/null
	# A door that stayed open, for its alert did not come, holds the pipe that keeps the server.
	[ -z "${DOOR:-}" ] || close_door
	wait "${HELPER:-}" 2>/dev/null
	! mountpoint -q "$T/disk" || umount "$T/disk" || umount -l "$T/disk"
	finish
}
trap finish_disk EXIT
mkfifo "$T/in"
"$BUILD/tests/helpers/mariadb_server" "$T/disk/db" <"$T/in" >"$T/server.out" 2>"$T/server.err" &
HELPER=$!
PIDS+=("$HELPER")
exec 9>"$T/in"
said() { [ "$(grep -c "^$1" "$T/server.out")" -ge "${2:-1}" ]; }
answered() { said ready || said skip; }
wait_for answered
said ready || {
	echo "1..0 # SKIP $(sed -n 's/^skip //p' "$T/server.out")"
	exit 77
}
SOCKET=$(sed -n 's/^ready //p' "$T/server.out" | head -1)
STORE="mysql://ajar@localhost/ajar?socket=$SOCKET&timeout=5"
# As ledger.sh asks it.
sql() {
	mariadb -u ajar -S "$SOCKET" -N --init-command="SET sql_mode = 'PIPES_AS_CONCAT'" ajar -e "$1" 9>&- | tr '\t' '|'
}
# Others may run storms of their own.
stored_ledger() {
	sql "SELECT CASE kind WHEN 1 THEN 'open' ELSE 'close' END || ' ' || cookie || ' ' || port FROM events
	     WHERE kind IN (1, 2) AND comm = 'storm_doors' AND port >= $FIRST AND port < $FIRST + $PORTS"
}
server_pid() { pgrep -P "$HELPER" -x mariadbd; }

role() { # name, program and arguments
	local name=$1
	shift
	"$@" -q --data "$D" >>"$T/$name.out" 2>>"$T/run.err.$name" </dev/null 9>&- &
	PIDS+=($!)
	declare -g "${name^^}=$!"
}
agent() { role agent ajar-agent; }
ship() { role ship ajar ship --store "$STORE"; }
monitor() { role monitor ajar monitor --no-scan --store "$STORE" --on-alert "$T/hook"; }

monitor
ok "the schema is made" wait_for eval '[ "$(sql "SELECT count(*) FROM settings" 2>/dev/null)" -gt 0 ]'
agent
ship
ok "records come" wait_for eval '[ "$(sql "SELECT count(*) FROM events" 2>/dev/null)" -gt 0 ]'
ok "a profile is accepted" wait_for ajar profile learn --write --data "$D" --store "$STORE"

# shellcheck disable=SC2317
pause() { read -rt "$1" <> <(:) || :; }
some_ms() { pause "0.$(printf %03d $((RANDOM % 400 + 1)))"; } # an instant nobody chose
through() { # port: when its alert has come all before it is judged
	DOOR_PROGRAM=$(other_door "through$1") open_door tcp 0.0.0.0 "$1" || return 1
	wait_for grep -q "\"port\":$1," "$HOOK_LOG" || return 1
	close_door
}

# --- kill -9 -------------------------------------------------------------------------------------------
start_storm "$T/load" 100000000 $RATE $FIRST $PORTS
wait_for lines_over "$T/load" 100
killing() {
	local dead=0 ready=1
	for ((i = 0; i < KILLS; i++)); do
		some_ms
		case $((RANDOM % 3)) in
		0)
			kill -USR1 "$HELPER"
			dead=$((dead + 1))
			wait_for said dead $dead || return 1
			some_ms
			kill -USR2 "$HELPER"
			ready=$((ready + 1))
			wait_for said ready $ready || return 1
			;;
		1)
			kill -9 "$SHIP" && wait "$SHIP"
			ship
			;;
		2)
			kill -9 "$MONITOR" && wait "$MONITOR"
			monitor
			;;
		esac 2>/dev/null
	done
}
ok "server, shipper and monitor are killed $KILLS times" killing
ok "a door after all that alerts" through 21450

# --- a server that hangs ---------------------------------------------------------------------------------
SERVER_PID=$(server_pid)
kill -STOP "$SERVER_PID"
pause "$STOPPED"
kill -CONT "$SERVER_PID"
ok "a door after $STOPPED s of silence alerts" through 21451

# --- a disk that is full -----------------------------------------------------------------------------------
full() { [ "$(df --output=avail -k "$T/disk" | tail -1)" -lt 64 ]; }
fill() { dd if=/dev/zero of="$T/disk/filler" bs="$1" oflag=append conv=notrunc; }
# What the server gives back (its temporary files lie there too) is taken at once, until somebody says "room".
keep_full() {
	fill 1M
	until [ -e "$T/room" ]; do
		fill 4k
		pause 0.05
	done
}
keep_full 2>/dev/null 9>&- &
FILLER=$!
PIDS+=("$FILLER")
ok "the server's disk is full" wait_for full
# A table may have room inside it; what is stored meanwhile is to be judged before the next door alerts.
shipper_says_so() {
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do
		"$STORM" 4000 0 $FIRST $PORTS >>"$T/load.full" 2>>"$T/load.full.err" </dev/null
		WAIT=15 wait_for grep -qiE 'full|space' "$T/run.err.ship" && return
	done
	return 1
}
ok "the shipper says so" shipper_says_so
: >"$T/room"
wait "$FILLER"
rm -f "$T/disk/filler"
end_storm
ok "with room again a door alerts" through 21452

check_ledger "$T/load" "$T/load.full"
same "the load is stored whole" "$(head -3 "$T/missing")" ""
same "and no record was lost" "$(told_lost)" 0
ok "journal and store agree, record by record" ajar timeline verify --data "$D" --store "$STORE"
twice() { # key of a change told twice in a row
	jq -r "select(.port >= $FIRST and .port < $FIRST + $PORTS) | \"\(.port) \(.state)\"" "$HOOK_LOG" | awk '$2 == last[$1] { n++ } { last[$1] = $2 } END { print n + 0 }'
}
# A monitor that dies between telling and noting that it has tells again: at least once, and no more often than it died.
ok "an alert is reported at least once, and at most once more for each death" [ "$(twice)" -le "$KILLS" ]
# A program's ports that open within seconds are one alert: the doors say which ports that is.
alerts_of_load() { ajar alerts ls --all -j --data "$D" --store "$STORE" | jq -r "select(.port >= $FIRST and .port < $FIRST + $PORTS) | .port"; }
same "no port has two alerts" "$(alerts_of_load | sort -n | uniq -d | xargs)" ""
same "and each has one" \
	"$(sql "SELECT DISTINCT d.port FROM doors d JOIN alerts a ON a.alert_hash = d.alert_hash WHERE d.port >= $FIRST AND d.port < $((FIRST + PORTS))" | sort -n | xargs)" "$(seq -s ' ' $FIRST $((FIRST + PORTS - 1)))"

for p in "$SHIP" "$MONITOR" "$AGENT"; do kill -TERM "$p"; done
for p in "$SHIP" "$MONITOR" "$AGENT"; do
	wait "$p"
	same "each ends with 0" "$?" 0
done
for f in "$T"/run.err.*; do [ "$BAD" = 0 ] || sed "s/^/# ${f##*.}: /" "$f" | tail -20; done
done_testing
