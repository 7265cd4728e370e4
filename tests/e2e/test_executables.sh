#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An executable's identity beyond its path: digest and package of what opens a door, and that its file was replaced.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root sqlite3 perl

start_run
of() { # path, column
	sqlite3 -readonly "$D/store/ajar.db" "SELECT $2 FROM v_executables WHERE path = '$1' ORDER BY last_seen_at DESC LIMIT 1"
}
is() { [ "$(of "$1" "$2")" = "$3" ]; }
sha() { sha256sum "$1" | cut -d' ' -f1; }
looked() { # more of jq on the one executable of that path
	ajar node "$(uname -n)" -j --data "$D" | jq -e ".executables[] | select(.path == \"$1\") | $2"
}

PERL=$(readlink -f "$(command -v perl)")
exec 7<> <(:) # a pipe that never ends
perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1:28314", Listen => 1) or die; <STDIN>' <&7 &
PIDS+=("$!")
OWN=$(readlink -f "$(other_door own_service)")
DOOR_PROGRAM=$OWN open_door tcp 127.0.0.1 28311
ok "the digest of what opened a door is stored" wait_for is "$OWN" sha256 "$(sha "$OWN")"
same "its file was read" "$(of "$OWN" state)" "read"
same "it is no package's, as far as there is a database of them" "$(of "$OWN" listed)" "$([ -d /var/lib/dpkg/info ] && echo none || echo unknown)"
close_door

# The same path, another file: as a package update has it, or who wants to be taken for that program.
FIRST=$(sha "$OWN")
cp "$OWN" "$OWN.new" && echo more >>"$OWN.new" && mv "$OWN.new" "$OWN"
DOOR_PROGRAM=$OWN open_door tcp 127.0.0.1 28312
ok "a file that takes its place has its own digest" wait_for is "$OWN" sha256 "$(sha "$OWN")"
ok "and is said to be replaced" looked "$OWN" '.replaced'
same "with the digest of before" "$(looked "$OWN" .sha256_was -r)" "\"$FIRST\""
run node "$(uname -n)" --data "$D"
ok "for people too" grep -q "programs .*$OWN: sha256 $(sha "$OWN" | cut -c1-16), .*it was $(echo "$FIRST" | cut -c1-16) until" "$T/out"
close_door

if [ -d /var/lib/dpkg/info ] && dpkg -S "$PERL" >"$T/perl" 2>/dev/null; then
	ok "a distribution's program is its package's" wait_for is "$PERL" package "$(cut -d: -f1 "$T/perl")"
	same "with its version" "$(of "$PERL" version)" "$(dpkg-query -W -f='${Version}' "$(cut -d: -f1 "$T/perl")")"
	same "as it was packaged" "$(of "$PERL" listed)" "as packaged"
	same "and was not replaced" "$(looked "$PERL" .replaced)" "false"
fi

run profile learn --write --data "$D"
DOOR_PROGRAM=$OWN open_door tcp 0.0.0.0 28315
alert() { ajar alerts -j --data "$D" | jq -r "select(.port == 28315) | .id" | grep .; }
ok "an unexpected door is an alert" wait_for alert
run alerts show "$(alert)" --data "$D"
ok "its story says which file that is" grep -q "^program .*$OWN: sha256 $(sha "$OWN" | cut -c1-16)" "$T/out"
same "in JSON too" "$(ajar alerts show "$(alert)" -j --data "$D" | jq -r '.executables[0].sha256')" "$(sha "$OWN")"
close_door
# A door that stands while the shipper is started again: its record is in the store, and yet its file is looked at.
DOOR_PROGRAM=$OWN open_door tcp 127.0.0.1 28316
stands() { [ -n "$(ajar ls -jq --data "$D" :28316)" ]; }
ok "a door that stands is stored" wait_for stands
BEFORE=$(of "$OWN" "state || sha256")
cp "$OWN" "$OWN.new" && echo again >>"$OWN.new" && mv "$OWN.new" "$OWN"
kill -KILL "$(role_pid ship)"
differs() { [ "$(of "$OWN" "state || sha256")" != "$BEFORE" ]; }
ok "that its file was replaced while no shipper ran is found" wait_for differs
close_door
stop_run
same "everything ends well" "$?" 0
done_testing
