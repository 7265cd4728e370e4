/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/route.h"

#include <sys/resource.h>

#include "alert_help.h"
#include "store/sinks.h"
#include "store/store.h"

static struct loop *loop;
static struct store *store;
static uint64_t now_ns = UINT64_C(1700000000000000000);
static enum severity severity = SEVERITY_WARNING; /* of the changes to come */

/* --- a store with changes ----------------------------------------------------------------------------- */

static uint64_t change_alert(const char *key, enum alert_state state, const char *record)
{
	struct store_alert a = {
		.key = key,
		.kind = FINDING_UNEXPECTED,
		.severity = severity,
		.state = state,
		.host_type = "compute",
		.nodes = "n1",
		.node = "n1",
		.count = 1,
		.proto = PROTO_TCP,
		.port = 4444,
		.summary = key,
		.why = "w",
		.remedy = "r",
		.first_ns = now_ns,
		.last_ns = now_ns,
		.record = text_of(record),
	};
	uint64_t id = 0, log_id = 0;
	int err = store_put_alert(store, &a, "monitor", "note", now_ns++, &id, &log_id);

	if (err)
		printf("# store_put_alert: %d: %s\n", err, store_why(store));
	return log_id;
}

static void fresh_store(void)
{
	static int n;
	char uri[128];
	char *why = NULL;

	store_free(store);
	store = NULL;
	snprintf(uri, sizeof(uri), "sqlite:%s/store%d.db", dir, n++);
	if (store_open(uri, STORE_CREATE, &store, &why))
		printf("# %s\n", why ? why : "?");
	free(why);
}

/* --- sinks that do as they are told -------------------------------------------------------------------- */

struct sink {
	struct fake *fake;
};

struct fake {
	int err; /* what to answer */
	bool late; /* answer only when told */
	int fail_first; /* so many failures before err counts */
	unsigned len, freed;
	uint64_t ids[4096];
	uint64_t at_ns[64];
	char json[256];
	sink_done_fn done;
	void *arg;
};

static struct fake one, two;

static int open_one(struct loop *l, const char *target, uint64_t timeout_ns, struct sink **ret_sink)
{
	struct sink *s = calloc(1, sizeof(*s));

	(void)l;
	(void)timeout_ns;
	if (!s)
		return -ENOMEM;
	s->fake = strcmp(target, "two") ? &one : &two;
	*ret_sink = s;
	return 0;
}

static int send_fake(struct sink *s, const struct sink_message *m, sink_done_fn done, void *arg)
{
	struct fake *f = s->fake;

	if (f->done)
		printf("# two messages in flight\n");
	if (f->len < array_len(f->at_ns))
		f->at_ns[f->len] = clock_boot_ns();
	if (f->len < array_len(f->ids))
		f->ids[f->len++] = m->log_id;
	snprintf(f->json, sizeof(f->json), "%.*s", (int)(m->json_len < 200 ? m->json_len : 200),
		 m->json);
	if (f->late) {
		f->done = done;
		f->arg = arg;
		return 0;
	}
	if (f->fail_first) {
		f->fail_first--;
		done(-EIO, "told to", arg);
	} else if (f->err == -ENOBUFS) {
		return f->err; /* refused at once, without done() */
	} else {
		done(f->err, f->err ? "told to" : NULL, arg);
	}
	return 0;
}

static void free_fake(struct sink *s)
{
	s->fake->freed++;
	s->fake->done = NULL;
	free(s);
}

static const struct sink_ops fake_one = {
	.name = "one", .open = open_one, .send = send_fake, .free = free_fake
};
static const struct sink_ops fake_two = {
	.name = "two", .open = open_one, .send = send_fake, .free = free_fake
};

static void answer(struct fake *f, int err)
{
	sink_done_fn done = take_ptr(f->done);

	if (done)
		done(err, err ? "told to" : NULL, f->arg);
}

/* --- the router under test ------------------------------------------------------------------------------ */

static unsigned news[8];
static struct route_report last;
static char last_why[256];

