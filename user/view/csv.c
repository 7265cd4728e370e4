/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CSV is RFC 4180: fields between commas, in double quotes when they have a comma, a quote or a
 * blank at an end, a quote inside is doubled; the first row has the names. Where the RFC leaves a
 * choice, or is not enough:
 *
 *	lines end in LF, as text does here; no field has a line break, so that a line is a row
 *	null is nothing between the commas, a text of no characters is ""
 *	control characters and bytes that are not UTF-8 are \xNN, as in JSON
 *	a text that begins with = + - or @ would be a formula where spreadsheets open it, and it may be anybody's: a process names itself.
 *	Its first character is written \xNN, too.
 */
#include "view/csv.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"

void csv_harmless(struct buf *b, const char *p, size_t n)
{
	if (n && strchr("=+-@", *p) && *p) {
		buf_printf(b, "\\x%02x", (unsigned)*p);
		p++;
		n--;
	}
	esc_text(b, p, n, 0);
}

void csv_field(struct buf *b, const char *s, size_t n)
{
	if (!s)
		return;
	if (n && !memchr(s, ',', n) && !memchr(s, '"', n) && s[0] != ' ' && s[n - 1] != ' ') {
		buf_put(b, s, n);
		return;
	}
	buf_putc(b, '"');
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '"')
			buf_putc(b, '"');
		buf_putc(b, s[i]);
	}
	buf_putc(b, '"');
}
