/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The web server against its budgets: a table of what it takes, on the embedded store and on
 * MariaDB. run.sh: within 900 s, for it fills stores of 10,000 and 1,000 nodes with the day of
 * `ajar demo`, judged by the judge; in CI one of 2,000 that nobody has judged. The server is `ajar
 * web` itself behind a socket, as a proxy's, where no limit by address stands between it and 1,000
 * readers; they and who writes share the machine with it. Alerts are committed one after the other,
 * at odd times; a reader stamps the clock when the event that names the alert is there. Figures are
 * printed and not judged, but for the bytes of the page, which are the same everywhere.
 * AJAR_WEB_NODES: so many nodes.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "change_util.h"
#include "monitor/judge.h"
#include "sim/story.h"
#include "store/mariadb.h"
#include "store/store.h"
#include "tap.h"
#include "web/assets.h"

#define PAGE_BYTES_MAX (60 * 1024) /* the budget */
#define STREAMS 1000
#define NOBODY 65534
#define STREAMS_A_SESSION 8 /* the server's limit */
#define WAIT_NS UINT64_C(20000000000)
#define COMMITS_MAX 200
#define ANSWER_MAX (32 << 20)

static char dir[] = "/tmp/ajar-web-XXXXXX";
static char data[64], conf[64], sock_path[64], ajar[512], uri[400];
static struct store *store;
static unsigned alerts_made;

struct stream {
	int fd;
	bool begun, heard;
	char tail[512]; /* the end of what has come */
	size_t len;
};
static struct stream streams[STREAMS];
static double waits[STREAMS * COMMITS_MAX]; /* milliseconds */

/* --- the server ------------------------------------------------------------------------------------------- */

static pid_t spawn(const char *const *argv)
{
	pid_t parent = getpid(), pid = fork();

	if (!pid) {
		int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(null_fd, STDOUT_FILENO);
		dup2(null_fd, STDERR_FILENO);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			execv(argv[0], (char **)(uintptr_t)argv);
		_exit(127);
	}
	return pid;
}

static int dial(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", sock_path);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A resident size of a process in MiB: "VmRSS", or "VmHWM" for the most it was. */
static double resident(pid_t pid, const char *what)
{
	char path[64], line[256];
	double kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, what, strlen(what)))
			kib = strtod(line + strlen(what) + 1, NULL);
	if (f)
		fclose(f);
	return kib / 1024;
}

/* As root the server gives up what it may, and wants to be who owns the store. */
static int give_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return lchown(path, NOBODY, NOBODY);
}

static pid_t start_web(void)
{
	const char *const argv[] = {
		ajar, "web", "--data", data, "-C", conf, *uri ? "--store" : NULL, uri, NULL
	};
	uint64_t end_ns = clock_boot_ns() + WAIT_NS;
	pid_t pid;
	int fd = -1;

	if (!geteuid() && nftw(dir, give_one, 16, FTW_PHYS))
		return -1;
	pid = spawn(argv);

	while (fd < 0 && clock_boot_ns() < end_ns && !waitpid(pid, NULL, WNOHANG)) {
		fd = dial();
		if (fd < 0)
			poll(NULL, 0, 2);
	}
	if (fd >= 0)
		close(fd);
	return ok(fd >= 0, "the server listens") ? pid : -1;
}

