/* SPDX-License-Identifier: GPL-2.0 */
#include <stdarg.h>
#include <stdio.h>

#include "store/driver.h"

/* Why the last operation failed: one line for people, with the remedy. */

int store_set_why(struct store *s, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->why, sizeof(s->why), fmt, ap);
	va_end(ap);
	return err;
}

int store_open_why(char **ret_why, int err, const char *fmt, ...)
{
	char *why;
	va_list ap;

	if (!ret_why)
		return err;
	va_start(ap, fmt);
	if (vasprintf(&why, fmt, ap) >= 0)
		*ret_why = why;
	va_end(ap);
	return err;
}

const char *store_why(const struct store *s)
{
	return s->why;
}
