/* SPDX-License-Identifier: GPL-2.0 */
/* Rules that ask for the program's file: package and sha256. */
#include <string.h>

#include "judge_help.h"
#include "store/executables.h"

#define PROGRAM "/opt/files/served"

static struct event served(enum event_kind kind, uint64_t cookie, uint16_t port)
{
	struct event ev = door_event(kind, cookie, port);

	ev.opener.exe = TEXT(PROGRAM);
	ev.opener.start_ns = now;
	return ev;
}

static int take_verdict(const struct store_door *d, void *arg)
{
	*(enum verdict *)arg = d->verdict;
	return 0;
}

static enum verdict verdict_on(const char *node, uint64_t cookie)
{
	struct event ev = served(EVENT_OPEN, cookie, 0);
	enum verdict v = VERDICT_NONE;

	if (store_door_get(store, node, 1, &ev.door, take_verdict, &v))
		printf("# no door %d\n", (int)cookie);
	return v;
}

static enum verdict verdict_of(uint64_t cookie)
{
	return verdict_on(NODE, cookie);
}

static void tell(const char *path, uint8_t digest, const char *package, enum exe_listed listed)
{
	struct exe_file f = { .state = EXE_FILE_READ, .listed = listed, .hashed = true };

	memset(f.sha256, digest, SHA256_LEN);
	snprintf(f.package, sizeof(f.package), "%s", package);
	is_int(store_put_executable(store, NODE, "compute", text_of(path), &f), 0,
	       "the node tells of '%s'", path);
}

/* The judge looks every two seconds of its clock at who has told of files. */
static void pass(void)
{
	now += 3 * S;
	step();
	step();
}

static int take_why(const struct store_alert *a, void *arg)
{
	struct buf *b = arg;

	buf_printf(b, "%u: %s\n", a->port, a->why);
	return b->err;
}

/* Of all alerts that stand. */
static const char *whys(struct buf *b)
{
	const struct store_alert_query q = { 0 };

	buf_reset(b);
	buf_puts(b, "");
	if (store_alerts(store, &q, take_why, b))
		printf("# store_alerts: %s\n", store_why(store));
	return buf_str(b);
}

static void put_rule(uint32_t port, enum profile_action action, const char *package, uint8_t digest)
{
	char class[] = "compute", text[2 * SHA256_LEN + 1] = "", name[64];
	struct profile_row row = {
		.host_type = class, .port = port, .proto = PROTO_TCP, .action = action
	};
	size_t added;

	snprintf(name, sizeof(name), "%s", package ? package : "");
	row.package = package ? name : NULL;
	for (size_t i = 0; i < SHA256_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", digest);
	row.sha256 = digest ? text : NULL;
	is_int(store_profile_add(store, class, &row, 1, true, now, &added), 0, "a rule for %u",
	       port);
	step();
}

static void test_digest(void)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 16);
	unsigned before = alerts(false).n;

	put_rule(700, PROFILE_ALLOW, NULL, 0xab);
	put(served(EVENT_OPEN, 1, 700));
	step();
	is_int(verdict_of(1), VERDICT_SETTLING, "a file that nobody has told of is no permission");
	is_int(alerts(false).n, before, "and no alert yet");
	tell(PROGRAM, 0xab, "", EXE_LISTED_NONE);
	pass();
	is_int(verdict_of(1), VERDICT_PROFILED, "with the rule's digest it is as profiled");
	is_int(alerts(false).n, before, "without any alert");
	put(served(EVENT_OPEN, 2, 700));
	step();
	is_int(verdict_of(2), VERDICT_PROFILED, "the next one is so at once");
	tell(PROGRAM, 0xcd, "", EXE_LISTED_NONE);
	pass();
	is_int(verdict_of(2), VERDICT_IMPOSTOR, "another file at the path is not the rule's");
	is_int(alerts(false).n, before + 1, "and alerts");
	ok(strstr(whys(&b), "with sha256 abababababababab"), "which was expected");
	ok(strstr(buf_str(&b), "its file has sha256 cdcdcdcdcdcdcdcd"), "and which was found: %s",
	   buf_str(&b));
}

