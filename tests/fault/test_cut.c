/* SPDX-License-Identifier: GPL-2.0 */
#include "fault/cut_proxy.h"
#include "fault/ledger.h"
#include "store/mariadb.h"

/*
 * The connection to the server breaks at every byte of a batch's exchange, in both directions:
 * where the commit was sent and its answer never came nobody knows what happened. The shipper sends
 * the same again, and in the end each record is there once.
 */
static struct mariadb server;
static struct cut_proxy proxy;
static struct node node;
static struct store *store;
static struct ship *ship;
static uint64_t failures,
	committed; /* steps that failed; those of them that had committed all the same */

static long long stored_rows(void)
{
	char out[64];

	return mdb_sql(&server, "ajar", "SELECT count(*) FROM events", out, sizeof(out))
		       ? -1
		       : strtoll(out, NULL, 10);
}

/* Until the journal is in the store; false: an error that is not one to try again, or too many. */
static bool ship_all(bool look)
{
	unsigned tries = 0;
	int more = 1;

	while (more) {
		long long before = look && !tries ? stored_rows() : 0;

		more = ship_step(ship);
		if (more >= 0)
			continue;
		failures++;
		if (look && !tries)
			committed += stored_rows() > before;
		if (store_fault(more) != STORE_RETRY || ++tries > 20) {
			printf("# %d %s\n", more, ship_why(ship));
			return false;
		}
	}
	return true;
}

/* How many bytes an exchange of so many records has. */
static void measure(unsigned records, unsigned long ret_bytes[2])
{
	bool good = node_append(&node, records);

	cut_count(&proxy);
	good = ship_all(false) && good;
	for (int way = 0; way < 2; way++)
		ret_bytes[way] = atomic_load(&proxy.sh->passed[way]);
	ok(good && ret_bytes[CUT_UP] > 300 && ret_bytes[CUT_DOWN] > 100,
	   "a batch of %u: %lu bytes go up, %lu come down", records, ret_bytes[CUT_UP],
	   ret_bytes[CUT_DOWN]);
}

static void cut_everywhere(unsigned records, unsigned cuts)
{
	static const char *const names[] = { "on the way up", "on the way down" };
	unsigned long bytes[2];

	for (int way = 0; way < 2; way++) {
		unsigned long step, done = 0, before = atomic_load(&proxy.sh->cuts);
		bool good = true;

		measure(records, bytes); /* the statements are prepared, as they will be */
		measure(records, bytes);
		step = bytes[way] / cuts ? bytes[way] / cuts : 1;
		failures = committed = 0;
		for (unsigned long at = 0; good && at < bytes[way]; at += step, done++) {
			good = node_append(&node, records);
			cut_arm(&proxy, (enum cut_way)way, at, false);
			good = good && ship_all(true);
		}
		ok(good, "%lu cuts in batches of %u %s: all is shipped in the end", done, records,
		   names[way]);
		ok(atomic_load(&proxy.sh->cuts) - before >= done * 9 / 10,
		   "the line was cut %lu times, %llu steps failed, %llu of them had been committed",
		   atomic_load(&proxy.sh->cuts) - before, (unsigned long long)failures,
		   (unsigned long long)committed);
		if (way == CUT_DOWN)
			ok(committed, "there were commits whose answer was lost");
		ok(node_is_stored(&node, store), "and the store is the journal, record by record");
	}
}

/*
 * The server is there and says nothing: after the timeout it is as if the line had been cut, but
 * the old session may go on.
 */
static void stall(unsigned records, unsigned places)
{
	unsigned long bytes[2];
	bool good = true;

	measure(records, bytes);
	measure(records, bytes);
	for (unsigned i = 0; good && i < places; i++) {
		enum cut_way way = i % 2 ? CUT_DOWN : CUT_UP;

		good = node_append(&node, records);
		cut_arm(&proxy, way, bytes[way] * (i + 1) / (places + 1), true);
		good = good && ship_all(false);
	}
	ok(good, "a server that falls silent in the middle, %u times, is left", places);
	ok(node_is_stored(&node, store), "and the store is the journal");
}

int main(void)
{
	bool in_long = getenv("AJAR_LONG");
	char uri[200], out[64] = "";

	if (mdb_start(&server, NULL))
		tap_skip_all(server.why);
	if (cut_start(&proxy, server.sock) || !node_open(&node, "n1"))
		return 1;
	snprintf(uri, sizeof(uri), "mysql://ajar@127.0.0.1:%u/ajar?tls=off&timeout=1", proxy.port);
	is_int(store_open(uri, STORE_CREATE, &store, NULL), 0, "the store opens through the line");
	is_int(node_ship(&node, store, &ship), 0, "a shipper");
	cut_everywhere(1, in_long ? 100000 : 50);
	cut_everywhere(30, in_long ? 3000 : 60);
	stall(5, in_long ? 60 : 3);
	is_int(mdb_sql(&server, "ajar", "SELECT event_count FROM nodes WHERE name = 'n1'", out,
		       sizeof(out)),
	       0, "the node's row");
	is_int(strtoll(out, NULL, 10), stored_rows(), "counts each once");
	ship_free(ship);
	store_free(store);
	node_done(&node);
	cut_stop(&proxy);
	mdb_stop(&server);
	return tap_done();
}
