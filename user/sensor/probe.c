/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/internal.h"

unsigned sensor_probe(struct sensor_check checks[SENSOR_CHECKS_MAX])
{
	(void)checks;
	return 0;
}
