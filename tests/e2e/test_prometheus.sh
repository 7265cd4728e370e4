#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The alert rules for Prometheus: promtool takes them, each fires when it should and is silent when all is well, and they speak of
# metrics and labels that ajar metrics has.
# run.sh: beside, for what it looks at is its own.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
for tool in promtool sqlite3; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP $tool is missing: run 'make deps-test' as root"
		exit 77
	}
done
RULES=deploy/prometheus/ajar.rules.yml UNIT=tests/e2e/ajar.rules.test.yml

ok "promtool takes the rules" promtool check rules $RULES
ok "each fires when it should, with words that help" promtool test rules $UNIT
# "fires NAME" and "silent NAME", each once, in the order of the rules
awk '/alertname:/ { name = $0; sub(/.*alertname: */, "", name); sub(/[,}].*/, "", name) }
	/exp_alerts: *\[\]/ { print "silent", name; next }
	/exp_alerts:/ { print "fires", name }' $UNIT | sort -u >"$T/tested"
sed -n 's/^ *- alert: //p' $RULES | sort >"$T/rules"
same "none of them is without a test that it fires" "$(sed -n 's/^fires //p' "$T/tested")" "$(cat "$T/rules")"
same "and one that it is silent" "$(sed -n 's/^silent //p' "$T/tested")" "$(cat "$T/rules")"

# What is really said: of a store that has something of each.
mkdir -p "$D/store"
DB=$D/store/ajar.db
sql() { sqlite3 -cmd '.timeout 10000' "$DB" "$1"; }
for what in critical warning; do
	"$BUILD/tests/helpers/put_alerts" "sqlite:$DB" open "$what" "a door" "$what" >/dev/null
done
sql "INSERT INTO sink_cursors (name, log_id) VALUES ('mail', 0); INSERT INTO sink_states (name, why) VALUES ('mail', '');"
sql "INSERT INTO scans (plan, kind, state, ended_ns) VALUES ('rapid', 'connect', 'done', 1000000000);"
ok "there are metrics" eval 'ajar metrics --store "sqlite:$DB" >"$T/metrics"'
ok "of which each rule has some" eval '[ "$(grep -c "ajar_" $RULES)" -ge "$(wc -l <"$T/rules")" ] && [ -s "$T/metrics" ]'

# Of the rules and their tests without comments: the metrics, one a line, then each "metric label value" that they ask for.
grep -hE '^ *(expr|- series):' $RULES $UNIT >"$T/exprs"
grep -oE 'ajar_[a-z_]+' "$T/exprs" | sort -u >"$T/named"
sed -n 's/^# TYPE \(ajar_[a-z_]*\) .*/\1/p' "$T/metrics" | sort -u >"$T/has"
same "they speak of metrics that there are" "$(comm -23 "$T/named" "$T/has")" ""
ok "of more than a few" eval '[ "$(wc -l <"$T/named")" -ge 15 ]'
has_label() { # metric label value
	grep -qE "^$1\{([^}]*,)?$2=\"${3:-[^\"]*}\"" "$T/metrics"
}
missing=
grep '^ *expr:' $RULES | grep -oE 'ajar_[a-z_]+\{[^}]*\}' >"$T/selectors"
while IFS='{' read -r metric labels; do
	for pair in $(tr ',' ' ' <<<"${labels%\}}"); do
		label=${pair%%[=!]*} values=${pair#*\"}
		for value in $(tr '|' ' ' <<<"${values%\"}"); do
			has_label "$metric" "$label" "$value" || missing+=" $metric{$label=$value}"
		done
	done
done <"$T/selectors"
same "of labels and values that they have" "$missing" ""
ok "of which there are some" eval '[ "$(wc -l <"$T/selectors")" -ge 4 ]'
# The words of an alert take labels from the metric that is named first.
missing=
while read -r metric labels; do
	for label in $labels; do has_label "$metric" "$label" || missing+=" $metric{$label}"; done
done < <(awk '/^ *expr:/ { match($0, /ajar_[a-z_]+/); m = substr($0, RSTART, RLENGTH) }
	/\$labels\./ { n = split($0, part, /\$labels\./); for (i = 2; i <= n; i++) { sub(/[^a-z_].*/, "", part[i]); print m, part[i] } }' $RULES)
same "and their words of labels that are there" "$missing" ""
done_testing