static void on_report(const struct route_report *r, void *arg)
{
	(void)arg;
	news[r->news]++;
	last = *r;
	snprintf(last_why, sizeof(last_why), "%s", r->why);
}

static int format(const struct store_alert *a, struct buf *b)
{
	buf_printf(b, "{\"summary\":\"%s\",\"door\":", a->summary);
	if (!a->record.ptr || !a->record.len)
		buf_puts(b, "null}");
	else if (text_is(a->record, "huge"))
		for (int i = 0; i < 100000; i++)
			buf_putc(b, 'x');
	else
		buf_puts(b, "{}}");
	return !strcmp(a->summary, "unspeakable") ? -EBADMSG : 0;
}

static struct route *a_route(bool with_two)
{
	struct route_opts o = { .loop = loop,
				.store = store,
				.format = format,
				.report = on_report,
				.backoff_min_ns = 20 * MS,
				.backoff_max_ns = 80 * MS };
	struct route *r = NULL;

	memset(news, 0, sizeof(news));
	if (route_new(&o, &r) || route_add(r, &fake_one, "one", 0) ||
	    (with_two && route_add(r, &fake_two, "two", 0)))
		printf("# no route\n");
	return r;
}

static void forget(void)
{
	one = two = (struct fake){ 0 };
}

static bool is_idle(void *arg)
{
	struct route_stats st;

	for (unsigned i = 0; route_stats(arg, i, &st); i++)
		if (!st.idle)
			return false;
	return true;
}

struct cursor {
	const char *sink;
	uint64_t log_id;
};

static int on_sink(const struct store_sink *s, void *arg)
{
	struct cursor *c = arg;

	if (!strcmp(s->name, c->sink))
		c->log_id = s->log_id;
	return 0;
}

static uint64_t cursor_of(const char *sink)
{
	struct cursor c = { .sink = sink };

	return store_sinks(store, on_sink, &c) ? 999999 : c.log_id;
}

static void test_order(void)
{
	struct route *r;
	struct route_stats st;
	uint64_t ids[3];

	fresh_store();
	forget();
	r = a_route(true);
	route_kick(r);
	ok(is_idle(r) && one.len == 0, "with nothing to say nothing is sent");
	ids[0] = change_alert("a", ALERT_OPEN, "r");
	ids[1] = change_alert("b", ALERT_OPEN, NULL);
	ids[2] = change_alert("a", ALERT_RESOLVED, "r");
	route_kick(r);
	ok(one.len == 3 && one.ids[0] == ids[0] && one.ids[1] == ids[1] && one.ids[2] == ids[2],
	   "each change is sent once, in order");
	is_int(two.len, 3, "to each sink");
	is_str(one.json, "{\"summary\":\"a\",\"door\":{}}", "as JSON");
	is_int(cursor_of("one"), ids[2], "the cursor is behind the last");
	route_kick(r);
	is_int(one.len, 3, "another kick sends nothing again");
	ok(route_stats(r, 1, &st) && st.sent == 3 && st.cursor == ids[2] && !strcmp(st.sink, "two"),
	   "it is counted");
	ok(!route_stats(r, 2, &st), "there is no third sink");
	route_free(r);
	is_int(one.freed + two.freed, 2, "the sinks are freed with the router");
	route_free(NULL);
}

static void test_in_flight(void)
{
	struct route *r;
	uint64_t first;

	fresh_store();
	forget();
	one.late = true;
	r = a_route(true);
	first = change_alert("a", ALERT_OPEN, "r");
	change_alert("b", ALERT_OPEN, "r");
	route_kick(r);
	route_kick(r);
	is_int(one.len, 1, "one message is in flight at a time");
	is_int(two.len, 2, "and a slow sink does not hold up another");
	is_int(cursor_of("one"), 0, "the cursor does not move before the answer");
	answer(&one, 0);
	is_int(cursor_of("one"), first, "it moves with it");
	is_int(one.len, 2, "and the next goes out");
	route_free(r); /* the second is not confirmed */
	one.late = false;
	r = a_route(true);
	route_kick(r);
	ok(one.len == 3 && one.ids[2] == one.ids[1],
	   "a new router sends again exactly what was not confirmed");
	is_int(two.len, 2, "and nothing that was");
	route_free(r);
}

