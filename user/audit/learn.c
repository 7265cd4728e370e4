/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/audit.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "audit/learner.h"

/*
 * What usually answers on a port: a hint for whoever reads a proposal. It says nothing about who really answers there, so no rule
 * has it for its service.
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

const char *learn_service_hint(enum door_proto proto, uint32_t port)
{
	for (size_t i = 0; i < array_len(well_known); i++)
		if (well_known[i].port == port && well_known[i].proto == proto)
			return well_known[i].name;
	return NULL;
}

/* Takes the rules' rows out of l; what was an outlier is left in it. */
static int take_rows(struct learned *l, struct profile_row **ret_rows, size_t *ret_len)
{
	struct profile_row *rows = calloc(l->len ? l->len : 1, sizeof(*rows));
	size_t n = 0;

	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < l->len; i++) {
		if (l->rules[i].outlier)
			continue;
		rows[n++] = l->rules[i].row;
		l->rules[i].row = (struct profile_row){ 0 };
	}
	*ret_rows = rows;
	*ret_len = n;
	return 0;
}

/* One node, one moment: whatever stands open, unless its program is doubtful. */
int audit_learn(const char *host_type, const struct learn_door *doors, size_t n,
		uint64_t now_wall_ns, const char *author, struct profile_row **ret_rows,
		size_t *ret_len, size_t *ret_left_out)
{
	const struct learn_opts o = { .host_type = host_type,
				      .author = author,
				      .now_ns = now_wall_ns };
	_cleanup_(learner_freep) struct learner *l = NULL;
	_cleanup_(learned_done) struct learned found = { 0 };
	int err = learner_new(&o, &l);

	for (size_t i = 0; i < n && !err; i++)
		err = learner_add(l, "", doors[i].door, doors[i].opener, 0, 0);
	if (!err)
		err = learner_finish(l, &found);
	if (!err)
		err = take_rows(&found, ret_rows, ret_len);
	if (!err)
		*ret_left_out = found.left_out;
	return err;
}
