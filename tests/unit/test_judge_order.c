/* SPDX-License-Identifier: GPL-2.0 */
#include "judge_help.h"

/*
 * The order in which a node's records arrive decides nothing: what a journal holds arrives in
 * order, in any other order, in any batches, and is judged by two monitors in turn at any moment
 * between. The same doors are open at the end under the same alerts, and those are as they were,
 * but for times.
 */
#define RECORDS 24
#define ROUNDS 40
#define PORTS 6

static uint64_t seed;

static unsigned random_below(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(seed >> 33) % n;
}

/* --- a journal ------------------------------------------------------------------------------------- */

struct record {
	uint32_t boot_seq;
	uint64_t seq;
	struct event ev;
};

struct journal {
	size_t len;
	struct record r[RECORDS];
	uint64_t last_seq; /* of the boot at hand */
	uint32_t boot_seq;
};

static void record(struct journal *l, struct event ev)
{
	ev.time_ns = T0 + l->len * 20 * S; /* no two doors are one with a blink */
	l->r[l->len++] = (struct record){ l->boot_seq, ++l->last_seq, ev };
}

/* A program of each port's own: no burst makes one alert of two. */
static struct event of_port(enum event_kind kind, uint64_t cookie, unsigned port)
{
	static const char *const programs[PORTS] = { "/opt/a", "/opt/b", "/opt/c",
						     "/opt/d", "/opt/e", "/opt/f" };
	struct event ev = door_event(kind, cookie, (uint16_t)(4000 + port));

	ev.opener.exe = text_of(programs[port]);
	return ev;
}

/* As an agent writes one: a start behind what was open already, then doors open and close. */
static void write_journal(struct journal *l)
{
	uint64_t cookies[PORTS] = { 0 }, cookie = 0;

	*l = (struct journal){ .boot_seq = 1 };
	while (l->len < RECORDS - 1) {
		unsigned port = random_below(PORTS);

		if (!random_below(8)) {
			struct event start = { .kind = EVENT_START, .reason = text_of("tier A") };

			memset(cookies, 0, sizeof(cookies));
			if (random_below(2)) {
				l->boot_seq++;
				l->last_seq = 0;
			}
			start.from_seq = l->last_seq + 1;
			if (random_below(2)) {
				cookies[port] = ++cookie;
				record(l, of_port(EVENT_OPEN, cookie, port));
			}
			record(l, start);
		} else if (cookies[port]) {
			record(l, of_port(EVENT_CLOSE, cookies[port], port));
			cookies[port] = 0;
		} else {
			cookies[port] = ++cookie;
			record(l, of_port(EVENT_OPEN, cookie, port));
		}
	}
}

/* --- arrival ------------------------------------------------------------------------------------------ */

/* Each round has a node of its own. */
static void arrive(const char *node, const struct record *const *list, size_t n)
{
	struct store_event rows[RECORDS];
	struct buf bytes[RECORDS];
	size_t added;

	for (size_t i = 0; i < n; i++) {
		bytes[i] = (struct buf)BUF_INIT(EVENT_RECORD_MAX);
		event_encode(&list[i]->ev, &bytes[i]);
		rows[i] =
			(struct store_event){ .boot_seq = list[i]->boot_seq,
					      .seq = list[i]->seq,
					      .received_ns = now,
					      .record = { bytes[i].data, (uint32_t)bytes[i].len } };
	}
	if (store_put_events(store, node, node, rows, n, &added))
		ok(false, "records arrive: %s", store_why(store));
	for (size_t i = 0; i < n; i++)
		buf_done(&bytes[i]);
}

static void shuffle(const struct record **list, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		size_t k = random_below((unsigned)i);
		const struct record *r = list[i - 1];

		list[i - 1] = list[k];
		list[k] = r;
	}
}

static struct judge *judges[2];

static void judge_now(void)
{
	judge = judges[random_below(2)];
	step();
}

/* Then time passes, until all is over that is. */
static void send(const char *node, const struct journal *l, bool in_order)
{
	const struct record *list[RECORDS];

	for (size_t i = 0; i < l->len; i++)
		list[i] = &l->r[i];
	if (!in_order)
		shuffle(list, l->len);
	for (size_t i = 0; i < l->len;) {
		size_t n = in_order ? 1 : 1 + random_below(4);

		if (n > l->len - i)
			n = l->len - i;
		arrive(node, &list[i], n);
		i += n;
		if (in_order || random_below(2))
			judge_now();
	}
	for (unsigned i = 0; i < 3; i++) {
		now += 30 * S;
		judge = judges[0];
		step();
		judge = judges[1];
		step();
	}
}

/* --- what became of it ---------------------------------------------------------------------------------- */

