/* SPDX-License-Identifier: GPL-2.0 */
#include "store/health.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "store/health_rules.h"
#include "store/wrap.h"

#define HOST_MAX 255
#define VERSION_MAX 64

/* --- rules ---------------------------------------------------------------------------------------- */

static bool same_session(const uint8_t a[SESSION_LEN], const uint8_t b[SESSION_LEN])
{
	return !memcmp(a, b, SESSION_LEN);
}

/* A shipper that is started again is a new session for good; one that comes back was never away. */
static void follow_sessions(const struct health_past *p, const struct store_health *h,
			    uint64_t now_ns, struct health_next *n)
{
	static const uint8_t none[SESSION_LEN];

	n->mixed_ns = p->mixed_ns;
	memcpy(n->session_before, p->session_before, SESSION_LEN);
	n->host_before = p->host_before;
	if (!p->known || same_session(p->session, h->session))
		return;
	if (same_session(p->session_before, h->session) && !same_session(h->session, none))
		n->mixed_ns = now_ns;
	memcpy(n->session_before, p->session, SESSION_LEN);
	n->host_before = p->host;
}

void health_admit(const struct health_past *p, const struct store_health *h, uint64_t now_ns,
		  uint64_t fresh_ns, struct health_next *ret)
{
	struct health_next n = { .standing = STANDING_CURRENT, .first_ns = now_ns };
	bool heard = p->held && !p->held_stopped && now_ns < p->held_received_ns + fresh_ns;

	follow_sessions(p, h, now_ns, &n);
	if (p->known)
		n.first_ns = p->first_ns;
	if (p->known && p->standing == STANDING_CURRENT) {
		n.accepted_ns = p->accepted_ns;
	} else if (heard) {
		n.standing = STANDING_REFUSED;
	} else if (p->held) {
		n.displaces = true;
	} else {
		n.accepted_ns = now_ns;
	}
	*ret = n;
}

uint32_t health_boot_number(const struct health_boots *b, uint32_t journal_boot)
{
	if (journal_boot > b->max || (!b->taken && !b->others))
		return journal_boot;
	return b->max + 1;
}

/* --- the interface ---------------------------------------------------------------------------------- */

/* Texts come from a node: whatever they hold, the row must get in. */
struct cleaned {
	struct buf host, boot_id, version, sensor;
};

static void cleaned_done(struct cleaned *c)
{
	buf_done(&c->host);
	buf_done(&c->boot_id);
	buf_done(&c->version);
	buf_done(&c->sensor);
}

static const char *clean(struct buf *b, const char *s, size_t max)
{
	/* The mark of a cut is part of what is left. */
	if (s)
		esc_text(b, s, strlen(s), max - 3);
	return buf_str(b);
}

int store_put_health(struct store *s, const char *node, const char *host_type,
		     const struct store_health *h, uint64_t fresh_ns,
		     struct store_health_reply *ret)
{
	_cleanup_(cleaned_done) struct cleaned c = { BUF_INIT(4 * HOST_MAX), BUF_INIT(256),
						     BUF_INIT(4 * VERSION_MAX),
						     BUF_INIT(4 * HEALTH_SENSOR_MAX) };
	struct store_health own = *h;
	struct store_health_reply reply;
	int err;

	err = store_check_name(s, "node", node);
	if (!err)
		err = store_check_name(s, "node class", host_type);
	if (err)
		return err;
	own.host = clean(&c.host, h->host, HOST_MAX);
	own.boot_id = h->boot_id && strlen(h->boot_id) == BOOT_ID_TEXT
			      ? clean(&c.boot_id, h->boot_id, BOOT_ID_TEXT + 3)
			      : "";
	own.version = clean(&c.version, h->version, VERSION_MAX);
	own.sensor = clean(&c.sensor, h->sensor, HEALTH_SENSOR_MAX);
	if (strlen(own.boot_id) > BOOT_ID_TEXT)
		own.boot_id = "";
	if (c.host.err || c.boot_id.err || c.version.err || c.sensor.err)
		return -ENOMEM;
	err = write_op(s, (reply = (struct store_health_reply){ 0 },
			   s->ops->put_health(s, node, host_type, &own, fresh_ns, &reply)));
	if (!err)
		*ret = reply;
	return err;
}

int store_claim_boot(struct store *s, const char *node,
		     const uint8_t installation[INSTALLATION_LEN], const char *boot_id,
		     uint32_t journal_boot, uint32_t *ret_boot_seq)
{
	uint32_t number;
	int err;

	err = store_check_name(s, "node", node);
	if (!err && (!journal_boot || strlen(boot_id) > BOOT_ID_TEXT))
		err = store_set_why(s, -EINVAL, "a boot has a number and its kernel's boot id");
	if (err)
		return err;
	err = write_op(s, (number = 0, s->ops->claim_boot(s, node, installation, boot_id,
							  journal_boot, &number)));
	if (!err)
		*ret_boot_seq = number;
	return err;
}

int store_boots(struct store *s, const char *node, store_boot_fn fn, void *arg)
{
	return s->ops->boots(s, node, fn, arg);
}

int health_holds(const char *sensor, const char *addr)
{
	const char *p = NULL, *next = sensor;
	size_t len = strlen(addr);

	/* The last one: what is before it is text of the sensor's. */
	while ((next = strstr(next, HEALTH_AT " "))) {
		next += sizeof(HEALTH_AT) - 1;
		p = next;
	}
	if (!p)
		return -ENODATA;
	for (p += strspn(p, " "); *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		if (n == len && !memcmp(p, addr, n))
			return 1;
		p += n;
	}
	return 0;
}

int store_health(struct store *s, const char *node, bool with_past, store_health_fn fn, void *arg)
{
	return s->ops->health(s, node, with_past, fn, arg);
}

int store_put_watch(struct store *s, const char *node, const struct store_watch *w)
{
	return write_op(s, s->ops->put_watch(s, node, w));
}

int store_accept_node(struct store *s, const char *node, const uint8_t *installation,
		      bool *ret_changed)
{
	bool changed;
	int err;

	err = write_op(s, (changed = false, s->ops->accept_node(s, node, installation, &changed)));
	if (!err)
		*ret_changed = changed;
	return err;
}

int store_clock(struct store *s, uint64_t *ret_now_ns)
{
	return s->ops->clock(s, ret_now_ns);
}

int store_take_turn(struct store *s, const char *name, uint64_t every_ns, uint64_t *ret_now_ns)
{
	if (!s->depth)
		return store_set_why(s, -EINVAL, "a turn is taken within a transaction");
	return s->ops->take_turn(s, name, every_ns, ret_now_ns);
}
