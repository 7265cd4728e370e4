/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Folding. Names with the same text around their numbers form a family. With one number that is a
 * list of ranges; with several the family is a set of points in as many dimensions, covered by
 * boxes: every point is one, and boxes that differ along one axis only become one, axis by axis,
 * until nothing changes. Which axis comes first decides what comes out, so each is tried first and
 * the fewest boxes win. That costs n log n for each axis, where comparing all boxes with each other
 * (as nodeset does) would take minutes for some thousand scattered names.
 *
 * What is printed is what Slurm takes: behind the first bracket every number is in brackets,
 * "rack[1-2]-node[3]"; a range has at most 65536 numbers; and names with letters behind their last
 * number ("node1.site") stand one by one, for Slurm has no brackets for them. Only a list of those
 * that is too long for its reader is folded as ClusterShell does.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hostlist.h"
#include "base/hostlist_names.h"

#define SLURM_RANGE_MAX 65536
#define DIGITS_MAX                                                                                 \
	18 /* as many as hostlist_parse() takes in brackets; names with longer numbers are not folded */
#define LIST_MAX (64 << 10) /* bytes of a list of names that Slurm cannot fold */

/* A number of a name, borrowed from it. */
struct number {
	const char *ptr;
	uint32_t len;
};

/*
 * Numbers along one axis, as ranks in that axis' order; what boxes point at is kept until the end.
 */
struct set {
	const uint32_t *rank;
	uint32_t len;
};
struct box {
	struct set axis[HOSTLIST_DIMS_MAX];
};

struct family {
	unsigned dims;
	size_t len; /* names */
	char *const *names;
	struct number *axis[HOSTLIST_DIMS_MAX]; /* each axis' numbers in order, by rank */
	uint32_t axis_len[HOSTLIST_DIMS_MAX];
	struct box *boxes, *best;
	size_t boxes_len, best_len;
	uint32_t **kept; /* arrays that merged boxes point into */
	size_t kept_len, kept_cap;
};

static void family_done(struct family *f)
{
	for (unsigned d = 0; d < HOSTLIST_DIMS_MAX; d++)
		free(f->axis[d]);
	for (size_t i = 0; i < f->kept_len; i++)
		free(f->kept[i]);
	free(f->kept);
	free(f->boxes);
	free(f->best);
}

static unsigned find_numbers(const char *name, struct number *numbers)
{
	unsigned n = 0;

	for (const char *p = name; *p;) {
		const char *end = hostlist_digits_end(p);

		if (end == p) {
			p++;
			continue;
		}
		if (n < HOSTLIST_DIMS_MAX)
			numbers[n] = (struct number){ p, (uint32_t)(end - p) };
		n++;
		p = end;
	}
	return n;
}

/* --- ranges along one axis -------------------------------------------------------------------- */

static bool is_padded(const struct number *n)
{
	return n->len > 1 && n->ptr[0] == '0';
}

/* Whether b is a + 1, written as a range goes on: padded ones keep their width. Of any length. */
static bool follows(const struct number *a, const struct number *b, bool padded)
{
	uint32_t i = a->len;

	while (i && a->ptr[i - 1] == '9')
		i--; /* these become 0 */
	if (!i) { /* 99 -> 100 */
		if (padded || b->len != a->len + 1 || b->ptr[0] != '1')
			return false;
		for (uint32_t k = 1; k < b->len; k++)
			if (b->ptr[k] != '0')
				return false;
		return true;
	}
	if (b->len != a->len || memcmp(a->ptr, b->ptr, i - 1) != 0 ||
	    b->ptr[i - 1] != a->ptr[i - 1] + 1)
		return false;
	for (; i < b->len; i++)
		if (b->ptr[i] != '0')
			return false;
	return true;
}

static void put_number(struct buf *b, const struct number *n)
{
	buf_put(b, n->ptr, n->len);
}

