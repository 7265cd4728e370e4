/* SPDX-License-Identifier: GPL-2.0 */
#include "sim/cluster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "core/profile.h"
#include "store/profile.h"
#include "store/scans.h"

/* Of the classes beyond what sim_services has. */
/* clang-format off */
static const struct sim_spec more[] = {
	{ PROTO_TCP, SCOPE_ANY, 9400,  "/usr/bin/dcgm-exporter",   "root",     "/system.slice/dcgm-exporter.service", "dcgm-exporter", 0,   false, "-a :9400", NULL },
	{ PROTO_TCP, SCOPE_ANY, 2049,  "/usr/bin/ganesha.nfsd",    "root",     "/system.slice/nfs-ganesha.service",   "ganesha.nfsd",  0,   false, "-L /var/log/ganesha.log", NULL },
	{ PROTO_TCP, SCOPE_ANY, 20048, "/usr/sbin/rpc.mountd",     "root",     "/system.slice/nfs-mountd.service",    "rpc.mountd",    0,   false, NULL, NULL },
	{ PROTO_TCP, SCOPE_ANY, 6817,  "/usr/sbin/slurmctld",      "slurm",    "/system.slice/slurmctld.service",     "slurmctld",     64030, false, NULL, NULL },
	{ PROTO_TCP, SCOPE_ANY, 389,   "/usr/sbin/slapd",          "openldap", "/system.slice/slapd.service",         "slapd",         113, false, "-h ldap:///", NULL },
	{ PROTO_TCP, SCOPE_ANY, 9090,  "/usr/bin/prometheus",      "prometheus", "/system.slice/prometheus.service",  "prometheus",    107, false, NULL, NULL },
	{ PROTO_UDP, SCOPE_ANY, 514,   "/usr/sbin/rsyslogd",       "syslog",   "/system.slice/rsyslog.service",       "rsyslogd",      104, false, "-n", NULL },
};
/* clang-format on */

static const struct {
	const char *name, *host; /* the host's name without its number */
	unsigned share; /* one node of so many; 0: what is left */
	const char *services; /* by their comm, with blanks around */
} kinds[SIM_CLASSES] = {
	[CLASS_COMPUTE] = { "compute", "node", 0,
			    " sshd slurmd rpcbind node_exporter gmond nrpe chronyd master "
			    "systemd-resolve munged " },
	[CLASS_GPU] = { "gpu", "gpu", 16,
			" sshd slurmd rpcbind node_exporter gmond nrpe chronyd master "
			"systemd-resolve munged dcgm-exporter " },
	[CLASS_STORAGE] = { "storage", "stor", 21,
			    " sshd rpcbind node_exporter gmond nrpe chronyd master ganesha.nfsd "
			    "rpc.mountd " },
	[CLASS_LOGIN] = { "login", "login", 128,
			  " sshd node_exporter gmond nrpe chronyd master systemd-resolve munged " },
	[CLASS_ADMIN] = { "admin", "adm", 128,
			  " sshd node_exporter gmond nrpe chronyd master slurmctld slapd "
			  "prometheus rsyslogd " },
};

static void add_services(struct sim_class_of *c, const char *names, const struct sim_spec *list,
			 size_t len)
{
	for (size_t i = 0; i < len && c->services_len < SIM_SERVICES_MAX; i++) {
		const char *at = strstr(names, list[i].comm);

		if (at && at[-1] == ' ' && at[strlen(list[i].comm)] == ' ')
			c->services[c->services_len++] = list[i];
	}
}

static size_t share_of(enum sim_class k, size_t len)
{
	size_t rest = len;

	if (kinds[k].share)
		return len / kinds[k].share ? len / kinds[k].share : 1;
	for (unsigned i = 0; i < SIM_CLASSES; i++)
		rest -= kinds[i].share ? share_of((enum sim_class)i, len) : 0;
	return rest;
}

static int digits(size_t n)
{
	return n < 10 ? 1 : n < 100 ? 2 : n < 1000 ? 3 : n < 10000 ? 4 : 5;
}

