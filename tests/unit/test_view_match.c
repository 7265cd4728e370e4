/* SPDX-License-Identifier: GPL-2.0 */
/* Which alerts a filter asks for. */
#include "base/buf.h"
#include "core/event.h"
#include "core/filter.h"
#include "fixtures.h"
#include "store/store.h"
#include "tap.h"
#include "view/match.h"

static bool asks_for(const char *words, const struct store_alert *a)
{
	_cleanup_(buf_done) struct buf copy = BUF_INIT(256);
	struct filter f = { 0 };
	const char *why;

	buf_puts(&copy, words);
	for (char *at = copy.data, *end; at; at = end) {
		end = strchr(at, ' ');
		if (end)
			*end++ = '\0';
		if (filter_add(&f, at, &why))
			return ok(false, "%s: %s", words, why) && false;
	}
	return view_match_alert(&f, a);
}

static void about_a_door(void)
{
	struct event ev = fixture_login(EVENT_OPEN, 0, 4444, UINT64_C(1795363262123456000));
	_cleanup_(buf_done) struct buf record = BUF_INIT(EVENT_RECORD_MAX);
	struct store_alert a = { .kind = FINDING_UNEXPECTED, .node = "n1", .host_type = "compute" };

	event_encode(&ev, &record);
	a.record = (struct text){ record.data, (uint32_t)record.len };
	ok(asks_for(":4444", &a), "an alert about a door is asked for by its port");
	ok(!asks_for(":22", &a), "and not by another");
	ok(asks_for("tcp node:n[1-3] class:compute state:unexpected", &a),
	   "by protocol, place and verdict");
	ok(!asks_for(":4444 node:n2", &a), "all of it must fit");
}

static void about_a_port(void)
{
	const struct store_alert a = { .kind = FINDING_HIDDEN,
				       .node = "n1",
				       .host_type = "compute",
				       .proto = PROTO_TCP,
				       .port = 6667 };

	ok(asks_for("tcp :6667 node:n1", &a), "of what a scan found there are port and protocol");
	ok(!asks_for(":4444", &a), "another port is another finding");
	ok(!asks_for("udp", &a), "and so is another protocol");
	ok(asks_for("state:hidden", &a), "its kind is its verdict");
	ok(!asks_for("exe:nc", &a), "nobody knows its program");
}

static void about_a_node(void)
{
	const struct store_alert a = { .kind = FINDING_SILENT, .node = "n1", .host_type = "gpu" };

	ok(asks_for("node:n1 class:gpu", &a), "an alert about a node is asked for by its place");
	ok(!asks_for("node:n2", &a), "and not by another's");
	ok(!asks_for(":4444", &a), "who asks for a port does not mean it");
	ok(!asks_for("tcp", &a), "nor who asks for a protocol");
	ok(!asks_for("exe:nc node:n1", &a), "nor for a program there");
	ok(asks_for("state:silent node:n1", &a), "its kind is its verdict");
	ok(!asks_for("state:unexpected", &a), "which is not another");
}

static void about_many_nodes(void)
{
	const struct store_alert a = { .kind = FINDING_HIDDEN,
				       .node = "n3",
				       .nodes = "n[1-3],n7",
				       .host_type = "gpu",
				       .proto = PROTO_TCP,
				       .port = 6667 };

	ok(asks_for("node:n1", &a) && asks_for("node:n3", &a) && asks_for("node:n[6-9]", &a),
	   "an alert on many nodes is asked for by any of them");
	ok(!asks_for("node:n[4-6]", &a), "and by none beside them");
	ok(asks_for("node:n1 tcp", &a) && !asks_for("node:n1 udp", &a), "with what it is about");
}

int main(void)
{
	about_a_door();
	about_a_port();
	about_a_node();
	about_many_nodes();
	return tap_done();
}
