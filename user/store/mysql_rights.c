/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * Which role may do what. A test holds each table of the schema against this: a new one needs its
 * line here, and in the table of accounts in sql/README.md. DDL is nobody's but the owner's, who
 * has made the schema.
 */
/* clang-format off */
const struct my_right my_rights[] = {
	/* A node: its own events in, and what is here of them. */
	{ ACCOUNT_NODE, "SELECT", "own_account", false },
	{ ACCOUNT_NODE, "INSERT", "own_events", false },
	{ ACCOUNT_NODE, "SELECT", "own_boots", false },
	{ ACCOUNT_NODE, "SELECT", "own_digests", false },
	{ ACCOUNT_NODE, "SELECT", "own_health", false },
	{ ACCOUNT_NODE, "SELECT", "own_claims", false },
	{ ACCOUNT_NODE, "EXECUTE", "own_report", true },
	{ ACCOUNT_NODE, "EXECUTE", "own_claim", true },
	{ ACCOUNT_NODE, "SELECT", "own_class", false },
	{ ACCOUNT_NODE, "SELECT", "own_profile", false },
	{ ACCOUNT_NODE, "EXECUTE", "own_begin", true },
	{ ACCOUNT_NODE, "EXECUTE", "own_note", true },
	{ ACCOUNT_NODE, "EXECUTE", "own_end", true },
	{ ACCOUNT_NODE, "EXECUTE", "own_executable", true },

	/*
	 * The monitor, and whoever uses ajar on its host: judges, and never touches what the nodes
	 * have said.
	 */
	{ ACCOUNT_MONITOR, "SELECT", "own_account", false },
	{ ACCOUNT_MONITOR, "SELECT", "schema_migrations", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE", "settings", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE", "host_types", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "open_ports", false },
	{ ACCOUNT_MONITOR, "SELECT, UPDATE", "nodes", false },
	{ ACCOUNT_MONITOR, "SELECT", "events", false },
	{ ACCOUNT_MONITOR, "SELECT", "event_gaps", false },
	{ ACCOUNT_MONITOR, "SELECT, UPDATE", "journals", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "doors", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE", "alerts", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT", "alert_log", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "sink_cursors", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "exceptions", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "scans", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "scan_ports", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "scan_plans", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "scan_shards", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "scan_hosts", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "scan_doubts", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "scan_keys", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "scan_changes", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "node_addrs", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "verdict_changes", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "alert_nodes", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "class_rules", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "maintenances", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "open_port_hits", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "profile_lines", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "profile_proposals", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "sink_states", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "sink_parked", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "node_watch", false },
	{ ACCOUNT_MONITOR, "SELECT, INSERT, UPDATE, DELETE", "turns", false },
	{ ACCOUNT_MONITOR, "SELECT, UPDATE, DELETE", "requests", false },
	{ ACCOUNT_MONITOR, "SELECT, UPDATE", "node_health", false },
	{ ACCOUNT_MONITOR, "SELECT", "node_boots", false },
	{ ACCOUNT_MONITOR, "SELECT", "executables", false },
	{ ACCOUNT_MONITOR, "SELECT", "retention_limits", false },
	{ ACCOUNT_MONITOR, "EXECUTE", "retention_events", true },
	{ ACCOUNT_MONITOR, "EXECUTE", "retention_alert", true },
	{ ACCOUNT_MONITOR, "SELECT", MY_VIEWS, false },

	/*
	 * The notifier: what changed of the alerts, and how far it has got with telling. The
	 * journals notifies its listeners.
	 */
	{ ACCOUNT_NOTIFY, "SELECT", "own_account", false },
	{ ACCOUNT_NOTIFY, "SELECT", "schema_migrations", false },
	{ ACCOUNT_NOTIFY, "SELECT", "settings", false },
	{ ACCOUNT_NOTIFY, "SELECT", "journals", false },
	{ ACCOUNT_NOTIFY, "SELECT", "alerts", false },
	{ ACCOUNT_NOTIFY, "SELECT", "alert_log", false },
	/* ... and what a scan saw of the door. */
	{ ACCOUNT_NOTIFY, "SELECT", "nodes", false },
	{ ACCOUNT_NOTIFY, "SELECT", "alert_nodes", false },
	{ ACCOUNT_NOTIFY, "SELECT", "scans", false },
	{ ACCOUNT_NOTIFY, "SELECT", "scan_hosts", false },
	{ ACCOUNT_NOTIFY, "SELECT", "scan_ports", false },
	{ ACCOUNT_NOTIFY, "SELECT, INSERT, UPDATE, DELETE", "sink_cursors", false },
	{ ACCOUNT_NOTIFY, "SELECT, INSERT, UPDATE, DELETE", "sink_states", false },
	{ ACCOUNT_NOTIFY, "SELECT, INSERT, UPDATE, DELETE", "sink_parked", false },

	/* 'ajar db prune' and nothing else. */
	{ ACCOUNT_RETENTION, "SELECT", "own_account", false },
	{ ACCOUNT_RETENTION, "SELECT", "schema_migrations", false },
	{ ACCOUNT_RETENTION, "SELECT", "settings", false },
	{ ACCOUNT_RETENTION, "SELECT", "retention_limits", false },
	{ ACCOUNT_RETENTION, "SELECT", "nodes", false },
	{ ACCOUNT_RETENTION, "SELECT", "events", false },
	{ ACCOUNT_RETENTION, "SELECT, UPDATE", "journals", false },
	{ ACCOUNT_RETENTION, "SELECT, DELETE", "doors", false },
	{ ACCOUNT_RETENTION, "SELECT", "alerts", false },
	{ ACCOUNT_RETENTION, "SELECT", "alert_log", false },
	{ ACCOUNT_RETENTION, "SELECT", "sink_cursors", false },
	{ ACCOUNT_RETENTION, "EXECUTE", "retention_events", true },
	{ ACCOUNT_RETENTION, "EXECUTE", "retention_alert", true },

	/*
	 * The web page: reads all but who has an account, and writes what people ask for, which a
	 * monitor carries out or refuses.
	 */
	{ ACCOUNT_WEB, "SELECT", "own_account", false },
	{ ACCOUNT_WEB, "SELECT", MY_VIEWS, false },
	{ ACCOUNT_WEB, "SELECT", "schema_migrations", false },
	{ ACCOUNT_WEB, "SELECT", "settings", false },
	{ ACCOUNT_WEB, "SELECT", "host_types", false },
	{ ACCOUNT_WEB, "SELECT", "open_ports", false },
	{ ACCOUNT_WEB, "SELECT", "open_port_hits", false },
	{ ACCOUNT_WEB, "SELECT", "profile_lines", false },
	{ ACCOUNT_WEB, "SELECT", "profile_proposals", false },
	{ ACCOUNT_WEB, "SELECT", "class_rules", false },
	{ ACCOUNT_WEB, "SELECT", "nodes", false },
	{ ACCOUNT_WEB, "SELECT", "node_addrs", false },
	{ ACCOUNT_WEB, "SELECT", "node_health", false },
	{ ACCOUNT_WEB, "SELECT", "node_boots", false },
	{ ACCOUNT_WEB, "SELECT", "node_watch", false },
	{ ACCOUNT_WEB, "SELECT", "executables", false },
	{ ACCOUNT_WEB, "SELECT", "events", false },
	{ ACCOUNT_WEB, "SELECT", "event_gaps", false },
	{ ACCOUNT_WEB, "SELECT", "journals", false },
	{ ACCOUNT_WEB, "SELECT", "doors", false },
	{ ACCOUNT_WEB, "SELECT", "verdict_changes", false },
	{ ACCOUNT_WEB, "SELECT", "alerts", false },
	{ ACCOUNT_WEB, "SELECT", "alert_log", false },
	{ ACCOUNT_WEB, "SELECT", "alert_nodes", false },
	{ ACCOUNT_WEB, "SELECT", "exceptions", false },
	{ ACCOUNT_WEB, "SELECT", "maintenances", false },
	{ ACCOUNT_WEB, "SELECT", "scans", false },
	{ ACCOUNT_WEB, "SELECT", "scan_plans", false },
	{ ACCOUNT_WEB, "SELECT", "scan_shards", false },
	{ ACCOUNT_WEB, "SELECT", "scan_hosts", false },
	{ ACCOUNT_WEB, "SELECT", "scan_ports", false },
	{ ACCOUNT_WEB, "SELECT", "scan_doubts", false },
	{ ACCOUNT_WEB, "SELECT", "scan_keys", false },
	{ ACCOUNT_WEB, "SELECT", "scan_changes", false },
	{ ACCOUNT_WEB, "SELECT", "sink_cursors", false },
	{ ACCOUNT_WEB, "SELECT", "sink_states", false },
	{ ACCOUNT_WEB, "SELECT", "sink_parked", false },
	{ ACCOUNT_WEB, "SELECT", "turns", false },
	{ ACCOUNT_WEB, "SELECT", "retention_limits", false },
	{ ACCOUNT_WEB, "SELECT, INSERT", "requests", false },

	/*
	 * Reports, whose tools run whatever SQL their users write (Grafana does): the documented
	 * views, and nothing to be written.
	 */
	{ ACCOUNT_REPORT, "SELECT", "own_account", false },
	{ ACCOUNT_REPORT, "SELECT", MY_VIEWS, false },

	{ ACCOUNT_OWNER, NULL, NULL, false },
};
/* clang-format on */

