/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_TESTS_MARIADB_H
#define AJAR_TESTS_MARIADB_H

#include <errno.h>
#include <fcntl.h>
#include <mysql.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"

/*
 * A private server for a test program, started by tests/helpers/mariadb_server; it ends with this
 * process, however that ends.
 */
struct mariadb {
	pid_t pid;
	int in, out; /* in: while it is open the server lives */
	char sock[200], why[200];
	unsigned databases;
};

/* Waits for the helper's next word; 0: it begins with `want`. */
static inline int mdb_wait(struct mariadb *m, const char *want)
{
	char line[200];
	size_t n = 0;

	while (n < sizeof(line) - 1 && read(m->out, line + n, 1) == 1 && line[n] != '\n')
		n++;
	line[n] = '\0';
	if (strncmp(line, want, strlen(want))) {
		snprintf(m->why, sizeof(m->why), "%s", *line ? line : "the server does not start");
		return -EIO;
	}
	if (!strncmp(line, "ready ", 6))
		snprintf(m->sock, sizeof(m->sock), "%s", line + 6);
	return 0;
}

/* more: options for the server, ended by NULL; or NULL. -EIO: m->why says why there is none. */
static inline int mdb_start(struct mariadb *m, const char *const *more)
{
	const char *argv[32] = { NULL, "--" };
	char program[512], *slash;
	int in[2], out[2];
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 40);

	*m = (struct mariadb){ .in = -1, .out = -1 };
	if (len <= 0 || pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		return -EIO;
	program[len] = '\0';
	for (int up = 0; up < 2; up++) {
		slash = strrchr(program, '/');
		*slash = '\0';
	}
	snprintf(slash, 40, "/helpers/mariadb_server");
	argv[0] = program;
	for (int i = 2; more && *more && i < 31; i++)
		argv[i] = *more++;
	m->pid = fork();
	if (!m->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execv(program, (char **)(uintptr_t)argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	m->in = in[1];
	m->out = out[0];
	return mdb_wait(m, "ready ");
}

static inline void mdb_stop(struct mariadb *m)
{
	if (m->in >= 0)
		close(m->in);
	if (m->out >= 0)
		close(m->out);
	if (m->pid > 0)
		waitpid(m->pid, NULL, 0);
	*m = (struct mariadb){ .in = -1, .out = -1 };
}

static inline MYSQL *mdb_connect(const struct mariadb *m, const char *db)
{
	const unsigned sock = MYSQL_PROTOCOL_SOCKET;
	MYSQL *c = mysql_init(NULL);

	mysql_options(c, MYSQL_OPT_PROTOCOL, &sock);
	if (mysql_real_connect(c, "localhost", "ajar", "", db, 0, m->sock, 0))
		return c;
	printf("# %s\n", mysql_error(c));
	mysql_close(c);
	return NULL;
}

/*
 * Runs one statement in a connection of its own; the first column of the first row goes to out
 * (optional).
 */
static inline int mdb_sql(const struct mariadb *m, const char *db, const char *sql, char *out,
			  size_t size)
{
	MYSQL *c = mdb_connect(m, db);
	MYSQL_RES *res = NULL;
	MYSQL_ROW row;
	int err = c ? 0 : -EIO;

	if (out)
		out[0] = '\0';
	if (!err && mysql_real_query(c, sql, strlen(sql))) {
		printf("# %s: %s\n", sql, mysql_error(c));
		err = -EIO;
	}
	if (!err)
		res = mysql_store_result(c);
	row = res ? mysql_fetch_row(res) : NULL;
	if (out && row && row[0])
		snprintf(out, size, "%s", row[0]);
	mysql_free_result(res);
	if (c)
		mysql_close(c);
	return err;
}

/* A fresh, empty database; its name is that of the last one made: c1, c2 ... */
static inline int mdb_fresh(struct mariadb *m, char *uri, size_t size)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "CREATE DATABASE c%u CHARACTER SET utf8mb4", ++m->databases);
	snprintf(uri, size, "mysql://ajar@localhost/c%u?socket=%s", m->databases, m->sock);
	return mdb_sql(m, NULL, sql, NULL, 0);
}

#endif
