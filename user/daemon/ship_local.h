/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_DAEMON_SHIP_LOCAL_H
#define AJAR_DAEMON_SHIP_LOCAL_H

#include "base/err.h"

struct conf;
struct loop;
struct store;

/*
 * While the store is away nobody judges: then the shipper judges its own node's new doors by the
 * profile it has kept (`profile` in the journal's folder) and sends the alerts to journald or
 * syslog, marked "local". Nothing of it reaches the store: when that is back the monitor judges the
 * same records as always. Doors that open are reported, once each; that they close again is the
 * monitor's to say.
 */
struct ship_local;

/* journal_dir and conf are borrowed. */
must_check int ship_local_new(int journal_dir, const struct conf *conf, struct loop *l,
			      struct ship_local **ret_l);
void ship_local_free(struct ship_local *l);

/*
 * The store answers: keeps the profile of the class that it has for this node, when that has
 * changed; what the configuration says may be nothing, or of before. An account that may not
 * read it keeps none.
 */
void ship_local_keep(struct ship_local *l, struct store *s);
/* The store is back: what was reported is no longer of interest. */
void ship_local_end(struct ship_local *l);
/*
 * The store has been away for long: judges what the journal has and the store has not, from where
 * the last call ended.
 */
void ship_local_step(struct ship_local *l);

#endif
