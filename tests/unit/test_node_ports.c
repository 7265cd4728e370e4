/* SPDX-License-Identifier: GPL-2.0 */
#include "view/node_ports.h"

#include <stdlib.h>
#include <string.h>

#include "door_util.h"
#include "fixtures.h"
#include "store/store.h"
#include "tap.h"

/* Of a node with more ports than are listed those that alert are, and the rest is counted. */

#define SHOWN 500 /* PORTS_SHOWN_MAX */

static struct store *store;

static int put_door(uint32_t port, uint64_t cookie, enum severity severity)
{
	struct event ev = fixture_event(EVENT_OPEN, cookie, port, 1000 + cookie);
	struct store_door d = { .node = "n1",
				.boot_seq = 1,
				.open_seq = cookie,
				.verdict = severity ? VERDICT_UNEXPECTED : VERDICT_PROFILED,
				.severity = severity };

	return store_judged_door(store, &ev, &d);
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
