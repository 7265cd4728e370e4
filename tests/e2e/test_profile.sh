#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The profile language from outside: files in and out, mistakes, questions, single rules. No root, no agent.
. "$(dirname "$0")/lib.sh"
mkdir -p "$D"
cat >"$T/site.profile" <<'PROFILE'
# Compute nodes.

class compute nodes node[001-480]
allow tcp 22   exe /usr/sbin/sshd  user root  # always
allow tcp 1024-65535 job slurm                # MPI, Jupyter inside a job
require tcp 6818 exe /usr/sbin/slurmd
deny tcp 111 severity critical reason "rpcbind is off # since March"

# The login nodes
# are few.
class login
allow tcp 22
PROFILE

# --- files ---------------------------------------------------------------------------------------------
run profile check "$T/site.profile"
same "a good file: exit 0" "$RC" 0
same "and nothing to say" "$OUT$ERR" ""
run profile import --dry-run "$T/site.profile" --data "$D"
same "a trial import: exit 0" "$RC" 0
ok "says what it would do" says "class 'compute': would be 4 added, 0 changed, 0 removed"
ok "and does nothing" eval "! ajar profile show compute --data '$D' 2>/dev/null"
run profile import "$T/site.profile" --data "$D"
same "import: exit 0" "$RC" 0
run profile export --data "$D"
ok "export says of which revision it is" grep -qxE "# ajar profile export, revision [1-9][0-9]*" <(head -1 "$T/out")
same "and gives the file back to the byte" "$(tail -n +2 "$T/out")" "$(cat "$T/site.profile")"
run profile ls -j --data "$D"
ok "both classes are accepted" jq -es 'map(select(.accepted)) | map(.class) == ["compute","login"]' "$T/out"
run profile show compute -j --data "$D"
ok "rows have all that was said" jq -es '.[0].exe == "/usr/sbin/sshd" and .[1].job == "slurm" and .[1].port_end == 65535 and
	.[2].action == "require" and .[3].severity == "critical" and .[3].reason == "rpcbind is off # since March" and
	all(.[]; .hits == 0 and .origin == "import")' "$T/out"
sed -i 's/^allow tcp 22   exe/allow tcp 2222 exe/; /^require/d' "$T/site.profile"
run profile diff compute "$T/site.profile" --data "$D"
same "diff with a changed file: exit 1" "$RC" 1
same "names the rules" "$OUT" "- allow tcp 22 exe /usr/sbin/sshd user root
- require tcp 6818 exe /usr/sbin/slurmd
+ allow tcp 2222 exe /usr/sbin/sshd user root"
run profile import "$T/site.profile" --data "$D"
ok "importing again makes the profile what the file says" says "class 'compute': 1 added, 0 changed, 2 removed, 2 as before"
run profile diff compute "$T/site.profile" --data "$D"
same "then diff: exit 0" "$RC" 0
run profile diff compute login -j --data "$D"
ok "two classes are compared" jq -es 'map(.change) == ["removed","removed","removed","added"]' "$T/out"
printf 'allow udp 53\n' | ajar profile import - --class login --add --data "$D" 2>/dev/null
run profile export login --data "$D"
ok "--add keeps what is there, from standard input too" eval "grep -qx 'allow udp 53' '$T/out' && grep -qx 'allow tcp 22' '$T/out'"

# --- what an import removes ------------------------------------------------------------------------------
class_rules() { ajar profile show shared -j --data "$D" 2>/dev/null | wc -l; }
seq -f 'allow tcp %g' 2001 2010 | ajar profile import - --class shared --data "$D" 2>/dev/null
ajar profile export shared --data "$D" 2>/dev/null | sed '/2010$/d' >"$T/shared.profile"
run profile import "$T/shared.profile" --data "$D"
same "what was exported, edited and imported removes a rule unasked" "$RC $(class_rules)" "0 9"
run profile export shared --data "$D"
same "and its revision is no comment to be kept" "$(grep -c revision "$T/out")" 1
sed '/2009$/d' "$T/out" >"$T/shared.profile"
run profile allow shared tcp 3001 --reason "a colleague's" --data "$D"
run profile import "$T/shared.profile" --data "$D"
same "not when a colleague made a rule since the export" "$RC $(class_rules)" "2 10"
ok "it says why" says "the profiles were changed since it was exported"
run profile import --add "$T/shared.profile" --data "$D"
same "with --add nothing would go" "$RC $(class_rules)" "0 10"
run profile import --yes "$T/shared.profile" --data "$D"
same "with --yes it goes" "$RC $(class_rules)" "0 8"
seq -f 'allow tcp %g' 2001 2020 | ajar profile import - --class shared --data "$D" 2>/dev/null
printf 'class shared\n' >"$T/empty.profile"
run profile import "$T/empty.profile" --data "$D"
same "an empty class removes no twenty rules unasked" "$RC $(class_rules)" "2 20"
ok "it says how many" says "would remove 20 rules"
run profile import --yes "$T/empty.profile" --data "$D"
same "but with --yes" "$RC $(class_rules)" "0 0"

