#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Learning from scan files of all kinds: what real nmap writes here, the dialects of older ones and of other scanners, files that are
# none or not whole. What is left out is said with the reason, and a document type is never fetched.
. "$(dirname "$0")/lib.sh"
need_root nmap ip strace gzip
mkdir -p "$D"
S=sqlite:$D/store.db
NS=ajnf$$
trap 'ip netns del $NS 2>/dev/null; finish' EXIT
ip netns add "$NS" && ip -n "$NS" link set lo up || exit 1

learn() { run profile learn --from-nmap "$1" --class x -j --store "$S"; }
# Rules as "22 1/2": the port, nodes seen of nodes in all.
rules() { jq -r '"\(.port) \(.nodes_seen)/\(.nodes_total)"' "$T/out" | paste -sd ' '; }
host() { # address, ports, more elements
	printf '<host><status state="up" reason="x"/><address addr="%s" addrtype="ipv4"/>%s<ports>' "$1" "${3:-}"
	for p in $2; do printf '<port protocol="tcp" portid="%s"><state state="open"/></port>' "$p"; done
	printf '</ports></host>\n'
}
named() { printf '<hostnames><hostname name="%s" type="%s"/></hostnames>' "$1" "$2"; }
ENDED='<runstats><finished time="2" exit="success"/></runstats></nmaprun>'

# --- what nmap writes here --------------------------------------------------------------------------------
ip netns exec "$NS" "$HOLD_DOOR" tcp 127.0.0.1 2222 >/dev/null 2>&1 &
PIDS+=($!)
ip netns exec "$NS" nmap -n -p22,2222 127.0.0.1 -oX "$T/n.xml" -oN "$T/n.txt" -oG "$T/g.txt" -oS "$T/s.txt" >/dev/null 2>&1
ip netns exec "$NS" nmap -n -sn 127.0.0.1 -oX "$T/ping.xml" >/dev/null 2>&1
cp "$T/n.xml" "$T/append.xml"
ip netns exec "$NS" nmap -n -p22 127.0.0.2 --append-output -oX "$T/append.xml" >/dev/null 2>&1
learn "$T/n.txt"
refuses "normal output" 2 "is nmap's normal output (-oN): make XML with"
learn "$T/g.txt"
refuses "grepable output" 2 "is grepable output (-oG)"
learn "$T/s.txt"
refuses "s|<rIpt kIddi3 output" 2 "(-oS)"
gzip -k "$T/n.xml"
learn "$T/n.xml.gz"
refuses "a compressed file" 2 "is compressed with gzip: unpack it first: 'zcat FILE | ajar profile learn --from-nmap -'"
zcat "$T/n.xml.gz" | timeout 30 ajar profile learn --from-nmap - --class x -j --store "$S" >"$T/out" 2>"$T/err"
same "and what the remedy says works" "$?" 0
learn "$T/append.xml"
same "two appended runs: exit 0" "$RC" 0
ok "are said" says "the file has 2 runs of nmap, one after another: all are read"
ok "both hosts count" says "2 hosts"
learn "$T/ping.xml"
same "a ping scan: exit 2" "$RC" 2
ok "says that no port was scanned" says "left out: 1 host: up, but no port of it was scanned"

# --- files that are none ------------------------------------------------------------------------------------
: >"$T/empty"
learn "$T/empty"
refuses "an empty file" 2 "is empty"
learn "$T"
refuses "a directory" 2 "is a directory: name a file in it"
mkfifo "$T/fifo"
learn "$T/fifo"
refuses "a FIFO without a writer" 2 "is a FIFO that nobody has written to for 5 s"
cat "$T/n.xml" >"$T/fifo" &
PIDS+=($!)
learn "$T/fifo"
same "a FIFO with one: exit 0" "$RC" 0
iconv -f UTF-8 -t UTF-16 "$T/n.xml" >"$T/utf16.xml"
learn "$T/utf16.xml"
refuses "UTF-16" 2 "is in UTF-16"
printf '<!DOCTYPE html>\n<html><body/></html>' >"$T/page.html"
learn "$T/page.html"
refuses "an HTML page" 2 "is an HTML page"
echo '[ { "ip": "127.0.0.1", "ports": [ {"port": 22} ] } ]' >"$T/masscan.json"
learn "$T/masscan.json"
refuses "masscan's JSON" 2 "is masscan's JSON (-oJ): masscan writes nmap's XML with '-oX FILE'"
{
	echo 'Warning: n1 resolves to 2 IPs. Only scanned 127.0.0.1'
	cat "$T/n.xml"
} >"$T/warned.xml"
learn "$T/warned.xml"
refuses "words of nmap before its XML" 2 "has other text before its XML"
# shellcheck disable=SC2016
same "which says how to leave them out" "$(sed -n "/<nmaprun/,\$p" "$T/warned.xml" | timeout 30 ajar profile learn --from-nmap - --class x -j --store "$S" 2>/dev/null | wc -l)" 1
printf '\234\001\363noise' >"$T/noise"
learn "$T/noise"
refuses "noise" 2 "is binary data"
learn /dev/null
refuses "no bytes at all" 2 "is empty"
echo '<?xml version="1.0"?><nmapdiff/>' >"$T/diff.xml"
learn "$T/diff.xml"
refuses "ndiff's XML" 2 "is ndiff's XML"

