/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/options.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cli/cmd.h"
#include "conf/suggest.h"

enum {
	OPT_HELP,
	OPT_JSON,
	OPT_NO_COLOR,
	OPT_QUIET,
	OPT_VERBOSE,
	OPT_CONFIG,
	OPT_STORE,
	OPT_DATA,
	OPT_VERSION
};

/* clang-format off */
const struct cmd_option global_options[] = {
	[OPT_HELP] = { "help", 'h', NULL, "this text" },
	[OPT_JSON] = { "json", 'j', NULL, "one JSON object a line on standard output" },
	[OPT_NO_COLOR] = { "no-color", 0, NULL, "no colour (NO_COLOR is honoured too; none but on a terminal)" },
	[OPT_QUIET] = { "quiet", 'q', NULL, "only warnings and errors on standard error" },
	[OPT_VERBOSE] = { "verbose", 'v', NULL, "say more on standard error" },
	[OPT_CONFIG] = { "config", 'C', "FILE", "configuration (default /etc/ajar/ajar.conf, when it exists)" },
	[OPT_STORE] = { "store", 0, "URI", "the store, sqlite:PATH or mysql://USER@HOST/DB?ca=FILE (default: the embedded one in --data)" },
	[OPT_DATA] = { "data", 0, "DIR", "where journal and embedded store live (default /var/lib/ajar)" },
	[OPT_VERSION] = { "version", 'V', NULL, "the version" },
	{ 0 },
};
/* clang-format on */

static void set_global(int i, const char *value, struct options *o, struct cmd_ctx *ctx)
{
	switch (i) {
	case OPT_HELP:
		o->help = true;
		break;
	case OPT_JSON:
		ctx->json = true;
		break;
	case OPT_NO_COLOR:
		o->no_color = true;
		break;
	case OPT_QUIET:
		ctx->quiet = true;
		break;
	case OPT_VERBOSE:
		ctx->verbose = true;
		break;
	case OPT_CONFIG:
		ctx->conf_file = value;
		break;
	case OPT_STORE:
		o->store = value;
		break;
	case OPT_DATA:
		o->data = value;
		break;
	case OPT_VERSION:
		o->version = true;
		break;
	}
}

static int find_long(const struct cmd_option *t, const char *name, size_t n)
{
	for (int i = 0; t && t[i].name; i++) {
		if (strlen(t[i].name) == n && !memcmp(t[i].name, name, n))
			return i;
	}
	return -1;
}

static int find_letter(const struct cmd_option *t, char letter)
{
	for (int i = 0; t && t[i].name; i++) {
		if (t[i].letter == letter)
			return i;
	}
	return -1;
}

struct parser {
	int argc, next;
	char **argv;
	struct options *o;
	struct cmd_ctx *ctx;
};

static const struct cmd_option *own_options(const struct parser *p)
{
	return p->ctx->cmd ? p->ctx->cmd->options : NULL;
}

/* "ajar" or "ajar watch": whose --help to point at. */
static const char *space_and_verb(const struct parser *p, const char **ret_verb)
{
	*ret_verb = p->ctx->cmd ? p->ctx->cmd->name : "";
	return p->ctx->cmd ? " " : "";
}

static int unknown_option(const struct parser *p, const char *arg, const char *name, size_t n)
{
	_free_ char *word = strndup(name, n);
	const char *verb, *space = space_and_verb(p, &verb);
	struct suggest s;

	if (!word)
		return log_err(-ENOMEM, "cannot read the command line");
	suggest_init(&s, word);
	for (const struct cmd_option *t = global_options; t->name; t++)
		suggest_try(&s, t->name);
	for (const struct cmd_option *t = own_options(p); t && t->name; t++)
		suggest_try(&s, t->name);
	if (s.best && !strncmp(arg, "--", 2))
		return log_usage(
			"unknown option '--%s' (did you mean '--%s'?): run 'ajar%s%s --help'", word,
			s.best, space, verb);
	return log_usage("unknown option '%.*s': run 'ajar%s%s --help'", arg[1] == '-' ? 60 : 2,
			 arg, space, verb);
}

