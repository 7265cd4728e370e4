/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <time.h>

#include "store/conformance.h"
#include "store/judging.h"
#include "store/overview.h"
#include "store/scan_changes.h"
#include "view/metrics.h"
#include "web/state.h"

/*
 * Accounts with the rights that store_grant() gives them, each logged in to a real server and
 * trying what it must not do. What the server says matters: refused for the right reason, not for a
 * slip in the statement.
 */
#define DENIED 1142 /* on a table or view */
#define DENIED_COLUMN 1143
#define NO_DB 1044 /* on the whole database */
#define BOUND 1369 /* the view's check */
#define PROCEDURE 1370
#define NEEDS_PRIVILEGE 1227
#define SIGNALLED 1644

#define ROW(node, boot, seq, received)                                                             \
	"(node_id, boot_seq, seq, happened_ns, recorded_ns, received_ns, day, kind, origin, "      \
	"record, chain) SELECT " node ", " boot ", " seq ", 86400000000000, 1, " received          \
	", 1, 1, 1, 'x', repeat('c', 32)"
#define NOW "unix_timestamp() * 1000000000"

static struct store *owner;
static char db[16];

static MYSQL *login(const char *user, const char *password)
{
	const unsigned sock = MYSQL_PROTOCOL_SOCKET, on = 1;
	MYSQL *c = mysql_init(NULL);

	mysql_options(c, MYSQL_OPT_PROTOCOL, &sock);
	mysql_options(c, MYSQL_OPT_LOCAL_INFILE, &on);
	if (mysql_real_connect(c, "localhost", user, password, db, 0, server.sock, 0))
		return c;
	printf("# %s: %s\n", user, mysql_error(c));
	mysql_close(c);
	return NULL;
}

/* The server's error number for a statement; 0: it did it. */
static unsigned tries(MYSQL *c, const char *sql)
{
	MYSQL_RES *res;

	if (mysql_real_query(c, sql, strlen(sql)))
		return mysql_errno(c);
	do {
		res = mysql_store_result(c);
		mysql_free_result(res);
	} while (!mysql_next_result(c));
	return 0;
}

static void refused(MYSQL *c, const char *sql, unsigned want, const char *what)
{
	unsigned got = tries(c, sql);

	/* MySQL names the first column that may not be changed, MariaDB the table. */
	if (got == DENIED_COLUMN && want == DENIED)
		got = DENIED;
	if (!ok(got == want, "%s (%u)", what, want))
		printf("#   got %u %s\n#   for %s\n", got, mysql_error(c), sql);
}

static void grant(enum store_role role, const char *user, const char *node)
{
	const struct store_grant g = {
		.role = role, .login = user, .from = "localhost", .node = node, .password = "secret"
	};

	is_int(store_grant(owner, &g, false, NULL, NULL), 0, "an account for %s", user);
}

static long long number(const char *sql)
{
	char out[64];

	return mdb_sql(&server, db, sql, out, sizeof(out)) ? -1 : strtoll(out, NULL, 10);
}

/* --- a node -------------------------------------------------------------------------------------------- */

