/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_MD5_H
#define AJAR_BASE_MD5_H

#include <stddef.h>
#include <stdint.h>

/*
 * MD5, RFC 1321: for comparing with digests that others have made with it (dpkg's *.md5sums).
 * Proves nothing against who can choose both sides.
 */
#define MD5_LEN 16
struct md5 {
	uint32_t h[4];
	uint64_t bytes;
	uint8_t block[64];
};
void md5_init(struct md5 *m);
void md5_update(struct md5 *m, const void *p, size_t n);
void md5_final(struct md5 *m, uint8_t out[MD5_LEN]);

#endif
