#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# run.sh: within 1800 s, for it installs a Debian and builds everything there
# The unit tests, built once more there, are worth three minutes of a long run: what differs is the compilers and the libraries
# that the product is built with and runs on.
SUITE=trixie TEST_GROUPS=abi
# shellcheck source=tests/fresh/debian.sh
. "$(dirname "$0")/debian.sh"
