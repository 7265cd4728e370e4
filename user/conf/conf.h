/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CONF_CONF_H
#define AJAR_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

/*
 * The settings, one table of keys (conf.c): name, type, range, default, help. A configuration file
 * has one "key value" a line, "#" starts a comment. Origin of each value: default, file:line, or
 * the command line.
 */
struct conf {
	char *node_name; /* never empty: this host's name when none is set */
	char *node_class; /* host_type of this node */
	char *data_dir;
	char *store_uri; /* "" = sqlite in data_dir */
	char *role_user;
	char *pin_dir;
	char lowest_tier; /* 'A'..'D' */
	char *sensor_scope; /* see conf_own_netns() */
	bool keep_pins;
	uint64_t journal_max_bytes, journal_segment_bytes, journal_replay_ns, sweep_every_ns;
	uint64_t store_keep_days, store_keep_bytes; /* 0: no limit */
	uint64_t health_interval_ns, health_silent_ns; /* heartbeats; how long none is silence */
	uint64_t health_skew_ns, health_hole_ns;
	uint64_t doors_by_user; /* of one user that the sensor keeps */
	uint64_t ship_rate; /* records a second while it catches up; 0: no limit */
	/* how long the store is away before the node alerts by itself; 0: never */
	uint64_t local_after_ns;
	char *alert_exec;
	/* where node classes by rule look groups up */
	char *class_groups, *class_genders, *class_slurm;
	uint64_t alert_exec_timeout_ns;
	bool alert_syslog;
	uint64_t alert_snooze_max_ns, alert_reopen_nodes;
	bool scan_enabled, scan_raw;
	char *scan_networks, *scan_address, *scan_idle_command;
	uint64_t scan_processes, scan_keep_days;
	char *metrics_textfile;
	uint64_t metrics_every_ns;
	char *web_listen, *web_names, *web_accounts, *web_racks, *web_secret;
	char *web_tls_cert, *web_tls_key;
	bool web_proxy;
	struct conf_sink *sinks; /* conf/sinks.h */
	unsigned sinks_len;
	char *origins[96]; /* by key index: where the value comes from, for `config` and messages */
};

must_check int conf_new(struct conf **ret_conf); /* all defaults */
void conf_free(struct conf *c);
DEFINE_FREEP(struct conf, conf_free)
/*
 * -EINVAL with *ret_why (caller frees): "FILE:LINE: unknown key 'nod.name' (did you mean
 * 'node.name'?)"
 */
must_check int conf_load(struct conf *c, const char *path, char **ret_why);
must_check int conf_set(struct conf *c, const char *key, const char *value, const char *origin,
			char **ret_why);
/* Visits the table: key, value as text, default, help, origin. */
void conf_each(const struct conf *c,
	       void (*fn)(const char *key, const char *value, const char *def, const char *help,
			  const char *origin, void *arg),
	       void *arg);

/* sensor.scope: the node is the network namespace that its agent is started in, not the machine. */
static inline bool conf_own_netns(const struct conf *c)
{
	return !strcmp(c->sensor_scope, "netns");
}

/* The values a key takes, for people: "1M to 1024G"; NULL: no such key. */
const char *conf_range(const char *key);

#endif
