/* SPDX-License-Identifier: GPL-2.0 */
#include "store/executables.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "store/sql.h"
#include "store/wrap.h"

#define PATH_TEXT_MAX 4096 /* of the column */
#define TIME_MAX (UINT64_MAX / 4)

static void hash_path(struct text path, uint8_t out[SHA256_LEN])
{
	struct sha256 h;

	sha256_init(&h);
	sha256_update(&h, path.ptr, path.len);
	sha256_final(&h, out);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* What goes into a row of it: within what every server takes. */
struct row {
	uint8_t hash[SHA256_LEN], sha256[SHA256_LEN];
	const char *path; /* escaped */
	const struct exe_file *f;
	uint64_t dev, ino, size, changed_ns;
};

#define ROW_VALUES(r)                                                                              \
	S((r)->path), U((r)->f->state), U((r)->f->listed), S((r)->f->package), S((r)->f->version), \
		U((r)->f->uid), U((r)->dev), U((r)->ino), U((r)->size), U((r)->changed_ns)

static int put_own(struct store *s, const char *node, const char *host_type, const struct row *r)
{
	int err = s->ops->own_check(s, node);

	return err ? err
		   : sql_run(s, NULL, "CALL own_executable(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			     S(host_type), B(r->hash, SHA256_LEN), B(r->sha256, SHA256_LEN),
			     ROW_VALUES(r));
}

static int forget_oldest(struct store *s, uint64_t id)
{
	_sql_ struct sql q = { .s = s };
	uint8_t hash[SHA256_LEN] = { 0 }, sha256[SHA256_LEN] = { 0 };
	int found = sql_first(
		&q,
		"SELECT path_hash, sha256 FROM executables WHERE node_id = ? ORDER BY CASE "
		"file_uid WHEN 0 THEN 0 ELSE 1 END, last_ns DESC LIMIT 1 OFFSET ?",
		U(id), CONST(STORE_EXECUTABLES_MAX));

	if (found <= 0)
		return found;
	sql_copy(&q, 0, hash, SHA256_LEN);
	sql_copy(&q, 1, sha256, SHA256_LEN);
	sql_done(&q);
	return sql_run(s, NULL,
		       "DELETE FROM executables WHERE node_id = ? AND path_hash = ? AND sha256 = ?",
		       U(id), B(hash, SHA256_LEN), B(sha256, SHA256_LEN));
}

/* As own_executable() of 0028_executables.sql. */
static int put_plain(struct store *s, const char *node, const char *host_type, const struct row *r)
{
	uint64_t id = 0, now = 0, changed = 0;
	int err = sql_now(s, &now);

	if (!err)
		err = sql_node_make(s, node, host_type, now, &id);
	if (!err)
		err = sql_run(
			s, &changed,
			"UPDATE executables SET path = ?, state = ?, listed = ?, package = ?, "
			"version = ?, file_uid = ?, device = ?, inode = ?, size = ?, changed_ns = "
			"?, last_ns = CASE WHEN last_ns >= ? THEN last_ns + 1 ELSE ? END WHERE "
			"node_id = ? AND path_hash = ? AND sha256 = ?",
			ROW_VALUES(r), U(now), U(now), U(id), B(r->hash, SHA256_LEN),
			B(r->sha256, SHA256_LEN));
	if (err || changed)
		return err;
	err = sql_run(
		s, NULL,
		"INSERT INTO executables (path, state, listed, package, version, file_uid, device, "
		"inode, size, changed_ns, node_id, path_hash, sha256, first_ns, last_ns) VALUES "
		"(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		ROW_VALUES(r), U(id), B(r->hash, SHA256_LEN), B(r->sha256, SHA256_LEN), U(now),
		U(now));
	return err ? err : forget_oldest(s, id);
}

static int put(struct store *s, const char *node, const char *host_type, const struct row *r)
{
	return s->limited ? put_own(s, node, host_type, r) : put_plain(s, node, host_type, r);
}

static uint64_t up_to(uint64_t v, uint64_t max)
{
	return v < max ? v : max;
}

int store_put_executable(struct store *s, const char *node, const char *host_type, struct text path,
			 const struct exe_file *f)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT(PATH_TEXT_MAX + 1);
	struct row r = { .f = f,
			 .dev = up_to(f->dev, INT64_MAX),
			 .ino = up_to(f->ino, INT64_MAX),
			 .size = up_to(f->size, INT64_MAX),
			 .changed_ns = up_to(f->changed_ns, TIME_MAX) };
	int err = store_check_name(s, "node", node);

	if (!err)
		err = store_check_name(s, "class", host_type);
	if (err)
		return err;
	if (!path.ptr || !path.len)
		return store_set_why(s, -EINVAL, "an executable has a path");
	/* The mark of a cut is part of what is left. */
	esc_text(&text, path.ptr, path.len, PATH_TEXT_MAX - 8);
	if (text.err)
		return text.err;
	hash_path(path, r.hash);
	r.path = buf_str(&text);
	if (f->hashed)
		memcpy(r.sha256, f->sha256, SHA256_LEN);
	return write_op(s, put(s, node, host_type, &r));
}

