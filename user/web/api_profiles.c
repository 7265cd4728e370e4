/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "core/profile.h"
#include "store/scans.h"
#include "store/store.h"
#include "view/profile_json.h"
#include "view/scan_json.h"
#include "view/writer.h"
#include "web/web_internal.h"

#define SCANS 50
#define SCANS_MAX 500

/* Profiles of the classes, and scans. */

static void put_end(struct api_call *c)
{
	char version[STATE_VERSION_TEXT];

	jsonw_null(&c->json, "next");
	state_version_text(c->w->state, version);
	jsonw_str(&c->json, "version", version);
	jsonw_end_obj(&c->json);
}

static int on_class(const char *host_type, bool accepted, uint64_t accepted_ns, uint64_t rows,
		    uint64_t nodes, void *arg)
{
	struct writer w;

	writer_json(&w, arg);
	writer_start(&w, NULL);
	view_class_members(&w, host_type, accepted, accepted_ns, rows, nodes);
	return writer_end(&w);
}

int api_profiles(struct api_call *c)
{
	int err;

	jsonw_obj(&c->json, NULL);
	jsonw_arr(&c->json, "items");
	err = store_host_types(c->w->store, on_class, &c->json);
	jsonw_end_arr(&c->json);
	put_end(c);
	return err;
}

static int put_rule(struct writer *w, const struct profile *p, const struct profile_row *r)
{
	_cleanup_(buf_done) struct buf flaw = BUF_INIT(1024);

	view_rule_flaw(&flaw, p, r);
	writer_start(w, NULL);
	view_rule_members(w, r, flaw.len ? buf_str(&flaw) : NULL);
	return writer_end(w);
}

int api_profile(struct api_call *c)
{
	_cleanup_(profile_freep) struct profile *p = NULL;
	int err = store_profile_get(c->w->store, c->name, &p);
	struct writer w;

	if (err)
		return err;
	jsonw_obj(&c->json, NULL);
	jsonw_arr(&c->json, "items");
	writer_json(&w, &c->json);
	for (size_t i = 0; i < p->rows_len && !err; i++) {
		err = put_rule(&w, p, &p->rows[i]);
	}
	jsonw_end_arr(&c->json);
	jsonw_bool(&c->json, "accepted", p->accepted);
	put_end(c);
	return err;
}

static int on_scan(const struct store_scan *sc, void *arg)
{
	struct writer w;

	writer_json(&w, arg);
	writer_start(&w, NULL);
	view_scan_members(&w, sc);
	return writer_end(&w);
}

static int on_plan(const struct store_plan *p, void *arg)
{
	struct writer w;

	writer_json(&w, arg);
	writer_start(&w, NULL);
	view_plan_members(&w, p);
	return writer_end(&w);
}

int api_scans(struct api_call *c)
{
	struct store_scan_query q = { 0 };
	uint64_t limit;
	int err = api_limit(c, SCANS, SCANS_MAX, &limit);

	if (err)
		return err;
	q.limit = (uint32_t)limit;
	jsonw_obj(&c->json, NULL);
	jsonw_arr(&c->json, "items");
	err = store_scans(c->w->store, &q, on_scan, &c->json);
	jsonw_end_arr(&c->json);
	jsonw_arr(&c->json, "plans");
	if (!err)
		err = store_scan_plans(c->w->store, on_plan, &c->json);
	jsonw_end_arr(&c->json);
	put_end(c);
	return err;
}
