/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/man.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cli/cmd.h"
#include "cli/options.h"
#include "conf/conf.h"
#include "conf/sinks.h"

/* Text for mdoc: a backslash is its escape, a dot or quote that begins a line its command. */
static void put_text(struct buf *b, const char *s)
{
	if (*s == '.' || *s == '\'')
		buf_puts(b, "\\&");
	for (; *s; s++) {
		if (*s == '\\')
			buf_puts(b, "\\e");
		else if (*s == '\n')
			buf_putc(b, ' ');
		else if (*s == '-')
			buf_puts(b, "\\-");
		else
			buf_putc(b, *s);
	}
}

/* A sentence a line, as mdoc wants it. */
static void put_sentences(struct buf *b, const char *s)
{
	for (const char *end; *s; s = end) {
		_free_ char *one = NULL;

		for (end = s; *end; end++)
			if (*end == '.' && (end[1] == ' ' || end[1] == '\n'))
				break;
		end += *end == '.' && end[1];
		one = strndup(s, (size_t)(end - s));
		if (!one) {
			b->err = -ENOMEM;
			return;
		}
		put_text(b, one);
		buf_putc(b, '\n');
		end += *end == ' ' || *end == '\n';
	}
}

static void put_options(struct buf *b, const struct cmd_option *t)
{
	bool any = false;

	for (; t && t->name; t++) {
		if (!t->help)
			continue;
		if (!any)
			buf_puts(b, ".Bl -tag -width Ds\n");
		any = true;
		buf_puts(b, ".It ");
		if (t->letter)
			buf_printf(b, "Fl %c , ", t->letter);
		buf_puts(b, "Fl \\-");
		put_text(b, t->name);
		if (t->arg) {
			buf_puts(b, " Ar ");
			put_text(b, t->arg);
		}
		buf_putc(b, '\n');
		put_sentences(b, t->help);
	}
	if (any)
		buf_puts(b, ".El\n");
}

static void put_row(struct buf *b, const struct cmd *c, const char *path)
{
	bool group = c->subs && !c->run;
	char name[64];

	if (!c->help)
		return;
	snprintf(name, sizeof(name), "%s%s%s", path, *path ? " " : "", c->name);
	if (!group || !*path) { /* of a group the rows below are enough */
		buf_printf(b, ".It Cm %s", name);
		if (c->args && *c->args) {
			buf_puts(b, " Li \"");
			put_text(b, c->args);
			buf_putc(b, '"');
		}
		buf_putc(b, '\n');
		buf_putc(b, (char)(c->help[0] & ~0x20));
		put_text(b, c->help + 1);
		buf_puts(b, ".\n");
		if (c->more)
			put_sentences(b, c->more);
		put_options(b, c->options);
	}
	for (const struct cmd *sub = c->subs; sub && sub->name; sub++)
		put_row(b, sub, name);
}

/* For tests: each row with the numbers of words it takes, and its options. */
static void put_table(struct buf *b, const struct cmd *c, const char *path)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%s%s", path, *path ? " " : "", c->name);
	if (c->run) {
		buf_printf(b, "%s\t%d\t%d\t", name, c->min, c->max);
		for (const struct cmd_option *t = c->options; t && t->name; t++)
			buf_printf(b, "%s--%s%s", t == c->options ? "" : " ", t->name,
				   t->arg ? "=" : "");
		buf_putc(b, '\n');
	}
	for (const struct cmd *sub = c->subs; sub && sub->name; sub++)
		put_table(b, sub, name);
}

static void on_key(const char *key, const char *value, const char *def, const char *help,
		   const char *origin, void *arg)
{
	struct buf *b = arg;

	(void)value;
	(void)origin;
	buf_puts(b, ".It Cm ");
	put_text(b, key);
	buf_putc(b, '\n');
	buf_putc(b, (char)(help[0] >= 'a' && help[0] <= 'z' ? help[0] & ~0x20 : help[0]));
	put_text(b, help + 1);
	buf_puts(b, ".\nA value is ");
	put_text(b, conf_range(key));
	if (*def) {
		buf_puts(b, "; the default is\n.Ql ");
		put_text(b, def);
		buf_puts(b, " .\n");
	} else {
		buf_puts(b, "; there is none by default.\n");
	}
}

static void put_keys(const struct conf *conf, struct buf *b)
{
	conf_each(conf, on_key, b);
	conf_sink_each(conf, true, on_key, b);
}

int man_list(const char *which, const struct cmd *const *table, const struct conf *conf,
	     struct buf *b)
{
	if (!strcmp(which, "options")) {
		put_options(b, global_options);
		return b->err;
	}
	if (!strcmp(which, "verdicts")) {
		man_verdicts(b);
		return b->err;
	}
	if (!strcmp(which, "raises")) {
		man_raises(b);
		return b->err;
	}
	if (!strcmp(which, "rows")) {
		for (const struct cmd *const *c = table; *c; c++)
			put_table(b, *c, "");
		return b->err;
	}
	if (strcmp(which, "verbs") && strcmp(which, "keys"))
		return -EINVAL;
	buf_puts(b, ".Bl -tag -width Ds\n");
	if (!strcmp(which, "keys"))
		put_keys(conf, b);
	for (const struct cmd *const *c = table; *which == 'v' && *c; c++)
		put_row(b, *c, "");
	buf_puts(b, ".El\n");
	return b->err;
}
