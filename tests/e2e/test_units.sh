#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The units as systemd runs them: a systemd of our own, pid 1 of new namespaces, with our units alone, a private /run,
# /var/lib, bpffs, cgroup tree and list of accounts. Their sandbox is real: what it forbids fails here. It ends with us.
# A BPF file system is there wherever systemd is; where nobody mounted one, this has its own.
[ "$(id -u)" != 0 ] || [ -n "${AJAR_UNITS_INSIDE:-}" ] || AJAR_UNITS_INSIDE=1 exec unshare --mount --propagation private bash "$0"
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root setpriv unshare nsenter systemctl nmap
SYSTEMD=/lib/systemd/systemd
[ -x $SYSTEMD ] || {
	echo "1..0 # SKIP systemd is missing"
	exit 77
}
chmod 755 "$T"
findmnt -t bpf /sys/fs/bpf >/dev/null || mount -t bpf bpf /sys/fs/bpf

# --- started by hand, each as who it is to be --------------------------------------------------------------

# In a subshell always, which it replaces: its pid is the program's.
as_nobody() { exec setpriv --reuid=nobody --regid=nogroup --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs "$@"; }
mkdir -p "$D" # root's; below it the roles'
install -d -o nobody -g nogroup -m 750 "$D/journal" "$D/store"
printf 'role.user nobody\nsensor.lowest-tier A\n' >"$T/conf"
UNIT=ajar-agent.service
caps=$(sed -n 's/^CapabilityBoundingSet=//p' "deploy/systemd/$UNIT")
start_agent() {
	setpriv --bounding-set="$(bounding "$@")" ajar-agent -v -C "$T/conf" --data "$D" >"$T/agent.out" 2>&1 </dev/null &
	AGENT=$!
	PIDS+=("$AGENT")
}
agent_said() { grep -q "$@" "$T/agent.out"; }
printf '#!/bin/sh\nexec cat >>%s/alerts\n' "$T" >"$T/hook"
chmod 755 "$T/hook"
install -o nobody -m 644 /dev/null "$T/alerts"

# Where nobody may enter, whatever folder the checkout is in.
cp "$BUILD/ajar" "$P/"
cd / || exit 2
as_nobody "$P/ajar" ship -v --data "$D" 2>"$T/ship.err" </dev/null &
SHIP=$!
as_nobody "$P/ajar" monitor -v --data "$D" --on-alert "$T/hook" 2>"$T/monitor.err" </dev/null &
MONITOR=$!
cd "$TOP" || exit 2
PIDS+=("$SHIP" "$MONITOR")
start_agent
WAIT=60 ok "the agent records with the capabilities of its unit" wait_for agent_said 'recording: tier A'
[ $BAD = 0 ] || tail -n 5 "$T/agent.out" "$T/ship.err" "$T/monitor.err" | sed 's/^/#   /'
same "and has none left" "$(awk '/^Cap(Inh|Prm|Eff|Bnd|Amb)/ && $2 !~ /^0+$/ { n++ } END { print n + 0 }' "/proc/$AGENT/status")" 0
ok "ship and monitor, never root, take it up" wait_for eval 'ajar ls -j --data "$D" 2>/dev/null | jq -es "length > 0"'
ok "a profile is accepted" ajar profile learn --write --data "$D"
open_door tcp 127.0.0.1 21931
ok "a new door alerts" wait_for eval 'jq -es "any(.[]; .port == 21931 and .state == \"open\")" "$T/alerts"'
close_door
ok "and its end resolves" wait_for eval 'jq -es "any(.[]; .port == 21931 and .state == \"resolved\")" "$T/alerts"'
same "the store's files are the role's" "$(stat -c %U "$D"/store/* "$D"/journal/* | sort -u)" nobody
kill "$SHIP" "$MONITOR" "$AGENT"
wait "$SHIP" "$MONITOR" "$AGENT"
same "SIGTERM ends the agent with 0" "$?" 0
for c in $caps; do
	case $c in CAP_SETPCAP | CAP_SYS_PTRACE) continue ;; esac # empties the bounding set; is for tier D: test_polling.sh
	start_agent "$c"
	ok "without $c it cannot start" wait_for agent_said error:
	agent_said error: || kill -9 "$AGENT"
	wait "$AGENT"
done
cd / || exit 2
said=$(as_nobody "$P/ajar" ship --data "$T/nowhere" 2>&1)
cd "$TOP" || exit 2
ok "a role that cannot make its folder says how it is made" grep -q 'sudo install -d -m 750' <<<"$said"

# --- started by systemd -------------------------------------------------------------------------------------

