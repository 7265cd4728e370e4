/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/lane.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "alert/change.h"
#include "base/clock.h"
#include "base/loop.h"
#include "store/alert_ports.h"
#include "store/seen.h"

#define ROUND_MAX 64 /* sends to a quick sink before others get their turn */
#define LOOK_MAX 512 /* changes looked at for one batch */

void lane_report(struct lane *ln, enum route_news news, uint64_t log_id, int err, const char *why)
{
	struct route_report r = {
		.news = news,
		.sink = ln->name,
		.log_id = log_id,
		.failures = ln->failures,
		.err = err,
		.why = why && *why ? why : strerror(err < 0 ? -err : EIO),
	};

	if (ln->o->report)
		ln->o->report(&r, ln->o->arg);
}

/* --- waiting ---------------------------------------------------------------------------------------- */

/* Doubles with each failure, and 0.8 to 1.2 of it, so that many nodes do not come back in step. */
static uint64_t backoff_ns(const struct lane *ln)
{
	uint64_t ns = ln->o->backoff_min_ns, asked = 0;
	uint16_t rnd = 1 << 15;

	for (uint64_t i = 1; i < ln->failures && ns < ln->o->backoff_max_ns; i++)
		ns *= 2;
	if (ns > ln->o->backoff_max_ns)
		ns = ln->o->backoff_max_ns;
	if (ln->s.ops->pause_ns && !ln->store_down)
		asked = ln->s.ops->pause_ns(ln->s.sink);
	if (getrandom(&rnd, sizeof(rnd), GRND_NONBLOCK) != sizeof(rnd))
		rnd = 1 << 15;
	ns = ns - ns / 5 + ns / 5 * 2 / UINT16_MAX * rnd + 1;
	return ns > asked ? ns : asked;
}

void lane_wait(struct lane *ln, uint64_t ns)
{
	/* Without its timer the lane is woken by the next kick. */
	ln->waiting = loop_timer_set(ln->timer, ns, 0) == 0;
}

static int on_timer(void *arg)
{
	struct lane *ln = arg;

	ln->waiting = false;
	lane_pump(ln);
	return 0;
}

/*
 * The cursor in memory moves first: what is confirmed is not sent again as long as we live, even when
 * the store cannot take the cursor now (a full disk). The next try stores it.
 */
static int save(struct lane *ln)
{
	int err = ln->dirty && ln->held ? store_sink_put(ln->o->store, &ln->state) : 0;

	if (!err && ln->held)
		ln->dirty = false;
	return err;
}

static uint64_t first_id(const struct lane *ln)
{
	return ln->len ? ln->queue[0]->m.log_id : 0;
}

static void fail(struct lane *ln, enum route_news news, int err, const char *why)
{
	bool tell;

	ln->failures++;
	tell = (ln->failures & (ln->failures - 1)) == 0;
	ln->store_down = news == ROUTE_STORE;
	if (!ln->store_down) {
		ln->state.failures = ln->failures;
		ln->state.failed++;
		ln->state.failed_ns = clock_wall_ns();
		snprintf(ln->why, sizeof(ln->why), "%s", why && *why ? why : strerror(-err));
		ln->dirty = true;
		/* Others can read how it is doing; should that fail, the next try writes it. */
		if (tell)
			(void)!save(ln);
	}
	if (tell)
		lane_report(ln, news, ln->store_down ? 0 : first_id(ln), err, why);
	lane_wait(ln, backoff_ns(ln));
}

/* --- the queue -------------------------------------------------------------------------------------- */

static void item_free(struct lane_item *it)
{
	if (!it)
		return;
	buf_done(&it->body);
	free(it->change);
	free(it);
}
DEFINE_FREEP(struct lane_item, item_free)

void lane_drop_item(struct lane *ln)
{
	item_free(ln->queue[0]);
	memmove(&ln->queue[0], &ln->queue[1], --ln->len * sizeof(ln->queue[0]));
}

