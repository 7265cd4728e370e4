/* SPDX-License-Identifier: GPL-2.0 */
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fault.h"

static int open_secret(const char *path, int *ret_fd, char **ret_why)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 && errno == EACCES)
		return fault(ret_why, -EACCES,
			     "cannot read '%s': it must belong to the account this runs as, in a "
			     "folder that is open to it: 'chown "
			     "%u %s'",
			     path, (unsigned)geteuid(), path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fault(ret_why, -errno, "cannot read '%s': %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fault(ret_why, -EINVAL, "'%s' is no file", path);
	if (st.st_mode & 077)
		return fault(ret_why, -EACCES,
			     "'%s' holds a secret and others can read it: 'chmod 600 %s'", path,
			     path);
	*ret_fd = take_fd(fd);
	return 0;
}

int secret_read(const char *path, char **ret_secret, char **ret_why)
{
	char text[SECRET_BYTES_MAX + 1];
	_close_ int fd = -1;
	int err = open_secret(path, &fd, ret_why);
	ssize_t n;

	if (err)
		return err;
	n = read(fd, text, sizeof(text));
	if (n < 0 || n > SECRET_BYTES_MAX) {
		err = n < 0 ? -errno : -E2BIG;
		explicit_bzero(text, sizeof(text));
		return fault(ret_why, err, "'%s' is no secret: %s", path, strerror(-err));
	}
	text[n] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	if (!*text)
		return fault(ret_why, -EINVAL, "'%s' is empty: the secret is its first line", path);
	*ret_secret = strdup(text);
	explicit_bzero(text, sizeof(text));
	return *ret_secret ? 0 : -ENOMEM;
}

int secret_check(const char *path, char **ret_why)
{
	char *secret = NULL;
	int err = secret_read(path, &secret, ret_why);

	secret_free(secret);
	return err;
}

void secret_free(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}
