#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The web server on a real store: who gets in and how, what it refuses, that it says what the command line says, that its stream tells
# of an alert at once, that it can write nothing. In a network namespace of its own, for the port.
if [ -z "${AJAR_OWN_NS:-}" ] && [ "$(id -u)" = 0 ]; then
	AJAR_OWN_NS=1 exec unshare -n "$0" "$@"
fi
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root curl ip python3
ip link set lo up
AT=127.0.0.1:2527
JAR=$T/jar

# Status in CODE, headers in $T/head, body in $T/body.
web() { # path [curl's...]
	local path=$1
	shift
	CODE=$(curl -sS --max-time 20 --path-as-is -o "$T/body" -D "$T/head" -w '%{http_code}' "$@" "http://$AT$path" 2>"$T/curl.err")
}
api() { # path [curl's...]
	local path=$1
	shift
	web "/api/v1/$path" -b "$JAR" "$@"
}
answers() { # sentence, code, path, curl's...
	local what=$1 code=$2
	shift 2
	web "$@"
	same "$what" "$CODE" "$code"
}
has() { # header: text
	grep -qiF -- "$1" "$T/head"
}
is() { # jq's...
	jq -e "$@" "$T/body"
}
role_of_web() { pgrep -P "$RUN" -f 'ajar web'; }
url() { grep -oE "http://$AT/login\?token=[A-Za-z0-9_-]{43}" "$T/run.err" | tail -1 | grep .; }

printf 'health.interval 500ms\nalert.syslog no\nnode.name n1\nsensor.scope netns\n' >"$T/conf"
ok "what is open is accepted" ajar profile learn --write -q --data "$D" -C "$T/conf"
WEB=$AT
ok "ajar run says ready" start_run -C "$T/conf" --no-scan
ok "and prints an address that logs in" wait_for url
LOGIN=$(url)

# --- without logging in -----------------------------------------------------------------------------------
answers "the page is there" 200 / --compressed
ok "compressed" has "content-encoding: gzip"
ok "with a strict policy" has "content-security-policy: default-src 'none'; script-src 'self'"
for h in "x-content-type-options: nosniff" "x-frame-options: deny" "referrer-policy: no-referrer" "cache-control: no-store"; do
	ok "and $h" has "$h"
done
FOLDER=$(grep -oE '/p/[0-9a-f]{16}/' "$T/body" | head -1)
answers "a file of it is there" 200 "${FOLDER}page.css" --compressed
ok "for ever" has "cache-control: public, max-age=31536000, immutable"
answers "a file of another version is not" 404 /p/0000000000000000/page.css --compressed
answers "nor one outside" 400 "${FOLDER}../../../etc/passwd"
answers "nor by escapes" 400 "${FOLDER}%2e%2e/%2e%2e/etc/passwd"
answers "who reads no gzip is refused" 406 /
answers "the API wants a login" 401 /api/v1/me
ok "and says how" is '.error and .fix and (.login | index("url"))'
answers "health is there for this machine" 200 /healthz
answers "so are metrics" 200 /metrics
ok "as Prometheus takes them" grep -q '^ajar_' "$T/body"
answers "a wrong token" 303 "/login?token=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
ok "logs nobody in" not has "set-cookie"

