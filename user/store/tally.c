/* SPDX-License-Identifier: GPL-2.0 */
#include "store/tally.h"

#include "store/sql.h"

int store_tally_doors(struct store *s, store_door_tally_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(&q, "SELECT n.host_type, d.verdict, count(*) FROM doors d JOIN nodes n "
			      "ON n.id = d.node_id WHERE d.closed_ns = 0 GROUP BY n.host_type, "
			      "d.verdict ORDER BY n.host_type, d.verdict");

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_door_tally t = {
			.host_type = sql_str(&q, 0),
			.verdict = (enum verdict)sql_u64(&q, 1),
			.doors = sql_u64(&q, 2),
		};

		ret = fn(&t, arg);
	}
	return ret;
}

int store_tally_alerts(struct store *s, store_alert_tally_fn fn, void *arg)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_get(
		&q, "SELECT host_type, state, severity, kind, count(*) FROM alerts GROUP BY "
		    "host_type, state, severity, kind ORDER BY host_type, state, severity, kind");

	while (!ret && (ret = sql_step(&q)) > 0) {
		const struct store_alert_tally t = {
			.host_type = sql_str(&q, 0),
			.state = (enum alert_state)sql_u64(&q, 1),
			.severity = (enum severity)sql_u64(&q, 2),
			.kind = (enum finding_kind)sql_u64(&q, 3),
			.alerts = sql_u64(&q, 4),
		};

		ret = fn(&t, arg);
	}
	return ret;
}
