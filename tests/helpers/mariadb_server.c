/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * mariadb_server [mysql] [DIR] [-- SERVER-OPTION...]: a private MariaDB server on a unix socket, of
 * small size, as the account "mysql" where there is one, else as a uid without a name; with the
 * word "mysql", or AJAR_TEST_SERVER=mysql, it is MySQL proper, as tests/helpers/mysql_root.sh
 * brings it. Says "ready SOCKET" when it answers, "skip WHY" where there is none, and ends with its
 * standard input: then the server is stopped and its folder removed. The server dies with this
 * process, this process with its parent. In it: database "ajar", account "ajar" without password.
 * With DIR (which it makes) certificates can be put beside the data before; without, it picks one.
 * A node of a Galera cluster (--wsrep-on=ON among the options) comes back at the place where it
 * died, which it is asked first; --wsrep-new-cluster counts for its first start only. Signals:
 * SIGUSR1 kills the server with -9, SIGUSR2 starts it again; "dead" and "ready" are said then.
 */
#define READY_MS 60000
#define STOP_MS 20000
#define SERVER_ID 65432 /* of no account: Debian reserves this range and gives out none of it */

static char dir[64], data[100], sock[100], pid_file[100], init_file[100], log_file[100];
static char root[300]; /* of MySQL; "": MariaDB */
static uid_t account_uid;
static gid_t account_gid;
static pid_t server;
static char **more;
static bool wsrep, again; /* a node of a cluster; it was here before */
static char position[128];
static const char *seed;

static _Noreturn void skip(const char *why)
{
	printf("skip %s\n", why);
	exit(77);
}

