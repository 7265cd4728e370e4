/* SPDX-License-Identifier: GPL-2.0 */
#include "base/md5.h"

#include <endian.h>
#include <string.h>

#define BLOCK 64

static uint32_t rotate(uint32_t v, unsigned n)
{
	return v << n | v >> (32 - n);
}

static void block(uint32_t h[4], const uint8_t *p)
{
	/* floor(2^32 * abs(sin(i + 1))) */
	static const uint32_t sines[64] = {
		0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613,
		0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193,
		0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d,
		0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed,
		0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122,
		0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
		0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244,
		0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
		0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb,
		0xeb86d391,
	};
	static const uint8_t turns[4][4] = {
		{ 7, 12, 17, 22 }, { 5, 9, 14, 20 }, { 4, 11, 16, 23 }, { 6, 10, 15, 21 }
	};
	uint32_t a = h[0], b = h[1], c = h[2], d = h[3], words[16];

	memcpy(words, p, BLOCK);
	for (unsigned i = 0; i < 64; i++) {
		unsigned round = i / 16;
		uint32_t f = round == 0	  ? (b & c) | (~b & d)
			     : round == 1 ? (d & b) | (~d & c)
			     : round == 2 ? b ^ c ^ d
					  : c ^ (b | ~d);
		unsigned word = round == 0   ? i
				: round == 1 ? 5 * i + 1
				: round == 2 ? 3 * i + 5
					     : 7 * i;
		uint32_t next = a + f + sines[i] + le32toh(words[word % 16]);

		a = d;
		d = c;
		c = b;
		b += rotate(next, turns[round][i % 4]);
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
}

void md5_init(struct md5 *m)
{
	*m = (struct md5){ .h = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 } };
}

void md5_update(struct md5 *m, const void *p, size_t n)
{
	const uint8_t *from = p;

	while (n) {
		size_t at = m->bytes % BLOCK, take = BLOCK - at < n ? BLOCK - at : n;

		if (!at && take == BLOCK) {
			block(m->h, from);
		} else {
			memcpy(m->block + at, from, take);
			if (at + take == BLOCK)
				block(m->h, m->block);
		}
		m->bytes += take;
		from += take;
		n -= take;
	}
}

void md5_final(struct md5 *m, uint8_t out[MD5_LEN])
{
	static const uint8_t pad[BLOCK] = { 0x80 };
	uint64_t bits = htole64(m->bytes * 8);
	size_t at = m->bytes % BLOCK;

	md5_update(m, pad, (at < 56 ? 56 : 120) - at);
	md5_update(m, &bits, sizeof(bits));
	for (unsigned i = 0; i < 4; i++) {
		uint32_t word = htole32(m->h[i]);

		memcpy(out + 4 * i, &word, sizeof(word));
	}
}