static const struct {
	const char *sql;
	unsigned want;
	const char *what;
} node_tries[] = {
	{ "SELECT * FROM events", DENIED, "reading events" },
	{ "SELECT * FROM own_events", DENIED, "reading through the view it writes to" },
	{ "SELECT * FROM nodes", DENIED, "reading nodes" },
	{ "SELECT * FROM settings", DENIED, "reading settings" },
	{ "SELECT * FROM v_timeline", DENIED, "reading a report" },
	{ "SELECT * FROM executables", DENIED, "reading executables" },
	{ "INSERT INTO executables (node_id) VALUES (1)", DENIED, "an executable by hand" },
	{ "SELECT * FROM node_logins", DENIED, "reading who is bound to what" },
	{ "INSERT INTO events " ROW("1", "9", "1", NOW), DENIED, "INSERT into the table" },
	{ "INSERT INTO own_events " ROW("2", "9", "1", NOW), BOUND, "another node's row" },
	{ "INSERT IGNORE INTO own_events " ROW("2", "9", "2", NOW), 0,
	  "the same with IGNORE is passed over" },
	{ "INSERT INTO own_events " ROW("2", "1", "1", NOW) " ON DUPLICATE KEY UPDATE seq = 77",
	  DENIED, "ON DUPLICATE KEY UPDATE" },
	{ "REPLACE INTO own_events " ROW("1", "1", "1", NOW), DENIED, "REPLACE" },
	{ "INSERT INTO own_events " ROW("1", "9", "3", "5"), BOUND, "a row received long ago" },
	{ "UPDATE own_events SET seq = 99", DENIED, "UPDATE" },
	{ "DELETE FROM own_events", DENIED, "DELETE" },
	{ "DELETE e FROM own_events e JOIN own_boots b ON b.boot_seq = e.boot_seq", DENIED,
	  "a DELETE over two" },
	{ "UPDATE own_boots b, own_digests d SET b.head_seq = 0", DENIED, "an UPDATE over two" },
	{ "UPDATE own_health SET accepted_ns = 1", DENIED, "accepting itself" },
	{ "INSERT INTO own_boots (boot_seq) VALUES (9)", DENIED, "a boot by hand" },
	{ "TRUNCATE events", DENIED, "TRUNCATE" },
	{ "DROP TABLE events", DENIED, "DROP" },
	{ "DROP VIEW own_events", DENIED, "DROP of its view" },
	{ "ALTER TABLE events ADD COLUMN x INT", DENIED, "ALTER" },
	{ "CREATE TABLE mine (x INT)", DENIED, "CREATE TABLE" },
	{ "CREATE OR REPLACE VIEW own_events AS SELECT 1 AS x", DENIED, "its view made anew" },
	{ "ALTER SQL SECURITY INVOKER VIEW own_events AS SELECT * FROM events", DENIED,
	  "its view changed" },
	{ "SHOW CREATE VIEW own_events", DENIED, "SHOW CREATE" },
	{ "SHOW CREATE TABLE events", DENIED, "SHOW CREATE of the table" },
	{ "CREATE PROCEDURE mine() SELECT 1", NO_DB, "a procedure of its own" },
	{ "DROP PROCEDURE own_begin", PROCEDURE, "DROP PROCEDURE" },
	{ "CALL own_login('compute', @x)", PROCEDURE, "the inner procedure" },
	{ "CALL retention_events(1, 1, 1)", PROCEDURE, "retention" },
	{ "CALL retention_alert(1)", PROCEDURE, "retention of alerts" },
	{ "GRANT SELECT ON own_boots TO n2@localhost", DENIED, "GRANT" },
	{ "ALTER USER n2@localhost IDENTIFIED BY 'x'", NEEDS_PRIVILEGE, "another's password" },
	{ "LOCK TABLES own_events WRITE", NO_DB, "LOCK TABLES" },
};