# --- dialects --------------------------------------------------------------------------------------------------
{
	echo '<?xml version="1.0" encoding="iso-8859-1"?><nmaprun scanner="nmap" profile_name="Quick" version="4.76"><output type="interactive">Starting Nmap'
	echo '22/tcp open</output>'
	host 10.99.7.1 22
	echo '<runstats><finished time="2" timestr="x"/></runstats></nmaprun>'
} >"$T/zenmap.xml"
learn "$T/zenmap.xml"
same "a file that Zenmap saved" "$RC $(rules)" "0 22 1/1"
{
	echo '<?xml version="1.0"?><!-- masscan v1.0 scan --><nmaprun scanner="masscan" version="1.0-BETA">'
	for p in 22 80 80; do
		echo "<host endtime=\"1\"><address addr=\"10.99.7.1\" addrtype=\"ipv4\"/><ports><port protocol=\"tcp\" portid=\"$p\"><state state=\"open\"/></port></ports></host>"
	done
	echo '<host endtime="1"><address addr="10.99.7.2" addrtype="ipv4"/><ports><port protocol="tcp" portid="22"><state state="open"/></port></ports></host>'
	echo '<runstats><finished time="2" elapsed="3" /><hosts up="2" down="0" total="2" /></runstats></nmaprun>'
} >"$T/masscan.xml"
run profile learn --from-nmap "$T/masscan.xml" --class x --quorum 10% -j --store "$S"
same "masscan's host for each port is one node" "$RC $(rules)" "0 22 2/2 80 1/2"
ok "and that is said" says "4 entries are of 2 nodes: a node counts once"
ok "a port that is listed twice counts once" says "2 hosts, 3 open ports"
{
	echo '<nmaprun>'
	host 10.99.7.1 22 "$(named pool.example PTR)"
	host 10.99.7.2 22 "$(named pool.example PTR)"
	host 10.99.7.3 '22 80' "$(named pool.example PTR)"
	host 10.99.7.4 22 "$(named 10.99.7.2 PTR)"
	echo "$ENDED"
} >"$T/ptr.xml"
run profile learn --from-nmap "$T/ptr.xml" --class x --outliers -j --store "$S"
same "hosts of one reverse name are as many nodes, and the quorum holds" "$RC $(rules)" "0 22 4/4 80 1/4"
ok "which is said" says "3 hosts have the name of another ('pool.example'): each address counts as a node of its own"
{
	echo '<nmaprun>'
	host 10.99.7.1 22 "$(named n1 user)"
	printf '<host><status state="up"/><address addr="fd00::1" addrtype="ipv6"/>%s<ports><port protocol="tcp" portid="22"><state state="open"/></port></ports></host>' "$(named n1 user)"
	echo "$ENDED"
} >"$T/dual.xml"
learn "$T/dual.xml"
same "IPv4 and IPv6 of one name that a person gave are one node" "$RC $(rules)" "0 22 1/1"

