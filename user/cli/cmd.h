/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_CMD_H
#define AJAR_CLI_CMD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct conf;
struct store;
struct buf;

/* One verb a file, one table (cli/main.c). run() returns an exit code: enum ajar_exit of include/ajar/exit.h. */
struct cmd_option {
	const char *name; /* "since" for --since */
	char letter; /* 0: none */
	const char *arg; /* "TIME", or NULL for a switch */
	const char *help; /* NULL: works, and no help shows it */
};
struct cmd_ctx {
	const struct cmd *cmd;
	struct conf *conf;
	const char *conf_file; /* -C, or NULL */
	bool json, colour, quiet, verbose;
	int argc; /* what is left behind options and verb */
	char **argv;
	const char *opts[16]; /* by index into cmd->options: value, "" for a switch that is given, NULL else */
};
struct cmd {
	const char *name, *args, *help;
	const struct cmd_option *options; /* name NULL ends it; at most 16 */
	const char *more; /* a paragraph for --help, or NULL */
	int (*run)(struct cmd_ctx *c);
	/* Instead of run() when the command line or the configuration is wrong, which has been said; NULL: exit code 2. */
	int (*mistaken)(void);
};
const char *cmd_opt(const struct cmd_ctx *c, const char *name); /* the value of one of the verb's own options */

/* Opens the store the verb works on (--store, else --data's); reports failures itself and returns a negative errno. */
must_check int cmd_store(struct cmd_ctx *c, unsigned flags, struct store **ret_store);
/* Says what could not be done and the store's reason; returns err. */
int cmd_store_err(int err, struct store *s, const char *what);
must_check bool cmd_store_exists(struct cmd_ctx *c);
/* One line on stderr for each class that has no accepted profile yet; store NULL: the class of this node. */
void cmd_say_learning(const struct cmd_ctx *c, struct store *s);

/* Does an agent write the journal in --data now? 1 yes, 0 no, -1 we may not know. */
int cmd_agent_runs(const struct cmd_ctx *c);

/* --on-alert, into alert.exec; then says what is wrong with alert.exec, when it cannot be run. */
must_check int cmd_on_alert(struct cmd_ctx *c);

/* True, after saying so, when more than max words are left (or fewer than min). */
must_check bool cmd_bad_words(const struct cmd_ctx *c, int min, int max);

/* The verbs, NULL-terminated (cli/main.c). */
extern const struct cmd *const cmd_table[];
extern const struct cmd cmd_watch, cmd_run, cmd_ls, cmd_timeline, cmd_alerts, cmd_profile, cmd_doctor, cmd_ship, cmd_monitor;
extern const struct cmd cmd_maintenance, cmd_config, cmd_db, cmd_node, cmd_notify, cmd_scan;
extern const struct cmd cmd_check, cmd_metrics;
/* `config check` reads files itself: main loads none for it. */
bool cmd_config_checks(const struct cmd_ctx *c);

#endif
