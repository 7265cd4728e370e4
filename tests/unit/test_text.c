/* SPDX-License-Identifier: GPL-2.0 */
#include "base/text.h"

#include "base/buf.h"
#include "base/jsonw.h"
#include "tap.h"

static void escapes(const char *in, size_t n, const char *want, const char *what)
{
	struct buf b = BUF_INIT(1 << 16);

	esc_text(&b, in, n, 0);
	is_str(buf_str(&b), want, "%s", what);
	buf_done(&b);
}

/* Whatever goes in, what comes out is valid UTF-8 without a control character. */
static void every_pair_of_bytes_is_made_safe(void)
{
	bool good = true;

	for (unsigned i = 0; i < 65536 && good; i++) {
		char in[3] = { (char)(i >> 8), (char)i, 'x' };
		struct buf b = BUF_INIT(64);
		const unsigned char *p;

		esc_text(&b, in, sizeof(in), 0);
		p = (const unsigned char *)buf_str(&b);
		for (size_t at = 0; at < b.len && good;) {
			size_t len = utf8_len(p + at, b.len - at);

			good = len && p[at] >= 0x20 && p[at] != 0x7f &&
			       !(len == 2 && p[at] == 0xc2 && p[at + 1] < 0xa0);
			at += len;
		}
		buf_done(&b);
	}
	ok(good, "every pair of bytes is escaped into valid, harmless UTF-8");
}

static void json_of_hostile_text(void)
{
	struct buf b = BUF_INIT(4096);
	struct jsonw w;

	jsonw_init(&w, &b);
	jsonw_obj(&w, NULL);
	jsonw_text(&w, "comm", (struct text){ "n\"c\\\xff\n\x1b[31m", 11 });
	jsonw_text(&w, "none", (struct text){ NULL, 0 });
	jsonw_text(&w, "empty", (struct text){ "", 0 });
	jsonw_u64(&w, "big", UINT64_C(9007199254740993));
	jsonw_i64(&w, "neg", -5);
	jsonw_arr(&w, "list");
	jsonw_bool(&w, NULL, true);
	jsonw_obj(&w, NULL);
	jsonw_end_obj(&w);
	jsonw_end_arr(&w);
	jsonw_time(&w, "t", UINT64_C(1763827262123456789));
	jsonw_end_obj(&w);
	is_str(buf_str(&b),
	       "{\"comm\":\"n\\\"c\\\\\\\\xff\\\\x0a\\\\x1b[31m\",\"none\":null,\"empty\":\"\","
	       "\"big\":\"9007199254740993\",\"neg\":-5,\"list\":[true,{}],"
	       "\"t\":\"2025-11-22T16:01:02.123456Z\"}",
	       "hostile text, big numbers and times are written as the contract says");
	buf_done(&b);
}

static void json_depth_is_bounded(void)
{
	struct buf b = BUF_INIT(4096);
	struct jsonw w;

	jsonw_init(&w, &b);
	for (unsigned i = 0; i <= JSONW_DEPTH_MAX; i++)
		jsonw_arr(&w, NULL);
	ok(b.err != 0, "nesting deeper than the bound is an error, not an overflow");
	buf_done(&b);
}

static void hex_is_read_strictly(void)
{
	unsigned char out[2] = { 0 };
	size_t n = 9;

	is_int(text_unhex(TEXT("0fa9"), out, sizeof(out), &n), 0, "hexadecimal digits are read");
	ok(n == 2 && out[0] == 0x0f && out[1] == 0xa9, "as the bytes they are");
	is_int(text_unhex(TEXT(""), out, sizeof(out), &n), 0, "none are no bytes");
	is_int(n, 0, "which is said");
	ok(text_unhex(TEXT("0fa"), out, sizeof(out), &n) && text_unhex(TEXT("0FA9"), out, 2, &n) &&
		   text_unhex(TEXT("0fg9"), out, sizeof(out), &n),
	   "half a byte, capitals and other letters are refused");
	ok(text_unhex(TEXT("0fa911"), out, sizeof(out), &n), "and more than there is room for");
}

int main(void)
{
	struct buf small = BUF_INIT(8);

	escapes("plain \xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\xaa", 15,
		"plain \xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\xaa", "valid UTF-8 passes");
	escapes("\x1b]0;x\x07", 6, "\\x1b]0;x\\x07", "a terminal sequence is escaped");
	escapes("\xc0\x80\xed\xa0\x80", 5, "\\xc0\\x80\\xed\\xa0\\x80",
		"overlong forms and surrogates are escaped");
	escapes("a\xe2\x80\xae"
		"b",
		5,
		"a\\xe2\\x80\\xae"
		"b",
		"a right-to-left override is escaped");
	escapes("\xc2\x9b"
		"31m",
		5,
		"\\xc2\\x9b"
		"31m",
		"a C1 control is escaped");
	escapes("\xf0\x9f", 2, "\\xf0\\x9f", "a sequence cut off by the end is escaped");
	every_pair_of_bytes_is_made_safe();
	json_of_hostile_text();
	json_depth_is_bounded();
	hex_is_read_strictly();
	buf_puts(&small, "12345678");
	is_int(small.err, 0, "a buffer takes exactly its maximum");
	buf_putc(&small, '9');
	is_int(small.err, -7, "and says -E2BIG at one byte more");
	is_str(buf_str(&small), "12345678", "keeping what it had");
	buf_done(&small);
	return tap_done();
}
