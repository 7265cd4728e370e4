#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The real ones: Prometheus Alertmanager, and rsyslog over UDP, TCP and TLS; and a dead one beside them.
# run.sh: alone, for a receiver that gets no time loses datagrams.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root openssl prometheus-alertmanager amtool rsyslogd

AM=23720 UDP=23721 TCP=23722 TLS=23723 DEAD=23724
S=sqlite:$T/s/alerts.db
mkdir -p "$T/s" "$T/am" "$T/log"
chmod 755 "$T"
put() { "$BUILD/tests/helpers/put_alerts" "$S" "$@"; }
status() { ajar --store "$S" notify --status -j 2>/dev/null | jq -r "select(.sink == \"$1\") | $2"; }
is_status() { [ "$(status "$1" "$2")" = "$3" ]; }
alerts() { amtool --alertmanager.url "http://127.0.0.1:$AM" alert query -o json 2>/dev/null; }
has_alerts() { [ "$(alerts | jq length)" = "$1" ]; }
lines() { grep -c "$2" "$T/log/$1" 2>/dev/null || :; }
has_lines() { [ "$(lines "$1" "$2")" = "$3" ]; }

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$T/tls.key" -out "$T/tls.crt" -days 2 -subj /CN=127.0.0.1 \
	-addext subjectAltName=IP:127.0.0.1 2>/dev/null
chmod 644 "$T/tls.crt"
cat >"$T/rsyslog.conf" <<CONF
global(workDirectory="$T/log" maxMessageSize="64k" defaultNetstreamDriverCAFile="$T/tls.crt"
	defaultNetstreamDriverCertFile="$T/tls.crt" defaultNetstreamDriverKeyFile="$T/tls.key")
