#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The pure modules of the page of `ajar web`, under node (page.mjs).
cd "$(dirname "$0")/../.." || exit 2
case "$(node --version 2>/dev/null)" in
'')
	echo "1..0 # SKIP node is missing: run 'make deps-test' as root"
	exit 77
	;;
esac
# Node takes .js for ES modules where a package.json says so; the page's folder has none, for browsers need none.
PAGE=$(mktemp -d)
trap 'rm -rf "$PAGE"' EXIT
cp user/web/page/*.js "$PAGE" && echo '{"type":"module"}' >"$PAGE/package.json" || exit 2
export PAGE
node --test-reporter=tap tests/unit/page.mjs | sed -n '/^\(ok\|not ok\|1\.\.\)/p; /^not ok/,/^  \.\.\./{/^not ok/!s/^/#/p}'
