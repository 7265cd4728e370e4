/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every verb and word against every option of every other: what a row does not name is refused,
 * before anything is done.
 */
#include "cli/cmd.h"
#include "cli/options.h"
#include "tap.h"

#define ROWS_MAX 200
#define WORDS_MAX 40

struct row {
	const struct cmd *cmd, *verb;
	char path[64];
};
static struct row rows[ROWS_MAX];
static size_t rows_len;

static void collect(const struct cmd *c, const struct cmd *verb, const char *path)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%s%s", path, *path ? " " : "", c->name);
	if (c->run && rows_len < ROWS_MAX) {
		rows[rows_len] = (struct row){ .cmd = c, .verb = verb };
		snprintf(rows[rows_len++].path, sizeof(rows[0].path), "%s", name);
	}
	for (const struct cmd *sub = c->subs; sub && sub->name; sub++)
		collect(sub, verb, name);
}

static const struct cmd_option *find(const struct cmd *c, const char *name)
{
	for (const struct cmd_option *o = c->options; o && o->name; o++) {
		if (!strcmp(o->name, name))
			return o;
	}
	return NULL;
}

/* "ajar PATH x x x [--option]": does the parser take it for this row? */
static int parse(const struct row *r, int words, const char *option, struct cmd_ctx *ret)
{
	char line[512], *argv[WORDS_MAX] = { 0 }, *rest = NULL;
	struct options o = { 0 };
	int argc = 0;

	snprintf(line, sizeof(line), "ajar %s %.*s%s", r->path, 2 * words,
		 " x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x",
		 option ? option : "");
	for (char *w = strtok_r(line, " ", &rest); w && argc < WORDS_MAX - 1;
	     w = strtok_r(NULL, " ", &rest))
		argv[argc++] = w;
	*ret = (struct cmd_ctx){ .table = cmd_table };
	return options_parse(argc, argv, &o, ret);
}

static size_t words_are_counted(void)
{
	struct cmd_ctx c;
	size_t bad = 0;

	for (size_t i = 0; i < rows_len; i++) {
		const struct row *r = &rows[i];

		if (parse(r, r->cmd->min, NULL, &c) || c.cmd != r->cmd || strcmp(c.path, r->path) ||
		    (r->cmd->min && !parse(r, r->cmd->min - 1, NULL, &c)) ||
		    (r->cmd->max < WORDS_MAX - 5 && !parse(r, r->cmd->max + 1, NULL, &c))) {
			printf("# ajar %s: words\n", r->path);
			bad++;
		}
	}
	return bad;
}

/* Each option of each row, given to row r. */
static size_t try_options(const struct row *r, size_t *tries)
{
	struct cmd_ctx c;
	size_t bad = 0;
	char word[80];

	for (size_t i = 0; i < rows_len; i++) {
		for (const struct cmd_option *o = rows[i].cmd->options; o && o->name; o++) {
			const struct cmd_option *own = find(r->cmd, o->name);
			int err;

			/*
			 * Two verbs may have an option of one name, one with a value and one
			 * without.
			 */
			if (own && !own->arg != !o->arg)
				continue;
			snprintf(word, sizeof(word), " --%s%s", o->name, o->arg ? "=banana" : "");
			err = parse(r, r->cmd->min, word, &c);
			++*tries;
			if (!err == !own) {
				printf("# ajar %s%s\n", r->path, word);
				bad++;
			}
		}
	}
	return bad;
}

static size_t kinds_of_options(void)
{
	size_t bad = 0;

	for (size_t i = 0; i < rows_len; i++) {
		for (const struct cmd_option *o = rows[i].cmd->options; o && o->name; o++) {
			for (size_t k = 0; k < i; k++) {
				const struct cmd_option *other = find(rows[k].cmd, o->name);

				if (other && rows[k].verb == rows[i].verb &&
				    (!other->arg != !o->arg || other->letter != o->letter))
					bad++;
			}
		}
	}
	return bad;
}

static bool helps(const struct row *r)
{
	char line[80], usage[100], help[] = "--help", ajar[] = "ajar";
	char *words[8], *rest = NULL, *text = NULL;
	struct cmd_ctx c = { .table = cmd_table };
	struct options o = { 0 };
	size_t size = 0;
	int argc = 0;
	FILE *f = open_memstream(&text, &size);
	bool good;

	snprintf(line, sizeof(line), "%s", r->path);
	words[argc++] = ajar;
	for (char *w = strtok_r(line, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
		words[argc++] = w;
	words[argc++] = help;
	good = f && !options_parse(argc, words, &o, &c) && o.help;
	if (good)
		help_row(f, &c);
	if (f)
		fclose(f);
	snprintf(usage, sizeof(usage), "usage: ajar %s [OPTIONS]", r->path);
	good = good && text && !strncmp(text, usage, strlen(usage));
	for (const struct cmd_option *p = r->cmd->options; good && p && p->name; p++) {
		snprintf(usage, sizeof(usage), "--%s", p->name);
		good = !p->help || strstr(text, usage);
	}
	free(text);
	return good;
}

int main(void)
{
	struct cmd_ctx c;
	size_t bad = 0, tries = 0, first;

	for (const struct cmd *const *v = cmd_table; *v; v++)
		collect(*v, *v, "");
	ok(rows_len > 60 && rows_len < ROWS_MAX, "%zu rows", rows_len);
	is_int(kinds_of_options(), 0, "an option is of one kind in all rows of a verb");
	/* A mistake is said on standard error: 4,000 of them are nobody's reading. */
	if (freopen("/dev/null", "w", stderr) == NULL)
		return 1;
	is_int(words_are_counted(), 0,
	       "a row takes the words that it says, not fewer and not more");
	for (size_t i = 0; i < rows_len; i++)
		bad += try_options(&rows[i], &tries);
	is_int(bad, 0, "no row takes an option that is not its own");
	ok(tries > 3000, "%zu command lines", tries);
	for (first = 0; first < rows_len && helps(&rows[first]); first++)
		continue;
	is_str(first < rows_len ? rows[first].path : "", "",
	       "each row has help of its own, with its options");

	first = 0;
	while (first < rows_len && strcmp(rows[first].path, "alerts ls"))
		first++;
	ok(first < rows_len && !parse(&(struct row){ .path = "alerts" }, 0, " -a", &c) &&
		   c.cmd == rows[first].cmd && cmd_opt(&c, "all"),
	   "the first row is meant when none is named");
	ok(parse(&(struct row){ .path = "alerts" }, 0, " --note=x", &c) < 0,
	   "with its options and no other's");
	ok(!parse(&(struct row){ .path = "alerts" }, 0, " --for=1h snooze --for=2h 7", &c) &&
		   c.argc == 2 && !strcmp(cmd_opt(&c, "for"), "2h"),
	   "options stand anywhere, and the last of a name counts");
	return tap_done();
}
