/* SPDX-License-Identifier: GPL-2.0 */
#include "web/accounts.h"

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"

#define NO_PASSWORD "*"

bool account_name_ok(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._@-";
	size_t n = strlen(name);

	return n >= 1 && n <= LOGIN_MAX && strspn(name, letters) == n;
}

void accounts_done(struct accounts *as)
{
	for (unsigned i = 0; i < as->len; i++) {
		free(as->all[i].name);
		free(as->all[i].hash);
	}
	free(as->all);
	*as = (struct accounts){ 0 };
}

const struct account *accounts_find(const struct accounts *as, const char *name)
{
	for (unsigned i = 0; i < as->len; i++)
		if (!strcmp(as->all[i].name, name))
			return &as->all[i];
	return NULL;
}

int accounts_put(struct accounts *as, const char *name, enum web_role role, const char *hash)
{
	struct account *a = (struct account *)accounts_find(as, name), *all;
	_free_ char *own = strdup(hash), *own_name = NULL;

	if (!own)
		return -ENOMEM;
	if (a) {
		free(a->hash);
		a->hash = take_ptr(own);
		a->role = role;
		return 0;
	}
	if (as->len == ACCOUNTS_MAX)
		return -E2BIG;
	all = reallocarray(as->all, as->len + 1, sizeof(*all));
	own_name = all ? strdup(name) : NULL;
	if (all)
		as->all = all;
	if (!own_name)
		return -ENOMEM;
	as->all[as->len++] =
		(struct account){ .name = take_ptr(own_name), .hash = take_ptr(own), .role = role };
	return 0;
}

int accounts_remove(struct accounts *as, const char *name)
{
	struct account *a = (struct account *)accounts_find(as, name);

	if (!a)
		return -ENOENT;
	free(a->name);
	free(a->hash);
	*a = as->all[--as->len];
	return 0;
}

/* --- the file --------------------------------------------------------------------------------------------- */

static int wrong(char **ret_why, const char *path, unsigned line, const char *what)
{
	if (asprintf(ret_why, "%s:%u: %s: a line is NAME:ROLE:HASH; 'ajar web user' writes it",
		     path, line, what) < 0)
		*ret_why = NULL;
	return -EINVAL;
}

static int parse_line(char *line, struct accounts *as, const char **ret_what)
{
	char *role = strchr(line, ':'), *hash = role ? strchr(role + 1, ':') : NULL;
	enum web_role r;

	*ret_what = "two colons are missing";
	if (!hash)
		return -EINVAL;
	*role++ = *hash++ = '\0';
	*ret_what = "the name has other characters than letters, digits and ._@-";
	if (!account_name_ok(line))
		return -EINVAL;
	*ret_what = "the role is none of viewer, operator, approver";
	if (web_role_parse(role, &r))
		return -EINVAL;
	*ret_what = "the hash is no yescrypt hash";
	if (strcmp(hash, NO_PASSWORD) && (strncmp(hash, "$y$", 3) || strlen(hash) > 200))
		return -EINVAL;
	*ret_what = "there are too many accounts, or no memory is left";
	return accounts_put(as, line, r, hash);
}

int accounts_parse(char *text, const char *path, struct accounts *ret, char **ret_why)
{
	struct accounts as = { 0 };
	unsigned number = 1;

	for (char *line = text, *next; line; line = next, number++) {
		const char *what = NULL;
		int err;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!*line || *line == '#')
			continue;
		err = parse_line(line, &as, &what);
		if (err) {
			accounts_done(&as);
			return wrong(ret_why, path, number, what);
		}
	}
	*ret = as;
	return 0;
}

int accounts_read(const char *path, struct accounts *ret, char **ret_why)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(ACCOUNTS_BYTES_MAX);
	struct stat st;
	int err;

	if (stat(path, &st) && errno == ENOENT) {
		*ret = (struct accounts){ 0 };
		return 0;
	}
	buf_puts(&b, "");
	err = file_read(AT_FDCWD, path, &b);
	if (!err && strlen(b.data) != b.len)
		err = -EINVAL;
	if (!err && (st.st_mode & 077)) {
		if (asprintf(ret_why, "%s can be read by others: 'chmod 600 %s'", path, path) < 0)
			*ret_why = NULL;
		return -EACCES;
	}
	if (err) {
		if (asprintf(ret_why, "the accounts of the web page, %s, cannot be read: %s", path,
			     strerror(-err)) < 0)
			*ret_why = NULL;
		return err;
	}
	return accounts_parse(b.data, path, ret, ret_why);
}

int accounts_write(const char *path, const struct accounts *as)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(ACCOUNTS_BYTES_MAX);

	buf_puts(&b, "# Accounts of Ajar's web page; 'ajar web user' writes this file.\n");
	for (unsigned i = 0; i < as->len; i++)
		buf_printf(&b, "%s:%s:%s\n", as->all[i].name, web_role_name(as->all[i].role),
			   as->all[i].hash);
	return b.err ? b.err : file_write_atomic(AT_FDCWD, path, b.data, b.len, 0600);
}

/* --- passwords -------------------------------------------------------------------------------------------- */

int account_hash(const char *password, char **ret_hash)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	void *data = NULL;
	int size = 0, err = 0;
	const char *hash;

	if (!crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof(setting)))
		return -errno;
	hash = crypt_ra(password, setting, &data, &size);
	if (!hash || hash[0] == '*')
		err = -EINVAL;
	else if (!(*ret_hash = strdup(hash)))
		err = -ENOMEM;
	if (data)
		explicit_bzero(data, (size_t)size);
	free(data);
	return err;
}

const struct account *accounts_check(const struct accounts *as, const char *name,
				     const char *password)
{
	/* Of no password: what a stranger's name costs. */
	static const char nobody[] =
		"$y$j9T$cVj1mPMiXl8.w1Pl5Kx8h/$BpcW5snSJ5ucRa.pVpZIezQwl.hUIhLVDoPD54dsdq8";
	const struct account *a = accounts_find(as, name);
	const char *want = a && strcmp(a->hash, NO_PASSWORD) ? a->hash : nobody, *hash;
	void *data = NULL;
	int size = 0;
	bool good;

	hash = crypt_ra(password, want, &data, &size);
	good = hash && hash[0] != '*' && want != nobody && same_text(hash, want);
	if (data)
		explicit_bzero(data, (size_t)size);
	free(data);
	return good ? a : NULL;
}
