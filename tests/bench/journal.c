/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Append and commit of 250-byte records in batches of 1, 50 and 500, each batch durable before the
 * next: the journal against SQLite in WAL mode with synchronous=FULL, in turn on the same disk,
 * three rounds, medians. AJAR_TEST_DIR chooses the disk (/var/tmp).
 */
#include <sqlite3.h>

#include "base/clock.h"
#include "journal_util.h"

#define ROUNDS 3
#define LEN 250

static char record[LEN];

static double journal_rate(int batch, int total)
{
	struct dir d = dir_make();
	struct journal *j = must_open(&d, BOOT_A, 0, 0);
	struct journal_pos pos;
	uint64_t start, ns, dropped;

	start = clock_boot_ns();
	for (int done = 0; done < total; done += batch) {
		for (int i = 0; i < batch; i++)
			if (journal_append(j, record, LEN, &pos) < 0)
				bail("append", EIO);
		if (journal_commit(j, &dropped) < 0)
			bail("commit", EIO);
	}
	ns = clock_boot_ns() - start;
	journal_free(j);
	dir_remove(&d);
	return total * 1e9 / (double)ns;
}

static void sql(sqlite3 *db, const char *text)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		bail(sqlite3_errmsg(db), EIO);
}

static double sqlite_rate(int batch, int total)
{
	struct dir d = dir_make();
	char path[160];
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;
	uint64_t start, ns;

	snprintf(path, sizeof(path), "%s/t.db", d.path);
	if (sqlite3_open(path, &db) != SQLITE_OK)
		bail(path, EIO);
	sql(db, "PRAGMA journal_mode=WAL");
	sql(db, "PRAGMA synchronous=FULL");
	sql(db, "CREATE TABLE r (boot_seq INTEGER, seq INTEGER, record BLOB, PRIMARY KEY "
		"(boot_seq, seq)) WITHOUT ROWID");
	if (sqlite3_prepare_v2(db, "INSERT INTO r VALUES (1, ?, ?)", -1, &st, NULL) != SQLITE_OK)
		bail("prepare", EIO);
	start = clock_boot_ns();
	for (int done = 0; done < total; done += batch) {
		sql(db, "BEGIN");
		for (int i = 0; i < batch; i++) {
			sqlite3_bind_int64(st, 1, done + i);
			sqlite3_bind_blob(st, 2, record, LEN, SQLITE_STATIC);
			if (sqlite3_step(st) != SQLITE_DONE)
				bail("insert", EIO);
			sqlite3_reset(st);
		}
		sql(db, "COMMIT");
	}
	ns = clock_boot_ns() - start;
	sqlite3_finalize(st);
	sqlite3_close(db);
	dir_remove(&d);
	return total * 1e9 / (double)ns;
}

static double median(double *v)
{
	for (int a = 0; a < ROUNDS; a++)
		for (int b = a + 1; b < ROUNDS; b++)
			if (v[b] < v[a]) {
				double t = v[a];

				v[a] = v[b];
				v[b] = t;
			}
	return v[ROUNDS / 2];
}

int main(void)
{
	static const struct {
		int batch, total;
	} runs[] = { { 1, 2000 }, { 50, 50000 }, { 500, 200000 } };

	setenv("AJAR_TEST_DIR", "/var/tmp", 0);
	memset(record, 'r', sizeof(record));
	printf("# %6s  %14s  %14s  %6s\n", "batch", "journal rec/s", "SQLite rec/s", "ratio");
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		double ours[ROUNDS], theirs[ROUNDS];

		for (int k = 0; k < ROUNDS; k++) {
			ours[k] = journal_rate(runs[i].batch, runs[i].total);
			theirs[k] = sqlite_rate(runs[i].batch, runs[i].total);
		}
		printf("# %6d  %14.0f  %14.0f  %5.1fx\n", runs[i].batch, median(ours),
		       median(theirs), median(ours) / median(theirs));
	}
	puts("ok 1 - the journal and SQLite did the same work\n1..1");
	return 0;
}
