/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/migrate.h"
#include "store/store.h"
#include "tap.h"

/* The order and the refusals of migrations, on a database that is only a list. */

struct fake {
	unsigned len, fail_at;
	struct {
		unsigned number;
		char sha256[MIGRATE_SHA_LEN];
	} rows[100];
};

static int applied(void *db, int (*fn)(unsigned number, const char *sha256, void *arg), void *arg)
{
	struct fake *f = db;
	int err = 0;

	for (unsigned i = 0; !err && i < f->len; i++)
		err = fn(f->rows[i].number, f->rows[i].sha256, arg);
	return err;
}

static int apply(void *db, const struct sql_file *file, const char *sha256)
{
	struct fake *f = db;

	if (file->number == f->fail_at)
		return -ENOSPC;
	f->rows[f->len].number = file->number;
	snprintf(f->rows[f->len++].sha256, MIGRATE_SHA_LEN, "%s", sha256);
	return 0;
}

static const struct migrate_ops ops = { .driver = "sqlite", .applied = applied, .apply = apply };

/* What no errno says has a number, words and a class of its own. */
static void test_errors(void)
{
	for (int e = STORE_E_OLD; e <= STORE_E_UNDONE; e++) {
		const char *text = store_error_text(-e);

		ok(text && !strstr(text, "Unknown"), "error %d is: %s", e, text ? text : "?");
		is_int(store_fault(-e), e == STORE_E_UNDONE ? STORE_RETRY : STORE_STOP,
		       "and what to do about it is known");
	}
	is_str(store_error_text(-ENOENT), strerror(ENOENT), "an errno has its own words");
}

int main(void)
{
	unsigned newest = migrate_newest("sqlite"), have = 77;
	struct fake f = { .fail_at = 2 };

	ok(newest >= 2, "the migrations are embedded");
	is_int(migrate_newest("clay tablets"), 0, "another driver has none");
	is_int(migrate_check(&ops, &f, &have), -STORE_E_OLD, "an empty store is older");
	is_int(have, 0, "its number is 0");
	is_int(migrate_run(&ops, &f, &have), -ENOSPC, "a migration that fails ends the run");
	is_int(f.len, 1, "those before it stay");
	f.fail_at = 0;
	is_int(migrate_run(&ops, &f, &have), 0, "the next run goes on there");
	ok(f.len == newest && have == newest, "to the newest");
	for (unsigned i = 0; i < f.len; i++)
		is_int(f.rows[i].number, i + 1, "in order, each once");
	is_int(strlen(f.rows[0].sha256), 64, "with the sum of its text");
	is_int(migrate_run(&ops, &f, &have), 0, "then there is nothing to do");
	is_int(f.len, newest, "and nothing is done");
	f.rows[0].sha256[0] ^= 1;
	is_int(migrate_check(&ops, &f, &have), -STORE_E_ALTERED, "an altered migration is refused");
	is_int(have, 1, "by its number");
	f.rows[0].sha256[0] ^= 1;
	f.rows[f.len++].number = newest + 7;
	is_int(migrate_run(&ops, &f, &have), -STORE_E_NEW, "a newer store is refused");
	is_int(have, newest + 7, "with its number");
	test_errors();
	return tap_done();
}
