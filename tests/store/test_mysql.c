/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store/conformance.h"

/*
 * What only a server can do to us, beyond the suite that every driver passes: refuse, die, cut the
 * connection, be another one, and let two of us meet.
 */
static struct driver mysql = { "mariadb", NULL, false };

static void open_fails(const char *where, int want, const char *words, const char *what)
{
	_cleanup_(store_freep) struct store *s = NULL;
	_free_ char *why = NULL;
	int err = store_open(where, STORE_CREATE, &s, &why);

	is_int(err, want, "%s is refused", what);
	if (!ok(why && strstr(why, words), "and the reason has '%s'", words))
		printf("#   %s\n", why ? why : "(none)");
}

/* A statement in the database of the last fresh(). */
static int sql(const char *text)
{
	char db[16];

	snprintf(db, sizeof(db), "c%u", server.databases);
	return mdb_sql(&server, db, text, NULL, 0);
}

static long long number(const char *text)
{
	char db[16], out[64];

	snprintf(db, sizeof(db), "c%u", server.databases);
	if (mdb_sql(&server, db, text, out, sizeof(out)))
		return -1;
	return strtoll(out, NULL, 10);
}

/* Cuts every other connection to the database; one that is listed may have ended by itself meanwhile. */
static void cut(void)
{
	char kill[64];
	long long id;

	for (int i = 0; i < 5000; i++) {
		id = number("SELECT coalesce(min(id), 0) FROM information_schema.processlist WHERE "
			    "db = database() AND id <> connection_id()");
		if (id <= 0)
			return;
		snprintf(kill, sizeof(kill), "KILL CONNECTION %lld", id);
		if (sql(kill))
			poll(NULL, 0, 1);
	}
}

/* --- refusals ------------------------------------------------------------------------------------- */

static void test_refusals(void)
{
	struct store *s = fresh();
	char where[500], file[] = "/tmp/ajar-password-XXXXXX";
	int fd = mkstemp(file);

	ok(s, "a fresh store opens");
	snprintf(where, sizeof(where), "mysql://ajar@localhost/nowhere?socket=%s", server.sock);
	open_fails(where, -STORE_E_DATABASE, "CREATE DATABASE", "a database that is not there");
	open_fails("mysql://ajar@localhost/x?socket=/nowhere", -ECONNREFUSED,
		   "is the server running", "a server that is not there");
	is_int(sql("CREATE USER pw@localhost IDENTIFIED BY 'secret'"), 0,
	       "an account with a password");
	is_int(sql("GRANT ALL ON *.* TO pw@localhost"), 0, "that may do everything");
	snprintf(where, sizeof(where), "mysql://pw@localhost/c%u?socket=%s", server.databases,
		 server.sock);
	open_fails(where, -EACCES, "wrong user or password", "no password");
	setenv("AJAR_STORE_PASSWORD", "wrong", 1);
	open_fails(where, -EACCES, "wrong user or password", "a wrong password");
	setenv("AJAR_STORE_PASSWORD", "secret", 1);
	store_free(s);
	s = NULL;
	is_int(store_open(where, STORE_CREATE, &s, NULL), 0,
	       "the right one in the environment opens");
	unsetenv("AJAR_STORE_PASSWORD");
	store_free(s);
	s = NULL;
	snprintf(where, sizeof(where), "mysql://pw@localhost/c%u?socket=%s&password-file=%s",
		 server.databases, server.sock, file);
	ok(write(fd, "secret\n", 7) == 7 && !fchmod(fd, 0644), "a password in a file");
	open_fails(where, -EACCES, "chmod 600", "one that others can read");
	ok(!fchmod(fd, 0600), "chmod");
	is_int(store_open(where, 0, &s, NULL), 0, "one that only we can read opens");
	store_free(s);
	close(fd);
	unlink(file);

	is_int(sql("SET GLOBAL read_only = 1"), 0, "the server becomes read-only");
	open_fails(uri, -EROFS, "primary", "a replica");
	s = NULL;
	is_int(store_open(uri, STORE_READONLY, &s, NULL), 0, "but it can be read");
	ok(s && store_setting_set(s, "a", "b") == -EROFS, "and only read");
	store_free(s);
	is_int(sql("SET GLOBAL read_only = 0"), 0, "the server is writable again");

	snprintf(where, sizeof(where), "%s&cluster=%s", uri, "0123");
	open_fails(where, -STORE_E_FOREIGN, "another cluster",
		   "another cluster than the one asked for");
	is_int(mdb_fresh(&server, uri, sizeof(uri)), 0, "a database");
	open_fails("mysql://ajar@h/c?tls=off&socket=/x&colour=red", -EINVAL, "unknown key",
		   "a key nobody knows");
	is_int(sql("CREATE TABLE recipes (name TEXT)"), 0, "with tables");
	open_fails(uri, -STORE_E_FOREIGN, "another program", "another program's database");
}

