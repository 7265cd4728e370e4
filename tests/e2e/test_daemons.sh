#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# shellcheck disable=SC2034 # NAME_program and the like are read by the name of the daemon
# run.sh: within 600 s, for nine daemons and an ajar run each share the processors
# Real daemons of the distribution, each in namespaces of its own (network and mounts, /run is empty) with an ajar run of its own:
# learned while they are started and used; then started again and used again, where every alert is a false one; then another
# program takes their port, and one of another user opens a door beside it, where no alert is a miss. Prints the table.
# AJAR_DAEMONS="unbound bind9": these alone; so also those that need much below them, by hand: openmpi, jupyter, pasta.
if [ "$(id -u)" = 0 ] && [ -n "${AJAR_DAEMON:-}" ] && [ -z "${AJAR_DAEMON_INSIDE:-}" ]; then
	AJAR_DAEMON_INSIDE=1 exec unshare --net --mount --propagation private bash "$0"
fi
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
need_root ip ss python3 setpriv

LIGHT='unbound bind9 dnsmasq avahi vsftpd statd rpcbind chrony ssh'
PYTHON=/usr/bin/python3
MARK=59999 BESIDE=48123

# --- what they share -------------------------------------------------------------------------------------------------
behind() { # in the background; its pid is in LAST
	"$@" >>"$T/daemon.log" 2>&1 </dev/null &
	LAST=$!
	PIDS+=("$LAST")
}
start() { # the daemon; its pid is in DAEMON
	behind "$@"
	DAEMON=$LAST
}
# As a user that every Debian has, who is nobody's daemon; with a home of its own.
# "exec", for it is the program that start() has to end, not a shell around it.
as_games() { exec setpriv --reuid=games --regid=games --clear-groups env -u XDG_RUNTIME_DIR HOME="$T/games" "$@"; }
stop() { # a pid
	kill "$1" 2>/dev/null
	WAIT=10 wait_for not kill -0 "$1" || kill -9 "$1" 2>/dev/null
	wait "$1" 2>/dev/null
	return 0
}
listens() { ss -Hltun "sport = :$1" | grep -q .; }
silent() { ! listens "$1"; }
view() { timeout 30 ajar "$@" --data "$D" 2>/dev/null; }
dns() { # port: names that are in no cache, one after the other
	$PYTHON - "$1" <<'PY'
import os, socket, sys
for i in range(20):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.connect(("127.0.0.1", int(sys.argv[1])))
    name = os.urandom(4).hex().encode()
    s.send(b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + bytes([len(name)]) + name + b"\x07example\x00\x00\x01\x00\x01")
    s.recv(512)
PY
}
# What resolvers ask: answers any name. It is started once and stays.
upstream() {
	behind dnsmasq -k --conf-file=/dev/null --port=5399 --listen-address=127.0.0.2 --bind-interfaces --no-resolv --no-hosts \
		--address=/example/192.0.2.1 --pid-file=
	wait_for listens 5399
}

# --- the daemons: NAME_program must be there; NAME_begin starts it, NAME_use uses it; PORT (PROTO, ADDR) is what is taken -------
unbound_program=unbound
unbound_once() { upstream; }
unbound_begin() {
	PORT=53 PROTO=udp ADDR=127.0.0.1
	printf '%s\n' server: ' interface: 127.0.0.1' ' do-daemonize: no' ' chroot: ""' " directory: $T" ' pidfile: ""' ' use-syslog: no' \
		' do-not-query-localhost: no' ' module-config: "iterator"' remote-control: ' control-enable: no' \
		forward-zone: ' name: "."' ' forward-addr: 127.0.0.2@5399' >"$T/unbound.conf"
	start unbound -d -c "$T/unbound.conf"
	wait_for listens $PORT
}
unbound_use() { dns $PORT; }

bind9_program=named
bind9_once() {
	mkdir -p "$T/named" /run/named && chown bind: "$T/named" /run/named
	upstream
}
bind9_begin() {
	PORT=53 PROTO=udp ADDR=127.0.0.1
	printf '%s\n' 'options {' "directory \"$T/named\";" 'pid-file none; session-keyfile none; dnssec-validation no; recursion yes;' \
		'listen-on { 127.0.0.1; }; listen-on-v6 { none; }; forward only; forwarders { 127.0.0.2 port 5399; };' \
		'};' 'controls { };' >"$T/named.conf"
	chown bind "$T/named.conf"
	start named -g -u bind -c "$T/named.conf"
	wait_for listens $PORT
}
bind9_use() { dns $PORT; }