static int format_one(struct lane *ln, const struct store_alert_change *c, struct buf *b)
{
	struct store_alert_change told = *c;
	struct store_alert_ports ports;
	struct store_seen seen;
	int err;

	/* An account that may not read the scans tells the rest. */
	told.alert.seen = store_seen_alert(ln->o->store, &c->alert, &seen) ? NULL : &seen;
	if (told.alert.record.ptr && !store_alert_ports(ln->o->store, told.alert.key, &ports))
		told.alert.ports = &ports;
	err = ln->s.format ? ln->s.format(&told, b, ln->s.arg) : ln->o->format(&told.alert, b);
	return err ? err : b->err;
}

/*
 * A door's argv may be made such that its JSON exceeds every limit: the alert then goes without the door, which
 * the store has. Nobody gets an alert suppressed by being long.
 */
static int format(struct lane *ln, const struct store_alert_change *c, struct buf *b)
{
	struct store_alert_change bare = *c;
	int err = format_one(ln, c, b);

	if (!err)
		return 0;
	buf_done(b);
	*b = (struct buf)BUF_INIT(SINK_JSON_MAX);
	bare.alert.record = (struct text){ 0 };
	return format_one(ln, &bare, b);
}

int lane_take(struct lane *ln, const struct store_alert_change *c, struct lane_item **ret_item)
{
	_cleanup_(item_freep) struct lane_item *it = calloc(1, sizeof(*it));
	int err;

	if (!it)
		return -ENOMEM;
	it->body = (struct buf)BUF_INIT(SINK_JSON_MAX);
	err = format(ln, c, &it->body);
	if (err == -ENOMEM)
		return err;
	if (err) {
		ln->dropped++;
		lane_report(ln, ROUTE_DROPPED, c->log_id, err,
			    "the alert cannot be put into words");
		*ret_item = NULL;
		return 0;
	}
	err = change_copy(c, &it->change);
	if (err)
		return err;
	it->m = (struct sink_message){ .log_id = c->log_id,
				       .change = it->change,
				       .json = buf_str(&it->body),
				       .json_len = it->body.len };
	*ret_item = ln->queue[ln->len++] = take_ptr(it);
	return 0;
}

static unsigned batch_max(const struct lane *ln)
{
	unsigned n = ln->s.ops->batch_max;

	return n < 1 ? 1 : n > SINK_BATCH_MAX ? SINK_BATCH_MAX : n;
}

static int on_change(const struct store_alert_change *c, void *arg)
{
	struct lane *ln = arg;
	struct lane_item *it;
	int err = 0;

	/* What a maintenance holds back is in the log and goes to nobody. */
	if (!c->alert.window_id && (!ln->s.wants || ln->s.wants(c, ln->s.arg)))
		err = lane_take(ln, c, &it);
	if (err)
		return err;
	ln->seen = c->log_id;
	return ln->len == batch_max(ln);
}

static void move_cursor(struct lane *ln, uint64_t log_id)
{
	if (log_id <= ln->state.log_id)
		return;
	ln->state.log_id = log_id;
	ln->dirty = true;
}

static int fill_fresh(struct lane *ln, bool *ret_more)
{
	uint64_t before = ln->seen;
	int err = store_alert_changes(ln->o->store, ln->seen, 0, 0, LOOK_MAX, on_change, ln);
	if (err < 0)
		return err;
	if (!ln->len)
		move_cursor(ln, ln->seen);
	*ret_more = !ln->len && ln->seen != before;
	return 0;
}

/*
 * The next batch, or one that is parked and due: in turns, so that many that are refused again and again keep no fresh one
 * waiting. *ret_more: changes were looked at and none was wanted.
 */
static int fill(struct lane *ln, bool *ret_more)
{
	bool parked_first = !ln->was_parked;
	int err = parked_first ? park_fetch(ln) : 0;

	*ret_more = false;
	ln->was_parked = false;
	if (!err && !ln->len)
		err = fill_fresh(ln, ret_more);
	if (!err && !ln->len && !*ret_more && !parked_first)
		err = park_fetch(ln);
	ln->was_parked = ln->len && ln->queue[0]->parked;
	return err;
}

/* --- sending ---------------------------------------------------------------------------------------- */

