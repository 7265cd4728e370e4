#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# UDP is judged by what a socket has become a second after its bind: clients of all kinds raise no alert and are not learnt, doors do,
# whoever chose the port. In a network namespace of its own, so that nobody else's sockets are there.
[ "$(id -u)" != 0 ] || [ -n "${AJAR_UDP_NETNS:-}" ] || AJAR_UDP_NETNS=1 exec unshare -n bash "$0"
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root ip
ip link set lo up
cp "$BUILD/tests/helpers/udp_door" "$P/"
cp "$P/udp_door" "$P/mdnsd"

keep_alerts
printf 'sensor.scope netns\nsensor.sweep-every 3s\nscan.enabled no\n' >"$T/conf"
udp() { DOOR_PROGRAM=$P/udp_door open_door "$@"; }
events() { ajar timeline -j --since 10m --data "$D" "$@" 2>/dev/null; }
verdict_of() { events udp ":$1" | jq -r 'select(.event == "open") | .verdict' | tail -1; }
becomes() { [ "$(verdict_of "$1")" = "$2" ]; }
count() { jq -s "[.[] | select($1)] | length" "$HOOK_LOG"; }
alerted() { [ "$(count "$1")" != 0 ]; }

# Learning: a server, and clients beside it.
DOOR_PROGRAM=$P/mdnsd open_door member 5353
ok "ajar run says ready" start_run -C "$T/conf" --on-alert "$T/hook" -q --no-scan
udp brief 20000 20
udp connect 4400
client=$DOOR
ok "a client that connects is shown as one" wait_for becomes 4400 client
ok "so is one that is closed at once" wait_for becomes 20019 client
ok "and a server is being learnt" wait_for becomes 5353 learning
ok "the profile is learnt" ajar profile learn --write --data "$D"
same "from the server alone" "$(ajar profile show default -j --data "$D" | jq -s '[.[].port]' -c)" '[5353]'
close_door "$client"

# Clients.
udp brief 21000 100
udp connect 4401
udp connect 4402
ok "100 queries from ports of their own are clients" wait_for becomes 21099 client
ok "one that stays connected is, too" wait_for becomes 4402 client
same "they are all told as such" "$(events udp :21000-21099 | jq -s '[.[] | select(.event == "open" and .verdict == "client")] | length')" 100
same "none has an alert" "$(count true)" 0
ok "ls shows the connected one" eval "ajar ls --data '$D' :4401 | grep -q client"
same "with what it is" "$(ajar ls -j --data "$D" :4401 | jq -c '[.settled, .connected, .bound, .multicast]')" '[true,true,true,false]'

# Doors.
udp stay 4411
ok "one that stays is a door" wait_for becomes 4411 unexpected
ok "which alerts" wait_for alerted '.port == 4411 and .state == "open" and .kind == "unexpected"'
udp failed 4412
ok "so is one after a bind for port 0 that failed" wait_for becomes 4412 unexpected
udp port0 0
port_of() { ajar ls -j --data "$D" udp | jq -r "select(.opener.pid == $1) | .port"; }
is_door() { port=$(port_of "$1") && [ -n "$port" ] && becomes "$port" unexpected; }
ok "and one on port 0" wait_for is_door "$DOOR"
udp undo 4413
ok "one that connects is a client" wait_for becomes 4413 client
is_now() { [ "$(ajar ls -j --data "$D" udp ":$1" | jq -r .verdict)" = "$2" ]; }
ok "and a door when it undoes that" wait_for is_now 4413 unexpected
same "while its opening stays a client's" "$(verdict_of 4413)" client
ok "the record says when" eval '[ "$(events udp :4413 | jq -s "[.[] | select(.event == \"settle\")] | length")" = 2 ]'

# Shared by design.
udp member 5353
ok "a member of the group beside the rightful holder shares the port" wait_for alerted '.port == 5353 and .kind == "shared" and .severity == "notice"'
udp stay 5353
same "which no other socket can without SO_REUSEADDR" "$(grep -c 'in use' "$T"/door.* | awk -F: '{ n += $2 } END { print n }')" 1
same "and nobody is an impostor" "$(count '.kind == "impostor"')" 0

# A restart of the agent judges nothing anew and forgets nothing.
kill -9 "$(role_pid agent)"
udp brief 22000 20
udp stay 4414
ok "what opens while the agent is dead is judged when it is back" wait_for becomes 4414 unexpected
ok "clients as well" wait_for becomes 22019 client
same "a connected client stays one" "$(verdict_of 4402)" client
same "and no second alert is about the same" "$(jq -s '[.[] | select(.port == 4411) | .id] | unique | length' "$HOOK_LOG")" 1
ok "ajar run ends" stop_run
done_testing
