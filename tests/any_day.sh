# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# any_day PROGRAM [ARG...]: runs it 400 days from now, in another time zone and, where LOCPATH has it, in Turkish. The clocks
# that do not say what day it is go on as they are: the kernel counts by them.
any_day() {
	DONT_FAKE_MONOTONIC=1 FAKETIME_DONT_FAKE_MONOTONIC=1 TZ='<+1245>-12:45' LC_ALL=${LOCPATH:+tr_TR.UTF-8} \
		faketime -f '+400d' "$@"
}
