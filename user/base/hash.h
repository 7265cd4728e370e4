/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_HASH_H
#define AJAR_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * CRC-32C (Castagnoli), as iSCSI and ext4 use it; start with crc 0. By the CPU's instruction if it
 * has one.
 */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);
/*
 * The same by table, for CPUs without the instruction; public so that a test can compare the two.
 */
uint32_t crc32c_table(uint32_t crc, const void *p, size_t n);

/* SHA-256, FIPS 180-4. By the CPU's instructions if it has them. */
#define SHA256_LEN 32
struct sha256 {
	uint32_t h[8];
	uint64_t bytes;
	uint8_t block[64];
};
void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *p, size_t n);
void sha256_final(struct sha256 *s, uint8_t out[SHA256_LEN]);
/* One block through the portable code and through the CPU's (false: it has none), for the test. */
void sha256_block_portable(uint32_t h[8], const uint8_t *p, size_t blocks);
bool sha256_block_cpu(uint32_t h[8], const uint8_t *p, size_t blocks);

/*
 * SipHash-1-3 under a key drawn once per process: for in-memory maps whose keys strangers choose.
 * Never store the result.
 */
uint64_t hash_bytes(const void *p, size_t n);

#endif
