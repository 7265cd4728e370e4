#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The dashboard for Grafana: each query of it, its macros written out as Grafana does, gives rows from a MariaDB server with a simulated
# cluster in it, to the account that only reads, and asks nothing but the documented views.
# run.sh: beside, for its nodes are simulated.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
for tool in jq python3 mariadb; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP $tool is missing: run 'make deps-test' as root"
		exit 77
	}
done
# shellcheck source=tests/e2e/sim.sh
. tests/e2e/sim.sh
BOARD=deploy/grafana/ajar.json

mariadb_store
start_monitor
ok "a cluster" start_sim --nodes 'node[01-12]' --class compute --nodes 'login[1-2]' --class login
ok "comes up" sim boot 'node[01-12],login[1-2]' 60
ok "and is judged" judged
ok "what runs is accepted" eval 'view profile learn --class compute --write && view profile learn --class login --write'
ok "a service restarts" sim restart 'node[01-12]' sshd 30
ok "doors open that should not" eval "sim open 'node[03-04]' tcp 4444 /usr/bin/nc root && sim open login1 udp 5353 /tmp/x mlee && sim pass 60"
opened() { [ "$(sql "SELECT count(*) FROM v_alerts WHERE state = 'open'")" -ge 2 ]; }
ok "there are alerts" wait_for opened
end_sim
stop_monitor

# The account as README's page makes it, without TLS, which a socket does not have.
ok "an account that reads" ajar db grant --report grafana --from localhost --password-file "$T/password" --store "$STORE"
grafana() { # SQL: rows, without their names
	MYSQL_PWD=$(cat "$T/password") mariadb -u grafana -S "$SOCKET" -N ajar -e "$1" 9>&-
}
ok "may read the views" grafana 'SELECT 1 FROM v_nodes LIMIT 1'
ok "and nothing else" not grafana "SELECT 1 FROM settings LIMIT 1"

# "PLACE<TAB>SQL" a line: variables first, macros as Grafana's MySQL data source writes them, over the last three days by steps of an hour.
cat >"$T/expand.py" <<'E2'
import json
import re
import sys
import time

HOURS = 72
to = int(time.time()) + 60
since = to - HOURS * 3600


def group(args):
    seconds = {"1h": 3600}[args[1].strip("'")]
    return "%s DIV %d * %d" % (args[0], seconds, seconds)


macros = {
    "__unixEpochGroup": group,
    "__unixEpochGroupAlias": lambda a: group(a) + ' AS "time"',
    "__unixEpochNanoFilter": lambda a: "%s >= %d AND %s <= %d" % (a[0], since * 10**9, a[0], to * 10**9),
}


def macro(m):
    return macros[m[1]]([a.strip() for a in m[2].split(",")])


def put(place, sql, variables):
    for name, values in variables.items():
        sql = re.sub(r"\$(%s\b|\{%s\})" % (name, name), ",".join("'%s'" % v for v in values), sql)
    sql = sql.replace("$__interval", "1h")
    sql = re.sub(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)", macro, sql)
    if "$" in sql:
        sys.exit("%s: what is %s?" % (place, sql[sql.index("$"):][:40]))
    print("%s\t%s" % (place, " ".join(sql.split())))


board = json.load(open(sys.argv[1], encoding="utf-8"))
variables = {}
for v in board["templating"]["list"]:
    put("variable " + v["name"], v["query"], {})
    variables[v["name"]] = sys.argv[2].split(",")
for a in board["annotations"]["list"]:
    put("annotation " + a["name"], a["target"]["rawSql"], variables)
for p in board["panels"]:
    for t in p["targets"]:
        put("panel " + p["title"], t["rawSql"], variables)
E2
same "its variable has the classes" "$(grafana "$(jq -r '.templating.list[0].query' $BOARD)" | paste -sd,)" "compute,login"
ok "its queries are understood" eval 'python3 "$T/expand.py" $BOARD compute,login >"$T/queries"'
same "all of them" "$(wc -l <"$T/queries")" "$(jq '[.. | objects | (.rawSql?, .query?) | strings] | length' $BOARD)"
ok "and there are many" eval '[ "$(wc -l <"$T/queries")" -ge 15 ]'
rows() {
	grafana "$1" >"$T/rows" && [ -s "$T/rows" ]
}
while IFS=$'\t' read -r place query; do
	ok "$place: rows" rows "$query"
done <"$T/queries"
panel() { sed -n "s/^panel $1\t//p" "$T/queries"; }
same "as many open doors as ajar has" "$(grafana "$(panel 'Open doors')")" "$(view ls -j 2>/dev/null | wc -l)"
same "as many alerts" "$(grafana "$(panel 'Critical alerts')" | paste -sd+) + $(grafana "$(panel Warnings)")" \
	"$(view alerts -j 2>/dev/null | jq -rs '[.[].severity] | "\(map(select(. == "critical")) | length) + \(map(select(. == "warning")) | length)"')"
same "they ask the documented views alone" "$(grep -oiE '\b(FROM|JOIN)[[:space:]]+[^[:space:];)]+' "$T/queries" | awk '{ print $2 }' | sort -u | paste -sd' ')" \
	"v_alerts v_nodes v_open_doors v_timeline"
same "a class that there is not has no alerts" "$(python3 "$T/expand.py" $BOARD nobody | sed -n 's/^panel Critical alerts\t//p' | while read -r q; do grafana "$q"; done)" 0
SOURCE=deploy/grafana/provisioning/datasources/ajar.yaml
same "each goes to the data source that is provisioned" "$(jq -r '[.. | objects | .datasource? | objects | .uid] | unique | join(" ")' $BOARD)" "$(sed -n 's/^ *uid: //p' $SOURCE)"
same "with the account that was granted" "$(sed -n 's/^ *user: //p' $SOURCE)" grafana
same "no two panels have one number" "$(jq '[.panels[].id] | length - (unique | length)' $BOARD)" 0
same "none lies over another, nor beyond the edge" "$(jq '[.panels[].gridPos | select(.x + .w > 24)] + [.panels as $p | $p[] as $a | $p[] as $b | select($a.id < $b.id) | ($a.gridPos, $b.gridPos) as $x
	| select($a.gridPos.x < $b.gridPos.x + $b.gridPos.w and $b.gridPos.x < $a.gridPos.x + $a.gridPos.w and $a.gridPos.y < $b.gridPos.y + $b.gridPos.h and $b.gridPos.y < $a.gridPos.y + $a.gridPos.h) | $a.title] | unique | length' $BOARD)" 0
[ "$BAD" = 0 ] || sed 's/^/# monitor: /' "$T/monitor.err" | tail -20
done_testing
