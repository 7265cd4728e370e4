/* SPDX-License-Identifier: GPL-2.0 */
/* Verbs that look at the kernel themselves: no configuration, store or agent needed. */
#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cmd.h"
#include "cli/doorset.h"
#include "conf/conf.h"
#include "sensor/sensor.h"

int kernel_need_root(const struct cmd_ctx *c)
{
	if (geteuid() == 0)
		return 0;
	log_usage("reading the kernel needs root: run 'sudo ajar %s'", c->cmd->name);
	return -EPERM;
}

int kernel_open(const struct cmd_ctx *c, struct sensor **ret_sensor)
{
	const struct sensor_opts o = { .lowest = c->conf->lowest_tier,
				       .own_netns = conf_own_netns(c->conf) };
	_free_ char *why = NULL;
	int err = sensor_open(&o, ret_sensor, &why);

	if (err && why)
		log_usage("%s", why);
	else if (err)
		log_err(err, "cannot start the sensor");
	return err;
}

struct collect {
	const struct cmd_ctx *c;
	struct doorset *doors;
};

static int collect_one(const struct event *ev, void *arg)
{
	struct collect *k = arg;

	if (ev->kind != EVENT_OPEN)
		return 0;
	return doorset_add(k->doors, ev, k->c->conf->node_name, k->c->conf->node_class,
			   VERDICT_NONE);
}

int kernel_doors(const struct cmd_ctx *c, struct doorset *s)
{
	_cleanup_(sensor_freep) struct sensor *sensor = NULL;
	struct collect k = { .c = c, .doors = s };
	int err = kernel_need_root(c);

	if (!err)
		err = kernel_open(c, &sensor);
	if (err)
		return err;
	err = sensor_sweep(sensor, ORIGIN_SNAPSHOT, collect_one, &k);
	if (err < 0)
		log_err(err, "cannot look at what is open");
	return err < 0 ? err : 0;
}