static void test_node(void)
{
	MYSQL *c = login("n1", "secret");
	char file[] = "/tmp/ajar-load-XXXXXX", sql[300];
	int fd = mkstemp(file);
	unsigned boots;

	if (!ok(c, "a node logs in"))
		return;
	is_int(tries(c, "CALL own_begin(1, 'compute')"), 0, "its own boot");
	is_int(tries(c, "INSERT INTO own_events " ROW("(SELECT DISTINCT node_id FROM own_boots)",
						      "1", "1", NOW)),
	       0, "its own row");
	is_int(number("SELECT count(*) FROM events"), 3, "is there beside the two of before");
	for (size_t i = 0; i < array_len(node_tries); i++)
		refused(c, node_tries[i].sql, node_tries[i].want, node_tries[i].what);
	is_int(tries(c, "CALL own_begin(1, 'mine')"), 0, "it says another class");
	is_int(number("SELECT count(*) FROM nodes WHERE name = 'n1' AND host_type = 'mine'"), 1,
	       "which counts");
	is_int(tries(c, "CALL own_begin(1, 'compute')"), 0, "and another at once");
	is_int(number("SELECT count(*) FROM nodes WHERE name = 'n1' AND host_type = 'mine'"), 1,
	       "which does not: once an hour will do");
	is_int(tries(c, "SET timestamp = 1000000"), 0, "a session may set its NOW()");
	refused(c, "INSERT INTO own_events " ROW("1", "9", "4", NOW), BOUND,
		"which does not make a row old");
	dprintf(fd, "2\t9\t7\t86400000000000\t1\t%lld000000000\t1\t1\t1\tx\t%032d\n",
		(long long)time(NULL), 0);
	snprintf(sql, sizeof(sql),
		 "LOAD DATA LOCAL INFILE '%s' INTO TABLE own_events (node_id, boot_seq, seq, "
		 "happened_ns, recorded_ns, received_ns, day, kind, origin, record, chain)",
		 file);
	tries(c, sql); /* refused, or each row passed over: by the server's version */
	is_int(number("SELECT count(*) FROM events WHERE boot_seq = 9"), 0,
	       "nothing of all that is there, nor by LOAD DATA");
	is_int(number("SELECT count(*) FROM events"), 3, "and nothing is gone");
	is_int(tries(c, "CALL own_begin(70, 'compute')"), 0, "another boot of its own");
	refused(c, "CALL own_end(70, 1, 9223372036854775806, 1)", 1644, "of which it says much");
	is_int(number("SELECT stored_seq FROM journals WHERE boot_seq = 70"), 0,
	       "what the rows do not show is not believed");
	for (boots = 0; boots < 400; boots++) {
		snprintf(sql, sizeof(sql), "CALL own_begin(%u, 'compute')", 100 + boots);
		if (tries(c, sql))
			break;
	}
	is_int(mysql_errno(c), 1226, "boots of which nothing comes are few");
	ok(boots > 200 && boots < 256, "as many as may wait to be judged (%u)", boots);
	is_int(tries(c, "CALL own_begin(70, 'compute')"), 0, "those that are there go on");
	mysql_close(c);
	close(fd);
	unlink(file);
}

#define EXECUTABLE(hash, state, uid, path)                                                         \
	"CALL own_executable('compute', unhex(sha2('" hash "', 256)), repeat('d', 32), '" path     \
	"', " state ", 1, '', '', " uid ", 1, 18446744073709551615, 3, 18446744073709551615)"

/* What a node says of its files is its own, held to what a row may be, and so many rows. */
static void test_executables(void)
{
	MYSQL *c = login("n1", "secret");
	char sql[400];
	unsigned failed = 0;

	if (!ok(c, "a node logs in"))
		return;
	is_int(tries(c, EXECUTABLE("root", "1", "0", "/usr/bin/root")), 0, "one of its files");
	is_int(tries(c, EXECUTABLE("root", "2", "0", "/usr/bin/root")), 0, "once more");
	is_int(number("SELECT count(*) FROM executables e JOIN nodes n ON n.id = e.node_id WHERE "
		      "n.name = 'n1' AND e.state = 2 AND e.last_ns > e.first_ns"),
	       1, "is one row, of that node");
	is_int(number("SELECT max(inode) FROM executables"), INT64_MAX, "no number is too large");
	refused(c, EXECUTABLE("a", "10", "0", "/a"), SIGNALLED, "a state that there is not");
	refused(c, EXECUTABLE("a", "0", "0", "/a"), SIGNALLED, "none");
	refused(c, EXECUTABLE("a", "1", "0", ""), SIGNALLED, "nor a path");
	for (unsigned i = 0; i < 1200; i++) {
		snprintf(sql, sizeof(sql), EXECUTABLE("%u", "1", "1000", "/home/%u"), i, i);
		failed += tries(c, sql) != 0;
	}
	is_int(failed, 0, "a user has many programs");
	is_int(number("SELECT count(*) FROM executables"), 1024, "so many are kept");
	is_int(number("SELECT count(*) FROM executables WHERE path = '/home/1199'"), 1,
	       "those told last");
	is_int(number("SELECT count(*) FROM executables WHERE file_uid = 0"), 1, "and root's");
	mysql_close(c);
}