static const char *find(const char *const *paths)
{
	for (; *paths; paths++) {
		if (!access(*paths, X_OK))
			return *paths;
	}
	return NULL;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* In the child: unprivileged, quiet, dead when we are. */
static _Noreturn void become(char **argv, const sigset_t *old, pid_t parent)
{
	int fd = open(log_file, O_WRONLY | O_CREAT | O_APPEND, 0644);

	sigprocmask(SIG_SETMASK, old, NULL);
	if (!geteuid() && (setgroups(0, NULL) || setgid(account_gid) || setuid(account_uid)))
		_exit(126);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	dup2(open("/dev/null", O_RDONLY), 0);
	dup2(fd, 1);
	dup2(fd, 2);
	if (chdir("/") || setenv("HOME", data, 1))
		_exit(126);
	execv(argv[0], argv);
	_exit(127);
}

static pid_t start(char **argv)
{
	sigset_t none;
	pid_t parent = getpid(), pid;

	sigemptyset(&none);
	pid = fork();
	if (!pid)
		become(argv, &none, parent);
	return pid;
}

static void show_log(void)
{
	FILE *f = fopen(log_file, "re");
	char line[400];

	while (f && fgets(line, sizeof(line), f))
		fprintf(stderr, "# %s", line);
	if (f)
		fclose(f);
}

/* --- MySQL proper: in a folder with a libc of its own, which starts it -------------------------------- */

static void find_root(void)
{
	char line[300] = "";
	int fds[2];
	pid_t pid;
	FILE *f;

	if (pipe2(fds, O_CLOEXEC))
		exit(1);
	pid = fork();
	if (!pid) {
		dup2(fds[1], 1);
		execl("/bin/sh", "sh", "tests/helpers/mysql_root.sh", (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	f = fdopen(fds[0], "r");
	if (!f || !fgets(line, sizeof(line), f))
		snprintf(line, sizeof(line), "why tests/helpers/mysql_root.sh does not run");
	if (f)
		fclose(f);
	waitpid(pid, NULL, 0);
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, "root ", 5))
		skip(strncmp(line, "why ", 4) ? line : line + 4);
	snprintf(root, sizeof(root), "%s", line + 5);
}

#define MYSQL_ARGS 13
/* The arguments up to the server's own options, which come with "more" behind them. */
static unsigned mysql_argv(const char *argv[MYSQL_ARGS])
{
	static char texts[8][512];
	unsigned n = 0;

	snprintf(texts[0], 512, "%s/usr/lib64/ld-linux-x86-64.so.2", root);
	snprintf(texts[1], 512, "%s/usr/lib/x86_64-linux-gnu", root);
	snprintf(texts[2], 512, "%s/usr/sbin/mysqld", root);
	snprintf(texts[3], 512, "--basedir=%s/usr", root);
	snprintf(texts[4], 512, "--lc-messages-dir=%s/usr/share/mysql", root);
	snprintf(texts[5], 512, "--plugin-dir=%s/usr/lib/mysql/plugin", root);
	snprintf(texts[6], 512, "--datadir=%s", data);
	argv[n++] = texts[0];
	argv[n++] = "--library-path";
	argv[n++] = texts[1];
	argv[n++] = texts[2];
	argv[n++] = "--no-defaults";
	argv[n++] = texts[3];
	argv[n++] = texts[4];
	argv[n++] = texts[5];
	argv[n++] = texts[6];
	argv[n++] = "--mysqlx=OFF";
	argv[n++] = "--secure-file-priv=NULL";
	argv[n++] = "--innodb-redo-log-capacity=64M";
	return n;
}

static void copy_data(const char *what)
{
	char from[320], to[120];
	char *argv[] = { (char *)(uintptr_t) "/bin/cp", (char *)(uintptr_t) "-r", from, to, NULL };
	int status;

	snprintf(from, sizeof(from), "%s/.", what);
	snprintf(to, sizeof(to), "%s", data);
	if (waitpid(start(argv), &status, 0) < 0 || status)
		skip("the data folder to begin with cannot be copied");
}

/* --- MariaDB ------------------------------------------------------------------------------------------ */

static void install(void)
{
	static const char *const paths[] = { "/usr/bin/mariadb-install-db",
					     "/usr/local/bin/mariadb-install-db", NULL };
	const char *program = find(paths);
	char datadir[160], from[310] = "";
	char *argv[] = { (char *)(uintptr_t)program,
			 (char *)(uintptr_t) "--no-defaults",
			 datadir,
			 (char *)(uintptr_t) "--auth-root-authentication-method=normal",
			 (char *)(uintptr_t) "--skip-test-db",
			 (char *)(uintptr_t) "--innodb-log-file-size=8M",
			 (char *)(uintptr_t) "--innodb-buffer-pool-size=8M",
			 NULL };
	int status;

	if (*root)
		snprintf(from, sizeof(from), "%s/data", root);
	else if (seed)
		snprintf(from, sizeof(from), "%s", seed);
	if (*from) {
		copy_data(from);
		return;
	}
	if (!program)
		skip("mariadb-install-db is missing: install mariadb-server-core");
	snprintf(datadir, sizeof(datadir), "--datadir=%s", data);
	if (waitpid(start(argv), &status, 0) < 0 || status)
		skip("mariadb-install-db has failed");
}

static void write_init(void)
{
	FILE *f = fopen(init_file, "we");

	if (!f)
		exit(1);
	fputs("CREATE DATABASE IF NOT EXISTS ajar CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;\n"
	      "CREATE USER IF NOT EXISTS ajar@localhost;\n"
	      "GRANT ALL ON *.* TO ajar@localhost WITH GRANT OPTION;\n",
	      f);
	fclose(f);
}

static pid_t start_server(void)
{
	static const char *const paths[] = { "/usr/sbin/mariadbd", "/usr/local/sbin/mariadbd",
					     NULL };
	static const char *const mariadb_only[] = { "--innodb-log-file-size=8M",
						    "--aria-pagecache-buffer-size=1M" };
	const char *program = *root ? NULL : find(paths);
	char opts[5][160];
	const char *argv[80] = { program, "--no-defaults" };
	unsigned n = *root ? mysql_argv(argv) : 2;

	if (!*root && !program)
		skip("mariadbd is missing: install mariadb-server-core");
	snprintf(opts[0], sizeof(opts[0]), "--datadir=%s", data);
	snprintf(opts[1], sizeof(opts[1]), "--socket=%s", sock);
	snprintf(opts[2], sizeof(opts[2]), "--pid-file=%s", pid_file);
	snprintf(opts[3], sizeof(opts[3]), "--init-file=%s", init_file);
	snprintf(opts[4], sizeof(opts[4]), "--tmpdir=%s", data);
	for (unsigned i = 0; i < 5; i++) {
		/* A node that comes to a cluster has its accounts from there. */
		if (i != 3 || !wsrep || (!seed && !again))
			argv[n++] = opts[i];
	}
	for (unsigned i = 0; !*root && i < 2; i++)
		argv[n++] = mariadb_only[i];
	argv[n++] = "--skip-log-bin";
	argv[n++] = "--performance-schema=OFF";
	argv[n++] = "--innodb-buffer-pool-size=32M";
	argv[n++] = "--key-buffer-size=1M";
	argv[n++] = "--max-connections=100";
	argv[n++] = "--skip-name-resolve";
	if (!more || !*more)
		argv[n++] = "--skip-networking";
	for (char **m = more; m && *m && n < 78; m++) {
		if (!again || strcmp(*m, "--wsrep-new-cluster"))
			argv[n++] = *m;
	}
	if (*position)
		argv[n++] = position;
	argv[n] = NULL;
	return start((char **)(uintptr_t)argv);
}

static int answers(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), ret;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", sock);
	ret = connect(fd, (struct sockaddr *)&a, sizeof(a));
	close(fd);
	return !ret;
}

static int wait_ready(bool say)
{
	uint64_t end = now_ms() + READY_MS;
	int status;

	while (now_ms() < end) {
		if (waitpid(server, &status, WNOHANG) == server) {
			server = 0;
			break;
		}
		if (answers()) {
			if (say)
				printf("ready %s\n", sock);
			fflush(stdout);
			return 0;
		}
		poll(NULL, 0, 20);
	}
	show_log();
	return -1;
}

static void stop(int signo)
{
	uint64_t end = now_ms() + STOP_MS;
	int status;

	if (server <= 0)
		return;
	kill(server, signo);
	while (waitpid(server, &status, WNOHANG) == 0) {
		if (now_ms() > end) {
			kill(server, SIGKILL);
			end = UINT64_MAX;
		}
		poll(NULL, 0, 10);
	}
	server = 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	remove(path);
	return 0;
}

static void clean_up(void)
{
	stop(SIGTERM);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void prepare(const char *given)
{
	/*
	 * The core package makes no account. A number without a name is enough: it owns the folder
	 * and nothing else.
	 */
	const struct passwd *pw = getpwnam("mysql");

	account_uid = pw && pw->pw_uid ? pw->pw_uid : SERVER_ID;
	account_gid = pw && pw->pw_gid ? pw->pw_gid : SERVER_ID;
	snprintf(dir, sizeof(dir), "%s",
		 given				      ? given
		 : *root && !access("/dev/shm", W_OK) ? "/dev/shm/ajar-mysql-XXXXXX"
						      : "/tmp/ajar-mariadb-XXXXXX");
	if (given ? mkdir(dir, 0755) : !mkdtemp(dir))
		skip("its folder cannot be made");
	snprintf(data, sizeof(data), "%s/data", dir);
	snprintf(sock, sizeof(sock), "%s/sock", dir);
	snprintf(pid_file, sizeof(pid_file), "%s/pid", dir);
	snprintf(init_file, sizeof(init_file), "%s/init.sql", dir);
	snprintf(log_file, sizeof(log_file), "%s/log", dir);
	atexit(clean_up);
	if (mkdir(data, 0700) || chmod(dir, 0755))
		exit(1);
	if (!geteuid() &&
	    (chown(dir, account_uid, account_gid) || chown(data, account_uid, account_gid)))
		exit(1);
	write_init();
}

static int wait_ready(bool say);

/* It answers a little before it has started whole. */
static int wait_said(const char *words)
{
	uint64_t end = now_ms() + READY_MS;
	char line[600];

	while (now_ms() < end) {
		FILE *f = fopen(log_file, "re");
		bool said = false;

		while (f && !said && fgets(line, sizeof(line), f))
			said = strstr(line, words);
		if (f)
			fclose(f);
		if (said)
			return 0;
		poll(NULL, 0, 20);
	}
	return -1;
}

/*
 * The nodes of a cluster begin with the same data: the first one makes it, in a start of its own,
 * and the others are given its folder by AJAR_WSREP_SEED. (Else they would get it over the network,
 * by a script that only Debian's mariadb-server has.)
 */
static void make_seed(void)
{
	char from[120], to[120];
	char *argv[] = { (char *)(uintptr_t) "/bin/cp", (char *)(uintptr_t) "-r", from, to, NULL };
	int status;

	server = start_server();
	if (wait_ready(false) || wait_said("ready for connections."))
		exit(1);
	stop(SIGTERM);
	snprintf(from, sizeof(from), "%s/.", data);
	snprintf(to, sizeof(to), "%s/seed", dir);
	if (waitpid(start(argv), &status, 0) < 0 || status)
		exit(1);
	unlink(sock);
}

/* For tests/helpers/wsrep_sst_seed, which the server calls. */
static void tell_place(void)
{
	char path[140], line[100], uuid[64] = "", seqno[32] = "", text[120], dirs[4200], here[4000];
	FILE *f;

	snprintf(path, sizeof(path), "%s/grastate.dat", data);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "uuid: %63s", uuid);
		sscanf(line, "seqno: %31s", seqno);
	}
	if (f)
		fclose(f);
	snprintf(text, sizeof(text), "%s:%s", uuid, seqno);
	setenv("AJAR_WSREP_POSITION", text, 1);
	if (!getcwd(here, sizeof(here)))
		exit(1);
	snprintf(dirs, sizeof(dirs), "%s/tests/helpers:/usr/sbin:/usr/bin:/sbin:/bin", here);
	setenv("PATH", dirs, 1);
}