static void stop_web(pid_t pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

/* --- requests --------------------------------------------------------------------------------------------- */

static int ask(const char *path, const char *cookie, bool last)
{
	char text[1024];
	int fd = dial(), n;

	n = snprintf(text, sizeof(text),
		     "GET %s HTTP/1.1\r\nHost: ajar\r\nX-Remote-User: reader\r\nAccept-Encoding: "
		     "gzip\r\n"
		     "%s%s%s%s\r\n",
		     path, cookie ? "Cookie: " : "", cookie ? cookie : "", cookie ? "\r\n" : "",
		     last ? "Connection: close\r\n" : "");
	if (fd >= 0 && file_write_all(fd, text, (size_t)n)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The whole answer, its head included; 0: it is a 200. */
static int get(const char *path, const char *cookie, struct buf *b)
{
	int fd = ask(path, cookie, true);
	char piece[65536];
	ssize_t n;

	buf_reset(b);
	if (fd < 0)
		return -EIO;
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		buf_put(b, piece, (size_t)n);
	close(fd);
	return !b->err && b->len > 12 && !strncmp(b->data, "HTTP/1.1 200", 12) ? 0 : -EPROTO;
}

/* "NAME=TOKEN" of a new session. */
static int log_in(char to[128])
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(65536);
	const char *at;
	int err = get("/api/v1/me", NULL, &b);

	at = err ? NULL : strcasestr(buf_str(&b), "\nset-cookie: ");
	if (!at)
		return -EPROTO;
	at += strlen("\nset-cookie: ");
	snprintf(to, 128, "%.*s", (int)strcspn(at, ";\r"), at);
	return 0;
}

/* --- streams ---------------------------------------------------------------------------------------------- */

/* Is the alert among "critical":[...] of an event? */
static bool names_alert(const char *text, uint64_t id)
{
	const char *at = text;
	char *end;

	while ((at = strstr(at, "\"critical\":["))) {
		at += strlen("\"critical\":[");
		while (*at >= '0' && *at <= '9') {
			uint64_t v = strtoull(at, &end, 10);

			if (v == id && (*end == ',' || *end == ']'))
				return true;
			at = *end == ',' ? end + 1 : end;
		}
	}
	return false;
}

/* -EPIPE: the server ended it. */
static int listen_to(struct stream *st, uint64_t id)
{
	char piece[4096];
	ssize_t n = read(st->fd, piece, sizeof(piece));
	size_t keep = st->len < 256 ? st->len : 256;

	if (n <= 0)
		return -EPIPE;
	memmove(st->tail, st->tail + st->len - keep, keep);
	st->len = keep;
	for (ssize_t from = 0; from < n; from += 255) {
		size_t part = (size_t)(n - from) < 255 ? (size_t)(n - from) : 255;

		keep = st->len < 256 ? st->len : 256;
		memmove(st->tail, st->tail + st->len - keep, keep);
		memcpy(st->tail + keep, piece + from, part);
		st->len = keep + part;
		st->tail[st->len] = '\0';
		st->begun |= strstr(st->tail, "\nid: ") != NULL;
		st->heard |= id && names_alert(st->tail, id);
	}
	return 0;
}

/* Until all have begun (id 0) or heard of the alert; the time of each goes to `waits`. */
static unsigned wait_streams(int ep, unsigned len, uint64_t id, uint64_t since_ns, double *to)
{
	uint64_t end_ns = clock_boot_ns() + WAIT_NS;
	struct epoll_event got[64];
	unsigned done = 0;

	while (done < len && clock_boot_ns() < end_ns) {
		int n = epoll_wait(ep, got, 64, 100);

		for (int i = 0; i < n; i++) {
			struct stream *st = got[i].data.ptr;
			bool was = id ? st->heard : st->begun;

			if (listen_to(st, id))
				return done;
			if (was || !(id ? st->heard : st->begun))
				continue;
			if (to)
				to[done] = (double)(clock_boot_ns() - since_ns) / 1e6;
			done++;
		}
	}
	return done;
}

static int open_streams(int ep, unsigned from, unsigned to)
{
	char cookie[128] = "";

	for (unsigned i = from; i < to; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = &streams[i] };

		if ((i % STREAMS_A_SESSION == 0 || i == from) && log_in(cookie))
			return -EPROTO;
		streams[i] = (struct stream){ .fd = ask("/api/v1/stream", cookie, false) };
		if (streams[i].fd < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, streams[i].fd, &e))
			return -EIO;
	}
	return wait_streams(ep, to - from, 0, 0, NULL) == to - from ? 0 : -ETIMEDOUT;
}

/* --- alerts ----------------------------------------------------------------------------------------------- */

static int commit_alert(uint64_t *ret_id, uint64_t *ret_ns)
{
	uint64_t now_ns = clock_wall_ns(), log_id;
	struct any_change a;
	char key[32];
	int err;

	snprintf(key, sizeof(key), "bench %u", alerts_made++);
	any_change_init(&a, "bench", 5, 0);
	a.c.alert.key = key;
	a.c.alert.id = 0;
	a.c.alert.host_type = "compute";
	a.c.alert.nodes = a.c.alert.node = "cn0001";
	a.c.alert.kind = FINDING_UNEXPECTED;
	a.c.alert.state = ALERT_OPEN;
	a.c.alert.severity = SEVERITY_CRITICAL;
	a.c.alert.cause = CAUSE_OPENED;
	a.c.alert.count = 1;
	a.c.alert.first_ns = a.c.alert.last_ns = now_ns;
	err = store_put_alert(store, &a.c.alert, "monitor", "", now_ns, ret_id, &log_id);
	*ret_ns = clock_boot_ns();
	any_change_done(&a);
	return err;
}

