/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_DAEMON_DAEMON_H
#define AJAR_DAEMON_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct conf;

/* What the command line says to a process that stays; the rest is in the configuration. */
struct daemon_opts {
	const struct conf *conf;
	const char *conf_file; /* -C, for children; NULL: the default */
	bool quiet, verbose;
	/* Of daemon_all_in_one() alone. */
	bool json, colour, no_scan;
	const char *login; /* of daemon_web(): who gets the first address; NULL: nobody */
	/* Of daemon_demo() and its feed: how many, a number; NULL: no demo. */
	const char *demo_nodes;
	const char *demo_web; /* ADDR:PORT; NULL: a free port of 127.0.0.1 */
};

/*
 * The processes that stay, one a file. Each runs until it is told to stop, reports its failures
 * itself and returns an exit code (enum ajar_exit).
 */
int daemon_shipper(const struct daemon_opts *o); /* journal to store */
int daemon_monitor(const struct daemon_opts *o); /* judges what the store got, and alerts */
int daemon_notifier(const struct daemon_opts *o); /* alerts to receivers on the network */
int daemon_scanner(const struct daemon_opts *o); /* the monitor's child: plans, nmap */
int daemon_web(const struct daemon_opts *o); /* the page and the API */
int daemon_all_in_one(const struct daemon_opts *o); /* agent and all of these as children */
int daemon_demo(const struct daemon_opts *o); /* an invented cluster with its own store */
int daemon_demo_feed(const struct daemon_opts *o); /* its child: the nodes */

#endif
