/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>

#include "base/hmac.h"
#include "change_util.h"
#include "conf/sinks.h"
#include "notify/sinks.h"
#include "store/seen.h"
#include "syntax.h"
#include "tap.h"
#include "view/encode.h"
#include "view/rfc5424.h"

static const char hostile[] = "nc\0-l\x1b[31m|=\\\"]\n\r<!channel>\xff\xfe\xe2\x80\xae=?x?= key=v";

static struct buf out = BUF_INIT(1 << 20);

static const char *encoded(enum view_format f, const char *text, size_t n, unsigned variant)
{
	struct any_change a;

	any_change_init(&a, text, n, variant);
	buf_reset(&out);
	if (view_encode_change(f, &a.c, "0123abcd", &out))
		printf("# cannot encode\n");
	any_change_done(&a);
	return buf_str(&out);
}

static bool has(const char *piece)
{
	if (strstr(buf_str(&out), piece))
		return true;
	printf("# %s\n# has no %s\n", buf_str(&out), piece);
	return false;
}

static void test_ocsf(void)
{
	encoded(VIEW_OCSF, "nc", 2, 30); /* open, severity 1, tcp..., kind 9 */
	ok(syn_is_json(out.data, out.len), "OCSF is JSON");
	ok(has("\"category_uid\":2,\"class_uid\":2004,\"activity_id\":2,\"type_uid\":200402"),
	   "a Detection Finding");
	ok(has("\"metadata\":{\"version\":\"1.4.0\",\"product\":{\"name\":\"Ajar\""),
	   "of a schema that is named");
	ok(has("\"time\":1795363262123,"), "times are milliseconds");
	ok(has("\"finding_info\":{\"uid\":\"0123abcd:7\",\"title\":\"nc\""),
	   "the finding is the alert");
	ok(has("\"dst_endpoint\":{\"hostname\":\"nc\",\"ip\":\"::\",\"port\":4444}"),
	   "the evidence the door");
	ok(has("\"process\":{\"pid\":20131,\"name\":\"nc\",\"cmd_line\":\"nc\",\"created_time\":"
	       "1795363262000"),
	   "and who opened it");
	encoded(VIEW_OCSF, "nc", 2, 34);
	ok(has("\"activity_id\":3,") && has("\"status_id\":4,") && has("\"is_alert\":false"),
	   "a resolved alert is closed");
}

static void test_ocsf_event(void)
{
	const struct view_event_ctx ctx = { .node = "n1",
					    .host_type = "compute",
					    .verdict = VERDICT_UNEXPECTED };
	struct event ev = any_event("nc", 2);

	buf_reset(&out);
	ok(!view_encode_event(VIEW_OCSF, &ev, &ctx, &out) && syn_is_json(out.data, out.len),
	   "a door in OCSF");
	ok(has("\"class_uid\":4001,\"activity_id\":7,\"type_uid\":400107"),
	   "is Network Activity: Listen");
	buf_reset(&out);
	ok(!view_encode_event(VIEW_ECS, &ev, &ctx, &out) && syn_is_json(out.data, out.len),
	   "a door in ECS");
	ok(has("\"action\":\"door-open\""), "opens");
	ev.kind = EVENT_LOST;
	buf_reset(&out);
	is_int(view_encode_event(VIEW_OCSF, &ev, &ctx, &out), -EOPNOTSUPP,
	       "what is no door has no such words");
}

static void test_ecs(void)
{
	encoded(VIEW_ECS, "nc", 2, 30);
	ok(has("{\"@timestamp\":\"2026-11-22T16:01:02.123456Z\",\"ecs\":{\"version\":\"8.11.0\"}"),
	   "ECS");
	ok(has("\"event\":{\"kind\":\"alert\",\"category\":[\"network\"],\"type\":[\"start\"]"),
	   "an alert");
	ok(has("\"host\":{\"name\":\"nc\"}") &&
		   has("\"server\":{\"address\":\"::\",\"ip\":\"::\",\"port\":4444}"),
	   "of a host and a port");
	ok(has("\"process\":{\"pid\":20131,\"name\":\"nc\",\"executable\":\"nc\",\"args\":["
	       "\"nc\"]"),
	   "and a process");
}

static void test_cef(void)
{
	encoded(VIEW_CEF, "a|b=c\\d", 7, 32); /* snoozed, severity 3 */
	ok(syn_is_cef(out.data, out.len), "CEF");
	ok(has("CEF:0|Ajar|Ajar|0.1.0|"), "says who");
	ok(has("|a\\|b=c\\\\d|9|"), "a bar in the header is escaped, an equals sign is not: %s",
	   out.data);
	ok(has(" dproc=a|b\\=c\\\\d "), "in a value it is the other way round");
	ok(has("dpt=4444") && has("act=snoozed"), "what matters is there");
}

