/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_KEYS_H
#define AJAR_STORE_KEYS_H

#include "core/event.h"
#include "store/store.h"

/*
 * What answered on a node's port when an honest scan looked first. -EOPNOTSUPP: the driver has no
 * scans.
 */
struct store_key {
	const char *node;
	enum door_proto proto;
	uint32_t port;
	const char *fingerprint; /* as fingerprints_format() has it; "": no key was seen */
	const char *product, *version; /* "": not known */
	uint64_t first_ns; /* since when, by the store's clock */
	uint64_t changed_ns; /* another product or version is seen since; 0: not */
};
typedef int (*store_key_fn)(const struct store_key *k, void *arg);
/* By node and port; node NULL: of all. */
must_check int store_keys(struct store *s, const char *node, store_key_fn fn, void *arg);
must_check int store_key_put(struct store *s, const struct store_key *k); /* new or instead */
/* port 0: all of the node's. The next scan learns them anew. *ret_n: how many. */
must_check int store_keys_forget(struct store *s, const char *node, uint32_t port, uint64_t *ret_n);

#endif
