/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_ALERT_PORTS_H
#define AJAR_STORE_ALERT_PORTS_H

#include <stdbool.h>

#include "store/store.h"

/*
 * The different ports of the doors that an alert stands for: a burst of one program is one alert.
 * Of those that are open, or, when none is, of all it had. STORE_ALERT_DOORS_MAX doors are read;
 * `cut` says that there are more.
 */
#define STORE_ALERT_DOORS_MAX 8192
/* consecutive ports are one run; more runs: `runs_cut`, and `folded` ends with "..." */
#define STORE_PORT_RUNS_MAX 16
struct store_port_run {
	uint32_t lo, hi;
};
struct store_alert_ports {
	uint32_t count; /* 0: the alert is about no port */
	uint32_t lo, hi;
	bool cut, runs_cut;
	unsigned runs_len;
	struct store_port_run runs[STORE_PORT_RUNS_MAX];
	char folded[STORE_PORT_RUNS_MAX * 12 + 8]; /* "1036-1047,2000" */
};
/*
 * The open doors that an alert stands for, and the different programs that hold them; those whose
 * program is not known are one. STORE_ALERT_DOORS_MAX doors are read.
 */
struct store_alert_size {
	uint64_t doors, programs;
	bool cut;
};
must_check int store_alert_size(struct store *s, const char *key, struct store_alert_size *ret);
must_check int store_alert_ports(struct store *s, const char *key, struct store_alert_ports *ret);

#endif
