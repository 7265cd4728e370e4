#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The web server with a certificate of its own: on an address that others reach, who logs in over TLS, what it refuses to start with,
# and that what is broken says so. In a network namespace of its own, for addresses and port.
# run.sh: beside, for what it looks at is its own.
if [ -z "${AJAR_OWN_NS:-}" ] && [ "$(id -u)" = 0 ]; then
	AJAR_OWN_NS=1 exec unshare -n "$0" "$@"
fi
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root curl ip openssl python3
# Another address than loopback, which only this namespace has.
ip link set lo up
ip addr add 198.51.100.7/32 dev lo
AT=198.51.100.7:2527
NAME=monitor.ajar.test:2527

web() { # path [curl's...]
	local path=$1
	shift
	CODE=$(curl -sS --max-time 20 -o "$T/body" -D "$T/head" -w '%{http_code}' --noproxy '*' --cacert "$T/cert.pem" --resolve "$NAME:${AT%:*}" "$@" "https://$NAME$path" 2>"$T/curl.err")
}
answers() { # sentence, code, path, curl's...
	local what=$1 code=$2
	shift 2
	web "$@"
	same "$what" "$CODE" "$code"
}
serves() { web / --compressed && [ "$CODE" = 200 ]; }
start_web() {
	ajar web --data "$D" -C "$T/conf" >"$T/web.out" 2>"$T/web.err" </dev/null &
	WEB=$!
	PIDS+=("$WEB")
	wait_for serves
}
refuses() { # sentence, words of the message; the configuration is the standard input
	cat >"$T/bad"
	run web --data "$D" -C "$T/bad"
	same "$1: it does not start" "$RC" 2
	ok "and says why" says "$2"
}

ok "a store" ajar db init --data "$D"
for n in cert other; do
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30000 -keyout "$T/$n.key" -out "$T/$n.pem" -subj /CN=monitor.ajar.test -addext subjectAltName=DNS:monitor.ajar.test 2>/dev/null
done
OWNER=$(stat -c %u "$D/store") # who the server runs as
chown "$OWNER" "$T"/*.key "$T"/*.pem
chmod 600 "$T"/*.key
chmod 755 "$T"

refuses "an address that others reach, without TLS" "web.tls-cert" <<<"web.listen $AT"
refuses "a key without a certificate" "web.tls-key" <<<"web.tls-key $T/cert.key"
refuses "a certificate that is not there" "No such file" <<<"web.tls-cert $T/none.pem"
refuses "a certificate without a key in its file" "private key" <<<"web.tls-cert $T/cert.pem"
refuses "a key in the certificate's place" "no certificate" <<<"web.tls-cert $T/cert.key"
refuses "a key of another certificate" "cannot speak TLS" <<<"web.tls-cert $T/cert.pem
web.tls-key $T/other.key"
printf -- '-----BEGIN CERTIFICATE-----\nno such thing\n' >"$T/broken.pem"
refuses "a broken certificate" "cannot speak TLS" <<<"web.tls-cert $T/broken.pem
web.tls-key $T/cert.key"
refuses "a certificate on a Unix socket" "unix:/PATH" <<<"web.listen unix:$T/socket
web.tls-cert $T/cert.pem
web.tls-key $T/cert.key"
refuses "a folder as certificate" "is no file" <<<"web.tls-cert $T"
mkfifo "$T/fifo"
refuses "a FIFO as key" "is no file" <<<"web.tls-cert $T/cert.pem
web.tls-key $T/fifo"
chmod 604 "$T/other.key"
refuses "a key that everybody can read" "chmod o=" <<<"web.tls-cert $T/other.pem
web.tls-key $T/other.key"

printf 'web.listen %s\nweb.names %s\nweb.tls-cert %s\nweb.tls-key %s\n' "$AT" "$NAME" "$T/cert.pem" "$T/cert.key" >"$T/conf"
ok "with both it serves on that address" start_web
ok "what it prints is such an address, by the certificate's name" wait_for grep -qE "https://$NAME/login\?token=[A-Za-z0-9_-]{43}" "$T/web.err"
TOKEN=$(sed -n 's/.*login?token=\([A-Za-z0-9_-]*\).*/\1/p' "$T/web.err" | tail -1)
answers "nobody has logged in" 401 /api/v1/me
answers "nor does who stands on this machine see the metrics, over that address" 401 /metrics
answers "that address logs in" 303 "/login?token=$TOKEN" -c "$T/jar"
ok "by a cookie for TLS alone" grep -qi '^set-cookie: .*; Secure' "$T/head"
answers "and the cookie is good" 200 /api/v1/me -b "$T/jar"
same "for everything" "$(jq -r .role "$T/body")" approver
run web login --data "$D" -C "$T/conf"
ok "'ajar web login' prints the like" grep -qE "^https://$NAME/login\?token=[A-Za-z0-9_-]{43}\$" "$T/out"
answers "which logs in, too" 303 "$(sed "s|https://$NAME||" "$T/out")"
ok "to the page" grep -qix 'location: /.\?' "$T/head"
web / --compressed
FOLDER=$(grep -oE '/p/[0-9a-f]{16}/' "$T/body" | head -1)
answers "the page's files come whole" 200 "${FOLDER}page.css" --compressed
same "as they are" "$(sha256sum <"$T/body")" "$(sha256sum <"$TOP/user/web/page/page.css")"
answers "another host name is refused" 403 /api/v1/me -H "Host: elsewhere.test"
ok "TLS 1.3 is spoken" web / --tlsv1.3
ok "TLS 1.2, too" web / --tls-max 1.2
ok "TLS 1.1 is not" not web / --tlsv1.0 --tls-max 1.1 --ciphers 'DEFAULT:@SECLEVEL=0'
ok "who does not know the certificate does not get in" not curl -sS --max-time 20 --noproxy '*' -o /dev/null --resolve "$NAME:${AT%:*}" "https://$NAME/"
ok "who speaks no TLS gets no page" not curl -sS --max-time 20 --noproxy '*' -o /dev/null "http://$AT/"

