/* SPDX-License-Identifier: GPL-2.0 */
#include "view/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "view/csv.h"
#include "view/view.h"

/* The value of a field in this record, as the form shows it. */
struct writer_cell {
	struct buf text;
	bool given; /* not null */
	bool fixed; /* by writer_cell(): the value does not matter */
	bool hidden; /* writer_hide() */
};

static void fail(struct writer *w, int err)
{
	if (!w->err)
		w->err = err;
}

/* --- opening, closing ---------------------------------------------------------------------------------- */

int writer_open(struct writer *w, enum writer_form form, const struct writer_field *fields,
		bool colour, FILE *out)
{
	*w = (struct writer){
		.form = form,
		.own = BUF_INIT(WRITER_BYTES_MAX),
		.out = out,
		.fields = fields,
		.colour = colour,
		.now_ns = clock_wall_ns(),
	};
	w->b = &w->own;
	w->json = &w->own_json;
	jsonw_init(w->json, w->b);
	while (fields[w->fields_len].key)
		w->fields_len++;
	if (w->fields_len > WRITER_FIELDS_MAX)
		return -E2BIG;
	if (form == WRITER_JSON)
		return 0;
	w->cells = calloc(w->fields_len + 1, sizeof(*w->cells));
	if (!w->cells)
		return -ENOMEM;
	for (unsigned i = 0; i < w->fields_len; i++)
		w->cells[i].text = (struct buf)BUF_INIT(WRITER_BYTES_MAX);
	return 0;
}

void writer_done(struct writer *w)
{
	for (unsigned i = 0; w->cells && i < w->fields_len; i++)
		buf_done(&w->cells[i].text);
	free(w->cells);
	table_free(w->table);
	buf_done(&w->own);
	*w = (struct writer){ 0 };
}

void writer_to(struct writer *w, struct buf *b)
{
	w->b = b;
	w->out = NULL;
	jsonw_init(w->json, b);
}

void writer_json(struct writer *w, struct jsonw *json)
{
	*w = (struct writer){ .form = WRITER_JSON, .b = json->b, .json = json };
}

void writer_hide(struct writer *w, const char *key)
{
	for (unsigned i = 0; w->cells && i < w->fields_len; i++) {
		if (!strcmp(w->fields[i].key, key))
			w->cells[i].hidden = true;
	}
}

void writer_show(struct writer *w, const char *key)
{
	for (unsigned i = 0; w->cells && i < w->fields_len; i++) {
		if (strcmp(w->fields[i].key, key) || !w->cells[i].hidden)
			continue;
		w->cells[i].hidden = false;
		table_free(w->table);
		w->table = NULL;
	}
}

/* What b has goes to the file, where there is one. */
static void put_out(struct writer *w)
{
	struct buf *b = w->b;

	if (b->err)
		fail(w, b->err);
	if (!w->out)
		return;
	errno = 0;
	if (!w->err && b->len && fwrite(b->data, 1, b->len, w->out) != b->len)
		fail(w, errno ? -errno : -EIO);
	buf_reset(b);
}

static bool is_column(const struct writer *w, unsigned i)
{
	const struct writer_field *f = &w->fields[i];

	if (w->form == WRITER_CSV)
		return !f->people;
	return f->head && !w->cells[i].hidden;
}

void writer_heads(struct writer *w)
{
	const char *comma = "";

	if (w->form != WRITER_CSV || w->headed)
		return;
	w->headed = true;
	for (unsigned i = 0; i < w->fields_len; i++) {
		if (!is_column(w, i))
			continue;
		buf_puts(w->b, comma);
		buf_puts(w->b, w->fields[i].key);
		comma = ",";
	}
	buf_putc(w->b, '\n');
}

int writer_page(struct writer *w)
{
	if (!w->err && w->table)
		w->err = table_print(w->table, w->out);
	errno = 0;
	if (!w->err && w->out && (fflush(w->out) || ferror(w->out)))
		w->err = errno ? -errno : -EIO;
	return w->err;
}

int writer_close(struct writer *w)
{
	if (!w->err && w->form == WRITER_CSV && !w->headed) {
		writer_heads(w);
		put_out(w);
	}
	return writer_page(w);
}

/* --- the record as a whole ------------------------------------------------------------------------------ */

