/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_BARE_H
#define AJAR_SENSOR_BARE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct handles;
struct sensor_opts;

/*
 * Tier C: the program that needs no BTF, on the plain tracepoint of TCP states. *ret_h has its ring
 * and what describes that, and HOOK_LISTEN; closing that detaches.
 */
must_check int bare_load(const struct sensor_opts *o, uint64_t build, struct handles *ret_h,
			 char **ret_why);

/*
 * Whether the text that tracefs has of the tracepoint describes what the program reads, and
 * *ret_narrow which of the two layouts it knows; -EOPNOTSUPP when neither.
 */
must_check int bare_layout(const char *format, bool *ret_narrow);
/* Opens its folder in tracefs, mounted for us alone where it is not. */
must_check int bare_tracepoint(int *ret_dir);

#endif
