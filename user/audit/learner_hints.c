/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/learner.h"

#include <stddef.h>

/*
 * What usually answers on a port: a hint for whoever reads a proposal. It says nothing about who
 * really answers there, so no rule has it for its service.
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
