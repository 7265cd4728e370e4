#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The units say what systemd understands, and are no more exposed than they were: the figures below may only fall.
cd "$(dirname "$0")/../.." || exit 2
command -v systemd-analyze >/dev/null || {
	echo "1..0 # SKIP systemd-analyze is missing"
	exit 77
}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
n=0 bad=0
check() { # sentence, offenders (empty is good)
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "$2" | head -20 | sed 's/^/# /'
		bad=1
	fi
}
# verify looks for the programs: two stand in for them.
mkdir "$tmp/bin" "$tmp/units"
for p in ajar ajar-agent; do
	printf '#!/bin/sh\n' >"$tmp/bin/$p"
	chmod 755 "$tmp/bin/$p"
done
for u in deploy/systemd/*.service; do
	sed -e "s|/usr/sbin/|$tmp/bin/|" -e "s|/usr/bin/|$tmp/bin/|" "$u" >"$tmp/units/${u##*/}"
done
check "systemd-analyze verify has nothing to say" "$(systemd-analyze verify --man=no --recursive-errors=no "$tmp"/units/*.service 2>&1)"
while read -r unit most; do
	got=$(systemd-analyze security --no-pager --offline=true "deploy/systemd/$unit.service" 2>&1 |
		sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\) .*/\1/p')
	check "the exposure of $unit is at most $most" "$(awk -v got="$got" -v most="$most" \
		'BEGIN { if (got == "" || got + 0 > most + 0) print "it is " got }')"
done <<'EOF'
ajar-agent 2.7
ajar-ship 1.1
ajar-monitor 1.1
ajar-notify 1.1
ajar-web 1.1
ajar-run 3.0
EOF
check "each unit has its figure here" "$(for u in deploy/systemd/*.service; do
	u=${u##*/}
	grep -q "^${u%.service} [0-9]" "$0" || echo "$u"
done)"
check "each unit restarts, tells when it is ready and gives up new privileges" "$(
	grep -L '^Type=notify$' deploy/systemd/*.service
	grep -L '^Restart=on-failure$' deploy/systemd/*.service
	grep -L '^NoNewPrivileges=yes$' deploy/systemd/*.service
)"
check "sysusers and tmpfiles are understood" "$(
	systemd-sysusers --root="$tmp/root" --dry-run "$PWD/deploy/sysusers/ajar.conf" 2>&1 | grep -iE 'error|fail|invalid|unknown'
	systemd-tmpfiles --help >/dev/null 2>&1 || exit 0
	mkdir -p "$tmp/root/etc"
	printf 'root:x:0:0::/root:/bin/sh\najar:x:990:990::/:/bin/false\n' >"$tmp/root/etc/passwd"
	printf 'root:x:0:\najar:x:990:\n' >"$tmp/root/etc/group"
	[ "$(id -u)" = 0 ] || exit 0
	systemd-tmpfiles --root="$tmp/root" --create "$PWD/deploy/tmpfiles/ajar.conf" 2>&1
	[ "$(stat -c '%u %a' "$tmp/root/var/lib/ajar" "$tmp/root/var/lib/ajar/journal" "$tmp/root/var/lib/ajar/store" 2>&1 | tr '\n' ' ')" = "0 755 990 750 990 750 " ] ||
		stat -c '%n %u %a' "$tmp/root/var/lib/ajar" "$tmp"/root/var/lib/ajar/* 2>&1
)"
echo "1..$n"
exit $bad
