#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# ajar notify and receivers that answer, do not answer, answer nonsense, are killed; and the notifier killed.
# run.sh: beside, for it has no sensor.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root python3 openssl sqlite3

PORT=23710
S=sqlite:$T/s/alerts.db
R=$T/r
mkdir -p "$T/s" "$R"
chmod 755 "$T"
put() { "$BUILD/tests/helpers/put_alerts" "$S" "$@"; }
mode() { printf '%s\n' "$*" >"$R/mode"; }
requests() { cat "$R/requests" 2>/dev/null || :; }
count() { requests | jq -s "[.[] | select($1)] | length"; }
has_count() { [ "$(count "$1")" = "$2" ]; }
receiver() { # more arguments
	: >"$T/receiver.out"
	python3 "$TOP/tests/helpers/receiver.py" $PORT "$R" "$@" >"$T/receiver.out" 2>"$T/receiver.err" </dev/null &
	RECEIVER=$!
	PIDS+=("$RECEIVER")
	wait_for grep -q ready "$T/receiver.out"
}
notify() { # starts it; its words are in $T/notify.err
	ajar -C "$T/conf" --data "$D" --store "$S" notify >"$T/notify.out" 2>>"$T/notify.err" </dev/null &
	NOTIFY=$!
	PIDS+=("$NOTIFY")
}
quit() { # pid
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
	return 0
}
status() { ajar --store "$S" notify --status -j 2>/dev/null | jq -r "select(.sink == \"$1\") | $2"; }
is_status() { [ "$(status "$1" "$2")" = "$3" ]; }

printf 'a key of sixteen\n' >"$T/key"
printf 'Bearer tok/en\n' >"$T/auth"
chmod 600 "$T/key" "$T/auth"
chown nobody "$T/key" "$T/auth"
cat >"$T/conf" <<CONF
sink.hook.type webhook
sink.hook.url http://127.0.0.1:$PORT/hook
sink.hook.secret-file $T/key
sink.hook.auth-file $T/auth
CONF
# For who does not answer: on a busy machine one that does may need longer.
{
	cat "$T/conf"
	echo sink.hook.timeout 400ms
} >"$T/impatient.conf"
put open first "the first" critical >/dev/null
chown -R nobody "$T/s"

