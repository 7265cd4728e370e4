/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/profile_view.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/jsonw.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "core/profile.h"
#include "view/view.h"

static void put_row_json(struct jsonw *w, const struct profile_row *r)
{
	jsonw_obj(w, NULL);
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
	jsonw_str(w, "origin", r->origin);
	jsonw_str(w, "reason", r->reason);
	jsonw_str(w, "author", r->author);
	jsonw_time(w, "created", r->created_ns);
	jsonw_time(w, "expires", r->expires_ns);
	jsonw_end_obj(w);
}

static int print_json(const struct profile_row *rows, size_t n)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 20);
	struct jsonw w;
	int err = 0;

	jsonw_init(&w, &b);
	for (size_t i = 0; i < n && !err; i++) {
		put_row_json(&w, &rows[i]);
		err = out_json(&w);
	}
	return err ? err : out_flush();
}

static int add_row(struct table *t, const struct profile_row *r)
{
	struct buf port = BUF_INIT(64), expires = BUF_INIT(64);
	int err;

	if (!r->port && !r->port_end)
		buf_puts(&port, "any");
	else if (r->port_end)
		buf_printf(&port, "%" PRIu32 "-%" PRIu32, r->port, r->port_end);
	else
		buf_printf(&port, "%" PRIu32, r->port);
	if (r->expires_ns)
		view_time(&expires, r->expires_ns, false);
	else
		buf_puts(&expires, "never");
	{
		const char *const cells[] = { r->proto ? door_proto_name(r->proto) : "any",
					      buf_str(&port),
					      r->scope ? door_scope_name(r->scope) : "any",
					      r->exe ? r->exe : "any",
					      r->user ? r->user : "any",
					      r->service ? r->service : "-",
					      r->origin ? r->origin : "-",
					      buf_str(&expires) };

		err = table_row(t, cells, array_len(cells), NULL);
	}
	buf_done(&port);
	buf_done(&expires);
	return err;
}

int profile_rows_print(const struct cmd_ctx *c, const struct profile_row *rows, size_t n)
{
	static const struct table_column columns[] = {
		{ "PROTO", 0, false, false },  { "PORT", 0, true, false },
		{ "SCOPE", 0, false, false },  { "PROGRAM", 0.3, false, true },
		{ "USER", 0, false, true },    { "SERVICE", 0, false, true },
		{ "ORIGIN", 0, false, false }, { "EXPIRES", 0, false, false },
	};
	_cleanup_(table_freep) struct table *t = NULL;
	int err;

	if (c->json)
		return print_json(rows, n);
	if (!n)
		return 0;
	err = table_new(columns, array_len(columns), c->colour, &t);
	for (size_t i = 0; i < n && !err; i++)
		err = add_row(t, &rows[i]);
	if (!err)
		err = table_print(t, stdout);
	return err ? err : out_flush();
}
