/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql_put.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * A node's account. It sees no table: its rows go in through the view own_events, what follows from them is worked out by the
 * server in own_begin(), own_note() and own_end(), and own_boots and own_digests say what is there already (see
 * sql/store/mysql/0004_grants.sql). None of them is told which node it is: the server knows who has logged in.
 */

/* Fewer rights than a table's are told by these. */
static bool is_denied(int err)
{
	return err == -EPERM || err == -EACCES;
}

static int read_account(struct my *s)
{
	_my_use_ struct my_use u = { .s = s };
	const char *node, *uuid;
	int ret;

	ret = my_get(s,
		     "SELECT interface_number, cluster_uuid, schema_number, node FROM own_account",
		     &u.st);
	if (!ret)
		ret = my_step(s, u.st);
	if (ret <= 0)
		return ret ? ret : -EIO;
	uuid = my_col_str(u.st, 1);
	node = my_col_str(u.st, 3);
	s->own_interface = (unsigned)my_col_u64(u.st, 0);
	s->own_schema = (unsigned)my_col_u64(u.st, 2);
	snprintf(s->said_cluster, sizeof(s->said_cluster), "%s", uuid ? uuid : "");
	snprintf(s->own_node, sizeof(s->own_node), "%s", node ? node : "");
	return 0;
}

int my_account_find(struct my *s)
{
	_my_use_ struct my_use u = { .s = s };
	int err;

	s->limited = false;
	s->own_node[0] = '\0';
	err = my_get(s, "SELECT number FROM schema_migrations LIMIT 1", &u.st);
	if (!is_denied(err))
		return err == -ESTALE ? 0 : err; /* -ESTALE: nothing there yet */
	err = read_account(s);
	s->limited = !err;
	/* One that may not even ask who it is finds out at its first question what it lacks. */
	return is_denied(err) || err == -ESTALE ? 0 : err;
}

int my_own_check(struct my *s, const char *node)
{
	if (!strcmp(s->own_node, node))
		return 0;
	return store_set_why(
		&s->base, -EPERM,
		"store %s: the account '%s' is bound to the node '%s' and takes nothing of "
		"'%s': set node.name, or run 'ajar db grant %s'",
		s->name, s->uri.user, s->own_node, node, node);
}

/* --- the steps of a batch -------------------------------------------------------------------------------- */

static int begin(struct put *p, const char *host_type)
{
	_my_use_ struct my_use u = { .s = p->s };
	int err = my_get(p->s, "CALL own_begin(?, ?)", &u.st);

	if (err)
		return err;
	my_u64(u.st, 1, p->boot_seq);
	my_str(u.st, 2, host_type);
	return my_run(p->s, u.st, NULL);
}

int my_own_begin(struct put *p, const char *host_type)
{
	_my_use_ struct my_use u = { .s = p->s };
	int ret = begin(p, host_type);

	if (!ret)
		ret = my_get(
			p->s,
			"SELECT node_id, base_seq, head_seq, stored_seq, now_ns FROM own_boots "
			"WHERE boot_seq = ?",
			&u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, p->boot_seq);
	ret = my_step(p->s, u.st);
	if (ret <= 0)
		return ret ? ret
			   : store_set_why(&p->s->base, -EPERM,
					   "store %s: the account '%s' was revoked", p->s->name,
					   p->s->uri.user);
	p->node_id = my_col_u64(u.st, 0);
	p->base_seq = my_col_u64(u.st, 1);
	p->head_seq = my_col_u64(u.st, 2);
	p->stored_seq = my_col_u64(u.st, 3);
	p->server_ns = my_col_u64(u.st, 4);
	return 0;
}

bool my_own_same(const struct store_event *row, struct text digest)
{
	uint8_t want[SHA256_LEN];
	struct sha256 sha;

	sha256_init(&sha);
	sha256_update(&sha, row->record.ptr, row->record.len);
	sha256_update(&sha, row->chain, SHA256_LEN);
	sha256_final(&sha, want);
	return digest.len == SHA256_LEN && !memcmp(digest.ptr, want, SHA256_LEN);
}

static int note(struct put *p, uint64_t seq)
{
	_my_use_ struct my_use u = { .s = p->s };
	int err = my_get(p->s, "CALL own_note(?, ?)", &u.st);

	if (err)
		return err;
	my_u64(u.st, 1, p->boot_seq);
	my_u64(u.st, 2, seq);
	return my_run(p->s, u.st, NULL);
}

int my_own_end(struct put *p)
{
	_my_use_ struct my_use u = { .s = p->s };
	int err = 0;

	for (size_t i = 0; !err && i < p->fresh_len; i++) {
		if (p->kinds[i] == EVENT_LOST || p->kinds[i] == EVENT_GAP ||
		    p->kinds[i] == EVENT_START)
			err = note(p, p->fresh[i]->seq);
	}
	if (!err)
		err = my_get(p->s, "CALL own_end(?, ?, ?, ?)", &u.st);
	if (err)
		return err;
	my_u64(u.st, 1, p->boot_seq);
	my_u64(u.st, 2, p->fresh[0]->seq);
	my_u64(u.st, 3, p->max_seq);
	my_u64(u.st, 4, p->fresh_len);
	return my_run(p->s, u.st, NULL);
}

int my_own_boot_range(struct my *s, const char *node, uint32_t boot_seq, uint64_t *ret_base,
		      uint64_t *ret_head)
{
	_my_use_ struct my_use u = { .s = s };
	int ret = my_own_check(s, node);

	if (!ret)
		ret = my_get(s, "SELECT base_seq, head_seq FROM own_boots WHERE boot_seq = ?",
			     &u.st);
	if (ret)
		return ret;
	my_u64(u.st, 1, boot_seq);
	ret = my_step(s, u.st);
	if (ret < 0)
		return ret;
	*ret_base = ret ? my_col_u64(u.st, 0) : 0;
	*ret_head = ret ? my_col_u64(u.st, 1) : 0;
	return 0;
}
