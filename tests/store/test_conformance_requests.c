/* SPDX-License-Identifier: GPL-2.0 */
#include "store/requests.h"

#include <errno.h>

#include "conformance.h"
#include "monitor/requests.h"
#include "store/spool.h"
#include "store/triage.h"

/*
 * What store/requests.h promises, on each driver; and that a monitor carries out what it finds
 * there.
 */

static struct store_request a_request(enum request_verb verb, const char *alerts)
{
	return (struct store_request){ .login = "ann",
				       .role = "operator",
				       .verb = verb,
				       .alerts = alerts,
				       .reason = "seen",
				       .ticket = "" };
}

static struct store *open_reader(void)
{
	struct store *s = NULL;
	_free_ char *why = NULL;

	if (store_open(uri, STORE_READONLY, &s, &why))
		printf("# %s\n", why ? why : "");
	return s;
}

static int keep(const struct store_request *r, void *arg)
{
	buf_printf(arg, "%s %s %u [%s] %s/%s %s: %s", r->login, r->role, (unsigned)r->verb,
		   r->alerts, r->reason, r->ticket, request_state_name(r->state), r->answer);
	return 0;
}

static void request_is(struct store *s, uint64_t id, const char *want, const char *what)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(8192);

	if (store_request_get(s, id, keep, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
}

static bool is_done(struct store *s, uint64_t id)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(8192);

	return !store_request_get(s, id, keep, &b) && strstr(buf_str(&b), " done: ");
}

static uint64_t make_alert(struct store *s)
{
	const struct store_alert a = { .key = "k1",
				       .kind = FINDING_MISSING,
				       .severity = SEVERITY_WARNING,
				       .state = ALERT_OPEN,
				       .host_type = "compute",
				       .nodes = "n1",
				       .node = "n1",
				       .subject = "key",
				       .summary = "s",
				       .why = "w",
				       .remedy = "r",
				       .first_ns = 100,
				       .last_ns = 100,
				       .node_count = 1 };
	struct event ev = open_event(22, 1, T0);
	uint64_t id = 0;

	ok(!put_one(s, "n1", 1, 1, &ev) && !store_put_alert(s, &a, "monitor", "", 1000, &id, NULL),
	   "%s: an alert", drv->name);
	return id;
}

static unsigned step(struct store *s)
{
	const struct requests_opts o = { .snooze_max_ns = DAY_NS };
	unsigned changes = 0, sum = 0;
	bool more = true;

	while (more) {
		if (requests_step(s, &o, &changes, &more)) {
			printf("# %s\n", store_why(s));
			return 99;
		}
		sum += changes;
	}
	return sum;
}

static void test_carried_out(struct store *s, struct store *reader)
{
	char alert[32], want[200];
	struct store_request r, again, unfit;

	snprintf(alert, sizeof(alert), "%llu", (unsigned long long)make_alert(s));
	r = again = a_request(REQUEST_ACK, alert);
	unfit = a_request(REQUEST_ALLOW, alert);
	again.login = "bob";
	is_int(store_request_put(reader, &r), 0, "%s: a handle that reads hands in", drv->name);
	ok(r.id && r.id <= REQUEST_ID_MAX && r.at_ns, "%s: with a number and a time", drv->name);
	is_int(store_request_put(reader, &again), 0, "%s: and so does another", drv->name);
	is_int(store_request_put(reader, &unfit), 0, "%s: and who may not", drv->name);
	ok(r.id != again.id, "%s: each with its own number", drv->name);
	is_int(step(s), 1, "%s: one alert is changed", drv->name);
	/* Handed in at once, either may be first. */
	ok(is_done(reader, r.id) != is_done(reader, again.id),
	   "%s: of two one is done, the other refused", drv->name);
	snprintf(want, sizeof(want),
		 "ann operator 4 [%s] seen/ refused: as operator one may not do that", alert);
	request_is(reader, unfit.id, want, "what the role may not is refused");
	is_int(step(s), 0, "%s: nothing is done twice", drv->name);
	is_int(store_request_get(reader, 4711, keep, NULL), -ENOENT, "%s: one that there is not",
	       drv->name);
}

