/* SPDX-License-Identifier: GPL-2.0 */
/* What verbs have in common. */
#include "cli/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "conf/conf.h"
#include "conf/paths.h"
#include "store/store.h"

#define LEARNING_SHOWN 3

const struct cmd_option cmd_csv_options[] = { CMD_CSV, { 0 } };

const char *cmd_opt(const struct cmd_ctx *c, const char *name)
{
	for (unsigned i = c->given_len; i > 0; i--) { /* the last one counts */
		if (!strcmp(c->given[i - 1].name, name))
			return c->given[i - 1].value;
	}
	return NULL;
}

bool cmd_store_exists(struct cmd_ctx *c)
{
	_cleanup_(buf_done) struct buf uri = BUF_INIT(4096);
	const char *file;
	struct stat st;

	if (paths_store_uri(c->conf, &uri))
		return false;
	file = paths_store_file(uri.data);
	/* What cannot be looked at may be there: opening it will say why not. */
	return !file || stat(file, &st) == 0 || errno != ENOENT;
}

bool cmd_store_meant(struct cmd_ctx *c)
{
	return *c->conf->store_uri || cmd_store_exists(c);
}

/* The embedded store's folder belongs to the role that will write it. */
static int make_store_folder(const struct conf *conf)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(4096);
	bool fallback;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int err = paths_store_dir(conf, &path);

	if (!err && uid == 0) {
		err = proc_role_ids(conf->role_user, &uid, &gid, &fallback);
		if (err)
			return log_err(err, "neither user '%s' nor 'nobody' is in /etc/passwd",
				       conf->role_user);
	}
	if (!err)
		err = file_mkdir_p(path.data, 0750, uid, gid);
	return err ? log_usage("cannot make the folder '%s' (%s): give another --data",
			       buf_str(&path), strerror(-err))
		   : 0;
}

int cmd_store(struct cmd_ctx *c, unsigned flags, struct store **ret_store)
{
	_cleanup_(buf_done) struct buf uri = BUF_INIT(4096);
	_free_ char *why = NULL;
	int err = paths_store_uri(c->conf, &uri);

	if (err)
		return log_err(err, "cannot name the store");
	if ((flags & STORE_CREATE) && !*c->conf->store_uri) {
		err = make_store_folder(c->conf);
		if (err)
			return err;
	}
	err = store_open(uri.data, flags, ret_store, &why);
	if (err && why)
		log_usage("%s", why);
	else if (err)
		log_err(err, "cannot open the store '%s'", uri.data);
	return err;
}

int cmd_store_err(int err, struct store *s, const char *what)
{
	/* A store that has a reason has put the errno into words, and the remedy behind it. */
	if (!*store_why(s))
		return log_err(err, "%s", what);
	log_usage("%s: %s", what, store_why(s));
	return err;
}

/*
 * Is there a write lock on that inode? Asking the lock itself would be in the way of an agent that
 * starts.
 */
static int is_locked(ino_t inode)
{
	char line[256], kind[16], mode[16];
	FILE *f = fopen("/proc/locks", "re");
	unsigned long long ino;
	int found = 0;

	if (!f)
		return -1;
	/* "1: FLOCK  ADVISORY  WRITE 708 fe:00:12345 0 EOF" */
	while (!found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*s %15s %*s %15s %*s %*x:%*x:%llu", kind, mode, &ino) == 3 &&
			!strcmp(kind, "FLOCK") && !strcmp(mode, "WRITE") && ino == inode;
	fclose(f);
	return found;
}

int cmd_agent_runs(const struct cmd_ctx *c)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(4096);
	struct stat st;

	if (paths_journal(c->conf, &path))
		return -1;
	buf_puts(&path, "/lock");
	if (path.err)
		return -1;
	if (lstat(path.data, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
	return is_locked(st.st_ino);
}

int cmd_on_alert(struct cmd_ctx *c)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(8192);
	const char *given = cmd_opt(c, "on-alert"), *program;
	_free_ char *why = NULL;
	int err = 0;

	if (given && !*given)
		return log_usage("--on-alert wants a program: run 'ajar %s --help'", c->path);
	if (given)
		err = conf_set(c->conf, "alert.exec", given, "--on-alert", &why);
	if (err)
		return why ? log_usage("%s", why) : log_err(err, "cannot read the command line");
	program = c->conf->alert_exec;
	if (!*program || !strncmp(program, "fd:", 3)) /* none, or 'ajar run' has looked */
		return 0;
	err = proc_find(program, &path);
	if (err == -EACCES)
		return log_usage("the alert program '%s' cannot be run: it must be an executable "
				 "file: 'chmod +x %s', or give another --on-alert",
				 program, buf_str(&path));
	return err ? log_usage("the alert program '%s' cannot be run (%s): give another "
			       "--on-alert (or alert.exec)",
			       program, strerror(-err))
		   : 0;
}

struct learning {
	const char *own;
	unsigned n; /* classes with nodes and without an accepted profile */
	bool any_node, own_accepted;
};

static void say(const char *host_type)
{
	log_info("learning: class '%s' has no accepted profile, nothing alerts; accept what stands "
		 "open "
		 "with 'ajar profile learn --write'",
		 host_type);
}

static int look(const char *host_type, bool accepted, uint64_t accepted_ns, uint64_t rows,
		uint64_t nodes, void *arg)
{
	struct learning *l = arg;

	(void)accepted_ns;
	(void)rows;
	l->any_node |= nodes > 0;
	l->own_accepted |= accepted && !strcmp(host_type, l->own);
	if (!accepted && nodes && ++l->n <= LEARNING_SHOWN)
		say(host_type);
	return 0;
}

void cmd_say_learning(const struct cmd_ctx *c, struct store *s)
{
	struct learning l = { .own = c->conf->node_class };
	int err = s ? store_host_types(s, look, &l) : 0;

	if (err)
		log_warn("cannot read which classes have a profile: %s", store_why(s));
	else if (!l.any_node && !l.own_accepted)
		say(l.own);
	if (l.n > LEARNING_SHOWN)
		log_info("learning: and %u more class%s", l.n - LEARNING_SHOWN,
			 l.n - LEARNING_SHOWN == 1 ? "" : "es");
}
