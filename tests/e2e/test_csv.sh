#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# --csv read by a real parser: a line a row, as many fields as heads, and in them what the JSON of the same verb has. No root.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
for tool in python3 sqlite3; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP $tool is missing"
		exit 77
	}
done
"$BUILD/tests/helpers/fill_data" "$D" || {
	echo "Bail out! fill_data failed"
	exit 1
}
export PATH
ajar maintenance add node001 --for 2h --reason '=1+1,"x"' --data "$D" -q 2>/dev/null
ajar profile allow compute tcp 8443 --reason '@SUM(1), "y"' --data "$D" -q 2>/dev/null
ajar node class add 'node[001-480]' compute --reason '-1' --data "$D" -q 2>/dev/null
ajar scan addrs set node001 10.251.9.1 --data "$D" -q 2>/dev/null
ID=$(ajar alerts -j --data "$D" 2>/dev/null | sed -n 's/^{"id":\([0-9]*\),.*/\1/p' | head -1)
sqlite3 "$D/store/ajar.db" "INSERT INTO exceptions (id, alert_key, reason, author, created_ns, nodes) SELECT 1, alert_key, '+1', 'root', 1795363262000000000, nodes FROM alerts WHERE id = $ID"

# A field of CSV is that of JSON: with a dot inside of objects, lists joined, no formula.
cat >"$T/compare.py" <<'E_'
import csv, json, re, sys

def values(record, path, out):
    for key, value in record.items():
        put(value, path + key, out)

def put(value, path, out):
    if isinstance(value, dict):
        values(value, path + ".", out)
    elif isinstance(value, list):
        for v in value:
            put(v, path, out)
    elif value is not None:
        text = json.dumps(value) if not isinstance(value, str) else value
        if isinstance(value, str) and path not in out and value[:1] and value[0] in "=+-@":
            text = "\\x%02x" % ord(value[0]) + value[1:]
        out[path] = out[path] + " " + text if path in out else text

raw = open(sys.argv[1], newline="", encoding="utf-8").read()
rows = list(csv.reader(raw.splitlines(True), strict=True))
records = [json.loads(line) for line in open(sys.argv[2], encoding="utf-8")]
assert raw.endswith("\n") and "\r" not in raw, "lines end in LF"
assert raw.count("\n") == len(rows), "a row is a line"
head = rows.pop(0)
assert len(set(head)) == len(head), "no name twice"
assert len(rows) == len(records), "%d rows, %d records" % (len(rows), len(records))
for row, record in zip(rows, records):
    assert len(row) == len(head), "as many fields as names"
    want = {}
    values(record, "", want)
    for name, field in zip(head, row):
        wanted = want.get(name, "")
        if name in ("oldest_age_s", "detail"):  # ages and free space go on between the two calls
            field, wanted = re.sub("[0-9]+", "N", field), re.sub("[0-9]+", "N", wanted)
        assert field == wanted, "%s: %r, JSON has %r" % (name, field, want.get(name))
        assert not field or field[0] not in "=+@", "%s: %r is a formula" % (name, field)
print(len(rows))
E_
same_as_json() { # rows at least, verb...
	local least=$1 n
	shift
	ajar "$@" --csv --data "$D" >"$T/csv" 2>"$T/csv.err"
	ajar "$@" -j --data "$D" >"$T/json" 2>/dev/null
	n=$(python3 "$T/compare.py" "$T/csv" "$T/json" 2>"$T/why")
	ok "$*: CSV has what JSON has" test "${n:--1}" -ge "$least"
	[ "${n:--1}" -ge "$least" ] || tail -qn 1 "$T/why" "$T/csv.err" | sed 's/^/# /'
}
same_as_json 2 ls
same_as_json 2 ls --outside
same_as_json 5 timeline
same_as_json 2 timeline -n 2
same_as_json 1 timeline --at '2026-11-22 16:03:00'
same_as_json 1 alerts
same_as_json 1 alerts --all
same_as_json 1 alerts exceptions
same_as_json 1 maintenance
same_as_json 1 node
same_as_json 1 node node001
same_as_json 1 node class
same_as_json 1 profile
same_as_json 2 profile show compute
same_as_json 0 profile dead compute
same_as_json 0 scan ls
same_as_json 3 scan plans
same_as_json 0 scan keys
same_as_json 0 notify --status
same_as_json 20 config
same_as_json 5 doctor
same_as_json 1 db status
same_as_json 0 profile check
printf 'class compute\nallow tcp 22 exe /usr/sbin/sshd\nallow tcp 22 exe /usr/sbin/sshd\n' >"$T/rules"
same_as_json 1 profile check "$T/rules"
same_as_json 1 profile diff compute "$T/rules"

run ls exe:nonesuch --csv --data "$D"
same "what finds nothing has a head all the same" "$(wc -l <"$T/out")" 1
run ls --csv -j --data "$D"
refuses "two forms at once" 2 "--json and --csv are two forms: give one"
run timeline --csv -f --data "$D"
refuses "CSV without an end" 2 "--csv is for what has happened"
run notify --csv --data "$D"
refuses "CSV of what lists nothing" 2 "--csv is for --status"
run db init --csv --data "$D"
refuses "a verb without a list" 2 "'ajar db init' has no option '--csv'"
run config --example --csv
refuses "CSV of a file" 2 "--csv is for the settings alone"
run ls --help
ok "the help of what lists has it" grep -q -- '--csv ' "$T/out"
done_testing
