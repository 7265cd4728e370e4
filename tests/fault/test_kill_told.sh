#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An agent that is killed between writing that records were lost and telling the kernel so (strace kills it where it would
# sync its journal: what it wrote is there, and the kernel has not heard of it): its successors count each loss once.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
# shellcheck source=tests/e2e/ledger.sh
. tests/e2e/ledger.sh
need_root sqlite3 strace bpftool

mkdir -p "$D"
PINS=/sys/fs/bpf/ajar-told-$$
printf 'sensor.pin-dir %s\n' "$PINS" >"$T/conf"
# shellcheck disable=SC2317 # by the trap
end_of_it() {
	finish
	rm -rf "$PINS"
}
trap end_of_it EXIT

# It ends at its n-th sync; its sensor stays, as after any kill.
killed_at() { # n
	(timeout -k 5 20 strace -qq -o "$T/strace" -e trace=fdatasync -e signal=none -e "inject=fdatasync:signal=SIGKILL:when=$1" \
		ajar-agent -C "$T/conf" --data "$D" </dev/null >"$T/agent.out" 2>&1
		exit $?) 2>/dev/null
	[ $? = 137 ]
}
kernel() { # dropped|reported, summed over the CPUs
	bpftool -j map dump pinned "$PINS"/v*/ajar_cpus | jq "[.[].formatted.value.$1] | add"
}
in_journal() { cat "$D"/journal/* | grep -ao 'the ring was full' | wc -l; }

# Its first sync with what is read from the ring is the third or the fourth.
ok "an agent is killed, its sensor stays" killed_at 3
hit=0
round() {
	"$STORM" 14000 0 0 1 >"$T/storm"
	for n in 2 3 4; do
		local reported written
		reported=$(kernel reported) written=$(in_journal)
		killed_at $n || return 1
		echo "# killed at sync $n: $(in_journal) losses written after $written, the kernel heard of $(kernel reported) of $(kernel dropped) after $reported"
		[ "$(in_journal)" = "$written" ] || [ "$(kernel reported)" != "$reported" ] || hit=$((hit + 1))
	done
}
ROUNDS=2
[ -z "${AJAR_LONG:-}" ] || ROUNDS=40
for ((i = 0; i < ROUNDS; i++)); do
	round || break
done
same "so are its successors, and nobody reads in between" $i $ROUNDS
ok "some after losses were written and before the kernel heard ($hit)" [ $hit -ge 1 ]

ok "the next one lives" start_run -C "$T/conf" -q
dropped=$(kernel dropped)
ok "there were losses ($dropped)" [ "$dropped" -gt 1000 ]
ok "the kernel hears of all" wait_for eval '[ "$(kernel reported)" = "$(kernel dropped)" ]'
dropped=$(kernel dropped)
wait_for eval '[ "$(sql "SELECT sum(record_count) FROM events WHERE kind = 4")" -ge '"$dropped"' ]'
same "and the store counts each once" "$(sql "SELECT sum(record_count) FROM events WHERE kind = 4")" "$dropped"
stop_run
same "SIGTERM ends it with 0" "$?" 0
done_testing