# --- the configuration and its test
run -C /dev/null notify
refuses "nobody to notify" 2 "add a sink"
run config check "$T/conf"
same "config check takes the sink" "$RC" 0
run -C "$T/conf" notify --test hook
same "a test of a receiver that is away: exit 1" "$RC" 1
ok "it says so" says "Failed to connect"
mode ok
receiver
run -C "$T/conf" notify --test hook
same "a test that is taken: exit 0" "$RC" 0
ok "with what the receiver said" says "the test was taken: HTTP 200: thank you"
mode auth Bearer tok/en
run -C "$T/conf" notify --test hook
same "it says who it is" "$RC" 0
mode auth Bearer other
run -C "$T/conf" notify --test hook
ok "and hears when that is wrong" says "HTTP 401"
for how in "500:HTTP 500: no \\x1b[31m such thing" "close:Empty reply" "garbage:not allowed" "redirect http://127.0.0.1:1/:it redirects" \
	"slow 30:timed out"; do
	mode "${how%%:*}"
	conf=$T/conf
	[ "${how%% *}" != slow ] || conf=$T/impatient.conf
	run -C "$conf" notify --test hook
	same "an answer of ${how%%:*} is none: exit 1" "$RC" 1
	what=${how#*:}
	[ "${how%%:*}" != "redirect http" ] || what="it redirects"
	ok "and is said" says "$what"
done
mode huge
run -C "$T/conf" notify --test hook
same "an endless answer is cut off, its status counts" "$RC" 0
run -C "$T/conf" notify --test nobody
refuses "a sink that is not there" 2 "there is no sink 'nobody'"
chmod 644 "$T/auth"
run -C "$T/conf" notify --test hook
refuses "a secret that others can read" 2 "chmod 600"
chmod 600 "$T/auth"

# --- delivery
mode ok
rm -f "$R/requests"
notify
ok "an alert from before the start is sent" wait_for has_count '.path == "/hook"' 1
same "the body is the alert, with what changed" "$(requests | jq -r '.body | fromjson | [.summary, .severity, .state, .change.who, (.store | length), .door.opener.comm] | @text')" \
	'["the first","critical","open","monitor",32,"nc\\x1b[31m\\xff"]'
sign() { printf '%s.%s' "$1" "$2" | openssl dgst -sha256 -hmac 'a key of sixteen' | sed 's/.*= //'; }
same "the signature is that of the key, the time and the body" "$(requests | jq -r '.headers["ajar-signature"]')" \
	"v1=$(sign "$(requests | jq -r '.headers["ajar-timestamp"]')" "$(requests | jq -r .body)")"
same "the idempotency key is store and change" "$(requests | jq -r '.headers["idempotency-key"]')" \
	"$(sqlite3 "$T/s/alerts.db" "SELECT value FROM settings WHERE name = 'cluster_uuid'")-1"
put resolved first >/dev/null
ok "a change is sent when it is written" wait_for has_count '.path == "/hook"' 2
same "once" "$(status hook '[.state, .sent, .behind] | @text')" '["ok",2,0]'

# --- a receiver that is away
quit "$RECEIVER"
put many 20 >/dev/null
ok "a receiver that is away is said" wait_for grep -q "the hook sink failed: .*Failed to connect" "$T/notify.err"
ok "and known to the store" wait_for is_status hook .state failing
receiver
ok "when it is back it gets all" wait_for has_count '.path == "/hook"' 22
same "each once" "$(requests | jq -r '.headers["idempotency-key"]' | sort | uniq -d | wc -l)" 0
ok "that is said too" wait_for grep -q "the hook sink works again" "$T/notify.err"

# --- a message that is refused
mode refuse POISON
put open bad "POISON" >/dev/null
put open good "good" >/dev/null
WAIT=40 ok "a message that is refused holds those behind it up only for a while" wait_for has_count '.status == 200 and (.body | contains("\"good\""))' 1
ok "it is put aside, which is said" grep -q "refuses alert change .* put aside" "$T/notify.err"
ok "and shown" is_status hook '[.parked, (.refused | length), .refused[0].why] | @text' '[1,1,"HTTP 400: no \\x1b[31m such thing"]'
mode ok
run --store "$S" notify --retry hook
same "a person may have it tried again" "$RC" 0
ok "then it gets through" wait_for has_count '.status == 200 and (.body | contains("POISON"))' 1
ok "and is put aside no more" wait_for is_status hook .parked 0

# --- the notifier is killed
rm -f "$R/requests"
last=$(put many 120)
for i in 1 2 3 4 5 6; do
	wait_for eval "[ \$(requests | wc -l) -ge $((i * 15)) ]"
	kill -9 "$NOTIFY"
	wait "$NOTIFY" 2>/dev/null
	notify
done
ok "killed six times it sends all" wait_for is_status hook .cursor "$last"
missing=$(requests | jq -r '.body | fromjson | .change.id' | sort -nu | wc -l)
same "each change has arrived" "$missing" 120
twice=$(requests | jq -r '.body | fromjson | .change.id' | sort -n | uniq -d | wc -l)
ok "at most one a kill came twice ($twice)" [ "$twice" -le 6 ]
quit "$NOTIFY"

# --- TLS
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/tls.key" -out "$T/tls.crt" -days 2 -subj /CN=localhost \
	-addext subjectAltName=IP:127.0.0.1 2>/dev/null
chmod 644 "$T/tls.crt"
quit "$RECEIVER"
receiver "$T/tls.crt" "$T/tls.key"
sed -i "s|http://|https://|" "$T/conf"
run -C "$T/conf" notify --test hook
ok "a certificate nobody vouches for is refused" says "certificate"
printf 'sink.hook.ca-file %s\n' "$T/tls.crt" >>"$T/conf"
run -C "$T/conf" notify --test hook
same "with its authority it is taken" "$RC" 0
sed -i "s|https://127.0.0.1|https://localhost|" "$T/conf"
run -C "$T/conf" notify --test hook
same "one of another name is refused" "$RC" 1
http_proxy=http://127.0.0.1:1 https_proxy=http://127.0.0.1:1 run -C <(sed "s|https://localhost|https://127.0.0.1|" "$T/conf") notify --test hook
same "the environment names no proxy" "$RC" 0

# --- mail, by a program
cat >"$T/sendmail" <<PROGRAM
#!/bin/sh
printf '%s\n' "\$@" >$R/mail.argv
cat >$R/mail.stdin
PROGRAM
chmod 755 "$T/sendmail"
chmod 777 "$R"
printf 'sink.post.type mail\nsink.post.program %s\nsink.post.to root admins@x.example\nsink.post.from ajar@x.example\n' "$T/sendmail" >"$T/mail.conf"
run -C "$T/mail.conf" notify --test post
same "a mail is taken" "$RC" 0
same "its addresses are arguments" "$(tr '\n' ' ' <"$R/mail.argv")" "-oi -f ajar@x.example -- root admins@x.example "
ok "the mail is on standard input" grep -q "^Subject: \[ajar\] notice, open: this is a test of the sink 'post'" "$R/mail.stdin"
printf '#!/bin/sh\nexit 75\n' >"$T/sendmail"
run -C "$T/mail.conf" notify --test post
same "a program that cannot is heard" "$RC" 1
run --store "$S" notify --forget hook
same "a sink that is gone is forgotten" "$RC" 0
same "then nobody knows it" "$(status hook .sink)" ""
done_testing
