/* SPDX-License-Identifier: GPL-2.0 */
#include <string.h>

#include "base/buf.h"
#include "base/jsonw.h"
#include "fixtures.h"
#include "store/alert_ports.h"
#include "store/store.h"
#include "core/place.h"
#include "tap.h"
#include "view/view.h"
#include "view/writer.h"

#define T UINT64_C(1795363262123456000) /* 2026-11-22T16:01:02.123456Z */
#define ID64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct event nc_opens(void)
{
	struct event ev = fixture_login(EVENT_OPEN, 0x1007, 4444, T);

	ev.boot_seq = 7;
	ev.seq = 1842;
	ev.door.netns = 4026531840;
	ev.opener.pid = ev.opener.tid = 20131;
	ev.opener.start_ns = T - 3456000;
	ev.opener.argv = (struct text){ "nc\0-l\0"
					"4444\0",
					11 };
	ev.cgroup = TEXT("/user.slice");
	return ev;
}

static const struct view_event_ctx ctx = {
	.node = "node001", .host_type = "compute", .verdict = VERDICT_UNEXPECTED, .latency_us = 310
};

static struct buf b = BUF_INIT(1 << 20);

static const char *json(const struct event *ev, const struct view_event_ctx *c)
{
	struct jsonw j;
	struct writer w;

	buf_reset(&b);
	jsonw_init(&j, &b);
	writer_json(&w, &j);
	view_event_json(&w, ev, c);
	return b.err ? "error" : buf_str(&b);
}

static bool has(const char *what)
{
	return strstr(buf_str(&b), what) != NULL;
}

static void test_golden(void)
{
	struct event ev = nc_opens();

	is_str(json(&ev, &ctx),
	       "{\"time\":\"2026-11-22T16:01:02.123456Z\",\"node\":\"node001\",\"class\":"
	       "\"compute\","
	       "\"boot_seq\":7,\"seq\":1842,\"event\":\"open\",\"origin\":\"event\",\"proto\":"
	       "\"tcp\","
	       "\"family\":\"inet\",\"addr\":\"0.0.0.0\",\"port\":4444,\"v6only\":false,"
	       "\"door\":\"7:4026531840:0x1007\",\"scope\":\"any\",\"opener\":{\"pid\":20131,"
	       "\"tid\":20131,"
	       "\"start\":\"2026-11-22T16:01:02.120000Z\",\"comm\":\"nc\",\"exe\":\"/usr/bin/"
	       "nc.openbsd\","
	       "\"argv\":[\"nc\",\"-l\",\"4444\"],\"uid\":1041,\"user\":\"mlee\",\"gid\":1041,"
	       "\"loginuid\":1041,\"session\":12,\"ancestors\":[{\"pid\":20100,\"comm\":\"bash\"},"
	       "{\"pid\":2010,\"comm\":\"sshd\"}]},\"holders\":[{\"pid\":20131,"
	       "\"tid\":20131,"
	       "\"start\":\"2026-11-22T16:01:02.120000Z\",\"comm\":\"nc\",\"exe\":\"/usr/bin/"
	       "nc.openbsd\","
	       "\"argv\":[\"nc\",\"-l\",\"4444\"],\"uid\":1041,\"user\":\"mlee\",\"gid\":1041,"
	       "\"loginuid\":1041,\"session\":12,\"ancestors\":[{\"pid\":20100,\"comm\":\"bash\"},"
	       "{\"pid\":2010,\"comm\":\"sshd\"}]}],\"netns\":4026531840,\"netns_name\":null,"
	       "\"device\":null,\"cgroup\":\"/user.slice\","
	       "\"container\":null,\"container_known\":false,\"job\":null,\"job_known\":false,"
	       "\"cgroups\":null,\"where\":null,\"verdict\":\"unexpected\",\"latency_us\":310}",
	       "an opening is the JSON of the contract, key by key");
}

