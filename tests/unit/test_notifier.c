/* SPDX-License-Identifier: GPL-2.0 */
#include "base/notifier.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tap.h"

static char folder[] = "/tmp/ajar-notifierXXXXXX";

static int rings(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms);
}

static void test_rings(int dir)
{
	int notifier = -1, ear = -1, late = -1;

	is_int(notifier_open(dir, "bell", &notifier), 0, "a notifier is made");
	is_int(notifier_listen(dir, "bell", &ear), 0, "and listened to");
	is_int(rings(ear, 0), 0, "it is quiet at first");
	is_int(notifier_notify(notifier), 0, "it is notified");
	is_int(rings(ear, 1000), 1, "which is heard");
	notifier_clear(ear);
	is_int(rings(ear, 0), 0, "and over when cleared");
	for (int i = 0; i < 100000; i++)
		if (notifier_notify(notifier) < 0)
			ok(false, "ring %d", i);
	is_int(rings(ear, 1000), 1, "a hundred thousand rings are heard");
	notifier_clear(ear);
	is_int(rings(ear, 0), 0, "and cleared in one go");
	is_int(notifier_listen(dir, "bell", &late), 0, "a second listener comes");
	is_int(rings(late, 0), 0, "and does not hear what was before");
	close(notifier);
	is_int(notifier_open(dir, "bell", &notifier), 0, "the writer comes back");
	is_int(notifier_notify(notifier), 0, "and notifies");
	ok(rings(ear, 1000) == 1 && rings(late, 1000) == 1, "both hear it");
	close(notifier);
	close(ear);
	close(late);
}

static void test_processes(int dir)
{
	int ear = -1, notifier = -1, status = 0;
	pid_t pid;

	is_int(notifier_listen(dir, "early", &ear), 0,
	       "a listener that comes first makes the notifier");
	pid = fork();
	if (!pid) {
		int err = notifier_open(dir, "early", &notifier);

		_exit(err || notifier_notify(notifier) < 0);
	}
	is_int(rings(ear, 5000), 1, "another process rings it");
	ok(waitpid(pid, &status, 0) == pid && status == 0, "and ends");
	close(ear);
}

/* A listener of another user needs no more than to read the file. */
static void test_reader_only(int dir)
{
	int notifier = -1, status = 0;
	pid_t pid;

	if (getuid() != 0) {
		tap_skip(1, "a listener of another user needs root");
		return;
	}
	is_int(notifier_open(dir, "bell", &notifier), 0, "the notifier is there");
	if (fchmod(dir, 0755) < 0)
		ok(false, "chmod");
	pid = fork();
	if (!pid) {
		int ear = -1, none = -1;

		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(9);
		if (notifier_listen(dir, "none", &none) != -EACCES)
			_exit(8);
		_exit(notifier_listen(dir, "bell", &ear) < 0);
	}
	ok(waitpid(pid, &status, 0) == pid && status == 0,
	   "another user may listen, but not make one (status %d)", status);
	close(notifier);
}

int main(void)
{
	int dir = mkdtemp(folder) ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (dir < 0)
		return 1;
	test_rings(dir);
	test_processes(dir);
	test_reader_only(dir);
	unlinkat(dir, "bell", 0);
	unlinkat(dir, "early", 0);
	close(dir);
	rmdir(folder);
	return tap_done();
}
