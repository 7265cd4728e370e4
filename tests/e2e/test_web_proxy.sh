#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The web server behind a proxy that says who it is: whom it believes, and whom not. In a network namespace of its own, for the port.
# run.sh: beside, for what it looks at is its own.
if [ -z "${AJAR_OWN_NS:-}" ] && [ "$(id -u)" = 0 ]; then
	AJAR_OWN_NS=1 exec unshare -n "$0" "$@"
fi
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root curl ip
ip link set lo up
AT=127.0.0.1:2527
SECRET=0123456789abcdef0123456789abcdef

web() { # path [curl's...]
	local path=$1
	shift
	CODE=$(curl -sS --max-time 20 -o "$T/body" -D "$T/head" -w '%{http_code}' "$@" "http://$AT$path" 2>"$T/curl.err")
}
answers() { # sentence, code, path, curl's...
	local what=$1 code=$2
	shift 2
	web "$@"
	same "$what" "$CODE" "$code"
}
who() { jq -r '"\(.login) \(.role)"' "$T/body"; }
start_web() {
	ajar web --data "$D" -C "$T/conf" >"$T/web.out" 2>"$T/web.err" </dev/null &
	WEB=$!
	PIDS+=("$WEB")
	wait_for listens "$@"
}
listens() { curl -sS -o "$T/body" "$@" "http://$AT/"; }
stop_web() { kill "$WEB" && wait "$WEB"; }

ok "a store" ajar db init --data "$D"
printf '%s\n' "$SECRET" >"$T/secret"
chmod 600 "$T/secret"
chmod 755 "$T"
OWNER=$(stat -c %u "$D/store") # who the server runs as
chown "$OWNER" "$T/secret"
printf 'web.listen %s\nweb.proxy yes\n' "$AT" >"$T/conf"
run web --data "$D" -C "$T/conf"
same "a proxy without a secret is none: it does not start" "$RC" 2
ok "and says what to do" says "web.proxy-secret"
printf 'web.proxy-secret %s\n' "$T/secret" >>"$T/conf"
for who in pat:operator vic:viewer; do
	ok "an account without a password" ajar web user add "${who%:*}" --role "${who#*:}" --no-password --data "$D" -C "$T/conf"
done
ok "with a secret it serves" start_web

answers "the proxy's word logs in" 200 /api/v1/me -H "X-Remote-User: pat" -H "X-Ajar-Secret: $SECRET" -c "$T/jar"
same "as who the proxy says, with that account's role" "$(who)" "pat operator"
ok "by a cookie for TLS alone" grep -qi '^set-cookie: .*; Secure' "$T/head"
PAT=$(sed -n 's/^Set-Cookie: \([^;]*\);.*/\1/Ip' "$T/head")
answers "a name without the secret is nobody" 401 /api/v1/me -H "X-Remote-User: pat"
answers "so is one with a wrong secret" 401 /api/v1/me -H "X-Remote-User: pat" -H "X-Ajar-Secret: ${SECRET%f}0"
answers "with the beginning of it" 401 /api/v1/me -H "X-Remote-User: pat" -H "X-Ajar-Secret: ${SECRET:0:16}"
answers "and with an empty one" 401 /api/v1/me -H "X-Remote-User: pat" -H "X-Ajar-Secret;"
answers "the secret without a name is nobody" 401 /api/v1/me -H "X-Ajar-Secret: $SECRET"
answers "a name that has no account is nobody" 401 /api/v1/me -H "X-Remote-User: eve" -H "X-Ajar-Secret: $SECRET"
answers "nor is what is no name" 401 /api/v1/me -H "X-Remote-User: ../pat" -H "X-Ajar-Secret: $SECRET"
answers "two names are none, whichever is first" 401 /api/v1/me -H "X-Remote-User: pat" -H "X-Remote-User: vic" -H "X-Ajar-Secret: $SECRET"
answers "in whatever case" 401 /api/v1/me -H "x-remote-user: pat" -H "X-REMOTE-USER: pat" -H "X-Ajar-Secret: $SECRET"
answers "and two secrets" 401 /api/v1/me -H "X-Remote-User: pat" -H "X-Ajar-Secret: x" -H "X-Ajar-Secret: $SECRET"
answers "another header than ours" 401 /api/v1/me -H "X-Forwarded-User: pat" -H "Remote-User: pat" -H "X-Ajar-Secret: $SECRET"
answers "a stolen cookie without the proxy is nobody's" 401 /api/v1/me -H "Cookie: $PAT"
answers "with the proxy it is whom the proxy names" 200 /api/v1/me -H "Cookie: $PAT" -H "X-Remote-User: vic" -H "X-Ajar-Secret: $SECRET"
same "not whose cookie it was" "$(who)" "vic viewer"
CSRF=$(jq -r .csrf "$T/body")
answers "who may what is the account's" 403 /api/v1/requests -X POST -H "X-Remote-User: vic" -H "X-Ajar-Secret: $SECRET" -H "X-CSRF: $CSRF" \
	-H 'Content-Type: application/json' -d '{"action":"ack","alerts":[1]}'
answers "metrics too are for who is named" 401 /metrics
answers "health as well" 401 /healthz
answers "nobody logs in past the proxy by a password" 405 /login -H 'Content-Type: application/json' -d '{"name":"pat","password":"x"}'
web "/login?token=$(printf 'A%.0s' {1..43})"
ok "nor by an address" grep -qi '^location: /?login=failed' "$T/head"
ok "it ends" stop_web

# A Unix socket is the proxy's alone, by its folder's rights.
mkdir -m 700 "$T/socket"
chown "$OWNER" "$T/socket"
printf 'web.listen unix:%s/web\nweb.proxy yes\n' "$T/socket" >"$T/conf"
ok "on a Unix socket it needs no secret" start_web --unix-socket "$T/socket/web"
answers "the name is enough there" 200 /api/v1/me --unix-socket "$T/socket/web" -H "X-Remote-User: pat"
same "and is who it is" "$(who)" "pat operator"
answers "two are none there either" 401 /api/v1/me --unix-socket "$T/socket/web" -H "X-Remote-User: pat" -H "X-Remote-User: pat"
answers "without one nobody is" 401 /api/v1/me --unix-socket "$T/socket/web"
ok "it ends as well" stop_web
done_testing