static void put_axis(struct buf *b, const struct number *numbers, const struct set *s, bool bracket)
{
	if (bracket)
		buf_putc(b, '[');
	for (uint32_t i = 0, end; i < s->len; i = end) {
		bool padded = is_padded(&numbers[s->rank[i]]);

		for (end = i + 1; end < s->len && end - i < SLURM_RANGE_MAX; end++)
			if (!follows(&numbers[s->rank[end - 1]], &numbers[s->rank[end]], padded))
				break;
		if (i)
			buf_putc(b, ',');
		put_number(b, &numbers[s->rank[i]]);
		if (end - i > 1) {
			buf_putc(b, '-');
			put_number(b, &numbers[s->rank[end - 1]]);
		}
	}
	if (bracket)
		buf_putc(b, ']');
}

static void put_box(struct buf *b, const struct family *f, const struct box *box)
{
	bool bracket = false;
	unsigned d = 0;

	for (const char *p = f->names[0]; *p;) {
		const char *end = hostlist_digits_end(p);

		if (end == p) {
			buf_putc(b, *p++);
			continue;
		}
		bracket |= box->axis[d].len > 1;
		put_axis(b, f->axis[d], &box->axis[d], bracket);
		d++;
		p = end;
	}
}

/* --- points ----------------------------------------------------------------------------------- */

static int compare_numbers(const void *x, const void *y)
{
	const struct number *a = x, *b = y;

	return hostlist_digits_compare(a->ptr, a->len, b->ptr, b->len);
}

static uint32_t *keep_array(struct family *f, size_t n)
{
	uint32_t *array;

	if (f->kept_len == f->kept_cap) {
		size_t cap = f->kept_cap ? 2 * f->kept_cap : 64;
		uint32_t **kept = reallocarray(f->kept, cap, sizeof(*kept));

		if (!kept)
			return NULL;
		f->kept = kept;
		f->kept_cap = cap;
	}
	array = calloc(n ? n : 1, sizeof(*array));
	if (array)
		f->kept[f->kept_len++] = array;
	return array;
}

/* The distinct numbers of axis d in order, and for each name which one it has. */
static int rank_axis(struct family *f, unsigned d, const struct number *numbers)
{
	struct number *sorted = calloc(f->len, sizeof(*sorted));
	uint32_t *ranks = keep_array(f, f->len), n = 0;

	f->axis[d] = sorted;
	if (!sorted || !ranks)
		return -ENOMEM;
	for (size_t i = 0; i < f->len; i++)
		sorted[i] = numbers[i * f->dims + d];
	qsort(sorted, f->len, sizeof(*sorted), compare_numbers);
	for (size_t i = 0; i < f->len; i++)
		if (!n || compare_numbers(&sorted[n - 1], &sorted[i]))
			sorted[n++] = sorted[i];
	f->axis_len[d] = n;
	for (size_t i = 0; i < f->len; i++) {
		const struct number *at = bsearch(&numbers[i * f->dims + d], sorted, n,
						  sizeof(*sorted), compare_numbers);

		ranks[i] = (uint32_t)(at - sorted);
		f->boxes[i].axis[d] = (struct set){ &ranks[i], 1 };
	}
	return 0;
}

static int make_points(struct family *f)
{
	_free_ struct number *numbers = calloc(f->len * f->dims, sizeof(*numbers));
	int err = 0;

	f->boxes = calloc(f->len, sizeof(*f->boxes));
	f->boxes_len = f->len;
	if (!numbers || !f->boxes)
		return -ENOMEM;
	for (size_t i = 0; i < f->len; i++)
		find_numbers(f->names[i], &numbers[i * f->dims]);
	for (unsigned d = 0; d < f->dims && !err; d++)
		err = rank_axis(f, d, numbers);
	return err;
}

/* --- boxes ------------------------------------------------------------------------------------ */

static int compare_sets(const struct set *a, const struct set *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	for (uint32_t i = 0; i < a->len; i++)
		if (a->rank[i] != b->rank[i])
			return a->rank[i] < b->rank[i] ? -1 : 1;
	return 0;
}

struct along {
	unsigned axis, dims;
};

