/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_SECRET_H
#define AJAR_BASE_SECRET_H

#include "base/err.h"

#define SECRET_BYTES_MAX 4096

/*
 * A secret lives in a file of its own that only its owner can read: the first line of it, without
 * its newline, in *ret_secret (for secret_free()). -EACCES with a reason when others can read it.
 * *ret_why: one line with the remedy, caller frees.
 */
must_check int secret_read(const char *path, char **ret_secret, char **ret_why);
/* Only whether it would be read. */
must_check int secret_check(const char *path, char **ret_why);
void secret_free(char *secret); /* wiped first */

#endif
