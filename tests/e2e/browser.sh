# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What drives the browser: playwright-core and axe-core, fetched once, as the lock file says; where, is in MODULES. Source it behind
# lib.sh. Two tests may come at once: one fetches, the other waits for it.
for tool in node npm chromium-headless-shell flock; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP $tool is missing: run 'make deps-test' as root"
		exit 77
	}
done
MODULES=$BUILD/page-modules
fetch_modules() {
	cmp -s tests/e2e/page/package-lock.json "$MODULES/package-lock.json" && [ -e "$MODULES/complete" ] && return
	rm -rf "$MODULES" && mkdir -p "$MODULES" && cp tests/e2e/page/package*.json "$MODULES/" &&
		(cd "$MODULES" && npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1 && : >complete)
}
{ flock 6 && fetch_modules; } 6>"$BUILD/page-modules.lock" || {
	tail -3 "$MODULES/npm.log" | sed 's/^/# /'
	echo "1..0 # SKIP npm cannot fetch playwright-core and axe-core from its registry"
	exit 77
}
export MODULES
