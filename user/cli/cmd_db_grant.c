/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/cmd_db_grant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/hostlist.h"
#include "base/log.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "store/grant.h"
#include "store/store.h"
#include "view/view.h"
#include "view/writer.h"

#define PASSWORD_LEN 32 /* of 64 letters: 192 bits */
#define PASSWORD_MAX 256
#define SQL_MAX (16 << 20)

struct granting {
	struct cmd_ctx *c;
	struct store *s;
	enum store_role role;
	bool dry, revoke;
	struct buf out; /* what goes to standard output */
	struct writer list; /* of accounts, for programs */
};

/* --- passwords ----------------------------------------------------------------------------------------- */

static int make_password(char out[PASSWORD_LEN + 1])
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
	unsigned char random[PASSWORD_LEN];

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return log_err(-errno, "cannot make a password");
	for (size_t i = 0; i < PASSWORD_LEN; i++)
		out[i] = letters[random[i] & 63];
	out[PASSWORD_LEN] = '\0';
	explicit_bzero(random, sizeof(random));
	return 0;
}

static int read_password(const char *path, char out[PASSWORD_MAX + 1])
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || (st.st_mode & 077))
		return log_usage("the password file '%s' can be read by others: chmod 600 it",
				 path);
	n = read(fd, out, PASSWORD_MAX + 1);
	if (n <= 0 || n > PASSWORD_MAX)
		return log_usage("the password file '%s' has no password of 1 to %d bytes", path,
				 PASSWORD_MAX);
	out[n] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
	return out[0] ? 0 : log_usage("the password file '%s' begins with an empty line", path);
}

static int write_password(const char *path, const char *password)
{
	_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char line[PASSWORD_LEN + 2];
	int err, n = snprintf(line, sizeof(line), "%s\n", password);

	err = fd < 0 ? -errno : file_write_all(fd, line, (size_t)n);
	if (!err && fsync(fd))
		err = -errno;
	explicit_bzero(line, sizeof(line));
	return err ? log_usage("cannot write the password file '%s' (%s)", path, strerror(-err))
		   : 0;
}

/* "%n" in an option stands for the node's name; NULL: not given. */
static char *expand(struct cmd_ctx *c, const char *option, const char *node)
{
	const char *text = cmd_opt(c, option);
	struct buf b = BUF_INIT(8192);
	char *out;

	if (!text)
		return NULL;
	for (buf_puts(&b, ""); *text; text++) {
		if (text[0] == '%' && text[1] == 'n') {
			buf_puts(&b, node);
			text++;
		} else {
			buf_putc(&b, *text);
		}
	}
	out = buf_take(&b);
	buf_done(&b);
	return out;
}

static const struct writer_field accounts[] = { FIELD("role"), FIELD("login"),	 FIELD("from"),
						FIELD("node"), FIELD("granted"), { 0 } };

/* --- granting ------------------------------------------------------------------------------------------- */

static bool has_account(struct granting *g, const char *login, const char *from);

static int tell_account(struct granting *g, const struct store_grant *o, const char *shown)
{
	struct writer w;

	if (g->c->json) {
		if (writer_open(&w, WRITER_JSON, accounts, false, NULL))
			return -ENOMEM;
		writer_to(&w, &g->out);
		writer_start(&w, NULL);
		writer_str(&w, "role", store_role_name(o->role));
		writer_str(&w, "login", o->login);
		writer_str(&w, "from", o->from);
		writer_str(&w, "node", o->node);
		writer_str(&w, "password", shown);
		writer_end(&w);
		writer_done(&w);
	} else if (shown) {
		buf_printf(&g->out, "%s %s\n", o->login, shown);
	}
	return g->out.err;
}

/* *ret_shown: a new password that no file keeps. */
static int choose_password(struct granting *g, const char *file, bool exists,
			   char out[PASSWORD_MAX + 1], bool *ret_write, bool *ret_set)
{
	int err = -ENOENT;

	*ret_write = *ret_set = false;
	if (file)
		err = read_password(file, out);
	if (err != -ENOENT) {
		*ret_set = !err;
		return err == -EACCES ? log_usage("cannot read the password file '%s'", file) : err;
	}
	if (exists && !file && !cmd_opt(g->c, "new-password"))
		return 0; /* the one it has stays */
	*ret_set = true;
	*ret_write = file && !g->dry;
	return make_password(out);
}

