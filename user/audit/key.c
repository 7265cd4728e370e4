/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/audit.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "audit/match.h"
#include "base/buf.h"
#include "base/hash.h"
#include "core/place.h"

/*
 * An alert's key, fields separated by blanks:
 *
 *	unexpected tcp 4444 any exe:/usr/bin/nc.openbsd uid:1041 class:compute
 *	silent what:agent class:compute
 *
 * Only what stays the same when the service is restarted, stands on a second socket, or is reached
 * over the other address family goes in: so no pid, no cookie, no address, and "auto" for a port
 * that the kernel chose, since the next start gets another one. MPTCP counts as TCP, and a replaced
 * executable ("... (deleted)") as the same one. The uid is a number: names come and go with
 * directory servers.
 *
 * A door in another network namespace is another door: "in:blue", "in:web1" before the class, by a
 * name that stays, see place_where_key(); "in:container" for containers named by an id, which the
 * next start changes.
 *
 * The class ends the key: nodes of a class are clones, so the same finding on all of them is one
 * alert. With a node given that stands in its place, and each node has an alert of its own.
 *
 * Ports that a program picks itself would raise an alert each. Keys that are alike in all but the
 * port have one flood key, which has "many" for the port. Doors that open shortly after each other
 * (a burst) go under the key of the first of them; slower ones have alerts of their own until
 * AUDIT_FLOOD_MIN stand at one time: what comes on top then goes under the flood key, and so does
 * all that follows as long as the flood's alert stands. monitor/alerting.c keeps the times and the
 * counts.
 *
 * Of one user's, or one node's, many doors those on top have the key of a crowd, which names the
 * node, for it may be hostile:
 *
 *	unexpected crowd warning uid:1041 node:n17 class:compute
 *	unexpected crowd warning node:n17 class:compute
 *
 * Names are hostile. Everything but plain path characters is written as %XX, so that no name can
 * contain a separator and two different doors never share a key; what is too long is replaced by
 * its SHA-256.
 */
#define FIELD_MAX 400 /* two such fields, one of WHERE_MAX, and the rest stay below 1023 bytes */
#define WHERE_MAX 100

static bool plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("/._-+@:,=[]", c));
}

static void put_sha256(struct text t, struct buf *b)
{
	struct sha256 h;
	uint8_t sum[SHA256_LEN];

	sha256_init(&h);
	sha256_update(&h, t.ptr, t.len);
	sha256_final(&h, sum);
	buf_puts(b, "%sha256:"); /* no plain text begins so: '%' is followed by digits there */
	buf_put_hex(b, sum, sizeof(sum));
}

static void put_field_max(const char *name, struct text t, size_t max, struct buf *b)
{
	size_t len = 0;

	for (uint32_t i = 0; i < t.len; i++)
		len += plain((unsigned char)t.ptr[i]) ? 1 : 3;
	buf_printf(b, " %s:", name);
	if (len > max) {
		put_sha256(t, b);
		return;
	}
	for (uint32_t i = 0; i < t.len; i++) {
		unsigned char c = (unsigned char)t.ptr[i];

		if (plain(c))
			buf_putc(b, (char)c);
		else
			buf_printf(b, "%%%02X", c);
	}
}

static void put_field(const char *name, struct text t, struct buf *b)
{
	put_field_max(name, t, FIELD_MAX, b);
}

static void put_where(const struct door *d, const struct process *opener, struct buf *b)
{
	static const struct process nobody;
	char where[PLACE_WHERE_MAX];

	place_where_key(d, opener ? opener : &nobody, where);
	if (where[0])
		put_field_max("in", text_of(where), WHERE_MAX, b);
}

static void put_owner(const struct process *p, struct buf *b)
{
	if (!p || !p->known) {
		buf_puts(b, " unknown");
		return;
	}
	if (p->kernel) {
		buf_puts(b, " kernel");
		return;
	}
	if (p->exe.ptr)
		put_field("exe", exe_path(p), b);
	else
		put_field("comm", text_of(p->comm), b);
	if (p->uid != ID_UNKNOWN)
		buf_printf(b, " uid:%" PRIu32, p->uid);
}

