/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "plan.h"
#include "fixtures.h"
#include "store/scan_changes.h"
#include "store/migrate.h"
#include "store/sql.h"
#include "store/store.h"
#include "tap.h"

/*
 * What only the embedded store has: files, migrations, SQL that people write, plans of the queries.
 */

#define T0 UINT64_C(1728000000000000000)
#define NOBODY 65534

static char dir[200], path[240];

static void fresh_dir(void)
{
	snprintf(dir, sizeof(dir), "/tmp/ajar-sqlite-XXXXXX");
	if (!mkdtemp(dir))
		exit(1);
	snprintf(path, sizeof(path), "%s/store.db", dir);
}

static void drop_dir(void)
{
	static const char *const files[] = { "store.db", "store.db-wal", "store.db-shm", "bell",
					     "fill" };
	char file[400];

	for (size_t i = 0; i < array_len(files); i++) {
		snprintf(file, sizeof(file), "%s/%s", dir, files[i]);
		unlink(file);
	}
	rmdir(dir);
}

static struct store *open_ok(unsigned flags)
{
	struct store *s = NULL;
	char *why = NULL;

	ok(!store_open(path, flags, &s, &why), "the store opens");
	if (why)
		printf("# %s\n", why);
	free(why);
	return s;
}

static void open_fails(const char *uri, unsigned flags, int want, const char *words,
		       const char *what)
{
	struct store *s = NULL;
	char *why = NULL;

	is_int(store_open(uri, flags, &s, &why), want, "%s", what);
	ok(why && strstr(why, words), "and says: %s", why ? why : "(nothing)");
	free(why);
	store_free(s);
}

static void sql(const char *text)
{
	sqlite3 *db;
	char *words = NULL;

	if (sqlite3_open(path, &db) || sqlite3_exec(db, text, NULL, NULL, &words))
		ok(false, "%s: %s", text, words ? words : sqlite3_errmsg(db));
	sqlite3_free(words);
	sqlite3_close(db);
}

/* The first column of the first row. */
static void sql_is(const char *text, const char *want, const char *what)
{
	sqlite3_stmt *st = NULL;
	sqlite3 *db;

	if (sqlite3_open(path, &db) || sqlite3_prepare_v2(db, text, -1, &st, NULL) ||
	    sqlite3_step(st) != SQLITE_ROW)
		ok(false, "%s: %s", what, sqlite3_errmsg(db));
	else
		is_str((const char *)sqlite3_column_text(st, 0), want, "%s", what);
	sqlite3_finalize(st);
	sqlite3_close(db);
}

/* Its name is no UTF-8, and its program is not known. */
static struct event open_event(uint32_t port, uint64_t cookie)
{
	struct event ev = fixture_event(EVENT_OPEN, cookie, port, T0 + cookie);

	ev.door.family = FAMILY_INET6;
	memcpy(ev.opener.comm,
	       "n\xff"
	       "c",
	       sizeof("n.c"));
	ev.opener.exe = ev.opener.user = (struct text){ 0 };
	return ev;
}

static int put(struct store *s, uint64_t from, size_t n)
{
	static struct store_event rows[STORE_BATCH_MAX];
	struct buf b = BUF_INIT(EVENT_RECORD_MAX * STORE_BATCH_MAX);
	struct event ev = open_event(4444, from);
	size_t len, new_rows;
	int err;

	event_encode(&ev, &b);
	len = b.len;
	for (size_t i = 0; i < n; i++)
		rows[i] = (struct store_event){ .boot_seq = 1,
						.seq = from + i,
						.recorded_ns = T0,
						.received_ns = T0,
						.record = { b.data, (uint32_t)len } };
	err = store_put_events(s, "n1", "compute", rows, n, &new_rows);
	buf_done(&b);
	return err;
}

static uint64_t head(struct store *s)
{
	uint64_t seq = 0;

	return store_event_head(s, "n1", 1, &seq) ? UINT64_MAX : seq;
}

/* --- migrations --------------------------------------------------------------------------------------- */

