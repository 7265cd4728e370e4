/* SPDX-License-Identifier: GPL-2.0 */
/* Lines and tables for people. */
#include <locale.h>
#include <stdio.h>

#include "base/buf.h"
#include "core/event.h"
#include "core/holders.h"
#include "fixtures.h"
#include "store/store.h"
#include "tap.h"
#include "view/view.h"

#define T UINT64_C(1795363262123456000) /* 2026-11-22T16:01:02.123456Z */

static struct buf b = BUF_INIT(1 << 20);

static struct event nc_opens(void)
{
	struct event ev = fixture_login(EVENT_OPEN, 0, 4444, T);

	ev.opener.pid = 9;
	return ev;
}

static const char *line(const struct event *ev, enum verdict v, int64_t us, bool colour)
{
	const struct view_event_ctx ctx = {
		.node = "node001", .host_type = "compute", .verdict = v, .latency_us = us
	};
	const struct view_line_opts o = { .colour = colour };

	buf_reset(&b);
	view_event_line(&b, ev, &ctx, &o);
	return buf_str(&b);
}

static const char *line_of_width(const struct event *ev, unsigned width)
{
	const struct view_event_ctx ctx = { .node = "node001",
					    .host_type = "compute",
					    .verdict = VERDICT_UNEXPECTED,
					    .latency_us = 310 };
	const struct view_line_opts o = { .width = width };

	buf_reset(&b);
	view_event_line(&b, ev, &ctx, &o);
	return buf_str(&b);
}

static const char *who(const struct process *p)
{
	buf_reset(&b);
	view_who(&b, p);
	return buf_str(&b);
}

static void test_who(void)
{
	struct event ev = nc_opens();
	struct process *p = &ev.opener;

	is_str(who(p), "nc mlee ← bash ← sshd", "program, user and where it came from");
	p->user = (struct text){ 0 };
	is_str(who(p), "nc 1041 ← bash ← sshd", "a user without a name is its number");
	p->exe = TEXT("/tmp/x\x1b[2J (deleted)");
	p->ancestors_len = 0;
	is_str(who(p), "nc (/tmp/x\\x1b[2J (deleted)) 1041",
	       "a file of another name is shown, escaped");
	p->exe = TEXT("/usr/bin/nc");
	p->ancestors_len = 5;
	for (int i = 0; i < 4; i++)
		snprintf(p->ancestors[i].comm, COMM_LEN, "bash");
	snprintf(p->ancestors[4].comm, COMM_LEN, "sshd");
	is_str(who(p), "nc 1041 ← bash ×4 ← sshd", "equal ancestors in a row are one");
	snprintf(p->ancestors[1].comm, COMM_LEN, "su");
	snprintf(p->ancestors[2].comm, COMM_LEN, "bash\x1b");
	is_str(who(p), "nc 1041 ← bash ← su ← bash\\x1b ← bash ← …", "other ones are not");
	p->kernel = true;
	is_str(who(p), "kernel", "the kernel is the kernel");
	p->kernel = p->known = false;
	is_str(who(p), "?", "nobody knows is a question mark");
	ev = nc_opens();
	buf_reset(&b);
	view_argv(&b, &ev.opener);
	is_str(buf_str(&b), "nc -l", "arguments with blanks between them");
}

static void test_width(void)
{
	struct event ev = nc_opens();

	is_str(line_of_width(&ev, 96),
	       "2026-11-22 16:01:02.123  + tcp     0.0.0.0:4444           nc mlee ← bash ←…   "
	       "unexpected  0.3 ms\n",
	       "who gives way on a narrow terminal, the verdict does not");
	ok(strstr(line_of_width(&ev, 200), "nc mlee ← bash ← sshd"), "a wide one shows all");
	ok(strstr(line_of_width(&ev, 20), "nc mlee ← b…  unexpected"),
	   "a very narrow one still shows the program");
	ok(strstr(line_of_width(&ev, 0), "nc mlee ← bash ← sshd"), "a file gets all");
}

