# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The ledger of tests/helpers/storm_doors against what was stored. Source it behind lib.sh.

STORM=$BUILD/tests/helpers/storm_doors
keep_alerts

sql() { sqlite3 -readonly -cmd '.timeout 5000' "$D/store/ajar.db" "$1"; }

# In the background; its pid is in STORM_PID, its ledger in the file given.
start_storm() { # ledger count rate first_port ports [hold]
	local ledger=$1
	shift
	"$STORM" "$@" >"$ledger" 2>"$ledger.err" </dev/null &
	STORM_PID=$!
	PIDS+=("$STORM_PID")
}
end_storm() {
	kill -TERM "$STORM_PID" 2>/dev/null
	wait "$STORM_PID" 2>/dev/null
	return 0
}
lines_over() { [ "$(wc -l <"$1")" -gt "$2" ]; } # file lines

# "open COOKIE PORT" as the ledger writes it, of all doors that storm_doors opened.
stored_ledger() {
	sql "SELECT CASE kind WHEN 1 THEN 'open' ELSE 'close' END || ' ' || cookie || ' ' || port FROM events
	     WHERE kind IN (1, 2) AND comm = 'storm_doors'"
}
# What the whole pipeline says it does not have: records the kernel had no room for, and records the journal dropped.
told_lost() { sql "SELECT coalesce(sum(record_count), 0) FROM events WHERE kind IN (4, 5)"; }

# Sorted files $T/ledger and $T/stored, and what only one of them has.
compare_ledgers() { # ledger...
	sort "$@" >"$T/ledger"
	stored_ledger | sort >"$T/stored"
	comm -23 "$T/ledger" <(uniq "$T/stored") >"$T/missing"
	comm -13 <(uniq "$T/ledger") "$T/stored" >"$T/foreign"
	uniq -d "$T/stored" >"$T/doubled"
	# shellcheck disable=SC2034 # for those who source this
	MISSING=$(wc -l <"$T/missing")
}

# Every number of every boot is a row or in a gap record's range: nothing left the pipeline without a word. (It may be both:
# what the shipper held in its hands when the journal had to let go of it.)
holes() {
	{
		sql "SELECT boot_seq, 'gap', gap_from, gap_to FROM events WHERE kind = 5"
		sql "SELECT boot_seq, 'row', seq, seq FROM events ORDER BY boot_seq, seq"
	} | awk -F'|' '
		$2 == "gap" { for (i = $3; i <= $4; i++) gap[$1, i]; next }
		{ for (i = last[$1] + 1; i < $3; i++) if (!(($1, i) in gap)) print $1 ":" i; last[$1] = $3 }' | head -3
}

# When the alert of a door opened now has been delivered, all before it is judged.
through() { # port
	DOOR_PROGRAM=$(other_door "through$1") open_door tcp 0.0.0.0 "$1" || return 1
	wait_for grep -q "\"port\":$1," "$HOOK_LOG" || return 1
	close_door
}

check_ledger() { # ledger...
	compare_ledgers "$@"
	same "nothing is stored twice" "$(head -3 "$T/doubled")" ""
	same "nothing is stored that the ledger does not have" "$(head -3 "$T/foreign")" ""
	same "every number is a record or in a gap record" "$(holes)" ""
}