static void test_migrations(void)
{
	unsigned have = 0, want = 0;
	struct store *s;
	int fd;

	fresh_dir();
	open_fails(path, 0, -ENOENT, "ajar run' first", "a store that is not there");
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	open_fails(path, 0, -STORE_E_OLD, "run 'ajar db migrate'",
		   "an empty file is a store of schema 0");
	s = open_ok(STORE_CREATE);
	is_int(store_schema(s, &have, &want), 0, "its schema");
	ok(have == want && want == migrate_newest("sqlite") && want >= 2, "is the newest");
	store_free(s);
	s = open_ok(STORE_CREATE);
	store_free(s);
	sql_is("SELECT count(*) = max(number) AND min(length(sha256)) = 64 AND "
	       "min(applied_at) LIKE '20__-__-__T%Z' FROM schema_migrations",
	       "1", "each migration is written down once, with its sum and time");
	sql("UPDATE schema_migrations SET sha256 = 'x' WHERE number = 1");
	open_fails(path, STORE_CREATE, -STORE_E_ALTERED, "different ajar", "an altered migration");
	sql("UPDATE schema_migrations SET sha256 = 'x' WHERE number = 1; "
	    "INSERT INTO schema_migrations VALUES (99, 'future', 'x', 'x')");
	open_fails(path, STORE_CREATE, -STORE_E_NEW, "install the newer ajar", "a newer schema");
	drop_dir();
}

static void nap_us(long us)
{
	nanosleep(&(struct timespec){ .tv_nsec = us * 1000 }, NULL);
}

static void test_killed_migration(void)
{
	unsigned good = 0, midway = 0;

	for (unsigned round = 0; round < 40; round++) {
		struct store *s = NULL;
		pid_t pid;

		fresh_dir();
		pid = fork();
		if (!pid) {
			if (store_open(path, STORE_CREATE, &s, NULL))
				_exit(1);
			_exit(0);
		}
		nap_us(round * 250);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		if (!store_open(path, 0, &s, NULL))
			store_free(take_ptr(s));
		else
			midway++;
		if (!store_open(path, STORE_CREATE, &s, NULL) && !put(s, 1, 1))
			good++;
		store_free(s);
		drop_dir();
	}
	is_int(good, 40,
	       "a creation killed at any moment is finished by the next (%u were cut short)",
	       midway);
}

/* --- files ----------------------------------------------------------------------------------------------- */

static void write_at(const char *file, off_t offset, const void *p, size_t n)
{
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || pwrite(fd, p, n, offset) != (ssize_t)n)
		ok(false, "cannot write %s", file);
	close(fd);
}

static void test_wrong_files(void)
{
	char sub[400];

	fresh_dir();
	write_at(path, 0, "This is a text, and a long one, surely longer than sixteen bytes.\n",
		 66);
	open_fails(path, STORE_CREATE, -STORE_E_DAMAGED, "not an ajar store", "a text file");
	unlink(path);
	sql("CREATE TABLE recipes (name TEXT)");
	open_fails(path, STORE_CREATE, -STORE_E_FOREIGN, "another program",
		   "another program's database");
	unlink(path);
	mkdir(path, 0700);
	open_fails(path, STORE_CREATE, -STORE_E_DAMAGED, "not a file", "a folder");
	rmdir(path);
	if (symlink("/etc/passwd", path))
		ok(false, "symlink");
	open_fails(path, STORE_CREATE, -STORE_E_DAMAGED, "not a file", "a link to somewhere else");
	unlink(path);
	snprintf(sub, sizeof(sub), "%s/no/such/store.db", dir);
	open_fails(sub, STORE_CREATE, -ENOENT, "directory", "a folder that is not there");
	open_fails(sub, 0, -ENOENT, "no store at", "nor a store in it");
	open_fails("", 0, -EINVAL, "sqlite:PATH", "no path");
	drop_dir();
}

static int count(const struct store_event_row *row, void *arg)
{
	(void)row;
	(*(unsigned *)arg)++;
	return 0;
}

