/* SPDX-License-Identifier: GPL-2.0 */
/*
 * honest_nodes --store URI --owner URI --nodes N --class C --seconds S --hook PATH
 *
 * N nodes "honest01" ... of which each opens one door after the other for S seconds, while others do
 * what they like. "%n" in --store is the node's name: an account of its own each. A door is closed
 * when its alert was told, and the next is opened when that is told as resolved. Alerts come as
 * datagrams of tests/helpers/hook_stamp to PATH. While a door is open 'ajar check' is asked about
 * its node, with the owner's account: OK is a lie then, unless it says that something is not judged.
 * One node more opens nothing: in the end it is OK. Says "ready", and what came of it; 0: every alert
 * came, no later than TOLD_MAX_S behind the end, and there was no lie.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/parse.h"
#include "sim/sim.h"
#include "store/store.h"

#define NODES_MAX 64
#define DOORS_MAX 4096
#define FIRST_PORT 20000
#define PAUSE_NS (SECOND_NS / 5) /* between two doors */
#define REPORT_NS (5 * SECOND_NS)
#define TOLD_MAX_S 150 /* not a measure: a machine may be slow, but not for ever */

struct door_told {
	unsigned node;
	uint64_t opened_ns, stored_ns, told_ns; /* CLOCK_BOOTTIME; 0: not yet */
};

struct honest {
	const char *uri, *owner, *class, *hook, *name;
	uint64_t seconds, nodes_len;
	int sock;
	struct sim_node nodes[NODES_MAX];
	struct sim_spec specs[DOORS_MAX];
	char exes[DOORS_MAX][40];
	struct door_told doors[DOORS_MAX];
	unsigned doors_len, told;
	int at[NODES_MAX]; /* the door of each; -1: it has none, and no alert */
	bool closed[NODES_MAX];
	unsigned asked, said_ok, said_behind, lies;
	bool quiet_ok;
};

static struct honest h;

/* --- the nodes ---------------------------------------------------------------------------------------- */

static int make_node(unsigned i, struct store *owner)
{
	struct sim_node *n = &h.nodes[i];
	char uri[600] = "", *out = uri;
	struct sim_opts o = { .seed = i + 1 };

	snprintf(n->name, sizeof(n->name), "honest%02u", i + 1);
	n->host_type = h.class;
	for (const char *c = h.uri; *c && out < uri + sizeof(uri) - 40;) {
		if (c[0] == '%' && c[1] == 'n') {
			out += sprintf(out, "%s", n->name);
			c += 2;
		} else {
			*out++ = *c++;
		}
	}
	*out = '\0';
	o.store = strcmp(uri, h.uri) ? uri : NULL;
	h.at[i] = -1;
	return sim_node_init(n, &o, owner);
}

static int report(unsigned i)
{
	const struct sim_report r = { .version = "1",
				      .addresses = "127.0.0.1",
				      .now_ns = clock_wall_ns(),
				      .interval_ns = REPORT_NS,
				      .silent_ns = 12 * REPORT_NS };

	return sim_node_report(&h.nodes[i], &r);
}

static int start_node(unsigned i)
{
	int err = report(i);

	if (!err)
		err = sim_node_boot(&h.nodes[i], clock_wall_ns());
	return err ? err : sim_node_ship(&h.nodes[i]);
}

static void report_all(uint64_t *due_ns)
{
	if (clock_boot_ns() < *due_ns)
		return;
	*due_ns = clock_boot_ns() + REPORT_NS;
	for (unsigned i = 0; i <= h.nodes_len; i++) {
		if (report(i))
			printf("# %s cannot report: %s\n", h.nodes[i].name,
			       store_why(h.nodes[i].store));
	}
}

/* --- doors -------------------------------------------------------------------------------------------- */

static int open_door(unsigned i)
{
	const unsigned k = h.doors_len++;
	struct sim_spec *s = &h.specs[k];
	int err;

	/* A program of its own each, for what one program opens in a row is one alert. */
	snprintf(h.exes[k], sizeof(h.exes[k]), "/opt/honest/%u", k);
	*s = (struct sim_spec){ .proto = PROTO_TCP,
				.scope = SCOPE_ANY,
				.port = FIRST_PORT + k,
				.exe = h.exes[k],
				.user = "alice",
				.comm = "honest",
				.uid = 1000 };
	h.doors[k] = (struct door_told){ .node = i, .opened_ns = clock_boot_ns() };
	h.at[i] = (int)k;
	h.closed[i] = false;
	err = sim_node_open(&h.nodes[i], s, k + 1, clock_wall_ns());
	if (!err)
		err = sim_node_ship(&h.nodes[i]);
	h.doors[k].stored_ns = clock_boot_ns();
	return err;
}

