/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CORE_FILTER_H
#define AJAR_CORE_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/event.h"
#include "core/finding.h"

/*
 * FILTER words of the command line and the web page; all given ones must hold, two of a kind are
 * alternatives.
 */
#define FILTER_WORDS_MAX 32
struct filter_word {
	enum {
		FILTER_PROTO = 1,
		FILTER_PORT,
		FILTER_EXE,
		FILTER_USER,
		FILTER_NODE,
		FILTER_CLASS,
		FILTER_STATE,
		FILTER_RACK
	} kind;
	uint32_t lo, hi; /* ports; proto, verdict and rack in lo */
	const char *text; /* exe, user, node, class: borrowed */
};
struct hostlist;
struct racks;
struct filter {
	const struct racks *racks; /* borrowed, before words are added; NULL: none are known */
	unsigned len;
	struct filter_word words[FILTER_WORDS_MAX];
};

/* What a filter looks at; unknown parts match no word about them. */
struct filter_subject {
	const struct door *door;
	const struct process *opener;
	const char *node, *host_type;
	enum verdict verdict;
};

/*
 * "tcp", "udp", ":4444", ":8000-8100", "exe:nc" (path or its last part or comm), "user:mlee" (name
 * or uid), "node:N" (a name or a set, node[001-064]), "class:C", "rack:R", "state:unexpected".
 * -EINVAL: *ret_why (static text) says what is wrong with the word.
 */
must_check int filter_add(struct filter *f, const char *word, const char **ret_why);
bool filter_match(const struct filter *f, const struct filter_subject *s);
/*
 * A door that it matches has a port from lo to hi (and not each of those matches); *ret_hi 0: it
 * says nothing of ports.
 */
void filter_ports(const struct filter *f, uint32_t *ret_lo, uint32_t *ret_hi);
/* The one node that a filter names, which a store need not look beyond; NULL: none, or a set. */
const char *filter_node(const struct filter *f);
/*
 * All that it names, by strcmp(), each once; nodes that it does not match may be among them. Empty:
 * it names none, or more than FILTER_NODES_MAX, so that reading them all is no dearer. -ENOMEM.
 */
#define FILTER_NODES_MAX 64
must_check int filter_nodes(const struct filter *f, struct hostlist *ret_nodes);

#endif