/* What is not among the host's own doors says where it is, and what it is bound to. */
static void test_where(void)
{
	struct event ev = nc_opens();

	ev.door.elsewhere = true;
	ev.door.netns = 7;
	snprintf(ev.door.netns_name, sizeof(ev.door.netns_name), "blue\x1b");
	snprintf(ev.door.device, sizeof(ev.door.device), "e\x1bth0");
	ok(strstr(line(&ev, VERDICT_UNEXPECTED, -1, false), "  in netns blue\\x1b  unexpected"),
	   "a line says the namespace, escaped");
	ok(strstr(buf_str(&b), "0.0.0.0%e\\x1bth0:4444"), "and the device");
	ok(strstr(line_of_width(&ev, 100), "  in netns blue"), "also on a narrow terminal");
	ev.door.netns_name[0] = '\0';
	ok(strstr(line(&ev, VERDICT_UNEXPECTED, -1, false), "  in netns:7  unexpected"),
	   "one without a name is its number");
	ev.door.elsewhere = false;
	ok(!strstr(line(&ev, VERDICT_UNEXPECTED, -1, false), "  in "),
	   "the host's own needs no mark");
	ev.door.family = FAMILY_INET6;
	snprintf(ev.door.device, sizeof(ev.door.device), "lo");
	ok(strstr(line(&ev, VERDICT_UNEXPECTED, -1, false), "[::]%lo:4444"), "an address of IPv6");
}

static void test_lines(void)
{
	struct event ev = nc_opens();

	is_str(line(&ev, VERDICT_UNEXPECTED, 310, false),
	       "2026-11-22 16:01:02.123  + tcp     0.0.0.0:4444           nc mlee ← bash ← sshd    "
	       "     "
	       "    unexpected"
	       "  0.3 ms after listen()\n",
	       "an opening is one line");
	line(&ev, VERDICT_UNEXPECTED, 310, true);
	ok(strstr(buf_str(&b), "\033[31m") == buf_str(&b) && strstr(buf_str(&b), "\033[0m\n"),
	   "red when it needs a look and colour is wanted");
	line(&ev, VERDICT_PROFILED, -1, true);
	ok(!strchr(buf_str(&b), '\033'), "plain when it is as profiled");
	ev.kind = EVENT_CLOSE;
	ev.opened_ns = T - 90 * UINT64_C(1000000000);
	line(&ev, VERDICT_PROFILED, -1, false);
	ok(strstr(buf_str(&b), "- tcp") && strstr(buf_str(&b), "was open 1 m 30 s"),
	   "a closing says how long it was open");
	ev = (struct event){ .kind = EVENT_LOST, .time_ns = T, .count = 12 };
	is_str(line(&ev, VERDICT_NONE, -1, false), "2026-11-22 16:01:02.123  ! LOST 12 events\n",
	       "lost is loud");
	ev = (struct event){ .kind = EVENT_GAP,
			     .time_ns = T,
			     .count = 3,
			     .from_seq = 5,
			     .to_seq = 7,
			     .reason = TEXT("cap\x1b[2J") };
	is_str(line(&ev, VERDICT_NONE, -1, false),
	       "2026-11-22 16:01:02.123  ! GAP of 3 records, 5 to 7: cap\\x1b[2J\n", "so is a gap");
	ev = (struct event){ .kind = EVENT_GAP,
			     .time_ns = T,
			     .count = 1,
			     .opened_ns = T - 90 * UINT64_C(1000000000),
			     .reason = TEXT("no sensor") };
	is_str(line(&ev, VERDICT_NONE, -1, false),
	       "2026-11-22 16:01:02.123  ! GAP of 1 m 30 s: no sensor\n",
	       "one of time says how long");
}

static char *print(struct table *t)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	if (!f || table_print(t, f))
		printf("# cannot print\n");
	if (f)
		fclose(f);
	return text;
}