static int put_alert(const struct store_alert *a, void *arg)
{
	struct buf *b = ((void **)arg)[0];

	if (!strcmp(a->host_type, ((void **)arg)[1]))
		buf_printf(b, "%u %s %llu;", a->port, alert_state_name(a->state),
			   (unsigned long long)a->count);
	return 0;
}

static int put_door(const struct store_door *d, void *arg)
{
	buf_printf(arg, "%u.%llu :%u %s%s;", d->boot_seq, (unsigned long long)d->door.cookie,
		   d->door.port, d->closed_ns ? "closed" : "open",
		   d->alert_key ? " under an alert" : "");
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Parts that end in ";", sorted: what is listed by time is another order each time. */
static void put_sorted(struct buf *from, struct buf *b)
{
	char *parts[4 * RECORDS], *rest = NULL;
	size_t n = 0;

	buf_putc(from, '\0');
	for (char *p = strtok_r(from->data, ";", &rest); p && n < array_len(parts);
	     p = strtok_r(NULL, ";", &rest))
		parts[n++] = p;
	qsort(parts, n, sizeof(parts[0]), by_text);
	for (size_t i = 0; i < n; i++)
		buf_printf(b, "%s;", parts[i]);
}

static void outcome(const char *node, struct buf *b)
{
	const struct store_alert_query alerts = { .all = true };
	const struct store_door_query doors = { .node = node };
	struct buf list = BUF_INIT(1 << 16);
	const void *arg[] = { &list, node };

	if (store_doors(store, &doors, put_door, &list))
		buf_puts(&list, "error");
	put_sorted(&list, b);
	buf_reset(&list);
	if (store_alerts(store, &alerts, put_alert, arg))
		buf_puts(&list, "error");
	put_sorted(&list, b);
	buf_done(&list);
}

static void any_order(unsigned round)
{
	struct buf want = BUF_INIT(1 << 16), got = BUF_INIT(1 << 16);
	struct profile_row row = { .port = 22, .proto = PROTO_TCP };
	struct journal l;
	char first[32], second[32];
	size_t new;

	seed = round;
	snprintf(first, sizeof(first), "first%u", round);
	snprintf(second, sizeof(second), "second%u", round);
	write_journal(&l);
	now = T0 + RECORDS * 20 * S;
	for (unsigned i = 0; i < 2; i++) {
		row.host_type = i ? second : first;
		if (store_profile_add(store, row.host_type, &row, 1, true, now, &new))
			ok(false, "a profile");
	}
	send(first, &l, true);
	send(second, &l, false);
	outcome(first, &want);
	outcome(second, &got);
	if (strcmp(buf_str(&want), buf_str(&got)))
		is_str(buf_str(&got), buf_str(&want), "order %u is as the first", round);
	buf_done(&want);
	buf_done(&got);
}

/* --- the case that it was found by ----------------------------------------------------------------------- */

static void a_late_record_of_a_boot_before(void)
{
	struct event start = {
		.kind = EVENT_START, .time_ns = now + S, .from_seq = 1, .reason = text_of("tier A")
	};
	const struct record first = { 1, 1, of_port(EVENT_OPEN, 1, 0) },
			    next = { 2, 1, of_port(EVENT_OPEN, 3, 2) }, begun = { 2, 2, start };
	struct record lost = { 1, 2, of_port(EVENT_OPEN, 2, 1) };
	const struct record *early[] = { &first, &next, &begun }, *late[] = { &lost };
	struct buf b = BUF_INIT(4096);

	arrive("late", early, 3);
	step();
	arrive("late", late, 1);
	step();
	outcome("late", &b);
	is_str(buf_str(&b), "1.1 :4000 closed;1.2 :4001 closed;2.3 :4002 open;",
	       "a door of a boot that was over, told late, is closed");
	buf_reset(&b);
	now += 60 * S;
	lost = (struct record){ 1, 3, of_port(EVENT_OPEN, 4, 3) };
	arrive("late", late, 1);
	step();
	outcome("late", &b);
	is_str(buf_str(&b), "1.1 :4000 closed;1.2 :4001 closed;1.4 :4003 open;2.3 :4002 open;",
	       "one that opened since, on a machine that has its name back, is not");
	buf_done(&b);
}

int main(void)
{
	if (!judge_begin())
		return 1;
	judges[0] = judge;
	judge = NULL;
	restart();
	judges[1] = judge;
	a_late_record_of_a_boot_before();
	for (unsigned round = 1; round <= ROUNDS; round++)
		any_order(round);
	ok(true, "%d journals end as they do in order", ROUNDS);
	judge_free(judges[0]);
	judge = judges[1];
	return judge_end();
}
