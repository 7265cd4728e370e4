/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/secret.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/profile_util.h"
#include "conf/conf.h"
#include "conf/paths.h"
#include "daemon/daemon.h"
#include "view/writer.h"
#include "web/accounts.h"
#include "web/web.h"

/* The web page: the server, and who may log in. */

static int use_address(struct cmd_ctx *c)
{
	const char *web = cmd_opt(c, "web");
	_free_ char *why = NULL;

	if (web && conf_set(c->conf, "web.listen", web, "--web", &why))
		return log_usage("%s", why ? why : "--web: no memory");
	return 0;
}

/* A name as accounts have it. */
static const char *own_name(void)
{
	static char name[LOGIN_MAX + 1];

	snprintf(name, sizeof(name), "%s", profile_author());
	for (char *p = name; *p; p++) {
		const char one[2] = { *p, '\0' };

		if (!account_name_ok(one))
			*p = '-';
	}
	return *name ? name : "somebody";
}

static int run(struct cmd_ctx *c)
{
	const struct daemon_opts o = { .conf = c->conf,
				       .conf_file = c->conf_file,
				       .quiet = c->quiet,
				       .verbose = c->verbose,
				       .login = c->quiet ? NULL : own_name() };

	return use_address(c) ? AJAR_EXIT_ERROR : daemon_web(&o);
}

/* --- files that the server reads -------------------------------------------------------------------------- */

/*
 * Root goes on as the server's account, inside of the folder, so that what is written there is the
 * server's.
 */
static int enter_folder(const struct conf *conf)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(4096);
	bool fallback;
	uid_t uid;
	gid_t gid;
	int err = paths_store_dir(conf, &path);

	if (!err && chdir(path.data))
		return log_usage(
			"cannot enter the folder '%s' (%s): 'ajar run' or 'ajar web' makes "
			"it, or give another --data",
			path.data, strerror(errno));
	if (!err && !geteuid())
		err = proc_role_ids(conf->role_user, &uid, &gid, &fallback);
	if (!err && !geteuid())
		err = proc_drop_privileges(uid, gid);
	return err ? log_err(err, "cannot become the user '%s'", conf->role_user) : 0;
}

/*
 * An absolute path of the configuration is its owner's business; only the account that reads it is
 * given it.
 */
static int accounts_place(struct cmd_ctx *c, const char **ret_path)
{
	if (*c->conf->web_accounts) {
		*ret_path = c->conf->web_accounts;
		return 0;
	}
	*ret_path = WEB_ACCOUNTS_FILE;
	return enter_folder(c->conf);
}

static int read_accounts(struct cmd_ctx *c, struct accounts *as, const char **ret_path)
{
	_free_ char *why = NULL;
	int err = accounts_place(c, ret_path);

	if (err)
		return err;
	err = accounts_read(*ret_path, as, &why);
	return err ? log_usage("%s", why ? why : strerror(-err)) : 0;
}

static int write_accounts(struct cmd_ctx *c, const struct accounts *as, const char *path)
{
	int err = accounts_write(path, as);
	bool fallback;
	uid_t uid;
	gid_t gid;

	if (!err && !geteuid() && !proc_role_ids(c->conf->role_user, &uid, &gid, &fallback) &&
	    lchown(path, uid, gid))
		err = -errno;
	return err ? log_usage("cannot write the accounts, '%s': %s", path, strerror(-err)) : 0;
}

/* --- login ---------------------------------------------------------------------------------------------------- */

static int login(struct cmd_ctx *c)
{
	char token[TOKEN_TEXT], url[WEB_URL_MAX];
	int err;

	if (use_address(c))
		return AJAR_EXIT_ERROR;
	if (c->conf->web_proxy)
		return log_usage("web.proxy is set: the proxy says who it is"), AJAR_EXIT_ERROR;
	if (enter_folder(c->conf))
		return AJAR_EXIT_ERROR;
	err = token_new(token);
	if (!err)
		err = web_token_write(WEB_TOKEN_FILE, own_name(), token);
	if (err)
		return log_err(err, "cannot leave a token for the server"), AJAR_EXIT_ERROR;
	web_url(c->conf, token, url);
	printf("%s\n", url);
	log_info("works once, within 15 minutes, while 'ajar run' or 'ajar web' serves the page "
		 "there");
	return AJAR_EXIT_OK;
}

/* --- users ---------------------------------------------------------------------------------------------------- */

/* Without an echo; from what is no terminal the first line. */
static int ask_password(char *to, size_t size)
{
	bool tty = isatty(STDIN_FILENO);
	struct termios was, silent;
	char *got;

	if (tty && !tcgetattr(STDIN_FILENO, &was)) {
		silent = was;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
		fputs("password: ", stderr);
	}
	got = fgets(to, (int)size, stdin);
	if (tty) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
		fputc('\n', stderr);
	}
	if (!got)
		return -ENODATA;
	to[strcspn(to, "\r\n")] = '\0';
	return 0;
}

static int get_hash(struct cmd_ctx *c, char **ret_hash)
{
	const char *file = cmd_opt(c, "password-file");
	_free_ char *why = NULL;
	char password[PASSWORD_MAX + 2] = "", *secret = NULL;
	int err = 0;

	if (cmd_opt(c, "no-password")) {
		*ret_hash = strdup("*");
		return *ret_hash ? 0 : -ENOMEM;
	}
	if (file) {
		err = secret_read(file, &secret, &why);
		if (err)
			return log_usage("%s", why ? why : strerror(-err));
		snprintf(password, sizeof(password), "%s", secret);
		secret_free(secret);
	} else {
		err = ask_password(password, sizeof(password));
	}
	if (err || strlen(password) < PASSWORD_MIN || strlen(password) > PASSWORD_MAX)
		err = log_usage("a password has %d to %d characters: on standard input, or in "
				"--password-file FILE",
				PASSWORD_MIN, PASSWORD_MAX);
	if (!err) {
		err = account_hash(password, ret_hash);
		if (err)
			log_err(err, "cannot hash the password");
	}
	explicit_bzero(password, sizeof(password));
	return err;
}