void audit_key(const char *host_type, const char *node, const struct door *d,
	       const struct process *opener, enum finding_kind kind, struct buf *b)
{
	const char *kind_name = finding_kind_name(kind);

	buf_printf(b, "%s %s ", kind_name ? kind_name : "none",
		   door_proto_name(proto_class(d->proto)));
	if (d->autoport)
		buf_puts(b, "auto");
	else
		buf_printf(b, "%" PRIu32, d->port);
	buf_printf(b, " %s", door_scope_name(d->scope));
	put_owner(opener, b);
	put_where(d, opener, b);
	if (node)
		put_field("node", text_of(node), b);
	else
		put_field("class", text_of(host_type ? host_type : ""), b);
}

void audit_finding_key(const char *host_type, enum finding_kind kind, enum door_proto proto,
		       uint32_t port, const char *what, struct buf *b)
{
	const char *kind_name = finding_kind_name(kind);

	buf_puts(b, kind_name ? kind_name : "none");
	if (proto)
		buf_printf(b, " %s %" PRIu32, door_proto_name(proto_class(proto)), port);
	if (what)
		put_field("what", text_of(what), b);
	put_field("class", text_of(host_type ? host_type : ""), b);
}

size_t audit_key_without_class(const char *key)
{
	const char *last = strrchr(key, ' ');

	return last && !strncmp(last, " class:", strlen(" class:")) ? (size_t)(last - key)
								    : strlen(key);
}

bool audit_key_fits(const char *kept, const char *own)
{
	size_t kind = strcspn(own, " ");
	const char *a = strrchr(kept, ' '), *b = strrchr(own, ' ');

	return a && b && !strncmp(kept, own, kind + 1) && !strcmp(a, b);
}

/* Where the port of a key is; NULL when it is not a number. */
static const char *numbered_port(const char *key, size_t *ret_len)
{
	const char *port = strchr(key, ' ');

	port = port ? strchr(port + 1, ' ') : NULL;
	*ret_len = port ? strspn(port + 1, "0123456789") : 0;
	return *ret_len && port[1 + *ret_len] == ' ' ? port + 1 : NULL;
}

bool audit_key_is_port(const char *key, uint32_t port)
{
	char text[16];
	size_t len;
	const char *at = numbered_port(key, &len);

	snprintf(text, sizeof(text), "%" PRIu32, port);
	return at && strlen(text) == len && !memcmp(at, text, len);
}

bool audit_flood_key(const char *key, struct buf *b)
{
	size_t len;
	const char *port = numbered_port(key, &len);

	if (!port)
		return false;
	buf_put(b, key, (size_t)(port - key));
	buf_puts(b, AUDIT_FLOOD_PORT);
	buf_puts(b, port + len);
	return !b->err;
}

/* --- crowds ----------------------------------------------------------------------------------- */

#define CROWD " crowd "

void audit_crowd_key(const struct audit_crowd *c, enum crowd_of of, struct buf *b)
{
	const char *kind_name = finding_kind_name(c->kind);

	buf_printf(b, "%s" CROWD "%s", kind_name ? kind_name : "none", severity_name(c->severity));
	if (of == CROWD_USER && c->who->kernel)
		buf_puts(b, " kernel");
	else if (of == CROWD_USER && c->who->known && c->who->uid != ID_UNKNOWN)
		buf_printf(b, " uid:%" PRIu32, c->who->uid);
	else if (of == CROWD_USER)
		buf_puts(b, " unknown");
	put_field("node", text_of(c->node), b);
	put_field("class", text_of(c->host_type ? c->host_type : ""), b);
}

enum crowd_of audit_key_crowd(const char *key)
{
	const char *crowd = strchr(key, ' '), *whose;

	if (!crowd || strncmp(crowd, CROWD, strlen(CROWD)))
		return CROWD_NONE;
	whose = strchr(crowd + strlen(CROWD), ' ');
	return whose && !strncmp(whose, " node:", strlen(" node:")) ? CROWD_NODE : CROWD_USER;
}
