/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/notifier.h"
#include "base/buf.h"
#include "base/clock.h"
#include "store/migrate.h"

/* Opening: the file, its settings, its schema. */

#define BUSY_MS 5000
#define WAL_RIGHTS_MS 2000
#define RELATIVE_VFS "ajar-relative"
#define IN_MEMORY ":memory:" /* SQLite's own word for a database without a file */

/*
 * A role that has dropped its privileges reaches the database only through its working directory:
 * the directories above may be closed to it. SQLite's own VFS turns the path into an absolute one,
 * which it then can neither lstat nor open; this one leaves the path as it is. The process must
 * therefore never change its working directory while such a store is open.
 */
static int same_pathname(sqlite3_vfs *vfs, const char *path, int out_len, char *out)
{
	(void)vfs;
	if (snprintf(out, (size_t)out_len, "%s", path) >= out_len)
		return SQLITE_CANTOPEN;
	return SQLITE_OK;
}

static int register_relative_vfs(void)
{
	static sqlite3_vfs
		vfs; /* registered for the life of the process, so it cannot be a local */
	const sqlite3_vfs *unix_vfs;

	if (sqlite3_vfs_find(RELATIVE_VFS))
		return 0;
	unix_vfs = sqlite3_vfs_find(NULL);
	if (!unix_vfs)
		return -EOPNOTSUPP;
	vfs = *unix_vfs;
	vfs.zName = RELATIVE_VFS;
	vfs.pNext = NULL;
	vfs.xFullPathname = same_pathname;
	return sqlite3_vfs_register(&vfs, 0) ? -ENOMEM : 0;
}

/* Opens the directory; *ret_name points at the last component of path. */
static int open_dir(const char *path, int *ret_fd, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	_free_ char *dir = NULL;
	int fd;

	if (!slash)
		dir = strdup(".");
	else
		dir = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (!dir)
		return -ENOMEM;
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	*ret_name = slash ? slash + 1 : path;
	return 0;
}

/*
 * Root makes the files of a store for the owner of the directory, who is the role that will write
 * it. SQLite itself gives the -wal and -shm beside it the owner of the database.
 */
static int give_to_owner(int dirfd, int fd)
{
	struct stat dir, file;

	if (geteuid())
		return 0;
	if (fstat(dirfd, &dir) || fstat(fd, &file))
		return -errno;
	if (dir.st_uid == file.st_uid && dir.st_gid == file.st_gid)
		return 0;
	return fchown(fd, dir.st_uid, dir.st_gid) ? -errno : 0;
}

static int create_file(int dirfd, const char *name)
{
	_close_ int fd =
		openat(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);

	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	return give_to_owner(dirfd, fd);
}

static int check_file(struct sq *s, unsigned flags, char **ret_why)
{
	const char *name = NULL;
	struct stat st;
	int err;

	err = open_dir(s->path, &s->dirfd, &name);
	if (err == -ENOENT && !(flags & STORE_CREATE))
		goto missing;
	if (err)
		return store_open_why(ret_why, err,
				      "store %s: its directory cannot be opened: %s: give "
				      "another --data or --store",
				      s->base.shown, strerror(-err));
	if (!(flags & STORE_READONLY) && faccessat(s->dirfd, ".", W_OK, AT_EACCESS)) {
		err = -errno;
		return store_open_why(
			ret_why, err,
			"store %s: its directory cannot be written by uid %u: %s: run as "
			"its owner, or give another --data or --store",
			s->base.shown, (unsigned)geteuid(), strerror(-err));
	}
	if (flags & STORE_CREATE) {
		err = create_file(s->dirfd, name);
		if (err)
			return store_open_why(ret_why, err,
					      "store %s cannot be created by uid %u: %s: give "
					      "another --data or --store",
					      s->base.shown, (unsigned)geteuid(), strerror(-err));
	}
	if (fstatat(s->dirfd, name, &st, AT_SYMLINK_NOFOLLOW)) {
		err = -errno;
		if (err == -ENOENT)
			goto missing;
		return store_open_why(ret_why, err, "store %s: %s", s->base.shown, strerror(-err));
	}
	/* A link could lead root, who looks at what a role owns, to any file. */
	if (!S_ISREG(st.st_mode))
		return store_open_why(ret_why, -STORE_E_DAMAGED,
				      "store %s is not a file: give another --data or --store",
				      s->base.shown);
	return 0;
missing:
	return store_open_why(ret_why, -ENOENT,
			      "no store at %s: run 'ajar run' first, or give --data or --store",
			      s->base.shown);
}

/* --- migrations --------------------------------------------------------------------------------- */