static void test_failures(void)
{
	struct route *r;
	struct route_stats st;

	fresh_store();
	forget();
	one.fail_first = 5;
	r = a_route(true);
	change_alert("a", ALERT_OPEN, "r");
	change_alert("b", ALERT_OPEN, "r");
	route_kick(r);
	is_int(two.len, 2, "a failing sink does not hold up another");
	ok(news[ROUTE_FAILED] == 1 && last.failures == 1 && last.err == -EIO,
	   "the first failure is reported");
	is_str(last_why, "told to", "with the sink's words");
	route_kick(r);
	is_int(one.len, 1, "a kick does not shorten the wait");
	ok(run_until(loop, is_idle, r), "it gets through in the end");
	is_int(one.len, 7, "five failures and two messages");
	is_int(one.ids[5], one.ids[0], "the same message until it was taken");
	is_int(news[ROUTE_FAILED], 3, "failures 1, 2 and 4 were reported");
	is_int(news[ROUTE_RECOVERED], 1, "and that it recovered");
	ok(one.at_ns[1] - one.at_ns[0] >= 16 * MS, "the first wait is about the smallest");
	ok(one.at_ns[4] - one.at_ns[3] >= 64 * MS && one.at_ns[5] - one.at_ns[4] >= 64 * MS &&
		   one.at_ns[5] - one.at_ns[4] < 1000 * MS,
	   "it doubles up to the largest and stays there");
	ok(route_stats(r, 0, &st) && st.failed == 5 && st.sent == 2, "it is counted");
	one.err = -ENOBUFS;
	change_alert("c", ALERT_OPEN, "r");
	route_kick(r);
	ok(last.err == -ENOBUFS && *last_why, "a sink that refuses at once fails, too: %s",
	   last_why);
	route_free(r);
}

static void test_absent(void)
{
	struct route *r;
	struct route_stats st;

	fresh_store();
	forget();
	one.err = SINK_ABSENT;
	r = a_route(false);
	change_alert("a", ALERT_OPEN, "r");
	change_alert("b", ALERT_OPEN, "r");
	route_kick(r);
	ok(is_idle(r) && one.len == 2, "an absent sink is no reason to wait");
	is_int(news[ROUTE_ABSENT], 1, "it is reported once");
	ok(route_stats(r, 0, &st) && st.skipped == 2 && st.sent == 0,
	   "and what was skipped is counted");
	is_int(cursor_of("one"), st.cursor, "the cursor moves on");
	one.err = 0;
	change_alert("a", ALERT_RESOLVED, "r");
	route_kick(r);
	one.err = SINK_ABSENT;
	change_alert("a", ALERT_OPEN, "r");
	route_kick(r);
	is_int(news[ROUTE_ABSENT], 2, "present and absent again is reported again");
	route_free(r);
}

static void test_too_long(void)
{
	struct route *r;

	fresh_store();
	forget();
	r = a_route(false);
	change_alert("long", ALERT_OPEN, "huge");
	route_kick(r);
	is_str(one.json, "{\"summary\":\"long\",\"door\":null}",
	       "an alert with too long a door goes without the door");
	is_int(news[ROUTE_DROPPED], 0, "and is not dropped");
	change_alert("unspeakable", ALERT_OPEN, "r");
	change_alert("next", ALERT_OPEN, "r");
	route_kick(r);
	is_int(news[ROUTE_DROPPED], 1, "what has no words at all is dropped and reported");
	is_str(one.json, "{\"summary\":\"next\",\"door\":{}}", "and the next goes on");
	route_free(r);
}

