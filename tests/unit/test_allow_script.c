/* SPDX-License-Identifier: GPL-2.0 */
/* Allowing an alert about an interpreter: the row names what it runs, where that is one thing. */
#include <string.h>

#include "judge_help.h"
#include "monitor/allow.h"

static void opened(const char *node, uint64_t cookie, uint16_t port, struct text argv)
{
	struct event ev = door_event(EVENT_OPEN, cookie, port);

	ev.opener.exe = TEXT("/usr/bin/python3.11");
	ev.opener.argv = argv;
	put_in_node(node, ev, 1);
	step();
}
#define OPENED(node, cookie, port, lit)                                                            \
	opened(node, cookie, port, (struct text){ lit, sizeof(lit) })

struct allowing {
	uint16_t port;
	unsigned n;
	char argv[64], warning[200];
};

static int allow_it(const struct store_alert *alert, void *arg)
{
	struct allowing *w = arg;
	struct allow a = { .s = store,
			   .id = alert->id,
			   .key = alert->key,
			   .kind = alert->kind,
			   .state = alert->state,
			   .host_type = "compute",
			   .record = alert->record.ptr,
			   .record_len = alert->record.len,
			   .reason = "r",
			   .author = "a",
			   .now_ns = now };

	if (alert->port != w->port)
		return 0;
	w->n++;
	if (allow_prepare(&a))
		printf("# %s\n", a.why);
	else
		snprintf(w->argv, sizeof(w->argv), "%s", a.rows[0].argv ? a.rows[0].argv : "any");
	snprintf(w->warning, sizeof(w->warning), "%s", a.warning);
	allow_done(&a);
	return 0;
}

static struct allowing allowing(uint16_t port)
{
	const struct store_alert_query q = { 0 };
	struct allowing w = { .port = port };

	if (store_alerts(store, &q, allow_it, &w))
		printf("# store_alerts: %s\n", store_why(store));
	is_int(w.n, 1, "there is an alert about %u", port);
	return w;
}

static void accept_class(void)
{
	char class[] = "compute";
	struct profile_row row = { .host_type = class, .port = 22, .proto = PROTO_TCP };
	size_t added;

	is_int(store_profile_add(store, class, &row, 1, true, now, &added), 0,
	       "a class with a profile");
	step();
}

/* Doors that open shortly after each other would be one alert. */
static void later(void)
{
	now += 600 * S;
	step();
}

int main(void)
{
	struct allowing w;

	if (!judge_begin())
		return 1;
	accept_class();
	OPENED("node001", 1, 8001, "python3\0/opt/a.py\0-v");
	OPENED("node002", 2, 8001, "python3\0/opt/a.py");
	w = allowing(8001);
	is_str(w.argv, "/opt/a.py ...", "the script of all of its doors is named");
	is_str(w.warning, "", "without a word");
	OPENED("node003", 3, 8001, "python3\0/opt/b.py");
	w = allowing(8001);
	is_str(w.argv, "any", "where they run different ones none is");
	ok(strstr(w.warning, "different scripts"), "and that is said: %s", w.warning);
	later();
	opened("node001", 11, 9002, (struct text){ 0 });
	w = allowing(9002);
	is_str(w.argv, "any", "nor is one that is not known");
	ok(strstr(w.warning, "not known"), "and that is said: %s", w.warning);
	return judge_end();
}