static int applied(void *db, int (*fn)(unsigned number, const char *sha256, void *arg), void *arg)
{
	struct sq *s = db;
	_sq_put_ struct sq_stmt *st = NULL;
	uint64_t tables, ours;
	int ret;

	ret = sq_get(s,
		     "SELECT count(*), coalesce(sum(name = 'schema_migrations'), 0) "
		     "FROM sqlite_schema WHERE type = 'table'",
		     &st);
	if (ret)
		return ret;
	ret = sq_step(s, st);
	if (ret < 0)
		return ret;
	tables = sq_col_u64(st, 0);
	ours = sq_col_u64(st, 1);
	sq_put(take_ptr(st));
	if (!ours)
		return tables ? store_set_why(&s->base, -STORE_E_FOREIGN,
					      "store %s is another program's database: give "
					      "another --data or --store, or move the file aside",
					      s->base.shown)
			      : 0;
	ret = sq_get(s, "SELECT number, sha256 FROM schema_migrations ORDER BY number", &st);
	if (ret)
		return ret;
	while ((ret = sq_step(s, st)) > 0) {
		ret = fn((unsigned)sq_col_u64(st, 0), sq_col_str(st, 1), arg);
		if (ret)
			break;
	}
	return ret;
}

static int keep_number(unsigned number, const char *sha256, void *arg)
{
	(void)sha256;
	*(unsigned *)arg = number;
	return 0;
}

static int apply_locked(struct sq *s, const struct sql_file *file, const char *sha256)
{
	_sq_put_ struct sq_stmt *st = NULL;
	struct buf at = BUF_INIT(64);
	unsigned have = 0;
	int err, rc;

	err = applied(s, keep_number, &have);
	if (err)
		return err;
	if (have + 1 != file->number)
		return -EALREADY;
	rc = sqlite3_exec(s->db, file->text, NULL, NULL, NULL);
	if (rc)
		return sq_fail(s, rc);
	err = sq_get(s,
		     "INSERT INTO schema_migrations (number, name, sha256, applied_at) "
		     "VALUES (?, ?, ?, ?)",
		     &st);
	if (err)
		return err;
	clock_format(&at, clock_wall_ns());
	sq_u64(st, 1, file->number);
	sq_str(st, 2, file->name);
	sq_str(st, 3, sha256);
	sq_str(st, 4, buf_str(&at));
	err = sq_run(s, st);
	sq_put(take_ptr(st));
	buf_done(&at);
	return err;
}

static int apply(void *db, const struct sql_file *file, const char *sha256)
{
	struct sq *s = db;
	int err;

	err = sq_exec(s, "BEGIN IMMEDIATE");
	if (err)
		return err;
	err = apply_locked(s, file, sha256);
	if (!err)
		err = sq_exec(s, "COMMIT");
	if (err && !sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL,
			     NULL); /* keeps the reason of the failure */
	return err;
}

static const struct migrate_ops migrate = {
	.driver = "sqlite",
	.applied = applied,
	.apply = apply,
};

static int open_schema(struct sq *s, unsigned flags)
{
	unsigned have = 0, want = migrate_newest("sqlite");
	int err;

	if (flags & STORE_CREATE)
		err = migrate_run(&migrate, s, &have);
	else
		err = migrate_check(&migrate, s, &have);
	switch (err) {
	case -STORE_E_NEW:
		return store_set_why(&s->base, err,
				     "store %s has schema %u, this ajar knows only %u: install the "
				     "newer ajar, or give another --data or --store",
				     s->base.shown, have, want);
	case -STORE_E_ALTERED:
		return store_set_why(&s->base, err,
				     "store %s: its schema %u was made by a different ajar: use "
				     "that one, or move the store aside",
				     s->base.shown, have);
	case -STORE_E_OLD:
		return store_set_why(&s->base, err,
				     "store %s has schema %u, this ajar needs %u: run 'ajar db "
				     "migrate' or restart 'ajar run'",
				     s->base.shown, have, want);
	default:
		return err;
	}
}

int sq_schema(struct store *base, unsigned *ret_have, unsigned *ret_want)
{
	unsigned have = 0;
	int err;

	err = applied(base, keep_number, &have);
	if (err)
		return err;
	*ret_have = have;
	*ret_want = migrate_newest("sqlite");
	return 0;
}

/* --- settings of the connection -------------------------------------------------------------------- */

