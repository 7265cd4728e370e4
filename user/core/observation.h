/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CORE_OBSERVATION_H
#define AJAR_CORE_OBSERVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "core/event.h"

struct buf;

/*
 * What the second witness, a scan from outside, saw of a port. Names are stored (scan_ports.state).
 * Text comes from the scanned host and is hostile until escaped; it is borrowed from whoever made
 * the observation.
 */
enum port_state {
	/* not asked, not answered for, or a word this version does not know: never "closed" */
	PORT_UNKNOWN = 0,
	PORT_OPEN = 1,
	/* answered with a refusal; a firewall's REJECT looks the same to connect(2) */
	PORT_CLOSED = 2,
	PORT_FILTERED = 3,
	PORT_UNFILTERED = 4,
	/* UDP: nothing came back; consistent with bound, proof of nothing */
	PORT_OPEN_FILTERED = 5,
	PORT_CLOSED_FILTERED = 6,
};
const char *port_state_name(enum port_state s); /* "open|filtered" */
enum port_state port_state_parse(const char *s); /* PORT_UNKNOWN for any other word */

/* Whether a list as nmap writes it, "1-21,23", has the port; false for one that is none. */
bool port_list_has(struct text list, uint16_t port);
/*
 * The state of a port in a host's folded lists (scan_hosts.folded), "tcp closed 1-21,23-79; tcp
 * filtered 80".
 */
enum port_state port_folded_state(const char *folded, enum door_proto proto, uint16_t port);

/*
 * What the newest scan that looked at one port of a node saw there; state PORT_UNKNOWN: none has.
 */
struct port_look {
	enum port_state state;
	uint32_t port;
	const char *node, *addr;
};
/*
 * For the end of a sentence: "; from outside: reachable, port 22 of n1 answers at 10.0.0.1";
 * nothing when none has looked.
 */
void port_look_words(const struct port_look *l, struct buf *b);

/*
 * How a service's name was come by. One from the table of well-known ports says nothing about what
 * answers there.
 */
enum service_method { METHOD_NONE = 0, METHOD_TABLE = 1, METHOD_PROBED = 2 };
const char *service_method_name(enum service_method m); /* "" for none */
enum service_method service_method_parse(const char *s);

/*
 * A key that a service proves to have: SHA-256 of the SSH host key, or of the TLS certificate's
 * SubjectPublicKeyInfo.
 */
enum fingerprint_kind { FINGERPRINT_SSH = 1, FINGERPRINT_TLS = 2 };
struct fingerprint {
	/* enum fingerprint_kind; a byte, so that many of them lie anywhere among texts */
	uint8_t kind;
	uint8_t sha256[SHA256_LEN];
};
#define FINGERPRINTS_MAX 8

/*
 * "ssh:SHA256:RkZi…", as ssh-keygen -l shows it, "tls:SHA256:…"; several with a blank between,
 * in order.
 */
void fingerprints_format(struct buf *b, const struct fingerprint *f, size_t n);
/* The reverse; more than FINGERPRINTS_MAX, or a word that is none, is -EINVAL. */
must_check int fingerprints_parse(const char *s, struct fingerprint f[FINGERPRINTS_MAX],
				  size_t *ret_n);

struct service_seen {
	enum service_method method;
	/*
	 * 10: matched, perhaps softly (then without a product); 8: closed before a word; 3: table
	 */
	unsigned conf;
	struct text name, product, version, extra, tunnel; /* unknown when nothing was said */
};

struct port_seen {
	enum door_proto proto; /* tcp, udp or sctp */
	uint16_t port;
	enum port_state state;
	uint8_t reason_ttl; /* of the answer, 0: not known (connect scans) */
	struct text reason; /* "syn-ack", "conn-refused", "no-response" */
	struct service_seen service;
	unsigned fingerprints_len;
	const struct fingerprint *fingerprints;
};

#endif
