/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/nmap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/proc.h"
#include "core/portset.h"
#include "scan/guard.h"

#define NS_PER_S 1000000000ULL
#define MEMORY_MAX (4ULL << 30) /* address space; 32 hosts with all their ports took 180 MB */
#define TARGETS_BYTES_MAX (64u << 10)
#define TALK_MAX 2048 /* kept of its standard error */
#define ARGS_MAX 40
#define SCRIPT_TIME "5s"
#define CONNECT_RATE_MAX                                                                           \
	10000 /* what one process can do where nothing answers: select(2) and 1014 sockets */

struct nmap {
	const struct nmap_ops *ops;
	void *arg;
	struct scan_xml *xml;
	struct child *child;
	struct guard guard;
	struct buf talk;
};

const char *nmap_program(void)
{
	const char *env = getenv("AJAR_NMAP");

	return env && *env ? env : "nmap";
}

/* --- the command line ------------------------------------------------------------------------- */

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
 * Never fewer than two retries: with one, a loss of 1 % makes 23 ports of 65535 "filtered" that are
 * not. --min-rate keeps nmap from slowing down over lost packets and firewalls, which costs no
 * accuracy; never --host-timeout, which throws all of a host away.
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
	if (job->kind != SCAN_UDP)
		add_two(a, "--min-rate", a->min_rate);
}

/*
 * ssl-cert tries every open port that it knows no service of, one after the other: 14 s each where
 * a port says nothing. Its time for all of a host is therefore bounded; a handshake on a LAN has 5
 * ms.
 */
static void add_scripts(struct args *a)
{
	add_two(a, "--script", "ssh-hostkey,ssl-cert");
	add_two(a, "--script-timeout", SCRIPT_TIME);
}

static void add_kind(struct args *a, enum scan_kind kind)
{
	add(a, kind == SCAN_SYN ? "-sS" : kind == SCAN_UDP ? "-sU" : "-sT");
	if (scan_kind_is_raw(kind))
		add(a, "--privileged");
	else
		add(a, "--unprivileged");
	if (kind == SCAN_VERSION) {
		add(a, "-sV");
		add_two(a, "--version-intensity", "2");
		add(a, "--allports");
		add_two(a, "--min-parallelism", "64");
	}
	if (kind == SCAN_VERSION || kind == SCAN_IDENTITY || kind == SCAN_VERIFY)
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

/*
 * Long enough for the worst that can be right (every port filtered, every service unresponsive),
 * then it hangs.
 */
static uint64_t time_for(const struct nmap_job *job)
{
	struct ports set = { 0 };
	uint64_t ports = ports_parse(job->ports, &set) ? 2000 : ports_count(&set);
	uint64_t rate = job->rate && job->rate < CONNECT_RATE_MAX ? job->rate : CONNECT_RATE_MAX;
	uint64_t s = 60 + 6 * ports * job->targets_len / rate;

	if (job->kind == SCAN_VERSION)
		s += 240 + ports * job->targets_len / 4;
	if (job->kind == SCAN_UDP)
		s += 4 * ports; /* a kernel answers about a closed UDP port once a second */
	return s * NS_PER_S;
}

/* --- its end ---------------------------------------------------------------------------------- */

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

static int on_end(const struct child_end *end, void *arg)
{
	struct nmap *n = arg;
	char why[512], said[200];
	int err = end->err;

	last_words(n, said, sizeof(said));
	if (err == -ETIMEDOUT) {
		snprintf(why, sizeof(why), "nmap was not done in time and was killed");
	} else if (err) {
		snprintf(why, sizeof(why), "nmap's output cannot be used: %s",
			 scan_xml_why(n->xml));
	} else if (end->status) {
		err = -EIO;
		snprintf(why, sizeof(why), "nmap %s%s%s", proc_status_text(end->status),
			 *said ? ": " : "", said);
	} else {
		err = scan_xml_end(n->xml);
		snprintf(why, sizeof(why), "%s", err ? scan_xml_why(n->xml) : "");
	}
	guard_stop(&n->guard);
	n->ops->done(err, why, n->arg);
	return 0;
}

/* --- its output ------------------------------------------------------------------------------- */

static int on_output(const void *bytes, size_t len, void *arg)
{
	const struct nmap *n = arg;

	return scan_xml_feed(n->xml, bytes, len);
}

static void on_talk(const void *bytes, size_t len, void *arg)
{
	struct nmap *n = arg;
	const char *p = bytes;

	if (len > TALK_MAX) { /* its last words are what counts */
		p += len - TALK_MAX;
		len = TALK_MAX;
	}
	if (n->talk.len + len > TALK_MAX)
		buf_reset(&n->talk);
	buf_put(&n->talk, p, len);
}

/* --- its start -------------------------------------------------------------------------------- */

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
	struct args a = { .n = 0 };
	int err = list_targets(job, &targets);

	if (err)
		return err;
	make_args(&a, job);
	{
		const struct proc_opts p = {
			.argv = a.v,
			.input = targets.data,
			.input_len = targets.len,
			.own_session = true,
			.ends_with_us = true,
			.plain_env = true,
			.uid = job->uid,
			.gid = job->gid,
			.net_raw = scan_kind_is_raw(job->kind),
			.memory_max = MEMORY_MAX,
			.no_files = true,
		};
		const struct child_opts o = {
			.program = &p,
			.out = true,
			.talk = true,
			.timeout_ns = job->timeout_ns ? job->timeout_ns : time_for(job),
			.on_out = on_output,
			.on_talk = on_talk,
			.done = on_end,
			.arg = n,
		};

		return child_start(&o, &n->child);
	}
}

int nmap_start(struct loop *l, const struct nmap_job *job, const struct nmap_ops *ops, void *arg,
	       struct nmap **ret_nmap)
{
	_cleanup_(nmap_freep) struct nmap *n = calloc(1, sizeof(*n));
	int err;

	if (!n)
		return -ENOMEM;
	n->ops = ops;
	n->arg = arg;
	n->talk.max = TALK_MAX;
	if (!job->targets_len)
		return -EINVAL;
	err = scan_xml_new(&ops->xml, arg, &n->xml);
	if (!err)
		err = spawn(n, job);
	if (!err && job->lease_ns)
		err = guard_start(&n->guard, child_pidfd(n->child), job->lease_ns);
	if (!err)
		err = child_watch(n->child, l);
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
	if (!n)
		return;
	child_free(n->child);
	guard_stop(&n->guard);
	scan_xml_free(n->xml);
	buf_done(&n->talk);
	free(n);
}

const struct scan_run *nmap_run(const struct nmap *n)
{
	return scan_xml_run(n->xml);
}
