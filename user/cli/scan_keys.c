/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ajar/exit.h"
#include "base/hostlist.h"
#include "base/log.h"
#include "base/parse.h"
#include "cli/cmd.h"
#include "cli/cmd_scan.h"
#include "cli/out.h"
#include "store/keys.h"
#include "view/writer.h"

/*
 * `ajar scan keys`: who answered on which port when a scan looked first, and what to do when that
 * was another.
 */

struct keys {
	struct cmd_ctx *c;
	struct writer w; /* of ls */
	struct hostlist nodes; /* empty: all */
	struct hostlist known; /* nodes that have keys */
};

static int on_key(const struct store_key *row, void *arg)
{
	struct keys *k = arg;
	struct writer *w = &k->w;

	if (k->nodes.len && !hostlist_has(&k->nodes, row->node))
		return 0;
	writer_start(w, NULL);
	writer_str(w, "node", row->node);
	writer_str(w, "proto", door_proto_name(row->proto));
	writer_u64(w, "port", row->port);
	writer_str(w, "fingerprint", row->fingerprint);
	writer_str(w, "product", row->product);
	writer_str(w, "version", row->version);
	writer_time(w, "since", row->first_ns);
	writer_time(w, "changed", row->changed_ns);
	writer_cell(w, "port", "%s %" PRIu32, door_proto_name(row->proto), row->port);
	writer_cell(w, "product", "%s%s%s", row->product, *row->version ? " " : "", row->version);
	writer_colour(w, row->changed_ns ? "33" : NULL);
	return writer_end(w);
}

static int list(struct keys *k, struct store *s)
{
	int err = store_keys(s, NULL, on_key, k);

	if (!err && !k->w.records)
		log_info("no scan has seen a key or a version yet: 'ajar scan --kind identity'");
	return err;
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
	static const struct writer_field fields[] = {
		COLUMN("node", "NODE", .trunc = true),
		FIELD("proto"),
		COLUMN("port", "PORT"),
		COLUMN("product", "SERVICE", .trunc = true),
		FIELD("version"),
		COLUMN("fingerprint", "KEYS", .width = 0.5, .trunc = true),
		FIELD("since"),
		FIELD("changed"),
		{ 0 },
	};
	struct keys k = { .c = c };
	_cleanup_(store_freep) struct store *s = NULL;
	struct hostlist_error why = { 0 };
	uint64_t port = 0;
	int err, rc;

	if (c->argc > 2 && (parse_u64(c->argv[2], &port) || !port || port > UINT16_MAX)) {
		log_usage("'%s' is not a port", c->argv[2]);
		return AJAR_EXIT_ERROR;
	}
	if (c->argc > 1 && hostlist_parse(&k.nodes, c->argv[1], NULL, &why)) {
		log_usage("'%s' is no set of nodes: %s", c->argv[1], why.what);
		return AJAR_EXIT_ERROR;
	}
	if (cmd_store(c, forgets ? 0 : STORE_READONLY, &s) ||
	    (!forgets && out_open(c, fields, &k.w))) {
		hostlist_done(&k.nodes);
		return AJAR_EXIT_ERROR;
	}
	if (!forgets) {
		rc = out_close(&k.w, list(&k, s), s, "keys");
	} else {
		err = forget(&k, s, (uint32_t)port);
		if (err && err != -EINVAL && err != -EPIPE)
			cmd_store_err(err, s, "keys");
		rc = err && err != -EPIPE ? AJAR_EXIT_ERROR : out_report(err);
	}
	hostlist_done(&k.nodes);
	hostlist_done(&k.known);
	return rc;
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
	  .options = cmd_csv_options,
	  .run = run_ls },
	{ .name = "forget",
	  .args = "NODESET [PORT]",
	  .help = "it is learned anew by the next scan",
	  .min = 1,
	  .max = 2,
	  .run = run_forget },
	{ 0 },
};
