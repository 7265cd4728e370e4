/* SPDX-License-Identifier: GPL-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "redirect/nft_internal.h"

#define DEPTH_MAX 16 /* as deep as the kernel lets chains jump */
#define STEPS_MAX 4000000

struct walk {
	struct nft *n;
	const struct redirect_addrs *addrs;
	struct redirect_list *l;
	unsigned steps;
};

static bool intersect(const struct match *a, const struct match *b, struct match *ret)
{
	struct match m = *a;

	if (b->lo > m.lo)
		m.lo = b->lo;
	if (b->hi < m.hi)
		m.hi = b->hi;
	if (m.proto && b->proto && m.proto != b->proto)
		return false;
	if (b->proto)
		m.proto = b->proto;
	if (b->family && m.family && (b->family != m.family || memcmp(b->addr, m.addr, 16) != 0))
		return false;
	if (b->family) {
		m.family = b->family;
		memcpy(m.addr, b->addr, 16);
	}
	*ret = m;
	return m.lo <= m.hi && !b->never;
}

/* Is it about the machine itself, from outside? What is forwarded anyhow opens no port here. */
static bool is_ours(const struct walk *w, const struct match *m)
{
	enum door_family family = m->family == NFPROTO_IPV4 ? FAMILY_INET : FAMILY_INET6;

	if (m->proto && m->proto != IPPROTO_TCP && m->proto != IPPROTO_UDP &&
	    m->proto != IPPROTO_SCTP && m->proto != IPPROTO_UDPLITE)
		return false;
	if (!m->family)
		return true;
	if (door_scope_of(family, m->addr) == SCOPE_LOOPBACK)
		return false;
	return !w->addrs || redirect_addrs_has(w->addrs, family, m->addr);
}

/* --- lines ------------------------------------------------------------------------------------ */

static void format_to(struct buf *b, const struct redirect_to *to)
{
	char text[INET6_ADDRSTRLEN] = "";
	bool v6 = to->family == NFPROTO_IPV6;

	if (to->family && inet_ntop(v6 ? AF_INET6 : AF_INET, to->addr, text, sizeof(text)))
		buf_printf(b, v6 && to->port ? "[%s]" : "%s", text);
	if (to->port)
		buf_printf(b, ":%u", to->port);
	if (!b->len)
		buf_putc(b, '-');
}

static const char *proto_word(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_UDPLITE:
		return "udplite";
	}
	return "any";
}

static const char *family_word(uint8_t family)
{
	return family == NFPROTO_IPV4 ? "ip" : family == NFPROTO_IPV6 ? "ip6" : "inet";
}

static void emit(struct walk *w, const struct match *m, const struct rule *r, uint32_t chain)
{
	static const char *const how[] = { "dnat", "redirect", "tproxy" };
	_cleanup_(buf_done) struct buf to = BUF_INIT(128), where = BUF_INIT(600);
	const struct chain *c = &w->n->chains[chain];
	char ports[16] = "any", at[INET6_ADDRSTRLEN] = "*";

	if (!is_ours(w, m))
		return;
	format_to(&to, &r->to);
	if (m->lo == m->hi)
		snprintf(ports, sizeof(ports), "%u", m->lo);
	else if (m->lo || m->hi < UINT16_MAX)
		snprintf(ports, sizeof(ports), "%u-%u", m->lo, m->hi);
	if (m->family)
		inet_ntop(m->family == NFPROTO_IPV4 ? AF_INET : AF_INET6, m->addr, at, sizeof(at));
	buf_printf(&where, "nft %s ", family_word(c->family));
	esc_text(&where, c->table, strlen(c->table), 80);
	buf_putc(&where, ' ');
	esc_text(&where, c->name, strlen(c->name), 80);
	buf_printf(&where, ": %s%s", how[r->to.how], r->to.by_map ? " by a map" : "");
	redirect_list_add(w->l, "%s %s %s %s %s", proto_word(m->proto), ports, at, buf_str(&to),
			  buf_str(&where));
}

/* --- sets ------------------------------------------------------------------------------------- */

static int by_key(const void *pa, const void *pb)
{
	const struct elem *a = pa, *b = pb;
	int d = memcmp(a->key, b->key, sizeof(a->key));

	return d ? d : b->is_end - a->is_end;
}

static void sort_set(struct set *s)
{
	if (s->sorted)
		return;
	if (s->len)
		qsort(s->elems, s->len, sizeof(*s->elems), by_key);
	s->sorted = true;
}

/* The last port of an element; of an interval the next element ends it. */
static uint16_t last_port(const struct set *s, size_t i, unsigned slot, uint16_t lo)
{
	const struct elem *e = &s->elems[i];

	if (e->has_end)
		return (uint16_t)(e->key_end[4 * slot] << 8 | e->key_end[4 * slot + 1]);
	if (!(s->flags & NFT_SET_INTERVAL) || slot || e->len > 4)
		return lo;
	if (i + 1 >= s->len)
		return UINT16_MAX;
	e = &s->elems[i + 1];
	return e->is_end ? (uint16_t)((e->key[0] << 8 | e->key[1]) - 1) : lo;
}

