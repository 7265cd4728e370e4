/* SPDX-License-Identifier: GPL-2.0 */
/*
 * set   = term { op term }           op    = "," | blank | "!" | "&" | "^"
 * term  = "@" name | piece...        piece = letters | "[" range { "," range } "]"
 * range = number [ "-" number [ "/" step ] ]
 *
 * A first number that begins with 0 says how wide the others are, as Slurm and pdsh have it:
 * [08-120] is 08, 09, 10 ... 120. An empty place beside a comma names nobody, as there. Letters
 * that no name has (patterns, parentheses, braces) are refused, for they are somebody's mistake:
 * Slurm writes "(null)" for no node. All that a text can blow up to is counted before it is made: a
 * stranger's "n[0-99999999]" costs nothing.
 */
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/hostlist.h"

#define DIGITS_MAX 18 /* of a number within brackets: it fits into 64 bits */
#define PIECES_MAX 32
#define RANGES_MAX 4096 /* in one pair of brackets */
#define OPERATORS_MAX 256 /* other than ",": each walks the whole set */
#define EXPANDED_MAX (4 * HOSTLIST_NODES_MAX) /* names made while parsing, those made twice too */
#define GROUP_DEPTH_MAX 8
#define MATCH_TRIES_MAX 10000

struct parse {
	const char *text;
	const struct hostlist_groups *groups;
	struct hostlist_error *error;
	unsigned depth, operators;
	size_t expanded;
};

struct range {
	uint64_t lo, hi, step;
	unsigned width; /* 0: no padding */
};

/* A piece of a name: letters as they stand, or the ranges of a pair of brackets. */
struct piece {
	const char *letters;
	size_t len;
	struct range *ranges;
	size_t ranges_len;
};

struct term {
	struct piece pieces[PIECES_MAX];
	size_t len;
};

static void term_done(struct term *t)
{
	for (size_t i = 0; i < t->len; i++)
		free(t->pieces[i].ranges);
}

static int fail(struct parse *p, int err, const char *at, const char *what)
{
	/* Of a group's own text the offset says nothing to the caller. */
	*p->error = (struct hostlist_error){ what, p->depth ? 0 : (size_t)(at - p->text) };
	return err;
}

static bool is_operator(char c)
{
	return c && strchr(",!&^", c);
}

static bool ends_term(char c)
{
	return !c || isspace((unsigned char)c) || is_operator(c);
}

