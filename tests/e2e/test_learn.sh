#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Learning a class of 20 nodes over a window, deciding rule by rule, and learning from one nmap scan. No root, no agent.
. "$(dirname "$0")/lib.sh"
mkdir -p "$D"
S=sqlite:$D/store.db
"$BUILD/tests/helpers/fill_class" "$S" 20 48 || exit 1

run profile learn --class compute --since 7d -j --outliers --store "$S"
same "learning over a window: exit 0" "$RC" 0
ok "six rules: sshd, chronyd as root and as its own user, slurmd, mpirun's range, jobs" jq -es 'map(select(.outlier | not)) | length == 6' "$T/out"
ok "a program with other high ports each time is one range" jq -es 'any(.[]; .exe == "/usr/bin/mpirun" and .port == 32768 and .port_end == 60999 and .user == "mlee")' "$T/out"
ok "doors of jobs are one rule for jobs" jq -es 'any(.[]; .job == "slurm" and .exe == null and .port == 1024)' "$T/out"
ok "and says so" jq -es 'any(.[]; .exe == "/usr/bin/mpirun" and (.basis == "picked" or .basis == "kernel") and .ports_seen > 1 and (.basis_text | length) > 0)' "$T/out"
ok "no service is known from a port's number" jq -es 'all(.[]; .service == null) and any(.[]; .port == 22 and .service_hint == "ssh")' "$T/out"
ok "what was open all the time is stable" jq -es 'any(.[]; .port == 22 and .score_permille == 1000 and .slots_seen == .slots_total and .slots_total >= 48)' "$T/out"
ok "what was open half of it is half as stable" jq -es 'any(.[]; .port == 6818 and .score_permille > 400 and .score_permille < 600)' "$T/out"
ok "a door on 2 of 20 nodes is an outlier" jq -es 'any(.[]; .outlier and .port == 4444 and .nodes == "node[001-002]" and .nodes_seen == 2 and .nodes_total == 20 and .why == "the quorum is 80.0 %")' "$T/out"
ok "so is what lies in /tmp" jq -es 'any(.[]; .outlier and .port == 5555 and (.why | contains("users may write")))' "$T/out"
ok "and both are said" eval "grep -q 'left out: allow tcp 4444 .*2 of 20 nodes.*node\\[001-002\\]' '$T/err' && grep -q 'left out: allow tcp 5555' '$T/err'"
run profile learn --class compute --quorum 10% -j --store "$S"
ok "with a lower quorum it is a rule" jq -es 'any(.[]; .port == 4444)' "$T/out"
run profile learn --class compute --quorum 2 --store "$S"
refuses "a quorum of two" 2 "is a fraction of the class's nodes"
run profile learn --class compute --since 7d --text --store "$S"
ok "the text is a profile" eval "ajar profile check '$T/out'"
ok "with what is left out as comments" grep -q '^# allow tcp 4444 .*node\[001-002\]$' "$T/out"
ok "nothing is accepted by looking" eval "ajar profile ls -j --store '$S' 2>/dev/null | jq -es '.[0].accepted == false and .[0].rows == 0'"

# --- rule by rule ----------------------------------------------------------------------------------------
run profile accept compute all --store "$S"
refuses "nothing proposed yet" 2 "nothing is proposed for class 'compute'"
run profile learn --class compute --since 7d --propose --store "$S"
ok "a proposal is kept" says "kept: look with 'ajar profile proposal compute'"
run profile proposal compute -j --store "$S"
ok "rules first, then outliers, all pending" jq -es 'length == 8 and all(.[]; .state == "pending") and map(.number) == [range(1;9)] and (map(.kind)[6:] == ["outlier","outlier"])' "$T/out"
number() { ajar profile proposal compute -j --store "$S" | jq -r "select(.rule | contains(\"$1\")).number"; }
run profile reject compute "$(number mpirun)" --store "$S"
ok "one is rejected" says "0 accepted, 1 rejected, 5 left"
run profile accept compute "$(number 'tcp 22 ')" --store "$S"
ok "one is accepted" says "1 accepted, 0 rejected, 4 left"
run profile accept compute all --store "$S"
ok "then the rest; not the outliers" says "4 accepted, 0 rejected, 0 left"
run profile show compute -j --store "$S"
ok "they are the profile" jq -es 'length == 5 and all(.[]; .origin == "learned") and all(.[]; .port != 4444 and .exe != "/usr/bin/mpirun")' "$T/out"
run profile proposal compute -j --store "$S"
ok "the decisions are kept" jq -es 'map(.state) | (map(select(. == "accepted")) | length) == 5 and (map(select(. == "rejected")) | length) == 1' "$T/out"
run profile accept compute "$(number 'tcp 4444')" --store "$S"
ok "an outlier is accepted when a person says its number" says "1 accepted"
run profile accept compute 99 --store "$S"
refuses "a number that is not there" 2 "nothing is proposed as number 99"
run profile accept compute --store "$S"
refuses "no number and no terminal" 2 "which? give numbers or all"

