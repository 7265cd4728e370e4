/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_PROFILE_H
#define AJAR_STORE_PROFILE_H

#include "store/store.h"

/* Changing profiles; reading one is store_profile_get(), adding rows store_profile_add(). */

struct store_profile_change {
	size_t added, changed, removed, kept;
};
enum {
	STORE_PROFILE_REPLACE = 1, /* rows that are not given go */
	STORE_PROFILE_ACCEPT = 2, /* ends the learning */
	STORE_PROFILE_TRY = 4, /* only counts */
};
/*
 * Brings the class's profile to these rows. A row that is there keeps its number, its birth and its
 * hits, and takes the reason, author, expiry, severity, line of the one given.
 */
must_check int store_profile_set(struct store *s, const char *host_type,
				 const struct profile_row *rows, size_t n, unsigned flags,
				 uint64_t now_wall_ns, struct store_profile_change *ret_change);
/* -ENOENT */
must_check int store_profile_remove(struct store *s, const char *host_type, uint64_t row_id);

/* What of a person's file is no row, by line number: comments, blank lines, the class line. */
struct store_profile_line {
	uint32_t number;
	const char *text;
};
typedef int (*store_profile_line_fn)(const struct store_profile_line *l, void *arg);
must_check int store_profile_lines(struct store *s, const char *host_type, store_profile_line_fn fn,
				   void *arg);
must_check int store_profile_put_lines(struct store *s, const char *host_type,
				       const struct store_profile_line *lines, size_t n);

/* Adds to the hits of rows; moves no revision. Rows that are gone are passed over. */
struct store_profile_hit {
	uint64_t row_id, hits, last_ns;
};
must_check int store_profile_count(struct store *s, const struct store_profile_hit *hits, size_t n);

/* --- proposals: what learning found, rule by rule, until a person decides --------------------- */

enum proposal_state { PROPOSAL_PENDING, PROPOSAL_ACCEPTED, PROPOSAL_REJECTED };
const char *proposal_state_name(enum proposal_state s);
struct store_proposal {
	const char *host_type;
	uint32_t number;
	bool outlier; /* seen, and left out: why says so */
	enum proposal_state state;
	const char *rule; /* a line of the profile language */
	const char *why, *nodes; /* folded */
	uint32_t nodes_seen, nodes_total, slots_seen, slots_total;
	uint64_t made_ns, decided_ns;
	const char *made_by, *decided_by;
};
typedef int (*store_proposal_fn)(const struct store_proposal *p, void *arg);
/* Takes the place of what was proposed for the class before, decided or not. */
must_check int store_proposal_put(struct store *s, const char *host_type,
				  const struct store_proposal *list, size_t n);
/* NULL: all classes */
must_check int store_proposals(struct store *s, const char *host_type, store_proposal_fn fn,
			       void *arg);
must_check int store_proposal_decide(struct store *s, const char *host_type, uint32_t number,
				     enum proposal_state state, const char *who,
				     uint64_t now_wall_ns); /* -ENOENT */

/* --- node classes by rule --------------------------------------------------------------------- */

struct store_class_rule {
	uint64_t id; /* 0 when put: a new one */
	uint32_t priority; /* the smallest decides, then the smallest id */
	const char *nodes, *host_type; /* a node set, with groups; the class of its nodes */
	const char *origin, *reason, *author;
	uint64_t created_ns;
	const char *resolved; /* the node set without groups, folded; "" until it was resolved */
	uint64_t resolved_ns;
	const char *problem; /* why it could not be resolved last time, or "" */
};
typedef int (*store_class_rule_fn)(const struct store_class_rule *r, void *arg);
/* in the order they decide in */
must_check int store_class_rules(struct store *s, store_class_rule_fn fn, void *arg);
/* Inserts, or changes the one of its id, or of its nodes and class. */
must_check int store_class_rule_put(struct store *s, const struct store_class_rule *r);
must_check int store_class_rule_remove(struct store *s, uint64_t id); /* -ENOENT */

#endif
