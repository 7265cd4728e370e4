#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What is an alert worth? Happenings of a cluster of 480 nodes through the real pipeline, each with the number of alerts it should
# raise, and a table of what it did: got, false alarms, misses. On the embedded store, and some of them through MariaDB.
# run.sh: beside, for its nodes are simulated.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
for tool in jq sqlite3 mariadb; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP $tool is missing"
		exit 77
	}
done
# shellcheck source=tests/e2e/sim.sh
. tests/e2e/sim.sh

ALL='node[001-480]'
JOB_DOORS=10000 USERS='node[001-120]' # AJAR_LONG: 200,000 doors, and ordinary use on all nodes
[ -z "${AJAR_LONG:-}" ] || JOB_DOORS=200000 USERS=$ALL
FALSE=0 MISSED=0
MARK=0
TABLE=$T/table
printf '%-46s %8s %5s %6s %7s %9s  %s\n' happening expected got false missed messages what >"$TABLE"

mark() { MARK=$(sql 'SELECT coalesce(max(id), 0) FROM alert_log'); }
# Alerts that came (back) since mark, and all that a person was told since then: growth and resolution too.
NEW="FROM alert_log l WHERE l.id > \$MARK AND l.state = 1 AND coalesce((SELECT p.state FROM alert_log p WHERE p.alert_id = l.alert_id
  AND p.id < l.id ORDER BY p.id DESC LIMIT 1), 0) <> 1"
opened() { sql "SELECT count(*) ${NEW//\$MARK/$MARK}"; }
messages() { sql "SELECT count(*) FROM alert_log WHERE id > $MARK"; }
# How they stand now, in words.
what() {
	sql "SELECT CASE a.severity WHEN 1 THEN 'notice' WHEN 2 THEN 'warning' ELSE 'critical' END, CASE a.kind WHEN 1 THEN 'unexpected'
	  WHEN 2 THEN 'impostor' ELSE a.kind END, a.nodes FROM alerts a WHERE a.id IN (SELECT l.alert_id ${NEW//\$MARK/$MARK})" |
		tr '|\t' '  ' | sort | head -3 | tr '\n' ';'
}
says_what() { grep -qE "$1" <<<"$(what)"; }
# Judged, and nothing is left to be said: the time of a restart that may yet be one has passed.
settled() { judged 250 && sim pass 120; }

# name, alerts expected, a word that "what" must have (or ""), then the commands, a word each
happening() {
	local name=$1 want=$2 word=$3 got false=0 missed=0 said
	shift 3
	mark
	for command in "$@"; do
		# shellcheck disable=SC2086 # words
		ok "$name: $command" sim $command
	done
	ok "$name: it is judged" settled
	# The nodes of a folded alert are written a moment later.
	[ -z "$word" ] || ok "$name: it says $word" wait_for says_what "$word"
	got=$(opened) said=$(what)
	[ "$got" -le "$want" ] || false=$((got - want))
	[ "$got" -ge "$want" ] || missed=$((want - got))
	FALSE=$((FALSE + false)) MISSED=$((MISSED + missed))
	printf '%-46s %8s %5s %6s %7s %9s  %s\n' "$name" "$want" "$got" "$false" "$missed" "$(messages)" "$said" >>"$TABLE"
	same "$name: alerts" "$got" "$want"
}

learn() {
	start_monitor
	ok "480 nodes" start_sim --nodes "$ALL" --workers 1 --seed "$1"
	ok "they come up" sim boot "$ALL" 60
	[ -z "$2" ] || ok "people work" sim day "$2" 86400
	ok "the monitor has seen it" judged 250
	ok "what ran is accepted" view profile learn --class compute --since 7d --write
	ok "and whatever a job opens while it runs" view profile allow compute tcp 1024-65535 job slurm --reason 'what jobs do'
	ok "that is judged" judged 250
}
finish_cluster() {
	ok "the store has what the nodes made, each record once" sim verify
	end_sim
	stop_monitor
}

sqlite_store
learn 1 "$ALL"
happening "480 nodes boot" 0 "" "boot $ALL 60"
happening "sshd is restarted on one node" 0 "" "restart node009 sshd 1"
happening "sshd is restarted everywhere" 0 "" "restart $ALL sshd 30"
happening "a package is upgraded on 480 nodes" 0 "" "upgrade $ALL slurmd 60"
happening "an MPI job opens $JOB_DOORS doors" 0 "" "job node[001-064] 4711 mlee $JOB_DOORS 300"
happening "Jupyter inside a job" 0 "" "open node010 tcp 8888 /usr/bin/python3.11 mlee /system.slice/slurmstepd.scope/job_99/step_batch/user/task_0"
happening "Jupyter outside of jobs" 1 'warning unexpected node011' \
	"open node011 tcp 8888 /usr/bin/python3.11 mlee /user.slice/user-1041.slice/session-7.scope"
happening "nc on 4444 as root" 1 'critical unexpected node012' \
	"open node012 tcp 4444 /usr/bin/nc.openbsd root /user.slice/user-0.slice/session-9.scope"
happening "another binary takes sshd's port" 1 'critical impostor node013' \
	"close node013 tcp 22" "open node013 tcp 22 /usr/local/sbin/sshd root"
happening "a backdoor on 22/udp" 1 'critical unexpected node014' "open node014 udp 22 /usr/lib/.x/bd root"
happening "the same backdoor on 20 nodes in a minute" 1 'critical unexpected node\[101-120\]' \
	"open node[101-120] tcp 31337 /usr/lib/.x/kworkerd root"
happening "ordinary use" 0 "" "day $USERS 86400"
happening "it goes again" 0 "" "close node011 tcp 8888" "close node012 tcp 4444" "close node014 udp 22" "close node[101-120] tcp 31337"
ok "and is resolved; the impostor stays" wait_for eval '[ "$(sql "SELECT count(*) FROM alerts WHERE state <> 5")" = 1 ]'
finish_cluster

rm -f "$T/in"
mariadb_store --innodb-buffer-pool-size=128M --innodb-log-file-size=64M
learn 2 ""
happening "MariaDB: a package is upgraded on 480 nodes" 0 "" "upgrade $ALL sshd 60"
happening "MariaDB: nc on 4444 as root" 1 'critical unexpected node012' "open node012 tcp 4444 /usr/bin/nc.openbsd root"
happening "MariaDB: a backdoor on 20 nodes in a minute" 1 'critical unexpected node\[101-120\]' \
	"open node[101-120] tcp 31337 /usr/lib/.x/kworkerd root"
finish_cluster

sed 's/^/# /' "$TABLE"
echo "# false alarms: $FALSE, missed: $MISSED"
same "no alert is missed" "$MISSED" 0
same "and none is false" "$FALSE" 0
[ "$BAD" = 0 ] || sed 's/^/# monitor: /' "$T/monitor.err" | tail -20
done_testing