dnsmasq_program=dnsmasq
dnsmasq_once() { upstream; }
dnsmasq_begin() {
	PORT=53 PROTO=udp ADDR=127.0.0.1
	start dnsmasq -k --conf-file=/dev/null --listen-address=127.0.0.1 --bind-interfaces --no-resolv --no-hosts \
		--server=127.0.0.2#5399 --pid-file=
	wait_for listens $PORT
}
dnsmasq_use() { dns $PORT; }

avahi_program=avahi-daemon
avahi_once() { mkdir -p /run/avahi-daemon && chown avahi: /run/avahi-daemon; }
avahi_begin() {
	PORT=5353 PROTO=udp
	printf '%s\n' '[server]' host-name=test enable-dbus=no allow-interfaces=lan0 '[publish]' publish-workstation=yes >"$T/avahi.conf"
	start avahi-daemon --no-chroot --no-rlimits -f "$T/avahi.conf"
	wait_for listens $PORT
}
# A legacy client: its query is answered to the port that it came from.
avahi_use() {
	$PYTHON - <<'PY'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.77.0.1"))
s.settimeout(0.3)
s.sendto(b"\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04test\x05local\x00\x00\x01\x00\x01", ("224.0.0.251", 5353))
try:
    s.recv(512)
except OSError:
    pass
PY
}

vsftpd_program=vsftpd
vsftpd_once() {
	mkdir -p "$T/ftp" /run/vsftpd/empty && echo hello >"$T/ftp/f" && chmod 755 "$T" "$T/ftp"
}
vsftpd_begin() {
	PORT=21
	printf '%s\n' listen=YES anonymous_enable=YES local_enable=NO anon_root="$T/ftp" background=NO >"$T/vsftpd.conf"
	start vsftpd "$T/vsftpd.conf"
	wait_for listens $PORT
}
vsftpd_use() { # passive transfers
	$PYTHON - <<'PY'
import ftplib
for i in range(2):
    f = ftplib.FTP()
    f.connect("127.0.0.1", 21, timeout=10)
    f.login()
    f.retrbinary("RETR f", len)
    f.nlst()
    f.quit()
PY
}

rpcbind_program=rpcbind
rpcbind_begin() {
	PORT=111
	start rpcbind -f -w
	wait_for listens $PORT
}
rpcbind_use() { rpcinfo -p 127.0.0.1 && rpcinfo -T udp 127.0.0.1 portmapper; }

statd_program=rpc.statd
statd_port() { rpcinfo -p 127.0.0.1 2>/dev/null | awk '$5 == "status" && $3 == "tcp" { print $4; exit }'; }
statd_once() {
	mkdir -p "$T/nfs/sm" "$T/nfs/sm.bak" && chown -R statd "$T/nfs" && chmod 755 "$T"
	behind rpcbind -f -w
	wait_for listens 111
}
statd_begin() {
	rpcinfo -d status 1 2>/dev/null # of one before, that was ended
	start rpc.statd -F -P "$T/nfs"
	wait_for eval '[ -n "$(statd_port)" ] && listens "$(statd_port)"'
	PORT=$(statd_port)
}
# Its ports are the kernel's choice, so the use of it is to be started: for so long that the UDP ports are doors and not a client's.
statd_settled() { view timeline -j --since 1h | jq -es "any(.[]; .event == \"settle\" and .scope == \"loopback\" and .opener.pid == $DAEMON)"; }
statd_use() {
	rpcinfo -T udp 127.0.0.1 status && rpcinfo -T tcp 127.0.0.1 status
	wait_for statd_settled
	stop "$DAEMON"
	statd_begin
}

