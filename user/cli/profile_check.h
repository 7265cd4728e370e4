/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_PROFILE_CHECK_H
#define AJAR_CLI_PROFILE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct profile_text;
struct writer;

/* Adds what rules mean together to the problems of how they are written, and sorts all by line. */
must_check int profile_check_text(struct profile_text *t, uint64_t now_ns);
/* "FILE:LINE:COL: ...", or as records of w, on standard output; a negative errno of it. */
must_check int profile_print_problems(const struct profile_text *t, const char *path,
				      struct writer *w);

#endif
