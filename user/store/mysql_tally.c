/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"
#include "store/tally.h"

/* Counts for metrics and checks. */

int my_tally_doors(struct store *base, store_door_tally_fn fn, void *arg)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     "SELECT n.host_type, d.verdict, count(*) FROM doors d JOIN nodes n ON n.id = "
		     "d.node_id WHERE d.closed_ns = 0 GROUP BY n.host_type, d.verdict ORDER BY "
		     "n.host_type, d.verdict",
		     &u.st);
	if (ret)
		return ret;
	while ((ret = my_step(s, u.st)) > 0) {
		const struct store_door_tally t = {
			.host_type = my_col_str(u.st, 0),
			.verdict = (enum verdict)my_col_u64(u.st, 1),
			.doors = my_col_u64(u.st, 2),
		};

		ret = fn(&t, arg);
		if (ret)
			break;
	}
	return ret;
}

int my_tally_alerts(struct store *base, store_alert_tally_fn fn, void *arg)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     "SELECT host_type, state, severity, kind, count(*) FROM alerts GROUP BY "
		     "host_type, state, severity, kind ORDER BY host_type, state, severity, kind",
		     &u.st);
	if (ret)
		return ret;
	while ((ret = my_step(s, u.st)) > 0) {
		const struct store_alert_tally t = {
			.host_type = my_col_str(u.st, 0),
			.state = (enum alert_state)my_col_u64(u.st, 1),
			.severity = (enum severity)my_col_u64(u.st, 2),
			.kind = (enum finding_kind)my_col_u64(u.st, 3),
			.alerts = my_col_u64(u.st, 4),
		};

		ret = fn(&t, arg);
		if (ret)
			break;
	}
	return ret;
}

int my_turn_at(struct store *base, const char *name, uint64_t *ret_ns)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret = my_get(s, "SELECT at_ns FROM turns WHERE name = ?", &u.st);

	if (ret)
		return ret;
	my_str(u.st, 1, name);
	ret = my_step(s, u.st);
	if (ret < 0)
		return ret;
	*ret_ns = ret ? my_col_u64(u.st, 0) : 0;
	return 0;
}
