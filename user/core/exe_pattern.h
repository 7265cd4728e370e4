/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CORE_EXE_PATTERN_H
#define AJAR_CORE_EXE_PATTERN_H

#include <stdbool.h>

#include "base/err.h"
#include "base/text.h"

/*
 * The executable of a profile's row: a path in which "*" stands for any bytes but "/", also for
 * none, so that "/usr/lib/jvm/java-17*" with "/bin/java" behind it outlives an update. A star or
 * a backslash of the path itself has a backslash before it.
 */
bool exe_pattern_has_star(const char *pattern);
bool exe_pattern_fits(const char *pattern, struct text path);
/* Whether it may fit a path of which only the end is known. */
bool exe_pattern_may_fit_end(const char *pattern, struct text end);
/* Whether every path that fits b fits a; false where that cannot be told. */
bool exe_pattern_covers(const char *a, const char *b);

/* The pattern that fits exactly that path. The caller frees it. */
must_check int exe_pattern_of(struct text path, char **ret_pattern);
/*
 * The same with a star for what the next release changes, for paths of a kind that is known: JDKs,
 * snaps, Nix, Guix and Spack. *ret_pattern NULL: it is none of them. The caller frees it.
 */
must_check int exe_pattern_of_releases(struct text path, char **ret_pattern);

#endif
