/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_HOSTLIST_NAMES_H
#define AJAR_BASE_HOSTLIST_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* What hostlist*.c share: a name is text with runs of digits in it. */
const char *hostlist_digits_end(const char *p);
int hostlist_digits_compare(const char *a, size_t na, const char *b, size_t nb);
/* Whether the text around the numbers is the same. */
bool hostlist_same_pattern(const char *a, const char *b);

#endif