# --- mistakes --------------------------------------------------------------------------------------------
cat >"$T/bad.profile" <<'PROFILE'
class x
alow tcp 22
allow tcp 100-20
allow tcp 22
allow tcp 22 user root
allow tcp 23 expires 2020-01-01
allow tcp 1024-65535
deny tcp 22 user root
allow tcp 25 usr postfix
PROFILE
run profile check "$T/bad.profile"
same "a bad file: exit 1" "$RC" 1
same "each mistake has its place and its remedy" "$OUT" "$T/bad.profile:2:1: unknown keyword 'alow' (did you mean 'allow'?)
$T/bad.profile:3:11: the range is backwards: did you mean 20-100?
$T/bad.profile:5:1: warning: shadowed: line 8 denies all of it, and a denial wins
$T/bad.profile:6:1: warning: expired: it says nothing any more
$T/bad.profile:7:1: warning: any program of any user may have all these ports: add exe, user or job
$T/bad.profile:9:14: unknown keyword 'usr' (did you mean 'user'?)"
run profile check -j "$T/bad.profile"
ok "the same as JSON" jq -es 'length == 6 and .[0] == {"file":$f,"line":2,"column":1,"level":"error","problem":"unknown keyword '"'alow' (did you mean 'allow'?)"'"}' --arg f "$T/bad.profile" "$T/out"
run profile import "$T/bad.profile" --data "$D"
same "it is not imported: exit 2" "$RC" 2
ok "and that is said" says "has 3 mistakes: nothing is imported"
run profile show x --data "$D"
same "no class of it is there" "$RC" 2
run profile import "$T/none" --data "$D"
refuses "a file that is not there" 2 "cannot read '$T/none': No such file"

# --- questions -------------------------------------------------------------------------------------------
run profile test compute tcp 4444 exe /usr/bin/nc user root --data "$D"
same "a door that nothing permits: exit 1" "$RC" 1
ok "why" grep -q "^unexpected, critical: the profile of class 'compute' has no row for tcp 4444" "$T/out"
ok "and what nearly fits" grep -q 'is about within a job' "$T/out"
run profile test compute tcp 2222 exe /usr/sbin/sshd user root --data "$D"
same "one that a row permits: exit 0" "$RC" 0
ok "which row" grep -q '^decided by row [0-9]*: allow tcp 2222 exe /usr/sbin/sshd user root' "$T/out"
run profile test compute tcp 2222 exe /usr/bin/nc user root --data "$D"
ok "the port of another program" grep -q '^impostor, critical: .*it is held by /usr/bin/nc of root' "$T/out"
run profile test compute tcp 111 user root -j --data "$D"
ok "a denial has its reason" jq -es '.[0].why | endswith("forbids tcp 111: rpcbind is off # since March")' "$T/out"
run profile test compute tcp 8888 user mlee job slurm --data "$D"
same "inside a job: exit 0" "$RC" 0
run profile test compute tcp 8888 user mlee --data "$D"
same "outside of it: exit 1" "$RC" 1

# --- single rules -----------------------------------------------------------------------------------------
run profile allow compute tcp 8443 exe /opt/x user app --reason 'vendor demo' --expires 7d --data "$D"
same "one rule more: exit 0" "$RC" 0
run profile show compute -j --data "$D"
ok "with reason, author and end" jq -es '.[-1] | .port == 8443 and .reason == "vendor demo" and .author != null and .expires != null and .origin == "manual"' "$T/out"
run profile allow compute tcp 8443 exe /opt/x user app --reason 'vendor demo 2' --data "$D"
ok "the same again changes it" says "changed: allow tcp 8443 exe /opt/x user app"
run profile rm compute tcp 8443 exe /opt/x user app --data "$D"
ok "and it goes" says "removed: allow tcp 8443 exe /opt/x user app"
run profile rm compute tcp 8443 exe /opt/x user app --data "$D"
refuses "once" 2 "class 'compute' has no such row"
run profile allow compute tcp 9092 exe '/usr/lib/jvm/java-17*/bin/java' user kafka --data "$D"
same "a program by a pattern: exit 0" "$RC" 0
run profile test compute tcp 9092 exe /usr/lib/jvm/java-17.0.10/bin/java user kafka --data "$D"
same "its next release is meant too" "$RC" 0
run profile test compute tcp 9092 exe /usr/lib/jvm/java-17.0.10/x/bin/java user kafka --data "$D"
ok "a star stands for no more than a part of the path" grep -q '^impostor' "$T/out"
run profile allow compute tcp 9092 exe /usr/lib/jvm/java-17.0.9/bin/java user kafka --data "$D"
ok "a rule for one release of them is needless" says "this rule is shadowed: row"
run profile rm compute tcp 9092 exe /usr/lib/jvm/java-17.0.9/bin/java user kafka --data "$D"
run profile rm compute tcp 9092 exe '/usr/lib/jvm/java-17*/bin/java' user kafka --data "$D"
run profile allow compute tcp 5000 job slurm --data "$D"
ok "a rule in the shadow of another is said to be" says "this rule is shadowed: row"
run profile check --data "$D"
same "and found by check: exit 1" "$RC" 1
ok "in words" grep -q '^compute: row [0-9]*: allow tcp 5000 job slurm: shadowed: row [0-9]* covers all of it' "$T/out"
run profile deny compute udp 1-1023 --reason 'no UDP below 1024' --data "$D"
same "deny: exit 0" "$RC" 0
run profile dead compute --since 0s -j --data "$D"
same "rows that never decided: exit 1" "$RC" 1
ok "denials are not dead for want of offenders" jq -es 'all(.[]; .action != "deny") and length == 3' "$T/out"
run profile allow compute tcp 22-x --data "$D"
refuses "a bad rule" 2 "a port is a number, a range LO-HI, or any"
run profile allow compute --data "$D"
refuses "no rule" 2 "allow wants a class and a rule"
run profile allow compute tcp 22 --expires 2001-01-01 --data "$D"
refuses "an end in the past" 2 "is past already"
run profile alow compute tcp 22 --data "$D"
refuses "a word nobody knows" 2 "did you mean 'allow'"
run profile test nope tcp 22 --data "$D"
refuses "a class that is not there" 2 "no host type 'nope'"
done_testing