static void csv_row(struct writer *w)
{
	const char *comma = "";

	writer_heads(w);
	for (unsigned i = 0; i < w->fields_len; i++) {
		struct writer_cell *c = &w->cells[i];

		if (!is_column(w, i))
			continue;
		buf_puts(w->b, comma);
		csv_field(w->b, c->given ? buf_str(&c->text) : NULL, c->text.len);
		comma = ",";
	}
	buf_putc(w->b, '\n');
	put_out(w);
}

static const char *cell_text(const struct writer *w, unsigned i)
{
	const struct writer_cell *c = &w->cells[i];

	if (c->given)
		return buf_str(&c->text);
	return w->fields[i].none ? w->fields[i].none : "-";
}

static int make_table(struct writer *w)
{
	struct table_column columns[WRITER_FIELDS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < w->fields_len; i++) {
		const struct writer_field *f = &w->fields[i];

		if (is_column(w, i))
			columns[n++] =
				(struct table_column){ f->head, f->width, f->right, f->trunc };
	}
	return table_new(columns, n, w->colour, &w->table);
}

static void table_record(struct writer *w)
{
	const char *cells[WRITER_FIELDS_MAX];
	unsigned n = 0;

	if (!w->table)
		fail(w, make_table(w));
	for (unsigned i = 0; i < w->fields_len; i++) {
		if (is_column(w, i))
			cells[n++] = cell_text(w, i);
	}
	if (!w->err)
		fail(w, table_row(w->table, cells, n, w->sgr));
}

static void begin_record(struct writer *w)
{
	w->sgr = NULL;
	for (unsigned i = 0; w->cells && i < w->fields_len; i++) {
		buf_reset(&w->cells[i].text);
		w->cells[i].given = w->cells[i].fixed = false;
	}
}

static void end_record(struct writer *w)
{
	w->records++;
	for (unsigned i = 0; w->cells && i < w->fields_len; i++)
		fail(w, w->cells[i].text.err);
	if (w->form == WRITER_CSV)
		csv_row(w);
	else if (w->form == WRITER_TABLE)
		table_record(w);
	else if (w->fields)
		buf_putc(w->b, '\n');
	if (w->form == WRITER_JSON && w->fields) {
		put_out(w);
		jsonw_init(w->json, w->b);
	}
}

/* --- its parts ------------------------------------------------------------------------------------------- */

static void go_in(struct writer *w, const char *key, bool list)
{
	unsigned n = w->path_len[w->depth];
	int added = 0;

	if (key)
		added = snprintf(w->path + n, sizeof(w->path) - n, "%s%s", n ? "." : "", key);
	if (n + (unsigned)added >= sizeof(w->path))
		added = (int)(sizeof(w->path) - n - 1);
	if (w->depth == JSONW_DEPTH_MAX) {
		fail(w, -EINVAL);
		return;
	}
	w->depth++;
	w->path_len[w->depth] = n + (unsigned)added;
	w->lists = (w->lists & ~(1u << w->depth)) | (unsigned)list << w->depth;
}

void writer_start(struct writer *w, const char *key)
{
	if (!w->depth)
		begin_record(w);
	go_in(w, key, false);
	if (w->form == WRITER_JSON)
		jsonw_obj(w->json, key);
}

void writer_list(struct writer *w, const char *key)
{
	go_in(w, key, true);
	if (w->form == WRITER_JSON)
		jsonw_arr(w->json, key);
}

int writer_end(struct writer *w)
{
	bool list = w->lists >> w->depth & 1;

	if (!w->depth) {
		fail(w, -EINVAL);
		return w->err;
	}
	if (w->form == WRITER_JSON && list)
		jsonw_end_arr(w->json);
	else if (w->form == WRITER_JSON)
		jsonw_end_obj(w->json);
	w->depth--;
	w->path[w->path_len[w->depth]] = '\0';
	if (!w->depth)
		end_record(w);
	return w->err;
}

static bool is_at(const struct writer *w, const char *key, const char *field)
{
	unsigned n = w->path_len[w->depth];

	if (!n)
		return key && !strcmp(field, key);
	if (strncmp(field, w->path, n) != 0)
		return false;
	return key ? field[n] == '.' && !strcmp(field + n + 1, key) : !field[n];
}

/* Lists mostly go the way of the description: the search begins behind the last that was found. */
static int field_of(struct writer *w, const char *key)
{
	for (unsigned n = 0; n < w->fields_len; n++) {
		unsigned i = (w->next + n) % w->fields_len;

		if (!is_at(w, key, w->fields[i].key))
			continue;
		w->next = i + 1;
		return is_column(w, i) ? (int)i : -1;
	}
	return -1;
}