static int user_add(struct cmd_ctx *c)
{
	const char *name = c->argv[1], *role = cmd_opt(c, "role"), *path;
	struct accounts as = { 0 };
	_free_ char *hash = NULL;
	enum web_role r;
	bool had;
	int err;

	if (!account_name_ok(name))
		return log_usage("'%s' is no name of an account: 1 to %d letters, digits and ._@-",
				 name, LOGIN_MAX),
		       AJAR_EXIT_ERROR;
	if (!role || web_role_parse(role, &r))
		return log_usage("--role viewer, operator or approver: what may %s do?", name),
		       AJAR_EXIT_ERROR;
	if (get_hash(c, &hash) || read_accounts(c, &as, &path))
		return AJAR_EXIT_ERROR;
	had = accounts_find(&as, name);
	err = accounts_put(&as, name, r, hash);
	err = err ? log_err(err, "cannot add the account") : write_accounts(c, &as, path);
	accounts_done(&as);
	if (err)
		return AJAR_EXIT_ERROR;
	log_info("%s: %s, %s", name, web_role_name(r), had ? "changed" : "added");
	return AJAR_EXIT_OK;
}

static int user_rm(struct cmd_ctx *c)
{
	struct accounts as = { 0 };
	const char *path;
	int err = read_accounts(c, &as, &path);

	if (err)
		return AJAR_EXIT_ERROR;
	err = accounts_remove(&as, c->argv[1]);
	if (err)
		log_usage("no account '%s': 'ajar web user' lists them", c->argv[1]);
	else
		err = write_accounts(c, &as, path);
	accounts_done(&as);
	if (!err)
		log_info("%s: removed; a session of it goes on until it is over or the server is "
			 "started anew",
			 c->argv[1]);
	return err == -ENOENT ? AJAR_EXIT_NEGATIVE : err ? AJAR_EXIT_ERROR : AJAR_EXIT_OK;
}

static int user_ls(struct cmd_ctx *c)
{
	static const struct writer_field fields[] = {
		COLUMN("name", "NAME"),
		COLUMN("role", "ROLE"),
		COLUMN("password", "PASSWORD"),
		{ 0 },
	};
	struct accounts as = { 0 };
	const char *path;
	struct writer w;
	int err = 0;

	if (read_accounts(c, &as, &path) || out_open(c, fields, &w)) {
		accounts_done(&as);
		return AJAR_EXIT_ERROR;
	}
	for (unsigned i = 0; i < as.len && !err; i++) {
		writer_start(&w, NULL);
		writer_str(&w, "name", as.all[i].name);
		writer_str(&w, "role", web_role_name(as.all[i].role));
		writer_bool(&w, "password", strcmp(as.all[i].hash, "*"));
		err = writer_end(&w);
	}
	if (!as.len)
		log_info("no account: 'ajar web user add NAME --role viewer' makes one");
	accounts_done(&as);
	return out_close(&w, err, NULL, "cannot list the accounts");
}

/* --- the rows --------------------------------------------------------------------------------------------------- */

static const struct cmd_option web_options[] = {
	{ "web", 0, "ADDRESS:PORT", "where it listens (web.listen, 127.0.0.1:2527)" },
	{ 0 },
};
static const struct cmd_option add_options[] = {
	{ "role", 0, "ROLE",
	  "viewer reads; operator also decides about alerts; approver also allows" },
	{ "password-file", 0, "FILE", "its first line; else standard input is asked" },
	{ "no-password", 0, NULL, "a proxy says who it is (web.proxy)" },
	{ 0 },
};
static const struct cmd user_rows[] = {
	{ .name = "ls",
	  .args = "",
	  .help = "the accounts of the web page",
	  .options = cmd_csv_options,
	  .run = user_ls },
	{ .name = "add",
	  .args = "NAME",
	  .help = "a new account, or another role and password for one",
	  .min = 1,
	  .max = 1,
	  .options = add_options,
	  .run = user_add },
	{ .name = "rm",
	  .args = "NAME",
	  .help = "no account any more",
	  .min = 1,
	  .max = 1,
	  .run = user_rm },
	{ 0 },
};
static const struct cmd subs[] = {
	{ .name = "login",
	  .args = "",
	  .help = "print an address that logs in once",
	  .options = web_options,
	  .run = login },
	{ .name = "user",
	  .args = "[ls | add NAME | rm NAME]",
	  .help = "who may log in",
	  .subs = user_rows },
	{ 0 },
};

const struct cmd cmd_web = {
	.name = "web",
	.args = "",
	.help = "serve the web page: the cluster on one screen, and a JSON API",
	.options = web_options,
	.subs = subs,
	.more = "Reads the store and writes nothing there. Prints an address that logs in once; "
		"'login' prints\nanother. It listens on this machine's loopback: from elsewhere by "
		"'ssh -L 2527:127.0.0.1:2527 HOST',\nor through a proxy that does TLS (web.proxy, "
		"see ajar.conf(5)). 'ajar run' starts it by itself.",
	.run = run,
};
