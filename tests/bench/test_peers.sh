#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What watching costs whoever opens doors, beside the peers: rounds of open-close cycles (socket, bind, listen, close), bare, under
# `ajar watch -j`, under bpftrace on the same moments, and under audit rules for bind and listen without a daemon; in turn, so that a
# machine that becomes slower is so for all. Figures are printed, not judged. AJAR_PEER_ROUNDS (5), AJAR_PEER_CYCLES (20000).
# run.sh: within 900 s, for in each round half a minute may pass until who watches has seen all
set -u
cd "$(dirname "$0")/../.." || exit 2
BUILD=${BUILD:-build}
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
rounds=${AJAR_PEER_ROUNDS:-5} cycles=${AJAR_PEER_CYCLES:-20000}
[ "$(id -u)" = 0 ] || {
	echo "1..0 # SKIP needs root"
	exit 77
}
T=$(mktemp -d)
KEY=ajar-bench-$$
# Whether auditing was on, as it is left behind.
audit_was=$(auditctl -s 2>/dev/null | sed -n 's/^enabled //p')

# Undoes everything when we are gone, by whatever end: it reads a pipe that only we hold open.
undo() {
	trap '' INT TERM HUP PIPE
	cat >/dev/null
	while read -r pid name; do
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "$name" ] || kill "$pid"
	done <"$T/pids" 2>/dev/null
	if [ -e "$T/audit" ]; then
		auditctl -D -k "$KEY" >/dev/null 2>&1
		auditctl -e "$audit_was" >/dev/null 2>&1
	fi
	rm -rf "$T"
}
: >"$T/pids"
exec 7> >(undo)
UNDO=$!
trap 'exit 1' INT TERM HUP
trap 'exec 7>&-; wait "$UNDO" 2>/dev/null' EXIT

N=0
ok() { # sentence, command...
	local what=$1
	shift
	N=$((N + 1))
	if "$@"; then echo "ok $N - $what"; else echo "not ok $N - $what"; fi
}
wait_for() { # at most 30 s
	local end=$((SECONDS + 30))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] && { [ -z "${OBSERVER:-}" ] || kill -0 "$OBSERVER" 2>/dev/null; } || return 1
		read -rt 0.05 <> <(:) || :
	done
}
run_cycles() { "$BUILD/tests/helpers/cycle_doors" "$cycles" 7>&- >>"$T/$1.ns"; }
# A process beside the cycles, until end_observer.
observe() { # name, program...
	local name=$1
	shift
	"$@" 7>&- >"$T/$name.out" 2>"$T/$name.err" </dev/null &
	OBSERVER=$!
	echo "$OBSERVER $(basename "$1")" >>"$T/pids"
}
end_observer() {
	kill -INT "$OBSERVER" 2>/dev/null
	wait "$OBSERVER" 2>/dev/null
	OBSERVER=
	: >"$T/pids"
}

bare() { run_cycles bare; }
watch() {
	observe watch "$BUILD/ajar" watch -j --no-snapshot --data "$T/none"
	wait_for grep -q 'sensor: tier' "$T/watch.err" && run_cycles watch
	rc=$?
	# Whoever reads on sees all; what it had not printed is said at the end.
	wait_for seen_all
	end_observer
	return $rc
}
# Or it will not, since some were lost.
seen_all() { grep -q '"event":"lost"' "$T/watch.out" || [ "$(grep -c '"event":"close".*"comm":"cycle_doors"' "$T/watch.out")" -ge "$cycles" ]; }
# The close of a listener alone; not each kernel has a tracepoint for close(2).
bpftrace_at='tracepoint:syscalls:sys_exit_bind, tracepoint:syscalls:sys_exit_listen, kprobe:inet_csk_listen_stop'
with_bpftrace() {
	observe bpftrace bpftrace -B line -e "$bpftrace_at"' { printf("%d %s\n", pid, comm); } BEGIN { printf("ready\n"); }'
	wait_for grep -q '^ready' "$T/bpftrace.out" && run_cycles bpftrace
	rc=$?
	end_observer
	return $rc
}
audit() {
	: >"$T/audit"
	auditctl -a always,exit -F arch=b64 -S bind,listen -k "$KEY" >"$T/audit.err" 2>&1 &&
		auditctl -e 1 >>"$T/audit.err" 2>&1 && run_cycles audit
	rc=$?
	auditctl -D -k "$KEY" >/dev/null 2>&1
	auditctl -e "$audit_was" >/dev/null 2>&1
	rm -f "$T/audit"
	return $rc
}

