/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_MIGRATE_H
#define AJAR_STORE_MIGRATE_H

#include <stddef.h>

#include "base/err.h"

/*
 * The migrations of sql/store/, embedded by sql/embed.sh; ends with a NULL driver. See
 * sql/README.md.
 */
struct sql_file {
	const char *driver;
	unsigned number;
	const char *name, *text;
};
extern const struct sql_file sql_files[];

#define MIGRATE_SHA_LEN 65 /* hex and NUL */

/*
 * What a driver does for the migrations; each apply() is one transaction with its row in
 * schema_migrations.
 */
struct migrate_ops {
	const char *driver;
	/* Calls fn for each applied one, in order; a store without the table has none. */
	int (*applied)(void *db, int (*fn)(unsigned number, const char *sha256, void *arg),
		       void *arg);
	/* -EALREADY: another process has applied it meanwhile. */
	int (*apply)(void *db, const struct sql_file *file, const char *sha256);
};

unsigned migrate_newest(const char *driver);
/*
 * Compares the store with this program: *ret_have is its number (0: empty). -STORE_E_NEW: it is
 * newer; -STORE_E_ALTERED: a migration was applied with another text than ours, its number in
 * *ret_have; -STORE_E_OLD: it is older.
 */
must_check int migrate_check(const struct migrate_ops *ops, void *db, unsigned *ret_have);
/*
 * Brings it up to date, one migration after the other. Killed in between it goes on at the next
 * call.
 */
must_check int migrate_run(const struct migrate_ops *ops, void *db, unsigned *ret_have);

#endif
