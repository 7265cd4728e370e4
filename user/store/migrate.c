/* SPDX-License-Identifier: GPL-2.0 */
#include "store/migrate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "store/store.h"

unsigned migrate_newest(const char *driver)
{
	unsigned newest = 0;

	for (const struct sql_file *f = sql_files; f->driver; f++) {
		if (!strcmp(f->driver, driver) && f->number > newest)
			newest = f->number;
	}
	return newest;
}

static const struct sql_file *find_file(const char *driver, unsigned number)
{
	for (const struct sql_file *f = sql_files; f->driver; f++) {
		if (!strcmp(f->driver, driver) && f->number == number)
			return f;
	}
	return NULL;
}

static void file_sha256(const struct sql_file *file, char out[MIGRATE_SHA_LEN])
{
	uint8_t sum[SHA256_LEN];
	struct sha256 sha;

	sha256_init(&sha);
	sha256_update(&sha, file->text, strlen(file->text));
	sha256_final(&sha, sum);
	for (size_t i = 0; i < SHA256_LEN; i++)
		snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

struct check {
	const char *driver;
	unsigned have, newest, altered;
};

static int check_applied(unsigned number, const char *sha256, void *arg)
{
	struct check *c = arg;
	const struct sql_file *file = find_file(c->driver, number);
	char ours[MIGRATE_SHA_LEN];

	c->have = number;
	if (!file)
		return 0;
	file_sha256(file, ours);
	if (strcmp(ours, sha256) && !c->altered)
		c->altered = number;
	return 0;
}

int migrate_check(const struct migrate_ops *ops, void *db, unsigned *ret_have)
{
	struct check c = { .driver = ops->driver, .newest = migrate_newest(ops->driver) };
	int err;

	err = ops->applied(db, check_applied, &c);
	if (err)
		return err;
	*ret_have = c.have;
	if (c.have > c.newest)
		return -STORE_E_NEW;
	if (c.altered) {
		*ret_have = c.altered;
		return -STORE_E_ALTERED;
	}
	return c.have < c.newest ? -STORE_E_OLD : 0;
}

int migrate_run(const struct migrate_ops *ops, void *db, unsigned *ret_have)
{
	unsigned tries = 2 * migrate_newest(ops->driver) + 2;
	char sha[MIGRATE_SHA_LEN];
	int err;

	while (tries--) {
		const struct sql_file *file;

		err = migrate_check(ops, db, ret_have);
		if (err != -STORE_E_OLD)
			return err;
		file = find_file(ops->driver, *ret_have + 1);
		if (!file)
			return -ENOENT; /* a number left out: a mistake in sql/store/ */
		file_sha256(file, sha);
		err = ops->apply(db, file, sha);
		if (err && err != -EALREADY)
			return err;
	}
	return -ELOOP;
}
