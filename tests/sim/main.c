/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A simulated cluster: N nodes with their journals and shippers against a real store. Deterministic
 * by its seed.
 *
 *	sim --store URI --nodes SET [--class C] [--journals DIR] [--seed N] [--workers N] [--ago SECONDS] <script
 *
 * --nodes may be given several times, each followed by its --class. With --journals each node
 * writes a real journal in a folder of its own there, and a real shipper with a connection of its
 * own copies it; without, nodes are light: their records are kept in memory until they are stored,
 * over one connection a worker, by the same store_put_events().
 *
 * Commands are lines of standard input; each is answered by one line when all that it made is in
 * the store: "done RECORDS SECONDS" or "error WHY". The cluster's clock begins --ago seconds back
 * (default: two days) and moves as commands take time.
 *
 *	boot SET SECONDS                       sim_services come up within that, one after the other
 *	restart SET SERVICE SECONDS            a daemon ends and comes back
 *	upgrade SET SERVICE SECONDS            the same with its file replaced below it
 *	job SET ID USER DOORS SECONDS          an MPI job: doors on ports of the kernel's choice, all closed at its end
 *	day SET SECONDS                        ordinary use
 *	open SET PROTO PORT EXE USER [CGROUP [ARGS]]  one door; "\x20" in a word is that byte
 *	close SET PROTO PORT
 *	pass SECONDS                           time goes by
 *	load SET RATE SECONDS                  in real time: so many records a second over all of them
 *	resend                                 everything once more: nothing may change
 *	verify                                 the store has what the nodes made, each once: "same RECORDS" or "differs NODES"
 *
 * The first process forks workers, each with its share of the nodes, hands the commands on and adds
 * up what they answer.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hostlist.h"
#include "base/parse.h"
#include "sim/sim.h"
#include "store/store.h"

#define WORKERS_MAX 16
#define GROUPS_MAX 16
#define WORDS_MAX 16
#define LINE_MAX_BYTES 32768 /* of one command; the rest of a longer one is a command of its own */
#define SLICES 16 /* what a command makes is shipped in so many turns, */
#define SLICES_MANY 2 /* by many nodes in few */
#define MANY 1000
#define SHIP_AT 400 /* records of one node that are not put off to the end of the turn */

struct group {
	struct hostlist set;
	const char *text, *host_type;
};

struct sim {
	const char *store, *journals;
	uint64_t seed, ago_s;
	unsigned workers, groups_len;
	struct group groups[GROUPS_MAX];
	/* Of a worker. */
	unsigned me;
	struct store *shared;
	struct sim_node *nodes;
	size_t nodes_len;
	uint64_t now_ns;
};

/* --- a worker --------------------------------------------------------------------------------------- */

static int make_nodes(struct sim *s)
{
	const struct sim_opts o = { .journals = s->journals,
				    .store = s->journals ? s->store : NULL,
				    .seed = s->seed };
	_free_ char *why = NULL;
	size_t all = 0, i = 0;
	int err;

	for (unsigned g = 0; g < s->groups_len; g++)
		all += s->groups[g].set.len;
	s->nodes = calloc(all / s->workers + 1, sizeof(*s->nodes));
	if (!s->nodes)
		return -ENOMEM;
	err = store_open(s->store, 0, &s->shared, &why);
	if (err)
		fprintf(stderr, "sim: %s\n", why ? why : strerror(-err));
	for (unsigned g = 0; g < s->groups_len && !err; g++) {
		for (size_t k = 0; k < s->groups[g].set.len && !err; k++, i++) {
			struct sim_node *n = &s->nodes[s->nodes_len];

			if (i % s->workers != s->me)
				continue;
			snprintf(n->name, sizeof(n->name), "%s", s->groups[g].set.names[k]);
			n->host_type = s->groups[g].host_type;
			s->nodes_len++;
			err = sim_node_init(n, &o, s->shared);
		}
	}
	return err;
}

static int ship_dirty(struct sim *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->nodes_len; i++) {
		if (s->nodes[i].dirty)
			err = sim_node_ship(&s->nodes[i]);
	}
	return err;
}

