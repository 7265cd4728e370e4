/* SPDX-License-Identifier: GPL-2.0 */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "store/migrate.h"
#include "store/store.h"
#include "tap.h"

/* What migrations make of rows that were there before them. */

static char dir[64], path[80];
static sqlite3 *db;

static void sql(const char *text)
{
	char *words = NULL;

	if (sqlite3_exec(db, text, NULL, NULL, &words))
		ok(false, "%s: %s", text, words ? words : sqlite3_errmsg(db));
	sqlite3_free(words);
}

/* The first column of the first row. */
static void sql_is(const char *text, const char *want, const char *what)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v2(db, text, -1, &st, NULL) || sqlite3_step(st) != SQLITE_ROW)
		ok(false, "%s: %s", what, sqlite3_errmsg(db));
	else
		is_str((const char *)sqlite3_column_text(st, 0), want, "%s", what);
	sqlite3_finalize(st);
}

static void note_applied(const struct sql_file *f)
{
	uint8_t sum[SHA256_LEN];
	struct sha256 sha;
	char hex[MIGRATE_SHA_LEN], text[300];

	sha256_init(&sha);
	sha256_update(&sha, f->text, strlen(f->text));
	sha256_final(&sha, sum);
	for (size_t i = 0; i < SHA256_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	snprintf(text, sizeof(text),
		 "INSERT INTO schema_migrations (number, name, sha256, applied_at) VALUES "
		 "(%u, '%s', '%s', 'then')",
		 f->number, f->name, hex);
	sql(text);
}

/* A store as it was before that migration. */
static void old_store(unsigned before)
{
	snprintf(dir, sizeof(dir), "/tmp/ajar-old-XXXXXX");
	if (!mkdtemp(dir))
		exit(1);
	snprintf(path, sizeof(path), "%s/store.db", dir);
	if (sqlite3_open(path, &db))
		ok(false, "%s", sqlite3_errmsg(db));
	for (const struct sql_file *f = sql_files; f->driver; f++) {
		if (!strcmp(f->driver, "sqlite") && f->number < before) {
			sql(f->text);
			note_applied(f);
		}
	}
}

static void migrate(void)
{
	struct store *s = NULL;
	char *why = NULL;

	if (store_open(path, STORE_CREATE, &s, &why))
		ok(false, "the store opens: %s", why ? why : "?");
	free(why);
	store_free(s);
}

static void drop_store(void)
{
	static const char *const files[] = { "store.db", "store.db-wal", "store.db-shm", "bell" };
	char file[100];

	sqlite3_close(db);
	for (size_t i = 0; i < array_len(files); i++) {
		snprintf(file, sizeof(file), "%s/%s", dir, files[i]);
		unlink(file);
	}
	rmdir(dir);
}

/* Names that learning of before looked up by the port's number go; those that a
 * person or a scan said stay. */
static void test_learned_services(void)
{
	old_store(18);
	sql("INSERT INTO open_ports (port, service, host_type, exe, user_name, "
	    "origin) VALUES "
	    "(443, 'https', 'c', '/usr/sbin/sshd', 'root', 'learned'), "
	    "(22, 'ssh', 'c', '/usr/sbin/sshd', 'root', 'manual'), "
	    "(25, 'smtp', 'c', '', '', 'learned'), "
	    "(80, 'http', 'c', '/usr/sbin/nginx', 'root', 'learned'), "
	    "(80, '', 'c', '/usr/sbin/nginx', 'root', 'learned')");
	migrate();
	sql_is("SELECT group_concat(port || '=' || service, ' ') FROM (SELECT port, "
	       "service FROM "
	       "open_ports ORDER BY port, service)",
	       "22=ssh 25=smtp 80= 80=http 443=", "migration 18 takes looked-up names out");
	drop_store();
}

/* Who wrote what is there, and why, is taken from the words of then. */
static void test_authors(void)
{
	old_store(19);
	sql("INSERT INTO alert_log (alert_id, at_ns, who, note, alert_key, kind, "
	    "severity, state, "
	    "host_type, nodes, open_count, proto, port, summary, why, remedy, "
	    "first_ns, last_ns, "
	    "boot_seq, seq, node) SELECT 1, 1, column1, column2, 'k', 1, 1, column3, "
	    "'', '', 1, 1, "
	    "1, '', '', '', 1, 1, 1, 1, '' FROM (VALUES ('monitor', 'opened', 1), "
	    "('ann', 'opened', 1), ('monitor', 'reachable from outside', 1), "
	    "('monitor', 'as I said', 4), ('monitor', 'well again: n1', 1))");
	migrate();
	sql_is("SELECT group_concat(author || ':' || cause, ' ') FROM (SELECT "
	       "author, cause FROM "
	       "alert_log ORDER BY id)",
	       "1:1 2:0 1:4 2:0 1:0", "migration 19 says who wrote a change, and why");
	drop_store();
}

/* What a scan saw was the end of a sentence; a file's name in it is left where
 * it is. */
static void test_looks(void)
{
	old_store(20);
	sql("INSERT INTO alerts (alert_key, kind, severity, state, host_type, nodes, "
	    "open_count, "
	    "proto, port, summary, why, remedy, first_ns, last_ns, boot_seq, seq, "
	    "node) SELECT "
	    "column1, 1, 1, 1, '', '', 1, 1, 1, '', column2, '', 1, 1, 1, 1, '' FROM "
	    "(VALUES "
	    "('a', 'w; from outside: reachable, port 444 of n1 answers at "
	    "10.0.0.1'), "
	    "('b', 'w; from outside: not reachable from the monitor, port 5 of n2 is "
	    "closed at ::2'), "
	    "('c', 'w; from outside: not reachable from the monitor, port 6 of n3 is "
	    "filtered at "
	    "10.0.0.3'), ('d', 'w'), "
	    "('e', '/opt/x; from outside: not reachable from the monitor/nc is "
	    "new'), "
	    "('f', '/opt/x; from outside: reachable, port 4 of n1 answers at "
	    "10.0.0.1 is new'))");
	migrate();
	sql_is("SELECT group_concat(outside || ' ' || outside_port || ' ' || "
	       "outside_node || ' ' || "
	       "outside_addr || ' ' || why, ', ') FROM (SELECT * FROM alerts WHERE "
	       "alert_key < 'e' "
	       "ORDER BY alert_key)",
	       "1 444 n1 10.0.0.1 w, 2 5 n2 ::2 w, 3 6 n3 10.0.0.3 w, 0 0   w",
	       "migration 20 makes fields of what scans saw");
	sql_is("SELECT group_concat(outside || ' ' || why, ', ') FROM (SELECT * FROM "
	       "alerts WHERE "
	       "alert_key >= 'e' ORDER BY alert_key)",
	       "0 /opt/x; from outside: not reachable from the monitor/nc is new, 0 "
	       "/opt/x; from "
	       "outside: reachable, port 4 of n1 answers at 10.0.0.1 is new",
	       "and nothing of a file's name");
	sql_is("SELECT group_concat(why, ', ') FROM (SELECT why FROM v_alerts WHERE "
	       "alert_key IN "
	       "('a', 'b', 'c') ORDER BY alert_key)",
	       "w; from outside: reachable, port 444 of n1 answers at 10.0.0.1, "
	       "w; from outside: not reachable from the monitor, port 5 of n2 is "
	       "closed at ::2, "
	       "w; from outside: not reachable from the monitor, port 6 of n3 is "
	       "filtered at "
	       "10.0.0.3",
	       "the view still says it in words");
	drop_store();
}

/* What a finding is about is taken from its key. */
static void test_subjects(void)
{
	old_store(21);
	sql("INSERT INTO alerts (id, alert_key, kind, severity, state, host_type, nodes, "
	    "open_count, proto, port, summary, why, remedy, first_ns, last_ns, boot_seq, seq, "
	    "node) "
	    "SELECT column1, column2, 1, 1, 1, '', '', 1, 1, 1, '', '', '', 1, 1, 1, 1, '' FROM "
	    "(VALUES (1, 'masquerade tcp 22 what:key class:c'), (2, 'silent what:agent class:c'), "
	    "(3, 'missing what:lacks%20it class:c'), "
	    "(4, 'unexpected tcp 22 any exe:/x%20what:key uid:0 class:c'))");
	sql("INSERT INTO alert_log (alert_id, at_ns, who, note, alert_key, kind, severity, state, "
	    "host_type, nodes, open_count, proto, port, summary, why, remedy, first_ns, last_ns, "
	    "boot_seq, seq, node) SELECT 1, 1, 'm', '', alert_key, 1, 1, 1, '', '', 1, 1, 1, '', "
	    "'', '', 1, 1, 1, 1, '' FROM alerts WHERE id = 1");
	migrate();
	sql_is("SELECT group_concat(subject, ' ') FROM (SELECT subject FROM alerts ORDER BY id)",
	       "key agent  ", "migration 21 takes a finding's subject out of its key");
	sql_is("SELECT subject FROM alert_log", "key", "in the log as well");
	drop_store();
}

/* A node's addresses stood behind the sensor's words. */
static void test_addresses(void)
{
	old_store(22);
	sql("INSERT INTO nodes (id, name, host_type, reported_host_type, first_seen_ns, "
	    "last_seen_ns) "
	    "SELECT value, 'n' || value, 'c', 'c', 1, 1 FROM json_each('[1, 2, 3, 4]')");
	sql("INSERT INTO node_health (node_id, installation, standing, accepted_ns, first_ns, "
	    "received_ns, session, session_before, machine, host, boot_id, version, shipper, "
	    "agent, "
	    "agent_age_ns, tier, attached, sensor, boot_seq, seq, chain, journal_bytes, "
	    "journal_max_bytes, backlog_records, backlog_bytes, backlog_ns, lost, conflicts, "
	    "quarantined, interval_ns, wall_ns, rtt_ns, step_ns, stepped_ns) SELECT column1, "
	    "x'01', 1, 1, 1, 1, x'', x'', x'', '', '', '', 1, 1, 1, 'A', 1, column2, 1, 1, x'', 1, "
	    "1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 FROM (VALUES (1, 'tier A; at 10.0.0.12 "
	    "2001:db8::1'), "
	    "(2, 'tier A; at none'), (3, 'tier A'), (4, 'tier B (it; at 10.0.0.1 broke); at "
	    "10.0.0.2'))");
	migrate();
	sql_is("SELECT group_concat(sensor || '=' || coalesce(addresses, 'NULL'), ', ') FROM "
	       "(SELECT * "
	       "FROM node_health ORDER BY node_id)",
	       "tier A=10.0.0.12 2001:db8::1, tier A=, tier A=NULL, tier B (it; at 10.0.0.1 "
	       "broke)=10.0.0.2",
	       "migration 22 takes them out");
	sql_is("SELECT group_concat(sensor, ', ') FROM (SELECT sensor FROM v_nodes ORDER BY node)",
	       "tier A; at 10.0.0.12 2001:db8::1, tier A; at none, tier A, tier B (it; at 10.0.0.1 "
	       "broke); at 10.0.0.2",
	       "and the view shows them as before");
	drop_store();
}

/* A row's program was any file of that path, a container's too. */
static void test_containers(void)
{
	old_store(27);
	sql("INSERT INTO open_ports (port, host_type, exe, action, container) VALUES "
	    "(1, 'c', '/a', 'allow', ''), (2, 'c', '/a', 'require', ''), (3, 'c', '/a', 'deny', "
	    "''), "
	    "(4, 'c', '', 'allow', ''), (5, 'c', 'kernel', 'allow', ''), (6, 'c', '/a', 'allow', "
	    "'none'), (7, 'c', '/a', 'ALLOW', '')");
	migrate();
	sql_is("SELECT group_concat(port || container, ' ') FROM (SELECT * FROM open_ports ORDER "
	       "BY "
	       "port)",
	       "1either 2either 3 4 5 6none 7either",
	       "migration 27 leaves rows of before what they meant");
	drop_store();
}

/* A rule of before asks for no arguments, keeps its number and its hits, and is one row still. */
static void test_argv(void)
{
	old_store(32);
	sql("INSERT INTO open_ports (id, port, host_type, exe, package, sha256, reason) VALUES "
	    "(7, 40001, 'c', '/usr/bin/python3.11', 'p', '', 'why'), "
	    "(9, 40001, 'c', '/usr/bin/python3.11', '', "
	    "'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', '')");
	sql("INSERT INTO open_port_hits (row_id, hits, last_ns) VALUES (7, 3, 1)");
	migrate();
	sql_is("SELECT group_concat(id || package || length(sha256) || reason || '|' || argv || "
	       "coalesce(hits, '') || origin, ' ') FROM (SELECT * FROM open_ports LEFT JOIN "
	       "open_port_hits ON row_id = id ORDER BY id)",
	       "7p0why|3manual 964|manual", "migration 32 keeps rules as they are");
	sql("INSERT OR IGNORE INTO open_ports (port, host_type, exe, package) VALUES "
	    "(40001, 'c', '/usr/bin/python3.11', 'p')");
	sql("INSERT INTO open_ports (port, host_type, exe, package, argv) VALUES "
	    "(40001, 'c', '/usr/bin/python3.11', 'p', '/opt/a.py ...')");
	sql_is("SELECT group_concat(argv, '|') FROM (SELECT argv FROM v_profiles ORDER BY id)",
	       "||/opt/a.py ...", "and arguments make another rule");
	drop_store();
}

int main(void)
{
	test_learned_services();
	test_authors();
	test_looks();
	test_subjects();
	test_addresses();
	test_containers();
	test_argv();
	return tap_done();
}
