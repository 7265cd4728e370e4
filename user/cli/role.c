/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/role.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/proc.h"
#include "conf/conf.h"
#include "conf/paths.h"
#include "store/store.h"

static int on_signal(int signo, void *arg)
{
	struct role *r = arg;

	log_debug("SIG%s: stopping", sigabbrev_np(signo));
	loop_stop(r->loop);
	return 0;
}

/* Root makes it and gives it away; somebody else makes it where he may, a service finds it made. */
static int open_folder(const char *path, uid_t uid, gid_t gid, int *ret_fd)
{
	int err = file_mkdir_p(path, 0750, uid, gid), fd;

	if (err && !geteuid())
		return log_usage("cannot make the folder '%s' (%s): give another --data", path,
				 strerror(-err));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return log_err(-errno,
			       "cannot open the folder '%s' as uid %u, make it with 'sudo install "
			       "-d -m 750 "
			       "-o %u -g %u %s' or give another --data",
			       path, (unsigned)geteuid(), (unsigned)geteuid(), (unsigned)getegid(),
			       path);
	*ret_fd = fd;
	return 0;
}

static int open_journal_folder(const struct conf *conf, uid_t uid, gid_t gid, int *ret_fd)
{
	struct buf path = BUF_INIT(4096);
	int err = paths_journal(conf, &path);

	if (!err)
		err = open_folder(path.data, uid, gid, ret_fd);
	buf_done(&path);
	return err;
}

/*
 * Below a folder that only root can enter, an unprivileged process still reaches what it has
 * open, and its working directory: so the embedded store is opened as a relative path.
 */
static int enter_store_folder(const struct conf *conf, uid_t uid, gid_t gid)
{
	struct buf path = BUF_INIT(4096);
	_close_ int fd = -1;
	int err = paths_store_dir(conf, &path);

	if (!err)
		err = open_folder(path.data, uid, gid, &fd);
	if (!err && fchdir(fd) < 0)
		err = log_err(-errno, "cannot enter the folder '%s'", path.data);
	buf_done(&path);
	return err;
}

static int open_store(const struct conf *conf, struct store **ret_store)
{
	bool own = !*conf->store_uri;
	_free_ char *why = NULL;
	int err = store_open(own ? "sqlite:" PATHS_STORE_FILE : conf->store_uri,
			     STORE_CREATE | (own ? STORE_RELATIVE : 0), ret_store, &why);

	if (err)
		return why ? log_usage("%s", why) : log_err(err, "cannot open the store");
	return 0;
}

int role_start(const struct conf *conf, bool with_journal, struct role *r)
{
	static const int signals[] = { SIGTERM, SIGINT, 0 };
	bool fallback;
	uid_t uid;
	gid_t gid;
	int err = proc_role_ids(conf->role_user, &uid, &gid, &fallback);

	if (err)
		return log_err(err, "neither user '%s' nor 'nobody' is in /etc/passwd",
			       conf->role_user);
	if (with_journal)
		err = open_journal_folder(conf, uid, gid, &r->journal_dir);
	if (!err && !*conf->store_uri)
		err = enter_store_folder(conf, uid, gid);
	if (err)
		return err;
	err = proc_drop_privileges(uid, gid);
	if (!err)
		err = proc_follow_supervisor();
	if (err)
		return log_err(err, "cannot give up root");
	err = open_store(conf, &r->store);
	if (err)
		return err;
	err = loop_new(&r->loop);
	if (!err)
		err = loop_add_signals(r->loop, signals, on_signal, r);
	return err ? log_err(err, "cannot set up the event loop") : 0;
}

void role_done(struct role *r)
{
	loop_free(r->loop);
	store_free(r->store);
	if (r->journal_dir >= 0)
		close(r->journal_dir);
}

void role_log_level(bool quiet)
{
	if (quiet)
		log_set_level(LOG_LEVEL_WARN);
}
