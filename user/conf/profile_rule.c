/* SPDX-License-Identifier: GPL-2.0 */
/* What the words of a rule mean, and how a row is written. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/parse.h"
#include "base/text.h"
#include "conf/profile_text.h"
#include "conf/profile_words.h"
#include "core/argv_pattern.h"
#include "core/executable.h"

const char *const profile_class_words[] = { "nodes", NULL };

static const char *const first_words[] = { "allow", "require", "deny", "class", NULL };
static const char *const protocols[] = { "tcp", "mptcp",  "udp",   "udplite", "sctp",
					 "raw", "packet", "vsock", NULL };
static const char *const scopes[] = { "any", "host", "loopback", NULL };
static const char *const jobs[] = { "any", "none", "slurm", NULL };
static const char *const severities[] = { "notice", "warning", "critical", NULL };

int profile_any_group(const char *group, struct buf *text, void *arg)
{
	(void)group;
	(void)text;
	(void)arg;
	return 0;
}

/* --- values ------------------------------------------------------------------------------------------ */

static int copy_value(const char *value, char **member)
{
	free(*member);
	*member = strdup(value);
	return *member ? 0 : -ENOMEM;
}

/* The index of a word in a list, in lower case as the list has it; -EINVAL says what there is. */
static int choose(struct words *w, const char *what, const char *value, uint32_t column,
		  const char *const *list)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1024), shown = BUF_INIT(256);
	int i = 0;

	for (; list[i]; i++)
		if (!strcasecmp(value, list[i]))
			return i;
	for (i = 0; list[i]; i++)
		buf_printf(&b, "%s%s", i == 0 ? "" : list[i + 1] ? ", " : " or ", list[i]);
	esc_text(&shown, value, strlen(value), 60);
	return words_fail(w, column, "%s '%s': it is %s", what, buf_str(&shown), buf_str(&b));
}

static int read_exe(struct words *w, struct profile_row *r, const char *value, uint32_t column)
{
	if (value[0] != '/' && strcmp(value, "kernel"))
		return words_fail(w, column, "exe wants the full path of the program, or 'kernel'");
	return copy_value(value, &r->exe);
}

static int read_sha256(struct words *w, struct profile_row *r, const char *value, uint32_t column)
{
	if (!exe_digest_is_text(value))
		return words_fail(w, column,
				  "sha256 wants the 64 lower-case digits that sha256sum prints");
	return copy_value(value, &r->sha256);
}

