/* SPDX-License-Identifier: GPL-2.0 */
#include "base/account.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/map.h"

#define PASSWD "/etc/passwd"
#define ENTRIES_MAX 100000
#define LINE_BYTES_MAX 4096

struct accounts {
	struct map *names; /* uid -> name */
	struct stat seen;
};

int accounts_new(struct accounts **ret_accounts)
{
	struct accounts *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	accounts_refresh(a);
	*ret_accounts = a;
	return 0;
}

void accounts_free(struct accounts *a)
{
	if (!a)
		return;
	map_free(a->names);
	free(a);
}

static bool same_file(const struct stat *x, const struct stat *y)
{
	return x->st_ino == y->st_ino && x->st_dev == y->st_dev && x->st_size == y->st_size &&
	       x->st_mtim.tv_sec == y->st_mtim.tv_sec && x->st_mtim.tv_nsec == y->st_mtim.tv_nsec;
}

static int add(struct map *names, const struct passwd *pw)
{
	uint32_t uid = pw->pw_uid;
	char *name;
	int err;

	if (map_get(names, &uid, sizeof(uid)))
		return 0; /* the first line of a uid names it, as getpwuid(3) has it */
	name = strdup(pw->pw_name);
	if (!name)
		return -ENOMEM;
	err = map_put(names, &uid, sizeof(uid), name);
	if (err)
		free(name);
	return err;
}

static int read_all(FILE *f, struct map *names)
{
	char line[LINE_BYTES_MAX];
	struct passwd entry, *pw;

	for (unsigned n = 0; n < ENTRIES_MAX; n++) {
		int err = fgetpwent_r(f, &entry, line, sizeof(line), &pw);

		if (err == ERANGE)
			continue; /* a line of absurd length: skipped */
		if (err)
			return 0; /* ENOENT: the end */
		err = add(names, pw);
		if (err)
			return err;
	}
	return 0;
}

void accounts_refresh(struct accounts *a)
{
	_cleanup_(map_freep) struct map *names = NULL;
	struct map *old;
	struct stat st;
	FILE *f;

	if (stat(PASSWD, &st) < 0 || (a->names && same_file(&st, &a->seen)))
		return;
	if (map_new(free, &names))
		return;
	f = fopen(PASSWD, "re");
	if (!f)
		return;
	if (!read_all(f, names)) {
		a->seen = st;
		old = a->names;
		a->names = names;
		names = old;
	}
	fclose(f);
}

struct text accounts_user(const struct accounts *a, uint32_t uid)
{
	return text_of(a->names ? map_get(a->names, &uid, sizeof(uid)) : NULL);
}
