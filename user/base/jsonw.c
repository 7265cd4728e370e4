/* SPDX-License-Identifier: GPL-2.0 */
#include "base/jsonw.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"

#define JSON_INT_MAX (UINT64_C(1) << 53)

void jsonw_init(struct jsonw *w, struct buf *b)
{
	*w = (struct jsonw){ .b = b };
}

/* A JSON string of bytes that are text already made safe, or safe by nature (keys). */
static void put_inside(struct buf *b, const char *p, size_t n)
{
	for (size_t i = 0, from = 0; i <= n; i++) {
		if (i < n && p[i] != '"' && p[i] != '\\')
			continue;
		buf_put(b, p + from, i - from);
		if (i < n)
			buf_putc(b, '\\');
		from = i;
	}
}

static void put_string(struct buf *b, const char *p, size_t n)
{
	buf_putc(b, '"');
	put_inside(b, p, n);
	buf_putc(b, '"');
}

static void lead_in(struct jsonw *w, const char *key)
{
	if (w->more[w->depth])
		buf_putc(w->b, ',');
	w->more[w->depth] = true;
	if (!key)
		return;
	put_string(w->b, key, strlen(key));
	buf_putc(w->b, ':');
}

static void open_level(struct jsonw *w, const char *key, char c)
{
	lead_in(w, key);
	if (w->depth == JSONW_DEPTH_MAX) {
		w->b->err = w->b->err ? w->b->err : -EINVAL;
		return;
	}
	w->more[++w->depth] = false;
	buf_putc(w->b, c);
}

static void close_level(struct jsonw *w, char c)
{
	if (!w->depth) {
		w->b->err = w->b->err ? w->b->err : -EINVAL;
		return;
	}
	w->depth--;
	buf_putc(w->b, c);
}

void jsonw_obj(struct jsonw *w, const char *key)
{
	open_level(w, key, '{');
}

void jsonw_arr(struct jsonw *w, const char *key)
{
	open_level(w, key, '[');
}

void jsonw_end_obj(struct jsonw *w)
{
	close_level(w, '}');
}

void jsonw_end_arr(struct jsonw *w)
{
	close_level(w, ']');
}

void jsonw_null(struct jsonw *w, const char *key)
{
	lead_in(w, key);
	buf_puts(w->b, "null");
}

void jsonw_bool(struct jsonw *w, const char *key, bool v)
{
	lead_in(w, key);
	buf_puts(w->b, v ? "true" : "false");
}

void jsonw_u64(struct jsonw *w, const char *key, uint64_t v)
{
	lead_in(w, key);
	buf_printf(w->b, v > JSON_INT_MAX ? "\"%" PRIu64 "\"" : "%" PRIu64, v);
}

void jsonw_i64(struct jsonw *w, const char *key, int64_t v)
{
	bool big = v > (int64_t)JSON_INT_MAX || v < -(int64_t)JSON_INT_MAX;

	lead_in(w, key);
	buf_printf(w->b, big ? "\"%" PRId64 "\"" : "%" PRId64, v);
}

void jsonw_str(struct jsonw *w, const char *key, const char *s)
{
	jsonw_text(w, key, text_of(s));
}

void jsonw_text(struct jsonw *w, const char *key, struct text t)
{
	struct buf esc = BUF_INIT(w->b->max);

	if (!t.ptr) {
		jsonw_null(w, key);
		return;
	}
	lead_in(w, key);
	esc_text(&esc, t.ptr, t.len, 0);
	put_string(w->b, buf_str(&esc), esc.len);
	if (esc.err && !w->b->err)
		w->b->err = esc.err;
	buf_done(&esc);
}

void jsonw_time(struct jsonw *w, const char *key, uint64_t wall_ns)
{
	if (!wall_ns) {
		jsonw_null(w, key);
		return;
	}
	lead_in(w, key);
	buf_putc(w->b, '"');
	clock_format(w->b, wall_ns);
	buf_putc(w->b, '"');
}

void jsonw_lines(struct jsonw *w, const char *key, const char *s)
{
	lead_in(w, key);
	buf_putc(w->b, '"');
	for (size_t n; *s; s += n) {
		_cleanup_(buf_done) struct buf line = BUF_INIT(1 << 20);

		n = strcspn(s, "\n");
		esc_text(&line, s, n, 0);
		put_inside(w->b, buf_str(&line), line.len);
		if (line.err && !w->b->err)
			w->b->err = line.err;
		if (s[n] == '\n') {
			buf_puts(w->b, "\\n");
			n++;
		}
	}
	buf_putc(w->b, '"');
}
