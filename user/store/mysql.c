/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"

#include <errno.h>
#include <string.h>

/*
 * A MySQL or MariaDB server, or a cluster that speaks their protocol. One connection, READ
 * COMMITTED: a row that two parties change is locked first (a boot's journals row by whoever
 * inserts or judges its events), so a statement always sees what was committed before it got the
 * lock. Results are taken whole before the first row is given out: the connection is free for a
 * callback's own questions, and long walks are asked for in pages. Here: statements.
 */
/* --- statements ------------------------------------------------------------------------------------ */

static void close_stmt(struct sql_stmt *base)
{
	struct my_stmt *st = (struct my_stmt *)base;

	if (st->st)
		mysql_stmt_close(st->st);
	for (unsigned i = 0; st->p && i < st->params; i++)
		free(st->p[i].copy);
	for (unsigned i = 0; st->c && i < st->cols; i++)
		free(st->c[i].text);
	free(st->in);
	free(st->out);
	free(st->p);
	free(st->c);
	free(st);
}

static bool is_number(enum enum_field_types type)
{
	switch (type) {
	case MYSQL_TYPE_TINY:
	case MYSQL_TYPE_SHORT:
	case MYSQL_TYPE_LONG:
	case MYSQL_TYPE_INT24:
	case MYSQL_TYPE_LONGLONG:
		return true;
	default:
		return false;
	}
}

static int learn_columns(struct my *s, struct my_stmt *st)
{
	MYSQL_RES *meta = mysql_stmt_result_metadata(st->st);
	const my_flag yes = 1;

	if (!meta)
		return mysql_stmt_errno(st->st) ? my_fail(s, st) : 0;
	st->cols = mysql_num_fields(meta);
	st->c = calloc(st->cols, sizeof(*st->c));
	st->out = calloc(st->cols, sizeof(*st->out));
	for (unsigned i = 0; st->c && st->out && i < st->cols; i++)
		st->c[i].number = is_number(mysql_fetch_field_direct(meta, i)->type);
	mysql_free_result(meta);
	if (!st->c || !st->out)
		return -ENOMEM;
	mysql_stmt_attr_set(st->st, STMT_ATTR_UPDATE_MAX_LENGTH, &yes);
	return 0;
}

static void reset_params(struct my_stmt *st)
{
	for (unsigned i = 0; i < st->params; i++) {
		st->in[i].buffer_type = MYSQL_TYPE_NULL;
		st->p[i].null = 1;
		free(st->p[i].copy);
		st->p[i].copy = NULL;
	}
}

static int fill(struct my *s, struct my_stmt *st, const char *text)
{
	st->st = mysql_stmt_init(s->db);
	if (!st->st)
		return -ENOMEM;
	if (mysql_stmt_prepare(st->st, text, strlen(text)))
		return my_fail(s, st);
	st->params = (unsigned)mysql_stmt_param_count(st->st);
	st->p = calloc(st->params ? st->params : 1, sizeof(*st->p));
	st->in = calloc(st->params ? st->params : 1, sizeof(*st->in));
	if (!st->p || !st->in)
		return -ENOMEM;
	reset_params(st);
	return learn_columns(s, st);
}

static int prepare(struct store *base, const char *text, struct sql_stmt **ret_st)
{
	struct my_stmt *st = calloc(1, sizeof(*st));
	int err = st ? fill((struct my *)base, st, text) : -ENOMEM;

	if (err && st)
		close_stmt(&st->base);
	else if (!err)
		*ret_st = &st->base;
	return err;
}

static void reset(struct sql_stmt *base)
{
	struct my_stmt *st = (struct my_stmt *)base;

	if (st->executed && st->cols)
		mysql_stmt_free_result(st->st);
	st->executed = false;
	reset_params(st);
}

void my_disconnect(struct my *s)
{
	sql_stmt_forget_all(&s->base);
	if (s->db)
		mysql_close(take_ptr(s->db));
	s->lost = true;
	s->base.node.name[0] = '\0';
}

