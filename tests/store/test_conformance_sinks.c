/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "store/conformance.h"
#include "store/driver.h"
#include "store/health.h"
#include "store/sinks.h"
#include "store/tally.h"

/* What store/sinks.h promises, of every driver. */

static int put_sink(const struct store_sink *s, void *arg)
{
	buf_printf(arg, "%s:%llu:%llu,%llu,%llu,%llu:%llu:%s:%llu,%llu:%llu@%llu:%llu ", s->name,
		   (unsigned long long)s->log_id, (unsigned long long)s->sent,
		   (unsigned long long)s->failed, (unsigned long long)s->skipped,
		   (unsigned long long)s->given_up, (unsigned long long)s->failures, s->why,
		   (unsigned long long)s->sent_ns, (unsigned long long)s->failed_ns,
		   (unsigned long long)s->behind, (unsigned long long)s->behind_ns,
		   (unsigned long long)s->retrying);
	return 0;
}

static void sinks_are(struct store *s, const char *want, const char *what)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);

	is_int(store_sinks(s, put_sink, &b), 0, "%s: sinks", drv->name);
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
}

static int put_retry(const struct store_retry *p, void *arg)
{
	buf_printf(arg, "%s:%llu:%llu:%llu:%llu-%llu:%s ", p->sink, (unsigned long long)p->log_id,
		   (unsigned long long)p->alert_id, (unsigned long long)p->tries,
		   (unsigned long long)p->first_ns, (unsigned long long)p->next_ns, p->why);
	return 0;
}

static void retries_are(struct store *s, const char *sink, uint64_t due_ns, uint32_t limit,
			const char *want, const char *what)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);

	is_int(store_retries(s, sink, due_ns, limit, put_retry, &b), 0, "%s: in the retry queue",
	       drv->name);
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
}

static void test_sinks(struct store *s)
{
	struct store_alert a = { .key = "k1", .kind = FINDING_UNEXPECTED, .state = ALERT_OPEN };
	struct store_sink siem = { .name = "siem",
				   .sent = 1,
				   .failed = 2,
				   .skipped = 3,
				   .given_up = 4,
				   .failures = 5,
				   .why = "it's \"away\"",
				   .sent_ns = 6,
				   .failed_ns = 7 };
	struct store_retry p = { .sink = "siem",
				 .log_id = 5,
				 .alert_id = 9,
				 .tries = 5,
				 .first_ns = 100,
				 .next_ns = 200,
				 .why = "400" };
	char want[200];
	uint64_t log1 = 0, log2 = 0, id = 0;
	struct store_sink exec = { .name = "exec", .why = "" };

	is_int(store_log_before(s, 100, &id), 0, "%s: an empty log", drv->name);
	is_int((long long)id, 0, "%s: has no number", drv->name);
	(void)!store_put_alert(s, &a, "m", "", 1000, NULL, &log1);
	(void)!store_put_alert(s, &a, "m", "", 2000, NULL, &log2);
	is_int(store_log_before(s, 2000, &id), 0, "%s: the log before a time", drv->name);
	ok(id == log1, "%s: does not have what was then", drv->name);
	sinks_are(s, "", "nobody has a cursor");
	is_int(store_sink_put(s, &siem), 0, "%s: a sink", drv->name);
	exec.log_id = log2;
	is_int(store_sink_put(s, &exec), 0, "%s: one by its cursor", drv->name);
	snprintf(want, sizeof(want),
		 "exec:%llu:0,0,0,0:0::0,0:0@0:0 siem:0:1,2,3,4:5:it's \"away\":6,7:2@1000:0 ",
		 (unsigned long long)log2);
	sinks_are(s, want, "each with what is behind it");
	is_int(store_retry_put(s, &p), 0, "%s: in the retry queue", drv->name);
	p.log_id = 4;
	p.next_ns = 300;
	is_int(store_retry_put(s, &p), 0, "%s: in the retry queue", drv->name);
	p.log_id = 6;
	p.next_ns = 0;
	is_int(store_retry_put(s, &p), 0, "%s: given up", drv->name);
	p.sink = "other";
	p.log_id = 5;
	p.next_ns = 250;
	is_int(store_retry_put(s, &p), 0, "%s: another's", drv->name);
	retries_are(s, "siem", 0, 0,
		    "siem:6:9:5:100-0:400 siem:5:9:5:100-200:400 siem:4:9:5:100-300:400 ",
		    "all of one sink, by the next try");
	retries_are(s, "siem", 250, 0, "siem:5:9:5:100-200:400 ", "what is due");
	retries_are(s, NULL, 400, 2, "siem:5:9:5:100-200:400 other:5:9:5:100-250:400 ",
		    "of all, with a limit");
	p = (struct store_retry){
		.sink = "siem", .log_id = 5, .tries = 6, .next_ns = 900, .why = "x"
	};
	is_int(store_retry_put(s, &p), 0, "%s: once more", drv->name);
	retries_are(s, "siem", 1000, 0, "siem:4:9:5:100-300:400 siem:5:9:6:100-900:x ",
		    "it keeps when it was refused first");
	is_int(store_retry_del(s, "siem", 4), 0, "%s: taken out", drv->name);
	is_int(store_retry_del(s, "siem", 4), 0, "%s: twice is fine", drv->name);
	siem.log_id = log1;
	siem.failures = 0;
	is_int(store_sink_put(s, &siem), 0, "%s: it moves on", drv->name);
	is_int(store_sink_forget(s, "exec"), 0, "%s: forgotten", drv->name);
	snprintf(want, sizeof(want), "siem:%llu:1,2,3,4:0:it's \"away\":6,7:1@2000:2 ",
		 (unsigned long long)log1);
	sinks_are(s, want, "the other is as it was put");
	is_int(store_sink_forget(s, "siem"), 0, "%s: forgotten", drv->name);
	sinks_are(s, "", "nobody is left");
	retries_are(s, NULL, 0, 0, "other:5:9:5:100-250:400 ", "nor its retry queue");
	is_int(store_sink_forget(s, "siem"), -ENOENT, "%s: nobody to forget", drv->name);
	is_int(store_sink_put(s, &(struct store_sink){ .name = "" }), -EINVAL,
	       "%s: a sink has a name", drv->name);
}

