/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AGENT_STEERING_H
#define AJAR_AGENT_STEERING_H

#include <sys/types.h>

#include "base/err.h"
#include "base/text.h"

struct loop;

/* The agent's end of the process that reads what steers connections past doors (steer/reader.h). */
struct steering_end;
typedef int (*steering_fn)(struct text list, uint32_t ways, void *arg);
/* Before anything of ours is open. Without it the agent goes on: then *ret_e is NULL, and people are told. */
void steering_start(uid_t uid, gid_t gid, uint64_t every_ns, struct steering_end **ret_e);
/* fn is called when the list is another; not for an empty one at first, since a start record says as much. */
must_check int steering_attach(struct steering_end *e, struct loop *l, steering_fn fn, void *arg);
void steering_free(struct steering_end *e);

#endif