static void test_wait(void)
{
	struct event ev;
	unsigned before = alerts(false).n;

	put_rule(701, PROFILE_ALLOW, NULL, 0xab);
	ev = served(EVENT_OPEN, 11, 701);
	ev.opener.exe = TEXT("/opt/files/late");
	put(ev);
	step();
	for (unsigned i = 0; i < 19; i++)
		pass();
	is_int(verdict_of(11), VERDICT_SETTLING, "it is waited for almost a minute");
	pass();
	pass();
	is_int(verdict_of(11), VERDICT_UNEXPECTED, "and not longer");
	is_int(alerts(false).n, before + 1, "then it alerts");
	ev.door.cookie = 12;
	put(ev);
	step();
	is_int(verdict_of(12), VERDICT_UNEXPECTED, "opened again it is not waited for again");
	tell("/opt/files/late", 0xab, "", EXE_LISTED_NONE);
	pass();
	is_int(verdict_of(11), VERDICT_PROFILED, "what is told later counts still");

	ev = served(EVENT_OPEN, 13, 701);
	ev.opener.exe = TEXT("/opt/files/short");
	put(ev);
	step();
	before = alerts(true).n;
	ev.kind = EVENT_CLOSE;
	put(ev);
	step();
	is_int(verdict_of(13), VERDICT_UNEXPECTED, "closed before it is judged by what is known");
	ok(alerts(true).n > before, "and alerts");
}

static void test_package(void)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 16);
	struct event ev;

	put_rule(702, PROFILE_ALLOW, "openssh-server", 0);
	tell("/usr/sbin/packaged", 1, "openssh-server", EXE_LISTED_MATCHES);
	tell("/usr/sbin/changed", 2, "openssh-server", EXE_LISTED_DIFFERS);
	tell("/usr/sbin/foreign", 3, "netcat", EXE_LISTED_MATCHES);
	ev = served(EVENT_OPEN, 21, 702);
	ev.opener.exe = TEXT("/usr/sbin/packaged");
	put(ev);
	step();
	is_int(verdict_of(21), VERDICT_PROFILED, "the package's file is as profiled");
	ev = served(EVENT_OPEN, 22, 702);
	ev.opener.exe = TEXT("/usr/sbin/changed");
	put(ev);
	step();
	is_int(verdict_of(22), VERDICT_IMPOSTOR, "one that differs from its package is not");
	ok(strstr(whys(&b), "differs from its package"), "and that is said: %s", buf_str(&b));
	ev = served(EVENT_OPEN, 23, 702);
	ev.opener.exe = TEXT("/usr/sbin/foreign");
	put(ev);
	step();
	is_int(verdict_of(23), VERDICT_IMPOSTOR, "nor is another package's");
}

static void test_denied(void)
{
	struct event ev = served(EVENT_OPEN, 31, 703);

	put_rule(703, PROFILE_ALLOW, NULL, 0);
	put_rule(703, PROFILE_DENY, NULL, 0xee);
	ev.opener.exe = TEXT("/opt/files/evil");
	put(ev);
	step();
	is_int(verdict_of(31), VERDICT_SETTLING, "what may be forbidden is not as profiled");
	tell("/opt/files/evil", 0xee, "", EXE_LISTED_NONE);
	pass();
	is_int(verdict_of(31), VERDICT_UNEXPECTED, "a forbidden file is found out");
}

/* One node that invents paths takes the time of nobody else. */
static void test_limit(void)
{
	struct event ev;
	unsigned settling = 0;
	char path[64];

	put_rule(704, PROFILE_ALLOW, NULL, 0xab);
	for (unsigned i = 0; i < 200; i++) {
		ev = served(EVENT_OPEN, 1000 + i, 704);
		snprintf(path, sizeof(path), "/opt/files/invented-%u", i);
		ev.opener.exe = text_of(path);
		put_in_node("node666", ev, 1);
	}
	step();
	for (unsigned i = 0; i < 200; i++)
		settling += verdict_on("node666", 1000 + i) == VERDICT_SETTLING;
	is_int(settling, 128, "a node's files are waited for up to a limit");
	is_int(verdict_on("node666", 1199), VERDICT_UNEXPECTED, "beyond it they are not known");
	ev = served(EVENT_OPEN, 41, 704);
	ev.opener.exe = TEXT("/opt/files/honest");
	put(ev);
	step();
	is_int(verdict_of(41), VERDICT_SETTLING, "another node's are waited for all the same");
	tell("/opt/files/honest", 0xab, "", EXE_LISTED_NONE);
	pass();
	is_int(verdict_of(41), VERDICT_PROFILED, "and counted when they come");
}

int main(void)
{
	if (!judge_begin())
		return 1;
	test_digest();
	test_wait();
	test_package();
	test_denied();
	test_limit();
	return judge_end();
}
