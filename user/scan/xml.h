/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SCAN_XML_H
#define AJAR_SCAN_XML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/observation.h"

/*
 * nmap's XML (-oX) as a stream: fed in pieces of any size while nmap runs, it gives each host as
 * soon as that is finished. Every byte of it may come from a scanned host: entities and
 * declarations are refused, a DTD is never read, characters that no XML may have are replaced
 * before the parser sees them, and everything has a maximum. What is over one is dropped, counted
 * and said.
 *
 * It reads the dialects of the kind too: several documents one after another (--append-output), no
 * exit= (nmap before 5.35, Zenmap), no <status> and a host element for each port (masscan), the
 * public DOCTYPE of nmap 6.45, no addrtype= (IPv4 in nmap's DTD).
 */
#define SCAN_XML_BYTES_MAX (1ULL << 30) /* of one run */
#define SCAN_XML_TOKEN_MAX (4u << 20) /* one tag with its attributes */
#define SCAN_XML_DEPTH_MAX 32
/* host elements; masscan has one for each port. More are counted in over_max */
#define SCAN_XML_HOSTS_MAX (1u << 20)
#define SCAN_XML_PORTS_MAX (2u * 65536) /* of a host */
#define SCAN_XML_TEXT_MAX 1024 /* bytes of one text; the rest is cut off */
#define SCAN_XML_HOST_TEXT_MAX (16u << 20) /* of all texts of a host */
#define SCAN_XML_LIST_MAX (512u << 10) /* a list of ports; 65535 odd numbers have 192 KiB */

/*
 * The many ports in one state that nmap folds; ports is its list, "1-21,23-1000", unknown from nmap
 * before 7.92.
 */
struct scan_extra {
	enum door_proto proto;
	enum port_state state;
	struct text reason, ports;
	uint64_t count;
};
#define SCAN_EXTRAS_MAX 32

struct scan_host {
	enum door_family family;
	uint8_t addr[16]; /* IPv4 in the first four */
	char addr_text[64];
	/* as it was given on the command line, else its reverse name; unknown if there is none */
	struct text name;
	bool name_given; /* on the command line */
	uint64_t start_ns, end_ns; /* wall, whole seconds: between them it was asked; 0: not said */
	bool up;
	bool timed_out; /* --host-timeout: says nothing about any port */
	/* something was over a maximum: a port that is not here is not known to be closed */
	bool cut;
	size_t ports_len;
	const struct port_seen *ports; /* in the order of the document */
	unsigned extras_len;
	struct scan_extra extras[SCAN_EXTRAS_MAX];
};

/* How nmap says that it comes along, for one of its phases. */
struct scan_progress {
	const char *task; /* "Connect Scan" */
	double percent; /* 0 to 100 */
	uint64_t remaining_s; /* by nmap's own estimate; 0: none */
};

/* What was asked, and how it ended. */
struct scan_asked {
	enum door_proto proto;
	struct text type, ports; /* "connect", "1-1000" */
};
#define SCAN_ASKED_MAX 4
struct scan_run {
	struct text args, version;
	uint64_t start_ns;
	unsigned asked_len;
	struct scan_asked asked[SCAN_ASKED_MAX];
	uint64_t hosts; /* given to the callback */
	uint64_t no_address; /* hosts that have neither an IPv4 nor an IPv6 address: not given */
	uint64_t over_max; /* hosts over SCAN_XML_HOSTS_MAX: not given */
	uint64_t ports_dropped; /* of another protocol, or with a number that no port has */
	unsigned documents; /* one after another in this stream, the last included */
	unsigned cut_documents; /* that ended in the middle before the last began */
	bool finished; /* the last says that it came to its end, and that was a success */
	struct text error; /* errormsg of an end that was none */
};

struct scan_xml_ops {
	/*
	 * Non-zero ends the parsing and comes back from feed. All is borrowed until the callback
	 * returns.
	 */
	int (*host)(const struct scan_host *h, void *arg);
	int (*progress)(const struct scan_progress *p, void *arg); /* may be NULL */
};

struct scan_xml;
must_check int scan_xml_new(const struct scan_xml_ops *ops, void *arg, struct scan_xml **ret_x);
void scan_xml_free(struct scan_xml *x);
DEFINE_FREEP(struct scan_xml, scan_xml_free)
/*
 * -EBADMSG: not well-formed or not nmap's; -E2BIG: over a maximum. Hosts given before are good.
 * scan_xml_why() has a line.
 */
must_check int scan_xml_feed(struct scan_xml *x, const void *p, size_t n);
/*
 * No more bytes. 0: it ended well, so a port that was asked and not listed is known; -ENODATA: it
 * was cut off or nmap failed.
 */
must_check int scan_xml_end(struct scan_xml *x);
const char *scan_xml_why(const struct scan_xml *x);
const struct scan_run *scan_xml_run(const struct scan_xml *x);

/*
 * The state of a port of a finished host, folded ones included; PORT_UNKNOWN when the host does not
 * say.
 */
enum port_state scan_host_state(const struct scan_host *h, enum door_proto proto, uint16_t port);

#endif
