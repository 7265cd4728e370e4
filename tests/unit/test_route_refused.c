/* SPDX-License-Identifier: GPL-2.0 */
#include <string.h>

#include "alert/route.h"
#include "alert_help.h"
#include "store/sinks.h"
#include "store/store.h"

/* What happens to messages that a receiver will not have, and to batches with one of them in it. */

static struct loop *loop;
static struct store *store;
static uint64_t now_ns;

static uint64_t change_alert(const char *key)
{
	const struct store_alert a = { .key = key,
				       .kind = FINDING_UNEXPECTED,
				       .severity = SEVERITY_WARNING,
				       .state = ALERT_OPEN,
				       .host_type = "compute",
				       .summary = key,
				       .first_ns = now_ns,
				       .last_ns = now_ns };
	uint64_t id = 0, log_id = 0;

	if (store_put_alert(store, &a, "monitor", "", now_ns++, &id, &log_id))
		printf("# store_put_alert: %s\n", store_why(store));
	return log_id;
}

static void fresh_store(void)
{
	static int n;
	char uri[128];

	store_free(store);
	store = NULL;
	now_ns = clock_wall_ns() - UINT64_C(3600000000000);
	snprintf(uri, sizeof(uri), "sqlite:%s/store%d.db", dir, n++);
	if (store_open(uri, STORE_CREATE, &store, NULL))
		printf("# no store\n");
}

/* --- a receiver that refuses what begins with "bad", and can be away or late ------------------------------ */

struct sink {
	int unused;
};
static struct {
	bool picky, away;
	unsigned sends, taken, refused;
	char got[8192]; /* the keys taken, a blank behind each */
	char batches[256]; /* the sizes of the sends */
	uint64_t at_ns[16];
} fake;

static int send_fake(struct sink *s, const struct sink_message *m, sink_done_fn done, void *arg)
{
	unsigned n = 0;
	bool bad = false;

	(void)s;
	for (const struct sink_message *i = m; i; i = i->next, n++)
		bad |= !strncmp(i->change->alert.summary, "bad", 3);
	if (fake.sends < array_len(fake.at_ns))
		fake.at_ns[fake.sends] = clock_boot_ns();
	fake.sends++;
	if (strlen(fake.batches) < 200)
		snprintf(fake.batches + strlen(fake.batches), 16, "%u ", n);
	if (fake.away) {
		done(-ECONNREFUSED, "nobody there", arg);
	} else if (bad && fake.picky) {
		fake.refused++;
		done(SINK_REFUSED, "400 no such thing", arg);
	} else {
		for (; m; m = m->next, fake.taken++)
			snprintf(fake.got + strlen(fake.got), sizeof(fake.got) - strlen(fake.got),
				 "%s ", m->change->alert.summary);
		done(0, NULL, arg);
	}
	return 0;
}

static void free_fake(struct sink *s)
{
	free(s);
}

static const struct sink_ops one_at_a_time = { .name = "one",
					       .send = send_fake,
					       .free = free_fake };
static const struct sink_ops by_ten = {
	.name = "ten", .send = send_fake, .free = free_fake, .batch_max = 10
};

static unsigned news[16];

static void on_report(const struct route_report *r, void *arg)
{
	(void)arg;
	news[r->news]++;
}

static int format(const struct store_alert *a, struct buf *b)
{
	buf_printf(b, "{\"summary\":\"%s\"}", a->summary);
	return 0;
}

static struct route *a_route(const struct route_sink *with)
{
	const struct route_opts o = { .loop = loop,
				      .store = store,
				      .format = format,
				      .report = on_report,
				      .backoff_min_ns = 5 * MS,
				      .backoff_max_ns = 20 * MS,
				      .retry_ns = 400 * MS };
	struct route_sink s = *with;
	struct route *r = NULL;

	memset(news, 0, sizeof(news));
	memset(&fake, 0, sizeof(fake));
	fake.picky = true;
	s.name = "fake";
	s.sink = calloc(1, sizeof(*s.sink));
	if (route_new(&o, &r) || route_add_open(r, &s))
		printf("# no route\n");
	return r;
}

static bool is_idle(void *arg)
{
	struct route_stats st;

	return route_stats(arg, 0, &st) && st.idle;
}

static struct store_sink state;

static int on_sink(const struct store_sink *s, void *arg)
{
	(void)arg;
	state = *s;
	state.name = state.why = NULL;
	return 0;
}

static bool all_taken(void *arg)
{
	return fake.taken >= *(unsigned *)arg;
}

static void test_one_refused(void)
{
	struct route *r;

	fresh_store();
	r = a_route(&(struct route_sink){ .ops = &one_at_a_time });
	change_alert("a");
	change_alert("bad1");
	change_alert("b");
	route_kick(r);
	is_str(fake.got, "a ", "a refused message is tried again before anything else");
	ok(run_until(loop, is_idle, r), "but not for ever");
	is_str(fake.got, "a b ", "what is behind it gets through");
	is_int(fake.refused, ROUTE_REFUSALS + 1,
	       "after so many tries, and one more when something was taken");
	is_int(news[ROUTE_RETRY], 1, "that is said");
	is_int(news[ROUTE_DROPPED] + news[ROUTE_GIVEN_UP], 0, "nothing is lost");
	if (store_sinks(store, on_sink, NULL))
		printf("# no sinks\n");
	ok(state.retrying == 1 && state.behind == 0 && state.sent == 2, "the store knows of it");
	route_free(r);
	r = a_route(&(struct route_sink){ .ops = &one_at_a_time });
	fake.picky = false;
	route_kick(r);
	ok(run_until(loop, all_taken, &(unsigned){ 1 }), "a new router tries it again in its time");
	is_str(fake.got, "bad1 ", "it alone");
	if (store_sinks(store, on_sink, NULL))
		printf("# no sinks\n");
	ok(state.retrying == 0 && state.sent == 3, "and then it is delivered: counted over both");
	route_free(r);
}

