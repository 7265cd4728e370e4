/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/nmap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/buf.h"
#include "base/loop.h"
#include "base/proc.h"
#include "scan/guard.h"
#include "scan/ports.h"

#define NS_PER_S 1000000000ULL
#define MEMORY_MAX (4ULL << 30) /* address space; 32 hosts with all their ports took 180 MB */
#define TARGETS_BYTES_MAX (64u << 10)
#define TALK_MAX 2048 /* kept of its standard error */
#define READ_BYTES (64u << 10)
#define ARGS_MAX 40
#define SCRIPT_TIME "5s"
#define CONNECT_RATE_MAX                                                                           \
	10000 /* what one process can do where nothing answers: select(2) and 1014 sockets */
#define REAP_TRIES 500 /* of 2 ms, after SIGKILL */

struct nmap {
	struct loop *loop;
	const struct nmap_ops *ops;
	void *arg;
	struct scan_xml *xml;
	pid_t pid; /* 0: reaped */
	int pidfd, out_fd, err_fd;
	struct loop_source *child, *out, *talk_source, *timer;
	bool out_ended, timed_out;
	int status, err;
	struct guard guard;
	struct buf talk;
};

bool nmap_kind_is_raw(const char *kind)
{
	return !strcmp(kind, "syn") || !strcmp(kind, "udp");
}

const char *nmap_program(void)
{
	const char *env = getenv("AJAR_NMAP");

	return env && *env ? env : "nmap";
}

/* --- the command line ------------------------------------------------------------------------------ */

struct args {
	const char *v[ARGS_MAX];
	unsigned n;
	char max_rate[24], min_rate[24], stats[16];
};

static void add(struct args *a, const char *word)
{
	if (a->n < ARGS_MAX - 1)
		a->v[a->n++] = word;
}

static void add_two(struct args *a, const char *word, const char *value)
{
	add(a, word);
	add(a, value);
}

/*
 * Never fewer than two retries: with one, a loss of 1 % makes 23 ports of 65535 "filtered" that are not. --min-rate keeps
 * nmap from slowing down over lost packets and firewalls, which costs no accuracy; never --host-timeout, which throws all of a host away.
 */
static void add_pace(struct args *a, const struct nmap_job *job)
{
	uint64_t min = job->rate && job->rate < CONNECT_RATE_MAX ? job->rate : CONNECT_RATE_MAX;

	add(a, "-T4");
	add_two(a, "--max-retries", "2");
	add_two(a, "--min-hostgroup", "32");
	if (job->rate) {
		snprintf(a->max_rate, sizeof(a->max_rate), "%llu", (unsigned long long)job->rate);
		add_two(a, "--max-rate", a->max_rate);
	}
	snprintf(a->min_rate, sizeof(a->min_rate), "%llu", (unsigned long long)min);
	if (strcmp(job->kind, "udp"))
		add_two(a, "--min-rate", a->min_rate);
}

/*
 * ssl-cert tries every open port that it knows no service of, one after the other: 14 s each where a port says nothing. Its
 * time for all of a host is therefore bounded; a handshake on a LAN has 5 ms.
 */
static void add_scripts(struct args *a)
{
	add_two(a, "--script", "ssh-hostkey,ssl-cert");
	add_two(a, "--script-timeout", SCRIPT_TIME);
}

static void add_kind(struct args *a, const char *kind)
{
	add(a, !strcmp(kind, "syn") ? "-sS" : !strcmp(kind, "udp") ? "-sU" : "-sT");
	if (nmap_kind_is_raw(kind))
		add(a, "--privileged");
	else
		add(a, "--unprivileged");
	if (!strcmp(kind, "version")) {
		add(a, "-sV");
		add_two(a, "--version-intensity", "2");
		add(a, "--allports");
		add_two(a, "--min-parallelism", "64");
	}
	if (!strcmp(kind, "version") || !strcmp(kind, "identity") || !strcmp(kind, "verify"))
		add_scripts(a);
}

static void make_args(struct args *a, const struct nmap_job *job)
{
	add(a, nmap_program());
	add(a, "-n");
	add(a, "-Pn");
	if (job->targets[0].family == FAMILY_INET6)
		add(a, "-6");
	add_kind(a, job->kind);
	add_pace(a, job);
	add_two(a, "-p", !strcmp(job->ports, "services") ? "[1-65535]" : job->ports);
	snprintf(a->stats, sizeof(a->stats), "%us", job->stats_every_s ? job->stats_every_s : 10);
	add_two(a, "--stats-every", a->stats);
	add_two(a, "-oX", "-");
	add_two(a, "-iL", "-");
}

