/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_DAEMON_SCAN_CONF_H
#define AJAR_DAEMON_SCAN_CONF_H

#include "base/err.h"
#include "scan/plan.h"

struct conf;
struct hostlist;

/*
 * What the configuration says about scanning, for `ajar scan` and the monitor's scanner. All report
 * their failures.
 */
#define SCAN_OWN_MAX 16
struct scan_conf {
	struct networks networks;
	const char *self; /* NULL: this machine is not among the nodes */
	struct address own[SCAN_OWN_MAX];
	unsigned own_len;
};
must_check int scan_conf_read(const struct conf *conf, struct scan_conf *ret);
void scan_conf_scope(const struct scan_conf *sc, struct plan_scope *ret);
/* The nodes that the scheduler says are idle; *ret_asked false when none is configured. */
must_check int scan_conf_idle(const struct conf *conf, struct hostlist *idle, bool *ret_asked);
/* Is there an nmap? */
must_check bool scan_has_nmap(void);

#endif