/* In turns, so that the nodes' records reach the store side by side as they would. */
static int run_plan(struct sim *s, struct sim_plan *p, uint64_t takes_ns)
{
	const uint64_t step_ns = takes_ns / (s->nodes_len > MANY ? SLICES_MANY : SLICES);
	uint64_t turn_ns = s->now_ns + step_ns;
	int err = p->err ? -ENOMEM : 0;

	sim_plan_sort(p);
	for (size_t i = 0; !err && i < p->len; i++) {
		struct sim_node *n = p->a[i].node;
		size_t waiting;

		if (p->a[i].time_ns > turn_ns) {
			err = ship_dirty(s);
			turn_ns = p->a[i].time_ns + step_ns;
		}
		if (!err)
			err = sim_node_act(&p->a[i]);
		waiting = n->records_len - n->sent;
		if (!err && waiting > SHIP_AT)
			err = sim_node_ship(n);
	}
	return err ? err : ship_dirty(s);
}

/*
 * Doors that everybody expects come and go, each shipped at once as a node with little to do ships
 * it.
 */
static int run_load(struct sim *s, struct sim_traffic *t)
{
	uint64_t rate = 0, seconds = 0, start_ns = clock_boot_ns(), at_ns = 0, tag = 0;
	const size_t share = t->len;
	int err = 0;

	if (t->words_len < 2 || parse_u64(t->words[0], &rate) || parse_u64(t->words[1], &seconds))
		return -EINVAL;
	rate = rate / s->workers + 1;
	while (!err && share) {
		struct sim_node *n = t->nodes[sim_node_random(&s->nodes[0], share)];
		uint64_t now = clock_boot_ns() - start_ns;

		if (now >= seconds * SECOND_NS)
			break;
		if (at_ns > now) {
			poll(NULL, 0, (int)((at_ns - now) / 1000000 + 1));
			continue;
		}
		at_ns += SECOND_NS / rate;
		tag++;
		if (n->doors_len && tag & 1)
			err = sim_node_close(n, n->doors[n->doors_len - 1].tag, PROTO_TCP, 22,
					     clock_wall_ns());
		else
			err = sim_node_open(n, &sim_services[0], (UINT64_C(1) << 50) + tag,
					    clock_wall_ns());
		if (!err)
			err = sim_node_ship(n);
	}
	s->now_ns = clock_wall_ns();
	return err;
}

static int verify(struct sim *s, uint64_t *ret_made, uint64_t *ret_differ)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->nodes_len; i++) {
		bool same = true;

		err = sim_node_verify(&s->nodes[i], &same);
		*ret_made += s->nodes[i].made;
		*ret_differ += !same;
	}
	return err;
}

static int resend(struct sim *s)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->nodes_len; i++)
		err = sim_node_resend(&s->nodes[i]);
	return err;
}

/* Nodes of ours that the set names; a NULL set: all. */
static int choose(struct sim *s, const char *text, struct sim_traffic *t)
{
	struct hostlist_error bad = { 0 };
	struct hostlist set = { 0 };
	int err = hostlist_parse(&set, text, NULL, &bad);

	t->nodes = err ? NULL : calloc(s->nodes_len + 1, sizeof(struct sim_node *));
	for (size_t i = 0; t->nodes && i < s->nodes_len; i++) {
		if (hostlist_has(&set, s->nodes[i].name))
			t->nodes[t->len++] = &s->nodes[i];
	}
	hostlist_done(&set);
	return err ? err : t->nodes ? 0 : -ENOMEM;
}

static const struct {
	const char *name;
	uint64_t (*fn)(struct sim_plan *p, const struct sim_traffic *t);
} commands[] = {
	{ "boot", sim_boot },	{ "restart", sim_restart }, { "upgrade", sim_upgrade },
	{ "job", sim_job },	{ "day", sim_day },	    { "open", sim_open },
	{ "close", sim_close },
};

