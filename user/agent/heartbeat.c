/* SPDX-License-Identifier: GPL-2.0 */
#include "agent/heartbeat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "journal/status.h"
#include "sensor/sensor.h"

#define TRY_EVERY_NS UINT64_C(10000000000)

struct agent_heartbeat {
	struct sensor *sensor;
	int journal_dir;
	struct journal_pen *pen; /* NULL: there was no room for its file yet */
	struct journal_status st;
	uint64_t tried_ns;
	bool sees; /* as far as was tried */
};

/* The file is made anew at each start: whatever lies there is an earlier agent's. */
int agent_heartbeat_new(int journal_dir, struct sensor *s, const char *sensor, uint64_t max_bytes,
			struct agent_heartbeat **ret_heartbeat)
{
	struct agent_heartbeat *g = calloc(1, sizeof(*g));
	int err = g ? clock_boot_id(g->st.boot_id) : -ENOMEM;

	if (!err) {
		g->sensor = s;
		g->journal_dir = journal_dir;
		g->sees = g->st.attached = true; /* it was tried when it was opened */
		g->st.tier = sensor_report(s)->tier;
		g->st.max_bytes = max_bytes;
		g->st.pid = (uint32_t)getpid();
		g->st.written_boot_ns = g->tried_ns = clock_boot_ns();
		snprintf(g->st.sensor, sizeof(g->st.sensor), "%s", sensor);
		if (journal_pen_new(journal_dir, &g->st, &g->pen))
			g->pen = NULL;
	}
	if (err) {
		agent_heartbeat_free(g);
		return err;
	}
	*ret_heartbeat = g;
	return 0;
}

void agent_heartbeat_free(struct agent_heartbeat *g)
{
	if (!g)
		return;
	journal_pen_free(g->pen);
	free(g);
}

static int write_heartbeat(struct agent_heartbeat *g, uint64_t dropped)
{
	struct sensor_stats stats;

	sensor_stats(g->sensor, &stats);
	g->st.lost = stats.lost + dropped;
	g->st.written_boot_ns = clock_boot_ns();
	return g->pen ? journal_pen_write(g->pen, &g->st)
		      : journal_pen_new(g->journal_dir, &g->st, &g->pen);
}

int agent_heartbeat_renew(struct agent_heartbeat *g, bool whole, uint64_t dropped)
{
	uint64_t now = clock_boot_ns();

	if (now - g->tried_ns >= TRY_EVERY_NS) {
		g->tried_ns = now;
		g->sees = !sensor_try(g->sensor);
	}
	g->st.attached = g->sees && whole;
	return write_heartbeat(g, dropped);
}

int agent_heartbeat_end(struct agent_heartbeat *g, uint64_t dropped)
{
	g->st.stopped = true;
	return write_heartbeat(g, dropped);
}
