/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/audit.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/match.h"

/* The kernel's default net.ipv4.ip_local_port_range; widened by what was seen outside it. */
#define EPHEMERAL_LO 32768
#define EPHEMERAL_HI 60999

/*
 * Services so common that their port names them. The rest has no name: /etc/services would be I/O, and
 * a name from a port table says nothing about who really answers there.
 */
static const struct {
	uint32_t port;
	enum door_proto proto;
	const char *name;
} well_known[] = {
	{ 22, PROTO_TCP, "ssh" },	   { 25, PROTO_TCP, "smtp" },
	{ 53, PROTO_TCP, "domain" },	   { 53, PROTO_UDP, "domain" },
	{ 67, PROTO_UDP, "bootps" },	   { 68, PROTO_UDP, "bootpc" },
	{ 69, PROTO_UDP, "tftp" },	   { 80, PROTO_TCP, "http" },
	{ 111, PROTO_TCP, "rpcbind" },	   { 123, PROTO_UDP, "ntp" },
	{ 111, PROTO_UDP, "rpcbind" },	   { 161, PROTO_UDP, "snmp" },
	{ 443, PROTO_TCP, "https" },	   { 514, PROTO_UDP, "syslog" },
	{ 631, PROTO_TCP, "ipp" },	   { 2049, PROTO_TCP, "nfs" },
	{ 3306, PROTO_TCP, "mysql" },	   { 5353, PROTO_UDP, "mdns" },
	{ 6817, PROTO_TCP, "slurmctld" },  { 6818, PROTO_TCP, "slurmd" },
	{ 5432, PROTO_TCP, "postgresql" }, { 9100, PROTO_TCP, "node_exporter" },
};

static const char *service_of(const struct profile_row *r)
{
	for (size_t i = 0; i < array_len(well_known); i++)
		if (!r->port_end && well_known[i].port == r->port &&
		    well_known[i].proto == r->proto)
			return well_known[i].name;
	return NULL;
}

struct row_list {
	struct profile_row *rows;
	size_t len;
};

static void row_list_done(struct row_list *l)
{
	for (size_t i = 0; i < l->len; i++)
		profile_row_done(&l->rows[i]);
	free(l->rows);
}

/* Copies s (NULL stays NULL). */
static int copy_str(const char *s, char **ret)
{
	char *copy = NULL;

	if (s) {
		copy = strdup(s);
		if (!copy)
			return -ENOMEM;
	}
	*ret = copy;
	return 0;
}

static int copy_text(struct text t, char **ret)
{
	char *copy = NULL;

	if (t.ptr) {
		copy = strndup(t.ptr, t.len);
		if (!copy)
			return -ENOMEM;
	}
	*ret = copy;
	return 0;
}

static int fill_owner(struct profile_row *r, const struct process *p)
{
	char number[16];
	int err;

	if (!p || !p->known)
		return 0;
	if (p->kernel)
		return copy_str(EXE_KERNEL, &r->exe);
	err = copy_text(p->exe, &r->exe);
	if (err)
		return err;
	if (p->user.ptr && p->user.len)
		return copy_text(p->user, &r->user);
	if (p->uid == ID_UNKNOWN)
		return 0;
	snprintf(number, sizeof(number), "%u", p->uid);
	return copy_str(p->uid ? number : "root", &r->user);
}

/* What says the same for all rows is filled in at the end; only what tells rows apart comes here. */
static int add_row(struct row_list *l, const struct learn_door *ld)
{
	const struct door *d = ld->door;
	struct profile_row *r = &l->rows[l->len++];
	bool dynamic = d->autoport && proto_has_ports(d->proto);

	*r = (struct profile_row){
		.proto = proto_class(d->proto),
		.port = d->port,
		.scope = d->scope,
	};
	if (dynamic) {
		r->port = d->port < EPHEMERAL_LO ? d->port : EPHEMERAL_LO;
		r->port_end = d->port > EPHEMERAL_HI ? d->port : EPHEMERAL_HI;
	}
	return fill_owner(r, ld->opener);
}