static int run_traffic(struct sim *s, char **words, size_t len)
{
	struct sim_traffic t = { .now_ns = s->now_ns, .words = words + 2, .words_len = len - 2 };
	struct sim_plan p = { 0 };
	uint64_t takes = 0;
	int err = choose(s, words[1], &t);
	size_t i = 0;

	if (!err && !strcmp(words[0], "load")) {
		err = run_load(s, &t);
		free(t.nodes);
		return err;
	}
	while (i < array_len(commands) && strcmp(commands[i].name, words[0]))
		i++;
	if (!err && i < array_len(commands))
		takes = commands[i].fn(&p, &t);
	/*
	 * A worker without one of the nodes has nothing to do, and that takes as long as for the
	 * others.
	 */
	if (!err && !takes && t.len)
		err = -EINVAL;
	if (!err)
		err = run_plan(s, &p, takes * SECOND_NS);
	s->now_ns += takes * SECOND_NS;
	sim_plan_done(&p);
	free(t.nodes);
	return err;
}

static int run_command(struct sim *s, char **words, size_t len, uint64_t *differ)
{
	uint64_t seconds, made = 0;

	if (len == 2 && !strcmp(words[0], "pass") && !parse_u64(words[1], &seconds)) {
		s->now_ns += seconds * SECOND_NS;
		return 0;
	}
	if (len == 1 && !strcmp(words[0], "verify"))
		return verify(s, &made, differ);
	if (len == 1 && !strcmp(words[0], "resend"))
		return resend(s);
	return len < 2 ? -EINVAL : run_traffic(s, words, len);
}

/* In place: "\x1b" is that byte. */
static void unescape(char *word)
{
	char *to = word;

	for (const char *c = word; *c; c++) {
		unsigned byte;
		int n = 0;

		if (sscanf(c, "\\x%2x%n", &byte, &n) == 1 && n == 4 && byte) {
			*to++ = (char)byte;
			c += 3;
		} else {
			*to++ = *c;
		}
	}
	*to = '\0';
}

static size_t split(char *line, char **words)
{
	size_t n = 0;
	char *save = NULL;

	for (char *w = strtok_r(line, " \t\n", &save); w && n < WORDS_MAX;
	     w = strtok_r(NULL, " \t\n", &save)) {
		unescape(w);
		words[n++] = w;
	}
	return n;
}

/* Answers "errno made differ now" to each line. */
static int work(struct sim *s, FILE *in, FILE *out)
{
	char line[LINE_MAX_BYTES], *words[WORDS_MAX];
	int err = make_nodes(s);

	fprintf(out, "%d 0 0 %llu\n", err, (unsigned long long)s->now_ns);
	fflush(out);
	while (!err && fgets(line, sizeof(line), in)) {
		uint64_t made = 0, differ = 0;
		size_t len = split(line, words);
		int bad = run_command(s, words, len, &differ);

		for (size_t i = 0; i < s->nodes_len; i++)
			made += s->nodes[i].made;
		fprintf(out, "%d %llu %llu %llu\n", bad, (unsigned long long)made,
			(unsigned long long)differ, (unsigned long long)s->now_ns);
		fflush(out);
	}
	for (size_t i = 0; i < s->nodes_len; i++)
		sim_node_done(&s->nodes[i]);
	free(s->nodes);
	store_free(s->shared);
	return err ? 1 : 0;
}

/* --- the first process ------------------------------------------------------------------------------- */

struct worker {
	pid_t pid;
	FILE *to, *from;
};

static int start_worker(struct sim *s, struct worker *all, unsigned i)
{
	int in[2], out[2];

	if (pipe(in) || pipe(out))
		return -errno;
	all[i].pid = fork();
	if (!all[i].pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (unsigned k = 0; k < i; k++) {
			close(fileno(all[k].to));
			close(fileno(all[k].from));
		}
		close(in[1]);
		close(out[0]);
		s->me = i;
		_exit(work(s, fdopen(in[0], "r"), fdopen(out[1], "w")));
	}
	close(in[0]);
	close(out[1]);
	all[i].to = fdopen(in[1], "w");
	all[i].from = fdopen(out[0], "r");
	return all[i].pid > 0 && all[i].to && all[i].from ? 0 : -ENOMEM;
}

struct answer {
	int err;
	unsigned long long made, differ, now_ns;
};