static const char *skip_blanks(const char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

/* --- ranges ----------------------------------------------------------------------------------- */

static int parse_number(struct parse *p, const char **s, uint64_t *ret_v, unsigned *ret_width,
			bool *ret_padded)
{
	const char *at = *s, *c = at;
	uint64_t v = 0;

	for (; isdigit((unsigned char)*c); c++) {
		if (c - at == DIGITS_MAX)
			return fail(p, -EINVAL, at, "the number is too long");
		v = v * 10 + (uint64_t)(*c - '0');
	}
	if (c == at)
		return fail(p, -EINVAL, at,
			    *c == '-' ? "a range needs a number at both ends"
				      : "a number is missing in the brackets");
	*ret_v = v;
	*ret_width = (unsigned)(c - at);
	*ret_padded = c - at > 1 && *at == '0';
	*s = skip_blanks(c);
	return 0;
}

static int parse_range(struct parse *p, const char **s, struct range *ret)
{
	const char *at = *s = skip_blanks(*s);
	struct range r = { .step = 1 };
	unsigned width, ignored;
	bool padded, any;
	int err = parse_number(p, s, &r.lo, &width, &padded);

	if (err)
		return err;
	r.hi = r.lo;
	if (**s == '-') {
		*s = skip_blanks(*s + 1);
		err = parse_number(p, s, &r.hi, &ignored, &any);
		if (err)
			return err;
		if (r.lo > r.hi)
			return fail(p, -EINVAL, at, "the range is backwards");
		if (**s == '/') {
			*s = skip_blanks(*s + 1);
			err = parse_number(p, s, &r.step, &ignored, &any);
			if (err)
				return err;
			if (!r.step)
				return fail(p, -EINVAL, at, "a step is at least 1");
		}
	}
	r.width = padded ? width : 0;
	*ret = r;
	return 0;
}

static int push_range(struct piece *piece, const struct range *r)
{
	/* Powers of two: 1, 2, 4, ... */
	if (!(piece->ranges_len & (piece->ranges_len - 1))) {
		size_t cap = piece->ranges_len ? 2 * piece->ranges_len : 1;
		struct range *more = reallocarray(piece->ranges, cap, sizeof(*more));

		if (!more)
			return -ENOMEM;
		piece->ranges = more;
	}
	piece->ranges[piece->ranges_len++] = *r;
	return 0;
}

static int parse_brackets(struct parse *p, const char **s, struct piece *piece)
{
	const char *open = *s;
	struct range r;
	int err;

	for (;;) {
		(*s)++; /* the bracket, then each comma */
		err = parse_range(p, s, &r);
		if (err)
			return err;
		if (piece->ranges_len == RANGES_MAX)
			return fail(p, -E2BIG, open, "too many ranges in one pair of brackets");
		err = push_range(piece, &r);
		if (err)
			return fail(p, err, open, "out of memory");
		if (**s == ']')
			break;
		if (!**s)
			return fail(p, -EINVAL, open, "the bracket is not closed");
		if (**s != ',')
			return fail(p, -EINVAL, *s,
				    "brackets hold numbers and ranges, such as [1-5,7]");
	}
	(*s)++;
	return 0;
}

/* --- terms ------------------------------------------------------------------------------------ */

/* Why no name has the letter, or NULL. Of groups it is for the resolver to say. */
static const char *letter_flaw(char c)
{
	switch (c) {
	case '*':
	case '?':
		return "patterns are not known here: name the nodes, such as node[1-9]";
	case '(':
	case ')':
		return "no node's name has parentheses: Slurm writes (null) where there is no node";
	case '{':
	case '}':
		return "ranges stand in square brackets, such as node[1-9]";
	default:
		return iscntrl((unsigned char)c) ? "a control character in a name" : NULL;
	}
}

static int parse_term(struct parse *p, const char **s, struct term *t)
{
	const char *start = *s, *flaw;
	int err = 0;

	while (!ends_term(**s) && !err) {
		struct piece *piece = &t->pieces[t->len];

		if (t->len == PIECES_MAX)
			return fail(p, -E2BIG, start, "too many brackets in one name");
		*piece = (struct piece){ .letters = *s };
		t->len++;
		if (**s == '[') {
			err = parse_brackets(p, s, piece);
			continue;
		}
		for (; !ends_term(**s) && **s != '['; (*s)++) {
			if (**s == ']')
				return fail(p, -EINVAL, *s, "nothing to close with this bracket");
			flaw = letter_flaw(**s);
			if (flaw && (*start != '@' || iscntrl((unsigned char)**s)))
				return fail(p, -EINVAL, *s, flaw);
		}
		piece->len = (size_t)(*s - piece->letters);
	}
	return err;
}

static size_t count_term(const struct term *t)
{
	size_t total = 1;

	for (size_t i = 0; i < t->len; i++) {
		size_t here = 0;

		for (size_t k = 0; k < t->pieces[i].ranges_len; k++) {
			const struct range *r = &t->pieces[i].ranges[k];
			uint64_t n = (r->hi - r->lo) / r->step + 1;

			if (n > HOSTLIST_NODES_MAX)
				return SIZE_MAX;
			here += n; /* at most RANGES_MAX times that: no overflow */
		}
		if (t->pieces[i].ranges_len && __builtin_mul_overflow(total, here, &total))
			return SIZE_MAX;
	}
	return total;
}

static int expand(struct parse *p, const char *at, const struct term *t, size_t piece, char *name,
		  size_t len, struct hostlist *out);

static int expand_range(struct parse *p, const char *at, const struct term *t, size_t piece,
			char *name, size_t len, const struct range *r, struct hostlist *out)
{
	int err = 0;

	for (uint64_t v = r->lo; v <= r->hi && !err; v += r->step) {
		int n = snprintf(name + len, HOSTLIST_NAME_MAX + 1 - len, "%0*llu", (int)r->width,
				 (unsigned long long)v);

		if (n < 0 || (size_t)n > HOSTLIST_NAME_MAX - len)
			return fail(p, -EINVAL, at, "a name has at most 255 bytes");
		err = expand(p, at, t, piece + 1, name, len + (size_t)n, out);
	}
	return err;
}

/* Every way to choose one number for each pair of brackets; the depth is that of PIECES_MAX. */
static int expand(struct parse *p, const char *at, const struct term *t, size_t piece, char *name,
		  size_t len, struct hostlist *out)
{
	const struct piece *here = &t->pieces[piece];
	int err = 0;

	if (piece == t->len) {
		name[len] = '\0';
		err = hostlist_add(out, name);
		return err ? fail(p, err, at,
				  err == -E2BIG ? "more than 131072 nodes" : "out of memory")
			   : 0;
	}
	if (!here->ranges_len) {
		if (here->len > HOSTLIST_NAME_MAX - len)
			return fail(p, -EINVAL, at, "a name has at most 255 bytes");
		memcpy(name + len, here->letters, here->len);
		return expand(p, at, t, piece + 1, name, len + here->len, out);
	}
	for (size_t i = 0; i < here->ranges_len && !err; i++)
		err = expand_range(p, at, t, piece, name, len, &here->ranges[i], out);
	return err;
}

/* --- groups ----------------------------------------------------------------------------------- */

static int parse_text(struct parse *p, const char *text, struct hostlist *h);

static int add_group(struct parse *p, const char *at, const char *name, struct hostlist *out)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(HOSTLIST_TEXT_MAX);
	int err;

	if (!*name)
		return fail(p, -EINVAL, at, "the name of a group is missing behind the @");
	if (p->depth == GROUP_DEPTH_MAX)
		return fail(p, -ELOOP, at, "groups within groups, too deep: is there a circle?");
	err = p->groups->resolve(name, &text, p->groups->arg);
	if (!err)
		err = text.err;
	if (err)
		return fail(p, err, at,
			    err == -ENOENT ? "no such group" : "the group could not be looked up");
	p->depth++;
	err = parse_text(p, buf_str(&text), out);
	p->depth--;
	return err;
}

