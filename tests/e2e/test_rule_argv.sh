#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Rules that ask for the arguments of a program: one script of an interpreter is not taken for another.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root sqlite3 perl
WAIT=60 # for a machine that has much to do

start_run
PERL=$(readlink -f "$(command -v perl)")
S=$T/scripts
mkdir "$S"
exec 7<> <(:) # a pipe that never ends
# shellcheck disable=SC2016 # it is perl
echo 'use Socket; socket($s, PF_INET, SOCK_STREAM, 0) or die; bind($s, sockaddr_in($ARGV[0], INADDR_LOOPBACK)) or die;
	listen($s, 1) or die; <STDIN>' >"$S/a.pl"
for other in b.pl "a.pl 1"; do cp "$S/a.pl" "$S/$other"; done
listen() { # arguments of perl
	"$PERL" "$@" <&7 &
	PIDS+=("$!")
}
verdict() { sqlite3 -readonly "$D/store/ajar.db" "SELECT verdict FROM v_open_doors WHERE port = $1"; }
is() { [ "$(verdict "$1")" = "$2" ]; }
alert() { ajar alerts -j --data "$D" | jq -r "select(.port == $1) | .kind" | grep .; }
why() { ajar alerts -j --data "$D" | jq -r "select(.port == $1) | .why"; }
rules() { ajar profile export default --data "$D"; }

{
	echo "class default"
	echo "allow tcp 28511-28514 exe $PERL argv \"$S/a.pl ...\"  # as audited"
	echo "allow tcp 28515 exe $PERL argv \"$S/b.pl 28515\""
} >"$T/profile"
run profile import "$T/profile" --data "$D"
[ "$RC" = 0 ] || head -5 "$T/err"
same "a profile with arguments is imported" "$RC" 0
ok "and exported as it was written" grep -qF "argv \"$S/a.pl ...\"  # as audited" <(rules)
run profile show default -j --data "$D"
same "in JSON they are a field" "$(jq -r 'select(.port == 28515) | .argv' "$T/out")" "$S/b.pl 28515"
run profile allow default tcp 28519 argv "$S/b.pl" --data "$D"
ok "arguments of no program are refused" grep -qF "argv alone names nobody" "$T/err"

listen "$S/a.pl" 28511
listen "$S/b.pl" 28515
ok "the script that the rule names is as profiled" wait_for is 28511 'as profiled'
ok "with exactly the arguments of its rule, too" wait_for is 28515 'as profiled'
listen "$S/b.pl" 28512
ok "another script of the same interpreter alerts" wait_for alert 28512
ok "with the arguments that were expected" grep -qF "with arguments '$S/a.pl ...'" <(why 28512)
ok "and those that were found" grep -qF "its arguments differ: $S/b.pl 28512" <(why 28512)
listen "$S/a.pl 1" 28513
ok "a script whose name begins so is another one" wait_for is 28513 impostor
cd "$S" || exit 1
listen a.pl 28514
cd - >/dev/null || exit 1
ok "so is one of a directory that nobody knows" wait_for is 28514 impostor
same "the rule's own script raised no alert" "$(ajar alerts -a -j --data "$D" | jq -r 'select(.port == 28511 or .port == 28515) | .id')" ""

# Learning and allowing name the script.
run profile learn -j --data "$D"
learned() { jq -r "select(.port == $1) | .argv" "$T/out"; }
same "learning names the script" "$(learned 28511)" "$S/a.pl ..."
same "and the other one on the next port" "$(learned 28512)" "$S/b.pl ..."
same "and the one whose name has a blank" "$(learned 28513)" "$S/a.pl\\ 1 ..."
mkdir -p "$P/doors.$$" && cp "$PERL" "$P/doors.$$/perl"
"$P/doors.$$/perl" "$S/b.pl" 28521 <&7 &
PIDS+=("$!")
ok "an interpreter that no rule names alerts" wait_for alert 28521
ok "with a remedy that names the script" grep -qF "argv '$S/b.pl ...'" <(ajar alerts -j --data "$D" | jq -r 'select(.port == 28521) | .remedy')
run alerts allow "$(ajar alerts -j --data "$D" | jq -r 'select(.port == 28521) | .id')" --reason ticket --yes --data "$D"
same "allowing it is possible" "$RC" 0
ok "and writes a rule for that script" grep -qF "argv \"$S/b.pl ...\"" <(rules)
ok "by which it is as profiled" wait_for is 28521 'as profiled'

run profile test default tcp 28511 exe "$PERL" argv "$S/b.pl" --data "$D"
ok "why a door would not fit is said" grep -qF "is about arguments $S/a.pl ..." "$T/out"
run profile test default tcp 28511 exe "$PERL" argv "$S/a.pl -v" scope loopback --data "$D"
same "and what would" "$RC" 0
stop_run
same "everything ends well" "$?" 0
done_testing
