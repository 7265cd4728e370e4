/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sql.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"

#define TEXT_COLUMN_MAX                                                                            \
	60000 /* a TEXT column of MySQL has 65535 bytes; what is longer is cut, and says so */

/* --- the cache ------------------------------------------------------------------------------------ */

static struct sql_stmt *find(struct store *s, const char *text)
{
	for (unsigned i = 0; i < array_len(s->stmts); i++) {
		if (s->stmts[i] && s->stmts[i]->text == text && !s->stmts[i]->busy)
			return s->stmts[i];
	}
	return NULL;
}

/*
 * A free place, or that of the statement which was not used for the longest time; NULL: all are in
 * use.
 */
static struct sql_stmt **find_place(struct store *s)
{
	struct sql_stmt **oldest = NULL;

	for (unsigned i = 0; i < array_len(s->stmts); i++) {
		struct sql_stmt **st = &s->stmts[i];

		if (!*st)
			return st;
		if (!(*st)->busy && (!oldest || (*st)->used < (*oldest)->used))
			oldest = st;
	}
	return oldest;
}

static int prepare(struct store *s, const char *text, struct sql_stmt **ret_st)
{
	struct sql_stmt *st = NULL, **place;
	int err = s->ops->sql->prepare(s, text, &st);

	if (err)
		return err;
	st->s = s;
	st->text = text;
	place = find_place(s);
	if (place) {
		if (*place)
			s->ops->sql->close(*place);
		st->cached = true;
		*place = st;
	}
	*ret_st = st;
	return 0;
}

int sql_stmt_get(struct store *s, const char *text, struct sql_stmt **ret_st)
{
	const struct store_sql *ops = s->ops->sql;
	struct sql_stmt *st;
	int err = ops->ready ? ops->ready(s) : 0;

	if (err)
		return err;
	st = find(s, text);
	if (!st) {
		err = prepare(s, text, &st);
		if (err)
			return err;
	}
	st->busy = true;
	st->used = ++s->stmt_uses;
	s->stmts_busy++;
	*ret_st = st;
	return 0;
}

void sql_stmt_put(struct sql_stmt *st)
{
	if (!st)
		return;
	st->s->stmts_busy--;
	st->busy = false;
	if (st->cached)
		st->s->ops->sql->reset(st);
	else
		st->s->ops->sql->close(st);
}

void sql_stmt_forget(struct store *s, const char *text)
{
	for (unsigned i = 0; i < array_len(s->stmts); i++) {
		if (s->stmts[i] && s->stmts[i]->text == text && !s->stmts[i]->busy)
			s->ops->sql->close(take_ptr(s->stmts[i]));
	}
}

void sql_stmt_forget_all(struct store *s)
{
	for (unsigned i = 0; i < array_len(s->stmts); i++) {
		if (s->stmts[i])
			s->ops->sql->close(take_ptr(s->stmts[i]));
	}
}

/* --- values --------------------------------------------------------------------------------------- */

static bool is_plain(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c < 0x20 || c >= 0x7f || c == '\\')
			return false;
	}
	return n < TEXT_COLUMN_MAX;
}

static int bind_copy(struct sql_stmt *st, unsigned i, const char *p, size_t n)
{
	struct buf b = BUF_INIT(4 * EVENT_RECORD_MAX + 16);
	int err;

	esc_text(&b, p, n, TEXT_COLUMN_MAX);
	err = b.err ? b.err : st->s->ops->sql->copy(st, i, &b);
	buf_done(&b);
	return err;
}

static int bind_escaped(struct sql_stmt *st, unsigned i, const char *p, size_t n)
{
	if (!p)
		return 0;
	if (!is_plain(p, n))
		return bind_copy(st, i, p, n);
	st->s->ops->sql->str(st, i, p, n);
	return 0;
}

/* The NULs between the arguments become spaces. */
static int bind_words(struct sql_stmt *st, unsigned i, const char *p, size_t n)
{
	char words[EVENT_RECORD_MAX];

	if (!p || n > sizeof(words))
		return 0;
	while (n && !p[n - 1])
		n--;
	for (size_t k = 0; k < n; k++)
		words[k] = p[k] ? p[k] : ' ';
	return bind_copy(st, i, words, n);
}

