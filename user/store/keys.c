/* SPDX-License-Identifier: GPL-2.0 */
#include "store/keys.h"

#include <errno.h>

#include "store/sql.h"
#include "store/wrap.h"

int store_keys(struct store *s, const char *node, store_key_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT n.name, k.proto, k.port, k.fingerprint, k.product, k.version, "
			  "k.first_ns, k.changed_ns FROM scan_keys k JOIN nodes n ON n.id = "
			  "k.node_id WHERE ? = '' OR n.name = ? ORDER BY n.name, k.port, k.proto",
			  S(node ? node : ""), S(node ? node : ""));

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_key k = {
			.node = sql_str(&q, 0),
			.proto = (enum door_proto)sql_u64(&q, 1),
			.port = (uint32_t)sql_u64(&q, 2),
			.fingerprint = sql_str(&q, 3),
			.product = sql_str(&q, 4),
			.version = sql_str(&q, 5),
			.first_ns = sql_u64(&q, 6),
			.changed_ns = sql_u64(&q, 7),
		};

		ret = fn(&k, arg);
	}
	return ret;
}

static int put_key(struct store *s, const struct store_key *k)
{
	uint64_t id = 0;
	int err = sql_node_id(s, k->node, &id);

	if (!err)
		err = sql_run(s, NULL,
			      "DELETE FROM scan_keys WHERE node_id = ? AND proto = ? AND port = ?",
			      U(id), U(k->proto), U(k->port));
	if (!err)
		err = sql_run(s, NULL,
			      "INSERT INTO scan_keys (node_id, proto, port, fingerprint, product, "
			      "version, first_ns, changed_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
			      U(id), U(k->proto), U(k->port), S(k->fingerprint), S(k->product),
			      S(k->version), U(k->first_ns), U(k->changed_ns));
	return err;
}

int store_key_put(struct store *s, const struct store_key *k)
{
	return write_op(s, put_key(s, k));
}

static int forget(struct store *s, const char *node, uint32_t port, uint64_t *ret_n)
{
	uint64_t id = 0;
	int err = sql_node_id(s, node, &id);

	return err ? err
		   : sql_run(s, ret_n,
			     "DELETE FROM scan_keys WHERE node_id = ? AND (? = 0 OR port = ?)",
			     U(id), U(port), U(port));
}

int store_keys_forget(struct store *s, const char *node, uint32_t port, uint64_t *ret_n)
{
	return write_op(s, forget(s, node, port, ret_n));
}
