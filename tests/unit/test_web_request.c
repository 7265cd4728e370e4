/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "web/request_body.h"

static struct request_body b;
static const char *why;

static int parse(const char *text)
{
	return request_body_parse(text, strlen(text), 1000, &b, &why);
}

static void test_good(void)
{
	is_int(parse("{\"action\":\"ack\",\"alerts\":[7,9]}"), 0, "the least that may be");
	ok(b.verb == REQUEST_ACK && !b.reason[0] && !b.until_ns, "is what it says");
	is_str(b.alerts, "7,9", "of these alerts");
	is_int(parse("{\"action\":\"snooze\",\"alerts\":[1],\"until\":\"1970-01-01T00:00:02.5Z\","
		     "\"reason\":\"\\u00e4\",\"ticket\":null}"),
	       0, "a snooze");
	ok(b.until_ns == UINT64_C(2500000000), "with its end");
	is_str(b.reason, "\xc3\xa4", "and its reason");
	is_int(parse("{\"action\":\"allow\",\"alerts\":[1],\"reason\":\"r\",\"ticket\":\"t\","
		     "\"until\":null}"),
	       0, "a rule for ever");
}

static void test_bad(void)
{
	static const char *const bad[] = {
		"",
		"null",
		"[]",
		"{}",
		"{\"action\":\"ack\"}",
		"{\"action\":\"ack\",\"alerts\":7}",
		"{\"action\":\"ack\",\"alerts\":[]}",
		"{\"action\":\"ack\",\"alerts\":[0]}",
		"{\"action\":\"ack\",\"alerts\":[-1]}",
		"{\"action\":\"ack\",\"alerts\":[1.5]}",
		"{\"action\":\"ack\",\"alerts\":[9007199254740994]}",
		"{\"action\":\"resolve\",\"alerts\":[1]}",
		"{\"action\":1,\"alerts\":[1]}",
		"{\"action\":\"ack\",\"alerts\":[1],\"alerts\":[2]}",
		"{\"action\":\"ack\",\"alerts\":[1],\"login\":\"root\"}",
		"{\"action\":\"ack\",\"alerts\":[1],\"reason\":\"a\\u0007\"}",
		"{\"action\":\"ack\",\"alerts\":[1],\"reason\":\"a\\u0000\"}",
		"{\"action\":\"ack\",\"alerts\":[1],\"reason\":\"\xff\"}",
		"{\"action\":\"ack\",\"alerts\":[1],\"reason\":[]}",
		"{\"action\":\"snooze\",\"alerts\":[1]}",
		"{\"action\":\"snooze\",\"alerts\":[1],\"until\":\"soon\"}",
		"{\"action\":\"snooze\",\"alerts\":[1],\"until\":5}",
		"{\"action\":\"allow\",\"alerts\":[1]}",
		"{\"action\":\"ack\",\"alerts\":[1]} x",
	};

	for (size_t i = 0; i < array_len(bad); i++) {
		why = NULL;
		if (!ok(parse(bad[i]) == -EINVAL && why, "no request: %s", bad[i]))
			printf("# %s\n", why ? why : "");
	}
}

static void test_limits(void)
{
	char *text = malloc(65536);
	size_t n = (size_t)sprintf(text, "{\"action\":\"ack\",\"alerts\":[1");

	for (unsigned i = 1; i < REQUEST_ALERTS_MAX; i++) {
		if (i == REQUEST_BRIEF_MAX) {
			strcpy(text + n, "]}");
			is_int(parse(text), 0, "many alerts without a reason");
			strcpy(text + n, ",1]}");
			is_int(parse(text), -EINVAL, "not one more");
			strcpy(text + n, ",1],\"reason\":\"r\"}");
			is_int(parse(text), 0, "but with a reason");
		}
		n += (size_t)sprintf(text + n, ",9007199254740992");
	}
	strcpy(text + n, "],\"reason\":\"r\"}");
	is_int(parse(text), 0, "as many alerts as there may be");
	strcpy(text + n, ",1],\"reason\":\"r\"}");
	is_int(parse(text), -EINVAL, "and not one more");
	n = (size_t)sprintf(text, "{\"action\":\"ack\",\"alerts\":[1],\"reason\":\"");
	memset(text + n, 'a', REQUEST_REASON_MAX + 1);
	strcpy(text + n + REQUEST_REASON_MAX, "\"}");
	is_int(parse(text), 0, "a reason as long as it may be");
	strcpy(text + n + REQUEST_REASON_MAX, "a\"}");
	is_int(parse(text), -EINVAL, "and not longer");
	free(text);
}

int main(void)
{
	test_good();
	test_bad();
	test_limits();
	return tap_done();
}
