/* SPDX-License-Identifier: GPL-2.0 */
#include "store/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/parse.h"

#define FIELDS 7
#define NAME_LEN 24

static void file_name(uint64_t id, char to[NAME_LEN])
{
	snprintf(to, NAME_LEN, "%" PRIu64, id);
}

/* --- a file: texts, each with a NUL behind it --------------------------------------------------------- */

void spool_format(struct buf *b, const struct store_request *r)
{
	const char *const texts[] = { r->login, r->role, r->alerts, r->reason, r->ticket };
	char numbers[2][NAME_LEN];

	snprintf(numbers[0], NAME_LEN, "%u", (unsigned)r->verb);
	file_name(r->until_ns, numbers[1]);
	for (size_t i = 0; i < array_len(texts); i++)
		buf_put(b, texts[i], strlen(texts[i]) + 1);
	for (size_t i = 0; i < array_len(numbers); i++)
		buf_put(b, numbers[i], strlen(numbers[i]) + 1);
}

int spool_parse(const char *p, size_t n, struct store_request *ret_r)
{
	const char *text[FIELDS], *end = p + n;
	uint64_t verb, until;

	if (!n || n > SPOOL_FILE_MAX || p[n - 1])
		return -EINVAL;
	for (unsigned i = 0; i < FIELDS; i++, p += strlen(p) + 1) {
		if (p == end)
			return -EINVAL;
		text[i] = p;
	}
	if (p != end || parse_u64(text[5], &verb) || parse_u64(text[6], &until) ||
	    verb < REQUEST_ACK || verb > REQUEST_PREVIEW || until > INT64_MAX)
		return -EINVAL;
	*ret_r = (struct store_request){ .login = text[0],
					 .role = text[1],
					 .alerts = text[2],
					 .reason = text[3],
					 .ticket = text[4],
					 .verb = (enum request_verb)verb,
					 .until_ns = until,
					 .state = REQUEST_WAITING };
	return 0;
}

/* --- the folder ------------------------------------------------------------------------------------------ */

static int open_folder(int dirfd, bool make, int *ret_fd)
{
	if (make && mkdirat(dirfd, SPOOL_DIR, 0750) && errno != EEXIST)
		return -errno;
	*ret_fd = openat(dirfd, SPOOL_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret_fd < 0 ? -errno : 0;
}

static int list(int fd, DIR **ret_d)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0)
		return -errno;
	*ret_d = fdopendir(copy);
	if (*ret_d) {
		rewinddir(*ret_d);
		return 0;
	}
	close(copy);
	return -ENOMEM;
}

/* The number that a file's name is; 0: it is none. */
static uint64_t number(const char *name)
{
	uint64_t id;

	return name[0] == '0' || parse_u64(name, &id) || !id || id > REQUEST_ID_MAX ? 0 : id;
}

static int count(int fd, unsigned max, unsigned *ret_n)
{
	DIR *d = NULL;
	int err = list(fd, &d);

	*ret_n = 0;
	if (err)
		return err;
	for (const struct dirent *e; *ret_n < max && (e = readdir(d));)
		*ret_n += number(e->d_name) != 0;
	closedir(d);
	return 0;
}

int spool_put(int dirfd, const struct store_request *r)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(SPOOL_FILE_MAX);
	char name[NAME_LEN];
	_close_ int fd = -1;
	unsigned n = 0;
	int err = open_folder(dirfd, true, &fd);

	if (!err)
		err = count(fd, REQUESTS_WAITING_MAX, &n);
	if (!err && n == REQUESTS_WAITING_MAX)
		err = -EBUSY;
	if (err)
		return err;
	file_name(r->id, name);
	spool_format(&b, r);
	return b.err ? b.err : file_write_atomic(fd, name, b.data, b.len, 0640);
}

bool spool_any(int dirfd)
{
	_close_ int fd = -1;
	unsigned n;

	return !open_folder(dirfd, false, &fd) && !count(fd, 1, &n) && n;
}

bool spool_has(int dirfd, uint64_t id)
{
	_close_ int fd = -1;
	char name[NAME_LEN];
	struct stat st;

	file_name(id, name);
	return !open_folder(dirfd, false, &fd) && !fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW);
}

/* A pipe or a link is not waited for. */
static int read_file(int fd, const char *name, struct buf *b)
{
	_close_ int file = openat(fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_free_ char *bytes = malloc(SPOOL_FILE_MAX + 1);
	struct stat st;
	ssize_t n;

	if (!bytes || file < 0 || fstat(file, &st) || !S_ISREG(st.st_mode))
		return -EINVAL;
	n = read(file, bytes, SPOOL_FILE_MAX + 1);
	if (n < 0)
		return -errno;
	buf_put(b, bytes, (size_t)n);
	return b->err;
}

static int take(int fd, const char *name, spool_fn fn, void *arg)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(SPOOL_FILE_MAX + 2);
	struct store_request r;

	if (read_file(fd, name, &b) || spool_parse(b.data, b.len, &r)) {
		(void)unlinkat(fd, name, 0);
		return 0;
	}
	r.id = number(name);
	return fn(&r, arg);
}

void spool_drop(int dirfd, const uint64_t *ids, unsigned n)
{
	_close_ int fd = -1;
	char name[NAME_LEN];

	if (open_folder(dirfd, false, &fd))
		return;
	for (unsigned i = 0; i < n; i++) {
		file_name(ids[i], name);
		(void)unlinkat(fd, name, 0);
	}
}

int spool_take(int dirfd, unsigned max, spool_fn fn, void *arg, bool *ret_more)
{
	_close_ int fd = -1;
	unsigned n = 0;
	DIR *d = NULL;
	int err = open_folder(dirfd, false, &fd);

	*ret_more = false;
	if (err)
		return err == -ENOENT ? 0 : err;
	/* What cannot be deleted afterwards would come again and again. */
	if (faccessat(fd, ".", W_OK | X_OK, AT_EACCESS))
		return -errno;
	err = list(fd, &d);
	if (err)
		return err;
	for (const struct dirent *e; !err && n < max && (e = readdir(d));) {
		if (e->d_name[0] == '.' || !number(e->d_name))
			continue;
		n++;
		err = take(fd, e->d_name, fn, arg);
	}
	closedir(d);
	*ret_more = n == max;
	return err;
}
