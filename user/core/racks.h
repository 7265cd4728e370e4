/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CORE_RACKS_H
#define AJAR_CORE_RACKS_H

#include "base/err.h"

/*
 * Which rack a node is in, by the file of web.racks: a line a rack, its name, blanks, and a node
 * set; "#" begins a comment, a rack may have several lines.
 *
 *	r01 node[001-032]
 *	r02 node[033-064],gpu[1-4]
 *
 * A node that several racks name is in the last of them.
 */
#define RACKS_BYTES_MAX (1 << 20)
#define RACKS_MAX 1023
#define RACK_NAME_MAX 64

struct hostlist;
struct racks;

/* *ret_why: what is wrong with it and in which line; the caller frees it. */
must_check int racks_parse(const char *text, struct racks **ret_racks, char **ret_why);
void racks_free(struct racks *r);
DEFINE_FREEP(struct racks, racks_free)

/* Numbers from 1 on; 0: it is in none that we know. r may be NULL. */
unsigned racks_of(const struct racks *r, const char *node);
unsigned racks_len(const struct racks *r); /* with 0, which is named "" */
const char *racks_name(const struct racks *r, unsigned i);
/* NULL: it is in none that we know. r may be NULL. */
const char *racks_name_of(const struct racks *r, const char *node);
must_check int racks_find(const struct racks *r, const char *name, unsigned *ret_i); /* -ENOENT */
/* Adds the nodes of a rack. */
must_check int racks_nodes(const struct racks *r, unsigned i, struct hostlist *to);

#endif
