/* SPDX-License-Identifier: GPL-2.0 */
#include "conf/value.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/parse.h"
#include "base/text.h"
#include "conf/suggest.h"

#define SHOWN_MAX 60 /* of hostile text in a message */

static void *member(const void *base, const struct conf_key *k)
{
	return (char *)(uintptr_t)base + k->off;
}

int conf_why(char **ret_why, const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;

	if (!ret_why)
		return -EINVAL;
	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	*ret_why = s;
	return -EINVAL;
}

const char *conf_shown(struct buf *b, const char *s)
{
	buf_reset(b);
	esc_text(b, s, strlen(s), SHOWN_MAX);
	return buf_str(b);
}

/* The word that was probably meant, or NULL. */
static const char *near_word(const struct conf_key *k, const char *value)
{
	struct suggest s;

	suggest_init(&s, value);
	for (const char *const *word = k->words; *word; word++)
		suggest_try(&s, *word);
	return s.best;
}

int conf_value_why(char **ret_why, const char *origin, const char *name, const struct conf_key *k,
		   const char *value, int err)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1024);
	const char *near = k->type == CONF_WORD ? near_word(k, value) : NULL;

	if (near)
		return conf_why(ret_why, "%s: bad value '%s' for %s (did you mean '%s'?): %s",
				origin, conf_shown(&b, value), name, near, k->range);
	return conf_why(
		ret_why, "%s: bad value '%s' for %s: %s", origin, conf_shown(&b, value), name,
		k->type == CONF_TEXT && err == -EINVAL ? "it has control characters or is not UTF-8"
						       : k->range);
}

bool conf_is_plain(const char *s)
{
	for (size_t left = strlen(s), n; left; s += n, left -= n) {
		unsigned char u = (unsigned char)*s;

		n = utf8_len((const unsigned char *)s, left);
		if (n == 0 || u < ' ' || u == 0x7f)
			return false;
	}
	return true;
}

int conf_copy(char **member_ptr, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*member_ptr);
	*member_ptr = copy;
	return 0;
}

static int set_word(char **member_ptr, const struct conf_key *k, const char *value)
{
	for (const char *const *word = k->words; *word; word++)
		if (!strcmp(*word, value))
			return conf_copy(member_ptr, value);
	return -EINVAL;
}

int conf_value_set(void *base, const struct conf_key *k, const char *value)
{
	uint64_t v = 0;
	int err = 0;

	switch (k->type) {
	case CONF_TEXT:
		v = strlen(value);
		if (!conf_is_plain(value))
			return -EINVAL;
		if (v < k->min || v > k->max)
			return -ERANGE;
		return conf_copy(member(base, k), value);
	case CONF_WORD:
		return set_word(member(base, k), k, value);
	case CONF_BOOL:
		return parse_bool(value, member(base, k));
	case CONF_LETTER:
		if (!value[0] || value[1] || (unsigned char)value[0] < k->min ||
		    (unsigned char)value[0] > k->max)
			return -ERANGE;
		*(char *)member(base, k) = value[0];
		return 0;
	case CONF_SIZE:
		err = parse_size(value, &v);
		break;
	case CONF_COUNT:
		err = parse_u64(value, &v);
		break;
	case CONF_DURATION:
		err = parse_duration(value, &v);
		break;
	}
	if (err < 0)
		return err;
	if (v < k->min || v > k->max)
		return -ERANGE;
	*(uint64_t *)member(base, k) = v;
	return 0;
}

static void put_size(struct buf *b, uint64_t v)
{
	if (v && v % GIB == 0)
		buf_printf(b, "%lluG", (unsigned long long)(v / GIB));
	else if (v && v % MIB == 0)
		buf_printf(b, "%lluM", (unsigned long long)(v / MIB));
	else if (v && v % KIB == 0)
		buf_printf(b, "%lluK", (unsigned long long)(v / KIB));
	else
		buf_printf(b, "%llu", (unsigned long long)v);
}

static void put_duration(struct buf *b, uint64_t ns)
{
	if (ns && ns % HOUR == 0)
		buf_printf(b, "%lluh", (unsigned long long)(ns / HOUR));
	else if (ns % SECOND == 0)
		buf_printf(b, "%llus", (unsigned long long)(ns / SECOND));
	else
		buf_printf(b, "%llums", (unsigned long long)(ns / MS));
}

void conf_value_put(const void *base, const struct conf_key *k, struct buf *b)
{
	switch (k->type) {
	case CONF_TEXT:
	case CONF_WORD:
		buf_puts(b, *(char **)member(base, k));
		break;
	case CONF_BOOL:
		buf_puts(b, *(bool *)member(base, k) ? "yes" : "no");
		break;
	case CONF_LETTER:
		buf_putc(b, *(char *)member(base, k));
		break;
	case CONF_COUNT:
		buf_printf(b, "%llu", (unsigned long long)*(uint64_t *)member(base, k));
		break;
	case CONF_SIZE:
		put_size(b, *(uint64_t *)member(base, k));
		break;
	case CONF_DURATION:
		put_duration(b, *(uint64_t *)member(base, k));
		break;
	}
}

void conf_value_free(void *base, const struct conf_key *k)
{
	if (k->type == CONF_TEXT || k->type == CONF_WORD)
		free(*(char **)member(base, k));
}