static void test_many(void)
{
	struct route *r;
	unsigned n = 300, out_of_order = 0;

	fresh_store();
	forget();
	r = a_route(true);
	(void)!store_begin(store);
	for (unsigned i = 0; i < n; i++)
		change_alert("many", i % 2 ? ALERT_RESOLVED : ALERT_OPEN, "r");
	(void)!store_commit(store);
	two.fail_first = 1;
	route_kick(r);
	ok(one.len < n, "a long backlog leaves others their turn");
	ok(run_until(loop, is_idle, r), "and is worked off");
	for (unsigned i = 1; i < one.len; i++)
		out_of_order += one.ids[i] <= one.ids[i - 1];
	ok(one.len == n && !out_of_order, "all %u, in order, once", n);
	is_int(two.len, n + 1, "also by the sink that failed once");
	route_free(r);
}

/* Answers what is under way n times. */
static void answer_all(struct route *r, unsigned n)
{
	route_kick(r);
	for (unsigned i = 0; i < n && one.done; i++)
		answer(&one, 0);
}

static uint64_t change_of(const char *key, enum severity s, enum alert_state state)
{
	uint64_t id;

	severity = s;
	id = change_alert(key, state, "r");
	severity = SEVERITY_WARNING;
	return id;
}

static unsigned times_sent(uint64_t id)
{
	unsigned n = 0;

	for (unsigned i = 0; i < one.len; i++)
		n += one.ids[i] == id;
	return n;
}

static void test_worst_first(void)
{
	uint64_t first, notice, fire[2] = { 0 }, ids[600], ahead[STORE_SINK_LEVELS];
	struct route_stats st;
	unsigned n = array_len(ids), once = 0;
	struct route *r;
	char key[16];

	fresh_store();
	forget();
	one.late = true;
	r = a_route(false);
	first = change_of("first", SEVERITY_WARNING, ALERT_OPEN);
	route_kick(r);
	notice = change_of("small", SEVERITY_NOTICE, ALERT_OPEN);
	(void)!store_begin(store);
	for (unsigned i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "flood%u", i);
		ids[i] = change_of(key, SEVERITY_WARNING, ALERT_OPEN);
		if (i == n / 2)
			fire[0] = change_of("fire", SEVERITY_CRITICAL, ALERT_OPEN);
	}
	fire[1] = change_of("fire two", SEVERITY_CRITICAL, ALERT_OPEN);
	(void)!store_commit(store);
	answer_all(r, 3);
	ok(one.ids[0] == first && one.ids[1] == fire[0] && one.ids[2] == fire[1],
	   "behind what is under way the critical ones are next, the oldest first");
	ok(one.len == 4 && one.ids[3] == ids[0], "then the warnings, the oldest first");
	is_int(cursor_of("one"), first, "the cursor stays before what waits");
	ok(!store_sink_ahead(store, "one", ahead) && !ahead[1] && ahead[2] == fire[1],
	   "where the critical ones are is kept beside it");
	route_free(r); /* ids[0] is under way */
	r = a_route(false);
	answer_all(r, 10);
	ok(one.ids[4] == ids[0] && one.ids[5] == ids[1] && one.ids[14] == ids[10],
	   "who goes on with the sink sends no critical one twice");
	fire[0] = change_of("a third fire", SEVERITY_CRITICAL, ALERT_OPEN);
	answer_all(r, 1);
	is_int(one.ids[15], fire[0], "one that comes meanwhile is the next");
	one.late = false;
	answer(&one, 0);
	ok(run_until(loop, is_idle, r), "the flood is worked off");
	for (unsigned i = 1; i < n; i++)
		once += times_sent(ids[i]) == 1;
	is_int(once, n - 1, "each change of it was sent once");
	is_int(one.ids[one.len - 1], notice, "the notice last");
	ok(one.len == 1 + n + 1 + 3 + 1 && route_stats(r, 0, &st) && st.cursor == fire[0],
	   "the cursor is behind the last of all");
	ok(!store_sink_ahead(store, "one", ahead) && !ahead[1] && !ahead[2],
	   "nothing is ahead any more");
	route_free(r);
}

