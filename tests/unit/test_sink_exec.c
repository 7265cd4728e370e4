/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/sink.h"

#include <sys/socket.h>

#include "alert/exec_spawner.h"
#include "alert_help.h"

static struct loop *loop;
static int runs, last_err;
static char last_why[512];

static void on_done(int err, const char *why, void *arg)
{
	(void)arg;
	runs++;
	last_err = err;
	snprintf(last_why, sizeof(last_why), "%s", why ? why : "");
}

static bool is_done(void *arg)
{
	(void)arg;
	return runs > 0;
}

static int deliver(struct sink *s, uint64_t id, const char *json, size_t len)
{
	struct sink_message m = { .log_id = id, .json = json, .json_len = len };
	int err;

	runs = 0;
	err = sink_exec.send(s, &m, on_done, NULL);
	if (err)
		return err;
	return run_until(loop, is_done, NULL) ? last_err : -ETIME;
}

static void test_here(void)
{
	struct sink *s = NULL;
	static char big[SINK_JSON_MAX + 1];

	is_int(sink_exec.open(loop, program("hook", "cat >>out"), 5000 * MS, &s), 0,
	       "a program is a target");
	is_int(deliver(s, 1, "{\"id\":1}", 8), 0, "a message is delivered");
	is_int(deliver(s, 2, "{\"id\":2}", 8), 0, "and another");
	is_str(content("out"), "{\"id\":1}\n{\"id\":2}\n", "one line each, in order");
	memset(big, ' ', sizeof(big));
	is_int(deliver(s, 3, big, SINK_JSON_MAX), 0, "the longest message is delivered");
	is_int(strlen(content("out")), 18 + SINK_JSON_MAX + 1, "whole");
	is_int(deliver(s, 4, big, SINK_JSON_MAX + 1), -EMSGSIZE, "a longer one is refused");
	is_int(deliver(s, 5, big, 0), -EMSGSIZE, "so is an empty one");
	sink_exec.free(s);
	sink_exec.free(NULL);
}

struct pair {
	int fds[2];
	struct sink *sink;
	struct exec_spawner *spawner;
};

/* The sink over fds[0], the spawner over fds[1], in one loop. */
static bool pair_open(struct pair *p, const char *path, uint64_t timeout_ns)
{
	char target[32];

	*p = (struct pair){ .fds = { -1, -1 } };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->fds) < 0)
		return false;
	snprintf(target, sizeof(target), "fd:%d", p->fds[0]);
	return !sink_exec.open(loop, target, timeout_ns, &p->sink) &&
	       (!path || !exec_spawner_new(loop, p->fds[1], path, timeout_ns, &p->spawner));
}

static void pair_done(struct pair *p)
{
	sink_exec.free(p->sink);
	exec_spawner_free(p->spawner);
	if (p->fds[1] >= 0)
		close(p->fds[1]);
}

static void test_there(void)
{
	static char big[SINK_JSON_MAX];
	struct pair p;

	ok(pair_open(&p, program("hook", "cat >>there; test ! -e fail || exit 7"), 5000 * MS),
	   "a spawner is a target");
	for (uint64_t id = 1; id <= 3; id++)
		is_int(deliver(p.sink, id, "{}", 2), 0, "message %d is run by the spawner",
		       (int)id);
	is_str(content("there"), "{}\n{}\n{}\n", "with its line on standard input");
	is_int(deliver(p.sink, 3, "{}", 2), 0,
	       "one asked for again, its answer was lost, is confirmed");
	is_str(content("there"), "{}\n{}\n{}\n", "and not run twice");
	memset(big, ' ', sizeof(big));
	is_int(deliver(p.sink, 4, big, sizeof(big)), 0, "the longest message is delivered");
	is_int(strlen(content("there")), 9 + SINK_JSON_MAX + 1, "whole");
	close(open(in_dir("fail"), O_CREAT | O_CLOEXEC, 0644));
	is_int(deliver(p.sink, 5, "{}", 2), SINK_REFUSED, "a failing program is a failure here");
	ok(strstr(last_why, "exited with status 7"), "with the reason from there: %s", last_why);
	unlink(in_dir("fail"));
	is_int(deliver(p.sink, 5, "{}", 2), 0, "one that failed is run again");
	is_int(strlen(content("there")), 9 + SINK_JSON_MAX + 1 + 6, "indeed");
	pair_done(&p);
	ok(pair_open(&p, "/nonexistent/hook", 5000 * MS), "a spawner of nothing starts");
	is_int(deliver(p.sink, 6, "{}", 2), -ENOENT, "and says that the program is missing");
	is_int(deliver(p.sink, 7, "{}", 2), -ENOENT, "again and again");
	pair_done(&p);
	ok(pair_open(&p, program("slow", "tail -f /dev/null"), 100 * MS),
	   "a spawner with a time limit");
	is_int(deliver(p.sink, 8, "{}", 2), SINK_REFUSED, "ends a program over it");
	ok(strstr(last_why, "not done after 100 ms"), "and says so: %s", last_why);
	pair_done(&p);
}

