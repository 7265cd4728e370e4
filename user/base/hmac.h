/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_HMAC_H
#define AJAR_BASE_HMAC_H

#include "base/hash.h"

/* HMAC-SHA256, RFC 2104, of the pieces one behind the other. */
struct hmac_piece {
	const void *p;
	size_t n;
};
void hmac_sha256(const void *key, size_t key_len, const struct hmac_piece *pieces, size_t len,
		 uint8_t out[SHA256_LEN]);

#endif