chrony_program=chronyd
chrony_once() { # a server to ask
	mkdir -p /run/chrony
	printf '%s\n' 'bindaddress 127.0.0.2' 'allow 127.0.0.0/8' 'local stratum 8' 'cmdport 0' 'bindcmdaddress /' "pidfile $T/server.pid" \
		>"$T/server.conf"
	behind chronyd -x -d -f "$T/server.conf"
	wait_for listens 123
}
chrony_begin() {
	PORT=323 PROTO=udp ADDR=127.0.0.1
	printf '%s\n' 'server 127.0.0.2 iburst minpoll 0 maxpoll 0' 'port 0' 'bindcmdaddress /' "pidfile $T/client.pid" >"$T/client.conf"
	start chronyd -x -d -f "$T/client.conf"
	wait_for listens $PORT
}
chrony_use() { timeout 10 chronyc -n -h 127.0.0.1 tracking && timeout 10 chronyc -n -h 127.0.0.1 sources; }

ssh_program=/usr/sbin/sshd
ssh_once() {
	ssh-keygen -qt ed25519 -N '' -f "$T/host_key" && ssh-keygen -qt ed25519 -N '' -f "$T/key"
	mkdir -p /run/sshd
}
ssh_begin() {
	PORT=22
	printf '%s\n' "HostKey $T/host_key" 'UsePAM no' 'PidFile none' 'StrictModes no' 'PermitRootLogin yes' \
		"AuthorizedKeysFile $T/key.pub" >"$T/sshd.conf"
	start /usr/sbin/sshd -D -e -f "$T/sshd.conf"
	wait_for listens $PORT
}
# Forwardings as people have them in their configuration: -L and -D are doors of ssh, -R one of sshd.
ssh_use() {
	local client
	behind ssh -F none -i "$T/key" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ExitOnForwardFailure=yes \
		-N -L 3301:127.0.0.1:22 -D 3302 -R 3303:127.0.0.1:22 root@127.0.0.1
	client=$LAST
	wait_for listens 3303 && wait_for listens 3302
	stop "$client"
	wait_for silent 3303
}

openmpi_program=mpirun
openmpi_once() {
	cat >"$T/job.py" <<'PY'
import ctypes
mpi = ctypes.CDLL("libmpi.so.40", ctypes.RTLD_GLOBAL)
mpi.MPI_Init(None, None)
world = ctypes.byref(ctypes.c_char.in_dll(mpi, "ompi_mpi_comm_world"))
for i in range(5):
    mpi.MPI_Barrier(world)
mpi.MPI_Finalize()
PY
	chmod 755 "$T" && chmod 644 "$T/job.py"
}
# No daemon, and the ports from 1024 on are in TIME_WAIT: one above is taken.
openmpi_begin() { PORT=1060 DAEMON=; }
openmpi_use() {
	(as_games timeout -k 5 60 mpirun --oversubscribe -np 4 --mca btl tcp,self --mca pml ob1 --mca btl_tcp_if_include lan0 \
		$PYTHON "$T/job.py")
}

jupyter_program=jupyter-notebook
jupyter_begin() {
	PORT=8888 ADDR=127.0.0.1
	start as_games jupyter-notebook --no-browser --ip=127.0.0.1 --port=$PORT --port-retries=0 --NotebookApp.token= --NotebookApp.password= \
		--NotebookApp.disable_check_xsrf=True --notebook-dir="$T/games"
	WAIT=60 wait_for listens $PORT
}
jupyter_use() { # a kernel, used and ended
	$PYTHON - <<'PY'
import json, threading, urllib.request as r
u = "http://127.0.0.1:8888/api/kernels"
k = json.load(r.urlopen(r.Request(u, b"{}", {"Content-Type": "application/json"}), timeout=60))["id"]
for i in range(100):
    if json.load(r.urlopen(u + "/" + k, timeout=60))["execution_state"] != "starting":
        break
    threading.Event().wait(0.1)
r.urlopen(r.Request(u + "/" + k, method="DELETE"), timeout=60)
PY
}

pasta_program=pasta
pasta_begin() {
	PORT=8080
	start as_games pasta -f --config-net -t 8080:8000 -u none -T none -U none -- $PYTHON -m http.server -b 127.0.0.1 8000
	wait_for pasta_use
}
pasta_use() { $PYTHON -c 'import urllib.request; urllib.request.urlopen("http://127.0.0.1:8080/", timeout=10).read()'; }

