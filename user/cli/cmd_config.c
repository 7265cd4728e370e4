/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/log.h"
#include "cli/cmd.h"
#include "cli/man.h"
#include "cli/out.h"
#include "cli/words.h"
#include "conf/conf.h"
#include "store/store.h"
#include "conf/sinks.h"
#include "view/view.h"
#include "view/writer.h"

#define CONF_FILE "/etc/ajar/ajar.conf"

/*
 * The settings, each with where its value comes from; the example file and the manual's lists come
 * from the same table.
 */
struct showing {
	struct buf b;
	struct writer w;
};

static void on_record(const char *key, const char *value, const char *def, const char *help,
		      const char *origin, void *arg)
{
	struct showing *s = arg;

	writer_start(&s->w, NULL);
	writer_str(&s->w, "key", key);
	writer_str(&s->w, "value", value);
	writer_str(&s->w, "default", def);
	writer_str(&s->w, "range", conf_range(key));
	writer_str(&s->w, "origin", origin);
	writer_str(&s->w, "help", help);
	writer_end(&s->w);
}

/*
 * Text of any length as lines that begin so, at most width columns wide (a longer word is not cut).
 */
static void put_lines(struct buf *b, const char *head, const char *text, size_t width)
{
	size_t column = 0;

	for (const char *word = text; *word;) {
		size_t n = strcspn(word, " ");

		if (!column || column + 1 + n > width) {
			if (column)
				buf_putc(b, '\n');
			buf_puts(b, head);
			column = strlen(head);
		}
		buf_putc(b, ' ');
		buf_put(b, word, n);
		column += 1 + n;
		word += n + strspn(word + n, " ");
	}
	buf_putc(b, '\n');
}

#define CONFIG_WIDTH 100 /* of what is written to no terminal */
#define CONFIG_WIDTH_MIN 40

/* The key and its value, then what it is, below each other. */
static void on_row(const char *key, const char *value, const char *def, const char *help,
		   const char *origin, void *arg)
{
	struct showing *s = arg;
	size_t width = out_width() ? out_width() : CONFIG_WIDTH;
	bool differs = strcmp(origin, "default") && strcmp(value, def);

	if (width > CONFIG_WIDTH)
		width = CONFIG_WIDTH;
	if (width < CONFIG_WIDTH_MIN)
		width = CONFIG_WIDTH_MIN;
	buf_printf(&s->b, "%s%s ", s->b.len ? "\n" : "", key);
	esc_text(&s->b, *value ? value : "-", strlen(*value ? value : "-"), 0);
	buf_printf(&s->b, "  (%s%s%s)\n", origin, differs ? "; default " : "",
		   !differs ? ""
		   : *def   ? def
			    : "none");
	put_lines(&s->b, "   ", help, width);
}

static void on_example(const char *key, const char *value, const char *def, const char *help,
		       const char *origin, void *arg)
{
	struct showing *s = arg;

	(void)value;
	(void)origin;
	buf_putc(&s->b, '\n');
	put_lines(&s->b, "#", help, 100);
	buf_printf(&s->b, "# (%s)\n#%s%s%s\n", conf_range(key), key, *def ? " " : "", def);
}

static const char example_head[] =
	"# " CONF_FILE ": Ajar's settings, with their defaults.\n"
	"# One setting a line: the key, blanks, the value, which is the rest of the line. '#' "
	"starts a comment.\n"
	"# Nothing here is needed on one machine. Check it with 'ajar config check'; see "
	"ajar.conf(5).\n";

static int print_example(struct cmd_ctx *c, struct showing *s)
{
	buf_puts(&s->b, example_head);
	conf_each(c->conf, on_example, s);
	conf_sink_each(c->conf, true, on_example, s);
	return s->b.err ? s->b.err : out_put(&s->b);
}

static int print_settings(struct cmd_ctx *c, struct showing *s)
{
	conf_each(c->conf, on_row, s);
	return s->b.err ? s->b.err : out_put(&s->b);
}

static int print_records(struct cmd_ctx *c, struct showing *s)
{
	static const struct writer_field fields[] = {
		FIELD("key"),  FIELD("value"), FIELD("default"), FIELD("range"), FIELD("origin"),
		FIELD("help"), { 0 },
	};

	if (out_open(c, fields, &s->w))
		return AJAR_EXIT_ERROR;
	conf_each(c->conf, on_record, s);
	return out_close(&s->w, 0, NULL, "");
}

static int show(struct cmd_ctx *c)
{
	struct showing s = { .b = BUF_INIT(1 << 16) };
	const char *man = cmd_opt(c, "man");
	int err;

	if (cmd_opt(c, "csv") && (man || cmd_opt(c, "example")))
		return log_usage("--csv is for the settings alone"), AJAR_EXIT_ERROR;
	if (out_is_data(c) && !man && !cmd_opt(c, "example"))
		return print_records(c, &s);
	if (man) {
		err = man_list(man, c->table, c->conf, &s.b);
		if (err == -EINVAL)
			return log_usage("--man knows 'keys', 'verbs' and 'options', not '%s'",
					 man),
			       AJAR_EXIT_ERROR;
		err = err ? err : out_put(&s.b);
	} else if (cmd_opt(c, "example")) {
		err = print_example(c, &s);
	} else {
		err = print_settings(c, &s);
	}
	buf_done(&s.b);
	return out_report(err ? err : out_flush());
}

/*
 * The file alone is the question: neither a broken default file nor other options stand in its way.
 */
static int check(struct cmd_ctx *c)
{
	const char *file = c->argc > 1 ? c->argv[1] : c->conf_file ? c->conf_file : CONF_FILE;
	_cleanup_(conf_freep) struct conf *conf = NULL;
	_free_ char *why = NULL;
	bool in_store = false;
	int err;

	err = conf_new(&conf);
	if (!err)
		err = conf_load(conf, file, &why);
	for (unsigned i = 0; !err && i < conf->sinks_len; i++)
		err = conf_sink_check(&conf->sinks[i], &why);
	if (!err && *conf->store_uri) {
		in_store = true; /* whatever it is, it is the setting that is wrong */
		err = store_uri_check(conf->store_uri, &why);
	}
	if (!err) {
		log_info("%s: no fault found", file);
		return AJAR_EXIT_OK;
	}
	if (why)
		log_usage("%s", why);
	else
		log_err(err, "cannot read the configuration '%s'", file);
	return err == -EINVAL || in_store ? AJAR_EXIT_NEGATIVE : AJAR_EXIT_ERROR;
}

static const struct cmd_option show_options[] = {
	{ "example", 0, NULL,
	  "a file with every setting, its help and its default, all commented" },
	CMD_CSV,
	{ "man", 0, "LIST", NULL },
	{ 0 },
};

static const struct cmd subs[] = {
	{ .name = "show",
	  .args = "",
	  .help = "each setting, its value, and where that comes from",
	  .options = show_options,
	  .run = show },
	{ .name = "check",
	  .args = "[FILE]",
	  .help = "is a file right? FILE:LINE and what is wrong there, exit code 1",
	  .more = "Without FILE it is the file of -C, or " CONF_FILE ".",
	  .max = 1,
	  .flags = CMD_NO_CONF,
	  .run = check },
	{ 0 },
};

const struct cmd cmd_config = {
	.name = "config",
	.args = "",
	.help = "the settings, and where each value comes from; is a file right?",
	.subs = subs,
};
