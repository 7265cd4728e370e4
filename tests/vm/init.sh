#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
# Process 1 of the virtual machine (see test_kernels.sh): what the tests need of a system, then each test, its TAP on the
# second serial port ($TAP, from the kernel's command line) between "begin NAME" and "end NAME STATUS". The kernel has the first port to itself.
bb=/bin/busybox
$bb --install -s /bin
export PATH=/bin:/usr/bin BUILD=/build
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/shm /tmp /data /run
TAP=${TAP:-ttyS1}
exec </dev/null >"/dev/$TAP" 2>&1
stty -F "/dev/$TAP" raw
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /data
mount -t tracefs tracefs /sys/kernel/tracing
mount -t securityfs securityfs /sys/kernel/security
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
while read -r module; do
	insmod "/modules/$module" || echo "cannot load $module"
done </modules/order
one() { # name command...
	name=$1
	shift
	echo "begin $name"
	timeout "$LIMIT" "$@"
	echo "end $name $?"
}
# A test that hangs must leave time for the others.
LIMIT=${LIMIT:-200}
for test in ${TESTS:-doors owner sensor links tiers unheld unhooked canary}; do
	one "test_$test" "$BUILD/tests/bpf/test_$test"
done
# Programs of fentry attach to a function of the kernel from 6.4 on arm64.
case $(uname -rm) in 5.10.*aarch64 | 6.1.*aarch64) export UNWATCHED="door taken over" ;; esac
one ajar_run sh /run_inside.sh A
umount /sys/fs/cgroup
one ajar_run_own_cgroup sh /run_inside.sh A
# The next tier, as where there is no cgroup v2.
export AJAR_SENSOR_TIER=B
# Before 5.12 only the hooks of a cgroup may ask for a socket's cookie: such a door is found by a sweep.
case $(uname -r) in 5.10.*) origin=sweep ;; *) origin=event ;; esac
one ajar_run_without_cgroup sh /run_inside.sh B $origin
unset AJAR_SENSOR_TIER
mount -t tmpfs none /sys/kernel/btf
one ajar_run_without_btf sh /run_inside.sh C
echo "all done"
poweroff -f
