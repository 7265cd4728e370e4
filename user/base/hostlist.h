/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_HOSTLIST_H
#define AJAR_BASE_HOSTLIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct buf;

/*
 * Sets of node names, written and read folded as HPC tools do it: "node[001-480,500]",
 * "rack[1-4]-node[1-32]", "n[0-10/2]". "," and blanks unite, "!" takes away, "&" keeps what both
 * have, "^" what one of them has; from left to right, as ClusterShell has it. Zero padding is part
 * of a name: node1 and node01 are two nodes, and [08-120] begins with 08. Patterns are refused.
 * "@GROUP" is what the caller's resolver says. tests/unit/test_hostlist_oracle.c compares all of it
 * with nodeset(1).
 */
#define HOSTLIST_NODES_MAX (1 << 17) /* names in a set; more is -E2BIG */
#define HOSTLIST_TEXT_MAX (1 << 20) /* bytes of a text that is parsed */
#define HOSTLIST_NAME_MAX 255
#define HOSTLIST_DIMS_MAX 8 /* names with more numbers are not folded */

struct hostlist {
	/*
	 * each once and in order after hostlist_sort(); the functions below see to that themselves
	 */
	char **names;
	size_t len, cap;
	bool sorted;
};

/* What is wrong with a text: a static sentence and the offset in bytes. */
struct hostlist_error {
	const char *what;
	size_t at;
};

/*
 * Says what a group is, as the text of a node set, which may name groups again (to a depth of 8).
 * -ENOENT: no such group. The name is without "@", and may have a source before a colon:
 * "slurm:gpu".
 */
struct hostlist_groups {
	int (*resolve)(const char *group, struct buf *text, void *arg);
	void *arg;
};

void hostlist_done(struct hostlist *h);
/*
 * Adds what the text names; g NULL: "@" is refused. -EINVAL, -E2BIG and what resolve() returns come
 * with *ret_err; h is then as before.
 */
must_check int hostlist_parse(struct hostlist *h, const char *text, const struct hostlist_groups *g,
			      struct hostlist_error *ret_err);
/*
 * Whether a text that hostlist_parse() takes, without groups, names the node; expands nothing, for
 * one question or two.
 */
bool hostlist_text_has(const char *text, const char *name);
/* Adds one name as it stands: brackets and commas are letters like any other. */
must_check int hostlist_add(struct hostlist *h, const char *name);
void hostlist_sort(struct hostlist *h);

bool hostlist_has(struct hostlist *h, const char *name);
/* a becomes the union, the difference, what both have, what one of them has. */
must_check int hostlist_unite(struct hostlist *a, const struct hostlist *b);
void hostlist_subtract(struct hostlist *a, struct hostlist *b);
void hostlist_intersect(struct hostlist *a, struct hostlist *b);
must_check int hostlist_differ(struct hostlist *a, struct hostlist *b);

/*
 * Appends the shortest form that Slurm and ClusterShell take: "login1,node[001-480,500]",
 * "rack[1-2]-node[3]"; nothing for an empty set. Names such as "n1.site", for which Slurm has no
 * brackets, stand one by one, in 64 KiB at most: more of them are folded as ClusterShell has it.
 * Failures stick in b.
 */
void hostlist_fold(struct hostlist *h, struct buf *b);
/*
 * The same; names such as "n1.site" are folded when the list would not fit; ended with ",... (480
 * nodes)" where it would have more than max bytes; max is at least 64.
 */
void hostlist_fold_short(struct hostlist *h, struct buf *b, size_t max);

/* The order: by the text around the numbers, then by the numbers. */
int hostlist_compare(const char *a, const char *b);

#endif
