/* SPDX-License-Identifier: GPL-2.0 */
/* The verbs that stay: words and options here, what they do in daemon/. */
#include <string.h>

#include "ajar/exit.h"
#include "base/log.h"
#include "base/parse.h"
#include "cli/cmd.h"
#include "conf/conf.h"
#include "daemon/daemon.h"
#include "sim/story.h"
#include "web/web.h"

static struct daemon_opts daemon_opts(const struct cmd_ctx *c)
{
	return (struct daemon_opts){ .conf = c->conf,
				     .conf_file = c->conf_file,
				     .quiet = c->quiet,
				     .verbose = c->verbose,
				     .json = c->json,
				     .colour = c->colour };
}

/* --- run ---------------------------------------------------------------------------------------------- */

static int take_options(struct cmd_ctx *c)
{
	const char *web = cmd_opt(c, "web");
	_free_ char *why = NULL;
	int err = 0;

	if (web)
		err = conf_set(c->conf, "web.listen", web, "--web", &why);
	if (!err && strcmp(c->conf->web_listen, "off"))
		err = web_conf_check(c->conf, &why);
	if (!err && cmd_opt(c, "keep-pins"))
		err = conf_set(c->conf, "sensor.keep-pins", "yes", "--keep-pins", &why);
	if (err)
		return log_usage("%s", why ? why : strerror(-err));
	return cmd_on_alert(c);
}

static int run_all(struct cmd_ctx *c)
{
	struct daemon_opts o = daemon_opts(c);

	if (take_options(c))
		return AJAR_EXIT_ERROR;
	o.no_scan = cmd_opt(c, "no-scan") != NULL;
	return daemon_all_in_one(&o);
}

static const struct cmd_option run_options[] = {
	{ "on-alert", 0, "PROGRAM", "gets one alert's JSON on its standard input per change" },
	{ "web", 0, "ADDR:PORT|off", "where the web page listens (web.listen, 127.0.0.1:2527)" },
	{ "no-scan", 0, NULL, "do not scan this host with nmap" },
	{ "keep-pins", 0, NULL, "leave the sensor pinned at exit: it goes on recording" },
	{ 0 },
};

const struct cmd cmd_run = {
	.name = "run",
	.args = "",
	.help = "everything on one machine: sensor, journal, store, audit, alerts",
	.options = run_options,
	.more = "Starts the roles as children and starts one that dies again. Prints 'ready' on "
		"stderr once doors\n"
		"are recorded and judged, then what happens; -q shows nothing. SIGTERM or Ctrl-C "
		"ends all of it.",
	.run = run_all,
};

/* --- ship --------------------------------------------------------------------------------------------- */

static int run_ship(struct cmd_ctx *c)
{
	const struct daemon_opts o = daemon_opts(c);

	return daemon_shipper(&o);
}

const struct cmd cmd_ship = {
	.name = "ship",
	.args = "",
	.help = "copy this node's journal to the store, as it grows",
	.more = "Sending twice changes nothing; what the store lacks and the journal still keeps "
		"is sent again.\n"
		"While the store is away the journal keeps everything. What the store refuses for "
		"good waits in\n"
		"DATA/journal/ship.quarantine and is offered again every hour and at each start; "
		"'ajar doctor' shows it.",
	.run = run_ship,
};

/* --- monitor ------------------------------------------------------------------------------------------ */

static int run_monitor(struct cmd_ctx *c)
{
	const struct daemon_opts o = daemon_opts(c);
	const char *web = cmd_opt(c, "web");
	_free_ char *why = NULL;

	if (cmd_on_alert(c))
		return AJAR_EXIT_ERROR;
	if (web && conf_set(c->conf, "web.listen", web, "--web", &why))
		return log_usage("%s", why ? why : "--web: no memory"), AJAR_EXIT_ERROR;
	if (cmd_opt(c, "no-scan"))
		c->conf->scan_enabled = false;
	return daemon_monitor(&o);
}

static const struct cmd_option monitor_options[] = {
	{ "on-alert", 0, "PROGRAM", "gets one alert's JSON on its standard input per change" },
	{ "no-scan", 0, NULL,
	  "do not scan: others may, and what a scan would see is not known here" },
	{ "web", 0, "ADDRESS:PORT", NULL }, /* of ajar run: whose door that is */
	{ 0 },
};

const struct cmd cmd_monitor = {
	.name = "monitor",
	.args = "",
	.help = "judge what agents report, raise and resolve alerts",
	.options = monitor_options,
	.more = "Reads events from the store as they arrive, judges each open door against the "
		"profile\n"
		"of its node's class and sends alerts to the sinks of the configuration.",
	.run = run_monitor,
};

/* --- demo --------------------------------------------------------------------------------------------- */

static int run_demo(struct cmd_ctx *c)
{
	struct daemon_opts o = daemon_opts(c);
	const char *nodes = cmd_opt(c, "nodes"), *web = cmd_opt(c, "web");
	uint64_t n = 0;

	o.demo_nodes = nodes ? nodes : "512";
	o.demo_web = web;
	if (parse_u64(o.demo_nodes, &n) || n < STORY_NODES_MIN || n > STORY_NODES_MAX) {
		log_usage("--nodes takes a number from %d to %d, not '%s'", STORY_NODES_MIN,
			  STORY_NODES_MAX, nodes);
		return AJAR_EXIT_ERROR;
	}
	return cmd_opt(c, "feed") ? daemon_demo_feed(&o) : daemon_demo(&o);
}

static const struct cmd_option demo_options[] = {
	{ "nodes", 0, "N", "so many nodes (32 to 20000); 512 without it" },
	{ "web", 0, "ADDR:PORT",
	  "where the web page listens; 127.0.0.1 and a free port without it" },
	{ "feed", 0, NULL, NULL },
	{ 0 },
};

const struct cmd cmd_demo = {
	.name = "demo",
	.args = "",
	.help = "an invented cluster with incidents in it, to look around: no root, no trace",
	.options = demo_options,
	.more = "The real monitor and the real web page on a store in a temporary folder, which "
		"goes at the end (Ctrl-C).\n"
		"Prints the address of the page. A backdoor, an impostor, a listener that the "
		"kernel does not show, a silent node\n"
		"and more are hidden in a day of ordinary use; what happens goes on while it runs.",
	.run = run_demo,
};
