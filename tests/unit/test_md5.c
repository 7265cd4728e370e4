/* SPDX-License-Identifier: GPL-2.0 */
#include "base/md5.h"

#include "tap.h"

static const char *md5(const void *p, size_t n, size_t step)
{
	static char s[2 * MD5_LEN + 1];
	uint8_t out[MD5_LEN];
	struct md5 m;

	md5_init(&m);
	for (size_t i = 0; i < n; i += step)
		md5_update(&m, (const char *)p + i, n - i < step ? n - i : step);
	md5_final(&m, out);
	for (int i = 0; i < MD5_LEN; i++)
		snprintf(s + 2 * i, 3, "%02x", out[i]);
	return s;
}

/* RFC 1321, A.5. */
static void test_vectors(void)
{
	static const char long_text[] = "1234567890123456789012345678901234567890"
					"1234567890123456789012345678901234567890";

	is_str(md5("", 0, 1), "d41d8cd98f00b204e9800998ecf8427e", "nothing");
	is_str(md5("a", 1, 1), "0cc175b9c0f1b6a831c399e269772661", "one byte");
	is_str(md5("message digest", 14, 14), "f96b697d7cb7938d525a2f31aaf161d0", "a few");
	is_str(md5(long_text, 80, 80), "57edf4a22be3c955ac49da2e2107b67a", "more than a block");
	is_str(md5(long_text, 80, 7), "57edf4a22be3c955ac49da2e2107b67a", "in pieces");
}

static void test_lengths(void)
{
	char bytes[200] = "", whole[2 * MD5_LEN + 1];
	unsigned differ = 0;

	for (size_t n = 0; n < sizeof(bytes); n++) {
		bytes[n] = (char)(n * 7);
		snprintf(whole, sizeof(whole), "%s", md5(bytes, n, n ? n : 1));
		for (size_t step = 1; step <= 65; step += 8)
			differ += strcmp(md5(bytes, n, step), whole) != 0;
	}
	is_int(differ, 0, "at each length the pieces do not matter");
}

int main(void)
{
	test_vectors();
	test_lengths();
	return tap_done();
}
