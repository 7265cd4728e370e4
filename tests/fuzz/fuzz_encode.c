/* SPDX-License-Identifier: GPL-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "change_util.h"
#include "conf/sinks.h"
#include "notify/sinks.h"
#include "syntax.h"
#include "view/encode.h"
#include "view/rfc5424.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good, const struct buf *b)
{
	if (good && !b->err)
		return;
	fwrite(b->data, 1, b->len, stderr);
	__builtin_trap();
}

/*
 * Whatever a process calls itself, a node its class or a person an alert: what is sent is one
 * well-formed message.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char empty[] = "", to[] = "root admin@x.example";
	const struct notify_env env = { .uuid = "0123456789abcdef", .host = "h", .user = "ajar" };
	const struct conf_sink conf = { .to = to, .from = empty, .resend_ns = 1 };
	struct buf b = BUF_INIT(1 << 20), json = BUF_INIT(1 << 20);
	struct sink_message m = { 0 };
	struct any_change a;
	char *mail;

	if (!size)
		return 0;
	any_change_init(&a, (const char *)data + 1, size - 1, data[0]);
	m.change = &a.c;
	for (enum view_format f = VIEW_JSON; f <= VIEW_ECS; f++) {
		buf_reset(&b);
		must(!view_encode_change(f, &a.c, "0123", &b) && syn_is_json(b.data, b.len) &&
			     syn_one_line(b.data, b.len),
		     &b);
	}
	buf_put(&json, b.data, b.len);
	buf_reset(&b);
	must(!view_encode_change(VIEW_CEF, &a.c, "0123", &b) && syn_is_cef(b.data, b.len), &b);
	buf_reset(&b);
	view_rfc5424(&a.c, a.text, 1, NULL, 0, &b);
	must(syn_is_rfc5424(b.data, b.len), &b);
	buf_reset(&b);
	view_rfc5424(&a.c, a.text, 1, json.data, json.len, &b);
	must(syn_is_rfc5424(b.data, b.len), &b);
	buf_reset(&b);
	notify_slack_body(&m, &b);
	must(syn_is_json(b.data, b.len), &b);
	buf_reset(&b);
	notify_alertmanager_body(&env, &conf, &a.c.alert, 1, &b);
	must(syn_is_json(b.data, b.len), &b);
	buf_reset(&b);
	notify_mail_body(&env, &conf, &m, 1, "\n", &b);
	/* Six headers of ours before the empty line, and none of theirs. */
	mail = strstr(buf_str(&b), "\n\n");
	must(mail && syn_utf8(b.data, b.len), &b);
	for (const char *p = b.data; p < mail; p = strchr(p, '\n') + 1)
		must(strchr(" FTSDMCA", *p) != NULL, &b);
	buf_done(&b);
	buf_done(&json);
	any_change_done(&a);
	return 0;
}