static void test_other_node(void)
{
	_cleanup_(store_freep) struct store *s = NULL;
	struct event ev = open_event(22, 7, T0);
	struct batch b = { .len = 0 };
	char where[400];
	size_t n;

	snprintf(where, sizeof(where), "mysql://n1@localhost/%s?socket=%s", db, server.sock);
	setenv("AJAR_STORE_PASSWORD", "secret", 1);
	is_int(store_open(where, STORE_CREATE, &s, NULL), 0, "n1 opens the store");
	add(&b, 1, 2, &ev);
	is_int(store_put_events(s, "n2", "compute", b.rows, 1, &n), -EPERM,
	       "as n2 it can put nothing");
	ok(strstr(store_why(s), "bound to the node 'n1'"), "and is told why");
	is_int(store_put_events(s, "n1", "compute", b.rows, 1, &n), 0, "as itself it can");
	is_int(store_revoke(owner, ACCOUNT_NODE, "n1", false, NULL), 0, "it is revoked");
	b.rows[0].seq = 3;
	is_int(store_put_events(s, "n1", "compute", b.rows, 1, &n), -EPERM,
	       "at its next statement it can do nothing more, logged in as it is");
	is_int(number("SELECT count(*) FROM events WHERE seq = 3"), 0, "nothing came");
	store_free(s);
	s = NULL;
	is_int(store_open(where, STORE_CREATE, &s, NULL), -EACCES, "nor does it come in");
	unsetenv("AJAR_STORE_PASSWORD");
	clear(&b);
}

static int no_event(const struct store_event_row *row, void *arg)
{
	(void)row;
	(void)arg;
	return 0;
}

/* How often anybody had to wait for a row. */
static long long waits(void)
{
	return number("SELECT variable_value FROM information_schema.global_status WHERE "
		      "variable_name = 'INNODB_ROW_LOCK_WAITS'");
}

/* A node that holds its own rows: who judges goes on with the others, and waits for nothing. */
static void test_held_rows(void)
{
	const struct store_event_query q = { .node = "n2", .boot_seq = 1 };
	MYSQL *c = login("n2", "secret");
	long long before = waits();

	if (!ok(c, "n2 logs in"))
		return;
	is_int(tries(c, "START TRANSACTION"), 0, "it begins what it does not end");
	is_int(tries(c, "CALL own_begin(1, 'compute')"), 0, "with its boot");
	is_int(store_begin(owner), 0, "somebody judges");
	is_int(store_events(owner, &q, no_event, NULL), -STORE_E_UNDONE, "but not that boot");
	store_rollback(owner);
	is_int(tries(c, "ROLLBACK"), 0, "it lets go");
	is_int(tries(c, "START TRANSACTION"), 0, "and begins again");
	is_int(tries(c, "CALL own_report('compute', 0, repeat('i', 16), repeat('s', 8), "
			"repeat('m', 16), 'h', '', '1', 1, 1, 0, 'A', 1, '', 1, 1, repeat('c', "
			"32), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)"),
	       0, "with a report");
	is_int(store_judge_refused(owner, "n2", 1, 1), -STORE_E_UNDONE,
	       "that a record of it cannot be read is not counted either");
	is_int(tries(c, "ROLLBACK"), 0, "it lets go");
	is_int(store_judge_refused(owner, "n2", 1, 1), 0, "and then it is");
	is_int(waits() - before, 0, "and nobody has waited for it");
	mysql_close(c);
}

#define REPORT(installation)                                                                       \
	"CALL own_report('compute', 60000000000, repeat('" installation "', 16), repeat('s', 8), " \
	"repeat('m', 16), 'h', '', '1', 1, 1, 0, 'A', 1, '', 1, 1, repeat('c', 32), 0, 0, 0, 0, "  \
	"0, 0, 0, 0, 0, 0, 0, 0, 0)"
