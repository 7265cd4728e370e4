/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_DAEMON_METRICS_FILE_H
#define AJAR_DAEMON_METRICS_FILE_H

#include "base/err.h"

struct buf;
struct conf;
struct store;

/* The metrics of a store with the limits of a configuration. */
must_check int metrics_text(struct store *s, const struct conf *conf, struct buf *b);
/* The same as a file for node_exporter's textfile collector: whole or not at all. */
must_check int metrics_file(struct store *s, const struct conf *conf, const char *path);

#endif