/* A connection that was lost is made anew when no transaction and no walk is under way. */
static int ready(struct store *base)
{
	struct my *s = (struct my *)base;

	if (!s->lost)
		return 0;
	if (base->depth || base->stmts_busy)
		return store_set_why(base, -ENOTCONN, "store %s: the connection was lost",
				     s->base.shown);
	return s->connect(s);
}

int my_get(struct my *s, const char *sql, struct my_stmt **ret_st)
{
	struct sql_stmt *st = NULL;
	int err = sql_stmt_get(&s->base, sql, &st);

	if (!err)
		*ret_st = (struct my_stmt *)st;
	return err;
}

void my_put(struct my_stmt *st)
{
	sql_stmt_put(st ? &st->base : NULL);
}

void my_use_done(struct my_use *u)
{
	my_put(u->st);
}

static int execute(struct my *s, struct my_stmt *st)
{
	if (st->params && mysql_stmt_bind_param(st->st, st->in))
		return my_fail(s, st);
	if (mysql_stmt_execute(st->st))
		return my_fail(s, st);
	st->executed = true;
	return 0;
}

/* The result is taken whole; now the longest value of each column is known. */
static int take_result(struct my *s, struct my_stmt *st)
{
	MYSQL_RES *meta;

	if (mysql_stmt_store_result(st->st))
		return my_fail(s, st);
	meta = mysql_stmt_result_metadata(st->st);
	if (!meta)
		return my_fail(s, st);
	for (unsigned i = 0; i < st->cols; i++) {
		unsigned long want = mysql_fetch_field_direct(meta, i)->max_length + 1;
		struct my_col *c = &st->c[i];

		if (!c->number && want > c->cap) {
			free(c->text);
			c->text = malloc(want);
			c->cap = c->text ? want : 0;
		}
		st->out[i] = (MYSQL_BIND){
			.buffer_type = c->number ? MYSQL_TYPE_LONGLONG : MYSQL_TYPE_BLOB,
			.is_unsigned = 1,
			.buffer = c->number ? (void *)&c->u : c->text,
			.buffer_length = c->number ? sizeof(c->u) : c->cap,
			.length = &c->len,
			.is_null = &c->null,
		};
		if (!c->number && !c->text) {
			mysql_free_result(meta);
			return -ENOMEM;
		}
	}
	mysql_free_result(meta);
	return mysql_stmt_bind_result(st->st, st->out) ? my_fail(s, st) : 0;
}

int my_step(struct my *s, struct my_stmt *st)
{
	int ret;

	if (!st->executed) {
		ret = execute(s, st);
		if (!ret)
			ret = take_result(s, st);
		if (ret)
			return ret;
	}
	ret = mysql_stmt_fetch(st->st);
	if (ret == MYSQL_NO_DATA)
		return 0;
	if (ret)
		return ret == MYSQL_DATA_TRUNCATED
			       ? store_set_why(&s->base, -EMSGSIZE,
					       "store %s: a value does not fit", s->base.shown)
			       : my_fail(s, st);
	for (unsigned i = 0; i < st->cols; i++) {
		struct my_col *c = &st->c[i];

		if (!c->number)
			c->text[c->null || c->len >= c->cap ? 0 : c->len] = '\0';
	}
	return 1;
}

int my_run(struct my *s, struct my_stmt *st, uint64_t *ret_changed)
{
	int err = execute(s, st);

	if (!err && ret_changed)
		*ret_changed = mysql_stmt_affected_rows(st->st);
	return err;
}

int my_query(struct my *s, const char *sql)
{
	int err = ready(&s->base);

	if (err)
		return err;
	return mysql_real_query(s->db, sql, strlen(sql)) ? my_fail(s, NULL) : 0;
}

/* --- values --------------------------------------------------------------------------------------- */

void my_u64(struct my_stmt *st, unsigned i, uint64_t v)
{
	struct my_param *p = &st->p[i - 1];

	p->u = v;
	p->null = 0;
	st->in[i - 1] = (MYSQL_BIND){ .buffer_type = MYSQL_TYPE_LONGLONG,
				      .is_unsigned = 1,
				      .buffer = &p->u,
				      .is_null = &p->null };
}