/* The documented views. */
const char my_views_sql[] =
	"SELECT table_name FROM information_schema.tables WHERE table_schema = "
	"database() AND table_type = 'VIEW' AND table_name LIKE 'v|_%' ESCAPE '|' "
	"ORDER BY table_name";

/* --- what this account has ------------------------------------------------------------------------------- */

struct look {
	struct my *s;
	enum store_role role;
	bool seen[160]; /* by index into my_rights */
	struct buf *too_much;
};

_Static_assert(array_len(my_rights) <= array_len(((struct look *)0)->seen), "room for each right");

static void add(struct buf *b, const char *rights, size_t n, const char *object)
{
	buf_puts(b, b->len ? ", " : "");
	buf_put(b, rights, n);
	buf_puts(b, " on ");
	buf_puts(b, object);
}

/* Is the word of n letters one of a list like "SELECT, INSERT"? */
static bool has_word(const char *list, const char *word, size_t n)
{
	for (size_t len; *list; list += len + strspn(list + len, ", ")) {
		len = strcspn(list, ",");
		if (len == n && !memcmp(list, word, n))
			return true;
	}
	return false;
}

/*
 * "`db`.`events`" gives "events" when the database is ours; what is wider or elsewhere stays as it
 * is.
 */
static const char *plain_object(const struct my *s, const char *object, char *out, size_t size)
{
	size_t db = strlen(s->uri.db);

	snprintf(out, size, "%s", object);
	if (object[0] != '`' || strncmp(object + 1, s->uri.db, db) ||
	    strncmp(object + 1 + db, "`.`", 3))
		return out;
	snprintf(out, size, "%s", object + 1 + db + 3);
	out[strcspn(out, "`")] = '\0';
	return out;
}