/* Turning WAL on needs the file alone for a moment and does not wait for that by itself. */
static int turn_wal_on(struct sq *s)
{
	int rc = SQLITE_OK;

	for (unsigned waited = 0; waited <= BUSY_MS; waited += 10) {
		rc = sqlite3_exec(s->db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
		if ((rc & 0xff) != SQLITE_BUSY)
			break;
		poll(NULL, 0, 10);
	}
	return rc ? sq_fail(s, rc) : 0;
}

static int connect_once(struct sq *s, unsigned flags)
{
	static const char *const settings[] = {
		"PRAGMA synchronous = FULL",   "PRAGMA foreign_keys = ON",
		"PRAGMA trusted_schema = OFF", "PRAGMA temp_store = MEMORY",
		"PRAGMA cell_size_check = ON", "PRAGMA journal_size_limit = 67108864",
	};
	int open_flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	unsigned have = 0;
	int rc, err;

	open_flags |= flags & STORE_READONLY ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
	rc = sqlite3_open_v2(s->path, &s->db, open_flags,
			     flags & STORE_RELATIVE ? RELATIVE_VFS : NULL);
	if (rc)
		return sq_fail(s, rc);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	for (size_t i = 0; i < array_len(settings); i++) {
		rc = sqlite3_exec(s->db, settings[i], NULL, NULL, NULL);
		if (rc)
			return sq_fail(s, rc);
	}
	if (!(flags & STORE_READONLY)) {
		/* WAL is written into the file: not into another program's. */
		err = applied(s, keep_number, &have);
		if (!err)
			err = turn_wal_on(s);
		if (err)
			return err;
	}
	return open_schema(s, flags);
}

/*
 * Another user's process that makes the WAL makes it by its umask, and gives it the rights of the
 * store a moment later. Whoever comes between the two may only read it, for as long as the
 * connection lives. A store that cannot be written for good is left to the first write, which says
 * so.
 */
static bool wal_came_too_soon(struct sq *s)
{
	int rc;

	if (sqlite3_db_readonly(s->db, "main"))
		return false;
	sqlite3_busy_timeout(s->db, 0); /* whoever is told to wait may write */
	rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (!rc)
		rc = sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_busy_timeout(s->db, BUSY_MS);
	return (rc & 0xff) == SQLITE_READONLY;
}

static int connect_db(struct sq *s, unsigned flags)
{
	for (unsigned waited = 0;; waited += 20) {
		int err = connect_once(s, flags);

		if (flags & STORE_READONLY || s->in_memory || waited >= WAL_RIGHTS_MS ||
		    (err && err != -EROFS) || !s->db || !wal_came_too_soon(s))
			return err;
		sql_stmt_forget_all(&s->base);
		sqlite3_close(s->db);
		s->db = NULL;
		poll(NULL, 0, 20);
	}
}

/* A role opens "./ajar.db" in a folder it is in: people are told which. */
static int name_paths(struct sq *s, const char *path, unsigned flags)
{
	_free_ char *cwd = flags & STORE_RELATIVE ? getcwd(NULL, 0) : NULL;

	if (s->in_memory) {
		s->path = strdup(path);
		s->base.shown = strdup("in memory");
		return s->path && s->base.shown ? 0 : -ENOMEM;
	}
	if (asprintf(&s->path, "%s%s", strchr(path, '/') == path || path[0] == '.' ? "" : "./",
		     path) < 0) {
		s->path = NULL;
		return -ENOMEM;
	}
	s->base.shown = NULL;
	if (!cwd)
		s->base.shown = strdup(s->path);
	else if (asprintf(&s->base.shown, "%s/%s", cwd, path) < 0)
		s->base.shown = NULL;
	return s->base.shown ? 0 : -ENOMEM;
}

int sq_open(const struct store_ops *ops, const char *path, unsigned flags, struct store **ret_store,
	    char **ret_why)
{
	struct sq *s;
	int err;

	if (!path[0])
		return store_open_why(ret_why, -EINVAL, "a store needs a path: sqlite:PATH");
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->base.ops = ops;
	s->dirfd = s->ring_fd = s->notifier_fd = -1;
	/* SQLite gives names such as "file:..." a meaning of its own; with a '/' they have none. */
	s->in_memory = !strcmp(path, IN_MEMORY);
	err = name_paths(s, path, flags);
	if (!err && (flags & STORE_RELATIVE))
		err = register_relative_vfs();
	if (!err && s->in_memory && !(flags & STORE_CREATE))
		err = store_open_why(ret_why, -ENOENT, "a store in memory is empty when opened");
	else if (!err && !s->in_memory)
		err = check_file(s, flags, ret_why);
	if (err)
		goto fail;
	err = connect_db(s, flags);
	if (!err && !s->in_memory && !(flags & STORE_READONLY)) {
		err = notifier_open(s->dirfd, "bell", &s->ring_fd);
		if (!err)
			err = give_to_owner(s->dirfd, s->ring_fd);
		if (err)
			store_set_why(&s->base, err, "store %s: its notifier cannot be opened: %s",
				      s->base.shown, strerror(-err));
	}
	if (err) {
		store_open_why(ret_why, err, "%s", s->base.why);
		goto fail;
	}
	*ret_store = &s->base;
	return 0;
fail:
	ops->free(&s->base);
	return err;
}