static void test_schema(void)
{
	struct store *s = fresh();
	unsigned have = 0, want = 9;
	char where[500];

	is_int(store_schema(s, &have, &want), 0, "schema");
	ok(have == want && have > 0, "the schema is the newest");
	store_free(s);
	s = NULL;
	is_int(sql("INSERT INTO schema_migrations (number, name, sha256, applied_at, done) VALUES "
		   "(9999, 'x', 'y', 'z', 1)"),
	       0, "a newer ajar was here");
	open_fails(uri, -STORE_E_NEW, "newer", "its schema");
	is_int(sql("DELETE FROM schema_migrations WHERE number = 9999"), 0, "gone");
	is_int(sql("UPDATE schema_migrations SET sha256 = 'other' WHERE number = 1"), 0,
	       "another ajar was here");
	open_fails(uri, -STORE_E_ALTERED, "different ajar", "its schema");
	is_int(mdb_fresh(&server, where, sizeof(where)), 0, "an empty database");
	is_int(store_open(where, STORE_READONLY, &s, NULL), -STORE_E_OLD, "cannot be read");
}

/* --- migrations -------------------------------------------------------------------------------------- */

static void test_every_step_again(void)
{
	struct store *s = fresh();
	long long steps = number("SELECT steps FROM schema_migrations WHERE number = 1");
	char text[200];
	int bad = 0;

	store_free(s);
	ok(steps > 10, "the first migration has its steps");
	for (long long k = 0; k <= steps; k += getenv("AJAR_LONG") ? 1 : 6) {
		s = NULL;
		snprintf(text, sizeof(text), "DELETE FROM schema_migrations WHERE number > 1");
		bad += sql(text) != 0;
		snprintf(text, sizeof(text),
			 "UPDATE schema_migrations SET done = 0, steps = %lld WHERE number = 1", k);
		bad += sql(text) != 0;
		bad += store_open(uri, STORE_CREATE, &s, NULL) != 0;
		store_free(s);
	}
	is_int(bad, 0,
	       "a migration that stopped anywhere goes on, and what was done may be done again");
	is_int(number("SELECT count(*) FROM settings WHERE name IN ('profile_revision', "
		      "'cluster_uuid')"),
	       2, "the settings are there once");
}

static void test_killed_migration(void)
{
	int bad = 0;
	long long tables = 0;

	for (int round = 0; round < 12; round++) {
		struct store *s = NULL;
		pid_t pid;

		bad += mdb_fresh(&server, uri, sizeof(uri)) != 0;
		pid = fork();
		if (!pid) {
			_exit(store_open(uri, STORE_CREATE, &s, NULL) ? 1 : 0);
		}
		poll(NULL, 0, 5 * round);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		bad += store_open(uri, STORE_CREATE, &s, NULL) != 0;
		if (!round)
			tables = number("SELECT count(*) FROM information_schema.tables WHERE "
					"table_schema = database()");
		bad += tables != number("SELECT count(*) FROM information_schema.tables WHERE "
					"table_schema = database()");
		bad += s && store_setting_set(s, "a", "b");
		store_free(s);
	}
	is_int(bad, 0, "a migration killed at any moment is finished by the next");
}

static void test_two_migrators(void)
{
	pid_t pids[4];
	int status, bad = 0;

	is_int(mdb_fresh(&server, uri, sizeof(uri)), 0, "a fresh database");
	for (int i = 0; i < 4; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			struct store *s = NULL;
			_free_ char *why = NULL;
			int err = store_open(uri, STORE_CREATE, &s, &why);

			if (err)
				printf("# %d %s\n", err, why ? why : "");
			fflush(stdout);
			_exit(err ? 1 : 0);
		}
	}
	for (int i = 0; i < 4; i++)
		bad += waitpid(pids[i], &status, 0) < 0 || status;
	is_int(bad, 0, "four that migrate at once all get the schema");
	is_int(number("SELECT count(*) FROM schema_migrations WHERE done = 0"), 0,
	       "and none is left half done");
}

/* --- the connection -------------------------------------------------------------------------------- */