static void bind_bytes(struct my_stmt *st, unsigned i, enum enum_field_types type, const void *v,
		       size_t n)
{
	struct my_param *p = &st->p[i - 1];

	p->null = !v;
	p->len = n;
	st->in[i - 1] = (MYSQL_BIND){ .buffer_type = v ? type : MYSQL_TYPE_NULL,
				      /* The library only reads what is bound. */
				      .buffer = (void *)(uintptr_t)v,
				      .buffer_length = n,
				      .length = &p->len,
				      .is_null = &p->null };
}

void my_str(struct my_stmt *st, unsigned i, const char *v)
{
	bind_bytes(st, i, MYSQL_TYPE_STRING, v, v ? strlen(v) : 0);
}

static void my_blob(struct my_stmt *st, unsigned i, const void *p, size_t n)
{
	bind_bytes(st, i, MYSQL_TYPE_BLOB, p, n);
}

/* Gives the text of b to the statement. */
static int bind_copy(struct my_stmt *st, unsigned i, struct buf *b)
{
	size_t len = b->len;
	int err = b->err;
	char *text;

	buf_puts(b, "");
	text = buf_take(b);
	if (!text)
		return err ? err : -ENOMEM;
	free(st->p[i - 1].copy);
	st->p[i - 1].copy = text;
	bind_bytes(st, i, MYSQL_TYPE_STRING, text, len);
	return 0;
}

uint64_t my_col_u64(const struct my_stmt *st, unsigned i)
{
	return st->c[i].null ? 0 : st->c[i].u;
}

const char *my_col_str(const struct my_stmt *st, unsigned i)
{
	return st->c[i].null ? NULL : st->c[i].text;
}

static struct text my_col_blob(const struct my_stmt *st, unsigned i)
{
	const struct my_col *c = &st->c[i];

	return c->null ? (struct text){ 0 } : (struct text){ c->text, (uint32_t)c->len };
}

/* --- the same for sql.h ----------------------------------------------------------------------------- */

static unsigned params(const struct sql_stmt *st)
{
	return ((const struct my_stmt *)st)->params;
}

static int step(struct sql_stmt *st)
{
	return my_step((struct my *)st->s, (struct my_stmt *)st);
}

static int run(struct sql_stmt *st, uint64_t *ret_changed)
{
	return my_run((struct my *)st->s, (struct my_stmt *)st, ret_changed);
}

static void bind_u64(struct sql_stmt *st, unsigned i, uint64_t v)
{
	my_u64((struct my_stmt *)st, i, v);
}

static void bind_str(struct sql_stmt *st, unsigned i, const char *v, size_t n)
{
	bind_bytes((struct my_stmt *)st, i, MYSQL_TYPE_STRING, v, n);
}

static void bind_blob(struct sql_stmt *st, unsigned i, const void *p, size_t n)
{
	my_blob((struct my_stmt *)st, i, p, n);
}

static int copy(struct sql_stmt *st, unsigned i, struct buf *text)
{
	return bind_copy((struct my_stmt *)st, i, text);
}

static uint64_t col_u64(struct sql_stmt *st, unsigned i)
{
	return my_col_u64((struct my_stmt *)st, i);
}

static const char *col_str(struct sql_stmt *st, unsigned i)
{
	return my_col_str((struct my_stmt *)st, i);
}

static struct text col_blob(struct sql_stmt *st, unsigned i)
{
	return my_col_blob((struct my_stmt *)st, i);
}

static uint64_t last_id(struct sql_stmt *st)
{
	return mysql_stmt_insert_id(((struct my_stmt *)st)->st);
}

const struct store_sql my_sql = {
	.server = true,
	.ready = ready,
	.prepare = prepare,
	.close = close_stmt,
	.reset = reset,
	.params = params,
	.step = step,
	.run = run,
	.u64 = bind_u64,
	.str = bind_str,
	.blob = bind_blob,
	.copy = copy,
	.col_u64 = col_u64,
	.col_str = col_str,
	.col_blob = col_blob,
	.last_id = last_id,
};
