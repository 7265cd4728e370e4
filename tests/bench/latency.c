/* SPDX-License-Identifier: GPL-2.0 */
/*
 * listen() -> alert at the exec hook, through `ajar run` on a store of its own: the door's process
 * stamps CLOCK_BOOTTIME right after listen() returns, the hook right at its start. One door at a
 * time, each on a port of its own. Once with the embedded store and once through a private MariaDB
 * server, whose notifier is a look every 100 ms; then the same while 512 simulated nodes, each with
 * its journal, shipper and connection, ship a record in eight seconds each. Where the time goes is
 * read from the stamps that the store has of each door.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/mariadb.h"
#include "store/store.h"
#include "tap.h"

/* Each is another user's: of more on one node within ten minutes one alert is made. */
#define DOORS_MAX 100
#define WAIT_MS 20000

static char dir[] = "/tmp/ajar-latency-XXXXXX";
static char data[128], sock_path[128], hook[512], ajar[512], store[512];

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Reads the child's stderr until a line is "ready"; shows everything else. */
static int wait_ready(int fd)
{
	char line[4096];
	size_t len = 0;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (poll(&p, 1, WAIT_MS) > 0) {
		ssize_t n = read(fd, line + len, sizeof(line) - 1 - len);

		if (n <= 0)
			return -EPIPE;
		len += (size_t)n;
		line[len] = '\0';
		if (strstr(line, "ready"))
			return 0;
		if (len > sizeof(line) / 2)
			len = 0;
	}
	return -ETIMEDOUT;
}

static pid_t start_run(int *ret_fd)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds) < 0)
		return -1;
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		setenv("HOOK_SOCKET", sock_path, 1);
		execl(ajar, "ajar", "run", "--data", data, "--web", "off", "--on-alert", hook, "-q",
		      *store ? "--store" : (char *)NULL, store, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	*ret_fd = fds[0];
	return pid;
}

static int run_wait(const char *const *argv)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(null_fd, STDOUT_FILENO);
		dup2(null_fd, STDERR_FILENO);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/*
 * In a process of its own under a user of its own: ports that one program of one user opens in a
 * row are one alert.
 */
static void hold_door(uint16_t port, int out)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_ANY) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uid_t uid = 100000u + port;
	uint64_t stamp = 0;

	if (fd < 0 || setresuid(uid, uid, uid) < 0 ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 8) < 0)
		_exit(1);
	stamp = clock_boot_ns();
	if (write(out, &stamp, sizeof(stamp)) == (ssize_t)sizeof(stamp))
		pause();
	_exit(1);
}

/* The process that holds it, or -EADDRINUSE. */
static pid_t open_door(uint16_t port, uint64_t *ret_ns)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (!pid) {
		close(fds[0]);
		hold_door(port, fds[1]);
	}
	close(fds[1]);
	if (pid > 0 && read(fds[0], ret_ns, sizeof(*ret_ns)) != (ssize_t)sizeof(*ret_ns)) {
		waitpid(pid, NULL, 0);
		pid = -EADDRINUSE;
	}
	close(fds[0]);
	return pid;
}

/* The stamp of the alert about port that says it is open; other messages are passed over. */
static int wait_alert(int sock, uint16_t port, uint64_t *ret_ns)
{
	char text[65536 + 1], want[32];
	struct pollfd p = { .fd = sock, .events = POLLIN };

	snprintf(want, sizeof(want), "\"port\":%u,", port);
	while (poll(&p, 1, WAIT_MS) > 0) {
		ssize_t n = recv(sock, text, sizeof(text) - 1, 0);

		if (n <= 0)
			return -errno;
		text[n] = '\0';
		if (!strstr(text, want) || !strstr(text, "\"state\":\"open\""))
			continue;
		*ret_ns = strtoull(text, NULL, 10);
		return 0;
	}
	return -ETIMEDOUT;
}

/* --- 512 nodes beside it --------------------------------------------------------------------------- */

#define SIM_NODES "node[001-512]"
#define SIM_RATE "64"

static pid_t sim_pid;
static FILE *sim_in, *sim_out;

/* Says one line and waits for the answer. */
static int sim_say(const char *line)
{
	char answer[200] = "";

	if (line) {
		fputs(line, sim_in);
		fflush(sim_in);
	}
	if (!fgets(answer, sizeof(answer), sim_out) || !strncmp(answer, "error", 5)) {
		printf("# the simulation says: %s\n", answer);
		return -EIO;
	}
	return 0;
}