static void test_peer_gone(void)
{
	struct sink *s = NULL;
	struct pair p;

	ok(pair_open(&p, NULL, 5000 * MS), "a socket without a spawner");
	close(take_fd(p.fds[1]));
	is_int(deliver(p.sink, 1, "{}", 2), -EPIPE, "a closed socket is a failure");
	is_int(deliver(p.sink, 2, "{}", 2), -EPIPE, "also the next time");
	pair_done(&p);
	ok(sink_exec.open(loop, "fd:999", 0, &s) == -EBADF && !s, "an fd that is none is refused");
	is_int(sink_exec.open(loop, "fd:x", 0, &s), -EINVAL, "so is no number");
	is_int(sink_exec.open(loop, "fd:1", 0, &s), -ENOTSOCK, "and what is no socket");
}

static struct pair answering;

/* First an answer to another question, then one that is cut, then the right one. */
static int on_question(void *arg)
{
	struct exec_answer a = { .id = 41, .result = 0, .why = "stale" };
	char question[64];

	(void)arg;
	if (recv(answering.fds[1], question, sizeof(question), MSG_DONTWAIT) <= 0)
		return 0;
	(void)!send(answering.fds[1], &a, EXEC_ANSWER_HEAD + 5, MSG_NOSIGNAL);
	(void)!send(answering.fds[1], &a, 5, MSG_NOSIGNAL);
	a.id = 42;
	a.result = -EPERM;
	memset(a.why, 'w', sizeof(a.why));
	(void)!send(answering.fds[1], &a, sizeof(a), MSG_NOSIGNAL);
	return 0;
}

static void test_strange_answers(void)
{
	struct loop_source *src = NULL;

	ok(pair_open(&answering, NULL, 5000 * MS) &&
		   !loop_add_fd(loop, answering.fds[1], 1 /* EPOLLIN */, on_question, NULL, &src),
	   "a spawner that answers oddly");
	is_int(deliver(answering.sink, 42, "{}", 2), -EPERM,
	       "only the answer to this question counts");
	ok(strlen(last_why) > 200 && strlen(last_why) <= 255, "and a long reason is cut");
	loop_remove(src);
	pair_done(&answering);
}

static bool answered(void *arg)
{
	struct exec_answer *a = arg;

	return recv(answering.fds[0], a, sizeof(*a), MSG_DONTWAIT) > 0;
}

/* The supervisor is root and its peer is not: whatever comes, it goes on. */
static void test_strange_questions(void)
{
	static struct exec_request q = { .id = 7 };
	struct exec_answer a = { 0 };
	struct exec_spawner *sp = NULL;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, answering.fds) < 0 ||
	    exec_spawner_new(loop, answering.fds[1], program("hook", "cat >>odd"), 5000 * MS, &sp))
		return;
	memset(q.json, '"', sizeof(q.json));
	(void)!send(answering.fds[0], &q, 3, MSG_NOSIGNAL);
	ok(run_until(loop, answered, &a) && a.result == -EBADMSG, "a message too short is refused");
	(void)!send(answering.fds[0], &q, EXEC_REQUEST_MAX + 1, MSG_NOSIGNAL);
	ok(run_until(loop, answered, &a) && a.result == -EMSGSIZE && a.id == 7,
	   "a message too long is refused");
	ok(!*content("odd"), "and nothing was run");
	(void)!send(answering.fds[0], &q, EXEC_REQUEST_HEAD + 1, MSG_NOSIGNAL);
	q.id = 8;
	(void)!send(answering.fds[0], &q, EXEC_REQUEST_HEAD + 1, MSG_NOSIGNAL);
	ok(run_until(loop, answered, &a) && a.id == 7 && !a.result,
	   "two at once are run one after the other");
	ok(run_until(loop, answered, &a) && a.id == 8 && !a.result, "the second behind the first");
	is_str(content("odd"), "\"\n\"\n", "each once");
	exec_spawner_free(sp);
	close(answering.fds[0]);
	close(answering.fds[1]);
	exec_spawner_free(NULL);
}

int main(void)
{
	make_dir();
	if (loop_new(&loop))
		return 1;
	test_here();
	test_there();
	test_peer_gone();
	test_strange_answers();
	test_strange_questions();
	loop_free(loop);
	return tap_done();
}