static int compare_others(const struct box *a, const struct box *b, const struct along *al)
{
	int diff = 0;

	for (unsigned d = 0; d < al->dims && !diff; d++)
		if (d != al->axis)
			diff = compare_sets(&a->axis[d], &b->axis[d]);
	return diff;
}

static int compare_along(const void *x, const void *y, void *arg)
{
	const struct box *a = x, *b = y;
	const struct along *al = arg;
	int diff = compare_others(a, b, al);

	return diff ? diff : compare_sets(&a->axis[al->axis], &b->axis[al->axis]);
}

static int compare_ranks(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return a < b ? -1 : a > b;
}

/*
 * boxes[from..to) differ along the axis only, and there they share nothing: no point is in two
 * boxes.
 */
static int merge(struct family *f, size_t from, size_t to, unsigned axis, struct box *ret)
{
	struct box box = f->boxes[from];
	uint32_t n = 0, *ranks;

	for (size_t i = from; i < to; i++)
		n += f->boxes[i].axis[axis].len;
	if (to - from > 1) {
		ranks = keep_array(f, n);
		if (!ranks)
			return -ENOMEM;
		n = 0;
		for (size_t i = from; i < to; i++) {
			const struct set *s = &f->boxes[i].axis[axis];

			memcpy(ranks + n, s->rank, s->len * sizeof(*ranks));
			n += s->len;
		}
		qsort(ranks, n, sizeof(*ranks), compare_ranks);
		box.axis[axis] = (struct set){ ranks, n };
	}
	*ret = box;
	return 0;
}

static int merge_along(struct family *f, unsigned axis)
{
	struct along al = { .axis = axis, .dims = f->dims };
	size_t made = 0;

	qsort_r(f->boxes, f->boxes_len, sizeof(*f->boxes), compare_along, &al);
	for (size_t from = 0, to; from < f->boxes_len; from = to) {
		int err;

		for (to = from + 1; to < f->boxes_len; to++)
			if (compare_others(&f->boxes[from], &f->boxes[to], &al))
				break;
		err = merge(f, from, to, axis, &f->boxes[made]);
		if (err)
			return err;
		made++;
	}
	f->boxes_len = made;
	return 0;
}

/* From the points again, beginning with one axis; kept when there are fewer boxes than so far. */
static int try_axis(struct family *f, unsigned first, const struct box *points)
{
	size_t before;
	int err = 0;

	memcpy(f->boxes, points, f->len * sizeof(*points));
	f->boxes_len = f->len;
	do {
		before = f->boxes_len;
		for (unsigned i = 0; i < f->dims && !err; i++)
			err = merge_along(f, (first + i) % f->dims);
	} while (!err && f->boxes_len < before);
	if (!err && (!f->best_len || f->boxes_len < f->best_len)) {
		memcpy(f->best, f->boxes, f->boxes_len * sizeof(*f->boxes));
		f->best_len = f->boxes_len;
	}
	return err;
}

/* The biggest box first, as nodeset prints them; equal ones by what they begin with. */
static int compare_size(const void *x, const void *y, void *arg)
{
	const struct box *a = x, *b = y;
	unsigned dims = *(const unsigned *)arg;
	uint64_t na = 1, nb = 1;

	for (unsigned d = 0; d < dims; d++) {
		na *= a->axis[d].len; /* at most HOSTLIST_NODES_MAX points in a box */
		nb *= b->axis[d].len;
	}
	if (na != nb)
		return na > nb ? -1 : 1;
	for (unsigned d = 0; d < dims; d++) {
		const struct set *sa = &a->axis[d], *sb = &b->axis[d];

		if (sa->len != sb->len)
			return sa->len > sb->len ? -1 : 1;
		if (sa->rank[0] != sb->rank[0])
			return sa->rank[0] < sb->rank[0] ? -1 : 1;
		if (sa->rank[sa->len - 1] != sb->rank[sb->len - 1])
			return sa->rank[sa->len - 1] < sb->rank[sb->len - 1] ? -1 : 1;
	}
	return 0;
}

