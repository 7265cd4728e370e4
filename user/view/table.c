/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libsmartcols behind our own few words. Its encoder would write our escapes "\xNN" as "\x5cxNN",
 * so it is switched off and every cell goes through esc_text() here: nothing that could move a
 * cursor gets by. On a terminal columns with trunc give way; into a pipe or file nothing is cut.
 */
#include <errno.h>
#include <libsmartcols/libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "view/view.h"

#define CELL_BYTES_MAX 4096

struct table {
	struct libscols_table *tb;
	unsigned n;
	bool ruled; /* its first line is a ruler: as wide as what was printed, itself not printed */
};

static int add_column(struct libscols_table *tb, const struct table_column *c)
{
	int flags = (c->right ? SCOLS_FL_RIGHT : 0) | (c->trunc ? SCOLS_FL_TRUNC : 0);

	return scols_table_new_column(tb, c->name, c->width_hint, flags) ? 0 : -ENOMEM;
}

int table_new(const struct table_column *cols, unsigned n, bool colour, struct table **ret_table)
{
	_cleanup_(table_freep) struct table *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	t->n = n;
	t->tb = scols_new_table();
	if (!t->tb)
		return -ENOMEM;
	err = scols_table_enable_noencoding(t->tb, 1);
	if (!err)
		err = scols_table_enable_colors(t->tb, colour);
	for (unsigned i = 0; i < n && !err; i++)
		err = add_column(t->tb, &cols[i]);
	if (err)
		return err;
	*ret_table = take_ptr(t);
	return 0;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	scols_unref_table(t->tb);
	free(t);
}

int table_row(struct table *t, const char *const *cells, unsigned n_cells, const char *colour)
{
	struct libscols_line *line;
	char sgr[24];
	int err = 0;

	if (n_cells > t->n)
		return -EINVAL;
	line = scols_table_new_line(t->tb, NULL);
	if (!line)
		return -ENOMEM;
	for (unsigned i = 0; i < n_cells && !err; i++) {
		struct buf b = BUF_INIT(CELL_BYTES_MAX * 4);
		char *cell;

		if (cells[i])
			esc_text(&b, cells[i], strlen(cells[i]), CELL_BYTES_MAX);
		cell = buf_take(&b);
		err = cell ? scols_line_refer_data(line, i, cell) : -ENOMEM;
		if (err)
			free(cell);
	}
	if (!err && colour && scols_table_colors_wanted(t->tb)) {
		snprintf(sgr, sizeof(sgr), "\033[%sm", colour);
		err = scols_line_set_color(line, sgr);
	}
	return err;
}

static int put_dots(struct libscols_line *line, unsigned i, size_t width)
{
	char *cell = malloc(width + 1);
	int err;

	if (!cell)
		return -ENOMEM;
	memset(cell, '.', width);
	cell[width] = '\0';
	err = scols_line_refer_data(line, i, cell);
	if (err)
		free(cell);
	return err;
}

/* A line that is as wide as what was printed, before all that will be. */
static int put_ruler(struct table *t)
{
	struct libscols_line *line;
	int err = 0;

	scols_table_remove_lines(t->tb);
	line = scols_table_new_line(t->tb, NULL);
	if (!line)
		return -ENOMEM;
	for (unsigned i = 0; i < t->n && !err; i++)
		err = put_dots(line, i, scols_column_get_width(scols_table_get_column(t->tb, i)));
	t->ruled = !err;
	return err;
}

/* The lines behind the ruler; the library ends none that is the last of a range. */
static int print_more(struct table *t, FILE *out)
{
	size_t n = scols_table_get_nlines(t->tb);
	int err;

	if (n < 2)
		return 0;
	err = scols_table_print_range(t->tb, scols_table_get_line(t->tb, 1),
				      scols_table_get_line(t->tb, n - 1));
	return err || putc('\n', out) != EOF ? err : -EIO;
}

int table_print(struct table *t, FILE *out)
{
	int fd = fileno(out), err;
	bool terminal = fd >= 0 && isatty(fd);

	err = scols_table_set_termforce(t->tb,
					terminal ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
	if (!err)
		err = scols_table_set_stream(t->tb, out);
	if (!err)
		err = t->ruled ? print_more(t, out) : scols_print_table(t->tb);
	return err ? err : put_ruler(t);
}