/* --- the log by severity ------------------------------------------------------------------------------- */

static int put_log_id(const struct store_alert_change *c, void *arg)
{
	buf_printf(arg, "%s:%d ", c->alert.summary, (int)c->alert.severity);
	return 0;
}

static uint64_t change_to(struct store *s, const char *key, enum severity severity,
			  uint64_t *ret_alert)
{
	struct store_alert a = { .key = key,
				 .summary = key,
				 .kind = FINDING_UNEXPECTED,
				 .severity = severity,
				 .state = ALERT_OPEN };
	uint64_t log_id = 0;

	if (store_put_alert(s, &a, "m", "", T0, ret_alert, &log_id))
		printf("# no alert\n");
	return log_id;
}

static void log_has(struct store *s, const struct store_log_part *p, uint32_t limit,
		    const char *want, uint64_t count, const char *what)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);
	uint64_t n = 0;

	is_int(store_log_read(s, p, limit, put_log_id, &b), 0, "%s: part of the log", drv->name);
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	ok(!store_log_count(s, p, &n) && n == count, "%s: and so many are counted", drv->name);
}

static void test_log(struct store *s)
{
	uint64_t id[4], last = 9, alert = 0;
	bool worse = true;

	ok(!store_log_last(s, &last) && !last, "%s: an empty log has no last row", drv->name);
	id[0] = change_to(s, "a", SEVERITY_WARNING, &alert);
	id[1] = change_to(s, "b", SEVERITY_NOTICE, NULL);
	id[2] = change_to(s, "a", SEVERITY_CRITICAL, NULL);
	id[3] = change_to(s, "c", SEVERITY_WARNING, NULL);
	ok(!store_log_last(s, &last) && last == id[3], "%s: the last row", drv->name);
	log_has(s, &(struct store_log_part){ 0, last, SEVERITY_WARNING }, 9, "a:2 a:3 c:2 ", 3,
		"of a severity and worse, in order");
	log_has(s, &(struct store_log_part){ id[0], id[2], 0 }, 9, "b:1 a:3 ", 2,
		"behind one row, up to another, whatever the severity");
	log_has(s, &(struct store_log_part){ 0, last, 0 }, 1, "a:2 ", 4, "a limit");
	ok(!store_log_lesser(s, 0, last, SEVERITY_WARNING, &last) && last == id[1],
	   "%s: the first of less than a severity", drv->name);
	ok(!store_log_lesser(s, id[1], id[3], SEVERITY_WARNING, &last) && !last,
	   "%s: of which there is no other", drv->name);
	last = id[3];
	ok(!store_log_worse(s, alert, id[0], last, SEVERITY_WARNING, &worse) && worse,
	   "%s: an alert that is told as worse later", drv->name);
	ok(!store_log_worse(s, alert, id[0], id[1], SEVERITY_WARNING, &worse) && !worse,
	   "%s: but not yet there", drv->name);
	ok(!store_log_worse(s, alert, id[0], last, SEVERITY_CRITICAL, &worse) && !worse,
	   "%s: nor worse than critical", drv->name);
}

