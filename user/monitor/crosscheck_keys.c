/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "monitor/alerting.h"
#include "monitor/crosscheck_internal.h"

/*
 * Who answers on a port is remembered from the first honest scan of it: one that sees a door where
 * the kernel shows it, or where no agent is, and whose service contradicts nobody.
 *
 *	another key       masquerade: a server that is installed anew has a new one, and so has one in its place. It stands
 *	                  until a person forgets the old one ('ajar scan keys forget').
 *	another product,
 *	another version   changed: an upgrade, most of the time; on all nodes of a class it is one finding. What has stood for
 *	                  KNOWN_NS is what is known.
 *
 * A class whose profile row pins its keys needs none of that.
 */
#define KNOWN_NS UINT64_C(86400000000000)
#define CONF_WRAPPED 8
#define FINGERPRINTS_TEXT_MAX 1024
#define WORDS_MAX 2000

bool crosscheck_is_open(struct crosscheck *o, enum finding_kind kind, enum door_proto proto,
			uint32_t port, const char *what)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(1024);
	struct view *v = &o->v;

	audit_finding_key(v->host_type, kind, proto, port, what, &key);
	for (size_t i = 0; i < v->alerts_len; i++) {
		if (!strcmp(v->alerts[i].key, buf_str(&key))) {
			v->alerts[i].found = true;
			return true;
		}
	}
	return false;
}

static struct key_copy *find_key(struct view *v, uint32_t port)
{
	for (size_t i = 0; i < v->keys_len; i++) {
		if (v->keys[i].port == port)
			return &v->keys[i];
	}
	return NULL;
}

static int new_key(struct crosscheck *o, uint32_t port, struct key_copy **ret_k)
{
	struct view *v = &o->v;
	struct key_copy *keys = reallocarray(v->keys, v->keys_len + 1, sizeof(*keys));

	if (!keys)
		return -ENOMEM;
	v->keys = keys;
	keys[v->keys_len] = (struct key_copy){ .port = port, .first_ns = o->now_ns };
	*ret_k = &keys[v->keys_len++];
	return 0;
}

static int write_key(struct crosscheck *o, const struct key_copy *k)
{
	_cleanup_(buf_done) struct buf f = BUF_INIT(FINGERPRINTS_TEXT_MAX);
	struct store_key row = { .node = o->v.h.node,
				 .proto = PROTO_TCP,
				 .port = k->port,
				 .product = k->product,
				 .version = k->version,
				 .first_ns = k->first_ns,
				 .changed_ns = k->changed_ns };

	buf_puts(&f, "");
	fingerprints_format(&f, k->f, k->f_len);
	row.fingerprint = buf_str(&f);
	return f.err ? f.err : store_key_put(o->store, &row);
}

static void copy_text(char *to, size_t size, struct text t)
{
	snprintf(to, size, "%.*s", (int)t.len, t.ptr ? t.ptr : "");
}

static void put_since(struct buf *b, const struct key_copy *k)
{
	buf_puts(b, "since ");
	clock_format(b, k->first_ns);
	buf_puts(b, " it was ");
}

static int find(struct crosscheck *o, const struct finding *like, const struct compare_in *in,
		struct buf *summary, struct buf *why)
{
	_cleanup_(buf_done) struct buf remedy = BUF_INIT(WORDS_MAX);
	struct finding f = *like;

	buf_printf(&remedy,
		   "look at who listens: 'ajar node %s'; a server that was installed anew or "
		   "upgraded on "
		   "purpose is learned anew by the next scan after 'ajar scan keys forget %s %u'",
		   o->v.h.node, o->v.h.node, in->port);

	f.host_type = o->v.host_type;
	f.node = o->v.h.node;
	f.proto = PROTO_TCP;
	f.port = in->port;
	f.summary = buf_str(summary);
	f.why = buf_str(why);
	f.remedy = buf_str(&remedy);
	crosscheck_is_open(o, f.kind, f.proto, f.port, f.what);
	return summary->err || why->err || remedy.err ? -E2BIG
						      : alerting_find(o->alerting, &f, o->wall_ns);
}

/* --- keys ----------------------------------------------------------------------------------------- */

static int key_changed(struct crosscheck *o, const struct key_copy *k, const struct compare_in *in)
{
	_cleanup_(buf_done) struct buf summary = BUF_INIT(512), why = BUF_INIT(WORDS_MAX);
	const struct finding f = { .kind = FINDING_MASQUERADE,
				   .severity = SEVERITY_CRITICAL,
				   .what = "key" };

	buf_printf(&summary, "another key than before answers on port %u of class %s", in->port,
		   o->v.host_type);
	buf_printf(&why, "port %u of %s at %s answers with ", in->port, o->v.h.node, o->v.h.addr);
	fingerprints_format(&why, in->seen->fingerprints, in->seen->fingerprints_len);
	buf_puts(&why, "; ");
	put_since(&why, k);
	fingerprints_format(&why, k->f, k->f_len);
	buf_puts(&why, ". Its server was installed anew, or another one, or another host, stands "
		       "in its place");
	return find(o, &f, in, &summary, &why);
}