/* Long enough for the worst that can be right (every port filtered, every service mute), then it hangs. */
static uint64_t time_for(const struct nmap_job *job)
{
	struct ports set = { 0 };
	uint64_t ports = ports_parse(job->ports, &set) ? 2000 : ports_count(&set);
	uint64_t rate = job->rate && job->rate < CONNECT_RATE_MAX ? job->rate : CONNECT_RATE_MAX;
	uint64_t s = 60 + 6 * ports * job->targets_len / rate;

	if (!strcmp(job->kind, "version"))
		s += 240 + ports * job->targets_len / 4;
	if (!strcmp(job->kind, "udp"))
		s += 4 * ports; /* a kernel answers about a closed UDP port once a second */
	return s * NS_PER_S;
}

/* --- its end ----------------------------------------------------------------------------------------- */

static void kill_group(const struct nmap *n, int signo)
{
	kill(-n->pid, signo);
}

static void forget(struct nmap *n)
{
	guard_stop(&n->guard);
	loop_remove(take_ptr(n->child));
	loop_remove(take_ptr(n->out));
	loop_remove(take_ptr(n->talk_source));
	loop_remove(take_ptr(n->timer));
	if (n->pidfd >= 0)
		close(take_fd(n->pidfd));
	if (n->out_fd >= 0)
		close(take_fd(n->out_fd));
	if (n->err_fd >= 0)
		close(take_fd(n->err_fd));
}

/* What it said last, as one line that is safe to show. */
static void last_words(const struct nmap *n, char *line, size_t size)
{
	struct buf b = BUF_INIT(4 * TALK_MAX);
	const char *from = buf_str(&n->talk), *p;
	size_t len = n->talk.len;

	while (len && from[len - 1] == '\n')
		len--;
	p = len ? memrchr(from, '\n', len) : NULL;
	if (len && !strncmp(from + len - (len < 9 ? len : 9), "QUITTING!", len < 9 ? len : 9) &&
	    p) {
		len = (size_t)(p - from); /* the line before says why */
		p = memrchr(from, '\n', len);
	}
	p = p ? p + 1 : from;
	esc_text(&b, p, len - (size_t)(p - from), 160);
	snprintf(line, size, "%s", buf_str(&b));
	buf_done(&b);
}

static void finish(struct nmap *n)
{
	char why[512], said[200];
	int err = n->err;

	last_words(n, said, sizeof(said));
	if (n->timed_out) {
		err = -ETIMEDOUT;
		snprintf(why, sizeof(why), "nmap was not done in time and was killed");
	} else if (err) {
		snprintf(why, sizeof(why), "nmap's output cannot be used: %s",
			 scan_xml_why(n->xml));
	} else if (n->status) {
		err = -EIO;
		snprintf(why, sizeof(why), "nmap %s%s%s", proc_status_text(n->status),
			 *said ? ": " : "", said);
	} else {
		err = scan_xml_end(n->xml);
		snprintf(why, sizeof(why), "%s", err ? scan_xml_why(n->xml) : "");
	}
	forget(n);
	n->ops->done(err, why, n->arg);
}

/* Only when the process is gone and the pipe is empty has it all been read. */
static void check_end(struct nmap *n)
{
	if (!n->pid && n->out_ended)
		finish(n);
}

static int on_child(void *arg)
{
	struct nmap *n = arg;
	siginfo_t info = { 0 };

	if (waitid(P_PID, (id_t)n->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || !info.si_pid)
		return 0;
	kill_group(
		n,
		SIGKILL); /* what it may have left behind; its number is not free before it is reaped */
	waitpid(n->pid, &n->status, 0);
	n->pid = 0;
	loop_remove(take_ptr(n->child));
	check_end(n);
	return 0;
}

static int on_timer(void *arg)
{
	struct nmap *n = arg;

	n->timed_out = true;
	if (n->pid)
		kill_group(n, SIGKILL);
	return 0;
}

/* --- its output ---------------------------------------------------------------------------------------- */

static int on_output(void *arg)
{
	struct nmap *n = arg;
	static char bytes[READ_BYTES];
	ssize_t got = read(n->out_fd, bytes, sizeof(bytes));

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got > 0) {
		if (!n->err)
			n->err = scan_xml_feed(n->xml, bytes, (size_t)got);
		/* It need not go on for nobody. */
		if (n->err && n->pid)
			kill_group(n, SIGKILL);
		return 0;
	}
	n->out_ended = true;
	loop_remove(take_ptr(n->out));
	check_end(n);
	return 0;
}