static int close_door(unsigned i)
{
	int err = sim_node_close(&h.nodes[i], (uint64_t)h.at[i] + 1, PROTO_TCP, 0, clock_wall_ns());

	h.closed[i] = true;
	return err ? err : sim_node_ship(&h.nodes[i]);
}

static int open_next(void)
{
	for (unsigned n = 0; n < h.nodes_len && h.doors_len < DOORS_MAX; n++) {
		const unsigned i = (h.doors_len + n) % (unsigned)h.nodes_len;

		if (h.at[i] < 0)
			return open_door(i);
	}
	return 0;
}

/* --- what is told ------------------------------------------------------------------------------------- */

static int on_told(const char *text)
{
	const char *p = strstr(text, "\"port\":"), *exe = strstr(text, "/opt/honest/");
	const uint64_t at_ns = strtoull(text, NULL, 10);
	const bool resolved = strstr(text, "\"state\":\"resolved\"");
	struct door_told *d;
	unsigned long k = p ? strtoul(p + 7, NULL, 10) - FIRST_PORT : DOORS_MAX;

	if (!exe || k >= h.doors_len)
		return 0;
	d = &h.doors[k];
	if (resolved && h.at[d->node] == (int)k && h.closed[d->node])
		h.at[d->node] = -1;
	if (resolved || d->told_ns)
		return 0;
	d->told_ns = at_ns;
	h.told++;
	return h.at[d->node] == (int)k ? close_door(d->node) : 0;
}

static int hear(int timeout_ms)
{
	static char text[65536 + 1];
	struct pollfd p = { .fd = h.sock, .events = POLLIN };
	int err = 0;

	while (!err && poll(&p, 1, timeout_ms) > 0) {
		const ssize_t n = recv(h.sock, text, sizeof(text) - 1, 0);

		if (n < 0)
			return -errno;
		text[n] = '\0';
		err = on_told(text);
		timeout_ms = 0;
	}
	return err;
}

/* --- what 'ajar check' says --------------------------------------------------------------------------- */

