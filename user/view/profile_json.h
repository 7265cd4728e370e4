/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_VIEW_PROFILE_JSON_H
#define AJAR_VIEW_PROFILE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct profile;
struct profile_row;
struct writer;

/* Appends what is the matter with rows[i]; false: nothing. */
bool profile_flaw_words(const struct profile_row *rows, size_t n, size_t i, uint64_t now_ns,
			struct buf *b);
/* The same of a row of p (NULL: of none yet); nothing is appended when nothing is. */
void view_rule_flaw(struct buf *b, const struct profile *p, const struct profile_row *r);
/* A rule's members, into a record that has begun; flaw: NULL: none. */
void view_rule_members(struct writer *w, const struct profile_row *r, const char *flaw);
/* A class's, as store_host_types() gives it. */
void view_class_members(struct writer *w, const char *host_type, bool accepted,
			uint64_t accepted_ns, uint64_t rows, uint64_t nodes);

#endif