static int cover(struct family *f)
{
	_free_ struct box *points = NULL;
	int err = make_points(f);

	if (err)
		return err;
	points = malloc(f->len * sizeof(*points));
	f->best = malloc(f->len * sizeof(*points));
	if (!points || !f->best)
		return -ENOMEM;
	memcpy(points, f->boxes, f->len * sizeof(*points));
	/* The last axis first: "rack1-node[1-4]" reads better than "rack[1-4]-node1". */
	for (unsigned first = f->dims; first-- > 0 && !err;)
		err = try_axis(f, first, points);
	if (!err)
		qsort_r(f->best, f->best_len, sizeof(*f->best), compare_size, &f->dims);
	return err;
}

static void list_family(char *const *names, size_t n, struct buf *b)
{
	for (size_t i = 0; i < n; i++) {
		buf_puts(b, i ? "," : "");
		buf_puts(b, names[i]);
	}
}

/*
 * Whether neither we nor others can read the names folded, or, with up to list_max bytes of names,
 * Slurm cannot.
 */
static bool stands_alone(char *const *names, size_t n, size_t list_max)
{
	size_t bytes = 0, name_len = strlen(names[0]);

	for (size_t i = 0; i < n; i++) {
		for (const char *p = names[i], *end; *p; p = end + (end == p)) {
			end = hostlist_digits_end(p);
			if (end - p > DIGITS_MAX)
				return true;
		}
		bytes += strlen(names[i]) + 1;
	}
	if (names[0][name_len - 1] >= '0' && names[0][name_len - 1] <= '9')
		return false;
	return bytes <= list_max;
}

static int fold_family(char *const *names, size_t n, size_t list_max, struct buf *b)
{
	_cleanup_(family_done) struct family f = { .names = names, .len = n };
	struct number numbers[HOSTLIST_DIMS_MAX];
	int err;

	f.dims = find_numbers(names[0], numbers);
	if (n == 1 || !f.dims || f.dims > HOSTLIST_DIMS_MAX || stands_alone(names, n, list_max)) {
		list_family(names, n, b);
		return 0;
	}
	err = cover(&f);
	for (size_t i = 0; i < f.best_len && !err; i++) {
		buf_puts(b, i ? "," : "");
		put_box(b, &f, &f.best[i]);
	}
	return err;
}

static void fold(struct hostlist *h, size_t list_max, struct buf *b)
{
	hostlist_sort(h);
	for (size_t from = 0, to; from < h->len && !b->err; from = to) {
		int err;

		for (to = from + 1; to < h->len; to++)
			if (!hostlist_same_pattern(h->names[from], h->names[to]))
				break;
		if (from)
			buf_putc(b, ',');
		err = fold_family(h->names + from, to - from, list_max, b);
		if (err && !b->err)
			b->err = err;
	}
}

void hostlist_fold(struct hostlist *h, struct buf *b)
{
	fold(h, LIST_MAX, b);
}

void hostlist_fold_short(struct hostlist *h, struct buf *b, size_t max)
{
	_cleanup_(buf_done) struct buf whole =
		BUF_INIT(HOSTLIST_NODES_MAX * (HOSTLIST_NAME_MAX + 1));
	size_t len;

	fold(h, max, &whole);
	if (!whole.err && whole.len > max) {
		buf_reset(&whole);
		fold(h, 0, &whole);
	}
	if (whole.err && !b->err)
		b->err = whole.err;
	if (whole.err || whole.len <= max) {
		buf_puts(b, whole.err ? "" : buf_str(&whole));
		return;
	}
	/* Cut behind a whole name: at a comma outside brackets. */
	len = max - 32;
	for (size_t i = 0, depth = 0, cut = 0;; i++) {
		if (i == len) {
			len = cut;
			break;
		}
		depth += whole.data[i] == '[';
		depth -= depth && whole.data[i] == ']';
		if (whole.data[i] == ',' && !depth)
			cut = i;
	}
	buf_put(b, whole.data, len);
	buf_printf(b, "%s... (%zu nodes)", len ? "," : "", h->len);
}
