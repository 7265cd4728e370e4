/* SPDX-License-Identifier: GPL-2.0 */
/* The table of verbs, in the order of the help. */
#include "cli/cmd.h"

const struct cmd *const cmd_table[] = {
	&cmd_watch,   &cmd_run,		&cmd_demo,    &cmd_ls,	   &cmd_timeline,
	&cmd_alerts,  &cmd_maintenance, &cmd_profile, &cmd_scan,   &cmd_doctor,
	&cmd_ship,    &cmd_monitor,	&cmd_notify,  &cmd_web,	   &cmd_check,
	&cmd_metrics, &cmd_node,	&cmd_db,      &cmd_config, NULL,
};
