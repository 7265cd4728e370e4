/* SPDX-License-Identifier: GPL-2.0 */
/* How it watches, in the words of every view. */
#include <errno.h>

#include "sensor/internal.h"
#include "sensor/poll.h"

/* Namespaces that are not looked into are a row: silence there is not peace. */
static void describe_missed(struct sensor *s)
{
	unsigned n = s->report.hooks_len;

	if (s->missed & POLL_NETNS_MORE)
		s->hooks[n++] = (struct sensor_hook_report){
			.what = "some network namespaces",
			.note = "there are more than 4096",
		};
	if (s->missed & POLL_NETNS_SHUT || s->stays)
		s->hooks[n++] = (struct sensor_hook_report){
			.what = s->poller ? "doors in other network namespaces"
					  : "the kernel's doors of before in other "
					    "network namespaces",
			.note = "without CAP_SYS_ADMIN",
		};
	if (s->h.tier == 'A' && s->leaf_err)
		s->hooks[n++] = (struct sensor_hook_report){
			.what = "what our hooks see of another cgroup",
			.note = s->leaf_err == -EROFS ? "cgroup v2 is read-only here"
				: s->leaf_err == -EPIPE
					? "the process that tries it has ended"
					: "a cgroup for a process that tries it cannot be made",
		};
	s->report.hooks_len = n;
}

static void describe_bare(struct sensor *s)
{
	s->hooks[0] = (struct sensor_hook_report){
		.what = hooks[HOOK_LISTEN].what,
		.hook = hook_alt(HOOK_LISTEN, TIER_BARE)->name,
	};
	s->hooks[1] = (struct sensor_hook_report){ .what = "all other doors that are open",
						   .hook = "sock_diag, every few seconds" };
	s->hooks[2] = (struct sensor_hook_report){ .what = "what but TCP is gone between two looks",
						   .note = "polling, without BTF" };
	s->report = (struct sensor_report){
		.tier = TIER_BARE, .why = s->why, .hooks_len = 3, .hooks = s->hooks
	};
}

static void describe_polling(struct sensor *s)
{
	s->hooks[0] = (struct sensor_hook_report){ .what = "doors that are open",
						   .hook = "sock_diag, every few seconds" };
	s->hooks[1] = (struct sensor_hook_report){ .what = "what is gone between two looks",
						   .note = "polling" };
	s->report = (struct sensor_report){
		.tier = TIER_POLL, .why = s->why, .hooks_len = 2, .hooks = s->hooks
	};
}

static void describe_hooks(struct sensor *s)
{
	for (unsigned i = 0; i < HOOKS_MAX; i++) {
		bool on = s->h.links[i] >= 0;
		const struct hook_alt *alt = hook_alt((enum hook_id)i, s->h.tier);

		s->hooks[i] = (struct sensor_hook_report){
			.what = hooks[i].what,
			.hook = on ? alt->name : NULL,
			.note = on    ? NULL
				: alt ? "this kernel refuses it"
				      : "only by sweeps, without cgroup v2",
		};
	}
	s->report = (struct sensor_report){
		.tier = s->h.tier,
		.why = s->why,
		.hooks_len = HOOKS_MAX,
		.hooks = s->hooks,
	};
}

void report_fill(struct sensor *s)
{
	if (s->h.tier == TIER_POLL)
		describe_polling(s);
	else if (s->h.tier == TIER_BARE)
		describe_bare(s);
	else
		describe_hooks(s);
	describe_missed(s);
	s->report.misses = tier_misses(s->h.tier);
	s->report.netns = s->netns;
	s->report.only_netns = s->own_netns ? s->netns : 0;
}
