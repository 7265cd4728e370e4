/* SPDX-License-Identifier: GPL-2.0 */
#include "base/hash.h"

#include "tap.h"

static const char *hex(const uint8_t *p)
{
	static char s[2 * SHA256_LEN + 1];

	for (int i = 0; i < SHA256_LEN; i++)
		snprintf(s + 2 * i, 3, "%02x", p[i]);
	return s;
}

static const char *sha(const void *p, size_t n, size_t step)
{
	uint8_t out[SHA256_LEN];
	struct sha256 s;

	sha256_init(&s);
	for (size_t i = 0; i < n; i += step)
		sha256_update(&s, (const char *)p + i, n - i < step ? n - i : step);
	sha256_final(&s, out);
	return hex(out);
}

/* The vectors of RFC 3720 B.4 and the check value of the CRC catalogue. */
static void test_crc(void)
{
	uint8_t b[4096], zero[32] = { 0 }, ones[32], up[32], down[32];
	unsigned differ = 0, split = 0;

	memset(ones, 0xff, sizeof(ones));
	for (int i = 0; i < 32; i++) {
		up[i] = (uint8_t)i;
		down[i] = (uint8_t)(31 - i);
	}
	is_int(crc32c(0, "123456789", 9), 0xe3069283, "the check value is right");
	is_int(crc32c(0, zero, 32), 0x8a9136aa, "32 zeros");
	is_int(crc32c(0, ones, 32), 0x62a8ab43, "32 ones");
	is_int(crc32c(0, up, 32), 0x46dd794e, "counting up");
	is_int(crc32c(0, down, 32), 0x113fdb5c, "counting down");
	is_int(crc32c_table(0, "123456789", 9), 0xe3069283, "the table agrees with the catalogue");
	is_int(crc32c_table(0, down, 32), 0x113fdb5c, "the table, counting down");
	is_int(crc32c(0, "", 0), 0, "nothing has CRC 0");
	for (size_t i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)(i * 2654435761u >> 13);
	for (size_t n = 0; n < 300; n++)
		for (size_t at = 0; at < 9; at++)
			differ += crc32c(7, b + at, n) != crc32c_table(7, b + at, n);
	is_int(differ, 0, "CPU and table agree at every length and alignment");
	for (size_t n = 0; n < 300; n++)
		split += crc32c(crc32c(0, b, n), b + n, 300 - n) != crc32c(0, b, 300);
	is_int(split, 0, "a CRC can be taken in two parts");
}

static void test_sha(void)
{
	static char million[1000000];
	uint32_t a[8] = { 0 }, b[8] = { 0 };
	uint8_t blocks[640];
	unsigned differ = 0;
	char want[65];

	is_str(sha("", 0, 1), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	       "the empty message");
	is_str(sha("abc", 3, 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	       "abc");
	is_str(sha("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, 56),
	       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
	       "two blocks of padding");
	memset(million, 'a', sizeof(million));
	is_str(sha(million, sizeof(million), 997),
	       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
	       "a million times a, in odd pieces");
	for (size_t n = 1; n < 200; n++) {
		memcpy(want, sha(million, n, n), sizeof(want));
		for (size_t step = 1; step < 70; step += 7)
			differ += strcmp(sha(million, n, step), want) != 0;
	}
	is_int(differ, 0, "the pieces in which a message comes do not matter");
	for (size_t i = 0; i < sizeof(blocks); i++)
		blocks[i] = (uint8_t)(i * 2654435761u >> 11);
	sha256_block_portable(a, blocks, 10);
	if (sha256_block_cpu(b, blocks, 10))
		ok(!memcmp(a, b, sizeof(a)), "the CPU's SHA-256 agrees with the portable one");
	else
		tap_skip_machine(1, "this CPU has no SHA-256");
}

static void test_map_hash(void)
{
	unsigned same = 0;
	char k[16];

	ok(hash_bytes("abc", 3) == hash_bytes("abc", 3), "one key has one hash");
	ok(hash_bytes("abc", 3) != hash_bytes("abd", 3), "another key has another");
	ok(hash_bytes("", 0) != hash_bytes("\0", 1), "the length counts");
	for (int i = 0; i < 20000; i++) {
		int n = snprintf(k, sizeof(k), "%d", i);

		same += (hash_bytes(k, (size_t)n) & 0xffff) == 0;
	}
	ok(same < 5, "no bucket of 65536 is crowded by 20000 keys (%u in the first)", same);
}

int main(void)
{
	test_crc();
	test_sha();
	test_map_hash();
	return tap_done();
}