static void test_damage(void)
{
	struct store *s;
	char junk[4096];
	unsigned n = 0;
	struct stat st;
	int err;

	fresh_dir();
	s = open_ok(STORE_CREATE);
	for (uint64_t seq = 1; seq < 5000; seq += 500)
		if (put(s, seq, 500))
			ok(false, "put: %s", store_why(s));
	store_free(s);
	stat(path, &st);
	memset(junk, 0xa5, sizeof(junk));
	for (off_t page = 100; page < st.st_size / 4096; page += 7)
		write_at(path, page * 4096, junk, sizeof(junk));
	s = open_ok(0);
	err = store_events(s, &(struct store_event_query){ .node = "n1", .boot_seq = 1 }, count,
			   &n);
	is_int(err, -STORE_E_DAMAGED, "damaged pages are found when they are read");
	ok(strstr(store_why(s), "replay window"), "and it says: %s", store_why(s));
	store_free(s);
	drop_dir();
}

/* In a mount namespace of its own: a file system of 3 MiB on the folder. */
static bool small_disk(void)
{
	return !unshare(CLONE_NEWNS) && !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("ajar-test", dir, "tmpfs", 0, "size=3m");
}

static void test_full_disk(void)
{
	uint64_t acked = 0;
	struct store *s;
	int err = 0;

	fresh_dir();
	if (geteuid() || !small_disk()) {
		tap_skip(1, "a full disk needs root");
		drop_dir();
		return;
	}
	s = open_ok(STORE_CREATE);
	while (!err && acked < 200000) {
		err = put(s, acked + 1, 100);
		if (!err)
			acked += 100;
	}
	is_int(err, -ENOSPC, "a full disk is said to be full, after %llu rows",
	       (unsigned long long)acked);
	ok(strstr(store_why(s), "disk is full"), "and it says: %s", store_why(s));
	ok(head(s) == acked, "what was acknowledged is there");
	is_int(store_begin(s), 0, "a transaction begins all the same");
	if (put(s, acked + 1, 500))
		printf("# it fails at once\n");
	is_int(store_commit(s), -ENOSPC, "and cannot be committed");
	ok(head(s) == acked, "nothing of it is there");
	if (mount("ajar-test", dir, "tmpfs", MS_REMOUNT, "size=16m"))
		ok(false, "remount");
	is_int(put(s, acked + 1, 500), 0, "with room again it goes on");
	ok(head(s) == acked + 500, "and has all of it");
	store_free(s);
	sql_is("PRAGMA integrity_check", "ok", "the file is whole");
	if (mount("ajar-test", dir, "tmpfs", MS_REMOUNT | MS_RDONLY, NULL))
		ok(false, "remount read-only");
	open_fails(path, STORE_CREATE, -EROFS, "cannot be written", "a read-only file system");
	umount(dir);
	drop_dir();
}

/* --- other users --------------------------------------------------------------------------------------- */

static int as_nobody(int (*fn)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
		    setresuid(NOBODY, NOBODY, NOBODY))
			_exit(99);
		_exit(fn());
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

static uint64_t next_seq = 1;

static int write_one(const char *uri, unsigned flags)
{
	struct store *s = NULL;
	char *why = NULL;
	int err = store_open(uri, flags, &s, &why);

	if (!err)
		err = put(s, next_seq, 1);
	if (!err && head(s) != next_seq)
		err = -EIO;
	if (err)
		printf("# %d %s\n", err, why ? why : store_why(s));
	fflush(stdout);
	store_free(s);
	free(why);
	return err ? 1 : 0;
}

static int write_relative(void)
{
	return write_one("sqlite:store.db", STORE_CREATE | STORE_RELATIVE);
}

static int write_absolute(void)
{
	return write_one(path, STORE_CREATE);
}

static int read_closed(void)
{
	return store_open(path, 0, &(struct store *){ NULL }, NULL) == -EACCES ? 0 : 1;
}

static struct store *held;

static int write_beside(void)
{
	return write_relative();
}