module(load="imudp")
module(load="imtcp")
template(name="all" type="list") { property(name="rawmsg-after-pri") constant(value="\n") }
template(name="parts" type="string" string="%syslogfacility-text% %syslogseverity-text% %hostname% %app-name% %msgid% %structured-data% %msg%\n")
ruleset(name="udp") { action(type="omfile" file="$T/log/udp" template="parts") }
ruleset(name="tcp") { action(type="omfile" file="$T/log/tcp" template="parts") }
ruleset(name="tls") { action(type="omfile" file="$T/log/tls" template="parts") }
input(type="imudp" address="127.0.0.1" port="$UDP" ruleset="udp")
input(type="imtcp" address="127.0.0.1" port="$TCP" ruleset="tcp")
input(type="imtcp" address="127.0.0.1" port="$TLS" ruleset="tls" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
CONF
ok "rsyslog takes its configuration" rsyslogd -N1 -f "$T/rsyslog.conf"
rsyslogd -n -f "$T/rsyslog.conf" -i "$T/rsyslog.pid" >"$T/rsyslog.out" 2>&1 </dev/null &
PIDS+=("$!")
printf 'route:\n  receiver: none\nreceivers:\n  - name: none\n' >"$T/am.yml"
prometheus-alertmanager --config.file="$T/am.yml" --storage.path="$T/am" --web.listen-address="127.0.0.1:$AM" \
	--cluster.listen-address= >"$T/am.out" 2>&1 </dev/null &
PIDS+=("$!")
ok "Alertmanager is up" wait_for has_alerts 0
listens() { ss -ltn "sport = :$1" | grep -q LISTEN; }
ok "rsyslog is up" wait_for eval "listens $TCP && listens $TLS"

cat >"$T/hook" <<HOOK
#!/bin/sh
cat >>$T/log/hook
HOOK
chmod 755 "$T/hook"
chmod 777 "$T/log"
cat >"$T/conf" <<CONF
alert.syslog no
sink.am.type alertmanager
sink.am.url http://127.0.0.1:$AM
sink.am.resend 1s
sink.udp.type syslog
sink.udp.url udp://127.0.0.1:$UDP
sink.tcp.type syslog
sink.tcp.url tcp://127.0.0.1:$TCP
sink.tcp.format ocsf
sink.tls.type syslog
sink.tls.url tls://127.0.0.1:$TLS
sink.tls.ca-file $T/tls.crt
sink.tls.format cef
sink.dead.type webhook
sink.dead.url http://127.0.0.1:$DEAD/
sink.few.type syslog
sink.few.url udp://127.0.0.1:$UDP
sink.few.min-severity critical
sink.few.classes gpu*
CONF
put open one "nc listens" critical compute >/dev/null
chown -R nobody "$T/s"
for sink in am udp tcp tls; do
	run -C "$T/conf" notify --test $sink
	same "a test reaches $sink" "$RC" 0
done
ok "rsyslog has the tests" wait_for eval 'has_lines udp "this is a test" 1 && has_lines tcp "this is a test" 1 && has_lines tls "this is a test" 1'
sed -i "s|^sink.tls.ca-file .*|sink.tls.ca-file /etc/ssl/certs/ca-certificates.crt|" "$T/conf"
run -C "$T/conf" notify --test tls
same "a server whose certificate nobody vouches for gets nothing" "$RC" 1
sed -i "s|^sink.tls.ca-file .*|sink.tls.ca-file $T/tls.crt|" "$T/conf"

start_notify() {
	ajar -C "$T/conf" --data "$D" --store "$S" notify >"$T/notify.out" 2>>"$T/notify.err" </dev/null &
	NOTIFY=$!
	PIDS+=("$NOTIFY")
}
start_notify
ok "all of them get the alert" wait_for eval 'has_lines udp "alert 1 open, critical: nc listens" 1 && has_lines tcp "\"title\":\"nc listens\"" 1 && has_lines tls "nc listens" 1'
same "as RFC 5424 with its parts" "$(grep 'alert 1 open' "$T/log/udp" | cut -d' ' -f1-5)" "daemon crit $(hostname) ajar unexpected"
ok "and structured data" grep -qF '[ajar@32473 alert="1" change="1" count="1" severity="critical" state="open" class="compute" nodes="node001"' "$T/log/udp"
ok "OCSF arrives whole" eval 'grep "nc listens" "$T/log/tcp" | sed "s/^[^{]*//" | jq -e ".class_uid == 2004"'
ok "CEF too" grep -q 'CEF:0|Ajar|Ajar|.*|unexpected|nc listens|9|' "$T/log/tls"
ok "Alertmanager has it" wait_for eval "alerts | jq -e 'any(.[]; .labels.alertname == \"AjarUnexpected\" and .labels.severity == \"critical\" and .annotations.summary == \"nc listens\")'"
same "what a sink does not want it does not get" "$(status few '[.sent, .behind] | @text')" "[0,0]"
ends() { alerts | jq -r '.[] | select(.annotations.summary == "nc listens") | .endsAt'; }
# shellcheck disable=SC2034 # eval reads it
before=$(ends)
ok "while it is open it is sent again" wait_for eval '[ "$(ends)" \> "$before" ]'
put resolved one >/dev/null
ok "when it is resolved it ends" wait_for eval '! alerts | jq -e "any(.[]; .annotations.summary == \"nc listens\")"'
ok "a receiver that is dead holds nobody up" is_status dead .state failing

# --- many, and a notifier that is killed
last=$(put many 500)
wait_for eval '[ "$(lines tcp many)" -ge 50 ]'
kill -9 "$NOTIFY"
wait "$NOTIFY" 2>/dev/null
start_notify
for sink in udp tcp tls am; do
	ok "killed in between, $sink gets to the end" wait_for is_status $sink .cursor "$last"
done
for f in udp tcp tls; do
	ok "each of 500 has arrived by $f" wait_for eval "[ \"\$(grep -oE 'many[0-9]+' $T/log/$f | sort -u | wc -l)\" = 500 ]"
done
ok "Alertmanager has 500" wait_for has_alerts 500

# --- one that is restarted
kill "$(cat "$T/rsyslog.pid")"
wait_for eval "! listens $TCP"
put open back "after the restart" critical gpu01 >/dev/null
rsyslogd -n -f "$T/rsyslog.conf" -i "$T/rsyslog2.pid" >"$T/rsyslog.out" 2>&1 </dev/null &
PIDS+=("$!")
ok "what changed while it was away reaches it by TCP" wait_for has_lines tcp "after the restart" 1
ok "and by TLS" wait_for has_lines tls "after the restart" 1
ok "the choosy one gets what it wants" wait_for is_status few .sent 1
kill "$NOTIFY"
wait "$NOTIFY"
same "SIGTERM ends it well" "$?" 0
done_testing
