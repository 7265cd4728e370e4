/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_CMD_H
#define AJAR_CLI_CMD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct conf;
struct racks;
struct store;
struct buf;
struct cmd_ctx;

/*
 * One verb a file, one table (cli/verbs.c). A verb is a row, and so is each word behind it that is
 * a command of its own (`alerts ack`): which options it takes and how many words. What a row does
 * not name is refused before anything is done, and help, manual and completion are made from the
 * rows. run() returns an exit code: enum ajar_exit of include/ajar/exit.h.
 */
struct cmd_option {
	const char *name; /* "since" for --since */
	char letter; /* 0: none */
	const char *arg; /* "TIME", or NULL for a switch; the same in all rows of a verb */
	const char *help; /* NULL: works, and no help shows it */
};
/* Of each row that lists: out_open() honours it. */
#define CMD_CSV                                                                                    \
	{                                                                                          \
		"csv", 0, NULL, "comma-separated values, the first line names them"                \
	}
extern const struct cmd_option cmd_csv_options[]; /* for rows without any other */
#define CMD_ANY 1000000 /* words */
#define CMD_NO_CONF 1u /* reads configurations itself: main loads none for it */
struct cmd {
	const char *name, *args; /* args: its words, for usage */
	const char *help; /* NULL: works, and no help shows it */
	int min, max; /* words */
	const char *few; /* said when there are fewer than min; NULL: the usual */
	const struct cmd_option *options; /* name NULL ends it */
	/* name NULL ends it. Without run() the first is meant when there is no word. */
	const struct cmd *subs;
	const char *more; /* a paragraph for --help, or NULL */
	unsigned flags;
	int (*run)(struct cmd_ctx *c);
	/*
	 * Instead of run() when the command line or the configuration is wrong, which has been
	 * said; NULL: exit code 2.
	 */
	int (*mistaken)(void);
};
struct cmd_given {
	const char *name, *value; /* "" for a switch */
};
#define CMD_GIVEN_MAX 32 /* options of one command line: more are refused */
struct cmd_ctx {
	const struct cmd *const *table; /* all verbs */
	const struct cmd *cmd; /* the row */
	/* the one that `path` names: the row, or one above it whose first is meant */
	const struct cmd *named;
	char path[64]; /* "alerts ack", for messages */
	struct conf *conf;
	struct racks *racks; /* those of words_racks() */
	const char *conf_file; /* -C, or NULL */
	bool json, colour, quiet, verbose;
	/*
	 * What is left behind options. Of a row below a verb argv[0] is its own name, unless it is
	 * meant without being named.
	 */
	int argc;
	char **argv;
	struct cmd_given given[CMD_GIVEN_MAX];
	unsigned given_len;
};
/* the value of one of the row's own options */
const char *cmd_opt(const struct cmd_ctx *c, const char *name);

/*
 * Opens the store the verb works on (--store, else --data's); reports failures itself and returns a
 * negative errno.
 */
must_check int cmd_store(struct cmd_ctx *c, unsigned flags, struct store **ret_store);
/* Says what could not be done and the store's reason; returns err. */
int cmd_store_err(int err, struct store *s, const char *what);
must_check bool cmd_store_exists(struct cmd_ctx *c);
/*
 * Or was named: one that was named and is not there is a mistake, not a machine without a store,
 * and opening it says so.
 */
must_check bool cmd_store_meant(struct cmd_ctx *c);
/*
 * One line on stderr for each class that has no accepted profile yet; store NULL: the class of this
 * node.
 */
void cmd_say_learning(const struct cmd_ctx *c, struct store *s);

/* Does an agent write the journal in --data now? 1 yes, 0 no, -1 we may not know. */
int cmd_agent_runs(const struct cmd_ctx *c);

/* --on-alert, into alert.exec; then says what is wrong with alert.exec, when it cannot be run. */
must_check int cmd_on_alert(struct cmd_ctx *c);

/* The verbs, NULL-terminated (cli/verbs.c). */
extern const struct cmd *const cmd_table[];
extern const struct cmd cmd_watch, cmd_run, cmd_ls, cmd_timeline, cmd_alerts, cmd_profile,
	cmd_doctor, cmd_ship, cmd_monitor;
extern const struct cmd cmd_maintenance, cmd_config, cmd_db, cmd_node, cmd_notify, cmd_scan;
extern const struct cmd cmd_check, cmd_metrics, cmd_web, cmd_demo;

#endif