static void test_relative(void)
{
	char parent[100], inner[120];
	int back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (geteuid()) {
		tap_skip(1, "relative stores need root");
		return;
	}
	snprintf(parent, sizeof(parent), "/tmp/ajar-closed-XXXXXX");
	if (!mkdtemp(parent))
		exit(1);
	snprintf(inner, sizeof(inner), "%s/data", parent);
	mkdir(inner, 0700);
	snprintf(dir, sizeof(dir), "%s", inner);
	snprintf(path, sizeof(path), "%s/store.db", dir);
	if (chown(inner, NOBODY, NOBODY) || chmod(parent, 0700) || chdir(inner))
		ok(false, "prepare");
	next_seq = 1;
	is_int(as_nobody(write_relative), 0, "a role writes below a folder that is closed to it");
	is_int(as_nobody(read_closed), 0, "which the full path could not do");
	next_seq++;
	is_int(write_absolute(), 0, "root writes to it by its full path");
	next_seq++;
	is_int(as_nobody(write_relative), 0, "and the role again: root left no file of its own");
	held = open_ok(STORE_CREATE);
	next_seq++;
	is_int(put(held, next_seq, 1), 0, "root opens it first, and writes");
	next_seq++;
	is_int(as_nobody(write_beside), 0, "the role writes beside it");
	ok(head(held) == next_seq, "and root sees it");
	store_free(held);
	drop_dir();
	mkdir(inner, 0700);
	if (chown(inner, NOBODY, NOBODY))
		ok(false, "prepare");
	if (chdir(inner))
		ok(false, "chdir");
	next_seq = 1;
	is_int(write_absolute(), 0, "root makes a store in a role's folder");
	next_seq++;
	is_int(as_nobody(write_relative), 0, "it is the role's");
	if (fchdir(back))
		ok(false, "fchdir");
	close(back);
	drop_dir();
	rmdir(parent);
}

static void test_permissions(void)
{
	if (geteuid())
		return;
	fresh_dir();
	chmod(dir, 0755);
	is_int(as_nobody(write_absolute), 1, "a folder that may not be written");
	next_seq = 1;
	is_int(write_absolute(), 0, "root may");
	is_int(as_nobody(write_absolute), 1, "another user may not open it");
	drop_dir();
}

static void test_busy(void)
{
	struct store *a, *b;

	fresh_dir();
	a = open_ok(STORE_CREATE);
	b = open_ok(0);
	is_int(store_begin(a), 0, "one writer begins");
	is_int(put(b, 1, 1), -EBUSY, "the other waits, and gives up at last");
	ok(strstr(store_why(b), "lock"), "and says: %s", store_why(b));
	is_int(store_commit(a), 0, "the first one commits");
	is_int(put(b, 1, 1), 0, "then the other may");
	store_free(a);
	store_free(b);
	b = open_ok(STORE_READONLY);
	is_int(put(b, 2, 1), -EROFS, "read-only is read-only");
	ok(head(b) == 1, "and reads");
	store_free(b);
	drop_dir();
}

/* --- SQL by hand ------------------------------------------------------------------------------------------ */

static void test_hand_sql(void)
{
	_cleanup_(profile_freep) struct profile *p = NULL;
	struct store *s;
	uint64_t before, after;

	fresh_dir();
	s = open_ok(STORE_CREATE);
	is_int(store_profile_revision(s, &before), 0, "the revision");
	sql("INSERT INTO open_ports(port,protocol,service,host_type) VALUES "
	    "(22,'TCP','ssh','compute')");
	is_int(store_profile_revision(s, &after), 0, "the revision");
	ok(after > before, "a row by hand moves it");
	is_int(store_profile_get(s, "compute", &p), 0, "the four columns are a profile");
	ok(p && p->accepted && p->rows_len == 1 && p->rows[0].port == 22 &&
		   p->rows[0].proto == PROTO_TCP && !strcmp(p->rows[0].service, "ssh"),
	   "accepted, with protocol TCP read as tcp");
	ok(p && !p->rows[0].exe && !p->rows[0].scope && !strcmp(p->rows[0].origin, "manual"),
	   "and nothing else asked for");
	before = after;
	sql("DELETE FROM open_ports");
	is_int(store_profile_revision(s, &after), 0, "the revision");
	ok(after > before, "a deletion moves it too");
	store_free(s);
	drop_dir();
}