/* What a sink is told of one alert is never out of date. */
static void test_overtaken(void)
{
	uint64_t first, old, other, worse, over;
	struct route_stats st;
	struct route *r;

	fresh_store();
	forget();
	one.late = true;
	r = a_route(false);
	first = change_of("first", SEVERITY_WARNING, ALERT_OPEN);
	route_kick(r);
	other = change_of("other", SEVERITY_WARNING, ALERT_OPEN);
	old = change_of("grows", SEVERITY_WARNING, ALERT_OPEN);
	worse = change_of("grows", SEVERITY_CRITICAL, ALERT_OPEN);
	over = change_of("grows", SEVERITY_CRITICAL, ALERT_RESOLVED);
	one.late = false;
	answer(&one, 0);
	ok(run_until(loop, is_idle, r) && one.len == 4 && one.ids[0] == first &&
		   one.ids[1] == worse && one.ids[2] == over && one.ids[3] == other,
	   "an alert that got worse is told as that, and not once more as less");
	ok(!times_sent(old) && route_stats(r, 0, &st) && st.skipped == 1 && st.cursor == over,
	   "what was overtaken is counted");
	route_free(r);
}

/*
 * The cursor cannot be stored while the sink confirms: no second delivery, and the cursor follows.
 */
static void test_store_trouble(void)
{
	struct route *r;
	struct rlimit limit = { 0 }, none = { 0 };
	uint64_t id;

	fresh_store();
	forget();
	one.late = true;
	r = a_route(false);
	id = change_alert("a", ALERT_OPEN, "r");
	route_kick(r);
	getrlimit(RLIMIT_FSIZE, &limit);
	none.rlim_max = limit.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &none); /* as good as a full disk */
	answer(&one, 0);
	ok(news[ROUTE_STORE] == 1 && *last_why, "a full disk is reported: %s", last_why);
	is_int(cursor_of("one"), 0, "the cursor has not moved");
	setrlimit(RLIMIT_FSIZE, &limit);
	ok(run_until(loop, is_idle, r), "the router goes on when there is room again");
	is_int(one.len, 1, "and sends nothing twice");
	is_int(cursor_of("one"), id, "and the cursor has moved");
	is_int(news[ROUTE_RECOVERED], 1, "and it says so");
	route_free(r);
}

static unsigned lines(const char *s)
{
	unsigned n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

/* The real sink, killed with its router in the middle of a run. */
static void test_restart_with_exec(void)
{
	struct route_opts o = {
		.loop = loop, .store = store, .format = format, .report = on_report
	};
	struct route *r = NULL;
	static char started[] = "started";

	fresh_store();
	o.store = store;
	change_alert("a", ALERT_OPEN, "r");
	change_alert("b", ALERT_OPEN, "r");
	if (route_new(&o, &r) ||
	    route_add(
		    r, &sink_exec,
		    program("hook", "cat >>sent; echo x >started; test -e go || tail -f /dev/null"),
		    0))
		return;
	route_kick(r);
	ok(run_until(loop, has_content, started), "the hook runs");
	route_free(r);
	is_int(cursor_of("exec"), 0, "an unfinished run confirms nothing");
	close(open(in_dir("go"), O_CREAT | O_CLOEXEC, 0644));
	if (route_new(&o, &r) || route_add(r, &sink_exec, in_dir("hook"), 5000 * MS))
		return;
	route_kick(r);
	ok(run_until(loop, is_idle, r), "the next router delivers");
	is_int(lines(content("sent")), 3, "the first again and the second once");
	route_free(r);
}

int main(void)
{
	make_dir();
	if (loop_new(&loop))
		return 1;
	test_order();
	test_in_flight();
	test_failures();
	test_absent();
	test_too_long();
	test_many();
	test_worst_first();
	test_overtaken();
	test_store_trouble();
	test_restart_with_exec();
	store_free(store);
	loop_free(loop);
	return tap_done();
}
