/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_DAEMON_ROUTE_LOG_H
#define AJAR_DAEMON_ROUTE_LOG_H

struct route_report;

/* What the router has to say, for the roles that deliver alerts (monitor, notify). */
void route_log(const struct route_report *r, void *arg);

#endif
