#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A node set up as README has it: its account has a class (db grant --class), its ajar.conf none. What it keeps for the time
# when the store is away is the profile of the class that the store gives it.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root mariadb

mkfifo "$T/in"
"$BUILD/tests/helpers/mariadb_server" -- --skip-networking <"$T/in" >"$T/server.out" 2>"$T/server.err" &
SERVER=$!
exec 9>"$T/in"
if ! WAIT=120 wait_for grep -q '^ready ' "$T/server.out"; then
	echo "1..0 # SKIP no MariaDB server: $(tail -1 "$T/server.err")"
	exit 77
fi
SOCKET=$(sed -n 's/^ready //p' "$T/server.out")
STORE="mysql://ajar@localhost/ajar?socket=$SOCKET"
chmod 755 "$T"

run db init --store "$STORE"
run db grant node001 --class compute --from localhost --password-file "$T/node.pw" --store "$STORE"
same "an account with a class" "$RC" 0
run profile allow compute tcp 22 exe /usr/sbin/sshd user root --store "$STORE"
run profile allow login tcp 2222 exe /usr/sbin/sshd user root --store "$STORE"
"$BUILD/tests/helpers/fill_data" "$D"
rm -rf "$D/store"
chmod -R a+rwX "$D"
chown "$(id -u ajar 2>/dev/null || id -u nobody)" "$T/node.pw"
printf 'node.name node001\nstore.uri mysql://node001@localhost/ajar?socket=%s&password-file=%s\nalert.local-after 1s\nalert.syslog no\nhealth.interval 1s\nhealth.silent-after 3s\n' \
	"$SOCKET" "$T/node.pw" >"$T/conf"
ajar -C "$T/conf" ship --data "$D" >"$T/ship.out" 2>"$T/ship.err" </dev/null 9>&- &
SHIP=$!
PIDS+=("$SHIP")
kept() { grep -qE "^$1( |\$)" "$D/journal/profile"; }
ok "the node keeps a profile" wait_for test -s "$D/journal/profile"
ok "of the class its account has" kept 'class compute'
ok "with its rules" kept 'allow tcp 22 exe /usr/sbin/sshd user root'
run node class set node001 login --reason moved --store "$STORE"
ok "a person moves it to another class: it keeps the profile of that one" wait_for kept 'class login'
ok "and its rules" kept 'allow tcp 2222 exe /usr/sbin/sshd user root'
kill -TERM "$SHIP"
wait "$SHIP"
same "the shipper ends with 0" "$?" 0
exec 9>&-
wait "$SERVER"
done_testing
