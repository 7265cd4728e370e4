/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_UNPIN_H
#define AJAR_SENSOR_UNPIN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/*
 * Who removes the pin folder. The agent that reads the ring has no privilege, and may not remove a
 * folder whose parent is root's: the root of a BPF file system, mode 0755 or 0700. A child does it,
 * started while we are root. It is root's with CAP_DAC_OVERRIDE and nothing else, and reads nothing
 * but a few bytes that we send it.
 */
struct unpinner {
	pid_t pid;
	int fd;
};

#define UNPIN_WAIT_MS 15000

/*
 * on_death: the folder is also removed when we die without a word, once no agent holds its lock;
 * after UNPIN_WAIT_MS it is left to whoever does. Otherwise it stays then, for the next agent to
 * take over.
 */
must_check int unpin_start(const char *pin_dir, bool on_death, struct unpinner *ret_u);
/*
 * Which folder is ours, by its inode: after our death no other one of that name is removed, that is
 * none which the next agent made before the child woke up.
 */
void unpin_folder_is(const struct unpinner *u, ino_t folder);
/* Ends the child; remove: not before it has removed the folder, if no agent holds its lock. */
void unpin_end(struct unpinner *u, bool remove);

#endif
