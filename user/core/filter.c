/* SPDX-License-Identifier: GPL-2.0 */
#include "core/filter.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/hostlist.h"
#include "base/parse.h"
#include "core/racks.h"

#define DELETED " (deleted)"

static const char known_words[] = "unknown filter: use tcp, udp, :PORT, :LO-HI, exe:NAME, "
				  "user:NAME, node:NODES, class:NAME, rack:NAME "
				  "or state:VERDICT";

/* ":22" or ":8000-8100"; 32 bits, since vsock has them. */
static int parse_ports(const char *s, struct filter_word *w, const char **ret_why)
{
	const char *dash = strchr(s, '-');
	char lo[16];
	size_t n = dash ? (size_t)(dash - s) : strlen(s);

	*ret_why = "a port filter is :PORT or :LO-HI, such as :22 or :8000-8100";
	if (n == 0 || n >= sizeof(lo))
		return -EINVAL;
	memcpy(lo, s, n);
	lo[n] = '\0';
	if (parse_u32(lo, &w->lo))
		return -EINVAL;
	w->hi = w->lo;
	if (dash && parse_u32(dash + 1, &w->hi))
		return -EINVAL;
	if (w->lo > w->hi) {
		*ret_why = "a port filter :LO-HI wants the smaller port first";
		return -EINVAL;
	}
	return 0;
}

static int parse_state(const char *s, struct filter_word *w, const char **ret_why)
{
	enum verdict v;

	if (verdict_parse(s, &v)) {
		*ret_why = "unknown state: use state:profiled, unexpected, impostor, shared, "
			   "client, settling or "
			   "learning";
		return -EINVAL;
	}
	w->lo = w->hi = v;
	return 0;
}

static int parse_nodes(const char *text, const char **ret_why)
{
	_cleanup_(hostlist_done) struct hostlist h = { 0 };
	struct hostlist_error e = { .what = "" };
	int err = hostlist_parse(&h, text, NULL, &e);

	if (err)
		*ret_why = e.what;
	return err ? -EINVAL : 0;
}

static int parse_rack(const struct racks *racks, struct filter_word *w, const char **ret_why)
{
	*ret_why = racks ? "the file of web.racks has no such rack"
			 : "no racks are known: web.racks in the configuration names the file that "
			   "says which nodes each has";
	return racks && !racks_find(racks, w->text, &w->lo) ? 0 : -EINVAL;
}

static const struct prefix {
	const char *name;
	int kind;
	const char *empty; /* said when nothing follows */
} prefixes[] = {
	{ "exe:", FILTER_EXE,
	  "exe: wants a path, its last part or a command name, such as exe:nc" },
	{ "user:", FILTER_USER, "user: wants a name or a number, such as user:root" },
	{ "node:", FILTER_NODE, "node: wants a node or a set of them, such as node:node[001-064]" },
	{ "class:", FILTER_CLASS, "class: wants the name of a node class, such as class:compute" },
	{ "rack:", FILTER_RACK, "rack: wants the name of a rack, such as rack:r01" },
	{ "state:", FILTER_STATE, "state: wants a verdict, such as state:unexpected" },
};

static const struct prefix *find_prefix(const char *word)
{
	for (size_t i = 0; i < array_len(prefixes); i++)
		if (!strncmp(word, prefixes[i].name, strlen(prefixes[i].name)))
			return &prefixes[i];
	return NULL;
}

static int parse_word(const struct racks *racks, const char *word, struct filter_word *w,
		      const char **ret_why)
{
	const struct prefix *p = find_prefix(word);
	enum door_proto proto;

	if (word[0] == ':') {
		w->kind = FILTER_PORT;
		return parse_ports(word + 1, w, ret_why);
	}
	if (p) {
		w->kind = p->kind;
		w->text = word + strlen(p->name);
		*ret_why = p->empty;
		if (!*w->text)
			return -EINVAL;
		if (p->kind == FILTER_NODE)
			return parse_nodes(w->text, ret_why);
		if (p->kind == FILTER_RACK)
			return parse_rack(racks, w, ret_why);
		return p->kind == FILTER_STATE ? parse_state(w->text, w, ret_why) : 0;
	}
	if (!door_proto_parse(word, &proto)) {
		w->kind = FILTER_PROTO;
		w->lo = w->hi = proto;
		return 0;
	}
	*ret_why = known_words;
	return -EINVAL;
}

int filter_add(struct filter *f, const char *word, const char **ret_why)
{
	struct filter_word w = { 0 };
	const char *why = NULL;

	if (f->len == FILTER_WORDS_MAX) {
		*ret_why = "too many filters: at most 32";
		return -EINVAL;
	}
	if (parse_word(f->racks, word, &w, &why)) {
		*ret_why = why;
		return -EINVAL;
	}
	f->words[f->len++] = w;
	return 0;
}

