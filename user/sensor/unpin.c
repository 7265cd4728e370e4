/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/unpin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/capability.h>
#include <linux/magic.h>

#include "base/proc.h"

#define LOOK_MS 100

enum word_kind { WORD_REMOVE = 1, WORD_KEEP, WORD_FOLDER };

struct word {
	enum word_kind kind;
	ino_t folder; /* of WORD_FOLDER: the one that is ours from now on */
};

static int open_folder(int at, const char *name, int *ret_fd)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statfs st;

	if (fd < 0)
		return -errno;
	/* Root removes pins, and never a file of another kind. */
	if (fstatfs(fd, &st) < 0 || st.f_type != BPF_FS_MAGIC) {
		close(fd);
		return -EXDEV;
	}
	*ret_fd = fd;
	return 0;
}

/* Each name in the folder; fn gets the folder. */
static void each_name(int fd, void (*fn)(int fd, const char *name))
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *e;

	if (!d) {
		close_fd(&copy);
		return;
	}
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			fn(fd, e->d_name);
	}
	closedir(d);
}

static void remove_pin(int fd, const char *name)
{
	unlinkat(fd, name, 0);
}

/* vN, of this version or of one before. */
static void remove_version(int base, const char *name)
{
	_close_ int fd = -1;

	if (name[0] != 'v' || !name[1] || strspn(name + 1, "0123456789") != strlen(name + 1) ||
	    open_folder(base, name, &fd))
		return;
	each_name(fd, remove_pin);
	unlinkat(base, name, AT_REMOVEDIR);
}

/*
 * Removes the folder with the pins in it. -EBUSY: an agent holds it; -ENOENT: there is none.
 * *only_ino: no other folder of that name, -ESTALE; 0: whichever it is, which is set.
 */
static int unpin_folder(const char *pin_dir, ino_t *only_ino)
{
	_free_ char *above = strdup(pin_dir);
	_close_ int parent = -1, base = -1;
	char *slash = above ? strrchr(above, '/') : NULL;
	struct stat st;
	int err;

	if (!above)
		return -ENOMEM;
	if (!slash || slash == above || !slash[1])
		return -EINVAL;
	*slash = '\0';
	err = open_folder(AT_FDCWD, above, &parent);
	if (!err)
		err = open_folder(parent, slash + 1, &base);
	if (!err && fstat(base, &st) < 0)
		err = -errno;
	if (err)
		return err;
	if (*only_ino && *only_ino != st.st_ino)
		return -ESTALE;
	*only_ino = st.st_ino;
	if (flock(base, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	each_name(base, remove_version);
	return unlinkat(parent, slash + 1, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/*
 * Our agent is told to end when we die, and takes its time. The folder that its successor makes
 * meanwhile is not ours. ours: 0, we were told of none.
 */
static int wait_and_remove(const char *pin_dir, ino_t ours)
{
	int err = unpin_folder(pin_dir, &ours);

	for (int ms = 0; err == -EBUSY && ms < UNPIN_WAIT_MS; ms += LOOK_MS) {
		poll(NULL, 0, LOOK_MS);
		err = unpin_folder(pin_dir, &ours);
	}
	return err;
}

static ssize_t read_word(struct word *w)
{
	ssize_t n;

	do {
		n = read(3, w, sizeof(*w));
	} while (n < 0 && errno == EINTR);
	return n == sizeof(*w) ? n : 0;
}

static int child(const char *pin_dir, bool on_death, int in)
{
	static const int ignored[] = { SIGPIPE, SIGTERM, SIGINT, SIGHUP };
	int at = fcntl(in, F_DUPFD_CLOEXEC, 10), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct word word;
	ino_t any = 0, ours = 0;
	ssize_t n;

	if (at < 0 || null < 0)
		return 1;
	/* Whoever reads what its parent says must not wait for this one, too. */
	for (int fd = 0; fd < 3; fd++) {
		if (dup2(null, fd) < 0)
			return 1;
	}
	if (dup2(at, 3) < 0)
		return 1;
	closefrom(4);
	for (size_t i = 0; i < array_len(ignored); i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_NAME, "ajar-unpin");
	if (chdir("/") || proc_drop_privileges_but(0, 0, UINT64_C(1) << CAP_DAC_OVERRIDE))
		return 1;
	while ((n = read_word(&word)) > 0 && word.kind == WORD_FOLDER)
		ours = word.folder;
	if (n > 0)
		return word.kind == WORD_REMOVE && unpin_folder(pin_dir, &any);
	return on_death && wait_and_remove(pin_dir, ours);
}

int unpin_start(const char *pin_dir, bool on_death, struct unpinner *ret_u)
{
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	pid = fork();
	if (!pid) {
		close(fds[1]);
		_exit(child(pin_dir, on_death, fds[0]));
	}
	close(fds[0]);
	if (pid < 0) {
		close(fds[1]);
		return -EAGAIN;
	}
	*ret_u = (struct unpinner){ .pid = pid, .fd = fds[1] };
	return 0;
}

/* One that is not there any more has nothing to be told. */
static void tell(const struct unpinner *u, struct word w)
{
	if (u->pid && send(u->fd, &w, sizeof(w), MSG_NOSIGNAL) < 0)
		errno = 0;
}

void unpin_folder_is(const struct unpinner *u, ino_t folder)
{
	tell(u, (struct word){ .kind = WORD_FOLDER, .folder = folder });
}

void unpin_end(struct unpinner *u, bool remove)
{
	if (!u->pid)
		return;
	tell(u, (struct word){ .kind = remove ? WORD_REMOVE : WORD_KEEP });
	close(u->fd);
	while (waitpid(u->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	*u = (struct unpinner){ 0 };
}