static int compare_keys(struct crosscheck *o, struct key_copy *k, const struct compare_in *in,
			bool *ret_learned)
{
	const struct port_seen *p = in->seen;

	switch (audit_known_keys(k->f, k->f_len, p)) {
	case KEYS_OTHER:
		return key_changed(o, k, in);
	case KEYS_MORE:
		for (unsigned i = 0; i < p->fingerprints_len; i++)
			if (k->f_len < FINGERPRINTS_MAX &&
			    !audit_has_key(k->f, k->f_len, &p->fingerprints[i]))
				k->f[k->f_len++] = p->fingerprints[i];
		*ret_learned = true;
		break;
	case KEYS_SAME:
		break;
	}
	ports_add(&o->v.sound_key, in->port, in->port);
	return 0;
}

/* --- products and versions --------------------------------------------------------------------------- */

static void put_product(struct buf *b, const char *product, const char *version)
{
	buf_puts(b, "'");
	esc_text(b, product, strlen(product), 100);
	if (*version) {
		buf_putc(b, ' ');
		esc_text(b, version, strlen(version), 60);
	}
	buf_puts(b, "'");
}

static int banner_changed(struct crosscheck *o, const struct key_copy *k,
			  const struct key_copy *now, const struct compare_in *in)
{
	_cleanup_(buf_done) struct buf summary = BUF_INIT(512), why = BUF_INIT(WORDS_MAX);
	bool version = !strcmp(k->product, now->product);
	const struct finding f = { .kind = FINDING_CHANGED,
				   .severity = version ? SEVERITY_NOTICE : SEVERITY_WARNING,
				   .what = version ? "version" : "product" };

	buf_printf(&summary, "another %s than before answers on port %u of class %s", f.what,
		   in->port, o->v.host_type);
	buf_printf(&why, "port %u of %s at %s answers as ", in->port, o->v.h.node, o->v.h.addr);
	put_product(&why, now->product, now->version);
	buf_puts(&why, "; ");
	put_since(&why, k);
	put_product(&why, k->product, k->version);
	buf_puts(&why, ". It ends by itself when it has been so for a day");
	return find(o, &f, in, &summary, &why);
}

static int compare_banner(struct crosscheck *o, struct key_copy *k, const struct compare_in *in,
			  bool *ret_learned)
{
	struct key_copy now = { 0 };
	bool same;

	copy_text(now.product, sizeof(now.product), in->seen->service.product);
	copy_text(now.version, sizeof(now.version), in->seen->service.version);
	same = !strcmp(k->product, now.product) &&
	       (!strcmp(k->version, now.version) || !*k->version || !*now.version);
	if (*k->product && !same && !k->changed_ns)
		k->changed_ns = o->now_ns;
	if (*k->product && !same && o->now_ns - k->changed_ns < KNOWN_NS) {
		*ret_learned |= k->changed_ns == o->now_ns;
		return banner_changed(o, k, &now, in);
	}
	*ret_learned |= !same || k->changed_ns || (!*k->version && *now.version);
	k->changed_ns = 0;
	if (!same || !*k->version) {
		snprintf(k->product, sizeof(k->product), "%s", now.product);
		snprintf(k->version, sizeof(k->version), "%s", now.version);
	}
	ports_add(&o->v.sound_banner, in->port, in->port);
	return 0;
}

int crosscheck_keys(struct crosscheck *o, const struct compared *c, const struct compare_in *in)
{
	const struct port_seen *p = in->seen;
	bool keys = p && p->fingerprints_len &&
		    !(c->row && c->row->fingerprint && *c->row->fingerprint);
	bool banner = p && c->ruling.kind != FINDING_MASQUERADE &&
		      p->service.method == METHOD_PROBED && p->service.conf > CONF_WRAPPED &&
		      p->service.product.len;
	bool learned = false, honest = c->ruling.verdict == VERDICT_PROFILED &&
				       (c->door || c->witness.inside == INSIDE_ABSENT);
	struct key_copy *k;
	int err = 0;

	if (in->proto != PROTO_TCP || in->state != PORT_OPEN || (!keys && !banner))
		return 0;
	k = find_key(&o->v, in->port);
	if (!k && !honest)
		return 0;
	if (!k)
		err = new_key(o, in->port, &k);
	if (!err && keys && (k->f_len || honest))
		err = compare_keys(o, k, in, &learned);
	if (!err && banner && (*k->product || honest))
		err = compare_banner(o, k, in, &learned);
	return err || !learned ? err : write_key(o, k);
}
