/* SPDX-License-Identifier: GPL-2.0 */
#include "web/query.h"

#include <errno.h>

#include "tap.h"

static struct query q;

static void test_targets(void)
{
	is_int(query_parse("/api/v1/nodes/n%2F1?q=tcp+%3A22&limit=5&limit=7", &q), 0,
	       "a target is read");
	is_int(q.segments_len, 4, "its path has four parts");
	is_str(q.segments[3], "n/1", "a slash inside a part stays inside");
	is_str(query_arg(&q, "q"), "tcp :22", "arguments are unescaped, plus is a blank");
	is_str(query_arg(&q, "limit"), "7", "of two the last counts");
	ok(!query_arg(&q, "since"), "what is not there is NULL");
	is_int(query_parse("/", &q), 0, "the root is read");
	is_int(q.segments_len, 0, "and has no part");
	is_int(query_parse("//a///b/", &q), 0, "empty parts are passed over");
	is_int(q.segments_len, 2, "and two are left");
	is_int(query_parse("/a?x", &q), 0, "an argument without a value is read");
	is_str(query_arg(&q, "x"), "", "and is empty");
}

static void test_hostile(void)
{
	static const char *const bad[] = {
		"",	   "a",		  "http://h/", "/..",
		"/a/../b", "/%2e%2e/etc", "/a%00b",    "/%zz",
		"/%4",	   "/a%",	  "/a?x=%0a",  "/a?x=%ff",
		"/\x01",   "/a#b",	  "/\xc0\xaf", "/1/2/3/4/5/6/7/8/9",
	};
	char *target = malloc(QUERY_BYTES_MAX + 64);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(query_parse(bad[i], &q), -EINVAL, "bad target %zu is refused", i);
	memset(target, 'a', QUERY_BYTES_MAX + 60);
	target[0] = '/';
	target[QUERY_BYTES_MAX] = '\0';
	is_int(query_parse(target, &q), 0,
	       "a target of as many bytes as there is room for is read");
	target[QUERY_BYTES_MAX] = 'a';
	target[QUERY_BYTES_MAX + 1] = '\0';
	is_int(query_parse(target, &q), -EINVAL, "one more is refused");
	snprintf(target, 8, "/a?");
	for (unsigned i = 0; i < QUERY_ARGS_MAX; i++)
		memcpy(target + strlen(target), "x=1&", 5);
	is_int(query_parse(target, &q), 0, "as many arguments as there is room for");
	memcpy(target + strlen(target), "x=1", 4);
	is_int(query_parse(target, &q), -EINVAL, "and not one more");
	free(target);
}

static void test_numbers(void)
{
	uint64_t v = 9, three[3];

	is_int(query_parse("/a?limit=12&big=99999999999999999999&neg=-1", &q), 0, "arguments");
	is_int(query_u64(&q, "limit", 1, 100, &v), 0, "a number is read");
	is_int(v, 12, "and is it");
	is_int(query_u64(&q, "limit", 1, 11, &v), -EINVAL, "one that is too large is refused");
	is_int(query_u64(&q, "big", 0, UINT64_MAX, &v), -EINVAL, "one without end too");
	is_int(query_u64(&q, "neg", 0, 10, &v), -EINVAL, "and one below nothing");
	is_int(query_u64(&q, "none", 1, 5, &v), 0, "none is fine");
	is_int(v, 12, "and leaves what was there");
	is_int(cursor_parse("3.18446744073709551615.7", three, 3), 0, "a cursor is read");
	ok(three[0] == 3 && three[1] == UINT64_MAX && three[2] == 7, "with its numbers");
	is_int(cursor_parse("3.4", three, 3), -EINVAL, "one of another list is refused");
	is_int(cursor_parse("3.4.5.6", three, 3), -EINVAL, "one with more too");
	is_int(cursor_parse("", three, 1), -EINVAL, "and nothing");
	is_int(cursor_parse("1.-2", three, 2), -EINVAL, "and other than digits");
}

static void test_cookies(void)
{
	char to[8];

	is_int(cookie_get("a=1; ajar2527=xyz; b=2", "ajar2527", to, sizeof(to)), 0,
	       "a cookie among others is found");
	is_str(to, "xyz", "with its value");
	is_int(cookie_get("ajar25270=xyz", "ajar2527", to, sizeof(to)), -ENOENT,
	       "another one's name is not enough");
	is_int(cookie_get("xajar2527=xyz", "ajar2527", to, sizeof(to)), -ENOENT, "on either side");
	is_int(cookie_get(NULL, "a", to, sizeof(to)), -ENOENT, "no header, no cookie");
	is_int(cookie_get("a=12345678", "a", to, sizeof(to)), -EINVAL, "a long one is refused");
	is_int(cookie_get(";;; ;=;a", "a", to, sizeof(to)), -ENOENT, "nonsense is passed over");
}

int main(void)
{
	test_targets();
	test_hostile();
	test_numbers();
	test_cookies();
	return tap_done();
}