static int grant_one(struct granting *g, const char *login, const char *node)
{
	char password[PASSWORD_MAX + 1];
	_free_ char *subject = expand(g->c, "subject", node ? node : login);
	_free_ char *issuer = expand(g->c, "issuer", node ? node : login);
	_free_ char *file = expand(g->c, "password-file", node ? node : login);
	const char *from = cmd_opt(g->c, "from");
	struct store_grant o = { .role = g->role,
				 .login = login,
				 .from = from ? from : "%",
				 .node = node,
				 .host_type = cmd_opt(g->c, "class"),
				 .subject = subject,
				 .issuer = issuer };
	struct buf sql = BUF_INIT(SQL_MAX);
	bool made = false, write, set;
	int err;

	err = choose_password(g, file, has_account(g, login, o.from), password, &write, &set);
	if (err)
		return err;
	o.password = set ? password : NULL;
	/* The file first: a password that the server has and nobody knows helps no one. */
	if (write)
		err = write_password(file, password);
	if (!err)
		err = store_grant(g->s, &o, g->dry, &sql, &made);
	if (err && write)
		unlink(file);
	if (err)
		cmd_store_err(err, g->s, "cannot grant");
	else if (g->dry)
		buf_put(&g->out, sql.data, sql.len);
	else
		err = tell_account(g, &o, set && !file ? password : NULL);
	if (!err && !g->dry)
		log_info("%s the account '%s'@'%s' %s%s%s", made ? "made" : "brought in order",
			 login, o.from, node ? "of node " : "for the role ",
			 node ? node : store_role_name(g->role),
			 set && !file ? ": its password is shown this once" : "");
	explicit_bzero(password, sizeof(password));
	if (sql.data)
		explicit_bzero(sql.data, sql.len);
	buf_done(&sql);
	return err;
}

static int revoke_one(struct granting *g, const char *login)
{
	struct buf sql = BUF_INIT(SQL_MAX);
	int err = store_revoke(g->s, g->role, login, g->dry, &sql);

	if (err)
		cmd_store_err(err, g->s, "cannot revoke");
	else if (g->dry)
		buf_put(&g->out, sql.data, sql.len);
	else
		log_info("'%s' may do nothing any more; what it has sent stays", login);
	buf_done(&sql);
	return err;
}

/* --- which accounts there are ----------------------------------------------------------------------------- */

struct wanted {
	const char *login, *from, *node; /* one of login and node */
	char found[256];
};

static int match_account(const struct store_account *a, void *arg)
{
	struct wanted *w = arg;

	if (w->login && (strcmp(a->login, w->login) || strcmp(a->from, w->from)))
		return 0;
	if (w->node && (!a->node || strcmp(a->node, w->node)))
		return 0;
	snprintf(w->found, sizeof(w->found), "%s", a->login);
	return 0;
}

static bool has_account(struct granting *g, const char *login, const char *from)
{
	struct wanted w = { .login = login, .from = from };

	return !store_accounts(g->s, match_account, &w) && w.found[0];
}

static int do_node(struct granting *g, const char *node)
{
	const char *login = cmd_opt(g->c, "login");
	struct wanted w = { .node = node };

	if (!login && !store_accounts(g->s, match_account, &w) && w.found[0])
		login = w.found;
	if (!login)
		login = node;
	return g->revoke ? revoke_one(g, login) : grant_one(g, login, node);
}

static int do_nodes(struct granting *g, const char *text)
{
	struct hostlist_error bad;
	struct hostlist h = { 0 };
	int err = hostlist_parse(&h, text, NULL, &bad);

	if (err)
		return log_usage("the node set '%s': %s", text, bad.what);
	hostlist_sort(&h);
	if (h.len > 1 && cmd_opt(g->c, "login"))
		err = log_usage("--login is for one node, '%s' are %zu", text, h.len);
	if (!err && h.len > 1 && cmd_opt(g->c, "password-file") &&
	    !strstr(cmd_opt(g->c, "password-file"), "%n"))
		err = log_usage(
			"each of %zu nodes needs a password file of its own: put %%n, which "
			"stands for the node, into --password-file",
			h.len);
	for (size_t i = 0; !err && i < h.len; i++)
		err = do_node(g, h.names[i]);
	hostlist_done(&h);
	return err;
}

