/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "fault/ledger.h"
#include "store/mariadb.h"

/*
 * A server that is there and will not: read-only, out of connections, with a lock held, stopped for
 * a while, or of the opinion that a row is none. Each has its class, and when it is over the store
 * is the journal.
 */
static struct mariadb server;
static struct node node;
static struct store *store;
static struct ship *ship;

static int sql(const char *text)
{
	return mdb_sql(&server, "ajar", text, NULL, 0);
}

static int step_all(void)
{
	int more = 1;

	while (more > 0)
		more = ship_step(ship);
	return more;
}

static void goes_on(const char *after)
{
	uint64_t end = clock_boot_ns() + UINT64_C(30000000000);
	int err;

	while ((err = step_all()) < 0 && store_fault(err) == STORE_RETRY && clock_boot_ns() < end)
		poll(NULL, 0, 20);
	is_int(err, 0, "after %s it goes on by itself", after);
	ok(node_is_stored(&node, store), "and the store is the journal");
}

/* The present connection is cut, so that the next one meets what is in the way. */
static void cut(void)
{
	char out[64] = "", text[80];

	mdb_sql(&server, "ajar",
		"SELECT id FROM information_schema.processlist WHERE db = 'ajar' AND id <> "
		"connection_id() ORDER BY id LIMIT 1" /* not that of who asked before us, which is ending */
		,
		out, sizeof(out));
	snprintf(text, sizeof(text), "KILL CONNECTION %s", out);
	if (*out)
		is_int(sql(text), 0, "the connection is cut");
}

static void refused(const char *break_it, const char *fix_it, enum store_fault want,
		    const char *words, const char *what)
{
	int err;

	is_int(sql(break_it), 0, "%s", what);
	cut();
	ok(node_append(&node, 20), "the journal takes what happens");
	err = step_all();
	ok(err < 0 && store_fault(err) == want,
	   "the store does not, which is reported as what it is");
	ok(strstr(ship_why(ship), words), "with what to do: %s", ship_why(ship));
	is_int(sql(fix_it), 0, "it is fixed");
	goes_on(what);
}

static void test_quarantine(void)
{
	char out[64] = "";

	is_int(sql("ALTER TABLE events ADD CONSTRAINT odd CHECK (seq < 81 OR seq % 7 <> 3)"), 0,
	       "a store that takes no record whose number ends so");
	ok(node_append(&node, 70), "70 records");
	is_int(step_all(), 0, "the others get through");
	is_int((long long)ship_counts(ship)->quarantined, 10, "ten wait in quarantine");
	is_int(sql("ALTER TABLE events DROP CONSTRAINT odd"), 0, "it is fixed");
	ship_offer_again(ship);
	is_int(step_all(), 0, "they are offered again");
	is_int((long long)ship_counts(ship)->quarantined, 0, "and taken");
	ok(node_is_stored(&node, store), "and the store is the journal");
	mdb_sql(&server, "ajar", "SELECT event_count = (SELECT count(*) FROM events) FROM nodes",
		out, sizeof(out));
	is_str(out, "1", "each is counted once");
}

/* What was committed there is gone with the backup; what the journal still keeps is sent again. */
static void test_restored(void)
{
	is_int(sql("DELETE FROM events WHERE seq > 30"), 0, "a store as of an older backup");
	is_int(sql("UPDATE journals SET head_seq = 30, stored_seq = 30, judged_seq = 0, "
		   "rows_stored = 30"),
	       0, "which knows only so much");
	cut();
	ok(node_append(&node, 5), "the next records");
	goes_on("a restored backup");
}

static void test_stopped(void)
{
	char out[64] = "", path[300];
	FILE *f;
	int pid = 0;

	snprintf(path, sizeof(path), "%.*s/pid", (int)(strrchr(server.sock, '/') - server.sock),
		 server.sock);
	f = fopen(path, "re");
	if (f && fgets(out, sizeof(out), f))
		pid = (int)strtol(out, NULL, 10);
	if (f)
		fclose(f);
	if (!ok(pid > 1, "the server's pid"))
		return;
	ok(node_append(&node, 20), "the journal takes what happens");
	kill(pid, SIGSTOP);
	ok(store_fault(step_all()) == STORE_RETRY,
	   "a server that stands still is left after the timeout");
	kill(pid, SIGCONT);
	goes_on("that");
}

int main(void)
{
	char uri[300];

	if (mdb_start(&server, NULL))
		tap_skip_all(server.why);
	snprintf(uri, sizeof(uri), "mysql://ajar@localhost/ajar?socket=%s&timeout=1", server.sock);
	is_int(store_open(uri, STORE_CREATE, &store, NULL), 0, "the store opens");
	if (!node_open(&node, "n1") || node_ship(&node, store, &ship))
		return 1;
	ok(node_append(&node, 40), "some records");
	goes_on("nothing");
	refused("SET GLOBAL read_only = 1", "SET GLOBAL read_only = 0", STORE_RETRY, "read-only",
		"a server that becomes read-only");
	refused("RENAME TABLE events TO events_away", "RENAME TABLE events_away TO events",
		STORE_STOP, "ajar db migrate", "a store without its table");
	test_quarantine();
	test_stopped();
	test_restored();
	ship_free(ship);
	store_free(store);
	node_done(&node);
	mdb_stop(&server);
	return tap_done();
}
