/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/notify_status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/jsonw.h"
#include "base/log.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "store/sinks.h"
#include "view/view.h"

struct showing {
	struct cmd_ctx *c;
	struct store *store;
	struct table *table;
	struct buf b;
	struct jsonw json;
	bool any;
};

static int put_retry(const struct store_retry *p, void *arg)
{
	struct jsonw *w = arg;

	jsonw_obj(w, NULL);
	jsonw_u64(w, "change", p->log_id);
	jsonw_u64(w, "alert", p->alert_id);
	jsonw_u64(w, "tries", p->tries);
	jsonw_time(w, "refused", p->first_ns);
	jsonw_time(w, "next_try", p->next_ns);
	jsonw_str(w, "why", p->why);
	jsonw_end_obj(w);
	return 0;
}

#define RETRIES_SHOWN 100

static int on_json(const struct store_sink *s, void *arg)
{
	struct showing *sh = arg;
	struct jsonw *w = &sh->json;
	int err;

	jsonw_obj(w, NULL);
	jsonw_str(w, "sink", s->name);
	jsonw_str(w, "state", s->failures ? "failing" : s->behind ? "behind" : "ok");
	jsonw_u64(w, "cursor", s->log_id);
	jsonw_u64(w, "behind", s->behind);
	jsonw_time(w, "behind_since", s->behind_ns);
	jsonw_u64(w, "sent", s->sent);
	jsonw_u64(w, "failed", s->failed);
	jsonw_u64(w, "failures", s->failures);
	jsonw_u64(w, "skipped", s->skipped);
	jsonw_u64(w, "given_up", s->given_up);
	jsonw_time(w, "last_sent", s->sent_ns);
	jsonw_time(w, "last_failed", s->failed_ns);
	jsonw_str(w, "why", *s->why ? s->why : NULL);
	jsonw_u64(w, "parked", s->retrying);
	jsonw_arr(w, "refused");
	err = store_retries(sh->store, s->name, 0, RETRIES_SHOWN, put_retry, w);
	jsonw_end_arr(w);
	jsonw_end_obj(w);
	return err < 0 ? err : out_json(w);
}

static int on_row(const struct store_sink *s, void *arg)
{
	_cleanup_(buf_done) struct buf sent = BUF_INIT(64);
	struct showing *sh = arg;
	char numbers[5][24];
	const char *cells[8];
	const uint64_t v[] = { s->behind, s->sent, s->failed, s->retrying, s->given_up };

	for (size_t i = 0; i < array_len(v); i++)
		snprintf(numbers[i], sizeof(numbers[i]), "%" PRIu64, v[i]);
	if (s->sent_ns)
		view_time(&sent, s->sent_ns, false);
	cells[0] = s->name;
	cells[1] = s->failures ? "failing" : s->behind ? "behind" : "ok";
	for (size_t i = 0; i < array_len(v); i++)
		cells[2 + i] = numbers[i];
	cells[7] = s->failures || s->retrying ? s->why : buf_str(&sent);
	sh->any = true;
	return table_row(sh->table, cells, array_len(cells), s->failures ? "31" : NULL);
}

static int print_table(struct showing *sh)
{
	static const struct table_column columns[] = {
		{ "SINK", 0, false, false },	{ "STATE", 0, false, false },
		{ "BEHIND", 0, true, false },	{ "SENT", 0, true, false },
		{ "FAILED", 0, true, false },	{ "RETRYING", 0, true, false },
		{ "GIVEN UP", 0, true, false }, { "LAST", 20, false, true },
	};
	int err = table_new(columns, array_len(columns), sh->c->colour, &sh->table);

	if (!err)
		err = store_sinks(sh->store, on_row, sh);
	if (!err && sh->any)
		err = table_print(sh->table, stdout);
	if (!err && !sh->any)
		log_info("no alert has been sent anywhere yet");
	table_free(sh->table);
	return err;
}

int notify_status(struct cmd_ctx *c)
{
	struct showing sh = { .c = c, .b = BUF_INIT(1 << 20) };
	_cleanup_(store_freep) struct store *s = NULL;
	int err = cmd_store(c, STORE_READONLY, &s);

	if (err)
		return AJAR_EXIT_ERROR;
	sh.store = s;
	jsonw_init(&sh.json, &sh.b);
	err = c->json ? store_sinks(s, on_json, &sh) : print_table(&sh);
	buf_done(&sh.b);
	return out_report(err ? err : out_flush());
}

struct retry {
	struct store_retry *rows;
	size_t len, cap;
};

static int take_row(const struct store_retry *p, void *arg)
{
	struct retry *r = arg;

	if (r->len == r->cap) {
		size_t cap = r->cap ? 2 * r->cap : 64;
		struct store_retry *rows = reallocarray(r->rows, cap, sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		r->rows = rows;
		r->cap = cap;
	}
	r->rows[r->len++] = (struct store_retry){ .log_id = p->log_id,
						  .first_ns = p->first_ns,
						  .alert_id = p->alert_id };
	return 0;
}

int notify_retry(struct cmd_ctx *c, const char *name)
{
	_cleanup_(store_freep) struct store *s = NULL;
	uint64_t now = clock_wall_ns();
	struct retry r = { 0 };
	int err = cmd_store(c, 0, &s);

	if (err)
		return AJAR_EXIT_ERROR;
	err = store_retries(s, name, 0, 0, take_row, &r);
	for (size_t i = 0; i < r.len && !err; i++) {
		r.rows[i].sink = name;
		r.rows[i].why = "to be tried again";
		r.rows[i].next_ns = now;
		err = store_retry_put(s, &r.rows[i]);
	}
	free(r.rows);
	if (err < 0)
		return cmd_store_err(err, s, "cannot change the retry queue"), AJAR_EXIT_ERROR;
	log_info("%s: %zu change%s will be tried again at once", name, r.len,
		 r.len == 1 ? "" : "s");
	return AJAR_EXIT_OK;
}

int notify_forget(struct cmd_ctx *c, const char *name)
{
	_cleanup_(store_freep) struct store *s = NULL;
	int err = cmd_store(c, 0, &s);

	if (err)
		return AJAR_EXIT_ERROR;
	err = store_sink_forget(s, name);
	if (err == -ENOENT) {
		log_usage(
			"no sink '%s' has been used: 'ajar notify --status' shows those that have",
			name);
		return AJAR_EXIT_NEGATIVE;
	}
	if (err)
		return cmd_store_err(err, s, "cannot forget it"), AJAR_EXIT_ERROR;
	log_info("%s is forgotten", name);
	return AJAR_EXIT_OK;
}
