/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_FAULT_H
#define AJAR_BASE_FAULT_H

#include "base/err.h"

/* Sets *ret_why to a text that the caller frees, NULL when there is no memory; returns err. */
int fault(char **ret_why, int err, const char *fmt, ...) printf_like(3, 4);

#endif
