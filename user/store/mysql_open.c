/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/migrate.h"
#include "store/wrap.h"

/* Opening: the connection and its settings, is it the right store's primary, and the schema. */

/* --- the connection -------------------------------------------------------------------------------- */

static int set_options(struct my *s)
{
	const unsigned io_s = s->uri.timeout_s ? s->uri.timeout_s : MY_IO_TIMEOUT_S;
	const unsigned connect_s = io_s < MY_CONNECT_TIMEOUT_S ? io_s : MY_CONNECT_TIMEOUT_S;
	const unsigned off = 0;
	const unsigned tcp = MYSQL_PROTOCOL_TCP, sock = MYSQL_PROTOCOL_SOCKET;
	const struct my_uri *u = &s->uri;

	s->db = mysql_init(NULL);
	if (!s->db)
		return -ENOMEM;
	mysql_options(s->db, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
	mysql_options(s->db, MYSQL_OPT_READ_TIMEOUT, &io_s);
	mysql_options(s->db, MYSQL_OPT_WRITE_TIMEOUT, &io_s);
	/*
	 * A server that asks for our files gets none. MYSQL_OPT_RECONNECT stays off: it hides a
	 * lost transaction.
	 */
	mysql_options(s->db, MYSQL_OPT_LOCAL_INFILE, &off);
	mysql_options(s->db, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	mysql_options(s->db, MYSQL_OPT_PROTOCOL, u->socket ? &sock : &tcp);
	if (u->tls == MY_TLS_REQUIRED) {
		/*
		 * Without a CA of its own the library would load the whole system's for each
		 * connection.
		 */
		mysql_options(s->db, MYSQL_OPT_SSL_CA, u->ca);
		if (u->cert) {
			mysql_options(s->db, MYSQL_OPT_SSL_CERT, u->cert);
			mysql_options(s->db, MYSQL_OPT_SSL_KEY, u->key);
		}
		mysql_options(s->db, MYSQL_OPT_TLS_VERSION, "TLSv1.2,TLSv1.3");
		my_tls_require(s->db);
	}
	return 0;
}

/* What the session must be whatever the server's defaults are. */
static int set_session(struct my *s)
{
	static const char *const settings[] = {
		"SET SESSION sql_mode = "
		"'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,ONLY_"
		"FULL_GROUP_BY,NO_ENGINE_SUBSTITUTION'",
		"SET SESSION time_zone = '+00:00', autocommit = 1, innodb_lock_wait_timeout = 10",
		"SET NAMES utf8mb4 COLLATE utf8mb4_bin",
		"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
	};

	for (size_t i = 0; i < array_len(settings); i++) {
		int err = my_query(s, settings[i]);

		if (err)
			return err;
	}
	return s->flags & STORE_READONLY ? my_query(s, "SET SESSION TRANSACTION READ ONLY") : 0;
}

static int connect_host(struct my *s, const struct my_host *h)
{
	const struct my_uri *u = &s->uri;
	int err = set_options(s);

	if (err)
		return err;
	s->lost = s->connected = false;
	if (!mysql_real_connect(s->db, u->socket ? "localhost" : h->name, u->user, s->password,
				u->db, u->socket ? 0 : h->port, u->socket, 0))
		err = my_fail(s, NULL);
	s->connected = !err;
	if (!err)
		err = set_session(s);
	if (!err)
		err = my_check_role(s);
	return err ? err : my_account_find(s);
}

static int check_cluster(struct my *s)
{
	const char *want = s->cluster[0] ? s->cluster : s->uri.cluster;
	char uuid[64];
	int err = 0;

	if (s->base.limited)
		snprintf(uuid, sizeof(uuid), "%s", s->said_cluster);
	else
		err = my_ask(s, "SELECT value FROM settings WHERE name = 'cluster_uuid'", uuid,
			     sizeof(uuid));
	if (err)
		return err;
	if (!uuid[0] || (want && strcmp(want, uuid)))
		return store_set_why(&s->base, -STORE_E_FOREIGN,
				     "store %s is another cluster's (cluster_uuid '%s', not '%s'): "
				     "nothing is sent there",
				     s->base.shown, uuid, want ? want : "");
	snprintf(s->cluster, sizeof(s->cluster), "%s", uuid);
	return 0;
}

/* Connects to the first host that answers as the primary of the right store. */
static int connect_any(struct my *s)
{
	char why[sizeof(s->base.why)] = "";
	bool first = !s->cluster[0];
	int err = -ENOTCONN, worst = 0;

	/*
	 * From the one that worked last on. Of several reasons the one is reported that a person
	 * must look at, else the last.
	 */
	for (unsigned i = 0; i < s->uri.hosts_len; i++) {
		unsigned k = (s->host + i) % s->uri.hosts_len;

		my_disconnect(s);
		err = connect_host(s, &s->uri.hosts[k]);
		if (!err && (!first || s->uri.cluster))
			err = check_cluster(s);
		if (first && err == -STORE_E_OLD)
			err = 0; /* no schema yet: it is looked at when there is one */
		if (!err) {
			s->host = k;
			s->base.connections++;
			return 0;
		}
		if (!worst || store_fault(worst) != STORE_STOP) {
			worst = err;
			memcpy(why, s->base.why, sizeof(why));
		}
		if (s->uri.socket)
			break;
	}
	memcpy(s->base.why, why, sizeof(why));
	s->lost = true;
	return worst;
}

/* --- migrations ----------------------------------------------------------------------------------- */

/*
 * DDL ends a transaction here, so a migration is applied statement by statement, and steps says how
 * many are done. One that is killed in the middle goes on there; the statement that was under way
 * runs again, and so do those of two processes that migrate at once: each must be one that may (IF
 * NOT EXISTS, INSERT IGNORE), and "it is so already" is no error. A row with done = 0 does not
 * count as applied.
 */
static const char bootstrap_sql[] =
	"CREATE TABLE IF NOT EXISTS schema_migrations (number INT UNSIGNED NOT NULL PRIMARY KEY, "
	"name VARCHAR(255) NOT NULL, sha256 VARCHAR(64) NOT NULL, applied_at VARCHAR(64) NOT NULL, "
	"steps INT UNSIGNED NOT NULL DEFAULT 0, done TINYINT UNSIGNED NOT NULL DEFAULT 0) "
	"ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

static int count_tables(struct my *s, uint64_t *ret_all, uint64_t *ret_ours)
{
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     "SELECT count(*), CAST(coalesce(sum(table_name = 'schema_migrations'), 0) AS "
		     "UNSIGNED) FROM information_schema.tables WHERE table_schema = database()",
		     &u.st);
	if (!ret)
		ret = my_step(s, u.st);
	if (ret < 0)
		return ret;
	*ret_all = my_col_u64(u.st, 0);
	*ret_ours = my_col_u64(u.st, 1);
	return 0;
}

static int applied(void *db, int (*fn)(unsigned number, const char *sha256, void *arg), void *arg)
{
	struct my *s = db;
	_my_use_ struct my_use u = { .s = s };
	uint64_t tables, ours;
	int ret = count_tables(s, &tables, &ours);

	if (ret)
		return ret;
	if (!ours)
		return tables ? store_set_why(&s->base, -STORE_E_FOREIGN,
					      "store %s is another program's database: give "
					      "another --store",
					      s->base.shown)
			      : 0;
	ret = my_get(s,
		     "SELECT number, sha256 FROM schema_migrations WHERE done = 1 ORDER BY number",
		     &u.st);
	if (ret)
		return ret;
	while ((ret = my_step(s, u.st)) > 0) {
		ret = fn((unsigned)my_col_u64(u.st, 0), my_col_str(u.st, 1), arg);
		if (ret)
			break;
	}
	return ret;
}

static int keep_number(unsigned number, const char *sha256, void *arg)
{
	(void)sha256;
	*(unsigned *)arg = number;
	return 0;
}

/*
 * Makes the migration's row, and says at which statement to go on; another text than the one begun
 * starts over.
 */
static int begin_steps(struct my *s, const struct sql_file *file, const char *sha256,
		       uint64_t *ret_steps, uint64_t *ret_done)
{
	_my_use_ struct my_use u = { .s = s };
	struct buf at = BUF_INIT(64);
	int ret;

	ret = my_get(s,
		     "INSERT INTO schema_migrations (number, name, sha256, applied_at) VALUES (?, "
		     "?, ?, ?) ON DUPLICATE KEY UPDATE steps = if(sha256 = ? OR done = 1, steps, "
		     "0), sha256 = if(done = 1, sha256, ?)",
		     &u.st);
	if (ret)
		return ret;
	clock_format(&at, clock_wall_ns());
	my_u64(u.st, 1, file->number);
	my_str(u.st, 2, file->name);
	my_str(u.st, 3, sha256);
	my_str(u.st, 4, buf_str(&at));
	my_str(u.st, 5, sha256);
	my_str(u.st, 6, sha256);
	ret = my_run(s, u.st, NULL);
	my_put(take_ptr(u.st));
	buf_done(&at);
	if (!ret)
		ret = my_get(s, "SELECT steps, done FROM schema_migrations WHERE number = ?",
			     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, file->number);
	ret = my_step(s, u.st);
	if (ret <= 0)
		return ret ? ret : -EIO;
	*ret_steps = my_col_u64(u.st, 0);
	*ret_done = my_col_u64(u.st, 1);
	return 0;
}

static int end_step(struct my *s, unsigned number, uint64_t steps, bool done)
{
	_my_use_ struct my_use u = { .s = s };
	int err;

	err = my_get(s,
		     "UPDATE schema_migrations SET steps = greatest(steps, ?), done = "
		     "greatest(done, ?) WHERE number = ?",
		     &u.st);
	if (err)
		return err;
	my_u64(u.st, 1, steps);
	my_u64(u.st, 2, done);
	my_u64(u.st, 3, number);
	return my_run(s, u.st, NULL);
}

/* "It is so already": table, column, key; "it is gone already"; procedure; trigger. */
static bool is_already(unsigned number)
{
	static const unsigned numbers[] = { 1050, 1060, 1061, 1091, 1304, 1359 };

	for (size_t i = 0; i < array_len(numbers); i++) {
		if (numbers[i] == number)
			return true;
	}
	return false;
}

/*
 * The next statement of a migration: up to a ';' at the end of a line; that of a procedure, which
 * has statements in it, up to a line that is "END;". Comment lines before it are passed over.
 */
static const char *next_statement(const char *p, size_t *ret_len)
{
	static const char procedure[] = "CREATE PROCEDURE ", last[] = "\nEND;\n";
	const char *end;

	while (*p == '\n' || !strncmp(p, "--", 2))
		p = *p == '\n' ? p + 1 : strchrnul(p, '\n');
	if (!strncmp(p, procedure, sizeof(procedure) - 1)) {
		end = strstr(p, last);
		end = end ? end + sizeof(last) - 3 : NULL;
	} else {
		end = strstr(p, ";\n");
	}
	*ret_len = end ? (size_t)(end - p) : strlen(p);
	return *ret_len ? p : NULL;
}

static int apply(void *db, const struct sql_file *file, const char *sha256)
{
	uint64_t steps = 0, done = 0, step = 0;
	struct my *s = db;
	const char *p = file->text;
	size_t len;
	int err = my_query(s, bootstrap_sql);

	if (!err)
		err = begin_steps(s, file, sha256, &steps, &done);
	if (err)
		return err;
	if (done)
		return -EALREADY;
	while ((p = next_statement(p, &len))) {
		if (++step > steps) {
			if (mysql_real_query(s->db, p, len) && !is_already(mysql_errno(s->db)))
				return my_fail(s, NULL);
			err = end_step(s, file->number, step, false);
			if (err)
				return err;
		}
		p += len;
		p += *p == ';';
	}
	return end_step(s, file->number, step, true);
}

static const struct migrate_ops migrate = {
	.driver = "mysql",
	.applied = applied,
	.apply = apply,
};

/*
 * An account that sees no table of ours: what it uses has a number of its own, so that nodes need
 * not be brought up to date in the same moment as the store.
 */
static int check_interface(struct my *s)
{
	if (!s->own_node[0] && !(s->flags & STORE_READONLY))
		return store_set_why(&s->base, -EPERM,
				     "store %s: the account '%s' is bound to no node, or was "
				     "revoked: 'ajar db grant NODE' binds one",
				     s->base.shown, s->uri.user);
	if (s->own_interface != MY_INTERFACE)
		return store_set_why(&s->base,
				     s->own_interface > MY_INTERFACE ? -STORE_E_NEW : -STORE_E_OLD,
				     "store %s speaks interface %u with its nodes, this ajar "
				     "speaks %u: install the ajar of the monitor's host",
				     s->base.shown, s->own_interface, MY_INTERFACE);
	return 0;
}

static int open_schema(struct my *s)
{
	unsigned have = 0, want = migrate_newest("mysql"), tries = 0;
	int err;

	if (s->base.limited)
		return check_interface(s);
	/*
	 * Two that migrate at once meet in schema_migrations; who is undone goes on where the other
	 * one is.
	 */
	do {
		if (s->flags & STORE_CREATE)
			err = migrate_run(&migrate, s, &have);
		else
			err = migrate_check(&migrate, s, &have);
	} while (store_write_again(&s->base, err, &tries));
	switch (err) {
	case -STORE_E_NEW:
		return store_set_why(
			&s->base, err,
			"store %s has schema %u, this ajar knows only %u: install the newer ajar",
			s->base.shown, have, want);
	case -STORE_E_ALTERED:
		return store_set_why(&s->base, err,
				     "store %s: its schema %u was made by a different ajar: use "
				     "that one, or another database",
				     s->base.shown, have);
	case -STORE_E_OLD:
		return store_set_why(&s->base, err,
				     "store %s has schema %u, this ajar needs %u: run 'ajar db "
				     "migrate' or start 'ajar monitor'",
				     s->base.shown, have, want);
	case -EPERM:
	case -EACCES:
		if (have && have < want)
			return store_set_why(
				&s->base, -STORE_E_OLD,
				"store %s has schema %u, this ajar needs %u, and the account '%s' "
				"may not change it: run 'ajar db migrate' as the one that made it",
				s->base.shown, have, want, s->uri.user);
		return err;
	default:
		return err;
	}
}

int my_schema(struct store *base, unsigned *ret_have, unsigned *ret_want)
{
	struct my *s = (struct my *)base;
	unsigned have = s->own_schema;
	int err = s->base.limited ? 0 : applied(base, keep_number, &have);

	if (err)
		return err;
	*ret_have = have;
	*ret_want = migrate_newest("mysql");
	return 0;
}

int my_open(const struct store_ops *ops, const char *where, unsigned flags,
	    struct store **ret_store, char **ret_why)
{
	struct my *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->base.ops = ops;
	s->connect = connect_any;
	s->base.cluster = s->cluster;
	s->base.group = s->group;
	s->notifier_fd = -1;
	s->flags = flags;
	if (asprintf(&s->base.shown, "mysql:%.*s", (int)strcspn(where, "?"), where) < 0) {
		s->base.shown = NULL;
		err = -ENOMEM;
		goto fail;
	}
	err = my_uri_parse(where, &s->uri, ret_why);
	if (!err)
		err = my_password(&s->uri, &s->password, ret_why);
	if (err)
		goto fail;
	err = connect_any(s);
	if (!err)
		err = open_schema(s);
	if (!err)
		err = check_cluster(s);
	if (err) {
		store_open_why(ret_why, err, "%s", s->base.why);
		goto fail;
	}
	*ret_store = &s->base;
	return 0;
fail:
	ops->free(&s->base);
	return err;
}
