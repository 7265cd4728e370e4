/* SPDX-License-Identifier: GPL-2.0 */
#include "base/hostlist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/hostlist_names.h"

/* The set itself. Parsing is in hostlist_parse.c, folding in hostlist_fold.c. */

void hostlist_done(struct hostlist *h)
{
	for (size_t i = 0; i < h->len; i++)
		free(h->names[i]);
	free(h->names);
	*h = (struct hostlist){ 0 };
}

/* Where the run of digits at p ends. */
const char *hostlist_digits_end(const char *p)
{
	while (*p >= '0' && *p <= '9')
		p++;
	return p;
}

/* Zero padding counts: shorter runs come first, then it is the digits. */
int hostlist_digits_compare(const char *a, size_t na, const char *b, size_t nb)
{
	if (na != nb)
		return na < nb ? -1 : 1;
	return memcmp(a, b, na);
}

/*
 * A run of digits stands for one character, '%', in the comparison of the text around the numbers:
 * so names of one pattern are neighbours, in the order that nodeset prints patterns in.
 */
static int compare(const char *a, const char *b, bool with_numbers)
{
	int numbers = 0;

	while (*a && *b) {
		const char *a_end = hostlist_digits_end(a), *b_end = hostlist_digits_end(b);
		unsigned char ca = a_end > a ? '%' : (unsigned char)*a;
		unsigned char cb = b_end > b ? '%' : (unsigned char)*b;

		if (ca != cb)
			return ca < cb ? -1 : 1;
		if ((a_end > a) != (b_end > b))
			return a_end > a ? -1 : 1;
		if (a_end > a && !numbers)
			numbers = hostlist_digits_compare(a, (size_t)(a_end - a), b,
							  (size_t)(b_end - b));
		a = a_end > a ? a_end : a + 1;
		b = b_end > b ? b_end : b + 1;
	}
	if (*a || *b)
		return *a ? 1 : -1;
	return with_numbers ? numbers : 0;
}

int hostlist_compare(const char *a, const char *b)
{
	return compare(a, b, true);
}

bool hostlist_same_pattern(const char *a, const char *b)
{
	return !compare(a, b, false);
}

static int compare_names(const void *a, const void *b)
{
	return hostlist_compare(*(const char *const *)a, *(const char *const *)b);
}

void hostlist_sort(struct hostlist *h)
{
	size_t kept = 0;

	if (h->sorted || !h->len)
		return;
	qsort(h->names, h->len, sizeof(*h->names), compare_names);
	for (size_t i = 0; i < h->len; i++) {
		if (kept && !strcmp(h->names[kept - 1], h->names[i]))
			free(h->names[i]);
		else
			h->names[kept++] = h->names[i];
	}
	h->len = kept;
	h->sorted = true;
}

int hostlist_add(struct hostlist *h, const char *name)
{
	char *copy;

	if (h->len >= HOSTLIST_NODES_MAX) {
		hostlist_sort(h); /* the same name twice is one */
		if (h->len >= HOSTLIST_NODES_MAX)
			return -E2BIG;
	}
	if (h->len == h->cap) {
		size_t cap = h->cap ? 2 * h->cap : 16;
		char **names = reallocarray(h->names, cap, sizeof(*names));

		if (!names)
			return -ENOMEM;
		h->names = names;
		h->cap = cap;
	}
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	h->sorted = !h->len || (h->sorted && hostlist_compare(h->names[h->len - 1], name) < 0);
	h->names[h->len++] = copy;
	return 0;
}

bool hostlist_has(struct hostlist *h, const char *name)
{
	hostlist_sort(h);
	return h->len && bsearch(&name, h->names, h->len, sizeof(*h->names), compare_names) != NULL;
}

int hostlist_unite(struct hostlist *a, const struct hostlist *b)
{
	int err = 0;

	for (size_t i = 0; i < b->len && !err; i++)
		err = hostlist_add(a, b->names[i]);
	hostlist_sort(a);
	return err;
}

static void keep(struct hostlist *a, struct hostlist *b, bool in_both)
{
	size_t kept = 0;

	hostlist_sort(a);
	for (size_t i = 0; i < a->len; i++) {
		if (hostlist_has(b, a->names[i]) == in_both)
			a->names[kept++] = a->names[i];
		else
			free(a->names[i]);
	}
	a->len = kept;
}

void hostlist_subtract(struct hostlist *a, struct hostlist *b)
{
	keep(a, b, false);
}

void hostlist_intersect(struct hostlist *a, struct hostlist *b)
{
	keep(a, b, true);
}

int hostlist_differ(struct hostlist *a, struct hostlist *b)
{
	_cleanup_(hostlist_done) struct hostlist only_b = { 0 };
	int err = hostlist_unite(&only_b, b);

	if (err)
		return err;
	hostlist_subtract(&only_b, a);
	hostlist_subtract(a, b);
	return hostlist_unite(a, &only_b);
}