static void test_rfc5424(void)
{
	struct any_change a;

	any_change_init(&a, "a\"b]c\\d", 7, 30);
	buf_reset(&out);
	view_rfc5424(&a.c, "moni tor", 42, NULL, 0, &out);
	ok(syn_is_rfc5424(out.data, out.len), "RFC 5424: %s", out.data);
	ok(has("<29>1 2026-11-22T16:01:02.123456Z moni-tor ajar 42 lost [ajar@32473 alert=\"7\""),
	   "the header");
	ok(has("class=\"a\\\"b\\]c\\\\d\""), "values are escaped");
	a.c.alert.severity = SEVERITY_CRITICAL;
	buf_reset(&out);
	view_rfc5424(&a.c, "", 42, "{}", 2, &out);
	ok(has("<26>1 ") && has(" - ajar ") && has("] {}"), "severity, no host, and another text");
	any_change_done(&a);
}

/* What the second witness saw is in every format; unknown is null and never a guess. */
static void test_outside(void)
{
	static const struct store_seen seen = { .scan_id = 12,
						.ended_ns = 1795363262123456789ULL,
						.state = PORT_OPEN,
						.kind = SCAN_VERIFY,
						.node = "n1",
						.addr = "10.0.0.1",
						.service = "ssh OpenSSH 9.2p1",
						.reachable = 3,
						.asked = 480 };
	static const enum view_format formats[] = { VIEW_JSON, VIEW_OCSF, VIEW_ECS };
	struct any_change a;

	for (size_t i = 0; i < array_len(formats); i++) {
		encoded(formats[i], "nc", 2, 30);
		ok(has("\"scan\":null"), "format %zu: an alert no scan speaks of", i);
		any_change_init(&a, "nc", 2, 30);
		a.c.alert.seen = &seen;
		buf_reset(&out);
		ok(!view_encode_change(formats[i], &a.c, "0123abcd", &out) &&
			   syn_is_json(out.data, out.len) &&
			   has("\"scan\":{\"id\":12,\"kind\":\"verify\",\"time\":"
			       "\"2026-11-22T16:01:02.123456Z\",\"node\":\"n1\",\"addr\":"
			       "\"10.0.0.1\",\"state\":\"open\",\"service\":\"ssh OpenSSH "
			       "9.2p1\",\"reachable\":3,\"asked\":480}"),
		   "format %zu: one that a scan has seen from outside", i);
		any_change_done(&a);
	}
	any_change_init(&a, "nc", 2, 30);
	a.c.alert.seen = &seen;
	buf_reset(&out);
	ok(!view_encode_change(VIEW_CEF, &a.c, "0123abcd", &out) && syn_is_cef(out.data, out.len) &&
		   has("flexString1Label=outside flexString1=open at 10.0.0.1, ssh OpenSSH 9.2p1 "
		       "(n1; reachable on 3 of 480 nodes)"),
	   "CEF has it as a text");
	any_change_done(&a);
}

static void test_hostile(void)
{
	unsigned bad = 0;

	for (unsigned v = 0; v < 120; v++) {
		for (enum view_format f = VIEW_JSON; f <= VIEW_ECS; f++) {
			encoded(f, hostile, sizeof(hostile), v);
			bad += !syn_is_json(out.data, out.len) || !syn_one_line(out.data, out.len);
		}
		encoded(VIEW_CEF, hostile, sizeof(hostile), v);
		bad += !syn_is_cef(out.data, out.len);
	}
	is_int(bad, 0, "hostile bytes do no harm in any format");
}

/* --- mail and Slack -------------------------------------------------------------------------------------- */

static void test_mail(void)
{
	static char empty[] = "", to[] = "root  admin@x.example";
	const struct notify_env env = { .uuid = "0123", .host = "moni", .user = "ajar" };
	const struct conf_sink conf = { .to = to, .from = empty };
	struct any_change a, b;
	struct sink_message m2 = { .log_id = 13, .change = &b.c },
			    m = { .log_id = 12, .change = &a.c, .next = &m2 };

	any_change_init(&a, "x\nBcc: evil@x.example\n\n.\n", 26, 30);
	any_change_init(&b, "plain", 5, 32);
	b.c.state = ALERT_OPEN;
	buf_reset(&out);
	notify_mail_body(&env, &conf, &m, 0, "\n", &out);
	ok(has("From: Ajar <ajar@moni>\nTo: root,\n admin@x.example\nSubject: [ajar] 2 changes, "
	       "critical: plain\n"),
	   "a mail has its headers, and the worst in its subject");
	ok(!strstr(out.data, "\nBcc:"), "nothing else gets there");
	ok(!strstr(out.data, "\n.\n"), "and nothing ends it early");
	ok(has("\nalert 7: ") && has("  why       plain\n"), "each change is in it");
	ok(!strstr(out.data, "more changes wait"), "nothing waits");
	m.next = NULL;
	m.waiting = 1234;
	memcpy(a.text, "t\xc3\xbcr", 5);
	buf_reset(&out);
	notify_mail_body(&env, &conf, &m, 0, "\r\n", &out);
	ok(has("\n1234 more changes wait: the worst are sent first."), "how many wait is said");
	ok(has("Subject: =?utf-8?Q?"), "a subject that is not ASCII is an encoded word");
	ok(!strstr(strstr(out.data, "Date:"), "[^\r]\n") && has("\r\n\r\n"),
	   "over SMTP lines end with CR LF");
	any_change_done(&a);
	any_change_done(&b);
}