static void test_cut(void)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);
	struct event ev = open_event(22, 7, T0);
	struct store *s = fresh();
	char uuid[80];

	is_int(put_one(s, "n1", 1, 1, &ev), 0, "a record");
	cut();
	is_int(put_one(s, "n1", 1, 2, &ev), 0, "a connection cut while idle is made anew");
	is_int(store_begin(s), 0, "begin");
	is_int(put_one(s, "n1", 1, 3, &ev), 0, "a record in a transaction");
	cut();
	is_int(put_one(s, "n1", 1, 4, &ev), -ENOTCONN, "one cut in a transaction is reported");
	is_int(store_fault(-ENOTCONN), STORE_RETRY, "as one to try again");
	ok(store_commit(s), "and it is not committed");
	events_are(s, (struct store_event_query){ .node = "n1" }, "n1:1:1 n1:1:2 ",
		   "what was not committed is gone");
	is_int(put_one(s, "n1", 1, 3, &ev), 0, "and can be sent again");
	cut();
	ok(store_events(s, &(struct store_event_query){ 0 }, list_event, &b) < 0,
	   "a question over a cut line fails once");
	events_are(s, (struct store_event_query){ .node = "n1" }, "n1:1:1 n1:1:2 n1:1:3 ",
		   "and then works");
	is_int(number("SELECT count(*) FROM events"), 3, "each record is there once");

	cut();
	snprintf(uuid, sizeof(uuid),
		 "UPDATE settings SET value = 'other' WHERE name = 'cluster_uuid'");
	is_int(sql(uuid), 0, "behind our back the server becomes another one");
	is_int(put_one(s, "n1", 1, 4, &ev), -STORE_E_FOREIGN, "nothing is sent to another store");
	is_int(store_fault(-STORE_E_FOREIGN), STORE_STOP, "and a person must look");
	drop(s);
}

static void test_notifier(void)
{
	struct event ev = open_event(22, 7, T0);
	struct store *s = fresh(), *other = open_one();
	struct store_alert a = { .key = "k", .kind = FINDING_UNEXPECTED, .state = ALERT_OPEN };
	struct profile_row row = { .port = 22, .proto = PROTO_TCP };
	struct pollfd p = { .fd = store_notifier_fd(s), .events = POLLIN };

	is_int(poll(&p, 1, 2000), 1, "the notifier's timer");
	ok(!store_notifier_clear(s), "nothing has happened");
	is_int(put_one(other, "n1", 1, 1, &ev), 0, "an event");
	is_int(poll(&p, 1, 2000), 1, "the notifier's timer");
	ok(store_notifier_clear(s), "is news");
	poll(&p, 1, 2000);
	ok(store_notifier_clear(s), "as long as nobody has judged it");
	is_int(store_set_judged(other, "n1", 1, 0, 1), 0, "judged");
	poll(&p, 1, 2000);
	ok(!store_notifier_clear(s), "then no longer");
	is_int(put_one(other, "n1", 1, 2, &ev), 0, "another event");
	is_int(store_set_judged(other, "n1", 1, 1, 2), 0, "that is judged at once");
	poll(&p, 1, 2000);
	ok(store_notifier_clear(s), "is news too");
	poll(&p, 1, 2000);
	ok(!store_notifier_clear(s), "once");
	is_int(store_put_alert(other, &a, "x", "y", 1, NULL, NULL), 0, "an alert");
	poll(&p, 1, 2000);
	ok(store_notifier_clear(s), "is news");
	is_int(store_profile_add(other, "compute", &row, 1, true, T0, NULL), 0, "a profile");
	poll(&p, 1, 2000);
	ok(store_notifier_clear(s), "is news");
	poll(&p, 1, 2000);
	ok(!store_notifier_clear(s), "and that is all");
	store_free(other);
	drop(s);
}

/* --- many at once ------------------------------------------------------------------------------------- */

#define WRITERS 3
#define ROWS 300

/*
 * Its share of the numbers in a scrambled order, a few at a time; whatever fails is sent again as
 * it was.
 */
static int write_scrambled(int which)
{
	struct event ev = open_event(22, 7, T0);
	struct store *s = NULL;
	int err;

	/* The server may be dying just now: it tries again, as a role does. */
	for (int tries = 0; !s && tries < 600; tries++) {
		s = open_one();
		if (!s)
			poll(NULL, 0, 50);
	}
	err = s ? 0 : -EIO;
	for (uint64_t i = 0; !err && i < ROWS; i += 3) {
		struct batch b = { .len = 0 };
		size_t n;
		int tries = 0;

		/* 7 and ROWS * WRITERS have no common divisor but 1: each number comes once. */
		for (uint64_t k = i; k < i + 3; k++)
			add(&b, 1, 1 + ((uint64_t)which * ROWS + k) * 7 % (ROWS * WRITERS), &ev);
		do {
			err = store_put_events(s, "n1", "compute", b.rows, b.len, &n);
			if (err && store_fault(err) == STORE_RETRY)
				poll(NULL, 0, 50);
		} while (err && store_fault(err) == STORE_RETRY && ++tries < 600);
		if (err)
			printf("# writer: %d %s\n", err, store_why(s));
		clear(&b);
	}
	fflush(stdout);
	store_free(s);
	return err ? 1 : 0;
}