# --- in an editor -------------------------------------------------------------------------------------------
cat >"$T/editor" <<'EDIT'
#!/bin/sh
sed -i -e '/mpirun/d' -e 's/^allow tcp 6818 /require tcp 6818 /' "$1"
EDIT
chmod +x "$T/editor"
S2=sqlite:$D/second.db
"$BUILD/tests/helpers/fill_class" "$S2" 20 48 || exit 1
ajar profile learn --class compute --since 7d --propose --store "$S2" >/dev/null 2>&1
EDITOR="$T/editor" run profile accept compute --edit --store "$S2"
same "deciding in an editor: exit 0" "$RC" 0
run profile show compute -j --store "$S2"
ok "what was taken out is not there, what was changed is as it was changed" jq -es 'length == 5 and all(.[]; .exe != "/usr/bin/mpirun") and any(.[]; .action == "require" and .port == 6818)' "$T/out"
EDITOR=/bin/false run profile accept compute --edit --store "$S2"
refuses "an editor that fails" 2 "the editor exited with status 1: nothing is accepted"

# --- from one scan --------------------------------------------------------------------------------------------
cat >"$T/scan.xml" <<'XML'
<?xml version="1.0"?>
<!DOCTYPE nmaprun>
<nmaprun scanner="nmap" args="nmap -p- -oX scan.xml node001" start="1795363262" version="7.93" xmloutputversion="1.05">
<scaninfo type="connect" protocol="tcp" numservices="65535" services="1-65535"/>
<host starttime="1795363262" endtime="1795363264"><status state="up" reason="syn-ack" reason_ttl="0"/>
<address addr="127.0.0.1" addrtype="ipv4"/><hostnames><hostname name="node001" type="user"/></hostnames>
<ports><port protocol="tcp" portid="22"><state state="open" reason="syn-ack" reason_ttl="0"/><service name="ssh" method="table" conf="3"/></port>
<port protocol="tcp" portid="111"><state state="closed" reason="conn-refused" reason_ttl="0"/></port>
<port protocol="tcp" portid="6818"><state state="open" reason="syn-ack" reason_ttl="0"/><service name="slurmd-x" method="table" conf="3"/></port>
<port protocol="tcp" portid="443"><state state="open" reason="syn-ack" reason_ttl="0"/><service name="ssh" product="OpenSSH" version="9.2p1" method="probed" conf="10"/></port>
<port protocol="tcp" portid="8443"><state state="open" reason="syn-ack" reason_ttl="0"/><service name="http" tunnel="ssl" method="probed" conf="10"/></port>
<port protocol="tcp" portid="9999"><state state="open" reason="syn-ack" reason_ttl="0"/><service name="tcpwrapped" method="probed" conf="8"/></port>
</ports></host>
<runstats><finished time="1795363264" elapsed="2" exit="success"/><hosts up="1" down="0" total="1"/></runstats>
</nmaprun>
XML
run profile learn --from-nmap "$T/scan.xml" --class storage --write --store "$S"
same "learning from a scan: exit 0" "$RC" 0
ok "says what it cannot know" says "who holds them only the kernel can tell"
run profile export storage --store "$S"
same "only what nmap has probed is a service; a name of its table is none" "$(grep -o '^allow tcp [0-9]*\( service [a-z/-]*\)\?' "$T/out")" "allow tcp 22
allow tcp 443 service ssh
allow tcp 6818
allow tcp 8443 service ssl/http
allow tcp 9999"
run profile show storage -j --store "$S"
ok "which the origin says" jq -es 'all(.[]; .origin == (if .service then "probed" else "learned" end))' "$T/out"
run profile learn --from-nmap "$T/scan.xml" --class storage -j --store "$S"
ok "the name by the port's number is a hint" jq -es 'any(.[]; .port == 22 and .service == null and .service_hint == "ssh") and any(.[]; .port == 443 and .service == "ssh" and .service_hint == null)' "$T/out"
head -c 600 "$T/scan.xml" >"$T/cut.xml"
run profile learn --from-nmap "$T/cut.xml" --class storage --store "$S"
refuses "half a scan" 2 "make one with 'nmap -p- -oX FILE HOST'"
printf '<!DOCTYPE nmaprun [<!ENTITY a "b">]><nmaprun/>' >"$T/bomb.xml"
run profile learn --from-nmap "$T/bomb.xml" --class storage --store "$S"
refuses "one with entities" 2 "$T/bomb.xml"
done_testing
