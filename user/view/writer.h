/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_VIEW_WRITER_H
#define AJAR_VIEW_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/jsonw.h"

struct table;

/*
 * One description of a record, written as JSON, CSV or a row of a table:
 *
 * 	static const struct writer_field fields[] = {
 * 		COLUMN("id", "ID", .right = true),
 * 		FIELD("author"),
 * 		COLUMN("ends", "UNTIL (UTC)", .none = "for good"),
 * 		{ 0 },
 * 	};
 * 	writer_start(w, NULL);
 * 	writer_u64(w, "id", m->id);
 * 	writer_time(w, "ends", m->ends_ns);
 * 	return writer_end(w);
 *
 * JSON has all that is described, in that order. CSV and table have what the list names, in the
 * order of the list; a field inside an object is "opener.pid" there, and what a list inside a
 * record has under one key is joined with blanks.
 */
struct writer_field {
	const char *key; /* as in JSON; NULL ends the list */
	const char *head; /* of the column; NULL: only CSV has it */
	double width; /* as in struct table_column */
	bool right, trunc;
	bool brief; /* a time without its day when that is today's, without its hour when not */
	bool people; /* CSV does not have it: what writer_cell() says of other fields */
	const char *none; /* what people read for null; NULL: "-" */
};
#define FIELD(k)                                                                                   \
	{                                                                                          \
		.key = (k)                                                                         \
	}
#define COLUMN(k, h, ...)                                                                          \
	{                                                                                          \
		.key = (k), .head = (h), __VA_ARGS__                                               \
	}
#define WRITER_FIELDS_MAX 160
#define WRITER_PATH_MAX 96
#define WRITER_BYTES_MAX (64u << 20) /* of a record: a larger one is -E2BIG */

enum writer_form { WRITER_JSON, WRITER_CSV, WRITER_TABLE };
struct writer_cell;
struct writer {
	enum writer_form form;
	uint64_t records;
	int err; /* the first: of the output, of memory, of a record that is too large */

	struct buf own, *b;
	FILE *out; /* NULL: records stay in b */
	struct jsonw own_json, *json;
	const struct writer_field *fields;
	unsigned fields_len;
	unsigned next; /* where the next field is likely to be */
	uint64_t now_ns;
	struct writer_cell *cells;
	struct table *table;
	const char *sgr;
	bool colour, headed;
	unsigned depth, lists; /* lists: a bit a level */
	unsigned path_len[JSONW_DEPTH_MAX + 1];
	char path[WRITER_PATH_MAX];
};

/*
 * Records go to out; a table when it is closed. The writer must not be moved; writer_done() is for
 * every one that was opened.
 */
must_check int writer_open(struct writer *w, enum writer_form form,
			   const struct writer_field *fields, bool colour, FILE *out);
/*
 * What is left of a table, the heads of a CSV file without a record; flushes. Returns w->err, also
 * that of before.
 */
must_check int writer_close(struct writer *w);
void writer_done(struct writer *w);
/*
 * What there is of a table goes out now, and a list of any length needs no memory: its columns have
 * the width of what they had so far and grow with what comes. Returns w->err.
 */
must_check int writer_page(struct writer *w);
/* The heads of a CSV file now, not with its first record. */
void writer_heads(struct writer *w);
/* From now on rows are appended to b and reach no file. Not for tables. */
void writer_to(struct writer *w, struct buf *b);
/* JSON alone, into what the caller has begun and will end: nothing to open or to close. */
void writer_json(struct writer *w, struct jsonw *json);

/* The column is not in this table (CSV has it). Before the first record. */
void writer_hide(struct writer *w, const char *key);
/* From now on it is in it after all: a table begins anew, with its heads. Behind writer_page(). */
void writer_show(struct writer *w, const char *key);
/* Does the form have the field or the object? What is dear need not be looked up for others. */
bool writer_wants(const struct writer *w, const char *key);

/*
 * A record (key NULL, outermost), an object or an element of a list begins; a list; the last that
 * was begun ends.
 */
void writer_start(struct writer *w, const char *key);
void writer_list(struct writer *w, const char *key);
int writer_end(struct writer *w); /* w->err */

/* As of jsonw. A key is NULL in lists. */
void writer_null(struct writer *w, const char *key);
void writer_bool(struct writer *w, const char *key, bool v);
void writer_u64(struct writer *w, const char *key, uint64_t v);
void writer_i64(struct writer *w, const char *key, int64_t v);
void writer_str(struct writer *w, const char *key, const char *s);
void writer_text(struct writer *w, const char *key, struct text t);
void writer_time(struct writer *w, const char *key, uint64_t wall_ns);
/* 0 is null. */
void writer_u64_or_null(struct writer *w, const char *key, uint64_t v);
/* "" is null. */
void writer_str_or_null(struct writer *w, const char *key, const char *s);

/* Does a person read it? Then writer_cell() says what, instead of the field's own value. */
bool writer_for_people(const struct writer *w);
void writer_cell(struct writer *w, const char *key, const char *fmt, ...) printf_like(3, 4);
/* An SGR for the row, or NULL. */
void writer_colour(struct writer *w, const char *sgr);

#endif