static void test_ahead(struct store *s)
{
	struct store_sink mail = { .name = "mail", .log_id = 5, .why = "", .ahead = { 0, 7, 9 } };
	uint64_t ahead[STORE_SINK_LEVELS] = { 1, 1, 1 };

	ok(!store_sink_ahead(s, "mail", ahead) && !ahead[0] && !ahead[1] && !ahead[2],
	   "%s: nothing is ahead of a new sink's cursor", drv->name);
	is_int(store_sink_put(s, &mail), 0, "%s: a sink that sends the worst first", drv->name);
	ok(!store_sink_ahead(s, "mail", ahead) && ahead[1] == 7 && ahead[2] == 9,
	   "%s: where each level is comes back", drv->name);
	sinks_are(s, "mail:5:0,0,0,0:0::0,0:0@0:0 ", "it is one sink");
	mail.log_id = 7;
	is_int(store_sink_put(s, &mail), 0, "%s: its cursor catches up with one", drv->name);
	ok(!store_sink_ahead(s, "mail", ahead) && !ahead[1] && ahead[2] == 9,
	   "%s: which is ahead no more", drv->name);
	is_int(store_sink_forget(s, "mail"), 0, "%s: forgotten", drv->name);
	ok(!store_sink_ahead(s, "mail", ahead) && !ahead[2], "%s: with what was ahead", drv->name);
}

/* --- tallies ------------------------------------------------------------------------------------------- */

static int put_doors(const struct store_door_tally *t, void *arg)
{
	buf_printf(arg, "%s:%d:%llu ", t->host_type, (int)t->verdict, (unsigned long long)t->doors);
	return 0;
}

static int put_alerts(const struct store_alert_tally *t, void *arg)
{
	buf_printf(arg, "%s:%d:%d:%d:%llu ", t->host_type, (int)t->state, (int)t->severity,
		   (int)t->kind, (unsigned long long)t->alerts);
	return 0;
}

static void a_door(struct store *s, const char *node, uint64_t cookie, enum verdict verdict)
{
	struct event ev = open_event(22, cookie, T0);
	struct store_door d = { .node = node,
				.boot_seq = 1,
				.door = ev.door,
				.open_seq = cookie,
				.opened_ns = T0,
				.verdict = verdict };

	d.door.cookie = cookie;
	if (put_one(s, node, 1, cookie, &ev) || store_put_door(s, &d))
		printf("# no door\n");
}

