/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alert/sink_queue.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/loop.h"

/*
 * Several notifiers, or monitors, on one store: a queue sends while its sink is leased to it. The
 * lease is asked for when there is something to send, renewed while that is under way, and runs out
 * when its holder says nothing more; what it had under way is then sent by the next one. A holder
 * on this machine that has ended is succeeded at once.
 */
#define LEASE_NS (15 * NS_PER_S)
#define RENEW_NS (5 * NS_PER_S)
#define MARGIN_NS (2 * NS_PER_S) /* not used to its last moment: the question took time */
#define ASK_AGAIN_NS (2 * NS_PER_S)

/*
 * "HOST BOOT-ID PID-NAMESPACE PID": who may ask whether that process lives, and which it is. What a
 * sandbox hides is left out; who cannot be sure waits for the lease to run out.
 */
void lease_name(char ret[HOLDER_MAX])
{
	char ns[64] = "", host[65] = "", boot[CLOCK_BOOT_ID_LEN + 1];
	ssize_t n = readlink("/proc/self/ns/pid", ns, sizeof(ns) - 1);

	(void)gethostname(host, sizeof(host) - 1);
	if (clock_boot_id(boot))
		snprintf(boot, sizeof(boot), "-");
	snprintf(ret, HOLDER_MAX, "%.64s %s %.*s %d", host, boot, n > 0 ? (int)n : 0, ns,
		 (int)getpid());
}

static bool is_gone(const char *me, const char *holder)
{
	const char *ours = strrchr(me, ' '), *theirs = strrchr(holder, ' ');
	size_t here = (size_t)(ours - me);
	int pid;

	if (!theirs || (size_t)(theirs - holder) != here || strncmp(holder, me, here) ||
	    sscanf(theirs, " %d", &pid) != 1 || pid <= 0)
		return false;
	return kill(pid, 0) < 0 && errno == ESRCH;
}

bool lease_was_ours(const char *holder)
{
	char me[HOLDER_MAX];
	size_t host, boot;

	lease_name(me);
	host = strcspn(me, " ") + 1;
	boot = host + strcspn(me + host, " ") + 1;
	if (strncmp(holder, me, host))
		return false;
	return strncmp(holder, me, boot) != 0 || is_gone(me, holder);
}

static int ask(struct sink_queue *q, enum store_lease_state *ret_state)
{
	char other[STORE_HOLDER_MAX + 1] = "", gone[STORE_HOLDER_MAX + 1];
	uint64_t now = clock_boot_ns();
	struct store *s = q->o->store;
	int err = store_sink_lease(s, q->name, q->o->holder, NULL, LEASE_NS, ret_state, other);

	if (!err && *ret_state == LEASE_OTHERS && is_gone(q->o->holder, other)) {
		memcpy(gone, other, sizeof(gone));
		err = store_sink_lease(s, q->name, q->o->holder, gone, LEASE_NS, ret_state, other);
	}
	if (err == -EOPNOTSUPP) { /* nobody else has this store */
		*ret_state = LEASE_KEPT;
		q->lease_until_ns = UINT64_MAX;
		return 0;
	}
	if (!err && *ret_state != LEASE_OTHERS)
		q->lease_until_ns = now + LEASE_NS - MARGIN_NS;
	return err;
}

static bool is_due(const struct sink_queue *q)
{
	return q->lease_until_ns != UINT64_MAX && clock_boot_ns() + RENEW_NS >= q->lease_until_ns;
}

/* What it knows is of before: the store knows better. */
static int let_go(struct sink_queue *q)
{
	q->leased = false;
	q->dirty = q->single = q->refusing = false;
	q->failures = 0;
	while (q->len)
		queue_drop_item(q);
	return queue_load(q);
}

int lease_look(struct sink_queue *q)
{
	enum store_lease_state state;
	int err;

	if (q->leased && !is_due(q))
		return 0;
	if (q->leased && (q->len || q->dirty)) {
		err = ask(q, &state);
		if (err || state == LEASE_KEPT)
			return err;
	}
	return let_go(q);
}

int lease_take(struct sink_queue *q, bool *ret_again)
{
	enum store_lease_state state;
	int err = 0;

	if (q->leased)
		return 0;
	err = ask(q, &state);
	if (err)
		return err;
	if (state == LEASE_OTHERS) {
		queue_wait(q, ASK_AGAIN_NS);
		return 1;
	}
	if (state == LEASE_TAKEN) {
		err = let_go(q);
		*ret_again = true;
	}
	q->leased = !err;
	return err;
}

void lease_give_up(struct sink_queue *q)
{
	if (q->leased && q->lease_until_ns != UINT64_MAX)
		(void)!store_sink_release(q->o->store, q->name,
					  q->o->holder); /* else it runs out */
	q->leased = false;
}

/*
 * While something is under way nobody else is to begin with it; if the store is away, that cannot
 * be helped.
 */
int lease_on_timer(void *arg)
{
	enum store_lease_state state;
	struct sink_queue *q = arg;

	if (q->phase != QUEUE_SENDING)
		return loop_timer_set(q->lease_timer, 0, 0);
	if (q->leased && !ask(q, &state) && state != LEASE_KEPT)
		q->leased = false;
	return 0;
}

void lease_while_under_way(struct sink_queue *q)
{
	if (q->phase == QUEUE_SENDING && q->lease_until_ns != UINT64_MAX)
		(void)!loop_timer_set(q->lease_timer, RENEW_NS, RENEW_NS);
}
