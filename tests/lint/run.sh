#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
cd "$(dirname "$0")/../.." || exit 2
exec sh tests/run.sh lint
