/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AGENT_REPLAY_H
#define AJAR_AGENT_REPLAY_H

#include <stdbool.h>

#include "base/err.h"
#include "journal/journal.h"

struct event;
struct sensor;

/*
 * What a successor needs of the journal of an agent that was killed. An agent that is killed
 * between the journal's fsync and telling the kernel so leaves records in the ring that are in the
 * journal too, and losses there that it has told. Its successor reads the end of the journal back,
 * tells the sensor which losses are reported, and passes over what it is delivered again.
 */
struct replay;

must_check int replay_new(int journal_dir, struct journal_pos head, struct sensor *sensor,
			  struct replay **ret_replay);
void replay_free(struct replay *r);
DEFINE_FREEP(struct replay, replay_free)
/* True, once, for each event that the journal has. */
bool replay_is_known(struct replay *r, const struct event *ev);
/*
 * Who opened a door is told to the agent once and may have been told to the predecessor: an opening
 * or closing that does not know its opener gets it from what the journal has of the same door.
 * Borrows from r until the next call.
 */
void replay_complete(struct replay *r, struct event *ev);

#endif
