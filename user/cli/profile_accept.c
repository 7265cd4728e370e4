/* SPDX-License-Identifier: GPL-2.0 */
/*
 * `ajar profile proposal`, `accept` and `reject`: a person decides about what learning proposed,
 * rule by rule.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hostlist.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/proc.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/profile_check.h"
#include "cli/profile_util.h"
#include "conf/conf.h"
#include "conf/profile_text.h"
#include "store/profile.h"
#include "store/store.h"
#include "view/writer.h"

#define EDITOR_WORDS_MAX 8

struct item {
	uint32_t number;
	bool outlier;
	enum proposal_state state;
	char *rule, *why, *nodes;
	enum { UNDECIDED, TAKE, REFUSE } choice;
};
struct proposal {
	struct cmd_ctx *c;
	struct store *s;
	const char *host_type;
	uint64_t now_ns;
	struct item *items;
	size_t len;
};

static void proposal_done(struct proposal *p)
{
	for (size_t i = 0; i < p->len; i++) {
		free(p->items[i].rule);
		free(p->items[i].why);
		free(p->items[i].nodes);
	}
	free(p->items);
	store_free(p->s);
}

static int add_item(const struct store_proposal *given, void *arg)
{
	struct proposal *p = arg;
	struct item *it;

	if (!(p->len & (p->len - 1))) {
		it = reallocarray(p->items, p->len ? 2 * p->len : 1, sizeof(*it));
		if (!it)
			return -ENOMEM;
		p->items = it;
	}
	it = &p->items[p->len++];
	*it = (struct item){ .number = given->number,
			     .outlier = given->outlier,
			     .state = given->state,
			     .rule = strdup(given->rule),
			     .why = strdup(given->why),
			     .nodes = strdup(given->nodes) };
	return it->rule && it->why && it->nodes ? 0 : -ENOMEM;
}

static int load(struct proposal *p, unsigned flags)
{
	int err = cmd_store(p->c, flags, &p->s);

	if (err)
		return err;
	err = store_proposals(p->s, p->host_type, add_item, p);
	if (err)
		return cmd_store_err(err, p->s, "cannot read the proposal");
	if (p->len)
		return 0;
	return log_usage(
		"nothing is proposed for class '%s': 'ajar profile learn --class %s --propose' "
		"does",
		p->host_type, p->host_type);
}

/* --- showing -------------------------------------------------------------------------------------------- */

static const char *kind_of(const struct item *it)
{
	return it->outlier ? "outlier" : "rule";
}

static int put_item(struct writer *w, const char *host_type, const struct item *it)
{
	writer_start(w, NULL);
	writer_str(w, "class", host_type);
	writer_u64(w, "number", it->number);
	writer_str(w, "kind", kind_of(it));
	writer_str(w, "state", proposal_state_name(it->state));
	writer_str(w, "rule", it->rule);
	writer_str(w, "why", it->why);
	writer_str_or_null(w, "nodes", it->nodes);
	writer_colour(w, it->outlier ? "33" : NULL);
	return writer_end(w);
}

int profile_proposal(struct cmd_ctx *c)
{
	static const struct writer_field fields[] = {
		FIELD("class"),
		COLUMN("number", "NR", .right = true),
		COLUMN("state", "STATE"),
		COLUMN("kind", "KIND"),
		COLUMN("rule", "RULE", .width = 0.5, .trunc = true),
		COLUMN("why", "WHY", .width = 0.4, .trunc = true),
		FIELD("nodes"),
		{ 0 },
	};
	_cleanup_(proposal_done) struct proposal p = {
		.c = c, .host_type = c->argc > 1 ? c->argv[1] : c->conf->node_class
	};
	struct writer w;
	int err = 0;

	if (load(&p, STORE_READONLY) || out_open(c, fields, &w))
		return AJAR_EXIT_ERROR;
	for (size_t i = 0; i < p.len && !err; i++)
		err = put_item(&w, p.host_type, &p.items[i]);
	return out_close(&w, err, p.s, "cannot read the proposal");
}

/* --- deciding -------------------------------------------------------------------------------------------- */

/* "all": the rules, not the outliers, which are only ever taken one by one. */
static int choose_word(struct proposal *p, const char *word, int choice)
{
	unsigned found = 0;
	uint32_t lo, hi;
	char text[16];
	const char *dash = strchr(word, '-');
	size_t n = dash ? (size_t)(dash - word) : strlen(word);

	if (!strcmp(word, "all")) {
		for (size_t i = 0; i < p->len; i++)
			if (!p->items[i].outlier && p->items[i].state == PROPOSAL_PENDING)
				p->items[i].choice = choice;
		return 0;
	}
	if (n && n < sizeof(text)) {
		memcpy(text, word, n);
		text[n] = '\0';
	}
	if (!n || n >= sizeof(text) || parse_u32(text, &lo) ||
	    parse_u32(dash ? dash + 1 : text, &hi))
		return log_usage("'%s' is no number of a proposed rule: 3, 1-5 or all", word);
	for (size_t i = 0; i < p->len; i++) {
		if (p->items[i].number < lo || p->items[i].number > hi)
			continue;
		p->items[i].choice = choice;
		found++;
	}
	if (!found)
		return log_usage("nothing is proposed as number %s: see 'ajar profile proposal %s'",
				 word, p->host_type);
	return 0;
}

