/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"

#include <errno.h>
#include <string.h>

/*
 * A MySQL or MariaDB server, or a cluster that speaks their protocol. One connection, READ COMMITTED: a row that two
 * parties change is locked first (a boot's journals row by whoever inserts or judges its events), so a statement
 * always sees what was committed before it got the lock. Results are taken whole before the first row is given out:
 * the connection is free for a callback's own questions, and long walks are asked for in pages. Here: statements.
 */
#define TEXT_COLUMN_MAX 60000 /* a TEXT column has 65535 bytes */

/* --- statements ------------------------------------------------------------------------------------ */

static void stmt_free(struct my_stmt *st)
{
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
	*st = (struct my_stmt){ 0 };
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

static int prepare(struct my *s, struct my_stmt *st, const char *sql)
{
	st->st = mysql_stmt_init(s->db);
	if (!st->st)
		return -ENOMEM;
	if (mysql_stmt_prepare(st->st, sql, strlen(sql)))
		return my_fail(s, st);
	st->sql = sql;
	st->params = (unsigned)mysql_stmt_param_count(st->st);
	st->p = calloc(st->params ? st->params : 1, sizeof(*st->p));
	st->in = calloc(st->params ? st->params : 1, sizeof(*st->in));
	if (!st->p || !st->in)
		return -ENOMEM;
	return learn_columns(s, st);
}

void my_disconnect(struct my *s)
{
	for (unsigned i = 0; i < s->cache_len; i++)
		stmt_free(&s->cache[i]);
	s->cache_len = 0;
	if (s->db)
		mysql_close(take_ptr(s->db));
	s->lost = true;
	s->node[0] = '\0';
}

static int come_back(struct my *s)
{
	if (!s->lost)
		return 0;
	if (s->base.depth || s->busy)
		return store_set_why(&s->base, -ENOTCONN, "store %s: the connection was lost",
				     s->name);
	return my_connect(s);
}

static void reset_params(struct my_stmt *st)
{
	for (unsigned i = 0; i < st->params; i++) {
		st->in[i].buffer_type = MYSQL_TYPE_NULL;
		st->p[i].null = 1;
	}
}

static struct my_stmt *find_cached(struct my *s, const char *sql)
{
	for (unsigned i = 0; i < s->cache_len; i++) {
		if (s->cache[i].sql == sql && !s->cache[i].busy)
			return &s->cache[i];
	}
	return NULL;
}

static struct my_stmt *free_slot(struct my *s)
{
	for (unsigned i = 0; i < s->cache_len; i++) {
		if (!s->cache[i].sql)
			return &s->cache[i];
	}
	return s->cache_len < MY_CACHE_MAX ? &s->cache[s->cache_len++] : NULL;
}

void my_forget(struct my *s, const char *sql)
{
	struct my_stmt *st = find_cached(s, sql);

	if (st)
		stmt_free(st);
}

int my_get(struct my *s, const char *sql, struct my_stmt **ret_st)
{
	struct my_stmt *st = NULL;
	int err = come_back(s);

	if (err)
		return err;
	st = find_cached(s, sql);
	if (!st) {
		struct my_stmt *slot = free_slot(s);

		st = slot ? slot : calloc(1, sizeof(*st));
		if (!st)
			return -ENOMEM;
		err = prepare(s, st, sql);
		if (err) {
			stmt_free(st);
			if (!slot)
				free(st);
			return err;
		}
		st->cached = slot;
	}
	st->busy = true;
	s->busy++;
	reset_params(st);
	*ret_st = st;
	return 0;
}

void my_put(struct my *s, struct my_stmt *st)
{
	if (!st)
		return;
	s->busy--;
	if (!st->cached) {
		stmt_free(st);
		free(st);
		return;
	}
	if (st->executed && st->cols)
		mysql_stmt_free_result(st->st);
	for (unsigned i = 0; i < st->params; i++) {
		free(st->p[i].copy);
		st->p[i].copy = NULL;
	}
	st->executed = st->busy = false;
}

void my_use_done(struct my_use *u)
{
	my_put(u->s, u->st);
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
					       "store %s: a value does not fit", s->name)
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
	int err = come_back(s);

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

void my_blob(struct my_stmt *st, unsigned i, const void *p, size_t n)
{
	bind_bytes(st, i, MYSQL_TYPE_BLOB, p, n);
}

static bool is_plain(struct text t)
{
	for (uint32_t i = 0; i < t.len; i++) {
		unsigned char c = (unsigned char)t.ptr[i];

		if (c < 0x20 || c >= 0x7f || c == '\\')
			return false;
	}
	return t.len < TEXT_COLUMN_MAX;
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

static int bind_escaped(struct my_stmt *st, unsigned i, const char *p, size_t n)
{
	struct buf b = BUF_INIT(4 * EVENT_RECORD_MAX + 16);
	int err;

	esc_text(&b, p, n, TEXT_COLUMN_MAX);
	err = bind_copy(st, i, &b);
	buf_done(&b);
	return err;
}

int my_esc(struct my_stmt *st, unsigned i, struct text t)
{
	if (t.ptr && !is_plain(t))
		return bind_escaped(st, i, t.ptr, t.len);
	bind_bytes(st, i, MYSQL_TYPE_STRING, t.ptr, t.len);
	return 0;
}

int my_argv(struct my_stmt *st, unsigned i, struct text t)
{
	char words[EVENT_RECORD_MAX];
	uint32_t len = t.len;

	if (!t.ptr || len > sizeof(words))
		return my_esc(st, i, (struct text){ 0 });
	while (len && !t.ptr[len - 1])
		len--;
	for (uint32_t k = 0; k < len; k++)
		words[k] = t.ptr[k] ? t.ptr[k] : ' ';
	return bind_escaped(st, i, words, len);
}

int my_addr(struct my_stmt *st, unsigned i, const struct door *d)
{
	struct buf b = BUF_INIT(256);
	int err;

	door_addr_format(&b, d);
	err = bind_copy(st, i, &b);
	buf_done(&b);
	return err;
}

uint64_t my_col_u64(const struct my_stmt *st, unsigned i)
{
	return st->c[i].null ? 0 : st->c[i].u;
}

const char *my_col_str(const struct my_stmt *st, unsigned i)
{
	return st->c[i].null ? NULL : st->c[i].text;
}

struct text my_col_blob(const struct my_stmt *st, unsigned i)
{
	const struct my_col *c = &st->c[i];

	return c->null ? (struct text){ 0 } : (struct text){ c->text, (uint32_t)c->len };
}
