/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"
#include "store/put.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * A node's account. It sees no table: its rows go in through the view own_events, what follows from
 * them is worked out by the server in own_begin(), own_note() and own_end(), and own_boots and
 * own_digests say what is there already (see sql/store/mysql/0004_grants.sql). None of them is told
 * which node it is: the server knows who has logged in.
 */

/* Fewer rights than a table's are told by these. */
static bool is_denied(int err)
{
	return err == -EPERM || err == -EACCES;
}

static int read_account(struct my *s)
{
	_sql_ struct sql q = { .s = &s->base };
	int ret = sql_first(
		&q, "SELECT interface_number, cluster_uuid, schema_number, node FROM own_account");

	if (ret <= 0)
		return ret ? ret : -EIO;
	s->own_interface = (unsigned)sql_u64(&q, 0);
	s->own_schema = (unsigned)sql_u64(&q, 2);
	snprintf(s->said_cluster, sizeof(s->said_cluster), "%s", sql_str(&q, 1));
	snprintf(s->own_node, sizeof(s->own_node), "%s", sql_str(&q, 3));
	return 0;
}

int my_account_find(struct my *s)
{
	_sql_ struct sql q = { .s = &s->base };
	int err;

	s->base.limited = false;
	s->own_node[0] = '\0';
	err = sql_get(&q, "SELECT number FROM schema_migrations LIMIT 1");
	if (!is_denied(err))
		return err == -STORE_E_OLD ? 0 : err; /* -STORE_E_OLD: nothing there yet */
	err = read_account(s);
	s->base.limited = !err;
	/* One that may not even ask who it is finds out at its first question what it lacks. */
	return is_denied(err) || err == -STORE_E_OLD ? 0 : err;
}

int my_own_check(struct store *base, const char *node)
{
	const struct my *s = (struct my *)base;

	if (!strcmp(s->own_node, node))
		return 0;
	return store_set_why(base, -EPERM,
			     "store %s: the account '%s' is bound to the node '%s' and takes "
			     "nothing of '%s': set node.name, or run 'ajar db grant %s'",
			     s->base.shown, s->uri.user, s->own_node, node, node);
}

/* --- the steps of a batch -------------------------------------------------------------------------------- */

int my_own_begin(struct put *p, const char *host_type)
{
	_sql_ struct sql q = { .s = p->s };
	int ret = sql_run(p->s, NULL, "CALL own_begin(?, ?)", U(p->boot_seq), S(host_type));

	if (ret)
		return ret;
	ret = sql_first(&q,
			"SELECT node_id, base_seq, head_seq, stored_seq, now_ns FROM own_boots "
			"WHERE boot_seq = ?",
			U(p->boot_seq));
	if (ret <= 0)
		return ret ? ret
			   : store_set_why(p->s, -EPERM, "store %s: the account '%s' was revoked",
					   p->s->shown, ((struct my *)p->s)->uri.user);
	p->node_id = sql_u64(&q, 0);
	p->base_seq = sql_u64(&q, 1);
	p->head_seq = sql_u64(&q, 2);
	p->stored_seq = sql_u64(&q, 3);
	p->server_ns = sql_u64(&q, 4);
	return 0;
}

int my_own_end(struct put *p)
{
	struct store *s = p->s;
	int err = 0;

	for (size_t i = 0; !err && i < p->fresh_len; i++) {
		if (p->kinds[i] == EVENT_LOST || p->kinds[i] == EVENT_GAP ||
		    p->kinds[i] == EVENT_START)
			err = sql_run(s, NULL, "CALL own_note(?, ?)", U(p->boot_seq),
				      U(p->fresh[i]->seq));
	}
	return err ? err
		   : sql_run(s, NULL, "CALL own_end(?, ?, ?, ?)", U(p->boot_seq),
			     U(p->fresh[0]->seq), U(p->max_seq), U(p->fresh_len));
}