static int take_rule(struct proposal *p, const char *line)
{
	_cleanup_(profile_row_done) struct profile_row r = { 0 };
	_free_ char *why = NULL;
	int err = profile_rule_parse(line, &r, &why);

	if (err)
		return log_usage("the proposed rule '%s' cannot be read: %s", line,
				 why ? why : strerror(-err));
	/*
	 * From doors no service is learned: a name that an older proposal has for one was looked up
	 * by its port.
	 */
	if (r.exe || r.user || r.job)
		free(take_ptr(r.service));
	if (!r.origin)
		r.origin = strdup(r.service ? PROFILE_PROBED : PROFILE_LEARNED);
	if (!r.author)
		r.author = strdup(profile_author());
	if (!r.origin || !r.author)
		return log_err(-ENOMEM, "cannot accept");
	err = store_profile_set(p->s, p->host_type, &r, 1, STORE_PROFILE_ACCEPT, p->now_ns, NULL);
	return err ? cmd_store_err(err, p->s, "cannot write the profile") : 0;
}

static int decide_all(struct proposal *p, unsigned *taken, unsigned *refused)
{
	int err = 0;

	for (size_t i = 0; i < p->len && !err; i++) {
		const struct item *it = &p->items[i];
		enum proposal_state state =
			it->choice == TAKE ? PROPOSAL_ACCEPTED : PROPOSAL_REJECTED;

		if (it->choice == UNDECIDED)
			continue;
		if (it->choice == TAKE)
			err = take_rule(p, it->rule);
		if (err)
			break;
		err = store_proposal_decide(p->s, p->host_type, it->number, state, profile_author(),
					    p->now_ns);
		if (err)
			cmd_store_err(err, p->s, "cannot write the decision");
		*(it->choice == TAKE ? taken : refused) += 1;
	}
	return err;
}

static int write_decisions(struct proposal *p)
{
	unsigned taken = 0, refused = 0, left = 0;
	int err = store_begin(p->s);

	if (err)
		return cmd_store_err(err, p->s, "cannot write the profile");
	err = decide_all(p, &taken, &refused);
	if (!err) {
		err = store_commit(p->s);
		if (err)
			cmd_store_err(err, p->s, "cannot write the profile");
	}
	if (err) {
		store_rollback(p->s);
		return err;
	}
	for (size_t i = 0; i < p->len; i++)
		left += p->items[i].choice == UNDECIDED && p->items[i].state == PROPOSAL_PENDING &&
			!p->items[i].outlier;
	log_info("class '%s': %u accepted, %u rejected, %u left to decide%s", p->host_type, taken,
		 refused, left, taken ? "; what is not in the profile alerts from now on" : "");
	return 0;
}

/* --- one by one, on a terminal ---------------------------------------------------------------------------- */

static int ask(struct proposal *p)
{
	char answer[16];

	for (size_t i = 0; i < p->len; i++) {
		struct item *it = &p->items[i];

		if (it->state != PROPOSAL_PENDING)
			continue;
		fprintf(stderr,
			"%s%s\n  %s%s%s\n  accept? [y]es [n]o [s]kip [a]ll the rest [q]uit: ",
			it->outlier ? "(outlier) " : "", it->rule, it->why,
			it->nodes[0] ? ": " : "", it->nodes);
		if (!fgets(answer, sizeof(answer), stdin) || answer[0] == 'q')
			return 0;
		if (answer[0] == 'a')
			return choose_word(p, "all", TAKE);
		it->choice = answer[0] == 'y' ? TAKE : answer[0] == 'n' ? REFUSE : UNDECIDED;
	}
	return 0;
}

/* --- in an editor ----------------------------------------------------------------------------------------- */