#define STANDING(n)                                                                                \
	"SELECT count(*) FROM node_health WHERE standing = " #n " AND node_id = "                  \
	"(SELECT id FROM nodes WHERE name = 'n2')"

/* A transaction that has read before another installation reported, and reports after it. */
static void test_old_snapshot(void)
{
	MYSQL *old = login("n2", "secret"), *other = login("n2", "secret");
	unsigned said;

	if (!ok(old && other, "n2 logs in twice"))
		goto out;
	is_int(tries(old, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"), 0,
	       "one reads what was");
	is_int(tries(old, "START TRANSACTION WITH CONSISTENT SNAPSHOT"), 0, "from here on");
	is_int(number(STANDING(1)), 0, "where no installation is the current one");
	is_int(tries(other, REPORT("b")), 0, "another installation reports");
	is_int(number(STANDING(1)), 1, "and is the current one");
	/* A server may also refuse who has read what is no longer so (innodb_snapshot_isolation). */
	said = tries(old, REPORT("a"));
	ok(!said || said == 1020, "the first reports (%u)", said);
	is_int(tries(old, "COMMIT"), 0, "and is done");
	is_int(number(STANDING(1)), 1, "there is one current installation still");
	is_int(number(STANDING(1) " AND installation = repeat('b', 16)"), 1, "the same one");
	is_int(tries(old, REPORT("a")), 0, "the first reports once more");
	is_int(number(STANDING(2) " AND accepted_ns = 0"), 1, "and is refused");
	is_int(tries(other, REPORT("b")), 0, "the current one reports once more");
	is_int(number(STANDING(1) " AND accepted_ns <> 0"), 1, "and goes on as before");
	is_int(number("DELETE FROM node_health"), 0, "nobody has reported");
out:
	mysql_close(old);
	mysql_close(other);
}

/* --- the others ------------------------------------------------------------------------------------------ */

static int no_bucket(const struct store_histogram_row *row, void *arg)
{
	(void)row;
	(void)arg;
	return 0;
}

static int no_change(const struct store_alert_change *c, void *arg)
{
	(void)c;
	(void)arg;
	return 0;
}

static int no_scan(const struct store_scan_change *c, void *arg)
{
	(void)c;
	(void)arg;
	return 0;
}

/* What the page is made of can be read with that account. */
static void test_page(void)
{
	_cleanup_(state_freep) struct state *map = NULL, *then = NULL;
	_cleanup_(store_freep) struct store *s = NULL;
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 20);
	const struct metrics_opts metrics = { .silent_ns = 1 };
	const struct store_scan_change_query scans = { .newest_first = true };
	bool changed = false;
	char where[400];

	snprintf(where, sizeof(where), "mysql://web@localhost/%s?socket=%s", db, server.sock);
	setenv("AJAR_STORE_PASSWORD", "secret", 1);
	is_int(store_open(where, STORE_READONLY, &s, NULL), 0, "the page opens the store");
	unsetenv("AJAR_STORE_PASSWORD");
	is_int(state_new(UINT64_C(30000000000), NULL, &map), 0, "there is a map");
	is_int(state_refresh(map, s, &changed), 0, "which it may read (%s)", store_why(s));
	ok(changed && state_version(map) == 1, "and that is its first version");
	is_int(view_metrics(s, &metrics, &b), 0, "so are the metrics (%s)", store_why(s));
	is_int(store_histogram(s, 0, 1000000000, 10, no_bucket, NULL), 0, "and the histogram (%s)",
	       store_why(s));
	is_int(state_at(s, NULL, 1, &then), 0, "and the map of then (%s)", store_why(s));
	is_int(store_alert_changes_back(s, 0, 0, no_change, NULL), 0, "and what alerts were (%s)",
	       store_why(s));
	is_int(store_scan_changes(s, &scans, no_scan, NULL), 0, "and what scans saw (%s)",
	       store_why(s));
	ok(store_notifier_fd(s) >= 0, "and it hears of changes");
}