static void test_close(void)
{
	struct event ev = nc_opens();

	ev.kind = EVENT_CLOSE;
	ev.opened_ns = T - 1500000000;
	ev.closer = (struct process){ .known = true,
				      .pid = 20132,
				      .tid = 20132,
				      .comm = "bash",
				      .uid = 0,
				      .gid = 0,
				      .loginuid = ID_UNKNOWN,
				      .session = ID_UNKNOWN };
	json(&ev, &ctx);
	ok(has("\"opened\":\"2026-11-22T16:01:00.623456Z\",\"duration_ms\":1500"),
	   "a closing has the time of its opening and how long it was open");
	ok(has("\"closer\":{\"pid\":20132,\"tid\":20132,\"start\":null,\"comm\":\"bash\",\"exe\":"
	       "null,"
	       "\"argv\":null,\"uid\":0,\"user\":null,\"gid\":0,\"loginuid\":null,\"session\":null,"
	       "\"ancestors\":[]}"),
	   "unknown parts of the closer are null, its ancestors an empty array");
	ok(has("\"opener\":{\"pid\":20131"), "beside the opener");
	ev.opened_ns = 0;
	ev.closer.known = false;
	json(&ev, &ctx);
	ok(has("\"closer\":null,\"opened\":null,\"duration_ms\":null"),
	   "what is not known is null");
}

static void test_kernel_door(void)
{
	struct event ev = nc_opens();

	ev.opener = (struct process){ .known = true, .kernel = true, .argv = TEXT("nonsense") };
	json(&ev, &ctx);
	ok(has("\"opener\":{\"pid\":null,\"tid\":null,\"start\":null,\"comm\":\"kernel\",\"exe\":"
	       "null,"
	       "\"argv\":null,\"uid\":null,\"user\":null"),
	   "a door that the kernel made has comm kernel and no argv");
	ev.opener = (struct process){ .known = false, .comm = "stale" };
	json(&ev, &ctx);
	ok(has("\"opener\":null"), "an opener that is not known is null");
}

static void test_other_kinds(void)
{
	struct event ev = { .boot_seq = 1,
			    .seq = 2,
			    .time_ns = T,
			    .kind = EVENT_LOST,
			    .origin = ORIGIN_EVENT,
			    .count = 7 };
	const struct view_event_ctx nobody = {
		.node = "n", .host_type = NULL, .verdict = VERDICT_NONE, .latency_us = -1
	};

	is_str(json(&ev, &nobody),
	       "{\"time\":\"2026-11-22T16:01:02.123456Z\",\"node\":\"n\",\"class\":null,\"boot_"
	       "seq\":1,\"seq\":2,"
	       "\"event\":\"lost\",\"origin\":\"event\",\"proto\":null,\"family\":null,\"addr\":"
	       "null,"
	       "\"port\":null,\"v6only\":null,\"door\":null,\"scope\":null,\"opener\":null,"
	       "\"holders\":[],"
	       "\"netns\":null,\"netns_name\":null,\"device\":null,"
	       "\"cgroup\":null,\"container\":null,\"container_known\":false,\"job\":null,"
	       "\"job_known\":false,\"cgroups\":null,\"where\":null,\"verdict\":null,\"latency_"
	       "us\":"
	       "null,"
	       "\"count\":7,\"reason\":null}",
	       "lost has every key, and its count");
	ev.kind = EVENT_GAP;
	ev.from_seq = 10;
	ev.to_seq = UINT64_MAX;
	ev.reason = TEXT("cap reached");
	json(&ev, &nobody);
	ok(has("\"count\":7,\"from\":10,\"to\":\"18446744073709551615\",\"reason\":\"cap "
	       "reached\""),
	   "gap has from, to, reason and count; numbers beyond 2^53 are strings");
	ev.kind = EVENT_START;
	json(&ev, &nobody);
	ok(has("\"event\":\"start\"") && has("\"reason\":\"cap reached\"") && !has("count"),
	   "start has its reason");
	ev.boot_seq = 0;
	ev.seq = 0;
	json(&ev, &nobody);
	ok(has("\"boot_seq\":null,\"seq\":null"), "without a journal there is no boot_seq and seq");
}