# --- logging in -------------------------------------------------------------------------------------------
web "${LOGIN#"http://$AT"}" -c "$JAR"
same "the address logs in" "$CODE" 303
ok "to the page" has "location: /"
ok "by a cookie that no script reads, and no other site sends" grep -qiE '^set-cookie: ajar2527=[^;]*; Path=/; HttpOnly; SameSite=Strict; Max-Age=' "$T/head"
web "${LOGIN#"http://$AT"}" -c "$T/jar2"
ok "once" has "location: /?login=failed"
api me
ok "it is somebody who may all" is '.role == "approver" and .store == "sqlite" and (.csrf | length) == 43'
CSRF=$(jq -r .csrf "$T/body")
ok "no role of root" test "$(awk '/^Uid:/{print $2}' /proc/"$(role_of_web)"/status)" != 0
same "without a capability" "$(awk '/^CapPrm:|^CapEff:/{print $2}' /proc/"$(role_of_web)"/status | sort -u)" 0000000000000000
holds_no_writer() {
	python3 - "$(role_of_web)" <<'E'
import os, sys
d = "/proc/%s/fd" % sys.argv[1]
n = 0
for fd in os.listdir(d):
    if os.readlink(d + "/" + fd).endswith(("ajar.db", "ajar.db-wal")):
        flags = int([l for l in open("/proc/%s/fdinfo/%s" % (sys.argv[1], fd)) if l.startswith("flags")][0].split()[1], 8)
        n += 1
        if flags & 3 and os.readlink(d + "/" + fd).endswith("ajar.db"):
            sys.exit("fd %s writes" % fd)
sys.exit(0 if n else "no store is open")
E
}
ok "whose handle of the store cannot write" holds_no_writer

# --- what is refused --------------------------------------------------------------------------------------
answers "another host's name is refused" 403 / -H "Host: evil.example:2527"
answers "also with a cookie" 403 /api/v1/me -b "$JAR" -H "Host: evil.example"
# curl goes by the Host for which cookies it sends.
answers "localhost is ours" 200 /api/v1/me -H "Cookie: $(awk '/ajar2527/{print $6 "=" $7}' "$JAR")" -H "Host: localhost:2527"
answers "a POST from another site is refused" 403 /logout -b "$JAR" -X POST -H "Origin: http://evil.example" -H "X-CSRF: $CSRF"
answers "a POST without the token too" 403 /logout -b "$JAR" -X POST
answers "nothing is written here" 405 /api/v1/alerts -b "$JAR" -X POST -d '{}'
answers "nor deleted" 405 /api/v1/alerts/1 -b "$JAR" -X DELETE
answers "what there is not" 404 /api/v1/secrets -b "$JAR"
answers "an address with a NUL" 400 "/api/v1/nodes/a%00b" -b "$JAR"
answers "one with a line end" 400 "/api/v1/doors?q=%0a" -b "$JAR"
answers "a filter that is none" 400 "/api/v1/doors?q=flavour:sweet" -b "$JAR"
ok "is told why" is '.error | contains("flavour:sweet")'
answers "a limit without end" 400 "/api/v1/doors?limit=99999999" -b "$JAR"
answers "a cursor of nobody" 400 "/api/v1/alerts?cursor=x" -b "$JAR"
answers "a long address" 400 "/api/v1/doors?q=$(printf '%06000d' 7)" -b "$JAR"
web /api/v1/me -b "$JAR" -H "X-Long: $(printf '%030000d' 7)"
ok "a head without end is refused" test "$CODE" = 431 -o "$CODE" = 414 -o "$CODE" = 413
head -c 200000 /dev/zero >"$T/zeros"
answers "and so is such a body" 413 /login --data-binary "@$T/zeros" -H "Content-Type: application/json"
printf 'GET /\r\n\r\n' >"$T/raw"
ok "a request without a host is no request" python3 - <<'E'
import socket
s = socket.create_connection(("127.0.0.1", 2527))
s.sendall(b"GET /api/v1/me HTTP/1.1\r\n\r\n")
r = s.recv(4096)
raise SystemExit(0 if b" 400 " in r.split(b"\r\n")[0] else repr(r[:80]))
E

# --- what it says -----------------------------------------------------------------------------------------
EVIL=$'a"<b>\\\e[2J\n\xff\xe2\x80\xae\xc3'
mkdir "$P/$EVIL" && cp "$HOLD_DOOR" "$P/$EVIL/$EVIL"