/*
 * How far a node of a cluster had got when it died: the server says so when it is started with
 * --wsrep-recover. Without it a node would be given the whole data anew.
 */
static void recover_position(void)
{
	static const char words[] = "WSREP: Recovered position: ";
	char datadir[160], sockopt[160], line[600];
	const char *argv[] = { "/usr/sbin/mariadbd",
			       "--no-defaults",
			       datadir,
			       sockopt,
			       "--wsrep-recover",
			       "--wsrep-on=ON",
			       "--wsrep-cluster-address=gcomm://127.0.0.1",
			       "--wsrep-provider=/usr/lib/galera/libgalera_smm.so",
			       "--binlog-format=ROW",
			       "--skip-networking",
			       "--innodb-buffer-pool-size=32M",
			       "--innodb-log-file-size=8M",
			       NULL };
	FILE *f;

	snprintf(datadir, sizeof(datadir), "--datadir=%s", data);
	snprintf(sockopt, sizeof(sockopt), "--socket=%s", sock);
	waitpid(start((char **)(uintptr_t)argv), NULL, 0);
	f = fopen(log_file, "re");
	while (f && fgets(line, sizeof(line), f)) {
		char *at = strstr(line, words);

		if (!at)
			continue;
		at += strlen(words);
		at[strcspn(at, "\n")] = '\0';
		snprintf(position, sizeof(position), "--wsrep-start-position=%.80s", at);
		setenv("AJAR_WSREP_POSITION", strchr(position, '=') + 1, 1);
	}
	if (f)
		fclose(f);
}