static int list_row(const struct store_account *a, void *arg)
{
	struct granting *g = arg;
	struct writer *w = &g->list;

	if (!out_is_data(g->c)) {
		buf_printf(&g->out, "%-10s %s@%s%s%s\n", store_role_name(a->role), a->login,
			   a->from, a->node ? " node " : "", a->node ? a->node : "");
		return g->out.err;
	}
	writer_start(w, NULL);
	writer_str(w, "role", store_role_name(a->role));
	writer_str(w, "login", a->login);
	writer_str(w, "from", a->from);
	writer_str(w, "node", a->node);
	writer_time(w, "granted", a->granted_ns);
	return writer_end(w);
}

static int list_accounts(struct granting *g)
{
	int err;

	if (out_is_data(g->c) && out_open(g->c, accounts, &g->list))
		return -ENOMEM;
	err = store_accounts(g->s, list_row, g);
	if (!err && out_is_data(g->c) && out_report(writer_close(&g->list)))
		err = -EIO;
	writer_done(&g->list);
	return err;
}

/* --- the verb --------------------------------------------------------------------------------------------- */

static int choose_role(struct granting *g, const char **ret_login)
{
	static const struct {
		const char *option;
		enum store_role role;
	} roles[] = {
		{ "monitor", ACCOUNT_MONITOR },	    { "web", ACCOUNT_WEB },
		{ "report", ACCOUNT_REPORT },	    { "notify", ACCOUNT_NOTIFY },
		{ "retention", ACCOUNT_RETENTION },
	};
	unsigned n = 0;

	g->role = ACCOUNT_NODE;
	*ret_login = NULL;
	for (size_t i = 0; i < array_len(roles); i++) {
		const char *login = cmd_opt(g->c, roles[i].option);

		if (!login)
			continue;
		n++;
		g->role = roles[i].role;
		*ret_login = login;
	}
	if (cmd_opt(g->c, "csv") && (n || g->c->argc > 1))
		return log_usage("--csv is for the list of accounts");
	if (n > 1 || (n && g->c->argc > 1))
		return log_usage(
			"one account at a time: a NODE, --monitor, --web, --report, --notify or "
			"--retention");
	if (g->role != ACCOUNT_NODE && (cmd_opt(g->c, "class") || cmd_opt(g->c, "login")))
		return log_usage("--class and --login are for nodes");
	return 0;
}

int cmd_db_grant(struct cmd_ctx *c)
{
	_cleanup_(store_freep) struct store *s = NULL;
	struct granting g = { .c = c,
			      .dry = cmd_opt(c, "dry-run"),
			      .revoke = cmd_opt(c, "revoke"),
			      .out = BUF_INIT(SQL_MAX) };
	const char *login;
	int err = choose_role(&g, &login);

	if (err || cmd_store(c, 0, &s))
		return AJAR_EXIT_ERROR;
	g.s = s;
	if (login)
		err = g.revoke ? revoke_one(&g, login) : grant_one(&g, login, NULL);
	else if (c->argc > 1)
		err = do_nodes(&g, c->argv[1]);
	else if (g.revoke)
		err = log_usage("--revoke wants a NODE, --monitor, --web, --report, --notify or "
				"--retention");
	else
		err = list_accounts(&g);
	if (err && !login && c->argc < 2 && !g.revoke)
		cmd_store_err(err, s, "cannot list the accounts");
	/*
	 * Of a set, those that were made before the failure must not be lost with their passwords.
	 */
	if (g.out.data && g.out.len && (out_put(&g.out) || out_flush()))
		err = err ? err : -EIO;
	if (g.out.data)
		explicit_bzero(g.out.data, g.out.cap);
	buf_done(&g.out);
	return err ? AJAR_EXIT_ERROR : AJAR_EXIT_OK;
}
