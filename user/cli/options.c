/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
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
	const struct cmd *verb; /* NULL: not read yet */
};

/* In a verb's own row or one below it: which of them is meant is known when all words are read. */
static const struct cmd_option *find_own(const struct cmd *c, const char *name, size_t n,
					 char letter)
{
	const struct cmd_option *found = NULL;
	int i;

	if (!c)
		return NULL;
	i = letter ? find_letter(c->options, letter) : find_long(c->options, name, n);
	if (i >= 0)
		return &c->options[i];
	for (const struct cmd *sub = c->subs; sub && sub->name && !found; sub++)
		found = find_own(sub, name, n, letter);
	return found;
}

/* "ajar" or "ajar watch": whose --help to point at. */
static const char *space_and_verb(const struct parser *p, const char **ret_verb)
{
	*ret_verb = p->verb ? p->verb->name : "";
	return p->verb ? " " : "";
}

static void suggest_own(struct suggest *s, const struct cmd *c)
{
	for (const struct cmd_option *t = c ? c->options : NULL; t && t->name; t++)
		suggest_try(s, t->name);
	for (const struct cmd *sub = c ? c->subs : NULL; sub && sub->name; sub++)
		suggest_own(s, sub);
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
	suggest_own(&s, p->verb);
	if (s.best && !strncmp(arg, "--", 2))
		return log_usage(
			"unknown option '--%s' (did you mean '--%s'?): run 'ajar%s%s --help'", word,
			s.best, space, verb);
	return log_usage("unknown option '%.*s': run 'ajar%s%s --help'", arg[1] == '-' ? 60 : 2,
			 arg, space, verb);
}

static int keep_given(struct cmd_ctx *ctx, const char *name, const char *value)
{
	if (ctx->given_len == CMD_GIVEN_MAX)
		return log_usage("more than %d options", CMD_GIVEN_MAX);
	ctx->given[ctx->given_len++] = (struct cmd_given){ name, value };
	return 0;
}

/* Takes the option's value (inline or the next word). */
static int take(struct parser *p, const struct cmd_option *t, bool global, const char *inline_value)
{
	const char *value = inline_value, *verb, *space = space_and_verb(p, &verb);

	if (t->arg && !value) {
		if (p->next >= p->argc)
			return log_usage(
				"option '--%s' needs a value, --%s=%s: run 'ajar%s%s --help'",
				t->name, t->name, t->arg, space, verb);
		value = p->argv[p->next++];
	}
	if (!global)
		return keep_given(p->ctx, t->name, t->arg ? value : "");
	set_global((int)(t - global_options), value, p->o, p->ctx);
	return 0;
}

static int take_long(struct parser *p, const char *arg)
{
	const char *name = arg + 2, *eq = strchr(name, '='), *verb,
		   *space = space_and_verb(p, &verb);
	size_t n = eq ? (size_t)(eq - name) : strlen(name);
	const struct cmd_option *t = find_own(p->verb, name, n, 0);
	bool global = !t;
	int i = global ? find_long(global_options, name, n) : 0;

	if (i < 0)
		return unknown_option(p, arg, name, n);
	if (global)
		t = &global_options[i];
	if (eq && !t->arg)
		return log_usage("option '--%s' takes no value: run 'ajar%s%s --help'", t->name,
				 space, verb);
	return take(p, t, global, eq ? eq + 1 : NULL);
}

/* "-j", "-jq", "-C FILE", "-CFILE". */
static int take_letters(struct parser *p, const char *arg)
{
	for (const char *l = arg + 1; *l; l++) {
		char one[] = { '-', *l, '\0' };
		const struct cmd_option *t = find_own(p->verb, NULL, 0, *l);
		bool global = !t;
		int i = global ? find_letter(global_options, *l) : 0, err;

		if (i < 0)
			return unknown_option(p, one, one + 1, 1);
		if (global)
			t = &global_options[i];
		err = take(p, t, global, l[1] && t->arg ? l + 1 : NULL);
		if (err || t->arg)
			return err;
	}
	return 0;
}

