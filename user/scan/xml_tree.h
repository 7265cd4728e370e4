/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SCAN_XML_TREE_H
#define AJAR_SCAN_XML_TREE_H

#include <expat.h>

#include "base/buf.h"
#include "scan/arena.h"
#include "scan/clean.h"
#include "scan/identity.h"
#include "scan/xml.h"

/*
 * Between xml.c, the stream with its parser, and xml_tree.c, what nmap's elements mean; for nobody
 * else.
 */

/* The elements that we know; what stands in others is skipped. */
enum element {
	E_OTHER,
	E_NMAPRUN,
	E_SCANINFO,
	E_TASKPROGRESS,
	E_HOST,
	E_STATUS,
	E_ADDRESS,
	E_HOSTNAMES,
	E_HOSTNAME,
	E_PORTS,
	E_EXTRAPORTS,
	E_EXTRAREASONS,
	E_PORT,
	E_STATE,
	E_SERVICE,
	E_SCRIPT,
	E_TABLE,
	E_ELEM,
	E_RUNSTATS,
	E_FINISHED,
};

enum script { SCRIPT_OTHER, SCRIPT_SSH, SCRIPT_TLS };

struct scan_xml {
	const struct scan_xml_ops *ops;
	void *arg;
	XML_Parser parser;
	struct clean clean;
	struct buf cleaned; /* begins with what the search for a next document kept back */
	size_t kept; /* so many bytes */
	bool fed, begun, rooted; /* the document has bytes; more than blanks; its <nmaprun */
	uint64_t bytes, token_bytes;
	int err; /* the first failure, of ours or the callback's */
	char why[256];

	unsigned depth;
	enum element path[SCAN_XML_DEPTH_MAX];

	struct scan_run run;
	struct arena run_texts;

	struct scan_host host;
	bool status_said;
	struct arena host_texts;
	struct port_seen *ports;
	size_t ports_cap;
	struct port_seen *port; /* the one that is open, or NULL */
	struct scan_extra extra; /* the extraports that is open */
	bool extra_split; /* its reasons have lists of their own */
	enum script script;
	bool wanted_elem;
	struct buf elem;
	unsigned keys_len;
	struct fingerprint keys[FINGERPRINTS_MAX]; /* of the port that is open */
};

/* The first failure stays, and ends the parsing. */
printf_like(3, 4) void xml_fail(struct scan_xml *x, int err, const char *fmt, ...);
void xml_begin_run(struct scan_xml *x, const char **atts);
/* An element inside of the run begins: which it is. */
enum element xml_enter(struct scan_xml *x, const char *name, const char **atts);
/* One that began as e ends. */
void xml_leave(struct scan_xml *x, enum element e);

#endif
