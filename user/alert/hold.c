/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alert/lane.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/loop.h"

/*
 * Several notifiers, or monitors, on one store: a lane sends while its sink is leased to it. The lease is asked for when there is
 * something to send, renewed while that is under way, and runs out when its holder says nothing more; what it had under way is
 * then sent by the next one. A holder on this machine that has ended is succeeded at once.
 */
#define LEASE_NS (15 * NS_PER_S)
#define RENEW_NS (5 * NS_PER_S)
#define MARGIN_NS (2 * NS_PER_S) /* not used to its last moment: the question took time */
#define ASK_AGAIN_NS (2 * NS_PER_S)

/*
 * "HOST BOOT-ID PID-NAMESPACE PID": who may ask whether that process lives, and which it is. What a sandbox hides is left out;
 * who cannot be sure waits for the lease to run out.
 */
void hold_name(char ret[HOLDER_MAX])
{
	_cleanup_(buf_done) struct buf boot = BUF_INIT(64);
	char ns[64] = "", host[65] = "";
	ssize_t n = readlink("/proc/self/ns/pid", ns, sizeof(ns) - 1);

	(void)gethostname(host, sizeof(host) - 1);
	if (file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &boot))
		buf_reset(&boot);
	snprintf(ret, HOLDER_MAX, "%.64s %.36s %.*s %d", host, boot.len ? buf_str(&boot) : "-",
		 n > 0 ? (int)n : 0, ns, (int)getpid());
}

static bool is_gone(const struct lane *ln, const char *holder)
{
	const char *ours = strrchr(ln->o->holder, ' '), *theirs = strrchr(holder, ' ');
	size_t here = (size_t)(ours - ln->o->holder);
	int pid;

	if (!theirs || (size_t)(theirs - holder) != here || strncmp(holder, ln->o->holder, here) ||
	    sscanf(theirs, " %d", &pid) != 1 || pid <= 0)
		return false;
	return kill(pid, 0) < 0 && errno == ESRCH;
}

static int ask(struct lane *ln, enum store_lease_state *ret_state)
{
	char other[STORE_HOLDER_MAX + 1] = "", gone[STORE_HOLDER_MAX + 1];
	uint64_t now = clock_boot_ns();
	struct store *s = ln->o->store;
	int err = store_sink_lease(s, ln->name, ln->o->holder, NULL, LEASE_NS, ret_state, other);

	if (!err && *ret_state == LEASE_OTHERS && is_gone(ln, other)) {
		memcpy(gone, other, sizeof(gone));
		err = store_sink_lease(s, ln->name, ln->o->holder, gone, LEASE_NS, ret_state,
				       other);
	}
	if (err == -EOPNOTSUPP) { /* nobody else has this store */
		*ret_state = LEASE_KEPT;
		ln->hold_until_ns = UINT64_MAX;
		return 0;
	}
	if (!err && *ret_state != LEASE_OTHERS)
		ln->hold_until_ns = now + LEASE_NS - MARGIN_NS;
	return err;
}

static bool is_due(const struct lane *ln)
{
	return ln->hold_until_ns != UINT64_MAX && clock_boot_ns() + RENEW_NS >= ln->hold_until_ns;
}

/* What it knows is of before: the store knows better. */
static int let_go(struct lane *ln)
{
	ln->held = false;
	ln->dirty = ln->single = ln->refusing = false;
	ln->failures = 0;
	while (ln->len)
		lane_drop_item(ln);
	return lane_load(ln);
}

int hold_look(struct lane *ln)
{
	enum store_lease_state state;
	int err;

	if (ln->held && !is_due(ln))
		return 0;
	if (ln->held && (ln->len || ln->dirty)) {
		err = ask(ln, &state);
		if (err || state == LEASE_KEPT)
			return err;
	}
	return let_go(ln);
}

int hold_take(struct lane *ln, bool *ret_again)
{
	enum store_lease_state state;
	int err = 0;

	if (ln->held)
		return 0;
	err = ask(ln, &state);
	if (err)
		return err;
	if (state == LEASE_OTHERS) {
		lane_wait(ln, ASK_AGAIN_NS);
		return 1;
	}
	if (state == LEASE_TAKEN) {
		err = let_go(ln);
		*ret_again = true;
	}
	ln->held = !err;
	return err;
}

void hold_give_up(struct lane *ln)
{
	if (ln->held && ln->hold_until_ns != UINT64_MAX)
		(void)!store_sink_release(ln->o->store, ln->name,
					  ln->o->holder); /* else it runs out */
	ln->held = false;
}

/* While something is under way nobody else is to begin with it; if the store is away, that cannot be helped. */
int hold_on_timer(void *arg)
{
	enum store_lease_state state;
	struct lane *ln = arg;

	if (!ln->under_way)
		return loop_timer_set(ln->hold_timer, 0, 0);
	if (ln->held && !ask(ln, &state) && state != LEASE_KEPT)
		ln->held = false;
	return 0;
}

void hold_while_under_way(struct lane *ln)
{
	if (ln->under_way && ln->hold_until_ns != UINT64_MAX)
		(void)!loop_timer_set(ln->hold_timer, RENEW_NS, RENEW_NS);
}
