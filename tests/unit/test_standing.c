/* SPDX-License-Identifier: GPL-2.0 */
#include "ship/standing.h"

#include "base/buf.h"
#include "base/loop.h"
#include "journal_util.h"
#include "ship/executables.h"
#include "tap.h"

#define LIMIT_NS UINT64_C(60000000000) /* the machine may be busy */

static struct loop *loop;
static struct executables *x;
static struct journal *j;
static size_t wanted;

#define GONE INT32_MAX /* a number that no process has */

static void opened(enum event_kind kind, const char *exe, uint32_t pid)
{
	const struct event ev = { .kind = kind,
				  .time_ns = UINT64_C(1767225600000000000),
				  .door = { .proto = PROTO_TCP, .port = 22 },
				  .opener = { .known = true,
					      .pid = pid,
					      .exe = text_of(exe),
					      .start_ns = 1,
					      .space = SPACE_KNOWN,
					      .container_state = PLACE_NONE } };
	_cleanup_(buf_done) struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	struct journal_pos pos;
	int err;

	event_encode(&ev, &b);
	err = b.err ? b.err : journal_append(j, b.data, b.len, &pos);
	if (err)
		bail("journal", err);
}

static int on_look(void *arg)
{
	(void)arg;
	if (executables_count(x) >= wanted)
		loop_stop(loop);
	return 0;
}

static int on_limit(void *arg)
{
	(void)arg;
	loop_stop(loop);
	return 0;
}

static bool wait_for(size_t n)
{
	struct loop_source *look = NULL, *limit = NULL;
	bool good;

	wanted = n;
	good = !loop_add_timer(loop, on_look, NULL, &look) &&
	       !loop_add_timer(loop, on_limit, NULL, &limit) &&
	       !loop_timer_set(look, 1000000, 1000000) && !loop_timer_set(limit, LIMIT_NS, 0) &&
	       !loop_run(loop);
	loop_remove(look);
	loop_remove(limit);
	return good && executables_count(x) >= n;
}

int main(void)
{
	const struct executables_opts o = { .dpkg_dir = "/nonexistent" };
	_cleanup_(standing_freep) struct standing *s = NULL;
	struct dir d = dir_make();
	uint32_t own = (uint32_t)getpid();
	uint64_t dropped;

	j = must_open(&d, BOOT_A, 0, 0);
	opened(EVENT_OPEN, "/nonexistent/gone", GONE);
	opened(EVENT_CLOSE, "/nonexistent/closed", own);
	/* More than are read at once. */
	for (int i = 0; i < 600; i++)
		opened(EVENT_OPEN, "/nonexistent/first", own);
	opened(EVENT_OPEN, "/nonexistent/last", own);
	is_int(journal_commit(j, &dropped), 0, "a journal");
	ok(!loop_new(&loop) && !executables_new(loop, &o, &x) && !standing_new(loop, d.fd, x, &s),
	   "with doors of a process that runs and of one that has ended");
	ok(wait_for(2), "what the one opened is looked at, to the journal's end");
	is_int((long long)executables_count(x), 2, "nothing of the other's");
	journal_free(j);
	standing_free(take_ptr(s));
	executables_free(x);
	loop_free(loop);
	dir_remove(&d);
	return tap_done();
}
