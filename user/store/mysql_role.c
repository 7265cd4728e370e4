/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * Is this server one to write to? A replica, a node that has lost its cluster, or one that was
 * started outside of it, would take us into another history, and a list of hosts leads there by
 * itself. Asked on every connection, with what any account may ask.
 */

/* The value in the row's last column, or "". */
int my_ask(struct my *s, const char *sql, char *out, size_t size)
{
	MYSQL_RES *res;
	MYSQL_ROW row;
	int err = my_query(s, sql);

	out[0] = '\0';
	if (err)
		return err;
	res = mysql_store_result(s->db);
	if (!res)
		return my_fail(s, NULL);
	row = mysql_fetch_row(res);
	if (row && row[mysql_num_fields(res) - 1])
		snprintf(out, size, "%s", row[mysql_num_fields(res) - 1]);
	mysql_free_result(res);
	return 0;
}

static int refuse(struct my *s, int err, const char *why)
{
	return store_set_why(&s->base, err, "store %s: %s", s->base.shown, why);
}

static int check_writable(struct my *s)
{
	char value[64];
	int err;

	if (s->flags & STORE_READONLY)
		return 0;
	err = my_ask(s, "SELECT @@read_only", value, sizeof(value));
	/* MySQL's super_read_only switches read_only on, too. */
	if (!err && strcmp(value, "0") && strcmp(value, "OFF"))
		err = refuse(s, -EROFS, "the server is read-only: give the primary's host");
	if (!err)
		err = my_ask(s, "SHOW VARIABLES LIKE 'innodb_read_only'", value, sizeof(value));
	if (!err && !strcmp(value, "ON"))
		err = refuse(s, -EROFS, "the server is read-only (innodb_read_only)");
	return err;
}

/* --- Galera ------------------------------------------------------------------------------------------- */

/*
 * A member that others wrote to until a moment ago may still be behind them: whoever comes from one
 * that died waits once until it has applied what was committed there, so that nothing is decided on
 * what is old.
 */
static int catch_up(struct my *s)
{
	char value[8];
	int err = my_query(s, "SET SESSION wsrep_sync_wait = 1");

	if (!err)
		err = my_ask(s, "SELECT 1", value, sizeof(value));
	return err ? err : my_query(s, "SET SESSION wsrep_sync_wait = DEFAULT");
}

static int check_galera(struct my *s, char *group, size_t size)
{
	char value[64], uuid[64];
	int err;

	err = my_ask(s, "SHOW STATUS LIKE 'wsrep_provider_name'", value, sizeof(value));
	if (err || !value[0])
		return err;
	err = my_ask(s, "SHOW STATUS LIKE 'wsrep_cluster_status'", value, sizeof(value));
	if (!err && strcmp(value, "Primary"))
		err = refuse(s, -EAGAIN, "this node is not in the cluster's primary part");
	if (!err)
		err = my_ask(s, "SHOW STATUS LIKE 'wsrep_ready'", value, sizeof(value));
	if (!err && strcmp(value, "ON"))
		err = refuse(s, -EAGAIN, "this node of the cluster is not ready yet");
	if (!err)
		err = my_ask(s, "SHOW STATUS LIKE 'wsrep_cluster_state_uuid'", uuid, sizeof(uuid));
	if (!err && !(s->flags & STORE_READONLY))
		err = catch_up(s);
	if (!err)
		snprintf(group, size, "galera %s", uuid);
	return err;
}

/* --- MySQL's Group Replication ------------------------------------------------------------------------ */

static int check_group(struct my *s, char *group, size_t size)
{
	static const char members[] = "SELECT concat(member_state, ' ', member_role) FROM "
				      "performance_schema.replication_group_members "
				      "WHERE member_id = @@server_uuid";
	char name[64], state[64], seen[8] = "";
	int err;

	err = my_ask(s, "SHOW VARIABLES LIKE 'group_replication_group_name'", name, sizeof(name));
	if (err || !name[0])
		return err;
	err = my_ask(s, members, state, sizeof(state));
	if (err == -EPERM || err == -EACCES) {
		/*
		 * Not for this account to see; a member that has left its group makes itself
		 * read-only.
		 */
		snprintf(group, size, "group %s", name);
		return 0;
	}
	if (err)
		return err;
	if (!state[0])
		err = my_ask(s, "SELECT @@performance_schema", seen, sizeof(seen));
	if (err)
		return err;
	if (!state[0] && !strcmp(seen, "0"))
		return 0;
	if (strncmp(state, "ONLINE", 6))
		return refuse(s, -EAGAIN, "this server is not in its replication group at present");
	if (!(s->flags & STORE_READONLY) && strcmp(state, "ONLINE PRIMARY"))
		return refuse(s, -EROFS,
			      "this member of the replication group is not its primary: give the "
			      "primary's host");
	snprintf(group, size, "group %s", name);
	return 0;
}

int my_check_role(struct my *s)
{
	char group[sizeof(s->group)] = "";
	int err = check_writable(s);

	if (!err)
		err = check_galera(s, group, sizeof(group));
	if (!err && !group[0])
		err = check_group(s, group, sizeof(group));
	if (err)
		return err;
	if (!group[0] && (s->group[0] || s->uri.member))
		return refuse(s, -EAGAIN,
			      "this server stands alone, outside the cluster: the others do not "
			      "get what is sent there");
	snprintf(s->group, sizeof(s->group), "%s", group);
	return 0;
}
