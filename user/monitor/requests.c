/* SPDX-License-Identifier: GPL-2.0 */
#include "monitor/requests.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/parse.h"
#include "core/event.h"
#include "monitor/allow.h"
#include "monitor/decide.h"
#include "store/requests.h"
#include "store/store.h"
#include "store/triage.h"
#include "view/view.h"

#define STEP_MAX 8
#define COLLECT_MAX 32
#define PRUNE_MAX 64
#define LATE_NS UINT64_C(600000000000) /* nobody waits for it any more */
#define KEEP_NS (UINT64_C(30) * 86400 * 1000000000)
#define KEEP_MAX 10000
#define ANSWER_MAX 4000
#define HOUR_NS UINT64_C(3600000000000)
#define EXPIRES_MAX_NS (24 * 3660 * HOUR_NS)
#define CLOCKS_NS UINT64_C(60000000000)
#define STEP_NS UINT64_C(100000000) /* then the judge is next */
#define PREVIEW_MAX 5 /* each reads the alerts of 30 days */
#define ALLOW_MAX 100

/* One request under way. */
struct work {
	struct store *s;
	const struct requests_opts *o;
	const struct store_request *r; /* while it is carried out */
	uint64_t now_ns;
	uint64_t ids[REQUEST_ALERTS_MAX];
	unsigned len, done, failed;
	bool writes;
	char note[REQUEST_REASON_MAX + REQUEST_TICKET_MAX + 32];
	struct buf said; /* of what was done to the first */
	char why[600]; /* the first that could not be, or why none can */
};

static bool refuse(struct work *w, const char *fmt, ...) printf_like(2, 3);
static bool refuse(struct work *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->why, sizeof(w->why), fmt, ap);
	va_end(ap);
	return false;
}

/* --- may it be ----------------------------------------------------------------------------------------- */

static bool read_ids(struct work *w, unsigned max)
{
	const char *at = w->r->alerts;

	while (*at) {
		size_t len = strcspn(at, ",");
		char one[24];
		uint64_t id = 0;

		snprintf(one, sizeof(one), "%.*s", (int)(len < sizeof(one) ? len : sizeof(one)),
			 at);
		if (parse_u64(one, &id) || !id || id > INT64_MAX)
			return refuse(w, "its list of alerts cannot be read");
		if (w->len == max)
			return refuse(w, "it is about more than %u alerts", max);
		w->ids[w->len++] = id;
		at += len + (at[len] == ',');
	}
	return w->len || refuse(w, "it is about no alert");
}

static bool until_ok(struct work *w)
{
	const struct store_request *r = w->r;
	uint64_t max = r->verb == REQUEST_SNOOZE ? w->o->snooze_max_ns : EXPIRES_MAX_NS;

	if (r->verb == REQUEST_ACK || r->verb == REQUEST_REOPEN)
		return !r->until_ns || refuse(w, "only a snooze or a rule has an end");
	if (r->verb != REQUEST_SNOOZE && !r->until_ns)
		return true;
	if (r->until_ns <= w->now_ns)
		return refuse(w, "its end is not in the future");
	/* The page has reckoned from a clock that may be a little ahead. */
	if (r->until_ns - w->now_ns > max + CLOCKS_NS)
		return refuse(w, "its end is more than %" PRIu64 " h away%s", max / HOUR_NS,
			      r->verb == REQUEST_SNOOZE ? " (alert.snooze-max)" : "");
	return true;
}

static bool may_be(struct work *w)
{
	const struct store_request *r = w->r;
	unsigned max = r->verb == REQUEST_PREVIEW ? PREVIEW_MAX
		       : r->verb == REQUEST_ALLOW ? ALLOW_MAX
						  : REQUEST_ALERTS_MAX;

	if (!request_may(r->role, r->verb))
		return refuse(w, "as %.20s one may not do that", r->role);
	if (r->at_ns + LATE_NS < w->now_ns)
		return refuse(w, "no monitor was there in time to do it: ask again");
	if (strlen(r->reason) > REQUEST_REASON_MAX || strlen(r->ticket) > REQUEST_TICKET_MAX)
		return refuse(w, "its reason is too long");
	if (r->verb == REQUEST_ALLOW && !*r->reason)
		return refuse(w, "what is allowed has a reason");
	snprintf(w->note, sizeof(w->note), "%s%s%s%s", r->reason,
		 *r->ticket ? (*r->reason ? " (ticket " : "ticket ") : "", r->ticket,
		 *r->ticket && *r->reason ? ")" : "");
	if (!read_ids(w, max))
		return false;
	if (w->len > REQUEST_BRIEF_MAX && !*r->reason)
		return refuse(w, "what is about more than %d alerts has a reason",
			      REQUEST_BRIEF_MAX);
	return until_ok(w);
}