# --- what is left out ------------------------------------------------------------------------------------------
{
	echo '<nmaprun>'
	host 10.99.7.1 22
	echo '<host><status state="up"/><address addr="00:11:22:33:44:55" addrtype="mac"/><ports><port protocol="tcp" portid="23"><state state="open"/></port></ports></host>'
	echo '<host><status state="down"/><address addr="10.99.7.2" addrtype="ipv4"/></host><host><status state="down"/><address addr="10.99.7.3" addrtype="ipv4"/></host>'
	echo '<host timedout="true"><status state="up"/><address addr="10.99.7.4" addrtype="ipv4"/></host>'
	echo '<host><status state="up"/><address addr="10.99.7.5" addrtype="ipv4"/><ports><port protocol="udp" portid="161"><state state="open|filtered"/></port><port protocol="ip" portid="1"><state state="open"/></port><port protocol="tcp" portid="25"/></ports></host>'
	echo "$ENDED"
} >"$T/left.xml"
run profile learn --from-nmap "$T/left.xml" --class x --quorum 10% -j --store "$S"
same "what can be read is read" "$RC $(rules)" "0 22 1/2"
{
	echo '<nmaprun>'
	host 10.99.7.1 '0 22 65536'
	host 10.99.7.2 "$(seq 2000)"
	echo "$ENDED"
} >"$T/odd.xml"
learn "$T/odd.xml"
same "port 0 makes no rule for any port, nor does a host that answers on each" "$RC $(rules)" "0 22 1/1"
ok "port 0 is said" says "left out: 1 port: 0, which no service has"
ok "a port over 65535 is said" says "left out: 1 port: of a protocol other than TCP, UDP and SCTP, or without a valid number"
ok "the host is said" says "left out: 1 host: open on more than 1024 ports"
run profile learn --from-nmap "$T/left.xml" --class x --quorum 10% -j --store "$S"
for why in '1 host: without an IPv4 or IPv6 address' '2 hosts: down' '1 host: given up by nmap (--host-timeout)' '1 port: open|filtered' \
	'1 port: of a protocol other than TCP, UDP and SCTP' '1 port: without a state that is known'; do
	ok "left out and said: $why" says "left out: $why"
done
echo "<nmaprun>$ENDED" >"$T/none.xml"
learn "$T/none.xml"
refuses "a run without hosts" 2 "has no host that is up and whose ports were scanned"

# --- services ------------------------------------------------------------------------------------------------------
probed() { printf '<port protocol="tcp" portid="%s"><state state="open"/><service name="%s" method="%s" conf="%s"/></port>' "$@"; }
{
	echo '<nmaprun><host><status state="up"/><address addr="10.99.7.1" addrtype="ipv4"/><ports>'
	probed 22 http probed 10
	probed 80 mysql probed 10
	probed 443 https table 3
	probed 25 tcpwrapped probed 8
	probed 13 '*' probed 10
	probed 14 's&#255;h?' probed 10
	probed 15 'a&#10;allow tcp any' probed 10
	echo "</ports></host>$ENDED"
} >"$T/services.xml"
learn "$T/services.xml"
same "services that were probed are kept, what a port's number suggests or is a pattern is not" \
	"$(jq -r 'select(.service != null) | "\(.port) \(.service)"' "$T/out" | sort -n | paste -sd ' ')" "22 http 80 mysql"

# --- not whole -------------------------------------------------------------------------------------------------
{
	echo '<?xml version="1.0"?><nmaprun>'
	host 10.99.7.1 22
	host 10.99.7.2 22
	host 10.99.7.3 22
} >"$T/whole"
head -c -40 "$T/whole" >"$T/cut.xml"
learn "$T/cut.xml"
same "half a file: the finished hosts are read" "$RC $(rules)" "0 22 2/2"
ok "and that is said" says "it ends in the middle: nmap was killed or failed: only the 2 hosts that were finished before are read"
{
	cat "$T/cut.xml"
	cat "$T/masscan.xml"
} >"$T/cut2.xml"
learn "$T/cut2.xml"
same "a killed run with another appended: both are read" "$RC" 0
ok "and the killed one is said" says "1 of its 2 runs ends in the middle"

# --- nothing is fetched --------------------------------------------------------------------------------------
echo 'secret' >"$T/secret"
for id in "SYSTEM \"file://$T/secret\"" "PUBLIC \"-//IDN nmap.org//DTD Nmap XML 1.04//EN\" \"file://$T/secret\"" "PUBLIC \"-//IDN nmap.org//DTD Nmap XML 1.04//EN\" \"http://127.0.0.1:9/x.dtd\""; do
	printf '<?xml version="1.0"?><!DOCTYPE nmaprun %s><nmaprun args="&x;">%s%s' "$id" "$(host 10.99.7.1 22)" "$ENDED" >"$T/dtd.xml"
	timeout 60 strace -f -e trace=open,openat,connect,socket -o "$T/trace" ajar profile learn --from-nmap "$T/dtd.xml" --class x --store "$S" >"$T/out" 2>"$T/err"
	ok "no file and no host is asked for the DTD of $id" eval "grep -q dtd.xml '$T/trace' && ! grep -qE 'secret|AF_INET' '$T/trace'"
done
done_testing
