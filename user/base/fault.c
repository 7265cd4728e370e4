/* SPDX-License-Identifier: GPL-2.0 */
#include "base/fault.h"

#include <stdarg.h>
#include <stdio.h>

int fault(char **ret_why, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(ret_why, fmt, ap) < 0)
		*ret_why = NULL;
	va_end(ap);
	return err;
}