static void test_web(void)
{
	MYSQL *c = login("web", "secret");

	if (!ok(c, "the web's account logs in"))
		return;
	is_int(tries(c, "SELECT * FROM v_timeline"), 0, "it reads the timeline");
	is_int(tries(c, "SELECT * FROM v_open_doors"), 0, "and the doors");
	is_int(tries(c, "SELECT * FROM events"), 0, "and what they come from");
	refused(c, "SELECT * FROM accounts", DENIED, "the accounts it does not read");
	refused(c, "SELECT * FROM node_logins", DENIED, "nor which node is whose");
	refused(c, "INSERT INTO alert_log (alert_id) VALUES (1)", DENIED, "it decides nothing");
	refused(c, "UPDATE alerts SET state = 5", DENIED, "and resolves nothing");
	refused(c, "DELETE FROM doors", DENIED, "and deletes nothing");
	refused(c, "UPDATE v_alerts SET summary = 'x'", DENIED, "it changes nothing");
	refused(c, "INSERT INTO open_ports (port, host_type) VALUES (1, 'x')", DENIED,
		"and allows nothing");
	refused(c, "CALL own_begin(1, 'x')", PROCEDURE, "it is no node");
	is_int(tries(c, "INSERT INTO requests (id, at_ns, login, login_role, verb, alerts, reason, "
			"ticket, until_ns) VALUES (7, 1, 'x', 'operator', 1, '1', '', '', 0)"),
	       0, "what people ask for it hands in");
	refused(c, "UPDATE requests SET state = 2", DENIED, "and does not answer");
	refused(c, "DELETE FROM requests", DENIED, "nor takes it back");
	mysql_close(c);
	test_page();
}

static void test_report(void)
{
	static const char *const views[] = { "v_open_doors", "v_alerts",      "v_timeline",
					     "v_nodes",	     "v_alert_nodes", "v_profiles" };
	MYSQL *c = login("grafana", "secret");
	char sql[80];

	if (!ok(c, "the account of reports logs in"))
		return;
	for (size_t i = 0; i < array_len(views); i++) {
		snprintf(sql, sizeof(sql), "SELECT * FROM %s", views[i]);
		is_int(tries(c, sql), 0, "it reads %s", views[i]);
	}
	refused(c, "SELECT * FROM events", DENIED, "but not what they come from");
	refused(c, "SELECT * FROM settings", DENIED, "nor the settings");
	refused(c, "SELECT * FROM accounts", DENIED, "nor who has an account");
	refused(c, "UPDATE v_alerts SET summary = 'x'", DENIED, "it changes nothing");
	refused(c, "DELETE FROM v_nodes", DENIED, "and deletes nothing");
	refused(c,
		"INSERT INTO requests (id, at_ns, login, login_role, verb, alerts, reason, ticket, "
		"until_ns) VALUES (8, 1, 'x', 'approver', 1, '1', '', '', 0)",
		DENIED, "and asks for nothing in somebody's name");
	refused(c, "CALL own_begin(1, 'x')", PROCEDURE, "it is no node");
	mysql_close(c);
}

