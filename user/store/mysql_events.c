/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "store/mysql.h"
#include "store/put.h"

/*
 * The insert of many rows: statements of 500, 256, 128 ... 1 rows, each prepared once. The big ones
 * cost the server megabytes: they are kept only while a backlog lasts.
 */
#define BIG_FROM 6 /* batch_sizes[]: statements that are not kept */
#define ROW_BYTES(len)                                                                             \
	(5 * (uint64_t)(len) + 600) /* a row at most: its bytes, and its texts escaped */

static const unsigned batch_sizes[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, STORE_BATCH_MAX };

_Static_assert(array_len(batch_sizes) == array_len(((struct my *)0)->batch_sql),
	       "a text for each size");

/*
 * The text is the key of the statement cache, so it is made once and kept; a grant or revocation
 * between two connections changes it.
 */
static const char *batch_text(struct my *s, unsigned size)
{
	struct buf b = BUF_INIT(64 * 1024);

	for (unsigned i = 0; s->batch_own != s->base.limited && i < array_len(s->batch_sql); i++) {
		if (s->batch_sql[i])
			sql_stmt_forget(&s->base, s->batch_sql[i]);
		free(take_ptr(s->batch_sql[i]));
	}
	s->batch_own = s->base.limited;
	if (!s->batch_sql[size]) {
		buf_puts(&b, s->base.limited ? "INSERT INTO own_events" : "INSERT INTO events");
		buf_puts(&b, PUT_COLUMNS);
		for (unsigned i = 0; i < batch_sizes[size]; i++) {
			buf_puts(&b, i ? ", " : "");
			buf_puts(&b, PUT_MARKS);
		}
		s->batch_sql[size] = buf_take(&b);
		buf_done(&b);
	}
	return s->batch_sql[size];
}

static int insert_some(struct put *p, unsigned size, size_t first)
{
	struct my *s = (struct my *)p->s;
	const char *text = batch_text(s, size);
	_sql_ struct sql q = { .s = p->s };
	int err = text ? sql_stmt_get(p->s, text, &q.st) : -ENOMEM;

	for (unsigned i = 0; !err && i < batch_sizes[size]; i++)
		err = put_bind_row(p, q.st, i * PUT_PARAMS, first + i);
	if (!err)
		err = my_run(s, (struct my_stmt *)q.st, NULL);
	if (!err && mysql_warning_count(s->db))
		err = my_warned(s);
	return err;
}

/* The biggest statement for the rows that are left which stays below the limit of bytes. */
static unsigned size_for(const struct put *p, size_t first)
{
	uint64_t bytes = 0;
	unsigned best = 0;
	size_t n = 0;

	for (unsigned size = 0; size < array_len(batch_sizes); size++) {
		while (n < batch_sizes[size] && first + n < p->fresh_len)
			bytes += ROW_BYTES(p->fresh[first + n++]->record.len);
		if (n < batch_sizes[size] || bytes > MY_STATEMENT_BYTES_MAX)
			break;
		best = size;
	}
	return best;
}

int my_insert(struct put *p)
{
	size_t done = 0;

	while (done < p->fresh_len) {
		unsigned size = size_for(p, done);
		int err = insert_some(p, size, done);

		if (err)
			return err;
		done += batch_sizes[size];
	}
	return 0;
}

void my_inserted(struct store *base, size_t n)
{
	struct my *s = (struct my *)base;

	if (n >= batch_sizes[BIG_FROM])
		return;
	for (size_t i = BIG_FROM; i < array_len(s->batch_sql); i++) {
		if (s->batch_sql[i])
			sql_stmt_forget(&s->base, s->batch_sql[i]);
	}
}
