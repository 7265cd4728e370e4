/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_HASH_H
#define AJAR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32C (Castagnoli), as iSCSI and ext4 use it; start with crc 0. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);

/* SHA-256, FIPS 180-4. */
#define SHA256_LEN 32
struct sha256 {
	uint32_t h[8];
	uint64_t bytes;
	uint8_t block[64];
};
void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *p, size_t n);
void sha256_final(struct sha256 *s, uint8_t out[SHA256_LEN]);

/* SipHash-less but seeded FNV-style hash for in-memory maps only. */
uint64_t hash_bytes(const void *p, size_t n);

#endif