/* --- one alert ------------------------------------------------------------------------------------------ */

/* What is needed of an alert, copied: its row is not held while something is written. */
struct found {
	bool is;
	enum alert_state state;
	enum finding_kind kind;
	char *key, *host_type;
	struct buf record;
};

static void found_done(struct found *f)
{
	free(f->key);
	free(f->host_type);
	buf_done(&f->record);
}

static int on_found(const struct store_alert *a, void *arg)
{
	struct found *f = arg;

	*f = (struct found){ .is = true,
			     .state = a->state,
			     .kind = a->kind,
			     .key = strdup(a->key),
			     .host_type = strdup(a->host_type),
			     .record = BUF_INIT(EVENT_RECORD_MAX) };
	if (a->record.ptr)
		buf_put(&f->record, a->record.ptr, a->record.len);
	return f->key && f->host_type && !f->record.err ? 1 : -ENOMEM;
}

static void cannot(struct work *w, const char *why)
{
	w->failed++;
	if (!w->why[0])
		snprintf(w->why, sizeof(w->why), "%s", why);
}

static void cannot_be(struct work *w, uint64_t id, const struct found *f, const struct decision *d)
{
	char why[300];

	snprintf(why, sizeof(why), "alert %" PRIu64 " is %s%s: %s", id, alert_state_name(f->state),
		 f->state == d->to ? " already" : "", d->why_not);
	cannot(w, why);
}

static int decide(struct work *w, uint64_t id, const struct found *f, const struct decision *d)
{
	const struct store_decision to = { .alert_id = id,
					   .from = f->state,
					   .to = d->to,
					   .until_ns = w->r->until_ns,
					   .who = w->r->login,
					   .note = w->note,
					   .at_ns = w->now_ns };
	unsigned ended = 0;
	int err;

	if (!decision_may(d, f->state)) {
		cannot_be(w, id, f, d);
		return 0;
	}
	err = store_decide(w->s, &to, NULL);
	if (!err && f->state == ALERT_ALLOWED)
		err = allow_take_back(w->s, f->key, w->now_ns, &ended);
	if (err == -EAGAIN) {
		cannot(w, "the alert has changed this moment: look at it and ask again");
		return 0;
	}
	if (err || w->done++)
		return err;
	buf_printf(&w->said, "alert %" PRIu64 " %s", id, d->done);
	if (w->r->until_ns) {
		buf_puts(&w->said, " until ");
		view_time(&w->said, w->r->until_ns, false);
		buf_puts(&w->said, " UTC");
	}
	return 0;
}

static int allow(struct work *w, uint64_t id, const struct found *f)
{
	bool writes = w->r->verb == REQUEST_ALLOW;
	struct allow a = { .s = w->s,
			   .id = id,
			   .state = f->state,
			   .kind = f->kind,
			   .key = f->key,
			   .host_type = f->host_type,
			   .record = f->record.data,
			   .record_len = f->record.len,
			   .reason = w->note[0] ? w->note : "...",
			   .author = w->r->login,
			   .now_ns = w->now_ns,
			   .expires_ns = w->r->until_ns };
	int err = allow_prepare(&a);

	if (err && a.why[0]) {
		cannot(w, a.why);
		err = 0;
	} else if (!err) {
		if (w->done++)
			buf_puts(&w->said, writes ? "" : "\n");
		else if (writes)
			buf_printf(&w->said, "alert %" PRIu64 " allowed", id);
		err = writes ? allow_write(&a) : allow_preview(&a, &w->said);
		if (!err && !writes && a.warning[0])
			buf_printf(&w->said, "\n%s", a.warning);
	}
	allow_done(&a);
	return err;
}

static int one(struct work *w, uint64_t id)
{
	static const struct decision *const decisions[] = {
		[REQUEST_ACK] = &decision_ack,
		[REQUEST_SNOOZE] = &decision_snooze,
		[REQUEST_REOPEN] = &decision_reopen,
	};
	const struct store_alert_query q = { .all = true, .id = id };
	_cleanup_(found_done) struct found f = { 0 };
	int err = store_alerts(w->s, &q, on_found, &f);

	if (err < 0)
		return err;
	if (!f.is) {
		cannot(w, "there is no such alert");
		return 0;
	}
	return w->r->verb <= REQUEST_REOPEN ? decide(w, id, &f, decisions[w->r->verb])
					    : allow(w, id, &f);
}

