/* SPDX-License-Identifier: GPL-2.0 */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "core/holders.h"
#include "core/place.h"
#include "view/view.h"

#define NAME_BYTES_MAX 64
#define EXE_BYTES_MAX 120
#define ANCESTORS_SHOWN 4
#define HOLDERS_SHOWN 3
#define ARGV_BYTES_MAX 2000

/* Name of a uid: the record's own, else the number; "?" when unknown. */
static void view_user(struct buf *b, const struct process *p)
{
	if (p->kernel || !p->known)
		buf_puts(b, p->kernel ? "-" : "?");
	else if (p->user.ptr && p->user.len)
		esc_text(b, p->user.ptr, p->user.len, NAME_BYTES_MAX);
	else if (p->uid != ID_UNKNOWN)
		buf_printf(b, "%" PRIu32, p->uid);
	else
		buf_puts(b, "?");
}

static void put_comm(struct buf *b, const char comm[COMM_LEN])
{
	esc_text(b, comm, strnlen(comm, COMM_LEN), 0);
}

static struct text last_part(struct text path)
{
	for (uint32_t i = path.len; i > 0; i--) {
		if (path.ptr[i - 1] == '/')
			return (struct text){ path.ptr + i, path.len - i };
	}
	return path;
}

/* A process may call itself what it likes: when its file has another name, that is shown too. */
static bool name_differs(const struct process *p)
{
	struct text file = last_part(p->exe);
	size_t n = strnlen(p->comm, COMM_LEN);

	if (!p->exe.ptr)
		return false;
	return file.len < n || memcmp(file.ptr, p->comm, n) != 0 ||
	       (n < COMM_LEN - 1 && file.len > n && file.ptr[n] != '.');
}

/* Nearest first; equal ones in a row are one, "bash ×4". */
static void put_ancestors(struct buf *b, const struct process *p)
{
	uint32_t i = 0;

	for (unsigned shown = 0; i < p->ancestors_len && shown < ANCESTORS_SHOWN; shown++) {
		uint32_t same = 1;

		while (i + same < p->ancestors_len &&
		       !strncmp(p->ancestors[i].comm, p->ancestors[i + same].comm, COMM_LEN))
			same++;
		buf_puts(b, " ← ");
		put_comm(b, p->ancestors[i].comm);
		if (same > 1)
			buf_printf(b, " ×%" PRIu32, same);
		i += same;
	}
	if (i < p->ancestors_len)
		buf_puts(b, " ← …");
}

void view_where(struct buf *b, const struct door *d, const struct process *opener)
{
	char where[PLACE_WHERE_MAX];

	place_where(d, opener, where);
	esc_text(b, where, strlen(where), 0);
}

void view_who(struct buf *b, const struct process *p)
{
	if (p->kernel || !p->known) {
		buf_puts(b, p->kernel ? "kernel" : "?");
		return;
	}
	put_comm(b, p->comm);
	if (name_differs(p)) {
		buf_puts(b, p->exe_cut ? " (…" : " (");
		esc_text(b, p->exe.ptr, p->exe.len, EXE_BYTES_MAX);
		buf_putc(b, ')');
	}
	if (place_exe_is_foreign(p))
		buf_puts(b, " (path of another mount namespace)");
	buf_putc(b, ' ');
	view_user(b, p);
	put_ancestors(b, p);
}

/* "nc mlee": without ancestors. */
static void put_short(struct buf *b, const struct process *p)
{
	struct process alone = *p;

	alone.ancestors_len = 0;
	view_who(b, &alone);
}

/*
 * "nginx root, nginx www-data and 2 more": who is in the way must not hide behind a number. Returns
 * whether o is among them.
 */
static bool put_holders(struct buf *b, const struct holders *h, const struct process *o)
{
	struct text list = h->list;
	uint32_t shown = 0, n = h->len + h->more;
	bool opener = false;
	struct process p;

	while (holders_next(&list, &p)) {
		opener |= o->known && holders_alike(&p, o);
		if (shown == HOLDERS_SHOWN)
			continue;
		if (shown++)
			buf_puts(b, ", ");
		put_short(b, &p);
	}
	if (n > shown)
		buf_printf(b, shown ? " and %" PRIu32 " more" : "%" PRIu32 " that are not known",
			   n - shown);
	return opener;
}

void view_holder(struct buf *b, const struct event *ev)
{
	struct process p;

	if (event_asker(ev, &p)) {
		buf_puts(b, "kernel, asked by ");
		put_short(b, &p);
		return;
	}
	if (holders_hidden(ev)) {
		buf_puts(b, "held, holder not visible");
		if (ev->opener.known) {
			buf_puts(b, "; opened by ");
			put_short(b, &ev->opener);
		}
		return;
	}
	holders_first(ev, &p);
	if (!ev->holders.known || (ev->holders.len == 1 && holders_alike(&p, &ev->opener))) {
		view_who(b, &p);
		return;
	}
	if (!put_holders(b, &ev->holders, &ev->opener) && ev->opener.known) {
		buf_puts(b, ", opened by ");
		put_short(b, &ev->opener);
	}
}

uint32_t view_holder_pid(const struct event *ev)
{
	struct process p;

	if (holders_hidden(ev))
		return 0;
	holders_first(ev, &p);
	return p.pid;
}

void view_argv(struct buf *b, const struct process *p)
{
	const char *at = p->argv.ptr, *end = at ? at + p->argv.len : NULL;

	while (at && at < end) {
		const char *nul = memchr(at, '\0', (size_t)(end - at));

		esc_text(b, at, (size_t)((nul ? nul : end) - at), ARGV_BYTES_MAX);
		at = nul ? nul + 1 : end;
		if (at < end)
			buf_putc(b, ' ');
	}
	if (p->argv_cut)
		buf_puts(b, "...");
}