static void test_other_doors(void)
{
	struct event ev = nc_opens();

	ev.door.proto = PROTO_PACKET;
	ev.door.family = FAMILY_PACKET;
	ev.door.port = 3;
	json(&ev, &ctx);
	ok(has("\"proto\":\"packet\",\"family\":null,\"addr\":\"*\",\"port\":3,\"v6only\":null"),
	   "a packet socket has no family and no v6only");
	ev.door.proto = PROTO_MPTCP;
	ev.door.family = FAMILY_INET6;
	ev.door.v6only = true;
	json(&ev, &ctx);
	ok(has("\"proto\":\"mptcp\",\"family\":\"inet6\",\"addr\":\"::\",\"port\":3,\"v6only\":"
	       "true"),
	   "IPv6 says whether it is only that");
	ev.door.proto = 99;
	ev.door.scope = 0;
	json(&ev, &ctx);
	ok(has("\"proto\":null") && has("\"scope\":null"), "numbers of a newer program are null");
}

static void test_hostile(void)
{
	struct event ev = nc_opens();

	memcpy(ev.opener.comm, "\xff\xfe\x1b[2J\"\\\n", 10);
	ev.opener.exe = TEXT("/tmp/\xe2\x80\xae"
			     "evil (deleted)");
	ev.opener.argv = (struct text){ "a\0\0b\xc3\x28", 6 };
	ev.opener.argv_cut = ev.opener.exe_cut = true;
	json(&ev, &ctx);
	ok(has("\"comm\":\"\\\\xff\\\\xfe\\\\x1b[2J\\\"\\\\\\\\x0a\""),
	   "bytes that are no UTF-8, controls, quotes and backslashes are escaped");
	ok(has("\"exe\":\"/tmp/\\\\xe2\\\\x80\\\\xaeevil (deleted)\""), "so are bidi overrides");
	ok(has("\"argv\":[\"a\",\"\",\"b\\\\xc3(\"]"),
	   "an empty argument stays, a cut one ends at the end");
	ok(has("\"exe_cut\":true,\"argv_cut\":true"), "what was cut off is said");
	memset(ev.opener.comm, 'x', COMM_LEN);
	ev.opener.argv = TEXT("");
	json(&ev, &ctx);
	ok(has("\"comm\":\"xxxxxxxxxxxxxxxx\""), "a comm without an end ends at its length");
	ok(has("\"argv\":[]"), "no arguments is not unknown arguments");
}

static void test_place(void)
{
	struct event ev = nc_opens();
	char where[PLACE_WHERE_MAX];

	ev.cgroup = TEXT("/system.slice/docker-" ID64 ".scope");
	ev.cgroups_known = true;
	ev.opener.space = SPACE_KNOWN | SPACE_ROOT;
	place_fill(&ev);
	json(&ev, &ctx);
	ok(has("\"container\":\"" ID64 "\",\"container_known\":true"), "a container that is known");
	ok(has("\"job\":null,\"job_known\":true,\"cgroups\":[]"),
	   "which is in no job, as is known");
	ok(has("\"where\":\"container 0123456789ab\""), "is said for people, too");
	ev.cgroup = TEXT("/system.slice/nc.service");
	place_fill(&ev);
	json(&ev, &ctx);
	ok(has("\"container\":null,\"container_known\":false"),
	   "a root directory of its own is some container's, nobody knows which");
	ok(has("\"where\":null"), "but not a place with a name");
	ev.cgroups_known = false;
	place_fill(&ev);
	json(&ev, &ctx);
	ok(has("\"job\":null,\"job_known\":false,\"cgroups\":null"),
	   "no job is not claimed when hierarchies were not read");
	ev.cgroups_known = true;
	ev.cgroups = TEXT("/a\0/slurm/uid_1/job_7/step_0\0");
	place_fill(&ev);
	json(&ev, &ctx);
	ok(has("\"job\":\"7\",\"job_known\":true,\"cgroups\":[\"/a\",\"/slurm/uid_1/job_7/"
	       "step_0\"]"),
	   "a job of another hierarchy");
	ok(has("\"netns_name\":null,\"device\":null"),
	   "bound to no device, in the host's namespace");
	ev.door.elsewhere = true;
	snprintf(ev.door.netns_name, sizeof(ev.door.netns_name), "blue");
	snprintf(ev.door.device, sizeof(ev.door.device), "lo");
	json(&ev, &ctx);
	ok(has("\"netns_name\":\"blue\",\"device\":\"lo\"") && has("\"where\":\"netns blue\""),
	   "in another one, bound to a device");
	ev.door.netns_name[0] = '\0';
	ev.door.netns = 4026532001;
	place_where(&ev.door, &ev.opener, where);
	is_str(where, "netns:4026532001", "a namespace without a name is its number");
}

