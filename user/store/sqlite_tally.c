/* SPDX-License-Identifier: GPL-2.0 */
#include "store/sqlite.h"
#include "store/tally.h"

/* Counts for metrics and checks. */

int sq_tally_doors(struct store *base, store_door_tally_fn fn, void *arg)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s,
		     "SELECT n.host_type, d.verdict, count(*) FROM doors d JOIN nodes n ON n.id = "
		     "d.node_id WHERE d.closed_ns = 0 GROUP BY n.host_type, d.verdict ORDER BY "
		     "n.host_type, d.verdict",
		     &st);
	if (ret)
		return ret;
	while ((ret = sq_step(s, st)) > 0) {
		const struct store_door_tally t = {
			.host_type = sq_col_str(st, 0),
			.verdict = (enum verdict)sq_col_u64(st, 1),
			.doors = sq_col_u64(st, 2),
		};

		ret = fn(&t, arg);
		if (ret)
			break;
	}
	return ret;
}

int sq_tally_alerts(struct store *base, store_alert_tally_fn fn, void *arg)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret;

	ret = sq_get(s,
		     "SELECT host_type, state, severity, kind, count(*) FROM alerts GROUP BY "
		     "host_type, state, severity, kind ORDER BY host_type, state, severity, kind",
		     &st);
	if (ret)
		return ret;
	while ((ret = sq_step(s, st)) > 0) {
		const struct store_alert_tally t = {
			.host_type = sq_col_str(st, 0),
			.state = (enum alert_state)sq_col_u64(st, 1),
			.severity = (enum severity)sq_col_u64(st, 2),
			.kind = (enum finding_kind)sq_col_u64(st, 3),
			.alerts = sq_col_u64(st, 4),
		};

		ret = fn(&t, arg);
		if (ret)
			break;
	}
	return ret;
}

int sq_turn_at(struct store *base, const char *name, uint64_t *ret_ns)
{
	struct sq *s = (struct sq *)base;
	_sq_put_ struct sq_stmt *st = NULL;
	int ret = sq_get(s, "SELECT at_ns FROM turns WHERE name = ?", &st);

	if (ret)
		return ret;
	sq_str(st, 1, name);
	ret = sq_step(s, st);
	if (ret < 0)
		return ret;
	*ret_ns = ret ? sq_col_u64(st, 0) : 0;
	return 0;
}