static int find_right(const struct look *l, const char *object)
{
	bool view = !strncmp(object, "v_", 2);

	for (int i = 0; my_rights[i].object; i++) {
		if (my_rights[i].role == l->role &&
		    (!strcmp(my_rights[i].object, object) ||
		     (view && !strcmp(my_rights[i].object, MY_VIEWS))))
			return i;
	}
	return -1;
}

/* "GRANT SELECT, INSERT ON `ajar`.`events` TO ..." */
static void look_at(struct look *l, const char *line)
{
	static const char grant[] = "GRANT ", on[] = " ON ", procedure[] = "PROCEDURE ";
	const char *rights, *end, *object, *to;
	char text[512], plain[512];
	int i;

	if (strncmp(line, grant, sizeof(grant) - 1))
		return;
	rights = line + sizeof(grant) - 1;
	end = strstr(rights, on);
	if (!end || !strncmp(rights, "USAGE ", 6) || !strncmp(rights, "PROXY ", 6))
		return;
	object = end + sizeof(on) - 1;
	if (!strncmp(object, procedure, sizeof(procedure) - 1))
		object += sizeof(procedure) - 1;
	to = strstr(object, " TO ");
	snprintf(text, sizeof(text), "%.*s", to ? (int)(to - object) : 0, object);
	plain_object(l->s, text, plain, sizeof(plain));
	i = find_right(l, plain);
	for (const char *r = rights; r < end; r += strspn(r, ", ")) {
		size_t n = strcspn(r, ",");

		if (n > (size_t)(end - r))
			n = (size_t)(end - r);
		if (i < 0 || !has_word(my_rights[i].rights, r, n))
			add(l->too_much, r, n, plain);
		r += n;
	}
	/* One that is there in part is reported in full: granting it again fixes it. */
	if (i >= 0 && (size_t)(end - rights) >= strlen(my_rights[i].rights))
		l->seen[i] = true;
}

static int look_at_grants(struct look *l)
{
	MYSQL_RES *res;
	MYSQL_ROW row;
	int err = my_query(l->s, "SHOW GRANTS");

	if (err)
		return err;
	res = mysql_store_result(l->s->db);
	if (!res)
		return my_fail(l->s, NULL);
	while ((row = mysql_fetch_row(res))) {
		if (row[0])
			look_at(l, row[0]);
	}
	mysql_free_result(res);
	return 0;
}

static int who_is_it(struct my *s, struct store_whoami *ret)
{
	_my_use_ struct my_use u = { .s = s };
	const char *account, *node;
	int err = my_get(s, "SELECT current_user(), account_role, node FROM own_account", &u.st);

	if (!err)
		err = my_step(s, u.st);
	if (err <= 0)
		return err ? err : -EIO;
	account = my_col_str(u.st, 0);
	node = my_col_str(u.st, 2);
	snprintf(ret->account, sizeof(ret->account), "%s", account ? account : "");
	snprintf(ret->node, sizeof(ret->node), "%s", node ? node : "");
	ret->role = (enum store_role)my_col_u64(u.st, 1);
	return 0;
}

int my_whoami(struct store *base, struct store_whoami *ret, struct buf *too_little,
	      struct buf *too_much)
{
	struct my *s = (struct my *)base;
	struct look l = { .s = s, .too_much = too_much };
	const char *cipher;
	int err = who_is_it(s, ret);

	if (err)
		return err;
	cipher = mysql_get_ssl_cipher(s->db);
	snprintf(ret->cipher, sizeof(ret->cipher), "%s", cipher ? cipher : "");
	l.role = ret->role;
	if (!l.role) /* the owner may do all, and must */
		return 0;
	err = look_at_grants(&l);
	for (int i = 0; !err && my_rights[i].object; i++) {
		if (my_rights[i].role == l.role && !l.seen[i])
			add(too_little, my_rights[i].rights, strlen(my_rights[i].rights),
			    my_rights[i].object);
	}
	return err;
}
