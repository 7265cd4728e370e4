#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Rules that ask for the program's file: its digest, and the package that it is of.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root sqlite3 perl
WAIT=60 # for a machine that has much to do

start_run
PERL=$(readlink -f "$(command -v perl)")
exec 7<> <(:) # a pipe that never ends
# shellcheck disable=SC2016 # it is perl
listen() { # program, port
	"$1" -e 'use Socket; socket($s, PF_INET, SOCK_STREAM, 0) or die; bind($s, sockaddr_in($ARGV[0], INADDR_LOOPBACK)) or die;
		listen($s, 1) or die; <STDIN>' "$2" <&7 &
	PIDS+=("$!")
}
sha() { sha256sum "$1" | cut -d' ' -f1; }
verdict() { sqlite3 -readonly "$D/store/ajar.db" "SELECT verdict FROM v_open_doors WHERE port = $1"; }
is() { [ "$(verdict "$1")" = "$2" ]; }
alert() { ajar alerts -j --data "$D" | jq -r "select(.port == $1) | .kind" | grep .; }
why() { ajar alerts -j --data "$D" | jq -r "select(.port == $1) | .why"; }

DIGEST=$(sha "$PERL")
{
	echo "class default"
	echo "allow tcp 28411-28412 sha256 $DIGEST  # as audited"
	echo "allow tcp 28421 exe $PERL sha256 $DIGEST"
} >"$T/profile"
if dpkg -S "$PERL" >"$T/owner" 2>/dev/null; then
	PACKAGE=$(cut -d: -f1 "$T/owner")
	echo "allow tcp 28431 package $PACKAGE" >>"$T/profile"
	echo "allow tcp 28432 package $PACKAGE" >>"$T/profile"
fi
run profile import "$T/profile" --data "$D"
[ "$RC" = 0 ] || head -5 "$T/err"
same "a profile with digests is imported" "$RC" 0
run profile export default --data "$D"
ok "and exported as it was written" grep -qF "sha256 $DIGEST  # as audited" "$T/out"
run profile show default -j --data "$D"
same "in JSON the digest is a field" "$(jq -r 'select(.port == 28421) | .sha256' "$T/out")" "$DIGEST"

# The same program at another path, with another digest.
COPY=$(other_door copied_perl)
cp "$PERL" "$COPY" && echo >>"$COPY"
listen "$PERL" 28411
listen "$PERL" 28421
listen "$COPY" 28412
ok "the program with the digest is as profiled" wait_for is 28411 'as profiled'
ok "by path and digest, too" wait_for is 28421 'as profiled'
ok "another file alerts" wait_for alert 28412
ok "with the digest that was expected" grep -qF "with sha256 ${DIGEST:0:16}" <(why 28412)
ok "and the one that was found" grep -qF "its file has sha256 $(sha "$COPY" | cut -c1-16)" <(why 28412)
same "the others raised no alert" "$(ajar alerts -a -j --data "$D" | jq -r 'select(.port == 28411 or .port == 28421) | .id')" ""
if [ -n "${PACKAGE:-}" ]; then
	listen "$PERL" 28431
	# Under another name: ports of one program that open shortly after each other are one alert.
	SECOND=$(other_door second_perl)
	cp "$COPY" "$SECOND"
	listen "$SECOND" 28432
	ok "a package's program is as profiled" wait_for is 28431 'as profiled'
	ok "a copy of it is no package's" wait_for alert 28432
	ok "and that is said" grep -qF "package of its file: none" <(why 28432)
fi
stop_run
same "everything ends well" "$?" 0
done_testing
