/* SPDX-License-Identifier: GPL-2.0 */
/*
 * listen() -> alert at the exec hook, through `ajar run` on a store of its own: the door's process stamps
 * CLOCK_BOOTTIME right after listen() returns, the hook right at its start. One door at a time, each on a port of its own.
 * Once with the embedded store and once through a private MariaDB server, whose bell is a look every 100 ms; then the same
 * while 512 simulated nodes, each with its journal, shipper and connection, ship a record in eight seconds each.
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

#include "base/clock.h"
#include "base/err.h"
#include "store/mariadb.h"
#include "tap.h"

#define DOORS_MAX 200
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
		execl(ajar, "ajar", "run", "--data", data, "--on-alert", hook, "-q",
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

static int open_door(uint16_t port, uint64_t *ret_ns)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_ANY) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 8) < 0)
		return -errno;
	*ret_ns = clock_boot_ns();
	return fd;
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

static int measure(int sock, uint16_t first_port, unsigned doors, const char *aim)
{
	uint64_t took[DOORS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < doors; i++) {
		uint64_t opened = 0, alerted = 0;
		int fd = open_door((uint16_t)(first_port + i), &opened);

		if (fd == -EADDRINUSE)
			continue;
		if (fd < 0 || wait_alert(sock, (uint16_t)(first_port + i), &alerted)) {
			printf("# no alert for port %u within %d ms\n", first_port + i, WAIT_MS);
			return -ETIMEDOUT;
		}
		took[n++] = alerted > opened ? alerted - opened : 0;
		close(fd);
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
		run_one(sock, 21300, DOORS_MAX / 2, "p50 <= 250, p99 <= 1000");
		snprintf(data, sizeof(data), "%s/data-many", dir);
		snprintf(journals, sizeof(journals), "%s/journals", dir);
		snprintf(program, sizeof(program), "%s%s%s/tests/sim/sim", *build == '/' ? "" : cwd,
			 *build == '/' ? "" : "/", build);
		ok(!start_sim(program, journals), "512 simulated nodes have their shippers");
		run_one(sock, 21500, DOORS_MAX / 4, "p50 <= 250, p99 <= 1000");
		stop_sim();
	}
	mdb_stop(&server);
	run_wait(rm);
	return tap_done();
}
