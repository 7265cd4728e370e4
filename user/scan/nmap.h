/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SCAN_NMAP_H
#define AJAR_SCAN_NMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/scan_kind.h"
#include "scan/address.h"
#include "scan/xml.h"

struct loop;

/*
 * One nmap process: a child in its own session with an argv array, no file it may write, no
 * environment of ours and limits on time, memory and output; its XML is read from a pipe while it
 * runs. nmap is never linked and never needed: without it there are no scans.
 */
struct nmap;

/*
 * What it is to do. Addresses and port lists are ours, checked; nothing of a node's own words gets
 * onto the command line.
 */
struct nmap_job {
	enum scan_kind kind;
	const char *ports; /* "22,80-90", or "services": those that nmap knows a name for */
	const struct address *targets; /* all of one family */
	size_t targets_len;
	uint64_t rate; /* probes a second at most; 0: no limit */
	unsigned stats_every_s; /* progress */
	uint64_t timeout_ns; /* then it is killed; 0: by what there is to do */
	/* it is killed when nmap_renew() was not called for so long; 0: no need */
	uint64_t lease_ns;
	uid_t uid; /* root starts it as this account */
	gid_t gid;
};
const char *nmap_program(void); /* "nmap", or what AJAR_NMAP names */

struct nmap_ops {
	struct scan_xml_ops xml;
	/*
	 * Once, at its end, whatever that was: 0, or a negative errno and a line. The nmap is to be
	 * freed then or later.
	 */
	void (*done)(int err, const char *why, void *arg);
};
must_check int nmap_start(struct loop *l, const struct nmap_job *job, const struct nmap_ops *ops,
			  void *arg, struct nmap **ret_nmap);
/* Whoever started it is still there and still meant to have it done. */
void nmap_renew(struct nmap *n);
/* Kills what runs, with all its children, and waits for that; done() is not called. */
void nmap_free(struct nmap *n);
DEFINE_FREEP(struct nmap, nmap_free)
const struct scan_run *nmap_run(const struct nmap *n);

#endif