static int compare(const void *pa, const void *pb)
{
	const double *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

static void row(const char *what, const char *aim, const char *fmt, ...) printf_like(3, 4);
static void row(const char *what, const char *aim, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printf("# %-58s %-16s %s\n", what, aim, text);
	fflush(stdout);
}

/* read_all: also what the page then reads, the map's changes and the alerts. */
static void measure(const char *what, const char *aim, int ep, unsigned len, unsigned commits,
		    const char *read_all)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(ANSWER_MAX);
	static double pages[COMMITS_MAX];
	size_t n = 0, read = 0;
	unsigned heard = 0;
	int err = 0;

	for (unsigned k = 0; k < commits && !err; k++) {
		uint64_t id = 0, since_ns = 0;

		for (unsigned i = 0; i < len; i++)
			streams[i].heard = false;
		err = commit_alert(&id, &since_ns);
		heard = err ? 0 : wait_streams(ep, len, id, since_ns, waits + n);
		n += heard;
		if (heard < len)
			break;
		if (read_all && !get("/api/v1/state", read_all, &b) &&
		    !get("/api/v1/alerts?status=open&limit=100", read_all, &b))
			pages[read++] = (double)(clock_boot_ns() - since_ns) / 1e6;
		poll(NULL, 0, 20 + (int)(k * 37 % 130));
	}
	is_int((long long)n, (long long)len * commits, "each of %u streams hears of %u alerts (%s)",
	       len, commits, err ? store_why(store) : "");
	if (!n)
		return;
	qsort(waits, n, sizeof(waits[0]), compare);
	row(what, aim, "p50 %.0f ms, p99 %.0f ms, most %.0f ms", waits[n / 2], waits[n * 99 / 100],
	    waits[n - 1]);
	if (!read)
		return;
	qsort(pages, read, sizeof(pages[0]), compare);
	row("  ... until the whole map and the alerts are read, too", "200 ms",
	    "p50 %.0f ms, most %.0f ms", pages[read / 2], pages[read - 1]);
}

/* --- one store -------------------------------------------------------------------------------------------- */

struct boots {
	size_t len;
	struct {
		char node[64];
		uint32_t boot_seq;
		uint64_t from, to;
	} all[20000];
};

static int on_pending(const struct store_pending *p, void *arg)
{
	struct boots *l = arg;

	if (l->len == array_len(l->all))
		return -E2BIG;
	snprintf(l->all[l->len].node, sizeof(l->all[0].node), "%s", p->node);
	l->all[l->len].boot_seq = p->boot_seq;
	l->all[l->len].from = p->judged_seq;
	l->all[l->len++].to = p->stored_seq;
	return 0;
}

/* By the judge itself, with doors and alerts; or, which is quicker, as if it had. */
static int judge_all(bool really)
{
	_cleanup_(judge_freep) struct judge *j = NULL;
	static struct boots l;
	int err = really ? judge_new(store, &(struct judge_opts){ 0 }, &j) : 0;

	for (unsigned turn = 0; !err && turn < 1000; turn++) {
		uint64_t next = 0;
		unsigned changes;

		if (really)
			err = judge_step(j, clock_wall_ns(), &changes, &next);
		l.len = 0;
		if (!err)
			err = store_pending(store, on_pending, &l);
		if (err || !l.len)
			return err;
		if (really)
			continue;
		err = store_begin(store);
		for (size_t i = 0; !err && i < l.len; i++)
			err = store_set_judged(store, l.all[i].node, l.all[i].boot_seq,
					       l.all[i].from, l.all[i].to);
		err = err ? err : store_commit(store);
	}
	return err ? err : -ETIMEDOUT;
}

