/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_WEB_STATE_H
#define AJAR_WEB_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/health.h"
#include "base/err.h"
#include "core/finding.h"

struct buf;
struct jsonw;
struct racks;
struct store;

/*
 * The map: one row a node, kept in memory, read anew when the store has changed. Each row knows at
 * which version it changed last, so that a page asks for what is new alone. A version is a number
 * of this process; as text it has the process's own mark before it ("5f2c91aa-17"), so that
 * another process's means nothing here and gives the whole.
 */
#define STATE_NODES_MAX 100000 /* more are left out, and "cut" says so */
#define STATE_VERSION_TEXT 40
#define STATE_CRITICAL_MAX 64 /* alerts that became critical, remembered for streams */

struct state;

/* racks: borrowed, may be NULL. */
must_check int state_new(uint64_t silent_ns, const struct racks *racks, struct state **ret_st);
void state_free(struct state *st);
DEFINE_FREEP(struct state, state_free)

/*
 * Reads it: with the store's clock. *ret_changed: there is a new version. A failure leaves it as
 * it was, for store_why().
 */
must_check int state_refresh(struct state *st, struct store *s, bool *ret_changed);
/*
 * The map as it was at a time, by what the store has recorded of it: nodes that were known, alerts
 * that stood there, doors that had opened in the hour before. A node was recording unless an alert
 * of then says that it was not. Classes and racks are those of now; the versions, and when each
 * node was last heard, are null: nobody has kept them. The caller frees it; it is never refreshed.
 */
#define STATE_THEN_ALERTS_MAX 2000 /* more are left out, and "cut" says so */
must_check int state_at(struct store *s, const struct racks *racks, uint64_t at_ns,
			struct state **ret_st);
/*
 * Looks at alerts alone, which takes a fraction of the time. *ret_changed: something has happened
 * to them, and there is a new version that says so. The rows of the map are those of before until
 * state_refresh() reads them.
 */
must_check int state_refresh_alerts(struct state *st, struct store *s, bool *ret_changed);
uint64_t state_cost_ns(const struct state *st); /* of the last refresh */
bool state_is_read(const struct state *st);

uint64_t state_version(const struct state *st);
/* At which version alerts, or anything of the map (the judge's lag too), changed last. */
uint64_t state_alerts_version(const struct state *st);
uint64_t state_map_version(const struct state *st);
void state_version_text(const struct state *st, char to[STATE_VERSION_TEXT]);
/* False: it is none of ours, or of before the rows were numbered anew. */
bool state_version_parse(const struct state *st, const char *text, uint64_t *ret_version);

/* The whole, or with since what changed behind that version. */
void state_json(const struct state *st, const uint64_t *since, struct jsonw *w);
/* Ids of alerts that became critical behind that version, an array. */
void state_criticals_json(const struct state *st, uint64_t since, struct jsonw *w);

#endif
