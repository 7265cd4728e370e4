/* SPDX-License-Identifier: GPL-2.0 */
#include "core/exe_pattern.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"

#define PATTERN_MAX 8192

/* One byte that must be there, or a star; *p moves on. */
struct token {
	bool star;
	char byte;
};

static struct token next(const char **p)
{
	const char *at = *p;

	if (*at == '*') {
		*p = at + 1;
		return (struct token){ .star = true };
	}
	if (*at == '\\' && (at[1] == '*' || at[1] == '\\'))
		at++;
	*p = at + 1;
	return (struct token){ .byte = *at };
}

bool exe_pattern_has_star(const char *pattern)
{
	while (*pattern) {
		if (next(&pattern).star)
			return true;
	}
	return false;
}

/*
 * A star takes as little as it can, and one byte more whenever what follows does not fit. Only the
 * last one is ever tried again: one of an earlier component is bound by the "/" behind it, and of
 * one component the last can take what another could.
 */
bool exe_pattern_fits(const char *pattern, struct text path)
{
	const char *p = pattern, *after_star = NULL;
	uint32_t i = 0, star_end = 0;

	while (i < path.len || *p) {
		const char *at = p;
		struct token t = *p ? next(&p) : (struct token){ 0 };

		if (*at && t.star) {
			after_star = p;
			star_end = i;
			continue;
		}
		if (*at && i < path.len && t.byte == path.ptr[i]) {
			i++;
			continue;
		}
		if (!after_star || star_end >= path.len || path.ptr[star_end] == '/')
			return false;
		p = after_star;
		i = ++star_end;
	}
	return true;
}

static void put_plain(struct buf *b, const char *pattern)
{
	while (*pattern)
		buf_putc(b, next(&pattern).byte);
}

static bool ends_so(const char *pattern, struct text end)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(PATTERN_MAX);

	put_plain(&path, pattern);
	return !path.err && path.len > end.len &&
	       !memcmp(buf_str(&path) + path.len - end.len, end.ptr, end.len);
}

/* As many components of the pattern as are known whole. */
bool exe_pattern_may_fit_end(const char *pattern, struct text end)
{
	const char *from = pattern + strlen(pattern);
	uint32_t slashes = 0;

	if (!end.len)
		return false;
	if (!exe_pattern_has_star(pattern))
		return ends_so(pattern, end);
	while (end.len && end.ptr[0] != '/') {
		end.ptr++;
		end.len--;
	}
	for (uint32_t i = 0; i < end.len; i++)
		slashes += end.ptr[i] == '/';
	while (slashes && from > pattern)
		slashes -= *--from == '/';
	return !slashes && end.len && from > pattern && exe_pattern_fits(from, end);
}

bool exe_pattern_covers(const char *a, const char *b)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(PATTERN_MAX);

	if (!strcmp(a, b))
		return true;
	if (exe_pattern_has_star(b))
		return false;
	put_plain(&path, b);
	return !path.err &&
	       exe_pattern_fits(a, (struct text){ buf_str(&path), (uint32_t)path.len });
}

/* --- patterns of paths --------------------------------------------------------------------------------- */

static void put_literal(struct buf *b, struct text t)
{
	for (uint32_t i = 0; i < t.len; i++) {
		if (t.ptr[i] == '*' || t.ptr[i] == '\\')
			buf_putc(b, '\\');
		buf_putc(b, t.ptr[i]);
	}
}

static int give(struct buf *b, char **ret_pattern)
{
	if (b->err)
		return b->err;
	*ret_pattern = strdup(buf_str(b));
	return *ret_pattern ? 0 : -ENOMEM;
}

int exe_pattern_of(struct text path, char **ret_pattern)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(PATTERN_MAX);

	put_literal(&b, path);
	return give(&b, ret_pattern);
}

/* The component of a path that begins at i. */
static struct text component(struct text path, uint32_t i)
{
	uint32_t end = i;

