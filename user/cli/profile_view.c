/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/profile_view.h"

#include <string.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/clock.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/profile_check.h"
#include "conf/profile_text.h"
#include "core/profile.h"
#include "view/writer.h"

/* What is the matter with a row of p; nothing is appended when nothing is. */
static void put_flaw(struct buf *b, const struct profile *p, const struct profile_row *r)
{
	uint64_t now = clock_wall_ns();

	for (size_t i = 0; p && i < p->rows_len; i++)
		if (p->rows[i].id == r->id)
			(void)profile_flaw_words(p->rows, p->rows_len, i, now, b);
}

static void put_fields(struct writer *w, const struct profile_row *r, const char *flaw)
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

void profile_row_put(struct writer *w, const struct profile *p, const struct profile_row *r)
{
	_cleanup_(buf_done) struct buf flaw = BUF_INIT(1024), rule = BUF_INIT(1 << 15);

	put_flaw(&flaw, p, r);
	put_fields(w, r, flaw.len ? buf_str(&flaw) : NULL);
	if (!writer_for_people(w))
		return;
	profile_rule_plain(&rule, r);
	writer_cell(w, "rule", "%s", buf_str(&rule));
	if (!r->id) {
		writer_cell(w, "id", "-");
		writer_cell(w, "hits", "-");
		writer_cell(w, "last_match", "-");
	}
	writer_cell(w, "note", "%s", flaw.len ? buf_str(&flaw) : r->reason ? r->reason : "");
	writer_colour(w, flaw.len ? "33" : NULL);
}

int profile_rows_print(const struct cmd_ctx *c, const struct profile *p,
		       const struct profile_row *rows, size_t n)
{
	static const struct writer_field fields[] = {
		COLUMN("id", "ID", .right = true),
		COLUMN("rule", "RULE", .width = 0.5, .trunc = true, .people = true),
		PROFILE_ROW_FIELDS,
		COLUMN("origin", "ORIGIN"),
		FIELD("author"),
		FIELD("reason"),
		FIELD("created"),
		FIELD("expires"),
		COLUMN("hits", "HITS", .right = true),
		COLUMN("last_match", "LAST", .brief = true, .none = "never"),
		COLUMN("note", "NOTE", .width = 0.2, .trunc = true, .people = true),
		FIELD("flaw"),
		{ 0 },
	};
	struct writer w;
	int err = 0;

	if (out_open(c, fields, &w))
		return AJAR_EXIT_ERROR;
	for (size_t i = 0; i < n && !err; i++) {
		writer_start(&w, NULL);
		profile_row_put(&w, p, &rows[i]);
		err = writer_end(&w);
	}
	return out_close(&w, err, NULL, NULL);
}