/* --- one request ---------------------------------------------------------------------------------------- */

static void say_many(struct work *w, const char *what, struct buf *b)
{
	if (w->done == 1 || w->r->verb == REQUEST_PREVIEW)
		buf_puts(b, buf_str(&w->said));
	else
		buf_printf(b, "%u alerts %s", w->done, what);
	if (w->failed)
		buf_printf(b, "; %u not: %s", w->failed, w->why);
}

static int answer(struct work *w)
{
	static const char *const what[] = {
		[REQUEST_ACK] = "acknowledged", [REQUEST_SNOOZE] = "snoozed",
		[REQUEST_REOPEN] = "reopened",	[REQUEST_ALLOW] = "allowed",
		[REQUEST_PREVIEW] = "",
	};
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 20), safe = BUF_INIT(1 << 20);

	buf_puts(&b, "");
	if (w->done)
		say_many(w, what[w->r->verb], &b);
	else
		buf_puts(&b, w->why);
	if (b.err)
		return b.err;
	if (b.len > ANSWER_MAX)
		b.data[ANSWER_MAX] = '\0'; /* a cut character is escaped below */
	for (char *line = b.data, *next; line; line = next) {
		next = strchr(line, '\n');
		esc_text(&safe, line, next ? (size_t)(next - line) : strlen(line), 0);
		if (next) {
			buf_putc(&safe, '\n');
			next++;
		}
	}
	return safe.err ? safe.err
			: store_request_answer(w->s, w->r->id,
					       w->done ? REQUEST_DONE : REQUEST_REFUSED,
					       buf_str(&safe));
}

/* Held: its row is ours until the transaction ends. */
static int carry_out(const struct store_request *r, void *arg)
{
	struct work *w = arg;
	int err = 0;

	w->r = r;
	if (may_be(w))
		for (unsigned i = 0; i < w->len && !err; i++)
			err = one(w, w->ids[i]);
	w->writes = r->verb != REQUEST_PREVIEW;
	return err ? err : answer(w);
}

/* What the store does not take, however often it is tried. */
static bool is_refusal(int err)
{
	return err == -EINVAL || err == -EAGAIN || err == -EEXIST || err == -E2BIG ||
	       err == -ENOENT;
}

static int give_up(struct store *s, uint64_t id, const char *why)
{
	char text[600];

	snprintf(text, sizeof(text), "nothing was changed: %s", why);
	return store_request_answer(s, id, REQUEST_REFUSED, text);
}

static int request(struct store *s, const struct requests_opts *o, uint64_t id,
		   unsigned *ret_changes)
{
	_free_ struct work *w = calloc(1, sizeof(*w));
	char why[512];
	int err = w ? store_begin(s) : -ENOMEM;

	if (err)
		return err;
	*w = (struct work){ .s = s, .o = o, .now_ns = clock_wall_ns(), .said = BUF_INIT(1 << 16) };
	err = store_request_hold(s, id, carry_out, w);
	if (!err)
		err = store_commit(s);
	if (!err && w->writes)
		*ret_changes += w->done;
	buf_done(&w->said);
	if (!err)
		return 0;
	snprintf(why, sizeof(why), "%s", store_why(s));
	store_rollback(s);
	if (err == -EALREADY) /* another monitor has done it */
		return 0;
	return is_refusal(err) ? give_up(s, id, why) : err;
}

int requests_step(struct store *s, const struct requests_opts *o, unsigned *ret_changes,
		  bool *ret_more)
{
	uint64_t ids[STEP_MAX], now = clock_wall_ns(), began = clock_boot_ns();
	unsigned n = 0, i = 0;
	bool files = false;
	int err = store_requests_collect(s, COLLECT_MAX, &files);

	*ret_changes = 0;
	if (!err)
		err = store_requests_waiting(s, STEP_MAX, ids, &n);
	for (i = 0; i < n && !err && clock_boot_ns() - began < STEP_NS; i++)
		err = request(s, o, ids[i], ret_changes);
	if (!err && n)
		err = store_requests_prune(s, now > KEEP_NS ? now - KEEP_NS : 0, KEEP_MAX,
					   PRUNE_MAX);
	*ret_more = !err && (files || n == STEP_MAX || i < n);
	return err;
}