/* --- reading ---------------------------------------------------------------------------------- */

#define COLS                                                                                       \
	"path_hash, path, sha256, state, listed, package, version, file_uid, device, inode, "      \
	"size, changed_ns, first_ns, last_ns"

static void read_row(const struct sql *q, struct store_executable *e)
{
	struct exe_file *f = &e->file;

	*e = (struct store_executable){ .path = sql_str(q, 1),
					.first_ns = sql_u64(q, 12),
					.last_ns = sql_u64(q, 13) };
	sql_copy(q, 2, f->sha256, SHA256_LEN);
	f->state = (enum exe_file_state)sql_u64(q, 3);
	f->listed = (enum exe_listed)sql_u64(q, 4);
	f->hashed = f->state == EXE_FILE_READ || f->state == EXE_FILE_NEWER;
	snprintf(f->package, sizeof(f->package), "%s", sql_str(q, 5));
	snprintf(f->version, sizeof(f->version), "%s", sql_str(q, 6));
	f->uid = (uint32_t)sql_u64(q, 7);
	f->dev = sql_u64(q, 8);
	f->ino = sql_u64(q, 9);
	f->size = sql_u64(q, 10);
	f->changed_ns = sql_u64(q, 11);
}

static void add_past(struct store_executable *e, const struct store_executable *then)
{
	if (e->was_until_ns || !then->file.hashed || !e->file.hashed)
		return;
	e->was_until_ns = then->last_ns;
	e->was_listed = then->file.listed;
	memcpy(e->was_sha256, then->file.sha256, SHA256_LEN);
	memcpy(e->was_package, then->file.package, EXE_PACKAGE_LEN);
	memcpy(e->was_version, then->file.version, EXE_VERSION_LEN);
}

/* Rows come path by path, the newest of each first: its text outlives the row here. */
struct walk {
	store_executable_fn fn;
	void *arg;
	struct store_executable now;
	uint8_t hash[SHA256_LEN];
	char path[PATH_TEXT_MAX + 1];
	bool any;
	unsigned n;
};

static int hand_over(struct walk *w)
{
	bool any = w->any;

	w->any = false;
	return any ? w->fn(&w->now, w->arg) : 0;
}

static int take(struct walk *w, const struct sql *q)
{
	uint8_t hash[SHA256_LEN] = { 0 };
	struct store_executable e;
	int err;

	sql_copy(q, 0, hash, SHA256_LEN);
	read_row(q, &e);
	if (w->any && !memcmp(hash, w->hash, SHA256_LEN)) {
		add_past(&w->now, &e);
		return 0;
	}
	err = hand_over(w);
	memcpy(w->hash, hash, SHA256_LEN);
	snprintf(w->path, sizeof(w->path), "%s", e.path);
	w->now = e;
	w->now.path = w->path;
	w->any = true;
	w->n++;
	return err;
}

static int walk(struct walk *w, struct sql *q)
{
	int ret = 0;

	while (!ret && (ret = sql_step(q)) > 0)
		ret = take(w, q);
	return ret ? ret : hand_over(w);
}

