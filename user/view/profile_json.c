/* SPDX-License-Identifier: GPL-2.0 */
#include "view/profile_json.h"

#include <inttypes.h>

#include "audit/explain.h"
#include "base/buf.h"
#include "base/clock.h"
#include "core/profile.h"
#include "view/writer.h"

static void put_by(struct buf *b, const struct profile_row *by)
{
	if (!by)
		return;
	if (by->id)
		buf_printf(b, "row %" PRIu64, by->id);
	else
		buf_printf(b, "line %" PRIu32, by->line_no);
}

bool profile_flaw_words(const struct profile_row *rows, size_t n, size_t i, uint64_t now_ns,
			struct buf *b)
{
	const struct profile_row *by;

	switch (audit_row_flaw(rows, n, i, now_ns, &by)) {
	case ROW_EXPIRED:
		buf_puts(b, "expired: it says nothing any more");
		return true;
	case ROW_TWICE:
		buf_puts(b, "duplicate: the same as ");
		put_by(b, by);
		return true;
	case ROW_DENIED:
		buf_puts(b, "shadowed: ");
		put_by(b, by);
		buf_puts(b, " denies all of it, and a denial wins");
		return true;
	case ROW_NEEDLESS:
		buf_puts(b, "shadowed: ");
		put_by(b, by);
		buf_puts(b, " covers all of it");
		return true;
	case ROW_FINE:
		break;
	}
	if (!audit_row_careless(&rows[i]))
		return false;
	buf_puts(b, "any program of any user may have all these ports: add exe, user or job");
	return true;
}

void view_rule_flaw(struct buf *b, const struct profile *p, const struct profile_row *r)
{
	uint64_t now = clock_wall_ns();

	for (size_t i = 0; p && i < p->rows_len; i++)
		if (p->rows[i].id == r->id)
			(void)profile_flaw_words(p->rows, p->rows_len, i, now, b);
}

void view_rule_members(struct writer *w, const struct profile_row *r, const char *flaw)
{
	writer_u64(w, "id", r->id);
	writer_str(w, "action", profile_action_name(r->action));
	if (r->port || r->port_end)
		writer_u64(w, "port", r->port);
	else
		writer_null(w, "port"); /* any */
	writer_u64_or_null(w, "port_end", r->port_end);
	writer_str(w, "protocol", r->proto ? door_proto_name(r->proto) : NULL);
	writer_str(w, "service", r->service);
	writer_str(w, "host_type", r->host_type);
	writer_str(w, "scope", r->scope ? door_scope_name(r->scope) : NULL);
	writer_str(w, "exe", r->exe);
	writer_str(w, "package", r->package);
	writer_str(w, "sha256", r->sha256);
	writer_str(w, "argv", r->argv);
	writer_str(w, "user", r->user);
	writer_str(w, "job", r->job);
	writer_str(w, "container", r->container);
	writer_str(w, "fingerprint", r->fingerprint);
	writer_str(w, "severity", r->severity ? severity_name(r->severity) : NULL);
	writer_str(w, "origin", r->origin);
	writer_str(w, "reason", r->reason);
	writer_str(w, "author", r->author);
	writer_time(w, "created", r->created_ns);
	writer_time(w, "expires", r->expires_ns);
	writer_u64(w, "hits", r->hits);
	writer_time(w, "last_match", r->last_match_ns);
	writer_str(w, "flaw", flaw);
}

void view_class_members(struct writer *w, const char *host_type, bool accepted,
			uint64_t accepted_ns, uint64_t rows, uint64_t nodes)
{
	writer_str(w, "class", host_type);
	writer_bool(w, "accepted", accepted);
	writer_time(w, "accepted_at", accepted_ns);
	writer_u64(w, "rows", rows);
	writer_u64(w, "nodes", nodes);
}
