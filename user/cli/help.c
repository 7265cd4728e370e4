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

void help_program(FILE *out, bool all)
{
	fputs("Ajar shows which doors (listening sockets) stand open, who opened them, and whether "
	      "they should.\n\n"
	      "usage: ajar VERB [OPTIONS] [WORDS]\n\n",
	      out);
	for (const struct cmd *const *c = cmd_table; *c; c++)
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
	      "state:unexpected. Words of one kind are alternatives, words of several kinds must "
	      "all hold.\n"
	      "Exit codes: 0 fine, 1 the answer is negative, 2 usage or operational error.\n",
	      out);
}

void help_verb(FILE *out, const struct cmd *cmd)
{
	fprintf(out, "usage: ajar %s [OPTIONS]%s%s\n\n%c%s.\n", cmd->name,
		cmd->args && *cmd->args ? " " : "", cmd->args ? cmd->args : "",
		cmd->help[0] & ~0x20, cmd->help + 1);
	if (cmd->more)
		fprintf(out, "\n%s\n", cmd->more);
	if (cmd->options && cmd->options->name) {
		fputs("\noptions:\n", out);
		print_options(out, cmd->options);
	}
	fputs("\noptions of every verb:\n", out);
	print_options(out, global_options);
}
