/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/profile_view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/jsonw.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/profile_check.h"
#include "conf/profile_text.h"
#include "core/profile.h"
#include "view/view.h"

/* What is the matter with a row of p; nothing is appended when nothing is. */
static void put_flaw(struct buf *b, const struct profile *p, const struct profile_row *r)
{
	uint64_t now = clock_wall_ns();

	for (size_t i = 0; p && i < p->rows_len; i++)
		if (p->rows[i].id == r->id)
			(void)profile_flaw_words(p->rows, p->rows_len, i, now, b);
}

void profile_row_json(struct jsonw *w, const struct profile *p, const struct profile_row *r)
{
	_cleanup_(buf_done) struct buf flaw = BUF_INIT(1024);

	put_flaw(&flaw, p, r);
	jsonw_u64(w, "id", r->id);
	jsonw_str(w, "action", profile_action_name(r->action));
	if (r->port || r->port_end)
		jsonw_u64(w, "port", r->port);
	else
		jsonw_null(w, "port"); /* any */
	if (r->port_end)
		jsonw_u64(w, "port_end", r->port_end);
	else
		jsonw_null(w, "port_end");
	jsonw_str(w, "protocol", r->proto ? door_proto_name(r->proto) : NULL);
	jsonw_str(w, "service", r->service);
	jsonw_str(w, "host_type", r->host_type);
	jsonw_str(w, "scope", r->scope ? door_scope_name(r->scope) : NULL);
	jsonw_str(w, "exe", r->exe);
	jsonw_str(w, "user", r->user);
	jsonw_str(w, "job", r->job);
	jsonw_str(w, "container", r->container);
	jsonw_str(w, "fingerprint", r->fingerprint);
	jsonw_str(w, "severity", r->severity ? severity_name(r->severity) : NULL);
	jsonw_str(w, "origin", r->origin);
	jsonw_str(w, "reason", r->reason);
	jsonw_str(w, "author", r->author);
	jsonw_time(w, "created", r->created_ns);
	jsonw_time(w, "expires", r->expires_ns);
	jsonw_u64(w, "hits", r->hits);
	jsonw_time(w, "last_match", r->last_match_ns);
	jsonw_str(w, "flaw", flaw.len ? buf_str(&flaw) : NULL);
}

static int print_json(const struct profile *p, const struct profile_row *rows, size_t n)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 20);
	struct jsonw w;
	int err = 0;

	jsonw_init(&w, &b);
	for (size_t i = 0; i < n && !err; i++) {
		jsonw_obj(&w, NULL);
		profile_row_json(&w, p, &rows[i]);
		jsonw_end_obj(&w);
		err = out_json(&w);
	}
	return err ? err : out_flush();
}

static int add_row(struct table *t, const struct profile *p, const struct profile_row *r)
{
	struct buf rule = BUF_INIT(1 << 15), last = BUF_INIT(64), note = BUF_INIT(1 << 13);
	char id[24] = "-", hits[24] = "-";
	bool flawed;
	int err;

	if (r->id) {
		snprintf(id, sizeof(id), "%" PRIu64, r->id);
		snprintf(hits, sizeof(hits), "%" PRIu64, r->hits);
	}
	if (r->last_match_ns)
		view_time_short(&last, r->last_match_ns, clock_wall_ns());
	else
		buf_puts(&last, r->id ? "never" : "-");
	profile_rule_plain(&rule, r);
	put_flaw(&note, p, r);
	flawed = note.len;
	if (!flawed && r->reason)
		buf_puts(&note, r->reason);
	{
		const char *const cells[] = { id,   buf_str(&rule), r->origin ? r->origin : "-",
					      hits, buf_str(&last), buf_str(&note) };

		err = table_row(t, cells, array_len(cells), flawed ? "33" : NULL);
	}
	buf_done(&rule);
	buf_done(&last);
	buf_done(&note);
	return err;
}

int profile_rows_print(const struct cmd_ctx *c, const struct profile *p,
		       const struct profile_row *rows, size_t n)
{
	static const struct table_column columns[] = {
		{ "ID", 0, true, false },      { "RULE", 0.5, false, true },
		{ "ORIGIN", 0, false, false }, { "HITS", 0, true, false },
		{ "LAST", 0, false, false },   { "NOTE", 0.2, false, true },
	};
	_cleanup_(table_freep) struct table *t = NULL;
	int err;

	if (c->json)
		return print_json(p, rows, n);
	if (!n)
		return 0;
	err = table_new(columns, array_len(columns), c->colour, &t);
	for (size_t i = 0; i < n && !err; i++)
		err = add_row(t, p, &rows[i]);
	if (!err)
		err = table_print(t, stdout);
	return err ? err : out_flush();
}
