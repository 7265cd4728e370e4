/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sql.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

void sql_done(struct sql *q)
{
	if (q->st)
		q->s->ops->sql->put(q->s, take_ptr(q->st));
}

static int get(struct sql *q, const char *text, const char *types, va_list *ap)
{
	const struct store_sql *ops = q->s->ops->sql;
	int err;

	sql_done(q);
	err = ops->get(q->s, text, &q->st);
	if (err)
		return err;
	for (unsigned i = 1; *types; types++, i++) {
		if (*types == 'u') {
			ops->u64(q->st, i, va_arg(*ap, uint64_t));
		} else if (*types == 's') {
			ops->str(q->st, i, va_arg(*ap, const char *));
		} else {
			const void *p = va_arg(*ap, const void *);

			ops->blob(q->st, i, p, va_arg(*ap, size_t));
		}
	}
	return 0;
}

int sql_get(struct sql *q, const char *text, const char *types, ...)
{
	va_list ap;
	int err;

	va_start(ap, types);
	err = get(q, text, types, &ap);
	va_end(ap);
	return err;
}

int sql_run(struct store *s, uint64_t *ret_changed, const char *text, const char *types, ...)
{
	_sql_ struct sql q = { .s = s };
	va_list ap;
	int err;

	va_start(ap, types);
	err = get(&q, text, types, &ap);
	va_end(ap);
	return err ? err : s->ops->sql->run(s, q.st, ret_changed);
}

int sql_exec(struct sql *q, const char *text, const char *types, ...)
{
	va_list ap;
	int err;

	va_start(ap, types);
	err = get(q, text, types, &ap);
	va_end(ap);
	return err ? err : q->s->ops->sql->run(q->s, q->st, NULL);
}

int sql_step(struct sql *q)
{
	return q->s->ops->sql->step(q->s, q->st);
}

uint64_t sql_u64(const struct sql *q, unsigned i)
{
	return q->s->ops->sql->col_u64(q->st, i);
}

const char *sql_str(const struct sql *q, unsigned i)
{
	return q->s->ops->sql->col_str(q->st, i);
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
	return q->s->ops->sql->last_id(q->s, q->st);
}

int sql_now(struct store *s, uint64_t *ret_ns)
{
	return s->ops->clock(s, ret_ns);
}

int sql_node_id(struct store *s, const char *node, uint64_t *ret_id)
{
	return s->ops->sql->node_id(s, node, ret_id);
}