static int make_class(struct sim_cluster *c, enum sim_class k, size_t len)
{
	const struct sim_opts o = { .seed = 8 };
	struct sim_class_of *of = &c->classes[k];
	int err = 0;

	*of = (struct sim_class_of){ .name = kinds[k].name };
	add_services(of, kinds[k].services, sim_services, sim_services_len);
	add_services(of, kinds[k].services, more, array_len(more));
	of->nodes = calloc(len, sizeof(*of->nodes));
	if (!of->nodes)
		return -ENOMEM;
	while (!err && of->nodes_len < len) {
		struct sim_node *n = &c->nodes[c->nodes_len++];

		of->nodes[of->nodes_len++] = n;
		snprintf(n->name, sizeof(n->name), "%s%0*zu", kinds[k].host, digits(len),
			 of->nodes_len);
		n->host_type = of->name;
		err = sim_node_init(n, &o, c->store);
	}
	return err;
}

int sim_cluster_init(struct sim_cluster *c, struct store *s, size_t len)
{
	int err = 0;

	*c = (struct sim_cluster){ .store = s };
	c->nodes = calloc(len, sizeof(*c->nodes));
	if (!c->nodes)
		return -ENOMEM;
	for (unsigned k = 0; !err && k < SIM_CLASSES; k++)
		err = make_class(c, (enum sim_class)k, share_of((enum sim_class)k, len));
	return err;
}

#define RACK_NODES 32

void sim_cluster_racks(size_t len, struct buf *b)
{
	unsigned rack = 0;

	for (unsigned k = 0; k < SIM_CLASSES; k++) {
		size_t n = share_of((enum sim_class)k, len);

		for (size_t i = 0; i < n; i += RACK_NODES)
			buf_printf(b, "rack%02u %s[%0*zu-%0*zu]\n", ++rack, kinds[k].host,
				   digits(n), i + 1, digits(n),
				   i + RACK_NODES < n ? i + RACK_NODES : n);
	}
}

void sim_cluster_done(struct sim_cluster *c)
{
	for (size_t i = 0; i < c->nodes_len; i++)
		sim_node_done(&c->nodes[i]);
	for (unsigned k = 0; k < SIM_CLASSES; k++)
		free(c->classes[k].nodes);
	free(c->nodes);
}

void sim_cluster_address(size_t i, char ret_address[SIM_ADDRESS_LEN])
{
	snprintf(ret_address, SIM_ADDRESS_LEN, "198.18.%u.%u", (unsigned)(i / 250) & 255,
		 (unsigned)(i % 250) + 1);
}

/* --- profiles --------------------------------------------------------------------------------------- */

/* What users may do: X11 forwarded by ssh, and anything inside a job. */
static const struct profile_row habits[] = {
	{ .port = 6010,
	  .port_end = 6099,
	  .proto = PROTO_TCP,
	  .scope = SCOPE_LOOPBACK,
	  .exe = (char *)"/usr/sbin/sshd",
	  .reason = (char *)"X11 forwarding" },
	{ .port = 1024,
	  .port_end = 65535,
	  .proto = PROTO_TCP,
	  .job = (char *)PROFILE_ANY,
	  .reason = (char *)"MPI and Jupyter inside a job" },
};

static int put_profile(struct sim_cluster *c, const struct sim_class_of *of, uint64_t now_ns)
{
	struct profile_row rows[SIM_SERVICES_MAX + array_len(habits)];
	struct store_profile_change change;
	size_t n = 0;

	for (size_t i = 0; i < of->services_len; i++) {
		const struct sim_spec *s = &of->services[i];

		rows[n++] = (struct profile_row){
			.port = s->port,
			.proto = s->proto,
			.scope = s->scope == SCOPE_LOOPBACK ? SCOPE_LOOPBACK : 0,
			.exe = (char *)s->exe,
			.user = (char *)s->user,
			.action = !strcmp(s->comm, "slapd") ? PROFILE_REQUIRE : PROFILE_ALLOW,
			.origin = (char *)PROFILE_LEARNED,
		};
	}
	for (size_t i = 0; i < array_len(habits); i++) {
		rows[n] = habits[i];
		rows[n++].origin = (char *)"manual";
	}
	for (size_t i = 0; i < n; i++) {
		rows[i].host_type = (char *)of->name;
		rows[i].author = (char *)"demo";
		rows[i].created_ns = now_ns;
	}
	return store_profile_set(c->store, of->name, rows, n,
				 STORE_PROFILE_REPLACE | STORE_PROFILE_ACCEPT, now_ns, &change);
}

int sim_cluster_profiles(struct sim_cluster *c, uint64_t now_ns)
{
	int err = 0;

	for (unsigned k = 0; !err && k < SIM_CLASSES; k++)
		err = put_profile(c, &c->classes[k], now_ns);
	return err;
}
