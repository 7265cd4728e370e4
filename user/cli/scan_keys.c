/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/hostlist.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "base/parse.h"
#include "cli/cmd.h"
#include "cli/cmd_scan.h"
#include "cli/out.h"
#include "store/keys.h"
#include "view/view.h"

/* `ajar scan keys`: who answered on which port when a scan looked first, and what to do when that was another. */

struct keys {
	struct cmd_ctx *c;
	struct table *table;
	struct buf b;
	struct hostlist nodes; /* empty: all */
	struct hostlist known; /* nodes that have keys */
	bool have;
};

static int key_json(struct keys *k, const struct store_key *row)
{
	struct jsonw w;

	buf_reset(&k->b);
	jsonw_init(&w, &k->b);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "node", row->node);
	jsonw_str(&w, "proto", door_proto_name(row->proto));
	jsonw_u64(&w, "port", row->port);
	jsonw_str(&w, "fingerprint", row->fingerprint);
	jsonw_str(&w, "product", row->product);
	jsonw_str(&w, "version", row->version);
	jsonw_time(&w, "since", row->first_ns);
	jsonw_time(&w, "changed", row->changed_ns);
	jsonw_end_obj(&w);
	return out_json(&w);
}

static int on_key(const struct store_key *row, void *arg)
{
	struct keys *k = arg;
	char port[24], what[520];

	if (k->nodes.len && !hostlist_has(&k->nodes, row->node))
		return 0;
	k->have = true;
	if (k->c->json)
		return key_json(k, row);
	snprintf(port, sizeof(port), "%s %" PRIu32, door_proto_name(row->proto), row->port);
	snprintf(what, sizeof(what), "%s%s%s", row->product, *row->version ? " " : "",
		 row->version);
	{
		const char *const cells[] = { row->node, port, what, row->fingerprint };

		return table_row(k->table, cells, array_len(cells), row->changed_ns ? "33" : NULL);
	}
}

static int list(struct keys *k, struct store *s)
{
	static const struct table_column columns[] = {
		{ "NODE", 0, false, true },
		{ "PORT", 0, false, false },
		{ "SERVICE", 0, false, true },
		{ "KEYS", 0.5, false, true },
	};
	int err = table_new(columns, array_len(columns), k->c->colour, &k->table);

	if (!err)
		err = store_keys(s, NULL, on_key, k);
	if (!err && !k->have)
		log_info("no scan has seen a key or a version yet: 'ajar scan --kind identity'");
	if (!err && !k->c->json && k->have)
		err = table_print(k->table, stdout);
	return err ? err : out_flush();
}

static int on_known(const struct store_key *row, void *arg)
{
	struct keys *k = arg;

	return hostlist_has(&k->nodes, row->node) ? hostlist_add(&k->known, row->node) : 0;
}

static int forget(struct keys *k, struct store *s, uint32_t port)
{
	uint64_t n = 0, all = 0;
	int err = store_keys(s, NULL, on_known, k);

	hostlist_sort(&k->known);
	for (size_t i = 0; !err && i < k->known.len; i++) {
		err = store_keys_forget(s, k->known.names[i], port, &n);
		all += n;
	}
	if (err)
		return err;
	if (!all)
		return log_usage("nothing is remembered of that: 'ajar scan keys' has what is");
	if (!k->c->quiet)
		printf("%" PRIu64 " forgotten: the next scan learns what answers then\n", all);
	return out_flush();
}

static int run(struct cmd_ctx *c, bool forgets)
{
	struct keys k = { .c = c, .b = BUF_INIT(1 << 16) };
	_cleanup_(store_freep) struct store *s = NULL;
	struct hostlist_error why = { 0 };
	uint64_t port = 0;
	int err = 0;

	if (c->argc > 2 && (parse_u64(c->argv[2], &port) || !port || port > UINT16_MAX)) {
		log_usage("'%s' is not a port", c->argv[2]);
		return AJAR_EXIT_ERROR;
	}
	if (c->argc > 1 && hostlist_parse(&k.nodes, c->argv[1], NULL, &why)) {
		log_usage("'%s' is no set of nodes: %s", c->argv[1], why.what);
		return AJAR_EXIT_ERROR;
	}
	if (cmd_store(c, forgets ? 0 : STORE_READONLY, &s)) {
		hostlist_done(&k.nodes);
		return AJAR_EXIT_ERROR;
	}
	err = forgets ? forget(&k, s, (uint32_t)port) : list(&k, s);
	if (err && err != -EINVAL && err != -EPIPE)
		cmd_store_err(err, s, "keys");
	table_free(k.table);
	buf_done(&k.b);
	hostlist_done(&k.nodes);
	hostlist_done(&k.known);
	return err && err != -EPIPE ? AJAR_EXIT_ERROR : out_report(err);
}

static int run_ls(struct cmd_ctx *c)
{
	return run(c, false);
}

static int run_forget(struct cmd_ctx *c)
{
	return run(c, true);
}

const struct cmd scan_keys_rows[] = {
	{ .name = "ls",
	  .args = "[NODESET]",
	  .help = "what answered first: keys and certificates",
	  .max = 1,
	  .run = run_ls },
	{ .name = "forget",
	  .args = "NODESET [PORT]",
	  .help = "it is learned anew by the next scan",
	  .min = 1,
	  .max = 2,
	  .run = run_forget },
	{ 0 },
};