static int fill(unsigned nodes, bool really)
{
	_cleanup_(story_freep) struct story *story = NULL;
	uint64_t events = 0, since_ns = clock_boot_ns();
	_free_ char *why = NULL;
	char path[128];
	int err;

	snprintf(path, sizeof(path), "sqlite:%s/store/ajar.db", data);
	err = store_open(*uri ? uri : path, STORE_CREATE, &store, &why);
	if (!err)
		err = story_new(store, nodes, clock_wall_ns(), &story);
	if (!err)
		err = story_past(story, &events);
	if (!err)
		err = judge_all(really);
	ok(!err, "a store is filled (%s)", why ? why : store ? store_why(store) : "");
	if (!err)
		printf("# %s: %u nodes, %" PRIu64 " events, %s; made in %.1f s\n",
		       *uri ? "MariaDB" : "SQLite", nodes, events,
		       really ? "judged" : "not one door",
		       (double)(clock_boot_ns() - since_ns) / 1e9);
	return err;
}

static void first_map(const char *cookie, const char *what)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(ANSWER_MAX);
	uint64_t since_ns = clock_boot_ns();
	double cold, warm;

	ok(!get("/api/v1/state", cookie, &b), "the map is there");
	cold = (double)(clock_boot_ns() - since_ns) / 1e6;
	since_ns = clock_boot_ns();
	ok(!get("/api/v1/state", cookie, &b), "and once more");
	warm = (double)(clock_boot_ns() - since_ns) / 1e6;
	row(what, "1 s, drawn", "%.0f ms, again %.0f ms, %zu KiB", cold, warm, b.len / 1024);
}

/* As many files as we need, or 0. */
static unsigned room_for_streams(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l))
		return 0;
	l.rlim_cur = l.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur < STREAMS + 200)
		return 0;
	return STREAMS;
}

static void one_store(unsigned nodes, unsigned commits, bool really)
{
	int ep = epoll_create1(EPOLL_CLOEXEC);
	unsigned many = room_for_streams();
	char cookie[128] = "", what[64];
	double ready;
	pid_t pid;

	if (fill(nodes, really) || (pid = start_web()) < 0)
		goto out;
	ready = resident(pid, "VmRSS:");
	if (!is_int(log_in(cookie), 0, "a proxy's reader is let in"))
		goto stop;
	snprintf(what, sizeof(what), "the first map of %u nodes, read by a new server", nodes);
	first_map(cookie, what);
	row("resident, nobody has asked; with the map", "16 MiB idle", "%.1f MiB; %.1f MiB", ready,
	    resident(pid, "VmRSS:"));
	if (!is_int(open_streams(ep, 0, 1), 0, "a stream begins"))
		goto stop;
	measure("from the commit of an alert to the event, one stream", "200 ms", ep, 1, commits,
		cookie);
	if (many && is_int(open_streams(ep, 1, many), 0, "and %u more do", many - 1)) {
		measure("the same, 1,000 streams", "p99 100 ms", ep, many, commits, NULL);
		row("resident with 1,000 streams; the most", "64 MiB", "%.1f MiB; %.1f MiB",
		    resident(pid, "VmRSS:"), resident(pid, "VmHWM:"));
	}
stop:
	stop_web(pid);
	for (unsigned i = 0; i < STREAMS; i++)
		if (streams[i].fd > 0)
			close(streams[i].fd);
	memset(streams, 0, sizeof(streams));
out:
	store_free(store);
	store = NULL;
	close(ep);
}

/* --- all -------------------------------------------------------------------------------------------------- */

/* The text of a file of the page. */
static int unpack(const struct web_asset *a, char *to, size_t size)
{
	z_stream z = { .next_in = (unsigned char *)(uintptr_t)a->gz,
		       .avail_in = (unsigned)a->gz_len,
		       .next_out = (unsigned char *)to,
		       .avail_out = (unsigned)size - 1 };
	int ret = inflateInit2(&z, 15 + 16);

	if (ret == Z_OK)
		ret = inflate(&z, Z_FINISH);
	to[z.total_out] = '\0';
	inflateEnd(&z);
	return ret == Z_STREAM_END ? 0 : -EINVAL;
}

/*
 * Marks a file and those that it cannot begin without: what a script imports at once, not
 * import("...").
 */