struct judged {
	bool seen[ROWS * WRITERS + 1];
	uint64_t last;
};

static int judge_one(const struct store_event_row *row, void *arg)
{
	struct judged *j = arg;

	j->seen[row->raw.seq] = true;
	j->last = row->raw.seq;
	return 0;
}

static int first_pending(const struct store_pending *p, void *arg)
{
	*(uint64_t *)arg = p->judged_seq;
	return 1;
}

/* One step of a monitor. 1: there was something; 0: nothing. */
static int judge_some(struct store *s, struct judged *j)
{
	struct store_event_query q = { .node = "n1", .boot_seq = 1, .limit = 50 };
	struct judged mine = *j;
	int ret = store_pending(s, first_pending, &q.after_seq), err;

	if (ret != 1)
		return ret;
	mine.last = q.after_seq;
	err = store_begin(s);
	if (!err)
		err = store_events(s, &q, judge_one, &mine);
	if (!err)
		err = store_set_judged(s, "n1", 1, q.after_seq, mine.last);
	if (!err)
		err = store_commit(s);
	if (err)
		store_rollback(s);
	else
		*j = mine;
	return err ? err : 1;
}

static void test_late_records(bool with_kills)
{
	struct store *s = fresh();
	struct judged j = { .last = 0 };
	pid_t pids[WRITERS];
	int left = WRITERS, bad = 0, status, missing = 0, kills = with_kills ? 3 : 0;
	unsigned steps = 0;

	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(write_scrambled(i));
	}
	while (left || judge_some(s, &j)) {
		int err = judge_some(s, &j);

		if (err < 0 && err != -ECANCELED && store_fault(err) != STORE_RETRY)
			bad++;
		if (err <= 0)
			poll(NULL, 0, 1);
		if (kills && ++steps % 40 == 0) {
			kill(server.pid, SIGUSR1);
			bad += mdb_wait(&server, "dead") != 0;
			kill(server.pid, SIGUSR2);
			bad += mdb_wait(&server, "ready") != 0;
			kills--;
		}
		for (int i = 0; i < WRITERS; i++) {
			if (pids[i] && waitpid(pids[i], &status, WNOHANG) == pids[i]) {
				pids[i] = 0;
				left--;
				bad += status != 0;
			}
		}
	}
	for (int i = 1; i <= ROWS * WRITERS; i++)
		missing += !j.seen[i];
	is_int(bad, 0, "three write a boot in any order, one judges%s",
	       with_kills ? ", the server dies three times" : "");
	is_int(missing, 0, "every record was judged, however late it came");
	is_int((long long)head_of(s, "n1", 1), ROWS * WRITERS, "the store has all of them");
	is_int(number("SELECT count(*) FROM events"), ROWS * WRITERS, "each once");
	is_int(number("SELECT event_count FROM nodes"), ROWS * WRITERS, "and counted once");
	pending_is(s, "", "nothing is left to judge");
	drop(s);
}

/*
 * Two that change the same rows the other way round: one is undone by the server, and does it again
 * by itself.
 */
static int write_settings(int which)
{
	struct store *s = open_one();
	char name[16];
	int err = s ? 0 : -EIO;

	for (int i = 0; !err && i < 100; i++) {
		int tries = 0;

		do {
			err = store_begin(s);
			for (int k = 0; !err && k < 2; k++) {
				snprintf(name, sizeof(name), "s%d", k ^ which);
				err = store_setting_set(s, name, i % 2 ? "a" : "b");
			}
			err = err ? err : store_commit(s);
			if (err)
				store_rollback(s);
		} while (err == -STORE_E_UNDONE && ++tries < 100);
	}
	if (err)
		printf("# %d %s\n", err, s ? store_why(s) : "");
	fflush(stdout);
	store_free(s);
	return err ? 1 : 0;
}

static void test_deadlock(void)
{
	struct store *s = fresh();
	pid_t pids[2];
	int status, bad = 0;

	is_int(store_setting_set(s, "s0", "x") || store_setting_set(s, "s1", "x"), 0, "two rows");
	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(write_settings(i));
	}
	for (int i = 0; i < 2; i++)
		bad += waitpid(pids[i], &status, 0) < 0 || status;
	is_int(bad, 0, "two that lock each other out get through, as -STORE_E_UNDONE says to do");
	drop(s);
}

