/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_FILE_H
#define AJAR_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct buf;

/* Paths are relative to dirfd (AT_FDCWD allowed). Everything is O_CLOEXEC. */

/* Appends the whole file; -E2BIG when it does not fit into b's maximum. */
must_check int file_read(int dirfd, const char *path, struct buf *b);
/*
 * Writes a temporary file beside path, fsyncs, renames, fsyncs the directory: whole or not at all.
 */
must_check int file_write_atomic(int dirfd, const char *path, const void *p, size_t n, mode_t mode);
must_check int file_write_all(int fd, const void *p, size_t n);
/* Every missing component is made (mode 0755, ours), the last one with mode and owner as above. */
must_check int file_mkdir_p(const char *path, mode_t mode, uid_t uid, gid_t gid);
/*
 * Does the name lead to the folder or file that we hold? 1, or 0: it leads elsewhere, or nothing
 * has that name. -EACCES and the like: we may not look; then 0 still says that it was removed.
 */
must_check int file_is_named(int fd, int dirfd, const char *name);
/*
 * Takes the flock(2) of fd for us alone. Whoever was killed a moment ago, or a child of his, may
 * not be gone yet: waits FILE_PREDECESSOR_NS for him, then -EWOULDBLOCK. The lock goes with the
 * process, however that ends.
 */
#define FILE_PREDECESSOR_NS UINT64_C(5000000000)
must_check int file_lock(int fd);

#endif
