/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A rule is a small program over registers: load a field of the packet, compare, look it up in a
 * set, act. It is run here with what a register holds instead of its value: which field, or which
 * constant.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "redirect/nft_internal.h"

struct run {
	struct nft *n;
	uint8_t family;
	const char *table;
	uint8_t fields[SLOTS], lens[SLOTS];
	uint8_t value[4 * SLOTS];
	bool known[SLOTS]; /* value is a constant */
	struct rule r;
	int err;
};

/* The four-byte slot a register begins at; SLOTS: none of ours. */
static unsigned slot_of(uint32_t reg)
{
	if (reg >= NFT_REG_1 && reg <= NFT_REG_4)
		return (reg - NFT_REG_1) * 4;
	return reg >= NFT_REG32_00 && reg <= NFT_REG32_15 ? reg - NFT_REG32_00 : SLOTS;
}

static void load(struct run *x, uint32_t reg, enum field f, size_t len)
{
	unsigned at = slot_of(reg), n = (unsigned)(len + 3) / 4;

	for (unsigned i = at; i < SLOTS && i < at + (n ? n : 1); i++) {
		x->fields[i] = (uint8_t)f;
		x->lens[i] = len < 255 ? (uint8_t)len : 255;
		x->known[i] = false;
	}
}

static enum field field_of(uint32_t base, uint32_t offset, uint32_t len)
{
	if (base == NFT_PAYLOAD_TRANSPORT_HEADER)
		return offset == 2 && len == 2 ? FIELD_DPORT : FIELD_OTHER;
	if (base != NFT_PAYLOAD_NETWORK_HEADER)
		return FIELD_OTHER;
	if ((offset == 9 || offset == 6) && len == 1)
		return FIELD_PROTO;
	if (offset == 16 && len == 4)
		return FIELD_DADDR4;
	return offset == 24 && len == 16 ? FIELD_DADDR6 : FIELD_OTHER;
}

static void on_payload(struct run *x, const struct attr *e)
{
	struct attr t[NFTA_PAYLOAD_LEN + 1];
	uint32_t len;

	attrs_read(e->p, e->len, t, array_len(t));
	len = attr_be32(&t[NFTA_PAYLOAD_LEN]);
	load(x, attr_be32(&t[NFTA_PAYLOAD_DREG]),
	     field_of(attr_be32(&t[NFTA_PAYLOAD_BASE]), attr_be32(&t[NFTA_PAYLOAD_OFFSET]), len),
	     len);
}

static void on_meta(struct run *x, const struct attr *e)
{
	struct attr t[NFTA_META_KEY + 1];

	attrs_read(e->p, e->len, t, array_len(t));
	if (t[NFTA_META_DREG].p)
		load(x, attr_be32(&t[NFTA_META_DREG]),
		     attr_be32(&t[NFTA_META_KEY]) == NFT_META_L4PROTO ? FIELD_PROTO : FIELD_OTHER,
		     1);
}

/* What works on a register and leaves another value there. */
static void on_change(struct run *x, const struct attr *e)
{
	struct attr t[NFTA_BITWISE_LEN + 1];

	attrs_read(e->p, e->len, t, array_len(t));
	load(x, attr_be32(&t[NFTA_BITWISE_DREG]), FIELD_OTHER, 16);
}

static void at_least(struct match *m, unsigned port)
{
	if (port > UINT16_MAX)
		m->never = true;
	else if (port > m->lo)
		m->lo = (uint16_t)port;
	m->never |= m->lo > m->hi;
}

static void at_most(struct match *m, int port)
{
	if (port < 0)
		m->never = true;
	else if (port < m->hi)
		m->hi = (uint16_t)port;
	m->never |= m->lo > m->hi;
}

