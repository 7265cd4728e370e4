/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_BELL_H
#define AJAR_BASE_BELL_H

#include "base/err.h"

/*
 * A bell wakes another process without polling: a small file that is written (8 bytes, a
 * counter nobody needs) and watched with inotify. It needs no socket and no common parent, works across
 * users as long as the listener may read the directory, and survives restarts of either side. A ring
 * means "look again", so rings may fold and a spurious one is harmless; whoever listens must look
 * once after bell_listen() and before sleeping.
 */
must_check int bell_open(int dirfd, const char *name, int *ret_fd); /* creates it; for bell_ring */
must_check int bell_ring(int fd);
/* An fd that polls readable after a ring; bell_clear() empties it. The file is created when missing. */
must_check int bell_listen(int dirfd, const char *name, int *ret_fd);
void bell_clear(int fd);

#endif
