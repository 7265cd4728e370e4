#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Node sets against nodeset(1) of ClusterShell, scontrol of Slurm and pdsh: thousands of random ones. AJAR_SEED repeats a run.
# run.sh: beside, for it opens nothing.
cd "$(dirname "$0")/../.." || exit 2
BUILD=${BUILD:-build}
python=/usr/bin/python3 # the distribution's, which has the module
if ! $python -c 'import ClusterShell' 2>/dev/null; then
	echo "1..0 # SKIP ClusterShell is not installed: apt-get install clustershell"
	exit 77
fi
for tool in scontrol pdsh; do
	command -v $tool >/dev/null || {
		echo "1..0 # SKIP $tool is not installed: apt-get install slurm-client pdsh"
		exit 77
	}
done
rounds=2000
[ -z "${AJAR_LONG:-}" ] || rounds=200000
exec $python tests/e2e/hostlist_oracle.py "$BUILD/tests/helpers/hostlist_lines" $rounds