/* A sink reads alert_log behind the last number it had: none may be committed behind its back. */
static void test_log_order(void)
{
	struct store *s = fresh();
	struct store_alert a = { .key = "first", .kind = FINDING_UNEXPECTED, .state = ALERT_OPEN };
	uint64_t id, first = 0, second = 0;
	int fds[2], status = -1;
	struct pollfd p = { .events = POLLIN };
	pid_t pid;

	is_int(store_begin(s), 0, "one begins");
	is_int(store_put_alert(s, &a, "x", "", 1, &id, &first), 0, "and writes an alert");
	if (pipe(fds))
		return;
	p.fd = fds[0];
	pid = fork();
	if (!pid) {
		struct store *other = open_one();
		int err;

		a.key = "second";
		err = store_put_alert(other, &a, "x", "", 1, &id, &second);
		_exit(err || write(fds[1], &second, sizeof(second)) != sizeof(second));
	}
	is_int(poll(&p, 1, 300), 0, "another one waits for its commit");
	is_int(store_commit(s), 0, "commit");
	is_int(poll(&p, 1, 20000), 1, "and goes on then");
	ok(read(fds[0], &second, sizeof(second)) == sizeof(second) && second > first,
	   "with a higher number");
	waitpid(pid, &status, 0);
	is_int(status, 0, "and ends well");
	close(fds[0]);
	close(fds[1]);
	drop(s);
}

/* --- odd values ------------------------------------------------------------------------------------------ */

static void test_odd_values(void)
{
	struct event lost = { .kind = EVENT_LOST, .time_ns = UINT64_MAX, .count = UINT64_MAX };
	struct event gap = { .kind = EVENT_GAP,
			     .time_ns = T0,
			     .from_seq = 1,
			     .to_seq = UINT64_MAX,
			     .count = UINT64_MAX };
	struct event ev = open_event(UINT32_MAX, UINT64_MAX, 0);
	static char long_text[15000];
	struct store *s = fresh();
	struct store_event_query all = { 0 };

	memset(long_text, 0x1b, sizeof(long_text));
	ev.door.netns_cookie = UINT64_MAX;
	ev.opener.argv = (struct text){ long_text, sizeof(long_text) };
	is_int(put_one(s, "n1", UINT32_MAX, 1, &lost), 0, "a count and a time without bounds");
	is_int(put_one(s, "n1", UINT32_MAX, 2, &lost), 0, "twice");
	is_int(put_one(s, "n1", UINT32_MAX, 3, &gap), 0, "a gap without end");
	is_int(put_one(s, "n1", UINT32_MAX, INT64_MAX, &ev), 0,
	       "the biggest numbers and a long text of control characters");
	events_are(s, all,
		   "n1:4294967295:9223372036854775807 n1:4294967295:3 n1:4294967295:1 "
		   "n1:4294967295:2 ",
		   "all come back, whatever their time");
	is_int(put_one(s, "n1 ", 1, 1, &ev), -EINVAL,
	       "a name that ends with a blank would be another's");
	is_int(number("SELECT count(*) FROM v_timeline"), 4, "the views take them");
	is_int(number("SELECT count(*) FROM v_open_doors") +
		       number("SELECT count(*) FROM v_alerts"),
	       0, "all of them");
	is_int(number("SELECT count(*) FROM v_nodes WHERE class = 'compute'"), 1,
	       "a node in its view");
	is_int(sql("INSERT INTO open_ports (port, protocol, service, host_type) VALUES (443, "
		   "'TCP', 'https', 'web')"),
	       0, "four columns are a profile entry");
	ok(sql("INSERT INTO open_ports (port, protocol, service, host_type) VALUES (443, 'tcp', "
	       "'https', 'web')"),
	   "which is there once");
	is_int(number("SELECT accepted_ns > 0 FROM host_types WHERE name = 'web'"), 1,
	       "and a person's word");
	drop(s);
}

int main(void)
{
	drv = &mysql;
	if (mdb_start(&server, NULL))
		tap_skip_all(server.why);
	test_refusals();
	test_schema();
	test_every_step_again();
	test_killed_migration();
	test_two_migrators();
	test_cut();
	test_notifier();
	test_deadlock();
	test_log_order();
	test_odd_values();
	test_late_records(false);
	test_late_records(true);
	mdb_stop(&server);
	return tap_done();
}