bool writer_wants(const struct writer *w, const char *key)
{
	size_t n = strlen(key);

	if (w->form == WRITER_JSON)
		return true;
	for (unsigned i = 0; i < w->fields_len; i++) {
		const char *field = w->fields[i].key;

		if (is_column(w, i) && !strncmp(field, key, n) && (!field[n] || field[n] == '.'))
			return true;
	}
	return false;
}

/*
 * Where the value of key goes: NULL when the form does not have it. Of a list, behind those that
 * are there.
 */
static struct buf *value_of(struct writer *w, const char *key)
{
	int i = field_of(w, key);
	struct writer_cell *c = i < 0 ? NULL : &w->cells[i];

	if (!c || c->fixed)
		return NULL;
	if (c->given)
		buf_putc(&c->text, ' ');
	else
		buf_puts(&c->text, "");
	c->given = true;
	return &c->text;
}

void writer_null(struct writer *w, const char *key)
{
	if (w->form == WRITER_JSON)
		jsonw_null(w->json, key);
}

void writer_bool(struct writer *w, const char *key, bool v)
{
	struct buf *b;

	if (w->form == WRITER_JSON) {
		jsonw_bool(w->json, key, v);
		return;
	}
	b = value_of(w, key);
	if (b)
		buf_puts(b, v ? "true" : "false");
}

void writer_u64(struct writer *w, const char *key, uint64_t v)
{
	struct buf *b;

	if (w->form == WRITER_JSON) {
		jsonw_u64(w->json, key, v);
		return;
	}
	b = value_of(w, key);
	if (b)
		buf_printf(b, "%" PRIu64, v);
}

void writer_i64(struct writer *w, const char *key, int64_t v)
{
	struct buf *b;

	if (w->form == WRITER_JSON) {
		jsonw_i64(w->json, key, v);
		return;
	}
	b = value_of(w, key);
	if (b)
		buf_printf(b, "%" PRId64, v);
}

void writer_text(struct writer *w, const char *key, struct text t)
{
	struct buf *b;

	if (w->form == WRITER_JSON) {
		jsonw_text(w->json, key, t);
		return;
	}
	b = t.ptr ? value_of(w, key) : NULL;
	if (!b)
		return;
	if (w->form == WRITER_CSV && !b->len)
		csv_harmless(b, t.ptr, t.len);
	else
		esc_text(b, t.ptr, t.len, 0);
}

void writer_str(struct writer *w, const char *key, const char *s)
{
	writer_text(w, key, text_of(s));
}

void writer_time(struct writer *w, const char *key, uint64_t wall_ns)
{
	int i;
	struct buf *b;

	if (w->form == WRITER_JSON) {
		jsonw_time(w->json, key, wall_ns);
		return;
	}
	i = field_of(w, key);
	b = i >= 0 && wall_ns ? value_of(w, key) : NULL;
	if (!b)
		return;
	if (w->form == WRITER_CSV)
		clock_format(b, wall_ns);
	else if (w->fields[i].brief)
		view_time_short(b, wall_ns, w->now_ns);
	else
		view_time(b, wall_ns, false);
}

void writer_u64_or_null(struct writer *w, const char *key, uint64_t v)
{
	if (v)
		writer_u64(w, key, v);
	else
		writer_null(w, key);
}

void writer_str_or_null(struct writer *w, const char *key, const char *s)
{
	writer_str(w, key, *s ? s : NULL);
}

/* --- for people ------------------------------------------------------------------------------------------- */

bool writer_for_people(const struct writer *w)
{
	return w->form == WRITER_TABLE;
}

void writer_cell(struct writer *w, const char *key, const char *fmt, ...)
{
	int i = writer_for_people(w) ? field_of(w, key) : -1;
	struct writer_cell *c = i < 0 ? NULL : &w->cells[i];
	_free_ char *text = NULL;
	va_list ap;
	int n;

	if (!c)
		return;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		fail(w, -ENOMEM);
		return;
	}
	buf_reset(&c->text);
	buf_puts(&c->text, text);
	c->given = c->fixed = true;
}

void writer_colour(struct writer *w, const char *sgr)
{
	w->sgr = sgr;
}
