/* SPDX-License-Identifier: GPL-2.0 */
#include <stdarg.h>
#include <stdio.h>

#include "sensor/internal.h"

int why(char **ret_why, int err, const char *fmt, ...)
{
	va_list ap;

	if (!ret_why || *ret_why)
		return err;
	va_start(ap, fmt);
	if (vasprintf(ret_why, fmt, ap) < 0)
		*ret_why = NULL;
	va_end(ap);
	return err;
}