curl -sN --max-time 60 -b "$JAR" "http://$AT/api/v1/stream" >"$T/stream" 2>&1 &
PIDS+=($!)
ok "a stream begins with a version" wait_for grep -q '^id: ' "$T/stream"
DOOR_PROGRAM=$P/$EVIL/$EVIL open_door tcp 0.0.0.0 24527
open_alert() { ajar alerts -j --data "$D" 2>/dev/null | jq -e 'select(.port == 24527)'; }
ok "a door opens that nobody expects" wait_for open_alert
wait_for sh -c "[ \$(grep -c '^event: state' '$T/stream') -ge 2 ]"
ok "the stream tells" [ "$(grep -c '^event: state' "$T/stream")" -ge 2 ]
alert_in() { api alerts && is '.items[] | select(.port == 24527)'; }
ok "and the alert is there" wait_for alert_in
ok "the list says what the command line says" diff <(jq -S '.items[0]' "$T/body") <(ajar alerts -j --data "$D" 2>/dev/null | jq -S 'select(.port == 24527)')
ID=$(jq '.items[] | select(.port == 24527) | .id' "$T/body")
ok "the stream names it, though it is the first alert there ever was" wait_for grep -q "\"critical\":\[$ID\]" "$T/stream"
api "alerts/$ID"
ok "so does the alert alone" diff <(jq -S . "$T/body") <(ajar alerts show "$ID" -j --data "$D" 2>/dev/null | jq -S .)
api "doors?q=:24527"
ok "so do doors" diff <(jq -S '.items[0]' "$T/body") <(ajar ls :24527 -j --data "$D" 2>/dev/null | jq -S .)
ok "whose names are text" is '.items[0].opener.comm | test("[\u0000-\u001f]") | not'
api "timeline?q=:24527"
ok "so does the timeline, the other way round" diff <(jq -S '.items[]' "$T/body") <(ajar timeline :24527 -j --data "$D" 2>/dev/null | jq -s -S 'reverse | .[]')
api "timeline?limit=2"
NEXT=$(jq -r .next "$T/body") TWO=$(jq -c '.items[]' "$T/body")
api "timeline?limit=2&cursor=$NEXT"
FOUR=$TWO$'\n'$(jq -c '.items[]' "$T/body")
api "timeline?limit=4"
same "pages follow each other" "$FOUR" "$(jq -c '.items[]' "$T/body")"
api "nodes/n1"
ok "a node too" diff <(jq -S 'del(.health, .last_event, .last_heard, .seq, .events)' "$T/body") \
	<(ajar node n1 -j --data "$D" -C "$T/conf" 2>/dev/null | jq -S 'del(.health, .last_event, .last_heard, .seq, .events)')
api "nodes/nobody"
same "one that there is not" "$CODE" 404
map_has_it() { api state && is '.nodes.name == ["n1"] and .nodes.alerts == [1] and .severity_words[.nodes.worst[0]] != "none"'; }
ok "the map has it" wait_for map_has_it
ok "that there are other alerts, and another map, the stream says, too" sh -c "grep -q '\"alerts\":true.*\"critical\":\[$ID\]' '$T/stream' && grep -q '\"map\":true' '$T/stream'"
V=$(jq -r .version "$T/body")
ETAG=$(sed -n 's/^ETag: \(.*\)\r$/\1/p' "$T/head")
close_door
not_open() { api state && is '.nodes.alerts == [0]'; }
ok "and that it is over" wait_for not_open
api "state?since=$V"
ok "what is new since then names its rows" is --arg v "$V" '.since == $v and .nodes.i == [0] and .nodes.alerts == [0]'
api "state?since=ffffffff-1"
ok "another server's version gives the whole" is 'has("since") | not'
api state -H "If-None-Match: $ETAG"
same "what has changed is sent" "$CODE" 200
api profiles
ETAG=$(sed -n 's/^ETag: \(.*\)\r$/\1/p' "$T/head")
api profiles -H "If-None-Match: $ETAG"
same "what has not is not" "$CODE" 304
api "profiles/default"
ok "a profile's rules" diff <(jq -S '.items[] | del(.hits, .last_match)' "$T/body") <(ajar profile show default -j --data "$D" 2>/dev/null | jq -S 'del(.hits, .last_match)')
api "histogram?buckets=10"
ok "openings and closings over the day" is '(.opened | length) == 10 and (.opened | add) >= 1 and (.closed | add) >= 1'
api filter/words
ok "words of filters" is '[.words[].kind] | index("state") and index("class")'
api scans
ok "scans" is '.items == []'
ok "and plans, as the command line says them" diff <(jq -cS '.plans[]' "$T/body") <(ajar scan plans -j --data "$D" -C "$T/conf" 2>/dev/null | jq -cS .)
ok "of which there are some" is '.plans | length > 0'
LAST=$(sed -n 's/^id: //p' "$T/stream" | head -1)
curl -sN --max-time 3 -b "$JAR" -H "Last-Event-ID: $LAST" "http://$AT/api/v1/stream" >"$T/resumed" 2>/dev/null
ok "a stream that is resumed tells what was missed" grep -q "\"map\":true,\"alerts\":true,\"critical\":\[$ID" "$T/resumed"
curl -sN --max-time 2 -b "$JAR" -H "Last-Event-ID: ffffffff-1" "http://$AT/api/v1/stream" >"$T/resumed" 2>/dev/null
ok "and one of another server begins anew" grep -q '^event: resync' "$T/resumed"