/* The option at index i of the globals, or of the verb's own: takes its value (inline or the next word). */
static int take(struct parser *p, bool global, int i, const char *inline_value, bool *ret_used)
{
	const struct cmd_option *t = global ? &global_options[i] : &own_options(p)[i];
	const char *value = inline_value, *verb, *space = space_and_verb(p, &verb);

	if (t->arg && !value) {
		if (p->next >= p->argc)
			return log_usage(
				"option '--%s' needs a value, --%s=%s: run 'ajar%s%s --help'",
				t->name, t->name, t->arg, space, verb);
		value = p->argv[p->next++];
	}
	*ret_used = t->arg != NULL;
	if (global)
		set_global(i, value, p->o, p->ctx);
	else
		p->ctx->opts[i] = t->arg ? value : "";
	return 0;
}

static int take_long(struct parser *p, const char *arg)
{
	const char *name = arg + 2, *eq = strchr(name, '='), *verb,
		   *space = space_and_verb(p, &verb);
	size_t n = eq ? (size_t)(eq - name) : strlen(name);
	int i = find_long(own_options(p), name, n);
	bool global = i < 0, used = false;
	const struct cmd_option *t;

	if (global)
		i = find_long(global_options, name, n);
	if (i < 0)
		return unknown_option(p, arg, name, n);
	t = global ? &global_options[i] : &own_options(p)[i];
	if (eq && !t->arg)
		return log_usage("option '--%s' takes no value: run 'ajar%s%s --help'", t->name,
				 space, verb);
	return take(p, global, i, eq ? eq + 1 : NULL, &used);
}

/* "-j", "-jq", "-C FILE", "-CFILE". */
static int take_letters(struct parser *p, const char *arg)
{
	for (const char *l = arg + 1; *l; l++) {
		char one[] = { '-', *l, '\0' };
		int i = find_letter(own_options(p), *l), err;
		bool global = i < 0, used = false;

		if (global)
			i = find_letter(global_options, *l);
		if (i < 0)
			return unknown_option(p, one, one + 1, 1);
		err = take(p, global, i,
			   l[1] && (global ? global_options : own_options(p))[i].arg ? l + 1 : NULL,
			   &used);
		if (err)
			return err;
		if (used)
			break;
	}
	return 0;
}

static int take_verb(struct parser *p, const char *word)
{
	struct suggest s;

	suggest_init(&s, word);
	for (const struct cmd *const *c = cmd_table; *c; c++) {
		if (!strcmp((*c)->name, word)) {
			p->ctx->cmd = *c;
			return 0;
		}
		suggest_try(&s, (*c)->name);
	}
	/* "ajar help watch" is "ajar watch --help". */
	if (!strcmp(word, "help") && !p->o->help) {
		p->o->help = true;
		return 0;
	}
	if (s.best)
		return log_usage("unknown verb '%s' (did you mean '%s'?): run 'ajar --help'", word,
				 s.best);
	return log_usage("unknown verb '%s': run 'ajar --help'", word);
}

int options_parse(int argc, char **argv, struct options *ret_o, struct cmd_ctx *ret_ctx)
{
	struct parser p = { .argc = argc, .next = 1, .argv = argv, .o = ret_o, .ctx = ret_ctx };
	int words = 0;
	bool ended = false;

	ret_ctx->argv = argv;
	while (p.next < argc) {
		char *arg = argv[p.next++];
		int err = 0;

		if (!ended && !strcmp(arg, "--"))
			ended = true;
		else if (!ended && !strncmp(arg, "--", 2))
			err = take_long(&p, arg);
		else if (!ended && arg[0] == '-' && arg[1])
			err = take_letters(&p, arg);
		else if (!ret_ctx->cmd)
			err = take_verb(&p, arg);
		else
			argv[words++] = arg; /* never overtakes p.next */
		if (err)
			return err;
	}
	ret_ctx->argc = words;
	return 0;
}