static void test_limits(struct store *s, struct store *reader)
{
	struct store_request r = a_request(REQUEST_ACK, "4711");
	unsigned taken = 0;
	uint64_t last = 0;
	int err = 0;

	while (!err && taken < 2 * REQUESTS_WAITING_MAX) {
		err = store_request_put(reader, &r);
		taken += !err;
		last = err ? last : r.id;
	}
	is_int(err, -EBUSY, "%s: so many may wait", drv->name);
	is_int(taken, REQUESTS_WAITING_MAX, "%s: and no more", drv->name);
	is_int(step(s), 0, "%s: they are answered", drv->name);
	request_is(reader, last, "ann operator 1 [4711] seen/ refused: there is no such alert",
		   "each");
	is_int(store_requests_prune(s, 0, 2, 100), 0, "%s: those that are too many go", drv->name);
	is_int(store_requests_prune(s, UINT64_MAX / 4, 100, 100), 0, "%s: and old ones", drv->name);
	is_int(store_request_get(reader, last, keep, NULL), -ENOENT, "%s: for good", drv->name);
	r.reason = "a\nb";
	is_int(store_request_put(reader, &r), -EINVAL, "%s: a reason of two lines", drv->name);
}

/* The monitor asks for a reason, whatever was checked before. */
static void test_many(struct store *s, struct store *reader)
{
	struct store_request r = a_request(REQUEST_ACK, "");
	_cleanup_(buf_done) struct buf ids = BUF_INIT(65536), b = BUF_INIT(65536);

	for (unsigned i = 1; i <= REQUEST_ALERTS_MAX; i++)
		buf_printf(&ids, "%s%u", i > 1 ? "," : "", 900000 + i);
	r.alerts = buf_str(&ids);
	is_int(store_request_put(reader, &r), 0, "%s: as many alerts as there may be", drv->name);
	is_int(step(s), 0, "%s: each is looked at", drv->name);
	ok(!store_request_get(reader, r.id, keep, &b) &&
		   strstr(buf_str(&b), "refused: there is no such alert"),
	   "%s: and none is there", drv->name);
	r.reason = "";
	is_int(store_request_put(reader, &r), 0, "%s: the same without a reason", drv->name);
	is_int(step(s), 0, "%s: is answered", drv->name);
	buf_reset(&b);
	ok(!store_request_get(reader, r.id, keep, &b) &&
		   strstr(buf_str(&b), "refused: what is about more than 500 alerts has a reason"),
	   "%s: it needs one", drv->name);
	buf_puts(&ids, ",1");
	r.alerts = buf_str(&ids);
	r.reason = "seen";
	is_int(store_request_put(reader, &r), 0, "%s: one alert more", drv->name);
	is_int(step(s), 0, "%s: is answered too", drv->name);
	buf_reset(&b);
	ok(!store_request_get(reader, r.id, keep, &b) &&
		   strstr(buf_str(&b), "refused: it is about more than 1000 alerts"),
	   "%s: that is too many", drv->name);
}

static void test_files(void)
{
	struct store_request r = a_request(REQUEST_SNOOZE, "7,9"), back = { 0 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(SPOOL_FILE_MAX);

	r.until_ns = 5;
	spool_format(&b, &r);
	ok(!spool_parse(b.data, b.len, &back) && !strcmp(back.alerts, "7,9") &&
		   back.until_ns == 5 && back.verb == REQUEST_SNOOZE,
	   "a file says what was asked for");
	for (size_t n = 0; n < b.len; n++)
		if (!spool_parse(b.data, n, &back)) {
			ok(false, "%zu bytes of it say nothing", n);
			return;
		}
	buf_putc(&b, '\0');
	is_int(spool_parse(b.data, b.len, &back), -EINVAL, "nor does one with more");
}

static void test_requests(struct store *s)
{
	struct store *reader = open_reader();
	char path[200];

	if (ok(reader, "%s: a store, and a reader", drv->name)) {
		test_carried_out(s, reader);
		test_many(s, reader);
		test_limits(s, reader);
	}
	store_free(reader);
	snprintf(path, sizeof(path), "%s/" SPOOL_DIR, folder);
	if (drv->uri)
		ok(!rmdir(path), "no file is left");
}

int main(void)
{
	static void (*const tests[])(struct store * s) = { test_requests };

	test_files();
	return conformance(tests, array_len(tests), NULL);
}
