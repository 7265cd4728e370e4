/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AGENT_REDIRECT_H
#define AJAR_AGENT_REDIRECT_H

#include <sys/types.h>

#include "base/err.h"
#include "base/text.h"

struct loop;

/*
 * The agent's end of the process that reads what redirects connections past doors
 * (redirect/keeper.h).
 */
struct redirect_end;
typedef int (*redirect_fn)(struct text list, uint32_t ways, void *arg);
/*
 * Before anything of ours is open. Without it the agent goes on: then *ret_e is NULL, and people
 * are told.
 */
void redirect_start(uid_t uid, gid_t gid, uint64_t every_ns, struct redirect_end **ret_e);
/*
 * fn is called when the list is another; not for an empty one at first, since a start record says
 * as much.
 */
must_check int redirect_attach(struct redirect_end *e, struct loop *l, redirect_fn fn, void *arg);
/*
 * Why the process has no seccomp filter, a negative errno; 0: it has one, or there is none (NULL).
 */
must_check int redirect_unconfined(const struct redirect_end *e);
void redirect_free(struct redirect_end *e);

#endif