static void test_slack(void)
{
	struct any_change a;
	struct sink_message m = { .change = &a.c };

	any_change_init(&a, "<!channel> & *b*", 16, 30);
	buf_reset(&out);
	notify_slack_body(&m, &out);
	ok(syn_is_json(out.data, out.len), "Slack's is JSON");
	ok(has("\"text\":\"notice, open: &lt;!channel&gt; &amp; *b*\""), "nobody is mentioned");
	ok(has("{\"type\":\"plain_text\",\"text\":\"notice, open: <!channel> & *b*\\n"),
	   "blocks are plain text");
	m.waiting = 7;
	buf_reset(&out);
	notify_slack_body(&m, &out);
	ok(syn_is_json(out.data, out.len) && has("&gt; &amp; *b* (and 7 more)\"") &&
		   has("\"text\":\"7 more changes wait: the worst are sent first.\""),
	   "how many wait is said");
	any_change_done(&a);
}

static void test_alertmanager(void)
{
	const struct notify_env env = { .uuid = "0123456789abcdef" };
	const struct conf_sink conf = { .resend_ns = UINT64_C(60000000000) };
	struct any_change a;

	any_change_init(&a, "compute", 7, 30);
	buf_reset(&out);
	notify_alertmanager_body(&env, &conf, &a.c.alert, UINT64_C(1795363320000000000), &out);
	ok(has("{\"labels\":{\"alertname\":\"AjarLost\",\"severity\":\"notice\",\"class\":"
	       "\"compute\","
	       "\"ajar_id\":\"01234567-7\"}"),
	   "four labels are the identity");
	ok(has("\"startsAt\":\"2026-11-22T16:01:00.000000Z\",\"endsAt\":\"2026-11-22T16:06:00."
	       "000000Z\""),
	   "an open alert lives for four intervals");
	a.c.alert.state = ALERT_RESOLVED;
	buf_reset(&out);
	notify_alertmanager_body(&env, &conf, &a.c.alert, UINT64_C(1795363320000000000), &out);
	ok(has("\"endsAt\":\"2026-11-22T16:02:00.000000Z\""), "a resolved one ends now");
	any_change_done(&a);
}

/* RFC 4231, test cases 1, 2 and 6. */
static void test_hmac(void)
{
	static const struct {
		const char *key, *data, *want;
		size_t n; /* of a key that repeats one byte */
	} t[] = {
		{ "\x0b", "Hi There",
		  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", 20 },
		{ "Jefe", "what do ya want for nothing?",
		  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", 0 },
		{ "\xaa", "Test Using Larger Than Block-Size Key - Hash Key First",
		  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", 131 },
	};

	for (size_t i = 0; i < array_len(t); i++) {
		char key[200], hex[65];
		size_t n = t[i].n ? t[i].n : strlen(t[i].key), half = strlen(t[i].data) / 2;
		const struct hmac_piece pieces[] = {
			{ t[i].data, half }, { t[i].data + half, strlen(t[i].data) - half }
		};
		uint8_t mac[SHA256_LEN];

		if (t[i].n)
			memset(key, t[i].key[0], n);
		else
			memcpy(key, t[i].key, n);
		hmac_sha256(key, n, pieces, 2, mac);
		for (size_t k = 0; k < SHA256_LEN; k++)
			snprintf(hex + 2 * k, 3, "%02x", mac[k]);
		is_str(hex, t[i].want, "HMAC-SHA256, case %zu", i);
	}
}

static void test_filter(void)
{
	static char critical[] = "critical", notice[] = "notice", all[] = "",
		    some[] = "gpu*, login";
	struct store_alert a = { .severity = SEVERITY_WARNING, .host_type = "gpu-a100" };

	ok(notify_wants_alert(&(struct conf_sink){ .min_severity = notice, .classes = all }, &a),
	   "all classes");
	ok(!notify_wants_alert(&(struct conf_sink){ .min_severity = critical, .classes = all }, &a),
	   "by severity");
	ok(notify_wants_alert(&(struct conf_sink){ .min_severity = notice, .classes = some }, &a),
	   "by pattern");
	a.host_type = "compute";
	ok(!notify_wants_alert(&(struct conf_sink){ .min_severity = notice, .classes = some }, &a),
	   "not another class");
}

int main(void)
{
	test_ocsf();
	test_ocsf_event();
	test_ecs();
	test_cef();
	test_outside();
	test_rfc5424();
	test_hostile();
	test_mail();
	test_slack();
	test_alertmanager();
	test_hmac();
	test_filter();
	buf_done(&out);
	return tap_done();
}