# --- accounts ---------------------------------------------------------------------------------------------
run web user add ann --role viewer --data "$D" -C "$T/conf"
same "an account needs a password" "$RC" 2
ok "one is added" sh -c "echo 'correct horse' | ajar web user add ann --role viewer --data '$D' -C '$T/conf'"
same "in a file that its owner alone reads" "$(stat -c %a "$D/store/web.accounts")" 600
ok "without the password" not grep -q horse "$D/store/web.accounts"
answers "a wrong one is refused" 401 /login -H 'Content-Type: application/json' -d '{"name":"ann","password":"incorrect horse"}'
answers "a stranger too" 401 /login -H 'Content-Type: application/json' -d '{"name":"eve","password":"incorrect horse"}'
answers "a form is none" 400 /login -d 'name=ann&password=correct horse'
answers "the right one logs in" 204 /login -H 'Content-Type: application/json' -d '{"name":"ann","password":"correct horse"}' -c "$T/jar3"
web /api/v1/me -b "$T/jar3"
ok "as what it may" is '.login == "ann" and .role == "viewer"'
answers "and out" 204 /logout -b "$T/jar3" -X POST -H "X-CSRF: $(jq -r .csrf "$T/body")"
answers "then it is over" 401 /api/v1/me -b "$T/jar3"

