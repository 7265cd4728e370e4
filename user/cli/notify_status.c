/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/notify_status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ajar/exit.h"
#include "alert/route.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "conf/conf.h"
#include "conf/sinks.h"
#include "store/sinks.h"
#include "view/writer.h"

struct showing {
	const struct conf *conf;
	struct store *store;
	struct writer w;
};

bool sink_was_dropped(const struct conf *conf, const struct store_sink *s)
{
	if (!strcmp(s->name, "exec") && *conf->alert_exec)
		return false;
	if (!strcmp(s->name, "syslog") && conf->alert_syslog)
		return false;
	return !conf_sink_find(conf, s->name) && lease_was_ours(s->holder);
}

static const char *state_word(const struct showing *sh, const struct store_sink *s)
{
	if (s->behind && sink_was_dropped(sh->conf, s))
		return "dropped";
	return s->failures ? "failing" : s->behind ? "behind" : "ok";
}

#define RETRIES_SHOWN 100

static int put_retry(const struct store_retry *p, void *arg)
{
	struct writer *w = arg;

	writer_start(w, NULL);
	writer_u64(w, "change", p->log_id);
	writer_u64(w, "alert", p->alert_id);
	writer_u64(w, "tries", p->tries);
	writer_time(w, "refused", p->first_ns);
	writer_time(w, "next_try", p->next_ns);
	writer_str(w, "why", p->why);
	writer_end(w);
	return 0;
}

static int on_sink(const struct store_sink *s, void *arg)
{
	struct showing *sh = arg;
	struct writer *w = &sh->w;
	int err = 0;

	writer_start(w, NULL);
	writer_str(w, "sink", s->name);
	writer_str(w, "state", state_word(sh, s));
	writer_u64(w, "cursor", s->log_id);
	writer_u64(w, "behind", s->behind);
	writer_time(w, "behind_since", s->behind_ns);
	writer_u64(w, "sent", s->sent);
	writer_u64(w, "failed", s->failed);
	writer_u64(w, "failures", s->failures);
	writer_u64(w, "skipped", s->skipped);
	writer_u64(w, "given_up", s->given_up);
	writer_time(w, "last_sent", s->sent_ns);
	writer_time(w, "last_failed", s->failed_ns);
	writer_str_or_null(w, "why", s->why);
	writer_u64(w, "parked", s->retrying);
	writer_list(w, "refused");
	if (writer_wants(w, "refused"))
		err = store_retries(sh->store, s->name, 0, RETRIES_SHOWN, put_retry, w);
	writer_end(w);
	if (s->failures || s->retrying)
		writer_cell(w, "last_sent", "%s", s->why);
	writer_colour(w, s->failures ? "31" : NULL);
	return err < 0 ? err : writer_end(w);
}

int notify_status(struct cmd_ctx *c)
{
	static const struct writer_field fields[] = {
		COLUMN("sink", "SINK"),
		COLUMN("state", "STATE"),
		FIELD("cursor"),
		COLUMN("behind", "BEHIND", .right = true),
		FIELD("behind_since"),
		COLUMN("sent", "SENT", .right = true),
		COLUMN("failed", "FAILED", .right = true),
		FIELD("failures"),
		FIELD("skipped"),
		COLUMN("parked", "RETRYING", .right = true),
		COLUMN("given_up", "GIVEN UP", .right = true),
		COLUMN("last_sent", "LAST", .width = 20, .trunc = true, .none = ""),
		FIELD("last_failed"),
		FIELD("why"),
		FIELD("refused.change"),
		{ 0 },
	};
	struct showing sh = { .conf = c->conf };
	_cleanup_(store_freep) struct store *s = NULL;
	int err;

	if (cmd_store(c, STORE_READONLY, &s) || out_open(c, fields, &sh.w))
		return AJAR_EXIT_ERROR;
	sh.store = s;
	err = store_sinks(s, on_sink, &sh);
	if (!err && !sh.w.records && !c->json)
		log_info("no alert has been sent anywhere yet");
	return out_close(&sh.w, err, s, "cannot read the sinks");
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
