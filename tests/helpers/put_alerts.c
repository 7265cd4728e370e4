/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Changes alerts in a store, as the monitor does: put_alerts URI open KEY SUMMARY [SEVERITY
 * [CLASS]], put_alerts URI resolved KEY, put_alerts URI many COUNT (all in one transaction). Prints
 * the number of the (last) change.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"
#include "change_util.h"
#include "store/store.h"

static struct store *store;

static int put(const char *key, const char *summary, enum alert_state state, enum severity severity,
	       const char *class, uint64_t *ret_log_id)
{
	struct any_change a;
	uint64_t now = clock_wall_ns();
	int err;

	any_change_init(&a, "nc\x1b[31m\xff", 8, 0);
	a.c.alert.key = key;
	a.c.alert.summary = summary;
	a.c.alert.why = "the profile has no such row";
	a.c.alert.remedy = "ajar ls :4444";
	a.c.alert.nodes = a.c.alert.node = "node001";
	a.c.alert.host_type = class;
	a.c.alert.state = state;
	a.c.alert.severity = severity;
	a.c.alert.kind = FINDING_UNEXPECTED;
	a.c.alert.count = 1;
	a.c.alert.first_ns = a.c.alert.last_ns = now;
	err = store_put_alert(store, &a.c.alert, "monitor", "", now, NULL, ret_log_id);
	any_change_done(&a);
	return err;
}

static int put_many(const char *count, uint64_t *ret_log_id)
{
	char key[32];
	uint64_t n;
	int err = parse_u64(count, &n);

	if (!err)
		err = store_begin(store);
	for (uint64_t i = 0; i < n && !err; i++) {
		snprintf(key, sizeof(key), "many%" PRIu64, i);
		err = put(key, key, ALERT_OPEN, SEVERITY_WARNING, "compute", ret_log_id);
	}
	return err ? err : store_commit(store);
}

static enum severity severity_of(const char *s)
{
	return !strcmp(s, "critical")  ? SEVERITY_CRITICAL
	       : !strcmp(s, "warning") ? SEVERITY_WARNING
				       : SEVERITY_NOTICE;
}

int main(int argc, char **argv)
{
	_free_ char *why = NULL;
	uint64_t log_id = 0;
	int err = -EINVAL;

	if (argc < 4)
		return 2;
	if (store_open(argv[1], STORE_CREATE, &store, &why)) {
		fprintf(stderr, "%s\n", why ? why : "no store");
		return 1;
	}
	if (!strcmp(argv[2], "many"))
		err = put_many(argv[3], &log_id);
	else if (!strcmp(argv[2], "resolved"))
		err = put(argv[3], argv[3], ALERT_RESOLVED, SEVERITY_WARNING, "compute", &log_id);
	else if (argc > 4)
		err = put(argv[3], argv[4], ALERT_OPEN, severity_of(argc > 5 ? argv[5] : "warning"),
			  argc > 6 ? argv[6] : "compute", &log_id);
	if (err)
		fprintf(stderr, "%s: %s\n", strerror(-err), store_why(store));
	else
		printf("%" PRIu64 "\n", log_id);
	store_free(store);
	return err ? 1 : 0;
}
