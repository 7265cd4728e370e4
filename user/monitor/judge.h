/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_JUDGE_H
#define AJAR_MONITOR_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct alerting;
struct store;

/*
 * Takes events nobody has judged from the store, keeps the doors' intervals, judges each open door
 * against the profile of its node's class, and moves alerts through their life. Everything that
 * follows from a batch of events, the cursor included, is one transaction: a judge that is killed
 * anywhere is repeated from the cursor and neither loses nor doubles a finding. What
 * cannot be judged costs its node a turn and nobody else. It has no loop of its own, and a clock
 * only to end a step in time.
 */
struct judge;

struct judge_opts {
	/*
	 * A door that closes and comes back within this long is a blink, not a resolved alert; 0: 5
	 * s.
	 */
	uint64_t blink_ns;
	/* A step ends after so long a work, and says that there is more; 0: 200 ms. */
	uint64_t slice_ns;
	/* An acknowledged alert opens again when it stands on so many more nodes; 0: never. */
	uint64_t reopen_nodes;
	/*
	 * Ajar's own programs, by full path; NULL: none. Each sensor that starts tries itself with
	 * a loopback door on a port of the kernel's choice, and another sensor on the same machine
	 * sees that.
	 */
	const char *own_programs[2];
	/* where ajar's own web page listens on loopback: known as well; 0: nowhere */
	uint16_t own_port;
};

must_check int judge_new(struct store *s, const struct judge_opts *o, struct judge **ret_judge);
void judge_free(struct judge *j);
DEFINE_FREEP(struct judge, judge_free)

/* Its alerts, for others that raise some between its steps; its as long as the judge is. */
struct alerting *judge_alerting(const struct judge *j);

/* Alerts wait to be told: the steps are short, so that one goes out between two of them. */
void judge_hurry(struct judge *j, bool hurry);

/*
 * Does what there is to do at now_wall_ns: new events, changed profiles, doors gone for longer than
 * a blink. *ret_changes: how many alert_log rows it wrote. *ret_next_ns: wall time at which to call
 * again though nothing new arrives, 0: never. A boot that cannot be judged is the error that is
 * returned when all others had their turn.
 */
must_check int judge_step(struct judge *j, uint64_t now_wall_ns, unsigned *ret_changes,
			  uint64_t *ret_next_ns);

#endif
