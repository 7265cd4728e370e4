/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/sink.h"

#include <stdbool.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "alert/exec_spawner.h"
#include "alert/hook.h"
#include "base/loop.h"
#include "base/parse.h"

/*
 * The spawner's own limit, SIGTERM's grace and some time to be scheduled come on top of the
 * program's time.
 */
#define ANSWER_MARGIN_NS UINT64_C(5000000000)

struct sink {
	struct hook *hook; /* run here, or ... */
	int fd; /* ... there */
	struct loop_source *src, *timer;
	uint64_t answer_ns;
	bool gone; /* the other end was closed */
	uint64_t id; /* of the message under way there */
	sink_done_fn done; /* NULL: none is */
	void *arg;
	struct exec_request request; /* also the line for the hook: json and a newline */
};

static void exec_free(struct sink *s)
{
	if (!s)
		return;
	hook_free(s->hook);
	loop_remove(s->src);
	loop_remove(s->timer);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}
DEFINE_FREEP(struct sink, exec_free)

static void finish(struct sink *s, int err, const char *why)
{
	sink_done_fn done = take_ptr(s->done);

	if (done)
		done(err, why, s->arg);
}

/*
 * A program that ends with another status than 0, is killed or does not end has refused the
 * message: it may be the message that it cannot digest. With status 75 (EX_TEMPFAIL of sysexits.h)
 * it says that it can, but not now.
 */
static int verdict_of(int err)
{
	return err == -EIO || err == -ETIMEDOUT ? SINK_REFUSED : err;
}

/* --- by a spawner ----------------------------------------------------------------------------- */

static int on_late(void *arg)
{
	finish(arg, -ETIMEDOUT, "whoever runs the hook did not answer in time");
	return 0;
}

static void on_closed(struct sink *s)
{
	s->gone = true;
	loop_remove(take_ptr(s->src));
	finish(s, -EPIPE, "whoever runs the hook has closed its socket");
}

static int on_answer(void *arg)
{
	struct sink *s = arg;
	struct exec_answer a = { 0 };
	ssize_t n = recv(s->fd, &a, EXEC_ANSWER_HEAD + sizeof(a.why) - 1, MSG_DONTWAIT);
	int err;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		on_closed(s);
		return 0;
	}
	/* An answer to a question that was given up, or is not one: the time limit goes on. */
	if (!s->done || n < EXEC_ANSWER_HEAD || a.id != s->id)
		return 0;
	err = loop_timer_set(s->timer, 0, 0);
	if (err)
		return err;
	finish(s, a.result > 0 ? -EIO : verdict_of(a.result), a.why);
	return 0;
}

static int open_spawner(struct loop *l, const char *number, struct sink *s)
{
	int type = 0, err;
	socklen_t len = sizeof(type);
	uint32_t fd;

	err = parse_u32(number, &fd);
	if (err)
		return err;
	if (getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return -errno;
	if (type != SOCK_SEQPACKET)
		return -EPROTOTYPE;
	if (fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	err = loop_add_timer(l, on_late, s, &s->timer);
	if (!err)
		err = loop_add_fd(l, (int)fd, EPOLLIN, on_answer, s, &s->src);
	if (err)
		return err;
	s->fd = (int)fd;
	return 0;
}

static int send_to_spawner(struct sink *s, size_t json_len)
{
	s->id = s->request.id;
	if (s->gone)
		return -EPIPE;
	if (send(s->fd, &s->request, EXEC_REQUEST_HEAD + json_len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return loop_timer_set(s->timer, s->answer_ns, 0);
}

/* --- the sink --------------------------------------------------------------------------------- */

static int exec_open(struct loop *l, const char *target, uint64_t timeout_ns,
		     struct sink **ret_sink)
{
	_cleanup_(exec_freep) struct sink *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->fd = -1;
	s->answer_ns = timeout_ns + ANSWER_MARGIN_NS;
	if (!strncmp(target, "fd:", 3))
		err = open_spawner(l, target + 3, s);
	else
		err = hook_new(l, target, timeout_ns, &s->hook);
	if (err)
		return err;
	*ret_sink = take_ptr(s);
	return 0;
}

static void on_hook(int err, const char *why, void *arg)
{
	finish(arg, verdict_of(err), why);
}

static int exec_send(struct sink *s, const struct sink_message *m, sink_done_fn done, void *arg)
{
	int err;

	if (s->done)
		return -EBUSY;
	if (!m->json_len || m->json_len > SINK_JSON_MAX)
		return -EMSGSIZE;
	s->request.id = m->log_id;
	memcpy(s->request.json, m->json, m->json_len);
	s->request.json[m->json_len] = '\n';
	s->done = done;
	s->arg = arg;
	if (s->hook) {
		hook_run(s->hook, s->request.json, m->json_len + 1, on_hook, s);
		return 0;
	}
	err = send_to_spawner(s, m->json_len);
	if (err)
		s->done = NULL;
	return err;
}

const struct sink_ops sink_exec = {
	.name = "exec",
	.open = exec_open,
	.send = exec_send,
	.free = exec_free,
};
