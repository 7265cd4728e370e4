/* SPDX-License-Identifier: GPL-2.0 */
#include "store/tally.h"

#include "store/wrap.h"

int store_tally_doors(struct store *s, store_door_tally_fn fn, void *arg)
{
	return s->ops->tally_doors(s, fn, arg);
}

int store_tally_alerts(struct store *s, store_alert_tally_fn fn, void *arg)
{
	return s->ops->tally_alerts(s, fn, arg);
}

int store_turn_at(struct store *s, const char *name, uint64_t *ret_ns)
{
	return s->ops->turn_at(s, name, ret_ns);
}