static int on_talk(void *arg)
{
	struct nmap *n = arg;
	char bytes[1024];
	ssize_t got = read(n->err_fd, bytes, sizeof(bytes));

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0) {
		loop_remove(take_ptr(n->talk_source));
		return 0;
	}
	if (n->talk.len + (size_t)got > TALK_MAX)
		buf_reset(&n->talk);
	buf_put(&n->talk, bytes, (size_t)got);
	return 0;
}

/* --- its start ------------------------------------------------------------------------------------------- */

static int make_pipe(int *ret_ours, int *ret_theirs)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*ret_ours = fds[0];
	*ret_theirs = fds[1];
	return fcntl(fds[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int list_targets(const struct nmap_job *job, struct buf *b)
{
	char text[ADDRESS_TEXT_MAX];

	for (size_t i = 0; i < job->targets_len; i++) {
		address_format(&job->targets[i], text);
		buf_printf(b, "%s\n", text);
	}
	return b->err;
}

static int spawn(struct nmap *n, const struct nmap_job *job)
{
	_cleanup_(buf_done) struct buf targets = BUF_INIT(TARGETS_BYTES_MAX);
	_close_ int out = -1, talk = -1;
	struct args a = { .n = 0 };
	int err = list_targets(job, &targets);

	if (!err)
		err = make_pipe(&n->out_fd, &out);
	if (!err)
		err = make_pipe(&n->err_fd, &talk);
	if (err)
		return err;
	make_args(&a, job);
	{
		const struct proc_opts o = {
			.argv = a.v,
			.input = targets.data,
			.input_len = targets.len,
			.own_session = true,
			.ends_with_us = true,
			.stdout_fd = out,
			.stderr_fd = talk,
			.plain_env = true,
			.uid = job->uid,
			.gid = job->gid,
			.net_raw = nmap_kind_is_raw(job->kind),
			.memory_max = MEMORY_MAX,
			.no_files = true,
		};

		return proc_spawn(&o, &n->pid);
	}
}

static int watch(struct nmap *n, uint64_t timeout_ns, uint64_t lease_ns)
{
	int err;

	n->pidfd = (int)syscall(SYS_pidfd_open, n->pid, 0);
	if (n->pidfd < 0)
		return -errno;
	err = lease_ns ? guard_start(&n->guard, n->pidfd, lease_ns) : 0;
	if (!err)
		err = loop_add_fd(n->loop, n->pidfd, EPOLLIN, on_child, n, &n->child);
	if (!err)
		err = loop_add_fd(n->loop, n->out_fd, EPOLLIN, on_output, n, &n->out);
	if (!err)
		err = loop_add_fd(n->loop, n->err_fd, EPOLLIN, on_talk, n, &n->talk_source);
	if (!err)
		err = loop_add_timer(n->loop, on_timer, n, &n->timer);
	return err ? err : loop_timer_set(n->timer, timeout_ns, 0);
}

int nmap_start(struct loop *l, const struct nmap_job *job, const struct nmap_ops *ops, void *arg,
	       struct nmap **ret_nmap)
{
	_cleanup_(nmap_freep) struct nmap *n = calloc(1, sizeof(*n));
	int err;

	if (!n)
		return -ENOMEM;
	*n = (struct nmap){
		.loop = l, .ops = ops, .arg = arg, .pidfd = -1, .out_fd = -1, .err_fd = -1
	};
	n->talk.max = TALK_MAX;
	if (!job->targets_len)
		return -EINVAL;
	err = scan_xml_new(&ops->xml, arg, &n->xml);
	if (!err)
		err = spawn(n, job);
	if (!err)
		err = watch(n, job->timeout_ns ? job->timeout_ns : time_for(job), job->lease_ns);
	if (err)
		return err;
	*ret_nmap = take_ptr(n);
	return 0;
}

void nmap_renew(struct nmap *n)
{
	guard_renew(&n->guard);
}

void nmap_free(struct nmap *n)
{
	const struct timespec pause = { .tv_nsec = 2000000 };

	if (!n)
		return;
	if (n->pid > 0) {
		kill_group(n, SIGKILL);
		for (int i = 0; i < REAP_TRIES && waitpid(n->pid, NULL, WNOHANG) == 0; i++)
			nanosleep(&pause, NULL);
	}
	forget(n);
	scan_xml_free(n->xml);
	buf_done(&n->talk);
	free(n);
}

const struct scan_run *nmap_run(const struct nmap *n)
{
	return scan_xml_run(n->xml);
}
