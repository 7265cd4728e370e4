/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_NOTIFIER_H
#define AJAR_BASE_NOTIFIER_H

#include "base/err.h"

/*
 * A notifier wakes another process without polling: a small file that is written (8 bytes, a
 * counter nobody needs) and watched with inotify. It needs no socket and no common parent, works
 * across users as long as the listener may read the file, and survives restarts of either side (the
 * file stays; who deletes it ends the notifications). A notification means "look again": several
 * may become one, and a spurious one is harmless; whoever listens must look once after
 * notifier_listen() and before sleeping: listen, then loop { clear; look; poll }.
 */
/* creates it; for notifier_notify */
must_check int notifier_open(int dirfd, const char *name, int *ret_fd);
must_check int notifier_notify(int fd); /* works on a full disk too */
/*
 * An fd that polls readable after a notification; notifier_clear() empties it. Needs read
 * permission only; a missing file is created, for which the listener must be allowed to write.
 */
must_check int notifier_listen(int dirfd, const char *name, int *ret_fd);
void notifier_clear(int fd);

#endif
