#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# README's page "From one machine to a cluster", run as it stands: in namespaces of our own with a private /etc/ajar,
# /var/lib/ajar, list of accounts and hosts, a MariaDB server that demands certificates at db1:3306, and the units' programs.
# Then what it promises: a door on the node alerts, with accounts that may do no more than they need.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root unshare setpriv openssl mariadb ip faketime
if [ -z "${CLUSTER_PAGE:-}" ]; then
	# lib.sh makes folders that only the run inside needs; its trap removes them.
	CLUSTER_PAGE=1 unshare -mnpf --mount-proc --kill-child=KILL -- bash "$TOP/tests/e2e/test_cluster_page.sh"
	exit
fi

# --- the place ------------------------------------------------------------------------------------------------

set -e
mount --make-rprivate /
ip link set lo up
cp /etc/passwd /etc/group /etc/hosts "$T"
grep -q ^ajar: "$T/passwd" || echo 'ajar:x:64990:64990::/var/lib/ajar:/usr/sbin/nologin' >>"$T/passwd"
grep -q ^ajar: "$T/group" || echo 'ajar:x:64990:' >>"$T/group"
echo '127.0.0.1 db1' >>"$T/hosts"
for f in passwd group hosts; do mount --bind "$T/$f" "/etc/$f"; done
mkdir -p /etc/ajar /var/lib/ajar
mount -t tmpfs -o mode=755 t /etc/ajar
mount -t tmpfs -o mode=755 t /var/lib/ajar
mount -t bpf b /sys/fs/bpf
chmod 755 "$T"
install -d -o ajar -g ajar -m 750 /var/lib/ajar/journal /var/lib/ajar/store
cp "$BUILD/ajar" "$BUILD/ajar-agent" "$P/" # where ajar may enter, whatever folder the checkout is in
PATH=$P:$PATH

