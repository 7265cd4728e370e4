#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh: within 1800 s, for it installs a Debian and builds everything there
SUITE=bookworm TEST_GROUPS="unit abi"
# shellcheck source=tests/fresh/debian.sh
. "$(dirname "$0")/debian.sh"
