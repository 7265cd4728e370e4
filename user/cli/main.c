/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ajar/exit.h"
#include "ajar/version.h"
#include "base/log.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/out.h"
#include "conf/conf.h"
#include "core/racks.h"

#define CONF_FILE "/etc/ajar/ajar.conf"

/*
 * A descriptor 0..2 that is closed would be given to the next file opened, and data written into
 * it.
 */
static int fill_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			return -errno;
	} while (fd <= STDERR_FILENO);
	close(fd);
	return 0;
}

static int set(struct conf *c, const char *key, const char *value, const char *option)
{
	_free_ char *why = NULL;
	int err;

	if (!value)
		return 0;
	if (!*value)
		return log_usage("%s wants a value: run 'ajar --help'", option);
	err = conf_set(c, key, value, option, &why);
	if (err)
		return why ? log_usage("%s", why) : log_err(err, "cannot read the command line");
	return 0;
}

static int load_conf(struct cmd_ctx *ctx, const struct options *o)
{
	const char *file = ctx->conf_file;
	_free_ char *why = NULL;
	int err = conf_new(&ctx->conf);

	if (!err && (file || !access(CONF_FILE, F_OK)))
		err = conf_load(ctx->conf, file ? file : CONF_FILE, &why);
	if (err)
		return why ? log_usage("%s", why) : log_err(err, "cannot read the configuration");
	err = set(ctx->conf, "data.dir", o->data, "--data");
	return err ? err : set(ctx->conf, "store.uri", o->store, "--store");
}

static bool want_colour(const struct options *o)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return !o->no_color && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0 &&
	       isatty(STDOUT_FILENO);
}

static int mistaken(const struct cmd *cmd)
{
	return cmd && cmd->mistaken ? cmd->mistaken() : AJAR_EXIT_ERROR;
}

static int run(struct cmd_ctx *ctx, const struct options *o)
{
	if (o->version) {
		puts("ajar " AJAR_VERSION);
		return AJAR_EXIT_OK;
	}
	if (o->help) {
		if (ctx->cmd)
			help_row(stdout, ctx);
		else
			help_program(stdout, ctx->table, true);
		return AJAR_EXIT_OK;
	}
	if (!ctx->cmd) {
		help_program(stderr, ctx->table, false);
		return AJAR_EXIT_ERROR;
	}
	if (!(ctx->cmd->flags & CMD_NO_CONF) && load_conf(ctx, o))
		return mistaken(ctx->cmd);
	return ctx->cmd->run(ctx);
}

int main(int argc, char **argv)
{
	struct cmd_ctx ctx = { .table = cmd_table };
	struct options o = { 0 };
	int rc = AJAR_EXIT_ERROR;

	if (fill_standard_fds())
		return AJAR_EXIT_ERROR; /* nobody can be told */
	log_init("ajar");
	setlocale(LC_CTYPE, "C.UTF-8"); /* all our text is UTF-8: for the widths of columns */
	signal(SIGPIPE, SIG_IGN);
	if (options_parse(argc, argv, &o, &ctx) == 0) {
		log_set_level(ctx.verbose ? LOG_LEVEL_DEBUG
			      : ctx.quiet ? LOG_LEVEL_ERROR
					  : LOG_LEVEL_INFO);
		ctx.colour = want_colour(&o);
		rc = run(&ctx, &o);
	} else {
		rc = mistaken(ctx.cmd);
	}
	conf_free(ctx.conf);
	racks_free(ctx.racks);
	if (out_report(out_flush()) != AJAR_EXIT_OK)
		rc = AJAR_EXIT_ERROR;
	return rc;
}
