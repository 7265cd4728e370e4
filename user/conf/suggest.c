/* SPDX-License-Identifier: GPL-2.0 */
#include "conf/suggest.h"

#include <string.h>

/* Longer words are not typing mistakes; it also bounds the three rows below. */
#define WORD_MAX 40

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Optimal string alignment distance over three rolling rows. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned rows[3][WORD_MAX + 1];
	unsigned *prev2 = rows[0], *prev = rows[1], *cur = rows[2];

	for (size_t j = 0; j <= nb; j++)
		prev[j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *t = prev2;

		cur[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			cur[j] = min3(prev[j] + 1, cur[j - 1] + 1,
				      prev[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    prev2[j - 2] + 1 < cur[j])
				cur[j] = prev2[j - 2] + 1;
		}
		prev2 = prev;
		prev = cur;
		cur = t;
	}
	return prev[nb];
}

void suggest_init(struct suggest *s, const char *word)
{
	size_t n = strnlen(word, WORD_MAX + 1);

	*s = (struct suggest){ .word = word };
	/*
	 * One edit for every three letters, so that "x" does not suggest everything of one letter.
	 */
	s->distance = n > WORD_MAX ? 0 : (unsigned)n / 3 + 2;
}

void suggest_try(struct suggest *s, const char *candidate)
{
	size_t na = strnlen(s->word, WORD_MAX + 1), nb = strnlen(candidate, WORD_MAX + 1);
	unsigned d;

	if (na > WORD_MAX || nb > WORD_MAX || na == 0)
		return;
	/* What was typed is the beginning of the word: as good as one edit. */
	d = na >= 2 && na < nb && !strncmp(s->word, candidate, na)
		    ? 1
		    : distance(s->word, na, candidate, nb);
	if (d >= s->distance || d >= nb)
		return;
	s->distance = d;
	s->best = candidate;
}