/* Rows about the same ports become neighbours, those without an owner first. */
static int compare_groups(const void *x, const void *y)
{
	struct profile_row a = *(const struct profile_row *)x, b = *(const struct profile_row *)y;

	if (!a.port_end != !b.port_end)
		return a.port_end ? 1 : -1;
	if (a.port_end)
		a.port = b.port = a.port_end = b.port_end = 0; /* all ranges become one */
	return row_compare(&a, &b);
}

static int compare_rows(const void *a, const void *b)
{
	return row_compare(a, b);
}

static bool same_group(const struct profile_row *a, const struct profile_row *b)
{
	return a->proto == b->proto && a->scope == b->scope && !a->port_end == !b->port_end &&
	       (a->port_end || a->port == b->port);
}

static bool ownerless(const struct profile_row *r)
{
	return !r->exe && !r->user;
}

static void widen(struct profile_row *r, const struct profile_row *by)
{
	if (!r->port_end)
		return;
	r->port = by->port < r->port ? by->port : r->port;
	r->port_end = by->port_end > r->port_end ? by->port_end : r->port_end;
}

/*
 * One row for doors that say the same. A row without an owner lets anyone have the port, so it is
 * dropped where another row names one (audit_judge() takes an unknown owner for that one's
 * anyway); and a whole range is never given to nobody in particular: that door is left out.
 */
static void fold(struct row_list *l, size_t *left_out)
{
	size_t kept = 0;

	qsort(l->rows, l->len, sizeof(*l->rows), compare_groups);
	for (size_t i = 0; i < l->len; i++) {
		struct profile_row r = l->rows[i], *last = kept ? &l->rows[kept - 1] : NULL;

		l->rows[i] = (struct profile_row){ 0 };
		if (ownerless(&r) && r.port_end) {
			(*left_out)++;
			profile_row_done(&r);
		} else if (last && !compare_groups(last, &r)) {
			widen(last, &r);
			profile_row_done(&r);
		} else if (last && ownerless(last) && same_group(last, &r)) {
			profile_row_done(last);
			*last = r;
		} else {
			l->rows[kept++] = r;
		}
	}
	l->len = kept;
	qsort(l->rows, l->len, sizeof(*l->rows), compare_rows);
}

static int finish_row(struct profile_row *r, const char *host_type, uint64_t now_wall_ns,
		      const char *author)
{
	int err;

	r->created_ns = now_wall_ns;
	err = copy_str(service_of(r), &r->service);
	if (!err)
		err = copy_str(host_type, &r->host_type);
	if (!err)
		err = copy_str("learned", &r->origin);
	if (!err)
		err = copy_str("stood open when learned", &r->reason);
	if (!err)
		err = copy_str(author, &r->author);
	return err;
}

int audit_learn(const char *host_type, const struct learn_door *doors, size_t n,
		uint64_t now_wall_ns, const char *author, struct profile_row **ret_rows,
		size_t *ret_len, size_t *ret_left_out)
{
	_cleanup_(row_list_done) struct row_list l = { 0 };
	size_t left_out = 0;
	int err = 0;

	l.rows = calloc(n ? n : 1, sizeof(*l.rows));
	if (!l.rows)
		return -ENOMEM;
	for (size_t i = 0; i < n && !err; i++) {
		if (exe_flags(doors[i].opener) & ~(unsigned)EXE_UNPACKAGED)
			left_out++;
		else if (!door_is_client(doors[i].door)) /* never alerts: needs no row */
			err = add_row(&l, &doors[i]);
	}
	if (err)
		return err;
	fold(&l, &left_out);
	for (size_t i = 0; i < l.len && !err; i++)
		err = finish_row(&l.rows[i], host_type, now_wall_ns, author);
	if (err)
		return err;
	*ret_rows = take_ptr(l.rows);
	*ret_len = l.len;
	l.len = 0;
	*ret_left_out = left_out;
	return 0;
}
