/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/role.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/failing.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/notify.h"
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

/* --- one of each on a folder ---------------------------------------------------------------------------- */

static int take_lock(int dirfd, const char *name, int *ret_fd)
{
	_close_ int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	int err = fd < 0 ? -errno : file_lock(fd);

	if (!err)
		*ret_fd = take_fd(fd);
	return err;
}

/*
 * Two shippers of one journal would acknowledge for each other; two monitors of one folder are a
 * slip (several on one server are not: each has its own); two notifiers would say all twice. Their
 * locks lie with the embedded store, whether that is used or not.
 */
static int lock_role(const struct conf *conf, struct role *r, int store_dir)
{
	bool ships = r->journal_dir >= 0;
	int dirfd = ships ? r->journal_dir : store_dir, err;
	char file[32];

	if (dirfd < 0)
		return 0;
	snprintf(file, sizeof(file), "%s.lock", r->name);
	err = take_lock(dirfd, file, &r->lock);
	if (err == -EWOULDBLOCK)
		return log_usage("another 'ajar %s' runs on %s: stop it, or give another --data",
				 r->name, conf->data_dir);
	return err ? log_err(err, "cannot lock %s/%s", conf->data_dir, ships ? "journal" : "store")
		   : 0;
}

/* For the lock alone: it need not be there. */
static int find_store_folder(const struct conf *conf, uid_t uid, gid_t gid)
{
	struct buf path = BUF_INIT(4096);
	int fd = -1;

	if (!paths_store_dir(conf, &path)) {
		if (file_mkdir_p(path.data, 0750, uid, gid))
			log_debug("cannot make %s, continuing without a lock there", path.data);
		fd = open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	buf_done(&path);
	return fd;
}

static int open_store(const struct conf *conf, bool read_only, struct store **ret_store,
		      char **ret_why)
{
	bool own = !*conf->store_uri;

	return store_open(own ? "sqlite:" PATHS_STORE_FILE : conf->store_uri,
			  (read_only ? STORE_READONLY : STORE_CREATE) | (own ? STORE_RELATIVE : 0),
			  ret_store, ret_why);
}

/* --- a server that is not to be had yet ------------------------------------------------------------- */

/*
 * From the first to the longest pause; a held one waits for a person, who restarts us when it is
 * urgent.
 */
static const struct backoff pauses[] = {
	[STORE_RETRY] = { UINT64_C(250000000), UINT64_C(30000000000) },
	[STORE_QUARANTINE] = { UINT64_C(250000000), UINT64_C(30000000000) },
	[STORE_STOP] = { UINT64_C(10000000000), UINT64_C(300000000000) },
};

uint64_t role_retry_ns(enum store_fault fault, unsigned tries)
{
	uint64_t ns = backoff_after(&pauses[fault], tries), random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = clock_boot_ns() ^ (uint64_t)getpid() << 20;
	return ns / 2 + random % (ns / 2);
}

struct waiting {
	struct role *role;
	const struct conf *conf;
	struct loop_source *timer;
	unsigned tries;
	struct failing failing;
	bool opened;
};

static void say_away(struct waiting *w, int err, const char *why)
{
	if (w->role->away)
		w->role->away(w->role, err, why);
	if (failing_is_new(&w->failing, err))
		log_warn("%s; %s", why,
			 store_fault(err) == STORE_STOP ? "nothing goes on before that is fixed"
							: "trying again");
}

static int try_store(void *arg)
{
	struct waiting *w = arg;
	_free_ char *why = NULL;
	int err = open_store(w->conf, w->role->read_only, &w->role->store, &why);

	if (!err) {
		log_info("the store answers");
		w->opened = true;
		loop_stop(w->role->loop);
		return 0;
	}
	if (err == -EINVAL)
		return log_usage("%s", why ? why : "the store's URI cannot be used");
	say_away(w, err, why ? why : store_error_text(err));
	return loop_timer_set(w->timer, role_retry_ns(store_fault(err), w->tries++), 0);
}

static int wait_for_store(const struct conf *conf, struct role *r, int err, const char *why)
{
	struct waiting w = { .role = r, .conf = conf };
	uint64_t pause_ns = role_retry_ns(store_fault(err), w.tries);

	/* What it is there for it will do; systemd need not wait for somebody else's server. */
	(void)!notify_send("READY=1");
	say_away(&w, err, why);
	err = loop_add_timer(r->loop, try_store, &w, &w.timer);
	if (!err)
		err = loop_timer_set(w.timer, pause_ns, 0);
	w.tries++;
	if (!err)
		err = loop_run(r->loop);
	loop_remove(w.timer);
	return err ? err : !w.opened;
}

static int get_store(const struct conf *conf, struct role *r)
{
	_free_ char *why = NULL;
	int err = open_store(conf, r->read_only, &r->store, &why);

	if (!err)
		return 0;
	if (!why)
		return log_err(err, "cannot open the store");
	if (err == -EINVAL || !store_is_remote(conf->store_uri))
		return log_usage("%s", why);
	return wait_for_store(conf, r, err, why);
}

int role_start(const struct conf *conf, bool with_journal, struct role *r)
{
	static const int signals[] = { SIGTERM, SIGINT, 0 };
	_close_ int store_dir = -1;
	bool fallback, kept;
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
	if (!with_journal)
		store_dir = *conf->store_uri ? find_store_folder(conf, uid, gid)
					     : open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	err = r->keep_net_raw ? proc_keep_net_raw(uid, gid, &kept) : proc_drop_privileges(uid, gid);
	if (!err)
		err = proc_follow_supervisor();
	if (err)
		return log_err(err, "cannot give up root");
	err = lock_role(conf, r, store_dir);
	if (err)
		return err;
	err = loop_new(&r->loop);
	if (!err)
		err = loop_add_signals(r->loop, signals, on_signal, r);
	return err ? log_err(err, "cannot set up the event loop") : get_store(conf, r);
}

void role_done(struct role *r)
{
	loop_free(r->loop);
	store_free(r->store);
	close_fd(&r->journal_dir);
	close_fd(&r->lock);
}

void role_log_level(bool quiet)
{
	if (quiet)
		log_set_level(LOG_LEVEL_WARN);
}
