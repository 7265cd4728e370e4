/* SPDX-License-Identifier: GPL-2.0 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

#define LINE_MAX_BYTES 4096

static const char *log_name = "ajar";
static enum log_level log_level = LOG_LEVEL_INFO;

void log_init(const char *name)
{
	log_name = name;
}

void log_set_level(enum log_level level)
{
	log_level = level;
}

static const char *level_word(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error: ";
	case LOG_LEVEL_WARN:
		return "warning: ";
	case LOG_LEVEL_DEBUG:
		return "debug: ";
	case LOG_LEVEL_INFO:
		break;
	}
	return "";
}

/* One write(2) a line, so that lines of several processes on one terminal do not mix. */
static void log_line(enum log_level level, int err, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

static void log_line(enum log_level level, int err, const char *fmt, va_list ap)
{
	char text[LINE_MAX_BYTES];
	struct buf b = BUF_INIT(4 * LINE_MAX_BYTES);
	int n = vsnprintf(text, sizeof(text), fmt, ap);

	if (n < 0)
		return;
	if (getenv("JOURNAL_STREAM"))
		buf_printf(&b, "<%d>", (int)level);
	buf_printf(&b, "%s: %s", log_name, level_word(level));
	esc_text(&b, text, strnlen(text, sizeof(text)), 0);
	if (err < 0 && err > -ERR_OWN)
		buf_printf(&b, ": %s", strerror(-err));
	buf_putc(&b, '\n');
	if (!b.err)
		(void)!write(STDERR_FILENO, b.data, b.len); /* nobody is left to be told */
	buf_done(&b);
}

int log_err(int err, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_LEVEL_ERROR, err, fmt, ap);
	va_end(ap);
	errno = saved;
	return err < 0 ? err : -EINVAL;
}

int log_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_LEVEL_ERROR, 0, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

#define DEFINE_LOG(name, level)                                                                    \
	void name(const char *fmt, ...)                                                            \
	{                                                                                          \
		va_list ap;                                                                        \
                                                                                                   \
		if ((level) > log_level)                                                           \
			return;                                                                    \
		va_start(ap, fmt);                                                                 \
		log_line(level, 0, fmt, ap);                                                       \
		va_end(ap);                                                                        \
	}

DEFINE_LOG(log_warn, LOG_LEVEL_WARN)
DEFINE_LOG(log_info, LOG_LEVEL_INFO)
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG)