# --- one daemon, inside ----------------------------------------------------------------------------------------------
# Whatever a daemon left behind in a network namespace of ours.
sweep() { # namespace [signal]
	local net=${1%]} p
	net=${net#net:[}
	shift
	for p in $(find /proc -maxdepth 3 -path '/proc/[0-9]*/ns/net' -lname "net:\\[$net\\]" 2>/dev/null | cut -d/ -f3); do
		[ "$p" = $$ ] || [ "$p" = "$BASHPID" ] || kill "$@" "$p" 2>/dev/null
	done
	return 0
}
leave() {
	[ -z "${RUN:-}" ] || stop "$RUN"
	[ -z "${DAEMON:-}" ] || stop "$DAEMON" # pasta is in a namespace of its own
	sweep "$NET"
	finish
	sweep "$NET" -9
}
gone() { printf 'gone %s\n' "$*" >"$AJAR_DAEMON_ROW" && exit 1; }
verdict_of() { view timeline -j --since 1h ":$1" | jq -r 'select(.event == "open") | .verdict' | tail -1; }
learning() { case $(verdict_of "$1") in learning | unexpected) ;; *) return 1 ;; esac; }
alerted() { # port program
	jq -es "any(.[]; .state == \"open\" and .port == $1 and (.door.opener.exe // \"\" | endswith(\"/$2\")))" "$HOOK_LOG"
}
intrude() { # program user proto address port; 0 when it is found
	local program found said=$T/said.$1
	program=$(other_door "$1") && chmod 755 "$P/doors.$$"
	behind setpriv --reuid="$2" --clear-groups sh -c 'exec "$0" "$@"' "$program" "$3" "$4" "$5"
	wait_for listens "$5" || gone "the intruder cannot take port $5"
	WAIT=12 wait_for alerted "$5" "$1"
	found=$?
	stop "$LAST"
	return $found
}
step() { printf '# %s: %s after %s s\n' "$AJAR_DAEMON" "$1" $SECONDS; }
inside() {
	local name=$AJAR_DAEMON i doors rules first false taken beside uses=${AJAR_LONG:+20}
	uses=${uses:-5}
	NET=$(readlink /proc/self/ns/net)
	trap leave EXIT
	trap 'exit 1' TERM
	printf '%s\n' "$NET" >"$AJAR_DAEMON_ROW.net"
	mount -t tmpfs -o mode=755 run /run && ip link set lo up && ip link add lan0 type veth peer name lan1 && ip addr add 10.77.0.1/24 dev lan0 &&
		ip link set lan1 up && ip link set lan0 up && ip route add default via 10.77.0.2 || gone "no network"
	chmod 755 "$T" && mkdir -p "$T/games" && chown games: "$T/games"
	cp "$HOLD_DOOR" "$T/mark" # below /tmp: it is not learned
	PROTO=tcp ADDR=0.0.0.0
	keep_alerts
	printf 'node.name %s\nsensor.scope netns\nscan.enabled no\nalert.syslog no\n' "$name" >"$T/conf"
	WAIT=60 start_run -C "$T/conf" --no-scan --on-alert "$T/hook" || gone "ajar run does not say ready: $(tail -1 "$T/run.err")"

	# Learned.
	step starts
	[ "$(type -t "${name}_once")" != function ] || "${name}_once" >>"$T/daemon.log" 2>&1 || gone "what it needs does not start"
	"${name}_begin" || gone "it does not start: $(tail -1 "$T/daemon.log")"
	step use
	for ((i = 0; i < uses; i++)); do "${name}_use" >>"$T/daemon.log" 2>&1 || gone "it cannot be used: $(tail -1 "$T/daemon.log")"; done
	[ -z "$DAEMON" ] || { stop "$DAEMON" && "${name}_begin"; }
	DOOR_PROGRAM=$T/mark open_door udp 127.0.0.1 $MARK
	WAIT=30 wait_for learning $MARK || gone "the learning does not come to its end"
	close_door
	doors=$(view timeline -j --since 1h | jq -s "[.[] | select(.event == \"open\" and .port != $MARK)] | length")
	ajar profile learn --since 1h --write --data "$D" >"$T/learned" 2>&1 || gone "profile learn: $(tail -1 "$T/learned")"
	rules=$(view profile show default -j | jq -s length)
	first=$(($(wc -l <"$HOOK_LOG") + 1))

	# Used as before.
	step honest
	[ -z "$DAEMON" ] || { stop "$DAEMON" && "${name}_begin" || gone "it does not start again"; }
	for ((i = 0; i < uses; i++)); do "${name}_use" >>"$T/daemon.log" 2>&1 || gone "it cannot be used again: $(tail -1 "$T/daemon.log")"; done
	DOOR_PROGRAM=$T/mark open_door udp 127.0.0.1 $MARK
	WAIT=30 wait_for alerted $MARK mark || gone "the honest phase does not come to its end"
	close_door

	# Intruded.
	step intruded
	taken=missed beside=missed
	[ -z "$DAEMON" ] || { stop "$DAEMON" && wait_for silent "$PORT"; }
	intrude taker "$([ "$PORT" -lt 1024 ] && echo root || echo games)" "$PROTO" "$ADDR" "$PORT" && taken=found
	[ -z "$DAEMON" ] || "${name}_begin"
	intrude beside nobody tcp 0.0.0.0 $BESIDE && beside=found

	tail -n +$first "$HOOK_LOG" | jq -c 'select(.state == "open" and ([.door.opener.exe // "" | endswith("/mark", "/taker", "/beside")] | any | not))' \
		>"$T/false"
	false=$(wc -l <"$T/false")
	[ "$false" = 0 ] || { sed 's/^/learned: /' "$T/learned"; jq -r '"false: \(.kind) \(.severity) \(.summary)"' "$T/false"; } >"$AJAR_DAEMON_ROW.why"
	printf 'row %s %s %s %s %s\n' "$doors" "$rules" "$false" "$taken" "$beside" >"$AJAR_DAEMON_ROW"
	step judged
	exit 0
}
[ -z "${AJAR_DAEMON:-}" ] || inside

