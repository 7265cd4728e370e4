/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_ALERT_HOOK_H
#define AJAR_ALERT_HOOK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct loop;

/*
 * Runs one program, one run at a time, with bytes on its standard input: no shell, a session of its
 * own, and a time limit after which the whole process group gets SIGTERM and, a second later,
 * SIGKILL. What the program prints goes to our stderr. Processes it leaves behind after a good end
 * are its business.
 */
struct hook;
typedef void (*hook_done_fn)(int err, const char *why, void *arg);

must_check int hook_new(struct loop *l, const char *program, uint64_t timeout_ns,
			struct hook **ret_hook);
/* The same with arguments, which are copied; argv[0] is the program. */
must_check int hook_new_argv(struct loop *l, const char *const *argv, uint64_t timeout_ns,
			     struct hook **ret_hook);
/*
 * done is called exactly once, possibly before this returns: 0 when the program ended with status
 * 0, -EAGAIN with 75.
 */
void hook_run(struct hook *h, const void *input, size_t len, hook_done_fn done, void *arg);
void hook_free(struct hook *h); /* a run under way is killed, and done is not called any more */
DEFINE_FREEP(struct hook, hook_free)

#endif