# --- requests ---------------------------------------------------------------------------------------------
post() { # jar, body, curl's...
	local jar=$1 body=$2
	shift 2
	web /api/v1/requests -b "$jar" -X POST -H "X-CSRF: ${TOKEN-$(cat "$jar.csrf")}" -H 'Content-Type: application/json' -d "$body" "$@"
}
account() { # name, role: logged in, its cookie in $T/NAME
	echo 'correct horse' | ajar web user add "$1" --role "$2" --data "$D" -C "$T/conf" || return
	web /login -H 'Content-Type: application/json' -d "{\"name\":\"$1\",\"password\":\"correct horse\"}" -c "$T/$1"
	web /api/v1/me -b "$T/$1" && jq -r .csrf "$T/body" >"$T/$1.csrf"
}
said() { web "/api/v1/requests/$1" -b "$JAR" && is '.state and .state != "waiting"'; }
asks() { # sentence, jar, body, state, words of the answer
	local id
	post "$2" "$3"
	id=$(jq -r .id "$T/body")
	ok "$1: it is taken" test "$CODE" = 202
	ok "and answered" wait_for said "$id"
	ok "$4: $5" is --arg s "$4" --arg a "$5" '.state == $s and (.answer | contains($a))'
}
state_of() { ajar alerts show "$1" -j --data "$D" 2>/dev/null | jq -r .state; }
ok "an operator logs in" account oper operator
ok "and another" account olga operator
ok "and a viewer" account vic viewer
echo "$CSRF" >"$JAR.csrf"
DOOR_PROGRAM=$(other_door first) open_door tcp 0.0.0.0 24528
DOOR_PROGRAM=$(other_door second) open_door tcp 0.0.0.0 24529
two() { [ "$(ajar alerts -j --data "$D" 2>/dev/null | jq -s '[.[] | select(.port == 24528 or .port == 24529)] | length')" = 2 ]; }
ok "two doors are open that nobody expects" wait_for two
A=$(ajar alerts -j --data "$D" 2>/dev/null | jq 'select(.port == 24528).id') B=$(ajar alerts -j --data "$D" 2>/dev/null | jq 'select(.port == 24529).id')
post "$T/vic" "{\"action\":\"ack\",\"alerts\":[$A]}"
same "a viewer may ask for nothing" "$CODE" 403
post "$T/oper" "{\"action\":\"allow\",\"alerts\":[$A],\"reason\":\"x\"}"
same "an operator may not allow" "$CODE" 403
TOKEN=$CSRF post "$T/oper" "{\"action\":\"ack\",\"alerts\":[$A]}"
same "another session's token is none" "$CODE" 403
TOKEN='' post "$T/oper" "{\"action\":\"ack\",\"alerts\":[$A]}"
same "without one nothing is asked" "$CODE" 403
post "$T/oper" "{\"action\":\"ack\",\"alerts\":[$A]}" -H "Origin: http://evil.example"
same "nor by another site" "$CODE" 403
answers "who is not logged in may ask for nothing" 401 /api/v1/requests -X POST -H 'Content-Type: application/json' -d "{\"action\":\"ack\",\"alerts\":[$A]}"
for body in '' '[]' '{"action":"ack"}' '{"action":"ack","alerts":["1"]}' '{"action":"drop","alerts":[1]}' '{"action":"ack","alerts":[1],"sudo":1}' \
	'{"action":"snooze","alerts":[1]}' '{"action":"ack","alerts":[1],"reason":"a\nb"}'; do
	post "$T/oper" "$body"
	ok "no request: ${body:-nothing}" test "$CODE" = 400 -a "$(jq -r 'has("error") and has("fix")' "$T/body")" = true
done
MANY=$(seq -s, 900001 900500)
post "$T/vic" "{\"action\":\"ack\",\"alerts\":[$A,$MANY],\"reason\":\"all of them\"}"
same "a viewer may not ask for many either" "$CODE" 403
post "$T/oper" "{\"action\":\"ack\",\"alerts\":[$A,$MANY]}"
same "of more than 500 a reason is asked for" "$CODE $(jq -r .error "$T/body")" "400 reason: what is about more than 500 alerts has one"
post "$T/oper" "{\"action\":\"ack\",\"alerts\":[$(seq -s, 900001 901001)],\"reason\":\"all of them\"}"
same "more than 1,000 are too many" "$CODE" 400
asks "so many with a reason" "$T/oper" "{\"action\":\"snooze\",\"alerts\":[$A,$MANY],\"reason\":\"all of them\",\"until\":\"$(date -u -d '+2 hours' +%FT%T.000Z)\"}" "done" "; 500 not: there is no such alert"
asks "undone" "$T/oper" "{\"action\":\"reopen\",\"alerts\":[$A]}" "done" "alert $A reopened"
MONITOR=$(pgrep -P "$RUN" -f 'ajar monitor')
kill -STOP "$MONITOR"
BOTH=()
for who in oper olga; do
	post "$T/$who" "{\"action\":\"ack\",\"alerts\":[$B],\"reason\":\"$who\"}"
	BOTH+=("$(jq -r .id "$T/body")")