/* A person who asks for "tcp" means every door that answers TCP, and MPTCP doors do. */
static bool match_proto(const struct filter_word *w, const struct door *d)
{
	return d && (d->proto == w->lo || (w->lo == PROTO_TCP && d->proto == PROTO_MPTCP));
}

/* What raw and packet doors keep in port is a protocol, not a port. */
static bool match_port(const struct filter_word *w, const struct door *d)
{
	return d && d->proto != PROTO_RAW && d->proto != PROTO_PACKET && d->port >= w->lo &&
	       d->port <= w->hi;
}

static bool match_exe(const char *want, const struct process *p)
{
	struct text exe, last;

	if (!p || !p->known)
		return false;
	if (!strcmp(p->comm, want))
		return true;
	exe = p->exe;
	if (!exe.ptr)
		return false;
	if (text_is(exe, want))
		return true;
	/* The program is the same one when its file was replaced beneath it. */
	if (exe.len >= strlen(DELETED) &&
	    !memcmp(exe.ptr + exe.len - strlen(DELETED), DELETED, strlen(DELETED)))
		exe.len -= strlen(DELETED);
	last = exe;
	for (uint32_t i = 0; i < exe.len; i++)
		if (exe.ptr[i] == '/')
			last = (struct text){ exe.ptr + i + 1, exe.len - i - 1 };
	return text_is(exe, want) || text_is(last, want);
}

static bool match_user(const char *want, const struct process *p)
{
	uint32_t uid;

	if (!p || !p->known)
		return false;
	if (p->user.ptr && text_is(p->user, want))
		return true;
	return p->uid != ID_UNKNOWN && !parse_u32(want, &uid) && uid == p->uid;
}

static bool match_word(const struct racks *racks, const struct filter_word *w,
		       const struct filter_subject *s)
{
	switch (w->kind) {
	case FILTER_PROTO:
		return match_proto(w, s->door);
	case FILTER_PORT:
		return match_port(w, s->door);
	case FILTER_EXE:
		return match_exe(w->text, s->opener);
	case FILTER_USER:
		return match_user(w->text, s->opener);
	case FILTER_NODE:
		return s->node &&
		       (!strcmp(s->node, w->text) || hostlist_text_has(w->text, s->node));
	case FILTER_CLASS:
		return s->host_type && !strcmp(s->host_type, w->text);
	case FILTER_RACK:
		return s->node && racks_of(racks, s->node) == w->lo;
	case FILTER_STATE:
		return s->verdict == w->lo;
	}
	return false;
}

bool filter_match(const struct filter *f, const struct filter_subject *s)
{
	unsigned asked = 0, held = 0; /* bits by kind */

	for (unsigned i = 0; i < f->len; i++) {
		unsigned bit = 1u << f->words[i].kind;

		asked |= bit;
		if (!(held & bit) && match_word(f->racks, &f->words[i], s))
			held |= bit;
	}
	return asked == held;
}

void filter_ports(const struct filter *f, uint32_t *ret_lo, uint32_t *ret_hi)
{
	uint32_t lo = UINT32_MAX, hi = 0;

	for (unsigned i = 0; i < f->len; i++) {
		const struct filter_word *w = &f->words[i];

		if (w->kind != FILTER_PORT)
			continue;
		if (w->lo < lo)
			lo = w->lo;
		if (w->hi > hi)
			hi = w->hi;
	}
	*ret_lo = hi ? lo : 0;
	*ret_hi = hi;
}

const char *filter_node(const struct filter *f)
{
	const char *node = NULL;

	for (unsigned i = 0; i < f->len; i++) {
		if (f->words[i].kind != FILTER_NODE)
			continue;
		if (node || strpbrk(f->words[i].text, "[,@*!&^ \t\n\v\f\r"))
			return NULL;
		node = f->words[i].text;
	}
	return node;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A word is a set, and whatever it looks like it may be a name. */
static int add_names(const struct filter *f, struct hostlist *h)
{
	struct hostlist_error e;
	int err = 0;

	for (unsigned i = 0; i < f->len && !err; i++)
		if (f->words[i].kind == FILTER_NODE)
			err = hostlist_parse(h, f->words[i].text, NULL, &e);
	hostlist_sort(h);
	if (err || h->len > FILTER_NODES_MAX)
		return err ? err : -E2BIG;
	for (unsigned i = 0; i < f->len && !err; i++)
		if (f->words[i].kind == FILTER_NODE)
			err = hostlist_add(h, f->words[i].text);
	return err;
}

int filter_nodes(const struct filter *f, struct hostlist *ret_nodes)
{
	_cleanup_(hostlist_done) struct hostlist h = { 0 };
	int err = add_names(f, &h);

	*ret_nodes = (struct hostlist){ 0 };
	if (err)
		return err == -ENOMEM ? err : 0;
	hostlist_sort(&h);
	if (h.len)
		qsort(h.names, h.len, sizeof(*h.names), by_bytes);
	h.sorted = false;
	*ret_nodes = h;
	h = (struct hostlist){ 0 };
	return 0;
}
