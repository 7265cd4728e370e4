/* SPDX-License-Identifier: GPL-2.0 */
#include <string.h>

#include "cli/cmd.h"
#include "cli/options.h"

static void print_options(FILE *out, const struct cmd_option *t)
{
	for (; t && t->name; t++) {
		int n;

		if (!t->help)
			continue;
		if (t->letter)
			n = fprintf(out, "  -%c, --%s", t->letter, t->name);
		else
			n = fprintf(out, "      --%s", t->name);
		if (t->arg)
			n += fprintf(out, " %s", t->arg);
		fprintf(out, "%*s  %s\n", n < 26 ? 26 - n : 0, "", t->help);
	}
}

void help_program(FILE *out, const struct cmd *const *table, bool all)
{
	fputs("Ajar shows which doors (listening sockets) are open, who opened them, and whether "
	      "they should.\n\n"
	      "usage: ajar VERB [OPTIONS] [WORDS]\n\n",
	      out);
	for (const struct cmd *const *c = table; *c; c++)
		fprintf(out, "  %-10s  %s\n", (*c)->name, (*c)->help);
	if (!all) {
		fputs("\nBegin with 'sudo ajar watch'. More: 'ajar --help', 'ajar VERB --help'.\n",
		      out);
		return;
	}
	fputs("\noptions, before or behind any verb:\n", out);
	print_options(out, global_options);
	fputs("\nA FILTER is a word: tcp, udp, :4444, :8000-8100, exe:nc, user:mlee, node:NAME, "
	      "class:NAME,\n"
	      "rack:NAME, state:unexpected. Words of one kind are alternatives, words of several "
	      "kinds must "
	      "all hold.\n"
	      "Exit codes: 0 fine, 1 the answer is negative, 2 usage or operational error.\n",
	      out);
}

/* "ID", or of a verb with rows below it "[NODES | accept NODES | class ...]". */
static void print_args(FILE *out, const struct cmd *c)
{
	const char *between = "";

	if (!c->subs) {
		fprintf(out, "%s%s", c->args && *c->args ? " " : "", c->args ? c->args : "");
		return;
	}
	fputs(" [", out);
	if (c->run) {
		fputs(c->args, out);
		between = " | ";
	}
	for (const struct cmd *sub = c->subs; sub->name; sub++) {
		if (!sub->help)
			continue;
		fprintf(out, "%s%s%s%s", between, sub->name, sub->subs || *sub->args ? " " : "",
			sub->subs ? "..." : sub->args);
		between = " | ";
	}
	fputs("]", out);
}

static void print_rows(FILE *out, const struct cmd *c, const char *path)
{
	for (const struct cmd *sub = c->subs; sub && sub->name; sub++) {
		char name[64];
		int n;

		if (!sub->help)
			continue;
		snprintf(name, sizeof(name), "%s%s%s", path, *path ? " " : "", sub->name);
		if (sub->subs) {
			print_rows(out, sub, name);
			continue;
		}
		n = fprintf(out, "  %s%s%s", name, *sub->args ? " " : "", sub->args);
		fprintf(out, "%*s  %s\n", n < 26 ? 26 - n : 0, "", sub->help);
		print_options(out, sub->options);
	}
}

void help_row(FILE *out, const struct cmd_ctx *ctx)
{
	const struct cmd *cmd = ctx->named;

	fprintf(out, "usage: ajar %s [OPTIONS]", ctx->path);
	print_args(out, cmd);
	if (cmd->help)
		fprintf(out, "\n\n%c%s.\n", cmd->help[0] & ~0x20, cmd->help + 1);
	if (cmd->more)
		fprintf(out, "\n%s\n", cmd->more);
	if (cmd->subs) {
		fputs("\nwords, each with its own options:\n", out);
		print_rows(out, cmd, "");
	}
	if (cmd->options && cmd->options->name) {
		fputs(cmd->subs ? "\noptions without such a word:\n" : "\noptions:\n", out);
		print_options(out, cmd->options);
	}
	fputs("\noptions of every verb:\n", out);
	print_options(out, global_options);
}
