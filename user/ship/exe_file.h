/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SHIP_EXE_FILE_H
#define AJAR_SHIP_EXE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/md5.h"
#include "core/executable.h"

/*
 * Reads the file at a path that strangers may choose and change meanwhile: only a regular file,
 * with no link in its path, on a file system of this machine, up to EXE_FILE_BYTES_MAX, and only
 * when it is the same before and after. For a process that may wait: an open() can hang.
 */

/*
 * Opens it and fills all but digest and package; -1: f->state says why not. known (may be NULL):
 * what was found before; where nothing has changed since, *f is that, and -1.
 */
int exe_file_open(const char *path, const struct exe_file *known, struct exe_file *f);
/*
 * Its digests, in pieces, until deadline_ns (since boot): f->state is EXE_FILE_READ, or says why
 * there is none.
 */
void exe_file_read(int fd, struct exe_file *f, uint8_t md5[MD5_LEN], uint64_t deadline_ns);

/* Whether the two are one file that nobody has written to between. */
bool exe_file_same(const struct exe_file *a, const struct exe_file *b);

#endif
