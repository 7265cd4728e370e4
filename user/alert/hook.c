/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/hook.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/child.h"
#include "base/proc.h"

#define NS_PER_MS UINT64_C(1000000)
#define TERM_GRACE_NS (1000 * NS_PER_MS)
#define TEMPFAIL 75 /* EX_TEMPFAIL of sysexits.h */

struct hook {
	struct loop *loop;
	char **argv; /* NULL-terminated */
	uint64_t timeout_ns;
	struct child *child; /* NULL: nothing runs */
	hook_done_fn done;
	void *arg;
};

static char **copy_argv(const char *const *argv)
{
	size_t n = 0;
	char **copy;

	while (argv[n])
		n++;
	copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = strdup(argv[i]);
		if (!copy[i]) {
			while (i--)
				free(copy[i]);
			free(copy);
			return NULL;
		}
	}
	return copy;
}

int hook_new_argv(struct loop *l, const char *const *argv, uint64_t timeout_ns,
		  struct hook **ret_hook)
{
	struct hook *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->loop = l;
	h->timeout_ns = timeout_ns;
	h->argv = copy_argv(argv);
	if (!h->argv) {
		free(h);
		return -ENOMEM;
	}
	*ret_hook = h;
	return 0;
}

int hook_new(struct loop *l, const char *program, uint64_t timeout_ns, struct hook **ret_hook)
{
	const char *const argv[] = { program, NULL };

	return hook_new_argv(l, argv, timeout_ns, ret_hook);
}

/* The last step of every run. The hook may be gone or run again when done() is back. */
static void finish(struct hook *h, int err, const char *why)
{
	hook_done_fn done = take_ptr(h->done);

	if (done)
		done(err, why, h->arg);
}

static int on_end(const struct child_end *end, void *arg)
{
	struct hook *h = arg;
	int status = end->status;
	char why[256];

	child_free(take_ptr(h->child));
	if (end->err) {
		snprintf(why, sizeof(why), "'%s' was not done after %llu ms and was ended",
			 h->argv[0], (unsigned long long)(h->timeout_ns / NS_PER_MS));
		finish(h, end->err, why);
	} else if (status) {
		snprintf(why, sizeof(why), "'%s' %s", h->argv[0], proc_status_text(status));
		finish(h, WIFEXITED(status) && WEXITSTATUS(status) == TEMPFAIL ? -EAGAIN : -EIO,
		       why);
	} else {
		finish(h, 0, NULL);
	}
	return 0;
}

void hook_run(struct hook *h, const void *input, size_t len, hook_done_fn done, void *arg)
{
	const struct proc_opts p = { .argv = (const char *const *)h->argv,
				     .input = input,
				     .input_len = len,
				     .own_session = true };
	const struct child_opts o = { .program = &p,
				      .timeout_ns = h->timeout_ns,
				      .grace_ns = TERM_GRACE_NS,
				      .leave_group = true,
				      .done = on_end,
				      .arg = h };
	char why[256];
	int err;

	if (h->child) {
		done(-EBUSY, "the run before is still under way", arg);
		return;
	}
	h->done = done;
	h->arg = arg;
	err = child_start(&o, &h->child);
	if (err) {
		snprintf(why, sizeof(why),
			 "cannot start '%s': %s (look at its path, its #! line and chmod +x)",
			 h->argv[0], strerror(-err));
		finish(h, err, why);
		return;
	}
	err = child_watch(h->child, h->loop);
	if (err) {
		child_free(take_ptr(h->child));
		snprintf(why, sizeof(why), "cannot watch '%s': %s", h->argv[0], strerror(-err));
		finish(h, err, why);
	}
}

void hook_free(struct hook *h)
{
	if (!h)
		return;
	child_free(h->child);
	for (char **a = h->argv; a && *a; a++)
		free(*a);
	free(h->argv);
	free(h);
}