# Why a peer is not compared with; nothing when it is.
no_watch() { :; }
no_bare() { :; }
no_with_bpftrace() {
	command -v bpftrace >/dev/null || { echo "it is not installed: apt-get install bpftrace"; return; }
	timeout 60 bpftrace -e "$bpftrace_at"' { @n = count(); } BEGIN { exit(); }' 7>&- >"$T/try" 2>&1 </dev/null || echo "the kernel or bpftrace refuses: $(head -1 "$T/try")$(sed -n 's/.*\[\(.*\)\].*/; lockdown is \1/p' /sys/kernel/security/lockdown 2>/dev/null)"
}
no_audit() {
	command -v auditctl >/dev/null || { echo "auditctl is not installed: apt-get install auditd"; return; }
	auditctl -s >"$T/try" 2>&1 || { echo "the kernel refuses: $(head -1 "$T/try")"; return; }
	[ "$(sed -n 's/^enabled //p' "$T/try")" != 2 ] || { echo "its rules are locked until a reboot"; return; }
	[ "$(sed -n 's/^pid //p' "$T/try")" = 0 ] || { echo "a daemon takes its records here"; return; }
	! auditctl -l 2>/dev/null | grep -qv '^No rules' || { echo "this machine has audit rules of its own"; return; }
}

peers='bare watch with_bpftrace audit'
use=
for p in $peers; do
	why=$("no_$p")
	if [ -z "$why" ]; then use="$use $p"; else echo "# ${p#with_}: not compared: $why"; fi
done
failed=
for _ in $(seq "$rounds"); do
	for p in $use; do
		case $failed in *" $p "*) continue ;; esac
		"$p" || failed="$failed $p "
	done
done
for p in $use; do
	case $failed in *" $p "*) tail -3 "$T/${p#with_}.err" 2>/dev/null | sed 's/^/# /' ;; esac
	ok "${p#with_}: $rounds rounds of $cycles cycles" [ "$(grep -c '' "$T/${p#with_}.ns" 2>/dev/null)" = "$rounds" ]
done
median() { sort -n "$T/$1.ns" | awk '{ v[NR] = $1 } END { m = int((NR + 1) / 2); print NR % 2 ? v[m] : (v[m] + v[m + 1]) / 2 }'; }
spread() { sort -n "$T/$1.ns" | awk '{ v[NR] = $1 } END { printf "%.1f-%.1f", v[1] / 1000, v[NR] / 1000 }'; }
row() { # name, words
	[ -s "$T/$1.ns" ] || return 0
	awk -v ns="$(median "$1")" -v bare="$(median bare)" -v range="$(spread "$1")" -v words="$2" 'BEGIN { printf "# | %s | %.1f µs (%s) | %.2f × |\n", words, ns / 1000, range, ns / bare }'
}
echo "# kernel $(uname -r), $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg); medians of $rounds interleaved rounds of $cycles cycles (lowest-highest)"
echo "# | one open-close cycle | median | against bare |"
row bare 'bare'
row watch "\`ajar watch -j\`: the whole owner, as JSON"
row bpftrace "bpftrace $(bpftrace --version 2>/dev/null | sed 's/bpftrace //'), bind, listen and close: pid and name alone"
row audit 'audit rules for bind and listen, no daemon'
missing=$(sed -n 's/.*ended before all was printed: \([0-9]*\) event.*/\1/p' "$T/watch.err" 2>/dev/null)
echo "# ajar watch, last round: $(grep -c '"event":"open".*"comm":"cycle_doors"' "$T/watch.out" 2>/dev/null) of $cycles openings printed, ${missing:-0} events not printed"
echo "1..$N"