static int reach(const char *name, bool *reached)
{
	static const char word[] = " from \"./";
	_free_ char *text = malloc(1 << 20);
	const struct web_asset *a = web_assets;

	while (a->name && strcmp(a->name, name))
		a++;
	if (!a->name || !text)
		return -ENOENT;
	if (reached[a - web_assets])
		return 0;
	reached[a - web_assets] = true;
	if (unpack(a, text, 1 << 20))
		return -EINVAL;
	for (const char *at = text; (at = strstr(at, word));) {
		char next[128];

		at += strlen(word);
		snprintf(next, sizeof(next), "%.*s", (int)strcspn(at, "\""), at);
		if (strcspn(at, "\"\n") == strcspn(at, "\"") && reach(next, reached))
			return -ENOENT;
	}
	return 0;
}

static void page_bytes(void)
{
	size_t all = 0, first = 0, files = 0, first_files = 0;
	bool reached[256] = { 0 };

	is_int(reach("main.js", reached), 0, "what the page begins with is all there");
	for (const struct web_asset *a = web_assets; a->name && files < 256; a++, files++) {
		bool now = reached[a - web_assets] || !strstr(a->name, ".js");

		all += a->gz_len;
		first += now ? a->gz_len : 0;
		first_files += now;
	}
	row("first load of the page, compressed", "60 KiB", "%.1f KiB in %zu files",
	    (double)first / 1024, first_files);
	row("  ... with the views that come when they are asked for", "", "%.1f KiB in %zu files",
	    (double)all / 1024, files);
	ok(first_files > 5 && first <= PAGE_BYTES_MAX,
	   "the first load is no larger than its budget (%zu bytes)", first);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	remove(path);
	return 0;
}

static int set_up(void)
{
	const char *const argv[] = { ajar,     "web",		"user",	  "add", "reader", "--role",
				     "viewer", "--no-password", "--data", data,	 "-C",	   conf,
				     NULL };
	ssize_t len = readlink("/proc/self/exe", ajar, sizeof(ajar) - 8);
	char text[512], store_dir[80], *slash;
	int n, status = -1;

	if (len <= 0 || !mkdtemp(dir))
		return -1;
	ajar[len] = '\0';
	for (unsigned up = 0; up < 3; up++) {
		slash = strrchr(ajar, '/');
		*slash = '\0';
	}
	memcpy(slash, "/ajar", 6);
	snprintf(data, sizeof(data), "%s/data", dir);
	snprintf(conf, sizeof(conf), "%s/conf", dir);
	snprintf(sock_path, sizeof(sock_path), "%s/sock", dir);
	n = snprintf(text, sizeof(text),
		     "web.listen unix:%s\nweb.proxy yes\nweb.accounts %s/accounts\n"
		     "health.silent-after 1h\n",
		     sock_path, dir);
	snprintf(store_dir, sizeof(store_dir), "%s/store", data);
	if (chmod(dir, 0755) || mkdir(data, 0755) || mkdir(store_dir, 0755) ||
	    file_write_atomic(AT_FDCWD, conf, text, (size_t)n, 0644))
		return -1;
	waitpid(spawn(argv), &status, 0);
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -1;
}

int main(void)
{
	/* What is measured is reading. */
	static const char *const quick[] = { "--skip-networking",
					     "--innodb-flush-log-at-trx-commit=0",
					     "--innodb-buffer-pool-size=256M", NULL };
	const bool ci = getenv("CI") && !getenv("AJAR_LONG");
	struct mariadb server = { .in = -1, .out = -1 };
	const char *nodes = getenv("AJAR_WEB_NODES");
	unsigned n = nodes ? (unsigned)strtoul(nodes, NULL, 10) : 0;

	signal(SIGPIPE, SIG_IGN);
	printf("# %-58s %-16s %s\n", "budget", "aim", "measured");
	page_bytes();
	if (is_int(set_up(), 0, "an account for a proxy's reader")) {
		one_store(n ? n : ci ? 2000 : 10000, ci ? 15 : 100, !ci);
		if (ci)
			; /* that takes too long to fill */
		else if (mdb_start(&server, quick) || mdb_fresh(&server, uri, sizeof(uri)))
			tap_skip(1, "%s", server.why);
		else
			one_store(n ? n : 1000, 100, true);
	}
	mdb_stop(&server);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return tap_done();
}