# --- the table -------------------------------------------------------------------------------------------------------
daemons=${AJAR_DAEMONS:-$LIGHT}
finish_all() { # also those whose own end was cut short
	local f
	end_ours TERM
	WAIT=30 wait_for none_of_ours
	for f in "$T"/*.net; do [ ! -s "$f" ] || sweep "$(cat "$f")" -9; done
	finish
}
trap finish_all EXIT
trap 'exit 1' TERM INT
may_start() { [ "$(jobs -rp | wc -l)" -lt "${AJAR_DAEMON_JOBS:-9}" ]; }
for name in $daemons; do
	program=${name}_program
	command -v "${!program}" >/dev/null || continue
	WAIT=300 wait_for may_start
	AJAR_DAEMON=$name AJAR_DAEMON_ROW=$T/$name timeout -k 20 280 bash "$0" >"${AJAR_DAEMON_LOGS:-$T}/$name.log" 2>&1 </dev/null &
	PIDS+=($!)
done
for p in "${PIDS[@]}"; do wait "$p"; done

printf '# %-9s %10s %13s %13s %12s %12s\n' daemon 'doors seen' 'learned rules' 'false alarms' 'port taken' 'door beside'
for name in $daemons; do
	read -r what doors rules false taken beside 2>/dev/null <"$T/$name" || continue
	[ "$what" = row ] && printf '# %-9s %10s %13s %13s %12s %12s\n' "$name" "$doors" "$rules" "$false" "$taken" "$beside"
done
for name in $daemons; do
	program=${name}_program
	if ! command -v "${!program}" >/dev/null; then
		N=$((N + 1))
		echo "ok $N - $name # SKIP ${!program} is not installed"
		continue
	fi
	if ! grep -qs ^row "$T/$name"; then
		same "$name: it is learned, used and intruded" "$(sed 's/^gone //' "$T/$name" 2>/dev/null)" ''
		sed 's/^/#   /' "$T/$name.log" | tail -20
		continue
	fi
	read -r what doors rules false taken beside <"$T/$name"
	same "$name: none of its doors alerts when it is started and used again" "$false" 0
	sed 's/^/#   /' "$T/$name.why" 2>/dev/null
	same "$name: another program on its port is found" "$taken" found
	same "$name: another user's door beside it is found" "$beside" found
done
done_testing
