/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_GROUPS_H
#define AJAR_CLI_GROUPS_H

#include "base/err.h"

struct buf;
struct conf;

/*
 * Groups of nodes as a cluster keeps them already: "NAME" and "local:NAME" of ClusterShell,
 * "genders:ATTRIBUTE[=VALUE]" of a genders file, "slurm:PARTITION" of sinfo, "rack:NAME" of
 * web.racks; any other "SOURCE:NAME" is nodeset's. For struct hostlist_groups: arg is this struct.
 */
struct groups {
	const struct conf *conf;
	char why[256]; /* of the last failure */
};
int groups_resolve(const char *group, struct buf *text, void *groups);

#endif
