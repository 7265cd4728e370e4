/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/profile_util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/cmd.h"
#include "conf/conf.h"
#include "conf/profile_text.h"
#include "store/store.h"

const char *profile_author(void)
{
	static char text[64];
	const char *name = getenv("SUDO_USER");

	if (!name)
		name = getenv("LOGNAME");
	if (name)
		snprintf(text, sizeof(text), "%s", name);
	else
		snprintf(text, sizeof(text), "uid %u", (unsigned)getuid());
	return text;
}

int profile_words(const struct cmd_ctx *c, int from, struct profile_row *ret_row)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(PROFILE_LINE_MAX);
	const char *first = from < c->argc ? c->argv[from] : "";
	_free_ char *why = NULL;
	enum profile_action action;
	int err;

	if (profile_action_parse(first, &action))
		buf_puts(&b, "allow");
	for (int i = from; i < c->argc; i++) {
		if (b.len)
			buf_putc(&b, ' ');
		profile_word_format(&b, c->argv[i]);
	}
	err = b.err ? b.err : profile_rule_parse(buf_str(&b), ret_row, &why);
	if (err)
		return log_usage("%s: a rule is such as 'tcp 22 exe /usr/sbin/sshd user root'",
				 why ? why : strerror(-err));
	return 0;
}

struct names {
	struct buf b;
	bool own_seen;
	const char *own;
};

static int add_name(const char *host_type, bool accepted, uint64_t accepted_ns, uint64_t rows,
		    uint64_t nodes, void *arg)
{
	struct names *n = arg;

	(void)accepted;
	(void)accepted_ns;
	(void)rows;
	(void)nodes;
	n->own_seen |= !strcmp(host_type, n->own);
	buf_printf(&n->b, "%s%s", n->b.len ? ", " : "", host_type);
	return 0;
}

int profile_no_such_class(struct store *s, const char *host_type, const char *own)
{
	struct names n = { .b = BUF_INIT(1024), .own = own };
	int err = s ? store_host_types(s, add_name, &n) : 0;

	if (err)
		cmd_store_err(err, s, "cannot read the host types");
	else if (n.own_seen)
		log_usage("no host type '%s': known are %s", host_type, buf_str(&n.b));
	else
		log_usage("no host type '%s': known are %s%s%s", host_type, buf_str(&n.b),
			  n.b.len ? ", " : "", own);
	buf_done(&n.b);
	return AJAR_EXIT_ERROR;
}

int profile_load(struct cmd_ctx *c, struct store *s, const char *host_type,
		 struct profile **ret_profile)
{
	int err = store_profile_get(s, host_type, ret_profile);

	if (err == -ENOENT)
		(void)profile_no_such_class(s, host_type, c->conf->node_class);
	else if (err)
		cmd_store_err(err, s, "cannot read the profile");
	return err;
}

int profile_read_file(const char *path, struct buf *b)
{
	int err;

	buf_puts(b, "");
	err = file_read(AT_FDCWD, strcmp(path, "-") ? path : "/dev/stdin", b);
	if (err == -E2BIG)
		return log_err(err, "'%s' is larger than 8 MiB: not a profile", path);
	if (err)
		return log_err(err, "cannot read '%s'", path);
	return 0;
}
