/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_HELD_H
#define AJAR_SENSOR_HELD_H

#include <stdbool.h>
#include <stdint.h>

#include "ajar/event.h"
#include "base/err.h"

struct known_door;
struct owner;
struct sensor;

/*
 * Kinds of holders of one door that are kept; what is beyond is counted, and counts as different
 * from anything else.
 */
#define HELD_MAX 12

/* Processes of one program, user and place that hold a door. */
struct held {
	struct ajar_actor actor; /* the oldest */
	struct owner *owner; /* a reference, or NULL: a kernel thread */
	uint32_t count;
};

/* All that hold a door, as one sweep saw them. */
struct held_set {
	uint32_t len, more;
	uint32_t last_tgid; /* counted last: a process may have several descriptors of it */
	bool ending; /* the end of one of them was reported */
	bool unsure; /* of one of them the program is not known: no sweep to compare with */
	struct held *of; /* HELD_MAX at most */
};

/* A process that holds the door. */
must_check int held_add(struct sensor *s, struct held_set *set, const struct ajar_actor *a);
void held_done(struct sensor *s, struct held_set *set);

/*
 * What a sweep saw, against what is known of the door: true when it is news. set is taken over and
 * left empty.
 */
bool held_take(struct sensor *s, struct known_door *k, struct held_set *set);

/* Who holds the door; where no sweep has seen anything else, the opener alone, in room. */
struct held_set held_of(const struct known_door *k, struct held *room);

/*
 * Processes that are the only ones of their kind to hold some door: that such a one ends is worth a
 * look.
 */
void held_watch(struct sensor *s, const struct known_door *k);
void held_unwatch(struct sensor *s, const struct known_door *k);

#endif
