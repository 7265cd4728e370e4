# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Real services of the distribution, unmodified, on nodes of tests/netns/cluster.sh: each with a configuration, keys and data of its own
# below $T/svc. Source it behind lib.sh and cluster.sh. What it starts is in the node's namespace and ends with cluster_down.
#   services_make; serve_ssh NODE [KEY]; serve_web NODE; serve_rpc NODE; serve_time NODE; rogue NODE PORT=WHAT...
SVC=$T/svc

services_make() {
	mkdir -p "$SVC" && chmod 755 "$SVC" &&
		ssh-keygen -q -t ed25519 -N '' -C '' -f "$SVC/key" &&
		ssh-keygen -q -t ed25519 -N '' -C '' -f "$SVC/otherkey" &&
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=node.test \
			-keyout "$SVC/tls.key" -out "$SVC/tls.pem" 2>/dev/null
}
# As a profile pins them.
ssh_pin() { ssh-keygen -lf "$1.pub" | awk '{ print $2 }'; }
tls_pin() { openssl x509 -in "$SVC/tls.pem" -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64 | tr -d =; }

# In the node, with a /run of its own; what it says goes to a file. The pid is in SERVED.
serve() { # node name command...
	local node=$1 name=$2
	shift 2
	(exec ip netns exec "$CLUSTER-$node" sh -c 'mount -t tmpfs tmpfs /run && mkdir -p /run/sshd /run/rpcbind /run/chrony && exec "$@"' sh "$@") \
		>>"$SVC/$node.$name.log" 2>&1 </dev/null 9>&- &
	SERVED=$!
	PIDS+=("$SERVED")
}
serve_ssh() { # node [key]
	cat >"$SVC/$1.sshd.conf" <<-C
		Port 22
		HostKey ${2:-$SVC/key}
		PidFile none
		UsePAM no
		MaxStartups 200
	C
	serve "$1" sshd /usr/sbin/sshd -D -e -f "$SVC/$1.sshd.conf"
}
serve_web() { # node
	mkdir -p "$SVC/$1.www/tmp"
	echo "<h1>$1</h1>" >"$SVC/$1.www/index.html"
	cat >"$SVC/$1.nginx.conf" <<-C
		daemon off; worker_processes 1; pid $SVC/$1.www/pid; error_log stderr warn;
		events { worker_connections 256; }
		http {
			access_log off; root $SVC/$1.www;
			client_body_temp_path $SVC/$1.www/tmp/1; proxy_temp_path $SVC/$1.www/tmp/2; fastcgi_temp_path $SVC/$1.www/tmp/3;
			uwsgi_temp_path $SVC/$1.www/tmp/4; scgi_temp_path $SVC/$1.www/tmp/5;
			server { listen 80; listen 443 ssl; ssl_certificate $SVC/tls.pem; ssl_certificate_key $SVC/tls.key; }
		}
	C
	serve "$1" nginx /usr/sbin/nginx -e stderr -c "$SVC/$1.nginx.conf"
}
serve_rpc() { serve "$1" rpcbind /usr/sbin/rpcbind -f; } # TCP and UDP
# It serves time and never sets the clock (-x).
serve_time() {
	printf 'local stratum 10\nallow all\ncmdport 0\nbindcmdaddress /\npidfile /run/chrony/pid\n' >"$SVC/$1.chrony.conf"
	serve "$1" chronyd /usr/sbin/chronyd -d -x -u root -f "$SVC/$1.chrony.conf"
}
rogue() { # node PORT=WHAT...
	local node=$1 said=$SVC/$1.rogue.$RANDOM
	shift
	(exec ip netns exec "$CLUSTER-$node" python3 tests/netns/rogue.py "$@") >"$said" 2>&1 </dev/null 9>&- &
	SERVED=$!
	PIDS+=("$SERVED")
	wait_for grep -q open "$said"
}