static int start_sim(const char *program, const char *journals)
{
	int in[2], out[2];

	if (mkdir(journals, 0700) || pipe(in) || pipe(out))
		return -errno;
	sim_pid = fork();
	if (!sim_pid) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(in[0]);
		close(in[1]);
		close(out[0]);
		close(out[1]);
		execl(program, program, "--store", store, "--nodes", SIM_NODES, "--class",
		      "simulated", "--journals", journals, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	sim_in = fdopen(in[1], "w");
	sim_out = fdopen(out[0], "r");
	if (sim_pid < 0 || !sim_in || !sim_out)
		return -ENOMEM;
	return sim_say(NULL);
}

static void stop_sim(void)
{
	kill(sim_pid, SIGTERM);
	waitpid(sim_pid, NULL, 0);
	fclose(sim_in);
	fclose(sim_out);
}

/* They come up, and go on shipping until we are through. */
static int load_sim(void)
{
	int err = sim_say("boot " SIM_NODES " 60\n");

	if (err)
		return err;
	fputs("load " SIM_NODES " " SIM_RATE " 600\n", sim_in);
	return fflush(sim_in) ? -EIO : 0;
}

/* --- where the time goes --------------------------------------------------------------------------- */

/* A door's way, in wall time; 0: not known. */
struct way {
	uint32_t port;
	uint64_t listened, stored, hooked;
};
struct ways {
	struct way *list;
	unsigned len;
};

static struct way *way_of(struct ways *w, uint32_t port)
{
	for (unsigned i = 0; i < w->len; i++)
		if (w->list[i].port == port)
			return &w->list[i];
	return NULL;
}

static int on_stored(const struct store_event_row *row, void *arg)
{
	struct way *way = row->ev.kind == EVENT_OPEN ? way_of(arg, row->ev.door.port) : NULL;

	if (way)
		way->stored = row->raw.received_ns;
	return 0;
}

static void put_part(const struct ways *w, const char *what, size_t from, size_t to)
{
	uint64_t took[DOORS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < w->len; i++) {
		uint64_t a, b;

		memcpy(&a, (const char *)&w->list[i] + from, sizeof(a));
		memcpy(&b, (const char *)&w->list[i] + to, sizeof(b));
		if (a && b)
			took[n++] = b > a ? b - a : 0;
	}
	qsort(took, n, sizeof(*took), compare);
	if (n)
		printf("#   %-58s p50 %7.2f ms, p99 %7.2f ms\n", what, (double)took[n / 2] / 1e6,
		       (double)took[n * 99 / 100] / 1e6);
}

/*
 * What one wait for the disk takes here, of which there are four: the journal's, the store's for
 * the record, the judge's, the sink's.
 */
static void put_disk(void)
{
	uint64_t took[50];
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/fsync", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	for (size_t i = 0; i < array_len(took); i++) {
		uint64_t start = clock_boot_ns();

		if (write(fd, path, 64) < 0 || fdatasync(fd) < 0)
			break;
		took[i] = clock_boot_ns() - start;
		if (i + 1 < array_len(took))
			continue;
		qsort(took, array_len(took), sizeof(*took), compare);
		printf("#   one fdatasync of the disk below                            p50 %7.2f "
		       "ms, max "
		       "%7.2f ms\n",
		       (double)took[array_len(took) / 2] / 1e6,
		       (double)took[array_len(took) - 1] / 1e6);
	}
	close(fd);
}

/* By the stamp that the store has of each door: when its record reached it. */
static void put_ways(struct ways *w, uint64_t since_ns)
{
	_cleanup_(buf_done) struct buf own = BUF_INIT(1024);
	_cleanup_(store_freep) struct store *s = NULL;
	const struct store_event_query q = { .since_ns = since_ns };
	_free_ char *why = NULL;
	int err;

	buf_printf(&own, "sqlite:%s/store/ajar.db", data);
	err = store_open(*store ? store : buf_str(&own), STORE_READONLY, &s, &why);
	if (!err)
		err = store_events(s, &q, on_stored, w);
	if (err) {
		printf("#   where the time goes is not known: %s\n", why ? why : strerror(-err));
		return;
	}
	put_part(w, "ring, journal with its fsync, shipper, up to the store",
		 offsetof(struct way, listened), offsetof(struct way, stored));
	put_part(w, "the store's commit, notifier, judge, the alert's commit, hook",
		 offsetof(struct way, stored), offsetof(struct way, hooked));
	put_disk();
}

