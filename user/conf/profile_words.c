/* SPDX-License-Identifier: GPL-2.0 */
#include "conf/profile_words.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "conf/suggest.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* "\xNN" to a byte; 0: it is none, or a NUL. */
static unsigned char hex_byte(const char *s)
{
	int hi, lo;

	if (s[0] != 'x')
		return 0;
	hi = text_hex_digit(s[1]);
	lo = hi < 0 ? -1 : text_hex_digit(s[2]);
	return lo < 0 ? 0 : (unsigned char)(hi * 16 + lo);
}

static int read_quoted(struct words *w, const char *line, const char **s, char **out)
{
	uint32_t column = (uint32_t)(*s - line) + 1;

	for ((*s)++; **s != '"'; (*s)++) {
		unsigned char byte;

		if (!**s)
			return words_fail(w, column, "the quote is not closed");
		if (**s != '\\') {
			*(*out)++ = **s;
			continue;
		}
		(*s)++;
		byte = hex_byte(*s);
		if (byte) {
			*(*out)++ = (char)byte;
			*s += 2;
		} else if (**s == '"' || **s == '\\') {
			*(*out)++ = **s;
		} else {
			return words_fail(
				w, (uint32_t)(*s - line),
				"within quotes a backslash is \\\\, a quote \\\", a byte \\xNN");
		}
	}
	(*s)++;
	return 0;
}

static int read_word(struct words *w, const char *line, const char **s, char **out)
{
	uint32_t column = (uint32_t)(*s - line) + 1;
	int err;

	if (w->len == WORDS_MAX)
		return words_fail(w, column, "more than %d words in a line", WORDS_MAX);
	w->word[w->len].text = *out;
	w->word[w->len].column = column;
	w->len++;
	if (**s == '"') {
		err = read_quoted(w, line, s, out);
		if (err)
			return err;
		if (**s && !is_blank(**s))
			return words_fail(w, (uint32_t)(*s - line) + 1,
					  "a blank is missing behind the quote");
	} else {
		for (; **s && !is_blank(**s); (*s)++) {
			if (iscntrl((unsigned char)**s))
				return words_fail(w, (uint32_t)(*s - line) + 1,
						  "a control character: write it as \"\\x%02x\"",
						  (unsigned char)**s);
			*(*out)++ = **s;
		}
	}
	*(*out)++ = '\0';
	return 0;
}

int words_init(struct words *w, const char *line)
{
	const char *s = line;
	char *out;
	int err;

	w->copy = out = malloc(strlen(line) + WORDS_MAX + 1);
	if (!w->copy)
		return -ENOMEM;
	w->column = w->end_column = 1;
	for (;;) {
		while (is_blank(*s))
			s++;
		if (*s == '#')
			w->comment = s;
		if (!*s || *s == '#')
			return 0;
		err = read_word(w, line, &s, &out);
		if (err)
			return err;
		w->end_column = (uint32_t)(s - line) + 1;
	}
}

void words_done(struct words *w)
{
	free(w->copy);
	free(w->why);
}

bool words_next(struct words *w, const char **ret_word, uint32_t *ret_column)
{
	if (w->next == w->len) {
		w->column = w->end_column;
		return false;
	}
	*ret_word = w->word[w->next].text;
	*ret_column = w->column = w->word[w->next].column;
	w->next++;
	return true;
}

struct words *words_back(struct words *w)
{
	w->next -= w->next > 0;
	return w;
}

int words_fail(struct words *w, uint32_t column, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (w->why)
		return -EINVAL;
	va_start(ap, fmt);
	n = vasprintf(&w->why, fmt, ap);
	va_end(ap);
	if (n < 0) {
		w->why = NULL;
		return -ENOMEM;
	}
	w->why_column = column;
	return -EINVAL;
}

int words_unknown(struct words *w, uint32_t column, const char *word, const char *const *known)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096), list = BUF_INIT(4096);
	struct suggest s;

	suggest_init(&s, word);
	for (const char *const *k = known; *k; k++) {
		suggest_try(&s, *k);
		buf_printf(&list, "%s%s", k == known ? "" : k[1] ? ", " : " or ", *k);
	}
	esc_text(&b, word, strlen(word), 60);
	if (s.best)
		return words_fail(w, column, "unknown keyword '%s' (did you mean '%s'?)",
				  buf_str(&b), s.best);
	return words_fail(w, column, "unknown keyword '%s': %s", buf_str(&b), buf_str(&list));
}