static void test_alert(void)
{
	struct event ev = nc_opens();
	struct buf rec = BUF_INIT(EVENT_RECORD_MAX);
	struct store_alert a = { .id = 3,
				 .kind = FINDING_UNEXPECTED,
				 .severity = SEVERITY_CRITICAL,
				 .state = ALERT_OPEN,
				 .nodes = "node001",
				 .count = 1,
				 .node = "node001",
				 .host_type = "compute",
				 .proto = PROTO_TCP,
				 .port = 4444,
				 .summary = "s",
				 .why = "w",
				 .remedy = "r",
				 .first_ns = T,
				 .last_ns = T,
				 .boot_seq = 7,
				 .seq = 1842 };
	const struct store_alert_ports ports = { .count = 3, .folded = "4444-4446" };
	struct store_alert_change c = {
		.log_id = 1, .at_ns = T, .state = ALERT_OPEN, .who = "monitor"
	};
	struct jsonw j;
	struct writer w;

	event_encode(&ev, &rec);
	a.record = (struct text){ rec.data, (uint32_t)rec.len };
	buf_reset(&b);
	jsonw_init(&j, &b);
	writer_json(&w, &j);
	view_alert_json(&w, &a);
	ok(has("{\"id\":3,\"kind\":\"unexpected\",\"severity\":\"critical\",\"state\":\"open\","
	       "\"nodes\":\"node001\","
	       "\"count\":1,\"class\":\"compute\",\"proto\":\"tcp\",\"port\":4444,\"summary\":"
	       "\"s\",\"why\":\"w\","
	       "\"remedy\":\"r\",\"first\":\"2026-11-22T16:01:02.123456Z\",\"last\":\"2026-11-"
	       "22T16:01:02.123456Z\",\"node_count\":0,\"until\":null,"
	       "\"door\":{\"time\":\"2026-11-22T16:01:02.123456Z\",\"node\":\"node001\""),
	   "an alert is the JSON of the contract");
	ok(has("\"boot_seq\":7,\"seq\":1842") && has("\"scan\":null}"),
	   "its door is the event that opened it, its scan null");
	ok(has("\"ports\":null,\"port_count\":1,"), "nobody has looked up its ports");
	a.ports = &ports;
	buf_reset(&b);
	jsonw_init(&j, &b);
	writer_json(&w, &j);
	view_alert_json(&w, &a);
	ok(has("\"ports\":\"4444-4446\",\"port_count\":3,"), "the ports of a burst are a field");
	a.ports = NULL;
	a.record = TEXT("garbage");
	a.proto = 0;
	buf_reset(&b);
	jsonw_init(&j, &b);
	writer_json(&w, &j);
	c.alert = a;
	view_change_json(&w, &c);
	ok(has("\"proto\":null,\"port\":null") &&
		   has("\"door\":null,\"ports\":null,\"port_count\":0,\"scan\":null}"),
	   "a record that cannot be read is null");
	ok(has("{\"time\":\"2026-11-22T16:01:02.123456Z\",\"node\":\"node001\",\"event\":\"alert\","
	       "\"who\":\"monitor\","
	       "\"note\":null,\"id\":3"),
	   "a change in the timeline leads with its time");
	buf_done(&rec);
}

int main(void)
{
	test_golden();
	test_close();
	test_kernel_door();
	test_other_kinds();
	test_other_doors();
	test_hostile();
	test_place();
	test_alert();
	buf_done(&b);
	return tap_done();
}