static void test_monitor(void)
{
	_cleanup_(store_freep) struct store *s = NULL;
	struct store_prune q = { .before_ns = UINT64_MAX / 4, .limit = 10 };
	struct store_pruned pruned;
	MYSQL *c = login("mon", "secret");
	char where[400];

	if (!ok(c, "the monitor's account logs in"))
		return;
	refused(c, "DELETE FROM events", DENIED, "the monitor deletes no event");
	refused(c, "UPDATE events SET port = 1", DENIED, "and changes none");
	refused(c, "INSERT INTO events " ROW("1", "9", "1", NOW), DENIED, "and makes none");
	refused(c, "DELETE FROM alert_log", DENIED, "nor the history of an alert");
	refused(c, "UPDATE alert_log SET who = 'x'", DENIED, "that it does not rewrite either");
	refused(c, "UPDATE retention_limits SET min_age_ns = 0", DENIED, "nor the least age");
	refused(c, "UPDATE node_logins SET node = 'n9'", DENIED, "it binds no login");
	refused(c, "DROP TABLE doors", DENIED, "it has no DDL");
	refused(c, "CREATE TABLE mine (x INT)", DENIED, "none at all");
	refused(c, "ALTER TABLE doors ADD COLUMN x INT", DENIED, "none");
	refused(c, "CALL own_begin(1, 'x')", PROCEDURE, "it is no node");
	refused(c, "CALL retention_events(1, 1, 1)", SIGNALLED, "what was not judged stays");
	is_int(tries(c, "UPDATE journals SET judged_seq = stored_seq"), 0, "it judges");
	refused(c, "CALL retention_events(1, 1, 1)", SIGNALLED, "what is young stays");
	mysql_close(c);

	snprintf(where, sizeof(where), "mysql://mon@localhost/%s?socket=%s", db, server.sock);
	setenv("AJAR_STORE_PASSWORD", "secret", 1);
	is_int(store_open(where, STORE_CREATE, &s, NULL), 0, "a monitor opens the store");
	unsetenv("AJAR_STORE_PASSWORD");
	is_int(s ? store_prune(s, &q, &pruned) : -1, -EPERM, "and cannot prune what is young");
	is_int(number("UPDATE events SET received_ns = 1"), 0, "hours pass");
	is_int(s ? store_prune(s, &q, &pruned) : -1, 0, "what is old it can");
	is_int((long long)pruned.events, 3, "it goes");
}

static void whoami_is(const char *user, enum store_role role, const char *little, const char *much)
{
	struct buf too_little = BUF_INIT(8192), too_much = BUF_INIT(8192);
	_cleanup_(store_freep) struct store *s = NULL;
	struct store_whoami me;
	char where[400];

	snprintf(where, sizeof(where), "mysql://%s@localhost/%s?socket=%s", user, db, server.sock);
	setenv("AJAR_STORE_PASSWORD", "secret", 1);
	is_int(store_open(where, STORE_READONLY, &s, NULL), 0, "%s opens the store to read", user);
	unsetenv("AJAR_STORE_PASSWORD");
	buf_puts(&too_little, "");
	buf_puts(&too_much, "");
	is_int(s ? store_whoami(s, &me, &too_little, &too_much) : -1, 0, "%s asks who it is", user);
	is_int(me.role, role, "%s has its role", user);
	is_str(buf_str(&too_little), little, "%s lacks that", user);
	is_str(buf_str(&too_much), much, "%s has that beyond it", user);
	buf_done(&too_little);
	buf_done(&too_much);
}

static void test_whoami(void)
{
	static const enum store_role roles[] = { ACCOUNT_NODE, ACCOUNT_MONITOR, ACCOUNT_WEB,
						 ACCOUNT_RETENTION, ACCOUNT_REPORT };
	static const char *const users[] = { "n2", "mon", "web", "old", "grafana" };
	char sql[200];

	for (size_t i = 0; i < array_len(roles); i++)
		whoami_is(users[i], roles[i], "", "");
	snprintf(sql, sizeof(sql), "GRANT DELETE ON %s.events TO web@localhost", db);
	is_int(mdb_sql(&server, db, sql, NULL, 0), 0, "somebody grants too much");
	whoami_is("web", ACCOUNT_WEB, "", "DELETE on events");
	snprintf(sql, sizeof(sql), "REVOKE EXECUTE ON PROCEDURE %s.own_end FROM n2@localhost", db);
	is_int(mdb_sql(&server, db, sql, NULL, 0), 0, "and takes too much");
	whoami_is("n2", ACCOUNT_NODE, "EXECUTE on own_end", "");
	grant(ACCOUNT_WEB, "web", NULL);
	grant(ACCOUNT_NODE, "n2", "n2");
	whoami_is("web", ACCOUNT_WEB, "", "");
	whoami_is("n2", ACCOUNT_NODE, "", "");
}