	while (end < path.len && path.ptr[end] != '/')
		end++;
	return (struct text){ path.ptr + i, end - i };
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "openmpi-4.1.5-abcdef...": how long "openmpi-" is; 0: no number follows a dash. */
static uint32_t name_len(struct text name)
{
	for (uint32_t i = 1; i + 1 < name.len; i++) {
		if (name.ptr[i] == '-' && is_digit(name.ptr[i + 1]))
			return i + 1;
	}
	return 0;
}

static bool is_hash(struct text t)
{
	for (uint32_t i = 0; i < t.len; i++) {
		if (!is_digit(t.ptr[i]) && (t.ptr[i] < 'a' || t.ptr[i] > 'z'))
			return false;
	}
	return t.len == 32;
}

/* "java-17.0.9", "jdk-17.0.10+7", "java-17-openjdk-amd64": what stays is up to the major number. */
static bool jdk(struct text c, struct buf *b)
{
	uint32_t i = 0;

	while (i < c.len && !is_digit(c.ptr[i]))
		i++;
	if (i == c.len)
		return false;
	while (i < c.len && is_digit(c.ptr[i]))
		i++;
	put_literal(b, (struct text){ c.ptr, i });
	buf_putc(b, '*');
	return true;
}

/* A snap's revision. */
static bool snap(struct text c, struct buf *b)
{
	for (uint32_t i = c.len && c.ptr[0] == 'x' ? 1 : 0; i < c.len; i++) {
		if (!is_digit(c.ptr[i]))
			return false;
	}
	buf_putc(b, '*');
	return c.len > 0;
}

/* HASH-name-1.2 */
static bool nix(struct text c, struct buf *b)
{
	struct text name = { c.ptr + 33, c.len > 33 ? c.len - 33 : 0 };
	uint32_t stays = name_len(name);

	if (!name.len || c.ptr[32] != '-' || !is_hash((struct text){ c.ptr, 32 }))
		return false;
	buf_puts(b, "*-");
	put_literal(b, (struct text){ name.ptr, stays ? stays : name.len });
	if (stays)
		buf_putc(b, '*');
	return true;
}

/* name-1.2-HASH, wherever it stands */
static bool spack(struct text c, struct buf *b)
{
	uint32_t stays = name_len(c);

	if (c.len < 34 || c.ptr[c.len - 33] != '-' || !stays ||
	    !is_hash((struct text){ c.ptr + c.len - 32, 32 }))
		return false;
	put_literal(b, (struct text){ c.ptr, stays });
	buf_putc(b, '*');
	return true;
}

/* Where they are; deep: so many components below, or at any depth (0). */
static const struct {
	const char *prefix;
	unsigned deep;
	bool (*put)(struct text component, struct buf *b);
} kinds[] = {
	{ "/usr/lib/jvm/", 1, jdk }, { "/opt/java/", 1, jdk },	{ "/snap/", 2, snap },
	{ "/nix/store/", 1, nix },   { "/gnu/store/", 1, nix }, { "/", 0, spack },
};

static bool put_releases(struct text path, size_t kind, struct buf *b)
{
	uint32_t at = (uint32_t)strlen(kinds[kind].prefix), before = at;
	bool found = false;

	if (path.len < at || memcmp(path.ptr, kinds[kind].prefix, at))
		return false;
	put_literal(b, (struct text){ path.ptr, at });
	for (unsigned depth = 1; at < path.len; depth++) {
		struct text c = component(path, at);

		before = (uint32_t)b->len;
		/* The program itself is no directory of a release. */
		if (at + c.len < path.len && (!kinds[kind].deep || depth == kinds[kind].deep) &&
		    kinds[kind].put(c, b))
			found = true;
		else if (b->len == before)
			put_literal(b, c);
		else
			return false;
		at += c.len;
		if (at < path.len)
			put_literal(b, (struct text){ path.ptr + at++, 1 });
	}
	return found;
}

int exe_pattern_of_releases(struct text path, char **ret_pattern)
{
	for (size_t i = 0; path.ptr && i < array_len(kinds); i++) {
		_cleanup_(buf_done) struct buf b = BUF_INIT(PATTERN_MAX);

		if (put_releases(path, i, &b))
			return give(&b, ret_pattern);
	}
	*ret_pattern = NULL;
	return 0;
}