static void test_tallies(struct store *s)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);
	struct store_alert a = { .key = "k1",
				 .kind = FINDING_UNEXPECTED,
				 .severity = SEVERITY_WARNING,
				 .state = ALERT_OPEN,
				 .host_type = "compute" };
	uint64_t at = 1, now = 0;
	bool found = false;

	is_int(store_tally_doors(s, put_doors, &b), 0, "%s: no doors", drv->name);
	a_door(s, "n1", 1, VERDICT_PROFILED);
	a_door(s, "n1", 2, VERDICT_UNEXPECTED);
	a_door(s, "n2", 1, VERDICT_PROFILED);
	a_door(s, "n2", 2, VERDICT_PROFILED);
	(void)!store_set_host_type(s, "n1", "login");
	(void)!store_set_host_type(s, "n2", "login");
	(void)!store_close_door(s, "n2", 1, &(struct door){ .netns_cookie = 1, .cookie = 2 }, 9,
				T0 + 1, &found);
	is_int(store_tally_doors(s, put_doors, &b), 0, "%s: doors", drv->name);
	is_str(buf_str(&b), found ? "login:2:2 login:3:1 " : "login:2:3 login:3:1 ",
	       "%s: open doors by class and verdict", drv->name);
	buf_reset(&b);
	(void)!store_put_alert(s, &a, "m", "", 1, NULL, NULL);
	a.key = "k2";
	(void)!store_put_alert(s, &a, "m", "", 1, NULL, NULL);
	a.key = "k3";
	a.state = ALERT_RESOLVED;
	(void)!store_put_alert(s, &a, "m", "", 1, NULL, NULL);
	is_int(store_tally_alerts(s, put_alerts, &b), 0, "%s: alerts", drv->name);
	is_str(buf_str(&b), "compute:1:2:1:2 compute:5:2:1:1 ", "%s: alerts by what they are",
	       drv->name);
	is_int(store_interval_locked_at(s, "x", &at), 0, "%s: an interval lock", drv->name);
	is_int((long long)at, 0, "%s: nobody took", drv->name);
	(void)!store_begin(s);
	is_int(store_interval_lock(s, "x", 1000, &now), 1, "%s: is taken", drv->name);
	(void)!store_commit(s);
	is_int(store_interval_locked_at(s, "x", &at), 0, "%s: then", drv->name);
	ok(at == now, "%s: it says when", drv->name);
}

static void lease_is(struct store *s, const char *holder, const char *gone, uint64_t ns, int want,
		     const char *what)
{
	enum store_lease_state got = LEASE_OTHERS;
	char other[STORE_HOLDER_MAX + 1] = "";

	is_int(store_sink_lease(s, "leased", holder, gone, ns, &got, other), 0, "%s: %s asks",
	       drv->name, holder);
	is_int((int)got, want, "%s: %s", drv->name, what);
	if (want == LEASE_OTHERS)
		is_str(other, "a", "%s: it says who has it", drv->name);
}

static void test_leases(struct store *s)
{
	const uint64_t hour = UINT64_C(3600000000000);

	lease_is(s, "a", NULL, hour, LEASE_TAKEN, "the first has it");
	lease_is(s, "a", NULL, hour, LEASE_KEPT, "and keeps it");
	lease_is(s, "b", NULL, hour, LEASE_OTHERS, "another has to wait");
	lease_is(s, "b", "c", hour, LEASE_OTHERS, "whoever else may be gone");
	lease_is(s, "b", "a", hour, LEASE_TAKEN, "but not when its holder is");
	lease_is(s, "a", "b", hour, LEASE_TAKEN, "nor when it is back");
	is_int(store_sink_release(s, "leased", "b"), 0, "%s: only its holder gives it up",
	       drv->name);
	lease_is(s, "b", NULL, hour, LEASE_OTHERS, "so another still waits");
	is_int(store_sink_release(s, "leased", "a"), 0, "%s: who has it may", drv->name);
	lease_is(s, "a", NULL, hour, LEASE_KEPT,
		 "and take it up again, since nobody has been there");
	is_int(store_sink_release(s, "leased", "a"), 0, "%s: given up once more", drv->name);
	lease_is(s, "b", NULL, 1, LEASE_TAKEN, "now another has it");
	lease_is(s, "a", NULL, hour, LEASE_TAKEN, "until its time is over");
	lease_is(s, "b", NULL, 1000, LEASE_TAKEN, "a lease beyond all measure is of a wrong clock");
}

int main(void)
{
	static void (*const tests[])(struct store * s) = { test_sinks, test_log, test_ahead,
							   test_tallies, test_leases };

	return conformance(tests, array_len(tests), NULL);
}
