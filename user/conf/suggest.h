/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CONF_SUGGEST_H
#define AJAR_CONF_SUGGEST_H

#include <stddef.h>

/*
 * "Did you mean": collects the candidate nearest to a word that matched nothing. Edits are
 * insertions, deletions, substitutions and swaps of neighbours; best stays NULL when nothing is
 * near enough to be worth saying.
 */
struct suggest {
	const char *word;
	const char *best; /* borrowed from the candidates */
	unsigned distance;
};

void suggest_init(struct suggest *s, const char *word);
void suggest_try(struct suggest *s, const char *candidate);

#endif