static void test_views(void)
{
	struct event ev = open_event(4444, 1);
	struct store_alert a = { .key = "k",
				 .kind = FINDING_UNEXPECTED,
				 .severity = SEVERITY_WARNING,
				 .state = ALERT_OPEN,
				 .nodes = "n1",
				 .host_type = "compute",
				 .summary = "sum",
				 .first_ns = T0,
				 .last_ns = T0 };
	struct buf b = BUF_INIT(EVENT_RECORD_MAX);
	struct store_door d = { .node = "n1",
				.boot_seq = 1,
				.door = ev.door,
				.open_seq = 1,
				.opened_ns = T0,
				.verdict = VERDICT_UNEXPECTED,
				.severity = SEVERITY_WARNING };
	struct store *s;

	fresh_dir();
	s = open_ok(STORE_CREATE);
	event_encode(&ev, &b);
	d.record = (struct text){ b.data, (uint32_t)b.len };
	is_int(put(s, 1, 1), 0, "an event");
	is_int(store_put_door(s, &d), 0, "its door");
	is_int(store_put_alert(s, &a, "monitor", "", T0, NULL, NULL), 0, "its alert");
	sql_is("SELECT node || '|' || class || '|' || proto || '|' || endpoint || '|' || scope || "
	       "'|' || "
	       "opened_at || '|' || comm || '|' || argv || '|' || uid || '|' || verdict FROM "
	       "v_open_doors",
	       "n1|compute|tcp|[::]:4444|any|2024-10-04T00:00:00.000000Z|n\\xffc|nc "
	       "-l|1041|unexpected",
	       "v_open_doors is for people");
	sql_is("SELECT happened_at || '|' || event || '|' || origin || '|' || endpoint || '|' || "
	       "verdict "
	       "FROM v_timeline WHERE event = 'open'",
	       "2024-10-04T00:00:00.000000Z|open|event|[::]:4444|unexpected", "so is v_timeline");
	sql_is("SELECT note FROM v_timeline WHERE event = 'alert'", "sum",
	       "which has the alerts too");
	sql_is("SELECT kind || severity || state || nodes || last_at FROM v_alerts",
	       "unexpectedwarningopenn12024-10-04T00:00:00.000000Z", "and v_alerts");
	sql_is("SELECT node || class || events || open_doors || profile FROM v_nodes",
	       "n1compute11learning", "and v_nodes");
	sql_is("SELECT day || ' ' || typeof(record) || ' ' || length(chain) FROM events",
	       "20000 blob 32", "the day is that of the record");
	store_free(s);
	buf_done(&b);
	drop_dir();
}

/* --- plans ------------------------------------------------------------------------------------------------- */

static sqlite3 *watched;
static char last_sql[4096];

static int on_statement(unsigned type, void *ctx, void *st, void *text)
{
	(void)type;
	(void)ctx;
	(void)text;
	if (!strncmp(sqlite3_sql(st), "SELECT", 6))
		snprintf(last_sql, sizeof(last_sql), "%s", sqlite3_sql(st));
	return 0;
}

static int on_connect(sqlite3 *db, const char **words, const void *api)
{
	(void)words;
	(void)api;
	watched = db;
	sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, NULL);
	return SQLITE_OK;
}

/* The plan of the query that ran last must name the index, and neither scan a table nor sort. */
static void plan_uses(const char *index, bool may_sort, const char *what)
{
	struct buf plan = BUF_INIT(8192);

	plan_read(watched, last_sql, &plan);
	if (!ok(strstr(buf_str(&plan), index) && !strstr(buf_str(&plan), "SCAN e") &&
			!strstr(buf_str(&plan), "SCAN d") && !strstr(buf_str(&plan), "SCAN n") &&
			(may_sort || !strstr(buf_str(&plan), "TEMP B-TREE")),
		"%s walks an index", what))
		printf("# %s\n", buf_str(&plan));
	buf_done(&plan);
}

