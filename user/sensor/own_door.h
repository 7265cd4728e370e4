/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_OWN_DOOR_H
#define AJAR_SENSOR_OWN_DOOR_H

#include <stdint.h>

#include "base/err.h"
#include "sensor/hooks.h"

/* Doors of our own, by which the sensor is tried: one of each kind that its hooks tell apart. */
struct own_door {
	int family, type;
	enum hook_id hook; /* that tells of it in tier A */
	const char *what;
};

#define OWN_DOORS 4
extern const struct own_door own_doors[OWN_DOORS];

/* Opens such a door on the loopback; *ret_cookie names it. */
must_check int own_door_open(const struct own_door *d, int *ret_fd, uint64_t *ret_cookie);

#endif