/* SIGUSR1, SIGUSR2: the server dies and comes back. Returns 0 to go on. */
static int on_signal(int fd)
{
	struct signalfd_siginfo si;

	if (read(fd, &si, sizeof(si)) != sizeof(si))
		return 1;
	if (si.ssi_signo == SIGUSR1) {
		stop(SIGKILL);
		puts("dead");
		fflush(stdout);
		return 0;
	}
	if (si.ssi_signo == SIGUSR2) {
		stop(SIGTERM);
		unlink(sock);
		again = true;
		if (wsrep)
			recover_position();
		server = start_server();
		return wait_ready(true);
	}
	return 1;
}

int main(int argc, char **argv)
{
	const char *kind = getenv("AJAR_TEST_SERVER");
	bool mysql = argc > 1 && !strcmp(argv[1], "mysql");
	const char *given;
	struct pollfd p[2] = { { .fd = 0, .events = POLLIN }, { .events = POLLIN } };
	sigset_t set;
	char byte;

	argc -= mysql;
	argv += mysql;
	given = argc > 1 && strcmp(argv[1], "--") ? argv[1] : NULL;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--")) {
			more = &argv[i + 1];
			break;
		}
	}
	seed = getenv("AJAR_WSREP_SEED");
	for (char **m = more; m && *m; m++)
		wsrep |= !strcmp(*m, "--wsrep-on=ON");
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (mysql || (kind && !strcmp(kind, "mysql")))
		find_root();
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	p[1].fd = signalfd(-1, &set, SFD_CLOEXEC);
	prepare(given);
	install();
	for (char **m = more; m && *m; m++) {
		if (!strcmp(*m, "--wsrep-new-cluster"))
			make_seed();
	}
	if (wsrep)
		tell_place();
	server = start_server();
	if (wait_ready(true))
		return 1;
	while (poll(p, 2, -1) >= 0 || errno == EINTR) {
		if (p[1].revents && on_signal(p[1].fd))
			break;
		if (p[0].revents && read(0, &byte, 1) <= 0)
			break;
	}
	return 0;
}
