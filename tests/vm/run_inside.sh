#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC3045
# `ajar run` end to end inside the virtual machine, where there is busybox and nothing else: learn, accept, an
# unexpected door, its alert, a clean end. $1 is the tier that the sensor must have found, $2 how it sees a door that opens.
N=0 BAD=0
TIER=$1 ORIGIN=${2:-event}
D=$(mktemp -d /data/ajar.XXXXXX)
T=$(mktemp -d /tmp/run.XXXXXX)
export PATH="$BUILD:$PATH" HOOK_LOG=$T/alerts
: >$T/alerts
printf '#!/bin/sh\ncat >>%s\n' $T/alerts >$T/hook
chmod +x $T/hook
mkfifo $T/never

ok() { # sentence, command...
	what=$1
	shift
	N=$((N + 1))
	if "$@" >$T/ok.out 2>&1; then
		echo "ok $N - $what"
	else
		echo "not ok $N - $what"
		head -c 1500 $T/ok.out | sed 's/^/#   /'
		BAD=$((BAD + 1))
	fi
}
now() { cut -d. -f1 /proc/uptime; }
# Until the command succeeds, at most 90 s; the pause between two looks is a read that times out.
wait_for() {
	end=$(($(now) + 90))
	until "$@" >/dev/null 2>&1; do
		[ "$(now)" -lt $end ] || return 1
		read -rt 0.1 _ <>$T/never || :
	done
}
lists() { # port pattern...
	port=$1
	shift
	ajar ls -j --data $D ":$port" >$T/ls.out 2>&1
	for pattern in "$@"; do grep -q "$pattern" $T/ls.out || return 1; done
}
alerted() { grep "\"port\":$1[,}]" $T/alerts | grep -q "\"state\":\"$2\""; }
opened() { # port
	"$BUILD/tests/helpers/hold_door" tcp 0.0.0.0 "$1" >$T/door.out &
	DOOR=$!
	wait_for grep -q open $T/door.out
}
borrowed() { # port
	cp "$BUILD/tests/helpers/hold_door" $T/own
	# shellcheck disable=SC2016
	unshare -r -m sh -c 'mount -o bind "$1" "$2" && exec "$2" tcp 0.0.0.0 "$3"' sh $T/own "$BUILD/tests/helpers/hold_door" "$1" >$T/door.out &
	DOOR=$!
	wait_for grep -q open $T/door.out
}

ok "a door is open before" opened 21801
before=$DOOR
ajar run --web off --data $D --on-alert $T/hook -q >$T/run.out 2>$T/run.err &
RUN=$!
ok "ajar run says ready" wait_for grep -qx ready $T/run.err
pins() { find /sys/fs/bpf -mindepth 1 -name '*ajar*' | grep -q .; }
case $TIER in C | D) ;; *) ok "its sensor is pinned" pins ;; esac
ok "it runs on tier $TIER" eval "ajar timeline -j --data $D | grep '\"event\":\"start\"' | grep -q 'tier $TIER'"
without() { # hooks
	ajar timeline -j --data $D >$T/start.out
	cat $T/start.out
	[ "$(grep -o '[a-z ]* not watched' $T/start.out | sed 's/^ *//; s/ not watched$//' | sort -u)" = "$1" ]
}
[ "$TIER" != A ] || ok "every hook is attached${UNWATCHED:+, but: $UNWATCHED}" without "${UNWATCHED:-}"
ok "the door of before is listed, by the snapshot" wait_for lists 21801 '"origin":"snapshot"' '"exe":"/build/tests/helpers/hold_door"'
ok "what is open becomes the profile" ajar profile learn --write --data $D
ok "and the door is as profiled" wait_for lists 21801 'as profiled'
ok "another door is opened" opened 21802
ok "it is listed, seen by: $ORIGIN" wait_for lists 21802 "\"origin\":\"$ORIGIN\"" "\"pid\":$DOOR,"
ok "with the opener's executable" lists 21802 '"exe":"/build/tests/helpers/hold_door"'
ok "with its arguments" lists 21802 '"argv":\["/build/tests/helpers/hold_door","tcp","0.0.0.0","21802"\]'
ok "the alert program hears of it" wait_for alerted 21802 open
kill "$DOOR"
ok "and that it is gone" wait_for alerted 21802 resolved
ok "that its path is the node's is not doubted" eval "lists 21801 && ! grep -q exe_foreign $T/ls.out"
ok "another program borrows that path, in a user and mount namespace" borrowed 21803
ok "which is seen" wait_for lists 21803 '"exe":"/build/tests/helpers/hold_door"' '"exe_foreign":true'
kill "$DOOR"
ok "the journal is whole" ajar timeline verify --data $D
ok "one look at the kernel works too" eval "ajar doctor >$T/doctor.out 2>&1; ! grep -q 'cannot' $T/doctor.out"
kill -TERM $RUN
wait $RUN
ok "SIGTERM ends it with 0" [ $? = 0 ]
unpinned() { ! pins; }
ok "nothing is left pinned" wait_for unpinned
find /sys/fs/bpf -mindepth 1 -name '*ajar*' | sed 's/^/# left: /'
kill "$before"
[ $BAD = 0 ] || sed 's/^/# run: /' $T/run.err | tail -40
echo "1..$N"
[ $BAD = 0 ]