done
kill -CONT "$MONITOR"
ok "of two who ask for the same at once each is answered" eval 'wait_for said "${BOTH[0]}" && wait_for said "${BOTH[1]}"'
STATES=$(for id in "${BOTH[@]}"; do web "/api/v1/requests/$id" -b "$JAR" && jq -r .state "$T/body"; done | sort | xargs)
same "one has done it and the other is told" "$STATES" "done refused"
same "it is in the log once" "$(ajar alerts show "$B" -j --data "$D" 2>/dev/null | jq '[.log[] | select(.state == "acknowledged")] | length')" 1
asks "undone" "$T/oper" "{\"action\":\"reopen\",\"alerts\":[$B]}" "done" "alert $B reopened"
asks "an operator acknowledges" "$T/oper" "{\"action\":\"ack\",\"alerts\":[$A],\"reason\":\"looked at\"}" "done" "alert $A acknowledged"
same "so it is" "$(state_of "$A")" acknowledged
ok "by name" eval 'ajar alerts show "$A" --data "$D" 2>/dev/null | grep -q "oper.*looked at"'
asks "another does the same" "$T/olga" "{\"action\":\"ack\",\"alerts\":[$A]}" refused "is acknowledged already"
asks "one of two can be" "$T/olga" "{\"action\":\"ack\",\"alerts\":[$A,$B]}" "done" "alert $B acknowledged; 1 not: alert $A is acknowledged already"
asks "a snooze" "$T/oper" "{\"action\":\"snooze\",\"alerts\":[$B],\"until\":\"$(date -u -d '+2 hours' +%FT%T.000Z)\"}" "done" "alert $B snoozed until"
asks "one for years" "$T/oper" "{\"action\":\"snooze\",\"alerts\":[$B],\"until\":\"2200-01-01T00:00:00Z\"}" refused "alert.snooze-max"
asks "one that is over" "$T/oper" "{\"action\":\"snooze\",\"alerts\":[$B],\"until\":\"2020-01-01T00:00:00Z\"}" refused "not in the future"
asks "what there is not" "$T/oper" '{"action":"ack","alerts":[987654]}' refused "no such alert"
asks "taken back" "$T/oper" "{\"action\":\"reopen\",\"alerts\":[$B]}" "done" "alert $B reopened"
asks "an approver sees what would be written" "$JAR" "{\"action\":\"preview\",\"alerts\":[$B]}" "done" "in the last 30 days it would have silenced 1 alert, 1 door"
ok "a rule" is --arg p "$P" '.answer | contains("24529") and contains("/second")'
same "which changes nothing" "$(state_of "$B")" open
asks "and allows" "$JAR" "{\"action\":\"allow\",\"alerts\":[$B],\"reason\":\"new tool\",\"ticket\":\"T-4711\"}" "done" "alert $B allowed"
same "so it is" "$(state_of "$B")" allowed
ok "by a rule with reason and ticket" eval 'ajar profile show default -j --data "$D" 2>/dev/null | jq -e -s "any(.[]; .reason == \"new tool (ticket T-4711)\")"'
answers "a request that nobody made" 404 /api/v1/requests/12345 -b "$JAR"
answers "is not listed" 405 /api/v1/requests -b "$JAR"
printf 'x\0viewer\0%s\0why\0\0%s\0%s\0' "$B" 1 0 >"$D/store/requests/79"
ok "what a viewer's page would hand in is refused by the monitor" wait_for said 79
ok "with its role" is '.state == "refused" and (.answer | contains("viewer"))'
same "nothing is left where they are handed in" "$(ls -A "$D/store/requests")" ""
printf 'x\0approver\0%s\0\0\0%s\0%s\0' "$A" 9 0 >"$D/store/requests/77"
printf 'x\0boss\0%s\0why\0\0%s\0%s\0' "$A" 4 0 >"$D/store/requests/78"
asks "a request beside two forged ones" "$T/oper" "{\"action\":\"reopen\",\"alerts\":[$A]}" "done" "alert $A reopened"
answers "what is no request is nowhere" 404 /api/v1/requests/77 -b "$JAR"
ok "what nobody may is refused by the monitor too" wait_for said 78
ok "with why" is '.state == "refused" and (.answer | contains("boss"))'
ok "the server has no handle that writes after all that" holds_no_writer
kill -STOP "$MONITOR"
for _ in {1..40}; do
	post "$T/oper" "{\"action\":\"ack\",\"alerts\":[$A]}"
	[ "$CODE" = 202 ] || break