static void test_many_refused(void)
{
	struct route *r;
	char key[32];
	unsigned all = 102;
	uint64_t t0;

	fresh_store();
	r = a_route(&(struct route_sink){ .ops = &one_at_a_time });
	(void)!store_begin(store);
	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "bad%d", i);
		change_alert(key);
	}
	change_alert("honest");
	(void)!store_commit(store);
	t0 = clock_boot_ns();
	route_kick(r);
	ok(run_until(loop, all_taken, &(unsigned){ 1 }), "an honest one gets past 100 others");
	ok(clock_boot_ns() - t0 < 5000 * MS, "soon");
	is_str(fake.got, "honest ", "it was the honest one");
	ok(fake.refused <= 400 + ROUTE_REFUSALS,
	   "only the first of them was tried repeatedly at once");
	fake.picky = false;
	change_alert("honest2");
	route_kick(r);
	ok(run_until(loop, all_taken, &all), "all of them get through once they are taken");
	route_free(r);
}

static void test_batches(void)
{
	struct route *r;
	char key[32];

	fresh_store();
	r = a_route(&(struct route_sink){ .ops = &by_ten });
	for (int i = 0; i < 23; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		change_alert(key);
	}
	route_kick(r);
	ok(run_until(loop, is_idle, r) && fake.taken == 23, "all are sent");
	is_str(fake.batches, "10 10 3 ", "in batches");
	route_free(r);

	fresh_store();
	r = a_route(&(struct route_sink){ .ops = &by_ten });
	change_alert("a");
	change_alert("bad");
	change_alert("b");
	change_alert("c");
	route_kick(r);
	ok(run_until(loop, is_idle, r), "a batch with a bad one in it ends too");
	is_str(fake.got, "a b c ", "the others of it get through, once and in order");
	ok(!strncmp(fake.batches, "4 1 1 ", 6), "one at a time: %s", fake.batches);
	is_int(news[ROUTE_RETRY], 1, "the bad one is put aside");
	route_free(r);
}

static bool tried_twelve_times(void *arg)
{
	(void)arg;
	return fake.sends >= 12;
}

static void test_away_is_not_refused(void)
{
	struct route *r;

	fresh_store();
	r = a_route(&(struct route_sink){ .ops = &one_at_a_time });
	fake.away = true;
	change_alert("a");
	route_kick(r);
	ok(run_until(loop, tried_twelve_times, NULL) && news[ROUTE_RETRY] == 0,
	   "a receiver that is away refuses nothing");
	fake.away = false;
	ok(run_until(loop, is_idle, r), "and gets it when it is back");
	is_str(fake.got, "a ", "once");
	route_free(r);
}

static bool only_even(const struct store_alert_change *c, void *arg)
{
	(void)arg;
	return (c->alert.summary[1] - '0') % 2 == 0;
}

static void test_wants(void)
{
	struct route *r;
	struct route_stats st;
	uint64_t last = 0;
	char key[32];

	fresh_store();
	r = a_route(&(struct route_sink){ .ops = &by_ten, .wants = only_even });
	for (int i = 0; i < 10; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		last = change_alert(key);
	}
	route_kick(r);
	is_str(fake.got, "k0 k2 k4 k6 k8 ", "only what the sink wants is sent");
	ok(route_stats(r, 0, &st) && st.cursor == last, "the cursor passes the rest");
	route_free(r);
}

static void test_pace(void)
{
	struct route *r;

	fresh_store();
	r = a_route(&(struct route_sink){ .ops = &by_ten, .every_ns = 200 * MS });
	change_alert("a");
	route_kick(r);
	change_alert("b");
	route_kick(r);
	change_alert("c");
	route_kick(r);
	is_str(fake.got, "a ", "the first goes at once, the next wait");
	ok(run_until(loop, all_taken, &(unsigned){ 3 }), "they are sent");
	is_str(fake.batches, "1 2 ", "together");
	ok(fake.at_ns[1] - fake.at_ns[0] >= 190 * MS, "after the pause");
	route_free(r);
}

static void test_new_sink(void)
{
	struct route *r;

	fresh_store();
	change_alert("old");
	now_ns = clock_wall_ns();
	change_alert("young");
	r = a_route(&(struct route_sink){ .ops = &by_ten,
					  .new_since_ns = clock_wall_ns() - 60000 * MS });
	route_kick(r);
	is_str(fake.got, "young ", "a new sink is not told what is history");
	route_free(r);
	change_alert("next");
	r = a_route(&(struct route_sink){ .ops = &by_ten, .new_since_ns = clock_wall_ns() + 1 });
	route_kick(r);
	is_str(fake.got, "next ", "one that has a cursor goes on there");
	route_free(r);
}

int main(void)
{
	make_dir();
	if (loop_new(&loop))
		return 1;
	test_one_refused();
	test_many_refused();
	test_batches();
	test_away_is_not_refused();
	test_wants();
	test_pace();
	test_new_sink();
	store_free(store);
	loop_free(loop);
	return tap_done();
}
