/* SPDX-License-Identifier: GPL-2.0 */
#include "redirect/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/proc.h"
#include "redirect/confine.h"
#include "redirect/reader.h"
#include "redirect/word.h"

#define OUT 3 /* the only file that the keeper was given */
#define NICE 10
/* Before a reader is started again; twice as long each time, unless it has lived for long. */
#define PAUSE_MIN_MS 500
#define PAUSE_MAX_MS 60000
#define LONG_LIFE_NS UINT64_C(60000000000)

struct keeper {
	uid_t uid;
	gid_t gid;
	uint64_t every_ns;
	pid_t parent;
	int out; /* until it is OUT */
	int signals; /* signalfd of SIGCHLD */
	struct redirect_fds fds;
};

/* Ends with its parent. */
static int follow(pid_t parent)
{
	return prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent ? -ESRCH : 0;
}

/*
 * It reads what others wrote. Without seccomp it reads as well, with the rights that it has: the
 * agent has tried that (redirect_confine_try()) and says so.
 */
static int read_rules(const struct keeper *k, pid_t keeper)
{
	if (follow(keeper))
		return 1;
	if (redirect_confine())
		errno = 0;
	return redirect_reader_main(&k->fds, OUT, k->every_ns);
}

static int start_reader(const struct keeper *k, pid_t *ret_pid)
{
	pid_t keeper = getpid(), pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(read_rules(k, keeper));
	*ret_pid = pid;
	return 0;
}

/* false: nobody listens any more. */
static bool pause_ms(int ms)
{
	struct pollfd p = { .fd = OUT };

	return poll(&p, 1, ms) <= 0;
}

static void clear_signals(const struct keeper *k)
{
	struct signalfd_siginfo info;

	while (read(k->signals, &info, sizeof(info)) == sizeof(info))
		;
}

/*
 * Until the reader has ended: its status. A stopped one reads nothing either and is ended. -EPIPE:
 * nobody listens any more.
 */
static int wait_for_reader(const struct keeper *k, pid_t pid)
{
	struct pollfd p[] = { { .fd = OUT }, { .fd = k->signals, .events = POLLIN } };
	int status = 0;

	for (;;) {
		clear_signals(k);
		if (waitpid(pid, &status, WUNTRACED | WNOHANG) == pid) {
			if (!WIFSTOPPED(status))
				return status;
			kill(pid, SIGKILL);
		}
		if (poll(p, array_len(p), -1) > 0 && p[0].revents)
			return -EPIPE;
	}
}

static int keep(const struct keeper *k)
{
	int ms = PAUSE_MIN_MS;

	for (;;) {
		uint64_t began = clock_boot_ns();
		pid_t pid = 0;
		int status = start_reader(k, &pid);

		if (!status)
			status = wait_for_reader(k, pid);
		/* The reader sees by itself that nobody listens; if not, our end is its end. */
		if (status == -EPIPE)
			return 0;
		/* One that gave up by itself, or could not be started, has ended too. */
		if (redirect_word_send(OUT, 0, status > 0 ? (uint32_t)status : 1U << 8, NULL, 0))
			return 1;
		if (clock_boot_ns() - began >= LONG_LIFE_NS)
			ms = PAUSE_MIN_MS;
		if (!pause_ms(ms))
			return 0;
		ms = 2 * ms < PAUSE_MAX_MS ? 2 * ms : PAUSE_MAX_MS;
	}
}

/* Nothing of the agent's but the socket and what it says to people. */
static int close_others(int out)
{
	int at = fcntl(out, F_DUPFD_CLOEXEC, 10);

	if (at < 0 || dup2(at, OUT) != OUT)
		return -EBADF;
	closefrom(OUT + 1);
	return 0;
}

static int watch_children(int *ret_fd)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	*ret_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return *ret_fd < 0 ? -errno : 0;
}

static int in_child(int none, void *arg)
{
	struct keeper *k = arg;
	/* Before Linux 6.4 any bpf(2) asks for CAP_BPF. */
	const uint64_t caps = UINT64_C(1) << CAP_NET_ADMIN | UINT64_C(1) << CAP_BPF;
	static const int ignored[] = { SIGPIPE, SIGTERM, SIGINT, SIGHUP };

	(void)none;
	if (close_others(k->out))
		return 1;
	/* It ends with the agent, and not before it when both are told to stop. */
	for (size_t i = 0; i < array_len(ignored); i++)
		signal(ignored[i], SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	k->fds.names4 = open("/proc/net/ip_tables_names", O_RDONLY | O_CLOEXEC);
	k->fds.names6 = open("/proc/net/ip6_tables_names", O_RDONLY | O_CLOEXEC);
	prctl(PR_SET_NAME, "ajar-redirect");
	/* The kernel needs seconds to list 50,000 rules: not at the cost of what runs here. */
	(void)setpriority(PRIO_PROCESS, 0, NICE);
	if (watch_children(&k->signals) || proc_drop_privileges_but(k->uid, k->gid, caps) ||
	    follow(k->parent))
		return 1;
	return keep(k);
}

int redirect_spawn(uid_t uid, gid_t gid, uint64_t every_ns, struct child **ret_c, int *ret_fd)
{
	struct keeper k = { .uid = uid, .gid = gid, .every_ns = every_ns, .parent = getpid() };
	const struct child_opts o = { .function = in_child, .arg = &k };
	int fds[2], err;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	k.out = fds[1];
	err = child_start(&o, ret_c);
	close(fds[1]);
	if (err)
		close(fds[0]);
	else
		*ret_fd = fds[0];
	return err;
}