static uint16_t port_at(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void must_port(struct match *m, uint32_t op, uint16_t port)
{
	if (op == NFT_CMP_EQ || op == NFT_CMP_GTE)
		at_least(m, port);
	if (op == NFT_CMP_EQ || op == NFT_CMP_LTE)
		at_most(m, port);
	if (op == NFT_CMP_GT)
		at_least(m, port + 1U);
	if (op == NFT_CMP_LT)
		at_most(m, port - 1);
}

static void must_be(struct match *m, enum field f, uint32_t op, const uint8_t *p, size_t len)
{
	if (f == FIELD_DPORT && len >= 2) {
		must_port(m, op, port_at(p));
	} else if (op != NFT_CMP_EQ) {
		return;
	} else if (f == FIELD_PROTO && len >= 1) {
		m->never |= m->proto && m->proto != *p;
		m->proto = *p;
	} else if ((f == FIELD_DADDR4 && len == 4) || (f == FIELD_DADDR6 && len == 16)) {
		m->family = f == FIELD_DADDR4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
		memcpy(m->addr, p, len);
	}
}

static const uint8_t *value_of(const struct attr *data, size_t *ret_len)
{
	struct attr t[NFTA_DATA_VERDICT + 1];

	attrs_read(data->p, data->len, t, array_len(t));
	*ret_len = t[NFTA_DATA_VALUE].len;
	return t[NFTA_DATA_VALUE].p;
}

static void on_cmp(struct run *x, const struct attr *e)
{
	struct attr t[NFTA_CMP_DATA + 1];
	const uint8_t *v;
	unsigned at;
	size_t len;

	attrs_read(e->p, e->len, t, array_len(t));
	at = slot_of(attr_be32(&t[NFTA_CMP_SREG]));
	v = value_of(&t[NFTA_CMP_DATA], &len);
	if (at < SLOTS && v)
		must_be(&x->r.m, x->fields[at], attr_be32(&t[NFTA_CMP_OP]), v, len);
}

static void on_range(struct run *x, const struct attr *e)
{
	struct attr t[NFTA_RANGE_TO_DATA + 1];
	const uint8_t *from, *to;
	size_t from_len, to_len;
	unsigned at;

	attrs_read(e->p, e->len, t, array_len(t));
	at = slot_of(attr_be32(&t[NFTA_RANGE_SREG]));
	from = value_of(&t[NFTA_RANGE_FROM_DATA], &from_len);
	to = value_of(&t[NFTA_RANGE_TO_DATA], &to_len);
	if (at >= SLOTS || x->fields[at] != FIELD_DPORT || !from || !to || from_len < 2 ||
	    to_len < 2 || attr_be32(&t[NFTA_RANGE_OP]) != NFT_RANGE_EQ)
		return;
	must_port(&x->r.m, NFT_CMP_GTE, port_at(from));
	must_port(&x->r.m, NFT_CMP_LTE, port_at(to));
}

/*
 * One set a rule is followed into: the first that a port is looked up in, or else the one that says
 * where to go.
 */
static void on_lookup(struct run *x, const struct attr *e)
{
	struct attr t[NFTA_LOOKUP_FLAGS + 1];
	char name[NFT_NAME_MAX];
	bool useful = false, verdict, has_dreg;
	unsigned at;
	uint32_t set;

	attrs_read(e->p, e->len, t, array_len(t));
	at = slot_of(attr_be32(&t[NFTA_LOOKUP_SREG]));
	has_dreg = t[NFTA_LOOKUP_DREG].p;
	verdict = has_dreg && attr_be32(&t[NFTA_LOOKUP_DREG]) == NFT_REG_VERDICT;
	if (at >= SLOTS || attr_be32(&t[NFTA_LOOKUP_FLAGS]) & NFT_LOOKUP_F_INV)
		return;
	for (unsigned i = at; i < SLOTS; i++)
		useful |= x->fields[i] >= FIELD_PROTO && x->fields[i] <= FIELD_DADDR6;
	attr_str(&t[NFTA_LOOKUP_SET], name);
	if (verdict || (useful && x->r.set == NONE)) {
		x->err = nft_set_of(x->n, x->family, x->table, name, &set);
		if (x->err)
			return;
		x->r.set = set;
		memcpy(x->r.fields, x->fields + at, SLOTS - at);
		memset(x->r.fields + SLOTS - at, 0, at);
	}
	if (verdict)
		x->r.act = ACT_VMAP;
	else if (has_dreg)
		load(x, attr_be32(&t[NFTA_LOOKUP_DREG]), FIELD_OTHER, 16);
}

static void on_immediate(struct run *x, const struct attr *e)
{
	struct attr t[NFTA_IMMEDIATE_DATA + 1], d[NFTA_DATA_VERDICT + 1], v[NFTA_VERDICT_CHAIN + 1];
	char name[NFT_NAME_MAX];
	uint32_t reg;
	unsigned at;
	size_t len;

	attrs_read(e->p, e->len, t, array_len(t));
	attrs_read(t[NFTA_IMMEDIATE_DATA].p, t[NFTA_IMMEDIATE_DATA].len, d, array_len(d));
	reg = attr_be32(&t[NFTA_IMMEDIATE_DREG]);
	if (reg == NFT_REG_VERDICT) {
		attrs_read(d[NFTA_DATA_VERDICT].p, d[NFTA_DATA_VERDICT].len, v, array_len(v));
		if (!v[NFTA_VERDICT_CHAIN].p)
			return;
		attr_str(&v[NFTA_VERDICT_CHAIN], name);
		x->err = nft_chain_of(x->n, x->family, x->table, name, &x->r.chain);
		if (x->r.act == ACT_NONE)
			x->r.act = ACT_JUMP;
		return;
	}
	at = slot_of(reg);
	len = d[NFTA_DATA_VALUE].len;
	load(x, reg, FIELD_OTHER, len);
	if (at >= SLOTS || !len || len > 4 * (SLOTS - at))
		return;
	memcpy(x->value + 4 * at, d[NFTA_DATA_VALUE].p, len);
	x->known[at] = true;
}

/* --- what redirects --------------------------------------------------------------------------- */

static void whereto(struct run *x, enum how how, uint32_t family, const struct attr *addr,
		    const struct attr *port)
{
	unsigned a = addr && addr->p ? slot_of(attr_be32(addr)) : SLOTS;
	unsigned p = port && port->p ? slot_of(attr_be32(port)) : SLOTS;
	struct redirect_to *to = &x->r.to;

	x->r.act = ACT_REDIRECT;
	*to = (struct redirect_to){ .how = how };
	if (family != NFPROTO_IPV4 && family != NFPROTO_IPV6)
		family = x->family == NFPROTO_INET ? 0 : x->family;
	if (a < SLOTS && x->known[a] && family) {
		to->family = (uint8_t)family;
		memcpy(to->addr, x->value + 4 * a, family == NFPROTO_IPV4 ? 4 : 16 - 4 * (a % 4));
	}
	if (p < SLOTS && x->known[p])
		to->port = port_at(x->value + 4 * p);
	to->by_map = (a < SLOTS && !x->known[a]) || (p < SLOTS && !x->known[p]);
}

static void on_nat(struct run *x, const struct attr *e)
{
	struct attr t[NFTA_NAT_REG_PROTO_MIN + 1];

	attrs_read(e->p, e->len, t, array_len(t));
	if (attr_be32(&t[NFTA_NAT_TYPE]) == NFT_NAT_DNAT)
		whereto(x, HOW_DNAT, attr_be32(&t[NFTA_NAT_FAMILY]), &t[NFTA_NAT_REG_ADDR_MIN],
			&t[NFTA_NAT_REG_PROTO_MIN]);
}

static void on_redir(struct run *x, const struct attr *e)
{
	struct attr t[NFTA_REDIR_REG_PROTO_MIN + 1];

	attrs_read(e->p, e->len, t, array_len(t));
	whereto(x, HOW_REDIRECT, 0, NULL, &t[NFTA_REDIR_REG_PROTO_MIN]);
}

static void on_tproxy(struct run *x, const struct attr *e)
{
	struct attr t[NFTA_TPROXY_REG_PORT + 1];

	attrs_read(e->p, e->len, t, array_len(t));
	whereto(x, HOW_TPROXY, attr_be32(&t[NFTA_TPROXY_FAMILY]), &t[NFTA_TPROXY_REG_ADDR],
		&t[NFTA_TPROXY_REG_PORT]);
}

static uint32_t u32_at(const struct attr *a, size_t at)
{
	uint32_t v = 0;

	if (at + sizeof(v) <= a->len)
		memcpy(&v, a->p + at, sizeof(v));
	return v;
}

#define RANGE_PROTO_SPECIFIED 2 /* NF_NAT_RANGE_PROTO_SPECIFIED */
#define RANGE_MAP_IPS 1

/*
 * struct nf_nat_ipv4_multi_range_compat, of revision 0 and of REDIRECT; struct nf_nat_range (1) and
 * ..._range2 (2).
 */
static void on_xt_nat(struct run *x, enum how how, uint32_t rev, const struct attr *info)
{
	bool v4 = !rev || (how == HOW_REDIRECT && x->family == NFPROTO_IPV4);
	size_t flags_at = v4 ? 4 : 0, addr_at = flags_at + 4, port_at_ = addr_at + (v4 ? 8 : 32);
	struct redirect_to *to = &x->r.to;
	uint32_t flags = u32_at(info, flags_at);

	x->r.act = ACT_REDIRECT;
	*to = (struct redirect_to){ .how = how };
	if (info->len < port_at_ + 2)
		return;
	if (flags & RANGE_MAP_IPS && how == HOW_DNAT) {
		to->family = x->family == NFPROTO_IPV6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
		memcpy(to->addr, info->p + addr_at, to->family == NFPROTO_IPV4 ? 4 : 16);
	}
	if (flags & RANGE_PROTO_SPECIFIED)
		to->port = port_at(info->p + port_at_);
}

/*
 * struct xt_tproxy_target_info { mark_mask, mark_value, laddr, lport } and ..._v1 with 16 bytes of
 * address.
 */
static void on_xt_tproxy(struct run *x, uint32_t rev, const struct attr *info)
{
	size_t at = rev ? 24 : 12;

	x->r.act = ACT_REDIRECT;
	x->r.to = (struct redirect_to){ .how = HOW_TPROXY };
	if (info->len >= at + 2)
		x->r.to.port = port_at(info->p + at);
}

static void on_target(struct run *x, const struct attr *e)
{
	struct attr t[NFTA_TARGET_INFO + 1];
	char name[NFT_NAME_MAX];
	uint32_t rev;

	attrs_read(e->p, e->len, t, array_len(t));
	attr_str(&t[NFTA_TARGET_NAME], name);
	rev = attr_be32(&t[NFTA_TARGET_REV]);
	if (!strcmp(name, "DNAT"))
		on_xt_nat(x, HOW_DNAT, rev, &t[NFTA_TARGET_INFO]);
	else if (!strcmp(name, "REDIRECT"))
		on_xt_nat(x, HOW_REDIRECT, rev, &t[NFTA_TARGET_INFO]);
	else if (!strcmp(name, "TPROXY"))
		on_xt_tproxy(x, rev, &t[NFTA_TARGET_INFO]);
}

#define XT_TCP_INVERTS 11
#define XT_UDP_INVERTS 8
#define XT_INVERTS_DPORT 2

/* struct xt_tcp, xt_udp: u16 spts[2], dpts[2], in host order. */
static void on_match(struct run *x, const struct attr *e)
{
	struct attr t[NFTA_MATCH_INFO + 1];
	const struct attr *info = &t[NFTA_MATCH_INFO];
	char name[NFT_NAME_MAX];
	uint16_t ports[2];
	bool tcp;

	attrs_read(e->p, e->len, t, array_len(t));
	attr_str(&t[NFTA_MATCH_NAME], name);
	tcp = !strcmp(name, "tcp");
	if ((!tcp && strcmp(name, "udp") != 0) || info->len <= XT_TCP_INVERTS - (tcp ? 0 : 3))
		return;
	memcpy(ports, info->p + 4, sizeof(ports));
	if (info->p[tcp ? XT_TCP_INVERTS : XT_UDP_INVERTS] & XT_INVERTS_DPORT)
		return;
	must_be(&x->r.m, FIELD_PROTO, NFT_CMP_EQ, (const uint8_t[]){ tcp ? 6 : 17 }, 1);
	must_port(&x->r.m, NFT_CMP_GTE, ports[0]);
	must_port(&x->r.m, NFT_CMP_LTE, ports[1]);
}

static const struct {
	const char *name;
	void (*on)(struct run *x, const struct attr *e);
} expressions[] = {
	{ "payload", on_payload },     { "meta", on_meta },
	{ "bitwise", on_change },      { "cmp", on_cmp },
	{ "range", on_range },	       { "lookup", on_lookup },
	{ "immediate", on_immediate }, { "nat", on_nat },
	{ "redir", on_redir },	       { "tproxy", on_tproxy },
	{ "target", on_target },       { "match", on_match },
};

int nft_rule_read(struct nft *n, uint8_t family, const char *table, const void *exprs, size_t len,
		  struct rule *ret)
{
	struct run x = {
		.n = n,
		.family = family,
		.table = table,
		.r = { .next = NONE, .m = { .hi = UINT16_MAX }, .chain = NONE, .set = NONE }
	};
	const uint8_t *p = exprs;
	struct attr item, t[NFTA_EXPR_DATA + 1];
	char name[NFT_NAME_MAX];

	while (!x.err && attr_next(&p, &len, &item)) {
		attrs_read(item.p, item.len, t, array_len(t));
		attr_str(&t[NFTA_EXPR_NAME], name);
		for (size_t i = 0; i < array_len(expressions); i++) {
			if (!strcmp(name, expressions[i].name))
				expressions[i].on(&x, &t[NFTA_EXPR_DATA]);
		}
	}
	if (!x.err && x.r.act != ACT_NONE && x.r.set != NONE)
		n->sets[x.r.set].wanted = true;
	*ret = x.r;
	return x.err;
}