static void works_again(struct lane *ln, uint64_t log_id)
{
	bool hurry = ln->failures || ln->refusing;

	if (ln->failures)
		lane_report(ln, ROUTE_RECOVERED, log_id, 0, "delivered");
	ln->refusing = false;
	ln->failures = ln->state.failures = 0;
	if (hurry && park_hurry(ln))
		ln->next_park_ns = 1; /* the next look finds out */
}

/* The first n are done with. */
static int move_on(struct lane *ln, unsigned n)
{
	uint64_t last = 0;
	int err = 0;

	for (unsigned i = 0; i < n && !err; i++) {
		struct lane_item *it = ln->queue[0];

		if (it->parked)
			err = store_unpark(ln->o->store, ln->name, it->m.log_id);
		else
			last = it->m.log_id;
		lane_drop_item(ln);
	}
	if (!ln->len)
		ln->single = false;
	move_cursor(ln, ln->len ? last : ln->seen);
	return err;
}

static void on_taken(struct lane *ln, unsigned n)
{
	uint64_t id = ln->queue[n - 1]->m.log_id;

	ln->state.sent += n;
	ln->state.sent_ns = clock_wall_ns();
	ln->dirty = true;
	ln->absent = false;
	ln->next_send_ns = ln->s.every_ns ? clock_boot_ns() + ln->s.every_ns : 0;
	if (move_on(ln, n))
		ln->next_park_ns = 1;
	works_again(ln, id);
}

static void on_absent(struct lane *ln, unsigned n, int err, const char *why)
{
	if (!ln->absent)
		lane_report(ln, ROUTE_ABSENT, first_id(ln), err, why);
	ln->absent = true;
	ln->state.skipped += n;
	ln->dirty = true;
	ln->failures = ln->state.failures = 0;
	if (move_on(ln, n))
		ln->next_park_ns = 1;
}

static void on_refused(struct lane *ln, unsigned n, int err, const char *why)
{
	bool parked = false;
	int store_err;

	if (n > 1) { /* which of them is it? */
		ln->single = true;
		return;
	}
	store_err = park_refused(ln, why, &parked);
	if (store_err)
		fail(ln, ROUTE_STORE, store_err, store_why(ln->o->store));
	else if (!parked)
		fail(ln, ROUTE_FAILED, err, why);
}

static void settle(struct lane *ln, int err, const char *why)
{
	unsigned n = ln->under_way;

	ln->under_way = 0;
	if (!err)
		on_taken(ln, n);
	else if (err == SINK_ABSENT)
		on_absent(ln, n, err, why);
	else if (err == SINK_REFUSED)
		on_refused(ln, n, err, why);
	else
		fail(ln, ROUTE_FAILED, err, why);
}

static void on_done(int err, const char *why, void *arg)
{
	struct lane *ln = arg;

	if (ln->in_send) {
		ln->answered = true;
		ln->answer_err = err;
		snprintf(ln->answer_why, sizeof(ln->answer_why), "%s", why ? why : "");
		return;
	}
	settle(ln, err, why);
	lane_pump(ln);
}

static void send_queue(struct lane *ln)
{
	int err;

	ln->under_way = ln->single ? 1 : ln->len;
	for (unsigned i = 0; i < ln->under_way; i++)
		ln->queue[i]->m.next = i + 1 < ln->under_way ? &ln->queue[i + 1]->m : NULL;
	ln->in_send = true;
	ln->answered = false;
	err = ln->s.ops->send(ln->s.sink, &ln->queue[0]->m, on_done, ln);
	ln->in_send = false;
	if (err)
		settle(ln, err, NULL);
	else if (ln->answered)
		settle(ln, ln->answer_err, ln->answer_why);
}

static void store_is_back(struct lane *ln)
{
	ln->store_down = false;
	ln->failures = 0;
	lane_report(ln, ROUTE_RECOVERED, 0, 0, "the store is back");
}

/* True: it is not its turn yet, and the timer is set. */
static bool too_soon(struct lane *ln, int round)
{
	uint64_t now = clock_boot_ns();

	if (ln->next_send_ns > now) {
		lane_wait(ln, ln->next_send_ns - now);
		return true;
	}
	if (round == ROUND_MAX)
		lane_wait(ln, 1);
	return round == ROUND_MAX;
}