static int run_check(const char *node, char *out, size_t size)
{
	int fds[2], status = -1;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		unsetenv("AJAR_STORE_PASSWORD");
		execlp("ajar", "ajar", "check", "--store", h.owner, "--node", node, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	while (len < size - 1 && (n = read(fds[0], out + len, size - 1 - len)) > 0)
		len += (size_t)n;
	out[len] = '\0';
	close(fds[0]);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Of each node that has one, the door is open and its record in the store. */
static void ask_about(unsigned i)
{
	char said[2000];
	const bool open = h.at[i] >= 0 && !h.closed[i];
	const int code = run_check(h.nodes[i].name, said, sizeof(said));

	h.asked++;
	h.said_ok += !code;
	if (code || !open)
		return;
	if (strstr(said, "not judged yet")) {
		h.said_behind++;
		return;
	}
	h.lies++;
	printf("# %s has the unexpected port %d open, and: %s", h.nodes[i].name,
	       FIRST_PORT + h.at[i], said);
}

static void wait_quiet(uint64_t until_ns)
{
	char said[2000];

	do {
		h.quiet_ok = !run_check(h.nodes[h.nodes_len].name, said, sizeof(said)) &&
			     !strstr(said, "not judged yet");
	} while (!h.quiet_ok && clock_boot_ns() < until_ns && !hear(100));
	if (!h.quiet_ok)
		printf("# %s", said);
}

/* --- in the end --------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void say_latency(const char *what, bool from_store)
{
	static uint64_t took[DOORS_MAX];
	unsigned n = 0;

	for (unsigned k = 0; k < h.doors_len; k++) {
		const struct door_told *d = &h.doors[k];
		const uint64_t from_ns = from_store ? d->stored_ns : d->opened_ns;

		if (d->told_ns)
			took[n++] = d->told_ns > from_ns ? d->told_ns - from_ns : 0;
	}
	qsort(took, n, sizeof(*took), by_size);
	if (n)
		printf("%-34s p50 %6.0f ms, p99 %6.0f ms, worst %6.0f ms\n", what,
		       (double)took[n / 2] / 1e6, (double)took[n * 99 / 100] / 1e6,
		       (double)took[n - 1] / 1e6);
}

/* What they made is what the store has: nobody has changed or added anything. */
static unsigned count_changed(struct store *owner)
{
	unsigned changed = 0;

	for (unsigned i = 0; i <= h.nodes_len; i++) {
		struct store *own = h.nodes[i].store;
		bool same = false;

		h.nodes[i].store = owner;
		if (sim_node_verify(&h.nodes[i], &same))
			same = false;
		h.nodes[i].store = own;
		changed += !same;
	}
	return changed;
}

static int say_all(struct store *owner)
{
	const unsigned changed = count_changed(owner);

	say_latency("a door opens, its alert is told:", false);
	say_latency("from its record in the store on:", true);
	printf("alerts told: %u of %u\n", h.told, h.doors_len);
	for (unsigned k = 0; k < h.doors_len; k++) {
		if (!h.doors[k].told_ns)
			printf("# not told: port %u of %s\n", FIRST_PORT + k,
			       h.nodes[h.doors[k].node].name);
	}
	printf("checked %u times: %u OK, %u of them with what is not judged, %u lies\n", h.asked,
	       h.said_ok, h.said_behind, h.lies);
	printf("nodes whose records were changed: %u\n", changed);
	printf("a node without a door is OK: %s\n", h.quiet_ok ? "yes" : "no");
	return h.told == h.doors_len && h.doors_len && !h.lies && !changed && h.quiet_ok ? 0 : 1;
}

static int run(void)
{
	const uint64_t end_ns = clock_boot_ns() + h.seconds * SECOND_NS;
	uint64_t next_ns = 0, report_ns = 0;
	unsigned ask = 0;
	int err = 0;

	while (!err && clock_boot_ns() < end_ns) {
		report_all(&report_ns);
		if (clock_boot_ns() >= next_ns) {
			next_ns = clock_boot_ns() + PAUSE_NS;
			err = open_next();
			if (!err && h.doors_len)
				ask_about(h.doors[h.doors_len - 1].node);
			ask_about(ask++ % (unsigned)h.nodes_len);
		}
		if (!err)
			err = hear(20);
	}
	while (!err && h.told < h.doors_len && clock_boot_ns() < end_ns + TOLD_MAX_S * SECOND_NS) {
		report_all(&report_ns);
		err = hear(100);
	}
	wait_quiet(end_ns + TOLD_MAX_S * SECOND_NS);
	return err;
}

static int listen_for_hooks(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	h.sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (h.sock < 0 || strlen(h.hook) >= sizeof(at.sun_path))
		return -EINVAL;
	memcpy(at.sun_path, h.hook, strlen(h.hook));
	if (bind(h.sock, (const struct sockaddr *)&at, sizeof(at)) || chmod(h.hook, 0666))
		return -errno;
	return 0;
}

static int parse_args(int argc, char **argv)
{
	const struct {
		const char *name, **text;
		uint64_t *number;
	} all[] = { { "--store", &h.uri, NULL },       { "--owner", &h.owner, NULL },
		    { "--class", &h.class, NULL },     { "--hook", &h.hook, NULL },
		    { "--nodes", NULL, &h.nodes_len }, { "--seconds", NULL, &h.seconds } };

	for (int i = 1; i + 1 < argc; i += 2) {
		for (size_t k = 0; k < array_len(all); k++) {
			if (strcmp(all[k].name, argv[i]))
				continue;
			if (all[k].text)
				*all[k].text = argv[i + 1];
			else if (parse_u64(argv[i + 1], all[k].number))
				return -EINVAL;
		}
	}
	return h.uri && h.owner && h.class && h.hook && h.seconds && h.nodes_len &&
			       h.nodes_len < NODES_MAX
		       ? 0
		       : -EINVAL;
}

int main(int argc, char **argv)
{
	_cleanup_(store_freep) struct store *owner = NULL;
	_free_ char *why = NULL;
	int err = parse_args(argc, argv);

	if (err) {
		fprintf(stderr, "honest_nodes --store URI --owner URI --nodes N --class C "
				"--seconds S --hook PATH\n");
		return 2;
	}
	err = store_open(h.owner, 0, &owner, &why);
	if (!err)
		err = listen_for_hooks();
	for (unsigned i = 0; !err && i <= h.nodes_len; i++)
		err = make_node(i, owner);
	for (unsigned i = 0; !err && i <= h.nodes_len; i++)
		err = start_node(i);
	if (!err) {
		printf("ready\n");
		fflush(stdout);
		err = run();
	}
	if (err)
		printf("error %s (%s)\n", why ? why : strerror(-err),
		       owner ? store_why(owner) : "");
	err = say_all(owner) || err;
	for (unsigned i = 0; i <= h.nodes_len; i++)
		sim_node_done(&h.nodes[i]);
	return err ? 1 : 0;
}
