/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_SCAN_CONF_H
#define AJAR_CLI_SCAN_CONF_H

#include "base/err.h"
#include "scan/plan.h"

struct cmd_ctx;
struct conf;
struct hostlist;

/* What the configuration says about scanning, for `ajar scan` and the monitor's scanner. All report their failures. */
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

/* Parts of `ajar scan`, each an exit code. */
int scan_plans(struct cmd_ctx *c);
int scan_addrs(struct cmd_ctx *c);
int scan_keys(struct cmd_ctx *c);
int scan_list(struct cmd_ctx *c);
int scan_show(struct cmd_ctx *c);
int scan_serve(struct cmd_ctx *c);
/* Prints what a scan saw. */
must_check int scan_print(struct cmd_ctx *c, struct store *s, uint64_t scan_id);

#endif
