/* SPDX-License-Identifier: GPL-2.0 */
#include "base/hmac.h"

#include <string.h>

#define BLOCK 64

static void begin(struct sha256 *s, const uint8_t key[BLOCK], uint8_t pad)
{
	uint8_t block[BLOCK];

	for (size_t i = 0; i < BLOCK; i++)
		block[i] = key[i] ^ pad;
	sha256_init(s);
	sha256_update(s, block, BLOCK);
	explicit_bzero(block, sizeof(block));
}

void hmac_sha256(const void *key, size_t key_len, const struct hmac_piece *pieces, size_t len,
		 uint8_t out[SHA256_LEN])
{
	uint8_t k[BLOCK] = { 0 }, inner[SHA256_LEN];
	struct sha256 s;

	if (key_len > BLOCK) {
		sha256_init(&s);
		sha256_update(&s, key, key_len);
		sha256_final(&s, k);
	} else {
		memcpy(k, key, key_len);
	}
	begin(&s, k, 0x36);
	for (size_t i = 0; i < len; i++)
		sha256_update(&s, pieces[i].p, pieces[i].n);
	sha256_final(&s, inner);
	begin(&s, k, 0x5c);
	sha256_update(&s, inner, sizeof(inner));
	sha256_final(&s, out);
	explicit_bzero(k, sizeof(k));
}
