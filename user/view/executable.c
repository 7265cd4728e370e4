/* SPDX-License-Identifier: GPL-2.0 */
#include "view/executable.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "core/event.h"
#include "store/executables.h"
#include "view/view.h"
#include "view/writer.h"

#define LINES_SHOWN 20
#define DIGEST_SHOWN 8 /* bytes */
#define PATH_SHOWN 200

static void put_package(struct buf *b, const struct exe_file *f)
{
	switch (f->listed) {
	case EXE_LISTED_NONE:
		buf_puts(b, ", of no package");
		return;
	case EXE_LISTED_UNKNOWN:
		buf_puts(b, ", package not known");
		return;
	default:
		buf_puts(b, ", package ");
		esc_text(b, f->package, strlen(f->package), 0);
		buf_putc(b, ' ');
		esc_text(b, f->version, strlen(f->version), 0);
		buf_printf(b, ", %s", exe_listed_name(f->listed));
	}
}

static const char *change_of(const struct store_executable *e)
{
	if (!store_executable_changed(e))
		return "with another version of the package";
	return *e->file.package ? "though the package is the same" : "and no package says why";
}

void executable_text(struct buf *b, const struct store_executable *e)
{
	const struct exe_file *f = &e->file;

	if (!f->hashed) {
		buf_printf(b, "no digest: %s", exe_file_state_name(f->state));
		return;
	}
	buf_puts(b, "sha256 ");
	buf_put_hex(b, f->sha256, DIGEST_SHOWN);
	put_package(b, f);
	if (f->state == EXE_FILE_NEWER)
		buf_printf(b, "; %s", exe_file_state_name(f->state));
	if (!e->was_until_ns)
		return;
	buf_puts(b, "; it was ");
	buf_put_hex(b, e->was_sha256, DIGEST_SHOWN);
	buf_puts(b, " until ");
	view_time(b, e->was_until_ns, false);
	buf_printf(b, " UTC, changed %s", change_of(e));
}

/* An administrator should look: replaced, or not as its package brought it. */
static bool is_odd(const struct store_executable *e)
{
	return store_executable_changed(e) || e->file.listed == EXE_LISTED_DIFFERS;
}

/* --- of a process ----------------------------------------------------------------------------- */

static int put_text(const struct store_executable *e, void *arg)
{
	executable_text(arg, e);
	return 0;
}

int executable_of_text(struct store *s, const char *node, const struct process *p, struct buf *b)
{
	const char *why = NULL;
	int ret;

	if (!p->known || p->kernel || !p->exe.ptr)
		return -ENODATA;
	if (!exe_file_is_the_nodes(p, &why)) {
		buf_printf(b, "%s: not looked at", why);
		return b->err;
	}
	ret = store_executable_get(s, node, p->exe, put_text, b);
	if (!ret)
		buf_puts(b, "not looked at yet");
	return ret < 0 ? ret : b->err;
}

static void put_hex(struct writer *w, const char *key, bool known, const uint8_t sha256[SHA256_LEN])
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(2 * SHA256_LEN + 1);

	if (known)
		buf_put_hex(&b, sha256, SHA256_LEN);
	writer_str(w, key, known ? buf_str(&b) : NULL);
}

/* Of one that nobody has looked at only path and state are known. */
static void put_members(struct writer *w, const char *node, const char *state,
			const struct store_executable *e)
{
	const struct exe_file *f = &e->file;

	writer_start(w, NULL);
	writer_str(w, "node", node);
	writer_str(w, "path", e->path);
	writer_str(w, "state", state);
	put_hex(w, "sha256", f->hashed, f->sha256);
	writer_str(w, "package", *f->package ? f->package : NULL);
	writer_str(w, "version", *f->version ? f->version : NULL);
	writer_str(w, "listed", exe_listed_name(f->listed));
	writer_bool(w, "replaced", store_executable_changed(e));
	put_hex(w, "sha256_was", e->was_until_ns, e->was_sha256);
	writer_time(w, "was_until", e->was_until_ns);
	writer_time(w, "file_changed", f->changed_ns);
	writer_time(w, "first", e->first_ns);
	writer_time(w, "last", e->last_ns);
	writer_end(w);
}

struct json {
	struct writer *w;
	const char *node;
};

static int put_json(const struct store_executable *e, void *arg)
{
	struct json *j = arg;

	put_members(j->w, j->node, exe_file_state_name(e->file.state), e);
	return j->w->b->err;
}

int executable_of_json(struct store *s, const char *node, const struct process *p, struct writer *w)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(EVENT_RECORD_MAX), state = BUF_INIT(256);
	struct store_executable nothing = { 0 };
	struct json j = { w, node };
	const char *why = NULL;
	int ret;

	if (!p->known || p->kernel || !p->exe.ptr)
		return -ENODATA;
	if (exe_file_is_the_nodes(p, &why)) {
		ret = store_executable_get(s, node, p->exe, put_json, &j);
		if (ret)
			return ret < 0 ? ret : 0;
	}
	esc_text(&path, p->exe.ptr, p->exe.len, 0);
	nothing.path = buf_str(&path);
	if (why)
		buf_printf(&state, "%s: not looked at", why);
	else
		buf_puts(&state, "not looked at yet");
	put_members(w, node, buf_str(&state), &nothing);
	return w->b->err;
}

/* --- of a node -------------------------------------------------------------------------------- */

struct lines {
	struct buf *b;
	bool odd; /* which ones this walk is about */
	unsigned n, all;
};

static int put_line(const struct store_executable *e, void *arg)
{
	struct lines *l = arg;

	if (is_odd(e) != l->odd)
		return 0;
	if (++l->all > LINES_SHOWN)
		return 0;
	buf_printf(l->b, "%-11s ", l->n++ ? "" : "programs");
	esc_text(l->b, e->path, strlen(e->path), PATH_SHOWN);
	buf_puts(l->b, ": ");
	executable_text(l->b, e);
	buf_putc(l->b, '\n');
	return l->b->err;
}

int node_executables_text(struct store *s, const char *node, struct buf *b)
{
	struct lines l = { .b = b, .odd = true };
	int err = store_executables(s, node, put_line, &l);

	l.odd = false;
	if (!err)
		err = store_executables(s, node, put_line, &l);
	if (l.all > LINES_SHOWN)
		buf_printf(b, "%-11s and %u more: 'ajar node -j' has all\n", "",
			   l.all - LINES_SHOWN);
	return err ? err : b->err;
}

int node_executables_json(struct store *s, const char *node, struct writer *w)
{
	struct json j = { w, node };
	int err;

	writer_list(w, "executables");
	err = store_executables(s, node, put_json, &j);
	writer_end(w);
	return err;
}