/* A table that nobody has thought of when the rights were written down. */
static void test_every_table(void)
{
	is_int(number("SELECT count(*) FROM information_schema.tables t WHERE t.table_schema = "
		      "database() AND t.table_type = 'BASE TABLE' AND t.table_name NOT IN "
		      "('accounts', 'node_logins') AND NOT EXISTS (SELECT 1 FROM "
		      "information_schema.table_privileges p WHERE p.table_schema = database() AND "
		      "p.table_name = t.table_name AND p.privilege_type = 'SELECT' AND p.grantee = "
		      "'\\'mon\\'@\\'localhost\\'')"),
	       0, "each table has its line in mysql_rights.c");
}

static void test_odd_grants(void)
{
	struct store_grant g = {
		.role = ACCOUNT_WEB, .login = "root", .from = "localhost", .password = "x"
	};
	struct buf sql = BUF_INIT(1 << 16);
	char endless[300] = "";
	bool made = false;

	is_int(store_grant(owner, &g, false, NULL, NULL), -EEXIST,
	       "an account that is not ours is not touched");
	g.login = "x'; DROP";
	is_int(store_grant(owner, &g, false, NULL, NULL), -EINVAL, "a name that is SQL");
	ok(strstr(store_why(owner), "an account's name"), "is said to be the name");
	g.login = "w2";
	g.subject = "/CN=x' OR '1";
	is_int(store_grant(owner, &g, false, NULL, NULL), -EINVAL, "a subject that is SQL");
	g.subject = NULL;
	g.password = "a'b";
	is_int(store_grant(owner, &g, false, NULL, NULL), -EINVAL, "a password with a quote");
	ok(!strstr(store_why(owner), "a'b"), "is not shown");
	memset(endless, 'p', sizeof(endless) - 1);
	g.password = endless;
	is_int(store_grant(owner, &g, false, NULL, NULL), -EINVAL, "a password without end");
	ok(!strstr(store_why(owner), "ppp"), "nor is any part of it");
	g.password = NULL;
	is_int(store_grant(owner, &g, false, NULL, NULL), -EINVAL, "a new account needs one");
	g.password = "pw";
	is_int(store_grant(owner, &g, true, &sql, &made), 0, "a dry run");
	ok(strstr(buf_str(&sql), "CREATE USER 'w2'@'localhost' IDENTIFIED BY 'pw'"), "prints SQL");
	is_int(number("SELECT count(*) FROM accounts WHERE login = 'w2'"), 0, "and makes nothing");
	g = (struct store_grant){
		.role = ACCOUNT_NODE, .login = "other", .from = "%", .node = "n2", .password = "pw"
	};
	is_int(store_grant(owner, &g, false, NULL, NULL), -EEXIST, "a node has one login");
	is_int(store_revoke(owner, ACCOUNT_WEB, "nobody", false, NULL), -ENOENT,
	       "what was not granted is not revoked");
	buf_done(&sql);
}

int main(void)
{
	static const char *const more[] = { "--skip-networking", "--local-infile=1", NULL };
	static struct driver mysql = { "mariadb", NULL, false };
	struct event ev = open_event(22, 7, T0);

	drv = &mysql;
	if (mdb_start(&server, more))
		tap_skip_all(server.why);
	owner = fresh();
	if (!ok(owner, "the owner makes the store"))
		return tap_done();
	snprintf(db, sizeof(db), "c%u", server.databases);
	is_int(put_one(owner, "n1", 1, 9, &ev), 0, "a record of n1");
	is_int(put_one(owner, "n2", 1, 1, &ev), 0, "a record of n2");
	grant(ACCOUNT_NODE, "n1", "n1");
	grant(ACCOUNT_NODE, "n2", "n2");
	grant(ACCOUNT_MONITOR, "mon", NULL);
	grant(ACCOUNT_WEB, "web", NULL);
	grant(ACCOUNT_RETENTION, "old", NULL);
	grant(ACCOUNT_REPORT, "grafana", NULL);
	test_every_table();
	test_node();
	test_executables();
	test_other_node();
	test_held_rows();
	test_old_snapshot();
	test_web();
	test_report();
	test_monitor();
	test_whoami();
	test_odd_grants();
	store_free(owner);
	mdb_stop(&server);
	return tap_done();
}
