/* SPDX-License-Identifier: GPL-2.0 */
#include "core/argv_pattern.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "core/exe_pattern.h"

/* The pattern of one argument, as it is written. */
struct word {
	const char *ptr;
	size_t len;
};

/* The next word; false at the end. A blank at an end, or a second one, makes an empty word. */
static bool next_word(const char **at, struct word *ret)
{
	const char *p = *at;

	if (!p)
		return false;
	ret->ptr = p;
	while (*p && *p != ' ')
		p += *p == '\\' && p[1] ? 2 : 1;
	ret->len = (size_t)(p - ret->ptr);
	*at = *p ? p + 1 : NULL;
	return true;
}

static bool is_rest(const struct word *w)
{
	return w->len == strlen(ARGV_PATTERN_REST) && !memcmp(w->ptr, ARGV_PATTERN_REST, w->len);
}

static bool escapes_hold(const struct word *w)
{
	for (size_t i = 0; i < w->len; i++) {
		if (w->ptr[i] != '\\')
			continue;
		if (++i == w->len || !strchr(" *\\.", w->ptr[i]))
			return false;
	}
	return true;
}

bool argv_pattern_is_valid(const char *pattern)
{
	const char *at = pattern;
	unsigned n = 0;
	struct word w;

	if (strlen(pattern) > ARGV_PATTERN_MAX)
		return false;
	for (; next_word(&at, &w); n++) {
		if (!w.len || !escapes_hold(&w) || (is_rest(&w) && (at || !n)))
			return false;
	}
	return true;
}

/* As core/exe_pattern.h has it, where a star and a backslash alone are escaped. */
static void as_path(const struct word *w, char out[ARGV_PATTERN_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < w->len; i++) {
		if (w->ptr[i] == '\\' && (w->ptr[i + 1] == ' ' || w->ptr[i + 1] == '.'))
			continue;
		out[n++] = w->ptr[i];
		if (w->ptr[i] == '\\')
			out[n++] = w->ptr[++i];
	}
	out[n] = '\0';
}

/* What a star says of "/opt/x/y" is not true of "/opt/x/../y". */
static bool climbs(struct text arg)
{
	for (uint32_t i = 0; i + 1 < arg.len; i++) {
		bool begins = !i || arg.ptr[i - 1] == '/';

		if (begins && arg.ptr[i] == '.' && arg.ptr[i + 1] == '.' &&
		    (i + 2 == arg.len || arg.ptr[i + 2] == '/'))
			return true;
	}
	return false;
}

static bool word_fits(const struct word *w, struct text arg)
{
	char pattern[ARGV_PATTERN_MAX + 1];

	as_path(w, pattern);
	return exe_pattern_fits(pattern, arg) && !(exe_pattern_has_star(pattern) && climbs(arg));
}

bool argv_next(struct text *list, struct text *ret_arg, bool *ret_whole)
{
	const char *nul;

	if (!list->ptr || !list->len)
		return false;
	nul = memchr(list->ptr, '\0', list->len);
	*ret_whole = nul;
	*ret_arg = (struct text){ list->ptr, nul ? (uint32_t)(nul - list->ptr) : list->len };
	list->ptr += ret_arg->len + *ret_whole;
	list->len -= ret_arg->len + *ret_whole;
	return true;
}

enum argv_fit argv_pattern_fit(const char *pattern, struct text argv, bool cut)
{
	const char *at = pattern;
	struct text arg;
	struct word w;
	bool whole;

	if (!argv_pattern_is_valid(pattern))
		return ARGV_DIFFERS;
	if (!argv.ptr || (argv_next(&argv, &arg, &whole) && !whole))
		return ARGV_UNKNOWN;
	while (next_word(&at, &w)) {
		if (is_rest(&w))
			return ARGV_FITS;
		if (!argv_next(&argv, &arg, &whole))
			return cut ? ARGV_UNKNOWN : ARGV_DIFFERS;
		if (!whole)
			return ARGV_UNKNOWN;
		if (!word_fits(&w, arg))
			return ARGV_DIFFERS;
	}
	if (argv.len)
		return ARGV_DIFFERS;
	return cut ? ARGV_UNKNOWN : ARGV_FITS;
}

/* The argument that the word without a star stands for. */
static uint32_t as_plain(const struct word *w, char out[ARGV_PATTERN_MAX + 1])
{
	uint32_t n = 0;

	for (size_t i = 0; i < w->len; i++) {
		i += w->ptr[i] == '\\' && i + 1 < w->len;
		out[n++] = w->ptr[i];
	}
	return n;
}

static bool word_covers(const struct word *a, const struct word *b)
{
	char text[ARGV_PATTERN_MAX + 1];

	if (a->len == b->len && !memcmp(a->ptr, b->ptr, a->len))
		return true;
	as_path(b, text);
	if (is_rest(b) || exe_pattern_has_star(text))
		return false;
	return word_fits(a, (struct text){ text, as_plain(b, text) });
}

bool argv_pattern_covers(const char *a, const char *b)
{
	struct word wa, wb;

	if (!argv_pattern_is_valid(a) || !argv_pattern_is_valid(b))
		return false;
	while (next_word(&a, &wa)) {
		if (is_rest(&wa))
			return true;
		if (!next_word(&b, &wb) || !word_covers(&wa, &wb))
			return false;
	}
	return !b;
}

void argv_pattern_put(struct buf *b, struct text arg)
{
	if (text_is(arg, ARGV_PATTERN_REST))
		buf_putc(b, '\\');
	for (uint32_t i = 0; i < arg.len; i++) {
		if (strchr(" *\\", arg.ptr[i]))
			buf_putc(b, '\\');
		buf_putc(b, arg.ptr[i]);
	}
}

/* What a store or a profile's text does not keep byte by byte is not written. */
static bool is_utf8(struct text arg)
{
	for (uint32_t i = 0, k; i < arg.len; i += k) {
		k = (uint32_t)utf8_len((const unsigned char *)arg.ptr + i, arg.len - i);
		if (!k)
			return false;
	}
	return true;
}

int argv_pattern_of(struct text argv, bool cut, uint32_t n, char **ret_pattern)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(ARGV_PATTERN_MAX);
	struct text arg;
	uint32_t i = 0;
	bool whole;

	*ret_pattern = NULL;
	if (!argv_next(&argv, &arg, &whole) || !whole || (!n && cut))
		return 0;
	for (; (!n || i < n) && argv_next(&argv, &arg, &whole); i++) {
		if (!whole || !arg.len || !is_utf8(arg))
			return 0;
		if (i)
			buf_putc(&b, ' ');
		argv_pattern_put(&b, arg);
	}
	if (!i || i < n)
		return 0;
	if (n)
		buf_puts(&b, " " ARGV_PATTERN_REST);
	if (b.err)
		return b.err == -E2BIG ? 0 : b.err;
	*ret_pattern = buf_take(&b);
	return *ret_pattern ? 0 : -ENOMEM;
}

void argv_pattern_example(struct buf *b, const char *pattern)
{
	char text[ARGV_PATTERN_MAX + 1];
	struct word w;

	if (!argv_pattern_is_valid(pattern))
		return;
	while (next_word(&pattern, &w) && !is_rest(&w)) {
		buf_put(b, text, as_plain(&w, text));
		buf_putc(b, '\0');
	}
}
