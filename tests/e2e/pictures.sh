#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# pictures.sh FOLDER: the pictures of README, from `ajar demo` with 512 nodes once its incidents are there ('make pictures').
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
OUT=$(realpath -m "${1:?pictures.sh FOLDER}")
# shellcheck source=tests/e2e/browser.sh
. tests/e2e/browser.sh
mkdir -m 1777 "$T/tmp"
chmod 755 "$T"
AS=()
# As root this machine would be one node more.
[ "$(id -u)" != 0 ] || AS=(setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs)
cp "$BUILD/ajar" "$P/ajar-pictures"
TMPDIR=$T/tmp "${AS[@]}" "$P/ajar-pictures" demo >"$T/demo.out" 2>"$T/demo.err" </dev/null &
PIDS+=($!)
printed() { grep -oE 'http://127\.0\.0\.1:[0-9]+/login\?token=[A-Za-z0-9_-]+' "$T/demo.err"; }
alert() { curl -sS --max-time 20 -b "$T/jar" "$AT/api/v1/alerts?limit=100" | jq -e ".items | any($1)"; }
WAIT=120 wait_for printed || { cat "$T/demo.err" >&2; exit 1; }
AT=$(printed)
curl -sS -o "$T/page" -c "$T/jar" "$AT"
AT=${AT%/login*}
for incident in '.port == 31337' '.kind == "impostor"' '.port == 6667' '.kind == "silent"'; do
	WAIT=300 wait_for alert "$incident" || { echo "the demo has no alert with $incident" >&2; exit 1; }
done
AT=$AT OUT=$OUT COOKIE=$(awk '/ajar/ { print $6 "=" $7 }' "$T/jar") node tests/e2e/page/pictures.mjs || exit 1
rm -f "$P/ajar-pictures"
ls -l "$OUT"/*.png