# Three requests in one record of TLS, the last of which closes: each is answered, at once.
python3 - "${AT%:*}" "${AT#*:}" "$NAME" "$T/cert.pem" <<'P' >"$T/three"
import re, socket, ssl, sys
at, port, name, cert = sys.argv[1:]
c = ssl.create_default_context(cafile=cert)
t = c.wrap_socket(socket.create_connection((at, int(port)), 10), server_hostname=name.split(":")[0])
t.settimeout(15)
ask = "GET /api/v1/me HTTP/1.1\r\nHost: %s\r\n%s\r\n"
t.sendall((ask % (name, "") * 2 + ask % (name, "Connection: close\r\n")).encode())
got = b""
while more := t.recv(65536):
    got += more
print(len(re.findall(rb"HTTP/1.1 401 ", got)))
P
same "three requests in one record are all answered" "$(cat "$T/three")" 3

# Fifty connections that stop in the middle of a handshake harm nobody.
python3 - "${AT%:*}" "${AT#*:}" <<'P' >"$T/idle" &
import signal, socket, sys
s = [socket.create_connection((sys.argv[1], int(sys.argv[2])), 10) for _ in range(50)]
for c in s:
    c.send(b"\x16\x03\x01\x02\x00\x01\x00")
print("up", flush=True)
signal.pause()
P
IDLE=$!
PIDS+=("$IDLE")
ok "fifty connections stand in their handshake" wait_for grep -qx up "$T/idle"
answers "another is answered" 200 /api/v1/me -b "$T/jar"
kill "$IDLE"

# A stream: one alert's line comes over TLS as it is said.
curl -sN --max-time 60 --noproxy '*' --cacert "$T/cert.pem" --resolve "$NAME:${AT%:*}" -b "$T/jar" "https://$NAME/api/v1/stream" >"$T/stream" 2>"$T/stream.err" &
STREAM=$!
PIDS+=("$STREAM")
ok "a stream is open" wait_for test -s "$T/stream"
kill "$STREAM"
ok "the server says nothing of strangers' handshakes" not grep -qiE 'handshake|gnutls' "$T/web.err"
kill "$WEB"
wait "$WEB"
same "it ends when it is told to" "$?" 0
done_testing
