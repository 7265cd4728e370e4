/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_PROFILE_NMAP_H
#define AJAR_CLI_PROFILE_NMAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct learned;
struct learner;

/* The names that nmap has for services, by port. */
struct nmap_service {
	int proto;
	uint32_t port;
	char name[64];
};
struct nmap_services {
	struct nmap_service *list;
	size_t len;
};
void nmap_services_done(struct nmap_services *s);
/* Gives rules without a service the name that nmap has. */
must_check int nmap_services_apply(const struct nmap_services *s, struct learned *found);

/* Doors that nmap found open, out of its XML ("-": standard input), each host a node; reports. */
must_check int profile_nmap(const char *path, struct learner *l, struct nmap_services *services);

#endif