int sql_stmt_bind(struct sql_stmt *st, unsigned i, const struct sql_arg *a)
{
	const struct store_sql *ops = st->s->ops->sql;
	const char *str = a->p;

	switch (a->kind) {
	case SQL_NULL:
		return 0;
	case SQL_U64:
		ops->u64(st, i, a->u);
		return 0;
	case SQL_STR:
		if (!str && a->u)
			str = "";
		if (str)
			ops->str(st, i, str, strlen(str));
		return 0;
	case SQL_BLOB:
		if (a->p)
			ops->blob(st, i, a->p, a->n);
		return 0;
	case SQL_ESCAPED:
		return bind_escaped(st, i, a->p, a->n);
	case SQL_WORDS:
		return bind_words(st, i, a->p, a->n);
	case SQL_KEY:
		str = ((const struct sql_key *)a->p)->key;
		if (str && !ops->server)
			ops->str(st, i, str, strlen(str));
		if (!ops->server)
			return 0;
		__attribute__((fallthrough));
	case SQL_KEY_HASH:
		if (((const struct sql_key *)a->p)->key)
			ops->blob(st, i, ((const struct sql_key *)a->p)->hash, SHA256_LEN);
		return 0;
	}
	return -EINVAL;
}

/* --- statements ------------------------------------------------------------------------------------- */

void sql_done(struct sql *q)
{
	if (q->st)
		sql_stmt_put(take_ptr(q->st));
}

struct sql_key sql_key(const struct store *s, const char *key)
{
	struct sql_key k = { .key = key };
	struct sha256 sha;

	if (!key || !s->ops->sql->server)
		return k;
	sha256_init(&sha);
	sha256_update(&sha, key, strlen(key));
	sha256_final(&sha, k.hash);
	return k;
}

int sql_get_args(struct sql *q, const char *text, struct sql_args args)
{
	const struct store_sql *ops = q->s->ops->sql;
	unsigned n = 0, want;
	int err;

	sql_done(q);
	err = sql_stmt_get(q->s, text, &q->st);
	if (err)
		return err;
	want = ops->params(q->st);
	for (size_t i = 0; i < args.n && !err; i++) {
		if (args.v[i].kind == SQL_KEY_HASH && !ops->server)
			continue;
		if (++n <= want)
			err = sql_stmt_bind(q->st, n, &args.v[i]);
	}
	if (!err && n != want)
		err = store_set_why(q->s, -EINVAL, "a statement of %u values got %u", want, n);
	return err;
}

int sql_step(struct sql *q)
{
	return q->s->ops->sql->step(q->st);
}

int sql_first_args(struct sql *q, const char *text, struct sql_args args)
{
	int err = sql_get_args(q, text, args);

	return err ? err : sql_step(q);
}

int sql_run_args(struct store *s, uint64_t *ret_changed, const char *text, struct sql_args args)
{
	_sql_ struct sql q = { .s = s };
	int err = sql_get_args(&q, text, args);

	return err ? err : s->ops->sql->run(q.st, ret_changed);
}

int sql_exec_args(struct sql *q, const char *text, struct sql_args args)
{
	int err = sql_get_args(q, text, args);

	return err ? err : q->s->ops->sql->run(q->st, NULL);
}

uint64_t sql_u64(const struct sql *q, unsigned i)
{
	return q->s->ops->sql->col_u64(q->st, i);
}

const char *sql_str_null(const struct sql *q, unsigned i)
{
	return q->s->ops->sql->col_str(q->st, i);
}

const char *sql_str(const struct sql *q, unsigned i)
{
	const char *v = sql_str_null(q, i);

	return v ? v : "";
}

struct text sql_blob(const struct sql *q, unsigned i)
{
	return q->s->ops->sql->col_blob(q->st, i);
}

void sql_copy(const struct sql *q, unsigned i, uint8_t *to, size_t n)
{
	struct text from = sql_blob(q, i);

	if (from.len == n)
		memcpy(to, from.ptr, n);
}

uint64_t sql_last_id(const struct sql *q)
{
	return q->s->ops->sql->last_id(q->st);
}

int sql_one_u64(struct store *s, const char *text, uint64_t *ret_v)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_first_args(&q, text, SQL());

	if (ret < 0)
		return ret;
	*ret_v = ret ? sql_u64(&q, 0) : 0;
	return 0;
}

int sql_now(struct store *s, uint64_t *ret_ns)
{
	return s->ops->clock(s, ret_ns);
}