done
same "who asks on and on while the monitor does nothing must wait" "$CODE" 429
FIRST=$(find "$D/store/requests" -name '[0-9]*' -printf '%f\n' | head -1)
web "/api/v1/requests/$FIRST" -b "$JAR"
ok "what waits is said to wait" is '.state == "waiting"'
kill -CONT "$MONITOR"
ok "then it is answered" wait_for said "$FIRST"
answers "a session that is over asks for nothing" 401 /api/v1/requests -b "$T/jar3" -X POST -H 'Content-Type: application/json' -d "{\"action\":\"ack\",\"alerts\":[$A]}"

for _ in {1..40}; do
	web /login -H 'Content-Type: application/json' -d '{"name":"eve","password":"incorrect horse"}'
	[ "$CODE" != 429 ] || break
done
same "who tries on and on must wait" "$CODE" 429
SECOND=$(ajar web login --data "$D" -C "$T/conf" 2>/dev/null)
web "${SECOND#"http://$AT"}" -c "$T/jar4"
ok "another address is to be had" has "location: /"
web "${SECOND#"http://$AT"}"
ok "once as well" has "location: /?login=failed"

# --- the end ----------------------------------------------------------------------------------------------
ok "ajar run ends" stop_run
ajar web --data "$D" -C "$T/conf" 2>"$T/web.err" </dev/null &
ALONE=$!
PIDS+=("$ALONE")
ok "alone it serves what is there" wait_for grep -q 'login?token=' "$T/web.err"
LOGIN=$(grep -oE "http://$AT/login\?token=[A-Za-z0-9_-]{43}" "$T/web.err")
answers "a session of the server before is over" 401 /api/v1/me -b "$JAR"
answers "a name in a header logs nobody in where there is no proxy" 401 /api/v1/me -H "X-Remote-User: oper" -H "X-Ajar-Secret: x"
web "${LOGIN#"http://$AT"}" -c "$JAR"
curl -sN --max-time 120 -b "$JAR" "http://$AT/api/v1/stream" >"$T/stream" 2>&1 &
PIDS+=($!)
ok "with a stream" wait_for grep -q '^id: ' "$T/stream"
# The map may be read just then for another reason, and then has it: not each time.
told() { [ "$(grep -c '"alerts":true' "$T/stream")" -gt "$1" ]; }
alerts_first() {
	local before
	before=$(grep -c '"alerts":true' "$T/stream")
	"$BUILD/tests/helpers/put_alerts" "sqlite:$D/store/ajar.db" open "key $before" "finding" critical compute >"$T/put" 2>"$T/put.err" || return
	wait_for told "$before" && grep -q '"map":false,"alerts":true' "$T/stream"
}
WAIT=60 ok "an alert is told before the map is read again" wait_for alerts_first
grep -q '"map":false,"alerts":true' "$T/stream" || sed 's/^/#   /' "$T/put.err" "$T/stream" "$T/web.err"
run web --data "$T/none" --web "$AT"
same "where there is no store it ends" "$RC" 2
run web --data "$D" -C "$T/conf" --web 0.0.0.0:2527
same "to a network it does not listen" "$RC" 2
ok "and says what to do" says "web.proxy"
T=$T python3 - "$ALONE" <<'E'
import os, signal, sys, time
pid = int(sys.argv[1])
t = time.monotonic()
os.kill(pid, signal.SIGTERM)
def runs():
    try:
        return open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
while time.monotonic() - t < 10 and runs():
    os.sched_yield()
print("%.3f" % (time.monotonic() - t), file=open(os.environ["T"] + "/took", "w"))
E
wait "$ALONE"
same "it ends well" $? 0
ok "within a second, streams and all: $(cat "$T/took") s" awk "{exit \$1 > 1}" "$T/took"
python3 -c '
import signal, socket
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", 2527)); s.listen(); print("open", flush=True); signal.pause()' >"$T/taken" &
PIDS+=($!)
ok "the port is taken" wait_for grep -q open "$T/taken"
run web --data "$D" -C "$T/conf"
same "then it ends" "$RC" 2
ok "with the remedy" says "--web off"
ok "ajar run goes on" start_run -C "$T/conf" --no-scan
ok "and says so" wait_for grep -q 'tried again' "$T/run.err"
ok "and ends" stop_run
done_testing