cert() { # name, subject, days, more
	local name=$1 subject=$2
	shift 2
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "$subject" \
		-keyout "/etc/ajar/$name.key" -out "/etc/ajar/$name.pem" "$@" 2>/dev/null
}
by_ca=(-CA /etc/ajar/ca.pem -CAkey /etc/ajar/ca.key -addext "basicConstraints=critical,CA:FALSE")
cert ca '/CN=test CA'
cert server /CN=db1 "${by_ca[@]}" -addext subjectAltName=DNS:db1
cert node001 /CN=node001 "${by_ca[@]}"
cert node002 /CN=node002 "${by_ca[@]}"
mkdir "$T/tls"
cp /etc/ajar/ca.pem /etc/ajar/server.* "$T/tls"
chmod 644 "$T"/tls/*
set +e

mkfifo "$T/in"
"$BUILD/tests/helpers/mariadb_server" -- --port=3306 --bind-address=127.0.0.1 --ssl-ca="$T/tls/ca.pem" \
	--ssl-cert="$T/tls/server.pem" --ssl-key="$T/tls/server.key" <"$T/in" >"$T/server.out" 2>"$T/server.err" &
PIDS+=("$!")
exec 9>"$T/in"
WAIT=60 wait_for grep -q '^ready\|^skip' "$T/server.out"
if ! grep -q ^ready "$T/server.out"; then
	echo "1..0 # SKIP $(sed -n 's/^skip //p' "$T/server.out")"
	exit 77
fi
export HOME=$T
printf '[client]\nuser=ajar\nsocket=%s\n' "$(sed -n 's/^ready //p' "$T/server.out")" >"$T/.my.cnf"

mariadb -e 'DROP DATABASE ajar' # which the helper makes

# The units' programs, as who they run as: there is no systemd in here.
systemctl() {
	local unit user
	for unit in "${@:3}"; do
		cp /etc/ajar/ajar.conf "$T/$unit.conf" # each host has its own; here they share a folder
		user=$(sed -n 's/^User=//p' "$TOP/deploy/systemd/$unit.service")
		# shellcheck disable=SC2046
		${user:+setpriv --reuid=$user --regid=$user --clear-groups --bounding-set=-all --no-new-privs} \
			$(sed -n 's|^ExecStart=/usr/s*bin/||p' "$TOP/deploy/systemd/$unit.service") -C "$T/$unit.conf" >>"$T/$unit.out" 2>>"$T/run.err" </dev/null 9>&- &
		PIDS+=("$!")
	done
}

# --- the page --------------------------------------------------------------------------------------------------

sed -n '/^## From one machine to a cluster/,/^## How/s/^    //p' "$TOP/README.md" >"$T/page"
ok "the page has its commands" eval '[ "$(wc -l <"$T/page")" -ge 20 ]'
cd / || exit 2
has_what_it_needs() { grep -q 'store account.*what it needs, no more; TLS' "$T/doctor"; }
while IFS= read -r line <&3; do
	ok "${line:0:100}" eval "$line"
	[ "$line" != 'ajar doctor' ] || cp "$T/ok.out" "$T/doctor"
done 3<"$T/page"
cd "$TOP" || exit 2
ok "doctor: the node's account has what it needs and no more" has_what_it_needs

MONITOR=/etc/ajar/monitor.conf
echo 'store.uri mysql://ajar_monitor@db1/ajar?ca=/etc/ajar/ca.pem&password-file=/etc/ajar/monitor.password' >$MONITOR
view() { ajar "$@" -C $MONITOR; }
WAIT=40 ok "the node's doors reach the store" wait_for eval 'view ls -j 2>/dev/null | jq -es "any(.[]; .node == \"node001\")"'
ok "it has the class it was given" eval 'view node -j | jq -es "any(.[]; .node == \"node001\" and .class == \"compute\")"'
ok "its profile is accepted with the monitor's account" view profile learn --class compute --write
open_door tcp 127.0.0.1 23011
WAIT=40 ok "an unexpected door alerts" wait_for eval 'view alerts ls -j | jq -es "any(.[]; .port == 23011)"'
close_door
ok "the monitor's account has what it needs" eval 'view doctor | grep -q "store account.*monitor: what it needs, no more"'
ok "prune is its own too" view db prune --days 3000
ok "the schema is not" eval '! view db grant node003 2>"$T/err" && grep -q privilege "$T/err"'

# --- what must not work -------------------------------------------------------------------------------------------

export AJAR_STORE_PASSWORD=owner-password
OWNER='mysql://ajar_owner@db1/ajar?ca=/etc/ajar/ca.pem'
uri() { echo "mysql://$1@db1/ajar?ca=/etc/ajar/ca.pem&cert=/etc/ajar/$2.pem&key=/etc/ajar/$2.key&password-file=/etc/ajar/$3.password"; }
run db status --store "$(uri node001 node002 node001)"
refuses "node001's password with node002's certificate" 2 'client certificate'
run db status --store "$(uri node001 node001 node002)"
refuses "node002's password" 2 'wrong user or password'
run db status --store 'mysql://ajar_owner@127.0.0.1/ajar?tls=off'
refuses "no TLS where the account wants it" 2 'client certificate'
run db status --store 'mysql://ajar_owner@db1/ajar?tls=off'
refuses "in the clear over a network" 2 'this machine alone'
run db status --store 'mysql://ajar_owner@127.0.0.1/ajar?ca=/etc/ajar/ca.pem'
refuses "a server under another name than its certificate's" 2 'TLS failed'
run db status --store 'mysql://ajar_owner@db9/ajar?ca=/etc/ajar/ca.pem'
refuses "an unknown host" 2 'db9'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj '/CN=other CA' \
	-keyout /etc/ajar/other.key -out /etc/ajar/other.pem 2>/dev/null
run db status --store 'mysql://ajar_owner@db1/ajar?ca=/etc/ajar/other.pem'
refuses "a server that another CA vouches for" 2 'TLS failed'
run db status --store "mysql://ajar_owner@db1:1,db1/ajar?ca=/etc/ajar/ca.pem"
same "of two hosts the one that answers is taken" "$RC" 0
run db status --store "$OWNER&cluster=0123"
refuses "another cluster than the one asked for" 2 'another cluster'
run db grant --revoke node001 --store "$OWNER"
same "the node is revoked" "$RC" 0
open_door tcp 127.0.0.1 23012
WAIT=40 ok "at its next statement the shipper is told" wait_for grep -qE 'bound to no node|lacks a privilege|wrong user' "$T/run.err"
ok "and nothing more came" eval '! view timeline -j :23012 | grep -q 23012'
run db grant node001 --subject /CN=node001 --password-file /etc/ajar/node001.password --store "$OWNER"
same "granted again" "$RC" 0
WAIT=60 ok "what was recorded meanwhile arrives" wait_for eval 'view timeline -j :23012 | grep -q 23012'

# --- certificates that go bad while it runs ----------------------------------------------------------------------

# Read by the server at FLUSH SSL; lines that stand are cut.
serve_with() { # name
	cp "/etc/ajar/$1.pem" "$T/tls/server.pem"
	cp "/etc/ajar/$1.key" "$T/tls/server.key"
	chmod 644 "$T"/tls/*
	mariadb -e 'FLUSH SSL' &&
		mariadb -Ne "SELECT concat('KILL ', id, ';') FROM information_schema.processlist WHERE user LIKE 'node%'" | mariadb -f
}
refused() { # sentence, words, port of a door that opens meanwhile
	run db status --store "$OWNER"
	refuses "$1" 2 "$2"
	open_door tcp 127.0.0.1 "$3"
	close_door
}
cert elsewhere /CN=db2 "${by_ca[@]}" -addext subjectAltName=DNS:db2
ok "the server gets a certificate of another name" serve_with elsewhere
refused "another name" "not for this name" 23013
WAIT=40 ok "the shipper says so too" wait_for grep -q "ajar-ship.*not for this name" "$T/run.err"
faketime '3 days ago' openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=db1 \
	-keyout /etc/ajar/old.key -out /etc/ajar/old.pem "${by_ca[@]}" -addext subjectAltName=DNS:db1 2>/dev/null
ok "the server's certificate runs out" serve_with old
refused "expired" "has run out" 23014
ok "it is renewed" serve_with server
faketime '+3 years' ajar db status --store "$OWNER" >"$T/out" 2>"$T/err"
same "a clock that is three years ahead" "$? $(grep -c 'clock is ahead' "$T/err")" "2 1"
faketime '10 days ago' ajar db status --store "$OWNER" >"$T/out" 2>"$T/err"
same "one that is behind" "$? $(grep -c 'of a later day than this machine' "$T/err")" "2 1"
come() { mariadb ajar -Ne "SELECT group_concat(kind ORDER BY seq) FROM events WHERE kind IN (1, 2) AND port = $1"; }
for p in 23013 23014; do WAIT=60 ok "the door $p of meanwhile arrives, once" wait_for eval "[ \"\$(come $p)\" = 1,2 ]"; done
done_testing