static int no_event(const struct store_event_row *row, void *arg)
{
	(void)row;
	(void)arg;
	return 0;
}

static int no_door(const struct store_door *d, void *arg)
{
	(void)d;
	(void)arg;
	return 0;
}

static void plan_events(struct store *s, struct store_event_query q, const char *index,
			const char *what)
{
	if (store_events(s, &q, no_event, NULL))
		ok(false, "%s: %s", what, store_why(s));
	plan_uses(index, false, what);
}

static void plan_doors(struct store *s, struct store_door_query q, const char *index,
		       const char *what)
{
	if (store_doors(s, &q, no_door, NULL))
		ok(false, "%s: %s", what, store_why(s));
	plan_uses(index, true, what);
}

static int stop_at_page(void *arg)
{
	(void)arg;
	return 1;
}

static int no_page(void *arg)
{
	(void)arg;
	return 0;
}

/* What counts the doors of the nodes to come ran last of all, what reads a page before it. */
static void plan_pages(struct store *s, struct store_door_query q, const char *index,
		       const char *what)
{
	is_int(store_doors_by_node(s, &q, no_door, stop_at_page, NULL), 1, "a page");
	plan_uses(index, false, what);
	is_int(store_doors_by_node(s, &q, no_door, no_page, NULL), 0, "and the rest");
	plan_uses("SEARCH n USING COVERING INDEX", false, "counting them");
}

static int put_some_door(struct store *s)
{
	const struct store_door d = { .node = "n1",
				      .boot_seq = 1,
				      .door = { .proto = PROTO_TCP, .family = FAMILY_INET },
				      .open_seq = 1,
				      .opened_ns = T0 };

	return store_put_door(s, &d);
}

static int no_change(const struct store_scan_change *c, void *arg)
{
	(void)c;
	(void)arg;
	return 0;
}

static void plan_changes(struct store *s, struct store_scan_change_query q, const char *index,
			 const char *what)
{
	if (store_scan_changes(s, &q, no_change, NULL))
		ok(false, "%s: %s", what, store_why(s));
	plan_uses(index, false, what);
}

static void test_plans(void)
{
	struct store *s;

	sqlite3_auto_extension((void (*)(void))on_connect);
	fresh_dir();
	s = open_ok(STORE_CREATE);
	is_int(put(s, 1, 10), 0, "some rows");
	plan_events(s, (struct store_event_query){ 0 }, "events_happened", "the whole timeline");
	plan_events(s, (struct store_event_query){ .since_ns = T0 }, "events_happened",
		    "the timeline of a time");
	plan_events(s, (struct store_event_query){ .node = "n1", .since_ns = T0 },
		    "events_node_happened", "the timeline of a node");
	plan_events(s, (struct store_event_query){ .port_lo = 22, .port_hi = 22 },
		    "events_happened", "the timeline of a port");
	plan_events(s, (struct store_event_query){ .node = "n1", .boot_seq = 1, .after_seq = 3 },
		    "PRIMARY KEY (node_id=? AND boot_seq=? AND seq>?)", "a boot behind a number");
	plan_doors(s, (struct store_door_query){ .open_only = true }, "doors_closed", "open doors");
	plan_doors(s, (struct store_door_query){ .open_only = true, .node = "n1" }, "doors_open",
		   "open doors of a node");
	plan_doors(s, (struct store_door_query){ .at_ns = T0, .node = "n1" }, "PRIMARY KEY",
		   "doors of a node at a time");
	plan_doors(s, (struct store_door_query){ .alert_key = "k", .node = "n1" }, "doors_alert",
		   "doors of an alert on a node");
	plan_doors(s, (struct store_door_query){ .at_ns = T0 }, "doors_closed", "doors at a time");
	plan_doors(s, (struct store_door_query){ .alert_key = "k" }, "doors_alert",
		   "doors of an alert");
	is_int(put_some_door(s), 0, "a door");
	plan_pages(s, (struct store_door_query){ .open_only = true },
		   "INDEX doors_open (node_id=?)", "a page of open doors");
	plan_pages(s, (struct store_door_query){ .at_ns = T0 },
		   "d USING INDEX sqlite_autoindex_doors_1 (node_id=?)",
		   "a page of doors at a time");
	plan_changes(s, (struct store_scan_change_query){ 0 }, "scan_changes_at",
		     "what scans saw change");
	plan_changes(s, (struct store_scan_change_query){ .node = "n1", .since_ns = T0 },
		     "scan_changes_node", "what scans saw change on a node");
	store_free(s);
	drop_dir();
	sqlite3_reset_auto_extension();
}

