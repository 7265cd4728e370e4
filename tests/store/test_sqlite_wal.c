/* SPDX-License-Identifier: GPL-2.0 */
#include <dirent.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "store/store.h"
#include "tap.h"

/* SQLite makes the WAL by the umask of whoever comes first, and gives it the store's rights then. */

#define NOBODY 65534

static char dir[64] = "/tmp/ajar-wal-XXXXXX";

static const char *file(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static struct store *opened(unsigned flags)
{
	struct store *s = NULL;
	char *why = NULL;

	if (store_open(file("store.db"), flags, &s, &why))
		printf("# %s\n", why ? why : "");
	free(why);
	return s;
}

static int write_as_nobody(void)
{
	struct store *s;
	int err;

	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		return 99;
	s = opened(0);
	err = s ? store_setting_set(s, "test", "written") : -1;
	if (s && err)
		printf("# %s\n", store_why(s));
	fflush(stdout);
	store_free(s);
	return err ? 1 : 0;
}

static unsigned wals_of(pid_t pid)
{
	char fds[64], to[400];
	struct dirent *e;
	unsigned found = 0;
	DIR *d;

	snprintf(fds, sizeof(fds), "/proc/%d/fd", pid);
	d = opendir(fds);
	while (d && (e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, to, sizeof(to) - 1);

		to[n > 0 ? n : 0] = '\0';
		found += n > 4 && !strcmp(to + n - 4, "-wal");
	}
	if (d)
		closedir(d);
	return found;
}

/*
 * 0 when nobody could write; its WAL, behind those that it has from us, is open before the rights
 * are given.
 */
static int between_wal_and_rights(void)
{
	unsigned ours = wals_of(getpid());
	time_t end = time(NULL) + 10;
	int status = -1;
	pid_t pid;

	chmod(file("store.db-wal"), 0644);
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(write_as_nobody());
	while (wals_of(pid) <= ours && time(NULL) < end && !waitpid(pid, &status, WNOHANG))
		;
	chmod(file("store.db-wal"), 0666);
	if (status == -1)
		waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

int main(void)
{
	static const char *const files[] = { "store.db", "store.db-wal", "store.db-shm", "bell" };
	int tries = 5, rc = 1;
	struct store *s;

	if (getuid() != 0) {
		tap_skip(1, "another user needs root");
		return tap_done();
	}
	if (!mkdtemp(dir))
		return 1;
	s = opened(STORE_CREATE);
	chmod(dir, 0777);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		chmod(file(files[i]), 0666);
	while (s && rc && tries-- > 0) /* a machine that stands still for two seconds */
		rc = between_wal_and_rights();
	is_int(rc, 0, "who opens a store before its WAL has its rights can write all the same");
	store_free(s);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(file(files[i]));
	is_int(rmdir(dir), 0, "nothing is left");
	return tap_done();
}
