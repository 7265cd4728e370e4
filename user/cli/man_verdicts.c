/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/verdict.h"
#include "base/buf.h"
#include "cli/man.h"

/* The audit's table for ajar-verdicts(7). */

typedef const char *(*name_fn)(unsigned bit);

static const char *name_says(unsigned bit)
{
	return says_name((enum says)bit);
}

static const char *name_inside(unsigned bit)
{
	return inside_name((enum inside)bit);
}

static const char *name_outside(unsigned bit)
{
	return outside_name((enum outside)bit);
}

/* "any", "not learning", or the bits' names with commas. */
static void put_bits(struct buf *b, const char *what, unsigned bits, unsigned all, name_fn name)
{
	const char *comma = "";

	buf_printf(b, "%s ", what);
	if (bits == all) {
		buf_puts(b, "any");
		return;
	}
	if (__builtin_popcount(all & ~bits) == 1) {
		buf_printf(b, "not %s", name(all & ~bits));
		return;
	}
	for (unsigned bit = 1; bit <= all; bit <<= 1) {
		if (!(bits & bit))
			continue;
		buf_printf(b, "%s%s", comma, name(bit));
		comma = " or ";
	}
}

static const char *raise_words(enum raise r)
{
	switch (r) {
	case RAISE_OWNER:
		return ", worse by its owner";
	case RAISE_MEMFD:
		return ", one step worse when its program never had a file";
	case RAISE_NO:
		break;
	}
	return "";
}

void man_verdicts(struct buf *b)
{
	size_t n;
	const struct verdict_line *l = verdict_lines(&n);

	buf_puts(b, ".Bl -enum -width 3n\n");
	for (; n--; l++) {
		buf_puts(b, ".It\n");
		put_bits(b, "profile:", l->says, SAYS_ALL, name_says);
		put_bits(b, "; kernel:", l->inside, INSIDE_ALL, name_inside);
		put_bits(b, "; scan:", l->outside, OUTSIDE_ALL, name_outside);
		buf_puts(b, "\n.br\n.Sy ");
		buf_puts(b, verdict_name(l->verdict));
		if (l->kind)
			buf_printf(b, ", %s%s", severity_name(l->severity), raise_words(l->raise));
		buf_printf(b, "\n.br\n%c%s.\n", l->words[0] & ~0x20, l->words + 1);
	}
	buf_puts(b, ".El\n");
}

void man_raises(struct buf *b)
{
	size_t n;
	const struct raise_line *l = raise_lines(&n);

	buf_puts(b, ".Bl -bullet -width 2n\n");
	for (; n--; l++)
		buf_printf(b, ".It\n%s: %s.\n", l->words, severity_name(l->severity));
	buf_puts(b, ".El\n");
}