static int take_verb(struct parser *p, const char *word)
{
	struct suggest s;

	suggest_init(&s, word);
	for (const struct cmd *const *c = p->ctx->table; *c; c++) {
		if (!strcmp((*c)->name, word)) {
			p->verb = *c;
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

/* --- which row ----------------------------------------------------------------------------------------- */

static const struct cmd *find_sub(const struct cmd *c, const char *word)
{
	for (const struct cmd *sub = c->subs; sub && sub->name; sub++) {
		if (!strcmp(sub->name, word))
			return sub;
	}
	return NULL;
}

static int unknown_word(const struct cmd_ctx *ctx, const struct cmd *c)
{
	const char *word = ctx->argv[0];
	struct suggest s;

	suggest_init(&s, word);
	for (const struct cmd *sub = c->subs; sub->name; sub++)
		suggest_try(&s, sub->name);
	if (s.best)
		return log_usage("unknown word '%s' (did you mean '%s'?): run 'ajar %s --help'",
				 word, s.best, ctx->path);
	return log_usage("unknown word '%s': run 'ajar %s --help'", word, ctx->path);
}

/* From the verb down, as far as words name rows. */
static int find_row(struct cmd_ctx *ctx, const struct cmd *verb, int *ret_words)
{
	const struct cmd *c = verb, *sub;
	bool named = false;

	snprintf(ctx->path, sizeof(ctx->path), "%s", c->name);
	ctx->named = c;
	while (c->subs) {
		size_t n = strlen(ctx->path);

		sub = ctx->argc ? find_sub(c, ctx->argv[0]) : NULL;
		if (!sub && c->run)
			break;
		if (!sub && ctx->argc)
			return unknown_word(ctx, c);
		named = sub != NULL;
		if (sub)
			ctx->named = sub;
		c = sub ? sub : &c->subs[0];
		if (named) {
			snprintf(ctx->path + n, sizeof(ctx->path) - n, " %s", c->name);
			ctx->argv++;
			ctx->argc--;
		}
	}
	*ret_words = ctx->argc;
	if (named) { /* its name is its argv[0] */
		ctx->argv--;
		ctx->argc++;
	}
	ctx->cmd = c;
	return 0;
}

static int check_words(const struct cmd_ctx *ctx, int words)
{
	const struct cmd *c = ctx->cmd;

	if (words > c->max)
		return log_usage("unexpected argument '%s': run 'ajar %s --help'",
				 ctx->argv[ctx->argc - words + c->max], ctx->path);
	if (words >= c->min)
		return 0;
	if (c->few)
		return log_usage("%s", c->few);
	return log_usage("'ajar %s' wants %s: run 'ajar %s --help'", ctx->path, c->args, ctx->path);
}

static int check_options(const struct cmd_ctx *ctx)
{
	if (ctx->json && cmd_opt(ctx, "csv"))
		return log_usage("--json and --csv are two forms: give one");
	for (unsigned i = 0; i < ctx->given_len; i++) {
		const char *name = ctx->given[i].name;

		if (find_long(ctx->cmd->options, name, strlen(name)) < 0)
			return log_usage("'ajar %s' has no option '--%s': run 'ajar %s --help'",
					 ctx->path, name, ctx->path);
	}
	return 0;
}

static int choose_row(struct parser *p)
{
	int words = 0, err = 0;

	if (!p->verb)
		return 0;
	p->ctx->cmd = p->verb; /* of a mistake */
	err = find_row(p->ctx, p->verb, &words);
	if (err || p->o->help || p->o->version)
		return err;
	err = check_options(p->ctx);
	return err ? err : check_words(p->ctx, words);
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
		else if (!p.verb)
			err = take_verb(&p, arg);
		else
			argv[words++] = arg; /* never overtakes p.next */
		if (err) {
			ret_ctx->cmd = p.verb;
			return err;
		}
	}
	ret_ctx->argc = words;
	return choose_row(&p);
}