static struct answer listen_to_all(struct sim *s, struct worker *all)
{
	struct answer sum = { 0 };

	for (unsigned i = 0; i < s->workers; i++) {
		struct answer a = { .err = -EPIPE };

		if (fscanf(all[i].from, "%d %llu %llu %llu", &a.err, &a.made, &a.differ,
			   &a.now_ns) != 4)
			a.err = -EPIPE;
		if (a.err)
			sum.err = a.err;
		sum.made += a.made;
		sum.differ += a.differ;
	}
	return sum;
}

static void say(const struct answer *a, const char *line, uint64_t before, double seconds)
{
	if (a->err)
		printf("error %s\n", strerror(-a->err));
	else if (!strncmp(line, "verify", 6) && a->differ)
		printf("differs %llu\n", a->differ);
	else if (!strncmp(line, "verify", 6))
		printf("same %llu\n", a->made);
	else
		printf("done %llu %.2f\n", a->made - before, seconds);
	fflush(stdout);
}

static int lead(struct sim *s)
{
	struct worker all[WORKERS_MAX] = { 0 };
	struct answer a;
	char line[LINE_MAX_BYTES];
	uint64_t made = 0;
	int bad = 0;

	for (unsigned i = 0; i < s->workers; i++) {
		if (start_worker(s, all, i))
			return 1;
	}
	a = listen_to_all(s, all);
	if (!a.err) {
		printf("ready\n");
		fflush(stdout);
	}
	bad |= a.err;
	while (!a.err && fgets(line, sizeof(line), stdin)) {
		uint64_t start_ns = clock_boot_ns();

		if (*line == '#' || *line == '\n')
			continue;
		for (unsigned i = 0; i < s->workers; i++) {
			fputs(line, all[i].to);
			fflush(all[i].to);
		}
		a = listen_to_all(s, all);
		say(&a, line, made, (double)(clock_boot_ns() - start_ns) / 1e9);
		made = a.made;
		bad |= a.err || a.differ;
	}
	for (unsigned i = 0; i < s->workers; i++) {
		fclose(all[i].to);
		waitpid(all[i].pid, NULL, 0);
		fclose(all[i].from);
	}
	return bad ? 1 : 0;
}

static int parse_args(struct sim *s, int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		const char *name = argv[i], *value = argv[i + 1];
		struct group *g = &s->groups[s->groups_len ? s->groups_len - 1 : 0];
		struct hostlist_error bad;
		uint32_t n = 0;
		int err = 0;

		if (!strcmp(name, "--store")) {
			s->store = value;
		} else if (!strcmp(name, "--journals")) {
			s->journals = value;
		} else if (!strcmp(name, "--class")) {
			g->host_type = value;
		} else if (!strcmp(name, "--nodes") && s->groups_len < GROUPS_MAX) {
			g = &s->groups[s->groups_len++];
			g->host_type = "compute";
			err = hostlist_parse(&g->set, value, NULL, &bad);
		} else if (!strcmp(name, "--seed")) {
			err = parse_u64(value, &s->seed);
		} else if (!strcmp(name, "--ago")) {
			err = parse_u64(value, &s->ago_s);
		} else if (!strcmp(name, "--workers")) {
			err = parse_u32(value, &n);
			s->workers = n && n <= WORKERS_MAX ? n : 1;
		} else {
			err = -EINVAL;
		}
		if (err) {
			fprintf(stderr, "sim: bad %s %s\n", name, value);
			return err;
		}
	}
	return s->store && s->groups_len ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct sim s = { .workers = 4, .seed = 1, .ago_s = 2 * 86400 };
	struct rlimit files = { 16384, 16384 };

	if (parse_args(&s, argc, argv)) {
		fprintf(stderr,
			"sim --store URI --nodes SET [--class C] [--journals DIR] [--seed N] "
			"[--workers N] [--ago SECONDS]\n");
		return 2;
	}
	for (unsigned g = 0; g < s.groups_len; g++)
		hostlist_sort(&s.groups[g].set);
	setrlimit(RLIMIT_NOFILE, &files);
	s.now_ns = clock_wall_ns() - s.ago_s * SECOND_NS;
	return lead(&s);
}
