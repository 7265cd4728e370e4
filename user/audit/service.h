/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AUDIT_SERVICE_H
#define AJAR_AUDIT_SERVICE_H

#include <stdbool.h>

#include "core/observation.h"
#include "core/profile.h"

/*
 * Is what answers from outside the service that a profile row names? Strongest evidence first: the
 * key that the row pins, then the protocol that was spoken, then the product. A name that nmap took
 * out of its table of ports is no evidence at all, nor is a connection that was closed before a
 * word (tcpwrapped), nor silence: those are "unverified", which is neither right nor wrong.
 */
enum service_fit {
	SERVICE_UNVERIFIED = 0,
	SERVICE_FITS = 1,
	SERVICE_OTHER = 2, /* another protocol or product spoke */
	SERVICE_OTHER_KEY = 3, /* it has another key than the one that is pinned */
};
/*
 * Whether the row's service is something that somebody knows: a person has said it, or a scan has
 * recognised it. Rows that were learned (origin "learned") had a name looked up by the port's
 * number until 0.1.0: sshd on 443 is no "https".
 */
bool audit_service_known(const struct profile_row *r);
/* Whether what was seen was recognised, and not looked up by number, nor cut off before a word. */
bool audit_is_recognised(const struct service_seen *s);
enum service_fit audit_service(const struct profile_row *r, const struct port_seen *p);

/*
 * The keys that are known of a port, against those that were seen: of each kind that is known one
 * has to be seen.
 */
enum keys_fit {
	KEYS_SAME = 0,
	KEYS_MORE = 1, /* and others, or of a kind that was not known */
	KEYS_OTHER = 2,
};
enum keys_fit audit_known_keys(const struct fingerprint *known, size_t n,
			       const struct port_seen *p);
bool audit_has_key(const struct fingerprint *known, size_t n, const struct fingerprint *f);

/*
 * Who listens, against what spoke: the executable of a well-known server cannot be another one's,
 * and a well-known server's banner comes from its own, which does not lie in a folder where anyone
 * may write. False where nothing is known of either.
 */
bool audit_exe_contradicts(const struct process *opener, const struct port_seen *p);

#endif
