/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_LOG_H
#define AJAR_BASE_LOG_H

#include "base/err.h"

/*
 * Talk goes to stderr, one line a message, control characters escaped. When stderr is the
 * journal (JOURNAL_STREAM is set) each line carries its priority as "<N>".
 * Below cli/ and the roles' main loops code does not log; it returns.
 */
enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* Sets the name each line begins with, "ajar" or a role such as "ajar-agent"; name is borrowed. */
void log_init(const char *name);
void log_set_level(enum log_level level);

/* Says what failed and, for a negative errno, why; returns err, or -EINVAL when err is 0. */
int log_err(int err, const char *fmt, ...) printf_like(2, 3);
/* The same for a usage error whose text is complete without an errno; returns -EINVAL. */
int log_usage(const char *fmt, ...) printf_like(1, 2);
void log_warn(const char *fmt, ...) printf_like(1, 2);
void log_info(const char *fmt, ...) printf_like(1, 2);
void log_debug(const char *fmt, ...) printf_like(1, 2);

#endif
