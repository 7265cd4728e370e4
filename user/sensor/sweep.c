/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "sensor/internal.h"

int sweep_preload(struct sensor *s)
{
	(void)s;
	return 0;
}

int sensor_sweep(struct sensor *s, int origin, sensor_fn fn, void *arg)
{
	(void)s;
	(void)origin;
	(void)fn;
	(void)arg;
	return 0;
}
