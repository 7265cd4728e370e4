/* SPDX-License-Identifier: GPL-2.0 */
#include "view/node_ports.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "core/event.h"
#include "store/store.h"
#include "tap.h"

/* Of a node with more ports than are listed those that alert are, and the rest is counted. */

#define SHOWN 500 /* PORTS_SHOWN_MAX */

static struct store *store;

static int put_door(uint32_t port, uint64_t cookie, enum severity severity)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	const struct event ev = { .time_ns = 1000 + cookie,
				  .kind = EVENT_OPEN,
				  .origin = ORIGIN_EVENT,
				  .door = { .proto = PROTO_TCP,
					    .family = FAMILY_INET,
					    .scope = SCOPE_ANY,
					    .port = port,
					    .netns_cookie = 1,
					    .cookie = cookie } };
	struct store_event put = { .boot_seq = 1, .seq = cookie, .received_ns = 1000 };
	struct store_door d = { .node = "n1",
				.boot_seq = 1,
				.door = ev.door,
				.open_seq = cookie,
				.opened_ns = 1000 + cookie,
				.verdict = severity ? VERDICT_UNEXPECTED : VERDICT_PROFILED,
				.severity = severity };
	size_t added;
	int err;

	event_encode(&ev, &b);
	put.record = d.record = (struct text){ b.data, (uint32_t)b.len };
	err = store_put_events(store, "n1", "compute", &put, 1, &added);
	return err ? err : store_put_door(store, &d);
}

static void shows(const char *want, bool yes, const char *what)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!ok(out && !node_ports_print(out, false, store, "n1", "compute") && !fclose(out),
		"the ports are printed"))
		return;
	ok((strstr(text, want) != NULL) == yes, "%s", what);
	free(text);
}

int main(void)
{
	int err = 0;

	if (!ok(!store_open("sqlite::memory:", STORE_CREATE, &store, NULL), "a store"))
		return tap_done();
	for (unsigned i = 0; i < SHOWN && !err; i++)
		err = put_door(20000 + i, i + 1, (enum severity)0);
	is_int(err, 0, "as many ports as are listed");
	shows("20499/tcp", true, "with the last one");
	shows(" more door", false, "and no word of more");
	is_int(put_door(20500, SHOWN + 1, (enum severity)0), 0, "one more");
	shows("1 more door on other ports: 'ajar ls node:n1'", true,
	      "is counted, with where to see it");
	is_int(put_door(666, SHOWN + 2, SEVERITY_CRITICAL), 0, "one that alerts");
	shows("666/tcp", true, "is listed, though it opened last");
	shows("2 more doors on other ports", true, "and another one counted for it");
	store_free(store);
	return tap_done();
}