/* $VISUAL, $EDITOR, else vi; its words are cut at blanks, there is no shell. */
static int run_editor(const char *path)
{
	const char *argv[EDITOR_WORDS_MAX + 2] = { 0 };
	const char *editor = getenv("VISUAL");
	const struct proc_opts p = { .argv = argv, .own_stdin = true, .own_stdout = true };
	const struct child_opts o = { .program = &p };
	_free_ char *copy = NULL;
	unsigned n = 0;
	int err, status = 0;

	if (!editor || !*editor)
		editor = getenv("EDITOR");
	copy = strdup(editor && *editor ? editor : "vi");
	if (!copy)
		return log_err(-ENOMEM, "cannot start an editor");
	for (char *word = copy; *word && n < EDITOR_WORDS_MAX;) {
		word += strspn(word, " ");
		if (*word)
			argv[n++] = word;
		word += strcspn(word, " ");
		if (*word)
			*word++ = '\0';
	}
	argv[n] = path;
	err = n ? child_run(&o, NULL, &status) : -ENOENT;
	if (status)
		return log_usage("the editor %s: nothing is accepted", proc_status_text(status));
	return err ? log_err(err, "cannot start the editor '%s': set EDITOR",
			     editor ? editor : "vi")
		   : 0;
}

static int write_file(const struct proposal *p, const char *path)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(PROFILE_FILE_MAX);

	buf_printf(
		&b,
		"# Proposed for class '%s'. Rules that stay are accepted as they stand here, those "
		"that are\n"
		"# taken out are rejected. Outliers are comments: take the # away to accept one.\n",
		p->host_type);
	for (size_t i = 0; i < p->len; i++) {
		const struct item *it = &p->items[i];

		if (it->state != PROPOSAL_PENDING)
			continue;
		buf_printf(&b, "%s%s  # %s%s%s\n", it->outlier ? "# " : "", it->rule, it->why,
			   it->nodes[0] ? ": " : "", it->nodes);
	}
	if (b.err)
		return b.err;
	return file_write_atomic(AT_FDCWD, path, b.data, b.len, 0600);
}

/* A rule that stands in the file is taken; one of ours that does not is refused. */
static int match_lines(struct proposal *p, struct profile_text *t)
{
	int err = 0;

	for (size_t i = 0; i < p->len; i++) {
		struct item *it = &p->items[i];
		_cleanup_(profile_row_done) struct profile_row r = { 0 };

		if (it->state != PROPOSAL_PENDING || profile_rule_parse(it->rule, &r, NULL))
			continue;
		it->choice = it->outlier ? UNDECIDED : REFUSE;
		for (size_t k = 0; k < t->len; k++) {
			if (t->lines[k].kind != LINE_RULE ||
			    !profile_row_same(&t->lines[k].row, &r))
				continue;
			it->choice = TAKE;
			free(it->rule);
			it->rule = strdup(t->lines[k].text);
			t->lines[k].kind = LINE_OTHER; /* dealt with */
			if (!it->rule)
				return -ENOMEM;
		}
	}
	/* What is left was changed or added by the person. */
	for (size_t k = 0; k < t->len && !err; k++)
		if (t->lines[k].kind == LINE_RULE)
			err = take_rule(p, t->lines[k].text);
	return err;
}

static int edit(struct proposal *p)
{
	_cleanup_(profile_text_done) struct profile_text t = { 0 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(PROFILE_FILE_MAX);
	char path[] = "/tmp/ajar-profile-XXXXXX";
	_close_ int fd = mkostemp(path, O_CLOEXEC);
	int err = fd < 0 ? -errno : write_file(p, path);

	if (err)
		return log_err(err, "cannot write '%s'", path);
	err = run_editor(path);
	if (!err)
		err = profile_read_file(path, &b);
	if (!err)
		err = profile_text_parse(b.data, b.len, p->host_type, &t);
	if (!err && profile_text_errors(&t)) {
		(void)!profile_print_problems(&t, path, NULL);
		return log_usage(
			"nothing is accepted; fix '%s' and give it to 'ajar profile import "
			"--add --class %s'",
			path, p->host_type);
	}
	if (!err)
		err = match_lines(p, &t);
	unlink(path);
	return err;
}

/* --- the words -------------------------------------------------------------------------------------------- */

static int decide(struct cmd_ctx *c, int choice)
{
	_cleanup_(proposal_done) struct proposal p = { .c = c,
						       .host_type = c->argc > 1
									    ? c->argv[1]
									    : c->conf->node_class,
						       .now_ns = clock_wall_ns() };
	int err = load(&p, 0);

	for (int i = 2; i < c->argc && !err; i++)
		err = choose_word(&p, c->argv[i], choice);
	if (!err && c->argc <= 2) {
		if (choice == TAKE && cmd_opt(c, "edit"))
			err = edit(&p);
		else if (choice == TAKE && isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
			err = ask(&p);
		else
			err = log_usage("which? give numbers or all: ajar profile %s %s all",
					c->argv[0], p.host_type);
	}
	if (!err)
		err = write_decisions(&p);
	return err ? AJAR_EXIT_ERROR : AJAR_EXIT_OK;
}

int profile_accept(struct cmd_ctx *c)
{
	return decide(c, TAKE);
}

int profile_reject(struct cmd_ctx *c)
{
	return decide(c, REFUSE);
}
