/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_PROFILE_NMAP_H
#define AJAR_CLI_PROFILE_NMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct learned;
struct learner;

/* What nmap has recognised, by port. */
#define NMAP_SERVICES_MAX (2 * 65536) /* of more the rules name none */
struct nmap_service {
	int proto;
	uint32_t port;
	char name[64];
	bool differ; /* other hosts have another there */
};
struct nmap_services {
	struct nmap_service *list;
	size_t len;
};
void nmap_services_done(struct nmap_services *s);
/* Gives rules the service that was recognised, and by their origin says so. */
must_check int nmap_services_apply(const struct nmap_services *s, struct learned *found);

/* Doors that nmap found open, out of its XML ("-": standard input), each host a node; reports. */
must_check int profile_nmap(const char *path, struct learner *l, struct nmap_services *services);

#endif
