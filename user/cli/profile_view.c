/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/profile_view.h"

#include <string.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "conf/profile_text.h"
#include "core/profile.h"
#include "view/profile_json.h"
#include "view/writer.h"

void profile_row_put(struct writer *w, const struct profile *p, const struct profile_row *r)
{
	_cleanup_(buf_done) struct buf flaw = BUF_INIT(1024), rule = BUF_INIT(1 << 15);

	view_rule_flaw(&flaw, p, r);
	view_rule_members(w, r, flaw.len ? buf_str(&flaw) : NULL);
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