static void test_table(void)
{
	static const struct table_column cols[] = { { "A", 0, false, false },
						    { "LONG", 0.1, false, true },
						    { "N", 0, true, false } };
	_cleanup_(table_freep) struct table *t = NULL;
	_free_ char *text = NULL;
	char wide[301];
	const char *one[] = { "x\x1b[2Jy\xff", "\\x41 ← ok", "1" };
	const char *two[] = { "a\nb", wide, NULL };

	memset(wide, 'w', 300);
	wide[300] = '\0';
	is_int(table_new(cols, 3, true, &t), 0, "a table can be made");
	is_int(table_row(t, one, 3, "31"), 0, "a row can be added");
	is_int(table_row(t, two, 3, NULL), 0, "another one, with a cell that is not there");
	is_int(table_row(t, two, 4, NULL), -22, "a row of too many cells is refused");
	text = print(t);
	ok(text && strstr(text, "x\\x1b[2Jy\\xff"), "hostile bytes are escaped, once");
	ok(text && strstr(text, "a\\x0ab"), "a newline does not break the row");
	ok(text && strstr(text, "\\x41 ← ok"), "text that looks like an escape stays as it is");
	ok(text && strstr(text, wide), "nothing is cut when it is not a terminal");
	ok(text && !strstr(text, "\033[2J"), "no escape sequence of theirs gets through");
}

static void test_table_pages(void)
{
	static const struct table_column cols[] = { { "A", 0, false, false },
						    { "N", 0, true, false } };
	static const char *const rows[][2] = { { "long one", "7" }, { "b", "8" }, { "c", "1234" } };
	_cleanup_(table_freep) struct table *t = NULL;
	char *text;

	is_int(table_new(cols, 2, false, &t), 0, "a table can be made");
	is_int(table_row(t, rows[0], 2, NULL), 0, "a row can be added");
	text = print(t);
	is_str(text, "A        N\nlong one 7\n", "a first page has the heads");
	free(text);
	is_int(table_row(t, rows[1], 2, NULL), 0, "another row");
	text = print(t);
	is_str(text, "b        8\n", "the next one has none, and the same columns");
	free(text);
	text = print(t);
	is_str(text, "", "a page without a row is nothing");
	free(text);
	is_int(table_row(t, rows[2], 2, NULL), 0, "a row that is wider");
	is_int(table_row(t, rows[1], 2, NULL), 0, "and one that is not");
	text = print(t);
	is_str(text, "c        1234\nb           8\n", "a column grows with what comes");
	free(text);
}

static const char *held_by(unsigned n, const char *const exes[])
{
	static struct buf list = BUF_INIT(EVENT_RECORD_MAX);
	struct event ev = nc_opens();

	buf_reset(&b);
	buf_reset(&list);
	ev.opener.ancestors_len = 0;
	ev.holders.known = true;
	for (unsigned i = 0; i < n; i++) {
		struct process p = ev.opener;

		p.exe = text_of(exes[i]);
		snprintf(p.comm, sizeof(p.comm), "%s", strrchr(exes[i], '/') + 1);
		holders_put(&ev.holders, &list, &p);
	}
	view_holder(&b, &ev);
	return buf_str(&b);
}

static void test_holders(void)
{
	static const char *const exes[] = { "/usr/bin/nc.openbsd", "/usr/bin/evil", "/usr/bin/c",
					    "/usr/bin/d", "/usr/bin/e" };

	is_str(held_by(2, exes), "nc.openbsd mlee, evil mlee", "each who holds a door is named");
	is_str(held_by(2, exes + 1), "evil mlee, c mlee, opened by nc mlee",
	       "who opened it as well, when it holds it no more");
	is_str(held_by(5, exes), "nc.openbsd mlee, evil mlee, c mlee and 2 more", "up to three");
}

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	test_who();
	test_where();
	test_lines();
	test_width();
	test_table();
	test_table_pages();
	test_holders();
	buf_done(&b);
	return tap_done();
}