int store_executables(struct store *s, const char *node, store_executable_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	struct walk w = { .fn = fn, .arg = arg };
	uint64_t id = 0;
	int err = sql_node_id(s, node, &id);

	if (!err)
		err = sql_get(&q,
			      "SELECT " COLS " FROM executables WHERE node_id = ? ORDER BY path, "
			      "path_hash, last_ns DESC",
			      U(id));
	if (err)
		return err == -ENOENT ? 0 : err;
	return walk(&w, &q);
}

int store_executable_get(struct store *s, const char *node, struct text path,
			 store_executable_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	struct walk w = { .fn = fn, .arg = arg };
	uint8_t hash[SHA256_LEN];
	uint64_t id = 0;
	int err = sql_node_id(s, node, &id);

	hash_path(path, hash);
	if (!err)
		err = sql_get(&q,
			      "SELECT " COLS " FROM executables WHERE node_id = ? AND path_hash = "
			      "? ORDER BY last_ns DESC",
			      U(id), B(hash, SHA256_LEN));
	if (err)
		return err == -ENOENT ? 0 : err;
	err = walk(&w, &q);
	return err ? err : w.n > 0;
}

bool store_executable_changed(const struct store_executable *e)
{
	return e->was_until_ns && !strcmp(e->was_package, e->file.package) &&
	       !strcmp(e->was_version, e->file.version);
}

/* --- for judging ------------------------------------------------------------------------------ */

/* Its file may have been written shortly before it was started, by clocks of different grain. */
#define STARTED_SLACK_NS UINT64_C(2000000000)

struct asked {
	const struct process *who;
	struct exe_account *to;
};

/*
 * A process that was started before the file was changed runs what the path was then: the digest of
 * before, where there was another one; the same, where that had been told before the change.
 */
static int take_account(const struct store_executable *e, void *arg)
{
	const struct asked *a = arg;
	struct exe_file *f = &a->to->file;

	a->to->state = EXE_ACCOUNT_KNOWN;
	*f = e->file;
	if (!a->who->start_ns || f->changed_ns <= a->who->start_ns + STARTED_SLACK_NS)
		return 0;
	if (e->was_until_ns) {
		memcpy(f->sha256, e->was_sha256, SHA256_LEN);
		memcpy(f->package, e->was_package, EXE_PACKAGE_LEN);
		memcpy(f->version, e->was_version, EXE_VERSION_LEN);
		f->listed = e->was_listed;
	} else if (e->first_ns >= f->changed_ns) {
		f->state = EXE_FILE_NEWER;
		f->hashed = false;
		f->listed = EXE_LISTED_UNKNOWN;
	}
	return 0;
}

int store_event_files(struct store *s, const char *node, const struct profile *p, bool awaited,
		      struct event *ev, struct exe_account each[HOLDERS_JUDGED_MAX])
{
	struct process who[HOLDERS_JUDGED_MAX];
	size_t n;

	ev->files = NULL;
	if (!p || !profile_wants_files(p))
		return 0;
	n = holders_judged(ev, who);
	for (size_t i = 0; i < n; i++) {
		struct asked a = { .who = &who[i], .to = &each[i] };
		bool looked_at = exe_file_is_the_nodes(&who[i], NULL);
		int ret;

		each[i] = (struct exe_account){ .state = looked_at && awaited ? EXE_ACCOUNT_AWAITED
									      : EXE_ACCOUNT_NONE };
		ret = looked_at ? store_executable_get(s, node, who[i].exe, take_account, &a) : 0;
		if (ret < 0)
			return ret;
	}
	ev->files = each;
	return 0;
}

int store_executables_since(struct store *s, uint64_t since_ns, store_name_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q,
			  "SELECT DISTINCT n.name FROM executables e JOIN nodes n ON n.id = "
			  "e.node_id WHERE e.last_ns >= ?",
			  U(since_ns));

	while (!ret && (ret = sql_step(&q)) > 0)
		ret = fn(sql_str(&q, 0), arg);
	return ret;
}

int store_rules_want_files(struct store *s, bool *ret)
{
	_sql_ struct sql q = { .s = s };
	int found = sql_first(&q, "SELECT 1 FROM open_ports WHERE package <> '' OR sha256 <> '' "
				  "LIMIT 1");

	*ret = found > 0;
	return found < 0 ? found : 0;
}
