#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The clicks of test_page.sh on a MariaDB server: what is asked for goes through its tables, not through files.
# run.sh: beside, for its nodes are simulated.
[ "$(id -u)" = 0 ] && command -v mariadb >/dev/null || {
	echo "1..0 # SKIP needs root and mariadb"
	exit 77
}
PAGE_STORE=mariadb exec bash "$(dirname "$0")/test_page.sh"