static int add_term(struct parse *p, const char *at, const struct term *t, struct hostlist *out)
{
	_cleanup_(hostlist_done) struct hostlist groups = { 0 };
	size_t count = count_term(t);
	char name[HOSTLIST_NAME_MAX + 1];
	int err;

	if (count > HOSTLIST_NODES_MAX || p->expanded + count > EXPANDED_MAX)
		return fail(p, -E2BIG, at, "more than 131072 nodes");
	p->expanded += count;
	if (*at != '@')
		return expand(p, at, t, 0, name, 0, out);
	if (!p->groups)
		return fail(p, -EINVAL, at, "groups are not known here");
	err = expand(p, at, t, 0, name, 0, &groups);
	for (size_t i = 0; i < groups.len && !err; i++)
		err = add_group(p, at, groups.names[i] + 1, out);
	return err;
}

/* --- the whole -------------------------------------------------------------------------------- */

static int apply(struct parse *p, const char *at, char op, struct hostlist *h, struct hostlist *t)
{
	int err = 0;

	if (op != ',' && ++p->operators > OPERATORS_MAX)
		return fail(p, -E2BIG, at, "too many operators");
	if (op == '!')
		hostlist_subtract(h, t);
	else if (op == '&')
		hostlist_intersect(h, t);
	else
		err = hostlist_differ(h, t);
	return err ? fail(p, err, at, "more than 131072 nodes") : 0;
}

static int parse_one(struct parse *p, const char **s, char op, struct hostlist *h)
{
	_cleanup_(hostlist_done) struct hostlist operand = { 0 };
	_cleanup_(term_done) struct term t = { 0 };
	const char *at = *s;
	int err;

	if (!strncasecmp(at, "n/a", 3) && ends_term(at[3]))
		return fail(p, -EINVAL, at, "that is what Slurm says where there is no node");
	err = parse_term(p, s, &t);
	if (err)
		return err;
	if (!t.len)
		return fail(p, -EINVAL, at, "a node is missing beside the operator");
	if (op == ',')
		return add_term(p, at, &t, h);
	err = add_term(p, at, &t, &operand);
	return err ? err : apply(p, at, op, h, &operand);
}