static void match_of_elem(const struct rule *r, const struct set *s, size_t i, struct match *m)
{
	const struct elem *e = &s->elems[i];

	*m = (struct match){ .hi = UINT16_MAX };
	for (unsigned slot = 0; slot < SLOTS && 4 * slot < e->len; slot++) {
		const uint8_t *v = e->key + 4 * slot;
		/* A range of addresses is none that could be named. */
		bool one = !e->has_end && !(s->flags & NFT_SET_INTERVAL);

		switch (r->fields[slot]) {
		case FIELD_DPORT:
			m->lo = (uint16_t)(v[0] << 8 | v[1]);
			m->hi = last_port(s, i, slot, m->lo);
			break;
		case FIELD_PROTO:
			m->proto = *v;
			break;
		case FIELD_DADDR4:
			if (one || (e->has_end && !memcmp(v, e->key_end + 4 * slot, 4))) {
				m->family = NFPROTO_IPV4;
				memcpy(m->addr, v, 4);
			}
			break;
		case FIELD_DADDR6:
			if (slot + 4 <= SLOTS && one) {
				m->family = NFPROTO_IPV6;
				memcpy(m->addr, v, 16);
			}
			slot += 3;
			break;
		}
	}
}

/* --- chains ----------------------------------------------------------------------------------- */

/* Some rule that redirects, reached from a chain: what is asked when the port is known already. */
static uint32_t first_below(struct walk *w, uint32_t chain, unsigned depth)
{
	struct chain *c = &w->n->chains[chain];

	if (c->asked || depth > DEPTH_MAX)
		return c->asked == 2 ? c->first : NONE;
	c->asked = 1;
	c->first = NONE;
	for (uint32_t i = c->head; i != NONE && c->first == NONE; i = w->n->rules[i].next) {
		const struct rule *r = &w->n->rules[i];
		const struct set *s = r->act == ACT_VMAP ? &w->n->sets[r->set] : NULL;

		w->steps++;
		if (r->act == ACT_REDIRECT) {
			c->first = i;
			c->via = chain;
		}
		for (size_t k = 0; k < (s ? s->len : r->act == ACT_JUMP); k++) {
			uint32_t to = s ? s->elems[k].chain : r->chain;

			if (to != NONE && c->first == NONE) {
				c->first = first_below(w, to, depth + 1);
				c->via = w->n->chains[to].via;
			}
		}
	}
	c->asked = 2;
	return c->first;
}

static void visit(struct walk *w, uint32_t chain, const struct match *m, unsigned depth);

static void go(struct walk *w, uint32_t to, const struct match *m, unsigned depth)
{
	uint32_t found;

	if (to == NONE || !is_ours(w, m))
		return;
	if (m->lo < m->hi) {
		visit(w, to, m, depth + 1);
		return;
	}
	found = first_below(w, to, 0);
	if (found != NONE)
		emit(w, m, &w->n->rules[found], w->n->chains[to].via);
}

static void follow(struct walk *w, uint32_t chain, const struct rule *r, const struct match *m,
		   uint32_t vmap_to, unsigned depth)
{
	if (r->act == ACT_REDIRECT)
		emit(w, m, r, chain);
	else
		go(w, r->act == ACT_JUMP ? r->chain : vmap_to, m, depth);
}

static void visit_rule(struct walk *w, uint32_t chain, const struct rule *r, const struct match *in,
		       unsigned depth)
{
	struct match m, e, both;
	struct set *s;

	if (!intersect(in, &r->m, &m))
		return;
	if (r->set == NONE) {
		follow(w, chain, r, &m, NONE, depth);
		return;
	}
	s = &w->n->sets[r->set];
	sort_set(s);
	for (size_t i = 0; i < s->len && w->steps < STEPS_MAX; i++) {
		w->steps++;
		if (s->elems[i].is_end)
			continue;
		match_of_elem(r, s, i, &e);
		if (intersect(&m, &e, &both))
			follow(w, chain, r, &both, s->elems[i].chain, depth);
	}
}

static void visit(struct walk *w, uint32_t chain, const struct match *m, unsigned depth)
{
	struct chain *c = &w->n->chains[chain];
	bool all = !m->lo && m->hi == UINT16_MAX && !m->proto && !m->family;

	if (depth > DEPTH_MAX || (all && c->seen))
		return;
	c->seen |= all;
	for (uint32_t i = c->head; i != NONE && w->steps < STEPS_MAX; i = w->n->rules[i].next) {
		w->steps++;
		visit_rule(w, chain, &w->n->rules[i], m, depth);
	}
}

void nft_walk(struct nft *n, const struct redirect_addrs *addrs, struct redirect_list *l)
{
	struct walk w = { .n = n, .addrs = addrs, .l = l };
	const struct match all = { .hi = UINT16_MAX };

	for (size_t i = 0; i < n->chains_len; i++)
		n->chains[i].seen = n->chains[i].asked = 0;
	for (size_t i = 0; i < n->chains_len; i++) {
		if (n->chains[i].base)
			visit(&w, (uint32_t)i, &all, 0);
	}
	if (w.steps >= STEPS_MAX)
		redirect_list_add(l, "! nft: more rules and elements than are gone through");
}
