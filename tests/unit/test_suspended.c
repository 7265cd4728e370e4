/* SPDX-License-Identifier: GPL-2.0 */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "journal/status.h"
#include "journal_util.h"
#include "ship/heartbeat.h"
#include "store/store.h"
#include "tap.h"

/* An agent that is stopped by a signal is told at once, by its state in /proc: a real process of that name. */

static pid_t start(const char *name)
{
	int said[2];
	pid_t pid;
	char c;

	if (pipe(said) < 0)
		bail("pipe", errno);
	pid = fork();
	if (pid < 0)
		bail("fork", errno);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, name);
		if (write(said[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	if (read(said[0], &c, 1) != 1)
		bail("the child", EIO);
	close(said[0]);
	close(said[1]);
	return pid;
}

/* Until its parent knows that it stopped, or goes on. */
static void send(pid_t pid, int signo, int options)
{
	int status;

	if (kill(pid, signo) < 0 || waitpid(pid, &status, options) != pid)
		bail("waitpid", errno);
}

static void write_status(const struct dir *d, pid_t pid, bool stopped)
{
	struct journal_status st = { .written_boot_ns = clock_boot_ns(),
				     .attached = true,
				     .tier = 'A',
				     .stopped = stopped,
				     .pid = (uint32_t)pid };
	struct journal_pen *pen = NULL;

	if (clock_boot_id(st.boot_id) || journal_pen_new(d->fd, &st, &pen))
		bail("a heartbeat", EIO);
	journal_pen_free(pen);
}

static int keep(const struct store_health_row *row, void *arg)
{
	*(enum health_agent *)arg = row->h.agent;
	return 0;
}

/* What the store is told of the agent now. */
static int told(struct heartbeat *b, struct store *s)
{
	struct store_health_reply r;
	enum health_agent agent = AGENT_UNKNOWN;

	if (heartbeat_send(b, s, NULL, false, &r) || store_health(s, "n1", false, keep, &agent))
		bail("a heartbeat of the node", EIO);
	return agent;
}

int main(void)
{
	const struct heartbeat_opts o = { .node = "n1",
					  .host_type = "compute",
					  .interval_ns = UINT64_C(10000000000),
					  .silent_ns = UINT64_C(30000000000) };
	_cleanup_(heartbeat_freep) struct heartbeat *b = NULL;
	struct store *s = NULL;
	struct dir d = dir_make();
	struct journal *j = must_open(&d, BOOT_A, 1 << 20, 1 << 16);
	pid_t agent = start("ajar-agent"), other = start("other");

	append_n(j, 1);
	if (heartbeat_new(d.fd, &o, &b) || store_open("sqlite::memory:", STORE_CREATE, &s, NULL))
		bail("heartbeat_new", EIO);
	write_status(&d, agent, false);
	ok(!heartbeat_look(b), "an agent that runs is no news");
	is_int(told(b, s), AGENT_RECORDING, "it is told as recording");
	send(agent, SIGSTOP, WUNTRACED);
	ok(!heartbeat_look(b), "one look at a stopped one is not enough");
	is_int(told(b, s), AGENT_RECORDING, "and tells nothing");
	ok(heartbeat_look(b), "the second is news");
	ok(!heartbeat_look(b), "once");
	is_int(told(b, s), AGENT_STALLED, "it is told as stalled, though its heartbeat is fresh");
	send(agent, SIGCONT, WCONTINUED);
	ok(heartbeat_look(b), "that it goes on is news at once");
	is_int(told(b, s), AGENT_RECORDING, "and told");

	send(other, SIGSTOP, WUNTRACED);
	write_status(&d, other, false);
	ok(!heartbeat_look(b) && !heartbeat_look(b),
	   "a process of another name has only its number");
	send(agent, SIGSTOP, WUNTRACED);
	write_status(&d, agent, true);
	ok(!heartbeat_look(b) && !heartbeat_look(b), "one that said its end is none");
	write_status(&d, 0, false);
	ok(!heartbeat_look(b) && !heartbeat_look(b),
	   "an agent that does not say its pid is not looked for");
	send(agent, SIGKILL, 0);
	send(other, SIGKILL, 0);
	store_free(s);
	journal_free(j);
	dir_remove(&d);
	return tap_done();
}