/* Past blanks and commas with nothing between them. */
static const char *skip_empty(const char *s)
{
	while (isspace((unsigned char)*s) || *s == ',')
		s++;
	return s;
}

static int parse_text(struct parse *p, const char *text, struct hostlist *h)
{
	const char *s = skip_empty(text);
	char op = ',';
	int err = 0;

	if (strlen(s) > HOSTLIST_TEXT_MAX)
		return fail(p, -E2BIG, s, "the node set is longer than 1 MiB");
	if (!strncasecmp(s, "none assigned", 13))
		return fail(p, -EINVAL, s, "that is what Slurm says of a job without nodes");
	while (*s && !err) {
		err = parse_one(p, &s, op, h);
		if (err)
			return err;
		s = skip_blanks(s);
		op = ',';
		if (!is_operator(*s))
			continue;
		op = *s;
		s = op == ',' ? skip_empty(s) : skip_blanks(s + 1);
		if (!*s && op != ',')
			err = fail(p, -EINVAL, s, "a node is missing beside the operator");
	}
	return err;
}

/* --- without expanding ------------------------------------------------------------------------ */

static bool in_range(const struct range *r, const char *digits, size_t len)
{
	uint64_t v = 0;
	char text[DIGITS_MAX + 2];
	int n;

	for (size_t i = 0; i < len; i++)
		v = v * 10 + (uint64_t)(digits[i] - '0');
	if (v < r->lo || v > r->hi || (v - r->lo) % r->step)
		return false;
	n = snprintf(text, sizeof(text), "%0*llu", (int)r->width, (unsigned long long)v);
	return n > 0 && (size_t)n == len && !memcmp(text, digits, len);
}

/* Numbers next to letters that are digits can be cut in several ways: each is tried. */
static bool piece_matches(const struct term *t, size_t piece, const char *name, unsigned *tries)
{
	const struct piece *here = &t->pieces[piece];

	if (piece == t->len)
		return !*name;
	if (!here->ranges_len)
		return !strncmp(name, here->letters, here->len) &&
		       piece_matches(t, piece + 1, name + here->len, tries);
	for (size_t len = 1; len <= DIGITS_MAX && isdigit((unsigned char)name[len - 1]); len++) {
		if (!*tries)
			return false;
		(*tries)--;
		for (size_t i = 0; i < here->ranges_len; i++) {
			if (!in_range(&here->ranges[i], name, len))
				continue;
			if (piece_matches(t, piece + 1, name + len, tries))
				return true;
			break; /* the same number by another range cuts the name the same */
		}
	}
	return false;
}

bool hostlist_text_has(const char *text, const char *name)
{
	struct hostlist_error ignored;
	struct parse p = { .text = text, .error = &ignored };
	const char *s = skip_empty(text);
	bool has = false;
	char op = ',';

	while (*s) {
		_cleanup_(term_done) struct term t = { 0 };
		unsigned tries = MATCH_TRIES_MAX;
		bool here;

		if (parse_term(&p, &s, &t) || !t.len)
			return false;
		here = piece_matches(&t, 0, name, &tries);
		has = op == ','	  ? has || here
		      : op == '!' ? has && !here
		      : op == '&' ? has && here
				  : has != here;
		s = skip_blanks(s);
		op = ',';
		if (!is_operator(*s))
			continue;
		op = *s;
		s = op == ',' ? skip_empty(s) : skip_blanks(s + 1);
	}
	return has;
}

int hostlist_parse(struct hostlist *h, const char *text, const struct hostlist_groups *g,
		   struct hostlist_error *ret_err)
{
	struct parse p = { .text = text, .groups = g, .error = ret_err };
	_cleanup_(hostlist_done) struct hostlist fresh = { 0 };
	int err = parse_text(&p, text, &fresh);

	if (err)
		return err;
	hostlist_sort(&fresh);
	if (!h->len) {
		hostlist_done(h);
		*h = fresh;
		fresh = (struct hostlist){ 0 };
		return 0;
	}
	err = hostlist_unite(h, &fresh);
	return err ? fail(&p, err, text, "more than 131072 nodes") : 0;
}