static int measure(int sock, uint16_t first_port, unsigned doors, const char *aim)
{
	const uint64_t to_wall = clock_wall_ns() - clock_boot_ns(), since = clock_wall_ns();
	uint64_t took[DOORS_MAX];
	struct way list[DOORS_MAX];
	struct ways ways = { .list = list };
	unsigned n = 0;

	for (unsigned i = 0; i < doors; i++) {
		uint64_t opened = 0, alerted = 0;
		pid_t pid = open_door((uint16_t)(first_port + i), &opened);
		int err = pid < 0 ? pid : 0;

		if (err == -EADDRINUSE)
			continue;
		if (!err)
			err = wait_alert(sock, (uint16_t)(first_port + i), &alerted);
		if (pid > 0) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
		if (err) {
			printf("# no alert for port %u within %d ms\n", first_port + i, WAIT_MS);
			return -ETIMEDOUT;
		}
		took[n++] = alerted > opened ? alerted - opened : 0;
		list[ways.len++] = (struct way){ .port = first_port + i,
						 .listened = opened + to_wall,
						 .hooked = alerted + to_wall };
	}
	qsort(took, n, sizeof(*took), compare);
	printf("# listen() -> alert at the exec hook, %s, %u doors: p50 %.2f ms, p99 %.2f ms, max "
	       "%.2f ms "
	       "(aim: %s)\n",
	       sim_pid	? "MariaDB, 512 nodes shipping"
	       : *store ? "MariaDB"
			: "embedded store",
	       n, (double)took[n / 2] / 1e6, (double)took[n * 99 / 100] / 1e6,
	       (double)took[n - 1] / 1e6, aim);
	put_ways(&ways, since);
	return 0;
}

/* One `ajar run` from its start to its end. */
static void run_one(int sock, uint16_t first_port, unsigned doors, const char *aim)
{
	const char *const learn[] = {
		ajar,  "profile", "learn", "--write", "--data", data, *store ? "--store" : NULL,
		store, NULL
	};
	int err_fd = -1, status = 0, err;
	pid_t pid = start_run(&err_fd);

	err = pid < 0 ? -errno : wait_ready(err_fd);
	if (!err && run_wait(learn))
		err = -EPROTO;
	if (!err && sim_pid)
		err = load_sim();
	/* One door waits for all that 512 nodes said when they came up; it is shown apart. */
	if (!err && sim_pid)
		err = measure(sock, (uint16_t)(first_port - 1), 1, "behind a boot of 512 nodes");
	if (!err)
		err = measure(sock, first_port, doors, aim);
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	close(err_fd);
	ok(!err, "every door raised an alert at the hook");
	ok(WIFEXITED(status) && !WEXITSTATUS(status), "ajar run stopped cleanly");
}

static int listen_for_hooks(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(at.sun_path, sock_path, strlen(sock_path));
	if (sock < 0 || bind(sock, (const struct sockaddr *)&at, sizeof(at)) < 0)
		exit(1);
	return sock;
}

int main(void)
{
	static const char *const more[] = { "--skip-networking", "--max-connections=1000",
					    "--innodb-buffer-pool-size=128M",
					    "--innodb-log-file-size=64M", NULL };
	const char *const rm[] = { "/bin/rm", "-rf", dir, NULL };
	char program[512], journals[160];
	const char *build = getenv("BUILD") ? getenv("BUILD") : "build";
	struct mariadb server;
	char cwd[256];
	int sock;

	if (geteuid())
		tap_skip_all("needs root");
	if (!getcwd(cwd, sizeof(cwd)) || !mkdtemp(dir))
		return 1;
	snprintf(ajar, sizeof(ajar), "%s%s%s/ajar", *build == '/' ? "" : cwd,
		 *build == '/' ? "" : "/", build);
	snprintf(hook, sizeof(hook), "%s%s%s/tests/helpers/hook_stamp", *build == '/' ? "" : cwd,
		 *build == '/' ? "" : "/", build);
	snprintf(data, sizeof(data), "%s/data", dir);
	snprintf(sock_path, sizeof(sock_path), "%s/hook", dir);
	sock = listen_for_hooks();
	run_one(sock, 21000, DOORS_MAX, "p50 <= 10, p99 <= 50");
	if (mdb_start(&server, more)) {
		ok(!getenv("CI"), "no server: %s", server.why);
	} else {
		snprintf(store, sizeof(store), "mysql://ajar@localhost/ajar?socket=%s",
			 server.sock);
		snprintf(data, sizeof(data), "%s/data-server", dir);
		run_one(sock, 21300, 50, "p50 <= 250, p99 <= 1000");
		snprintf(data, sizeof(data), "%s/data-many", dir);
		snprintf(journals, sizeof(journals), "%s/journals", dir);
		snprintf(program, sizeof(program), "%s%s%s/tests/sim/sim", *build == '/' ? "" : cwd,
			 *build == '/' ? "" : "/", build);
		ok(!start_sim(program, journals), "512 simulated nodes have their shippers");
		run_one(sock, 21500, 50, "p50 <= 250, p99 <= 1000");
		stop_sim();
	}
	mdb_stop(&server);
	run_wait(rm);
	return tap_done();
}