R=$T/sd
mkdir -p "$R/units/service.d"
make -s -C "$TOP" install BUILD="${BUILD%/san}" DESTDIR="$R/inst" PREFIX=/mnt >"$T/install.out" 2>&1
cp "$R"/inst/mnt/lib/systemd/system/*.service "$R/units/"
for t in sysinit basic network-pre network multi-user shutdown final umount; do
	printf '[Unit]\nDefaultDependencies=no\n' >"$R/units/$t.target"
done
printf '[Unit]\nDefaultDependencies=no\nWants=ajar-agent.service ajar-ship.service ajar-monitor.service\n' >"$R/units/ajar-test.target"
printf '[Service]\nStandardOutput=append:%s/said\nStandardError=append:%s/said\n' "$R" "$R" >"$R/units/service.d/log.conf"
cp /etc/passwd /etc/group "$R"
grep -q ^ajar: "$R/passwd" || echo 'ajar:x:64990:64990::/var/lib/ajar:/usr/sbin/nologin' >>"$R/passwd"
grep -q ^ajar: "$R/group" || echo 'ajar:x:64990:' >>"$R/group"
cat >"$R/init" <<EOF
#!/bin/bash
mount --make-rprivate / && mount -t proc proc /proc && umount -R /sys/fs/cgroup &&
	mount -t tmpfs t /sys/fs/cgroup 2>/dev/null
mount -t cgroup2 c /sys/fs/cgroup && mount -t bpf b /sys/fs/bpf &&
	mount --bind $R/passwd /etc/passwd && mount --bind $R/group /etc/group &&
	mount -t tmpfs -o mode=755 t /var/lib && mount -t tmpfs -o mode=755 t /run &&
	mount -t tmpfs -o mode=755 t /mnt && cp -r $R/inst/mnt/. /mnt && mkdir -p /run/systemd /run/lock || exit
export container=ajar-test SYSTEMD_UNIT_PATH=$R/units
exec $SYSTEMD --system --unit=ajar-test.target --log-target=null --show-status=0
EOF
chmod 755 "$R/init"
# pid 1 of the namespace ends with unshare, and everything in it with pid 1.
unshare -mpCf --kill-child=KILL "$R/init" >"$R/log" 2>&1 </dev/null &
PIDS+=("$!")
UNSHARE=$!
inside() {
	local init
	init=$(pgrep -P "$UNSHARE") || return
	nsenter -t "$init" -m -p -C "$@"
}
active() { [ "$(inside systemctl is-active "$@" | sort -u)" = active ]; }
# A sentence, a unit, a command: when it fails, how the unit is and what was said since the last one.
of_unit() {
	local bad=$BAD what=$1 unit=$2
	shift 2
	WAIT=60 ok "$what" "$@"
	[ "$BAD" = "$bad" ] || {
		inside systemctl show -p ActiveState,SubState,Result,ExecMainStatus,ExecMainCode,NRestarts,StatusText "$unit" | paste -sd ' '
		tail -n "+$((told + 1))" "$R/said" | uniq | tail -15
		tail -5 "$R/log"
	} | sed 's/^/#   /'
	told=$(grep -c '' "$R/said")
}
told=0
of_unit "systemd starts agent, ship and monitor" 'ajar-*' wait_for active ajar-agent ajar-ship ajar-monitor
main_pid() { inside systemctl show -P MainPID "$1"; }
same "ship and monitor run as ajar" "$(for u in ship monitor; do inside ps -o user= -p "$(main_pid ajar-$u)"; done | sort -u)" ajar
same "so does the agent, by now" "$(inside ps -o user= -p "$(main_pid ajar-agent)")" ajar
same "the data folder is root's, what is in it ajar's" "$(inside stat -c %U:%a /var/lib/ajar /var/lib/ajar/journal /var/lib/ajar/store | tr '\n' ' ')" \
	"root:755 ajar:750 ajar:750 "
ok "a profile is accepted" inside /mnt/bin/ajar profile learn --write
open_door tcp 127.0.0.1 21932
has() { inside /mnt/bin/ajar alerts ls -j "$@" | jq -es 'any(.[]; .port == 21932)'; }
ok "a new door alerts" wait_for has
digest() { inside /mnt/bin/ajar node "$(inside /mnt/bin/ajar node -j | jq -r .node)" -j | jq -e ".executables[] | select(.path == \"$HOLD_DOOR\") | .sha256 == \"$(sha256sum "$HOLD_DOOR" | cut -d' ' -f1)\""; }
ok "within its sandbox the shipper reads what opened it" wait_for digest
before=$(main_pid ajar-agent)
inside systemctl kill -s KILL ajar-agent
again() { active ajar-agent && [ "$(main_pid ajar-agent)" != "$before" ]; }
of_unit "a killed agent is started again" ajar-agent wait_for again
close_door
closed() { inside /mnt/bin/ajar timeline -j :21932 | jq -es 'any(.[]; .event == "close")'; }
ok "and has seen the door close" wait_for closed
# --- scans, inside of the unit's sandbox -----------------------------------------------------------------------

plan() { inside /mnt/bin/ajar scan plans set -C /mnt/ajar.conf "$@" 2>&1; }
scanned() { inside /mnt/bin/ajar scan ls -j | jq -es "any(.[]; .plan == \"$1\" and .state == \"done\" and .hosts_seen == 1)"; }
nmap_of() { # plan's ports: what is said of it in /proc
	local p
	p=$(inside pgrep -x -f "nmap .*-p $1 .*") && inside cat "/proc/$p/status" "/proc/$p/limits"
}
caught() { nmap_of "$1" >"$T/caught" && [ -s "$T/caught" ]; }
inside sh -c 'printf "scan.address 127.0.0.1\nscan.raw yes\n" >/mnt/ajar.conf'
mkdir -p "$R/units/ajar-monitor.service.d"
printf '[Service]\nExecStart=\nExecStart=/mnt/bin/ajar monitor -C /mnt/ajar.conf\n' >"$R/units/ajar-monitor.service.d/conf.conf"
inside systemctl daemon-reload
inside systemctl restart ajar-monitor
for p in rapid verify version; do plan "$p" enabled=no; done >"$T/plans"
plan quick kind=connect ports=21900-21999 every=2s idle=no host-rate=100 >>"$T/plans"
ok "the unit's scanner runs its nmap" wait_for caught 21900-21999
same "without any capability" "$(awk '/^Cap(Prm|Eff|Amb)/ && $2 !~ /^0+$/ { n++ } END { print n + 0 }' "$T/caught")" 0
same "with its limit of memory: 4 GiB" "$(awk '/^Max address space/ { print $4, $5 }' "$T/caught")" "4294967296 4294967296"
same "and without a file that it may write" "$(awk '/^Max file size/ { print $4, $5 }' "$T/caught")" "0 0"
ok "and its scan ends well" wait_for scanned quick
plan raw kind=syn ports=21900-21998 every=2s idle=no host-rate=100 >>"$T/plans"
ok "a plan of SYN scans is left, since the unit has no capability" wait_for grep -q "plan 'raw' is not run here" "$R/said"
cp deploy/systemd/raw-scans.conf "$R/units/ajar-monitor.service.d/"
inside systemctl daemon-reload
inside systemctl restart ajar-monitor
ok "with raw-scans.conf its nmap runs" wait_for caught 21900-21998
same "with CAP_NET_RAW alone" "$(awk '/^CapEff/ { print $2 }' "$T/caught")" 0000000000002000
same "the monitor has none" "$(inside awk '/^Cap(Inh|Prm|Eff|Amb)/ && $2 !~ /^0+$/ { n++ } END { print n + 0 }' "/proc/$(main_pid ajar-monitor)/status")" 0
ok "and that scan ends well" wait_for scanned raw
[ $BAD = 0 ] || { cat "$T/plans"; inside /mnt/bin/ajar scan ls; tail -20 "$R/said"; } | sed 's/^/# /'
inside systemctl stop ajar-agent ajar-ship ajar-monitor
same "stopped, nothing is left pinned" "$(inside find /sys/fs/bpf -name "ajar*")" ""
# --- with its drop-in the canary has a cgroup ------------------------------------------------------------------

# In tier A, which takes the root of cgroup v2.
sensor_said() { inside /mnt/bin/ajar node "$(inside /mnt/bin/ajar node -j | jq -r .node)" | grep '^sensor '; }
tier_a() { sensor_said | grep -q 'tier A'; }
canaries() { inside find /sys/fs/cgroup -maxdepth 1 -name 'ajar-canary-*' -exec cat {}/cgroup.procs \; | grep -c .; }
no_cgroup() { [ -z "$(inside find /sys/fs/cgroup -maxdepth 1 -name 'ajar*')" ]; }
elsewhere() { ! tier_a || { [ "$(canaries)" = 1 ] && ! sensor_said | grep -q 'another cgroup not watched'; }; }
without_elsewhere() { ! tier_a || sensor_said | grep -q 'another cgroup not watched: cgroup v2 is read-only here'; }
ok "without the drop-in the node says that its hooks are not tried from another cgroup" without_elsewhere
for u in agent run; do
	mkdir -p "$R/units/ajar-$u.service.d"
	cp deploy/systemd/canary-cgroup.conf "$R/units/ajar-$u.service.d/"
done
inside systemctl daemon-reload
inside systemctl start ajar-run
of_unit "ajar-run starts, the other three do not beside it" ajar-run active ajar-run
open_door tcp 127.0.0.1 21933
seen() { inside /mnt/bin/ajar alerts ls -j | jq -es 'any(.[]; .port == 21933)'; }
of_unit "it alerts as well" ajar-run wait_for seen
of_unit "with canary-cgroup.conf its hooks are tried from another cgroup" ajar-run wait_for elsewhere
close_door
inside systemctl start ajar-agent
of_unit "ajar-agent takes its place" ajar-agent wait_for eval 'active ajar-agent && ! active ajar-run'
of_unit "and so they are when the agent takes its place" ajar-agent wait_for elsewhere
inside systemctl stop ajar-agent
ok "which leaves no cgroup behind" wait_for no_cgroup
same "nothing has failed" "$(inside systemctl list-units --failed --plain --no-legend | grep ajar)" ""
done_testing