/* What is next goes into the queue and is ours to send. *ret_more: look again first. 1: not now, the timer is set. */
static int next(struct lane *ln, int round, bool *ret_more)
{
	int err = hold_look(ln);

	if (!err)
		err = save(ln);
	if (!err && too_soon(ln, round))
		return 1;
	if (!err && !ln->len)
		err = fill(ln, ret_more);
	if (!err && (ln->len || ln->dirty))
		err = hold_take(ln, ret_more);
	return err;
}

void lane_pump(struct lane *ln)
{
	if (ln->draining && !ln->under_way) {
		(void)!save(ln); /* should it fail, the next one sends it once more */
		hold_give_up(ln);
	}
	for (int i = 0; !ln->under_way && !ln->waiting && !ln->draining; i++) {
		bool more = false;
		int err = next(ln, i, &more);

		ln->idle = false;
		if (err < 0)
			fail(ln, ROUTE_STORE, err, store_why(ln->o->store));
		if (err)
			return;
		if (ln->store_down)
			store_is_back(ln);
		if (ln->len && !more) {
			send_queue(ln);
			hold_while_under_way(ln);
		} else if (!more && !ln->dirty) {
			ln->idle = true;
			return;
		}
	}
}

/* --- life ------------------------------------------------------------------------------------------- */

static int load_state(const struct store_sink *s, void *arg)
{
	struct lane *ln = arg;

	if (strcmp(s->name, ln->name))
		return 0;
	ln->state = *s;
	ln->state.name = ln->name;
	ln->state.failures = 0;
	snprintf(ln->why, sizeof(ln->why), "%s", s->why);
	ln->state.why = ln->why;
	return 1;
}

int lane_load(struct lane *ln)
{
	struct store *st = ln->o->store;
	int ret;

	ln->state = (struct store_sink){ .name = ln->name, .why = ln->why };
	ret = store_sinks(st, load_state, ln);
	if (!ret && ln->s.new_since_ns) {
		ret = store_log_before(st, ln->s.new_since_ns, &ln->state.log_id);
		if (!ret)
			ret = store_sink_put(st, &ln->state);
	}
	if (ret < 0)
		return ret;
	ln->seen = ln->state.log_id;
	return 0;
}

#define LOOK_NS (5 * NS_PER_S)

void lane_look(struct lane *ln)
{
	uint64_t now = clock_boot_ns();

	if (now < ln->look_ns)
		return;
	ln->look_ns = now + LOOK_NS;
	if (park_look(ln))
		ln->next_park_ns = 1; /* the next round says what is wrong */
}

static int on_park_timer(void *arg)
{
	struct lane *ln = arg;

	lane_pump(ln);
	return 0;
}

int lane_new(const struct route_opts *o, const struct route_sink *s, struct lane **ret_ln)
{
	_cleanup_(lane_freep) struct lane *ln = calloc(1, sizeof(*ln));
	int err;

	if (!ln)
		return -ENOMEM;
	ln->o = o;
	ln->s = *s;
	ln->s.sink = NULL; /* ours only if all goes well */
	ln->name = strdup(s->name);
	if (!ln->name)
		return -ENOMEM;
	ln->s.name = ln->name;
	err = lane_load(ln);
	if (!err)
		err = loop_add_timer(o->loop, on_timer, ln, &ln->timer);
	if (!err)
		err = loop_add_timer(o->loop, on_park_timer, ln, &ln->park_timer);
	if (!err)
		err = loop_add_timer(o->loop, hold_on_timer, ln, &ln->hold_timer);
	if (!err)
		err = park_look(ln);
	if (err)
		return err;
	ln->s.sink = s->sink;
	*ret_ln = take_ptr(ln);
	return 0;
}

void lane_free(struct lane *ln)
{
	if (!ln)
		return;
	if (ln->s.sink)
		ln->s.ops->free(ln->s.sink);
	while (ln->len)
		lane_drop_item(ln);
	loop_remove(ln->timer);
	loop_remove(ln->park_timer);
	loop_remove(ln->hold_timer);
	free(ln->name);
	free(ln);
}