/* --- statements ------------------------------------------------------------------------------------ */

static unsigned prepared(const char *text, bool *ret_there)
{
	unsigned n = 0;

	*ret_there = false;
	for (sqlite3_stmt *st = NULL; (st = sqlite3_next_stmt(watched, st)); n++)
		*ret_there |= !strcmp(sqlite3_sql(st), text);
	return n;
}

static void test_statements(void)
{
	static const char often[] = "SELECT 'often', ?";
	static char rare[3 * SQL_STMTS_MAX][32];
	struct sql_stmt *busy = NULL;
	struct store *s = NULL;
	bool there;

	sqlite3_auto_extension((void (*)(void))on_connect);
	if (!ok(!store_open("sqlite::memory:", STORE_CREATE, &s, NULL), "a store"))
		return;
	is_int(sql_run_args(s, NULL, often, SQL()), -EINVAL,
	       "a statement with another number of values is refused");
	ok(strstr(store_why(s), "1 values got 0"), "and says: %s", store_why(s));
	is_int(sql_stmt_get(s, "SELECT 'busy'", &busy), 0, "one statement is in use all the time");
	for (size_t i = 0; i < array_len(rare); i++) {
		_sql_ struct sql a = { .s = s }, b = { .s = s };

		snprintf(rare[i], sizeof(rare[i]), "SELECT 'rare', %zu", i);
		if (sql_first(&a, often, CONST(1)) != 1 || sql_first_args(&b, rare[i], SQL()) != 1)
			ok(false, "statement %zu: %s", i, store_why(s));
	}
	is_int(prepared(often, &there), SQL_STMTS_MAX,
	       "of more statements than the cache holds it keeps so many");
	ok(there, "the one that is used all the time among them");
	(void)prepared(rare[array_len(rare) - 1], &there);
	ok(there, "and the last one");
	(void)prepared(rare[0], &there);
	ok(!there, "but not the first");
	sql_stmt_put(busy);
	(void)prepared("SELECT 'busy'", &there);
	ok(there, "one in use stays, whatever its age");
	store_free(s);
	sqlite3_reset_auto_extension();
}

static void test_in_memory(void)
{
	struct store *a = NULL, *b = NULL;

	open_fails("sqlite::memory:", 0, -ENOENT, "in memory",
		   "a store in memory is not there before");
	if (!ok(!store_open("sqlite::memory:", STORE_CREATE, &a, NULL) &&
			!store_open("sqlite::memory:", STORE_CREATE, &b, NULL),
		"stores in memory open"))
		return;
	ok(!put(a, 1, 3) && head(a) == 3, "one takes records");
	is_int((long long)head(b), 0, "the other is another one");
	is_int(store_notifier_fd(a), -EOPNOTSUPP, "nobody else could notify");
	ok(access(":memory:", F_OK) && access("bell", F_OK), "and no file is left behind");
	store_free(a);
	store_free(b);
}

int main(void)
{
	test_migrations();
	test_killed_migration();
	test_wrong_files();
	test_damage();
	test_relative();
	test_permissions();
	test_in_memory();
	test_hand_sql();
	test_views();
	test_plans();
	test_statements();
	test_busy();
	test_full_disk(); /* the last one: it leaves for another mount namespace */
	return tap_done();
}
