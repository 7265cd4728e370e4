/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/exec_spawner.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "alert/hook.h"
#include "base/hash.h"
#include "base/loop.h"

_Static_assert(offsetof(struct exec_answer, why) == EXEC_ANSWER_HEAD, "no padding");
_Static_assert(offsetof(struct exec_request, json) == EXEC_REQUEST_HEAD, "no padding");

struct exec_spawner {
	struct loop *loop;
	struct loop_source *src; /* NULL while a program runs, and when the peer is gone */
	struct hook *hook;
	int fd;
	uint64_t id; /* of the run under way */
	bool running;
	/*
	 * What the program was last given and took: a monitor killed before it knew asks for it
	 * once more.
	 */
	uint64_t taken_id;
	size_t taken_len;
	uint32_t taken_crc;
	struct exec_request request;
};

static int on_readable(void *arg);

/* The monitor may have died meanwhile: then its successor asks again, and nobody misses this. */
static void answer(struct exec_spawner *sp, uint64_t id, int err, const char *why)
{
	struct exec_answer a = { .id = id, .result = err };
	int n = snprintf(a.why, sizeof(a.why), "%s", why ? why : "");
	size_t len = n < 0 ? 0 : (size_t)n;

	if (len >= sizeof(a.why))
		len = sizeof(a.why) - 1;
	(void)!send(sp->fd, &a, EXEC_ANSWER_HEAD + len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static int listen_again(struct exec_spawner *sp)
{
	if (sp->src)
		return 0;
	return loop_add_fd(sp->loop, sp->fd, EPOLLIN, on_readable, sp, &sp->src);
}

static void on_done(int err, const char *why, void *arg)
{
	struct exec_spawner *sp = arg;

	sp->running = false;
	if (err)
		sp->taken_len = 0;
	answer(sp, sp->id, err, why);
	/* Without memory for the source the monitor's time limit reports it. */
	(void)!listen_again(sp);
}

static void run(struct exec_spawner *sp, size_t json_len)
{
	uint32_t crc = crc32c(0, sp->request.json, json_len);

	if (sp->taken_id == sp->request.id && sp->taken_len == json_len && sp->taken_crc == crc) {
		answer(sp, sp->request.id, 0, NULL);
		return;
	}
	sp->taken_id = sp->request.id;
	sp->taken_len = json_len;
	sp->taken_crc = crc;
	sp->id = sp->request.id;
	sp->running = true;
	loop_remove(take_ptr(sp->src));
	sp->request.json[json_len] = '\n';
	hook_run(sp->hook, sp->request.json, json_len + 1, on_done, sp);
}

static int on_readable(void *arg)
{
	struct exec_spawner *sp = arg;
	ssize_t n = recv(sp->fd, &sp->request, EXEC_REQUEST_MAX, MSG_DONTWAIT | MSG_TRUNC);

	if (n < 0)
		return 0;
	if (n == 0) /* the peer is gone for good: all its ends are closed */
		loop_remove(take_ptr(sp->src));
	else if ((size_t)n > EXEC_REQUEST_MAX)
		answer(sp, sp->request.id, -EMSGSIZE, "the message is too long");
	else if ((size_t)n <= EXEC_REQUEST_HEAD)
		answer(sp, 0, -EBADMSG, "the message is too short");
	else
		run(sp, (size_t)n - EXEC_REQUEST_HEAD);
	return 0;
}

int exec_spawner_new(struct loop *l, int fd, const char *program, uint64_t timeout_ns,
		     struct exec_spawner **ret_sp)
{
	_cleanup_(exec_spawner_freep) struct exec_spawner *sp = calloc(1, sizeof(*sp));
	int err;

	if (!sp)
		return -ENOMEM;
	sp->loop = l;
	sp->fd = fd;
	err = hook_new(l, program, timeout_ns, &sp->hook);
	if (!err)
		err = listen_again(sp);
	if (err)
		return err;
	*ret_sp = take_ptr(sp);
	return 0;
}

void exec_spawner_free(struct exec_spawner *sp)
{
	if (!sp)
		return;
	hook_free(sp->hook);
	loop_remove(sp->src);
	free(sp);
}