static int read_package(struct words *w, struct profile_row *r, const char *value, uint32_t column)
{
	/* As dpkg has names, without an architecture. */
	if (!*value || strlen(value) >= EXE_PACKAGE_LEN ||
	    strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789+-.") != strlen(value))
		return words_fail(w, column,
				  "package wants the name that 'dpkg -S FILE' prints before the "
				  "colon");
	return copy_value(value, &r->package);
}

static int read_argv(struct words *w, struct profile_row *r, const char *value, uint32_t column)
{
	if (!argv_pattern_is_valid(value))
		return words_fail(w, column,
				  "argv wants the arguments behind the program's name, one blank "
				  "between them: \"/opt/a.py ...\"");
	return copy_value(value, &r->argv);
}

static int read_text(char **member, struct words *w, const char *value, uint32_t column)
{
	if (!*value || strlen(value) > 255)
		return words_fail(w, column, "a value has 1 to 255 bytes");
	return copy_value(value, member);
}

static int read_service(struct words *w, struct profile_row *r, const char *value, uint32_t column)
{
	return read_text(&r->service, w, value, column);
}

static int read_user(struct words *w, struct profile_row *r, const char *value, uint32_t column)
{
	return read_text(&r->user, w, value, column);
}

static int read_by(struct words *w, struct profile_row *r, const char *value, uint32_t column)
{
	return read_text(&r->author, w, value, column);
}

static int read_reason(struct words *w, struct profile_row *r, const char *value, uint32_t column)
{
	(void)w;
	(void)column;
	return copy_value(value, &r->reason);
}

static int read_scope(struct words *w, struct profile_row *r, const char *value, uint32_t column)
{
	int i = choose(w, "scope", value, column, scopes);

	if (i >= 0)
		r->scope = (enum door_scope)(SCOPE_ANY + i);
	return i < 0 ? i : 0;
}

static int read_job(struct words *w, struct profile_row *r, const char *value, uint32_t column)
{
	int i = choose(w, "job", value, column, jobs);

	return i < 0 ? i : copy_value(jobs[i], &r->job);
}

static int read_container(struct words *w, struct profile_row *r, const char *value,
			  uint32_t column)
{
	if (strcmp(value, PROFILE_ANY) && strcmp(value, PROFILE_NONE) &&
	    strcmp(value, PROFILE_EITHER) &&
	    (!*value || strspn(value, "0123456789abcdef") != strlen(value) || strlen(value) > 64))
		return words_fail(w, column,
				  "container is any, none, either, or the first digits of an id");
	return copy_value(value, &r->container);
}

static int read_fingerprint(struct words *w, struct profile_row *r, const char *value,
			    uint32_t column)
{
	return read_text(&r->fingerprint, w, value, column);
}

static int read_severity(struct words *w, struct profile_row *r, const char *value, uint32_t column)
{
	int i = choose(w, "severity", value, column, severities);

	if (i < 0)
		return i;
	if (r->action != PROFILE_DENY)
		return words_fail(w, column, "only what is denied has a severity");
	r->severity = (enum severity)(SEVERITY_NOTICE + i);
	return 0;
}

static int read_expires(struct words *w, struct profile_row *r, const char *value, uint32_t column)
{
	int err = strchr(value, '-') && *value != '-' ? parse_time(value, 0, &r->expires_ns)
						      : -EINVAL;

	if (err == -ERANGE)
		return words_fail(w, column,
				  "expires goes from 1970 to 2262: a rule without it "
				  "stands for ever");
	if (err || !r->expires_ns)
		return words_fail(
			w, column,
			"expires wants a day or a time (UTC): 2026-12-31 or 2026-12-31T18:00");
	return 0;
}

static const struct {
	const char *word;
	int (*read)(struct words *w, struct profile_row *r, const char *value, uint32_t column);
} values[] = {
	{ "service", read_service },
	{ "scope", read_scope },
	{ "exe", read_exe },
	{ "package", read_package },
	{ "sha256", read_sha256 },
	{ "argv", read_argv },
	{ "user", read_user },
	{ "job", read_job },
	{ "container", read_container },
	{ "fingerprint", read_fingerprint },
	{ "severity", read_severity },
	{ "reason", read_reason },
	{ "by", read_by },
	{ "expires", read_expires },
};

/* --- the rule ---------------------------------------------------------------------------------------- */

static int read_range(struct words *w, struct profile_row *r, const char *text, uint32_t column)
{
	uint32_t max = r->proto == PROTO_VSOCK ? UINT32_MAX : UINT16_MAX;
	const char *dash = strchr(text, '-');
	char lo[16];
	size_t n = dash ? (size_t)(dash - text) : strlen(text);

	if (!strcmp(text, PROFILE_ANY))
		return 0;
	if (strchr(text, ','))
		return words_fail(w, column, "one port or range a line: %s", "22, or 8000-8100");
	if (!n || n >= sizeof(lo))
		return words_fail(w, column, "a port is a number, a range LO-HI, or any");
	memcpy(lo, text, n);
	lo[n] = '\0';
	r->port_end = 0;
	if (parse_u32(lo, &r->port) || (dash && parse_u32(dash + 1, &r->port_end)))
		return words_fail(w, column, "a port is a number, a range LO-HI, or any");
	if (r->port > max || r->port_end > max)
		return words_fail(w, column, "ports end at %" PRIu32, max);
	if (dash && r->port_end < r->port)
		return words_fail(w, column,
				  "the range is backwards: did you mean %" PRIu32 "-%" PRIu32 "?",
				  r->port_end, r->port);
	if (!dash && !r->port)
		return words_fail(w, column, "port 0 is none: 'any' is every port");
	if (r->port_end == r->port)
		r->port_end = 0;
	return 0;
}

static int read_value(struct words *w, struct profile_row *r, unsigned *seen)
{
	const char *word, *value;
	uint32_t column, at;
	size_t i = 0;

	if (!words_next(w, &word, &column))
		return 1;
	while (i < array_len(values) && strcmp(word, values[i].word))
		i++;
	if (i == array_len(values)) {
		const char *known[array_len(values) + 1];

		for (size_t k = 0; k < array_len(values); k++)
			known[k] = values[k].word;
		known[array_len(values)] = NULL;
		return words_unknown(w, column, word, known);
	}
	if (*seen & (1u << i))
		return words_fail(w, column, "'%s' stands twice", word);
	*seen |= 1u << i;
	if (!words_next(w, &value, &at))
		return words_fail(w, w->column, "'%s' wants a value", word);
	return values[i].read(w, r, value, at);
}

static int check_whole(struct words *w, const struct profile_row *r)
{
	uint32_t column = w->word[0].column;

	if (r->action == PROFILE_REQUIRE && (!r->port || r->port_end))
		return words_fail(w, column, "what is required is one port, not a range");
	if (r->argv && !r->exe && !profile_row_wants_file(r))
		return words_fail(w, column,
				  "argv alone names nobody: say whose with exe, package or sha256");
	if (r->action == PROFILE_DENY && r->fingerprint)
		return words_fail(w, column, "what is denied has no fingerprint");
	return 0;
}

int profile_rule_read(struct words *w, struct profile_row *ret_row)
{
	struct profile_row r = { 0 };
	const char *word;
	uint32_t column;
	unsigned seen = 0;
	int ret;

	if (!words_next(w, &word, &column))
		return words_fail(w, 1, "a rule is: allow tcp 22");
	if (strcmp(word, "allow") && strcmp(word, "require") && strcmp(word, "deny"))
		return words_unknown(w, column, word, first_words);
	(void)!profile_action_parse(word, &r.action);
	if (!words_next(w, &word, &column))
		return words_fail(w, w->column, "a protocol is missing: tcp, udp ...");
	ret = choose(w, "protocol", word, column, protocols);
	if (ret < 0)
		return ret;
	r.proto = (enum door_proto)(PROTO_TCP + ret);
	if (!words_next(w, &word, &column))
		return words_fail(w, w->column,
				  "a port is missing: a number, a range LO-HI, or any");
	ret = read_range(w, &r, word, column);
	while (!ret)
		ret = read_value(w, &r, &seen);
	if (ret > 0)
		ret = check_whole(w, &r);
	if (ret) {
		profile_row_done(&r);
		return ret;
	}
	*ret_row = r;
	return 0;
}

int profile_rule_parse(const char *line, struct profile_row *ret_row, char **ret_why)
{
	_cleanup_(words_done) struct words w = { 0 };
	int err = strlen(line) > PROFILE_LINE_MAX ? -E2BIG : words_init(&w, line);

	if (!err)
		err = profile_rule_read(&w, ret_row);
	if (err && ret_why)
		*ret_why = take_ptr(w.why);
	return err;
}

/* --- writing ------------------------------------------------------------------------------------------ */

void profile_word_format(struct buf *b, const char *s)
{
	size_t n = strlen(s);
	bool quote = !n || s[0] == '#';

	for (size_t i = 0, k; i < n; i += k) {
		k = utf8_len((const unsigned char *)s + i, n - i);
		quote |= !k || (k == 1 && ((unsigned char)s[i] <= ' ' || s[i] == 0x7f)) ||
			 s[i] == '"' || s[i] == '\\';
		k = k ? k : 1;
	}
	if (!quote) {
		buf_puts(b, s);
		return;
	}
	buf_putc(b, '"');
	for (size_t i = 0, k; i < n; i += k) {
		unsigned char c = (unsigned char)s[i];

		k = utf8_len((const unsigned char *)s + i, n - i);
		if (!k || (k == 1 && (c < ' ' || c == 0x7f))) {
			buf_printf(b, "\\x%02x", c);
			k = 1;
		} else {
			if (c == '"' || c == '\\')
				buf_putc(b, '\\');
			buf_put(b, s + i, k);
		}
	}
	buf_putc(b, '"');
}

static void put_value(struct buf *b, const char *word, const char *value)
{
	if (!value)
		return;
	buf_printf(b, " %s ", word);
	profile_word_format(b, value);
}

static void put_expires(struct buf *b, uint64_t ns)
{
	_cleanup_(buf_done) struct buf t = BUF_INIT(64);
	size_t n;

	if (!ns)
		return;
	clock_format(&t, ns);
	/* Whole days read best as days, whole seconds need no fraction, and nothing is rounded. */
	n = ns % UINT64_C(86400000000000) ? 19 : 10;
	buf_puts(b, " expires ");
	buf_put(b, buf_str(&t), n < t.len ? n : t.len);
	if (ns % UINT64_C(1000000000))
		buf_printf(b, ".%09u", (unsigned)(ns % UINT64_C(1000000000)));
}

void profile_rule_format(struct buf *b, const struct profile_row *r)
{
	buf_printf(b, "%s %s ", profile_action_name(r->action),
		   r->proto ? door_proto_name(r->proto) : "tcp");
	if (!r->port && !r->port_end)
		buf_puts(b, PROFILE_ANY);
	else if (r->port_end > r->port)
		buf_printf(b, "%" PRIu32 "-%" PRIu32, r->port, r->port_end);
	else
		buf_printf(b, "%" PRIu32, r->port);
	put_value(b, "service", r->service);
	put_value(b, "scope", r->scope ? door_scope_name(r->scope) : NULL);
	put_value(b, "exe", r->exe);
	put_value(b, "package", r->package);
	put_value(b, "sha256", r->sha256);
	put_value(b, "argv", r->argv);
	put_value(b, "user", r->user);
	put_value(b, "job", r->job);
	put_value(b, "container", r->container);
	put_value(b, "fingerprint", r->fingerprint);
	put_value(b, "severity", r->severity ? severity_name(r->severity) : NULL);
	put_expires(b, r->expires_ns);
	put_value(b, "by", r->author);
	put_value(b, "reason", r->reason);
}

void profile_rule_plain(struct buf *b, const struct profile_row *r)
{
	struct profile_row plain = *r;

	plain.author = plain.reason = NULL;
	profile_rule_format(b, &plain);
}

static bool eq(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool profile_row_same(const struct profile_row *a, const struct profile_row *b)
{
	return a->port == b->port && a->port_end == b->port_end && a->proto == b->proto &&
	       a->scope == b->scope && a->action == b->action && eq(a->service, b->service) &&
	       eq(a->exe, b->exe) && eq(a->package, b->package) && eq(a->sha256, b->sha256) &&
	       eq(a->argv, b->argv) && eq(a->user, b->user) && eq(a->job, b->job) &&
	       eq(a->container, b->container) && eq(a->fingerprint, b->fingerprint);
}

bool profile_row_equal(const struct profile_row *a, const struct profile_row *b)
{
	return profile_row_same(a, b) && a->severity == b->severity &&
	       a->expires_ns == b->expires_ns && eq(a->reason, b->reason) &&
	       eq(a->author, b->author);
}

void profile_rule_export(struct buf *b, const struct profile_row *r)
{
	_cleanup_(profile_row_done) struct profile_row was = { 0 };
	_cleanup_(words_done) struct words w = { 0 };
	bool read = r->line && !words_init(&w, r->line) && !profile_rule_read(&w, &was);

	/* Who imported a line is known without the line saying so. */
	if (read && !was.author && r->author)
		was.author = strdup(r->author);
	if (read && profile_row_equal(&was, r)) {
		buf_puts(b, r->line);
		return;
	}
	profile_rule_format(b, r);
	if (read && w.comment)
		buf_printf(b, "  %s", w.comment);
}
