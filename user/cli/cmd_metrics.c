/* SPDX-License-Identifier: GPL-2.0 */
#include <string.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/log.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "daemon/metrics_file.h"
#include "store/store.h"
#include "view/metrics.h"

static int run(struct cmd_ctx *c)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(METRICS_BYTES_MAX);
	_cleanup_(store_freep) struct store *s = NULL;
	const char *file = cmd_opt(c, "textfile");
	int err;

	if (file && !*file)
		return log_usage("--textfile wants a file: run 'ajar metrics --help'"),
		       AJAR_EXIT_ERROR;
	err = cmd_store(c, STORE_READONLY, &s);
	if (err)
		return AJAR_EXIT_ERROR;
	if (file) {
		err = metrics_file(s, c->conf, file);
		if (err && *store_why(s))
			return cmd_store_err(err, s, "cannot count"), AJAR_EXIT_ERROR;
		if (err)
			return log_err(err, "cannot write '%s'", file), AJAR_EXIT_ERROR;
		return AJAR_EXIT_OK;
	}
	err = metrics_text(s, c->conf, &b);
	if (err)
		return cmd_store_err(err, s, "cannot count"), AJAR_EXIT_ERROR;
	err = out_put(&b);
	return out_report(err ? err : out_flush());
}

static const struct cmd_option options[] = {
	{ "textfile", 0, "FILE",
	  "write it there, whole or not at all, for node_exporter's textfile collector" },
	{ 0 },
};

const struct cmd cmd_metrics = {
	.name = "metrics",
	.args = "",
	.help = "the store's figures as Prometheus text",
	.options = options,
	.more = "Alerts, open doors, nodes, events received and lost, how far the judge and each "
		"sink "
		"are behind.\nThe monitor writes the same by itself where metrics.textfile says.",
	.run = run,
};
