/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CONF_PATHS_H
#define AJAR_CONF_PATHS_H

#include "base/err.h"

struct buf;
struct conf;

/*
 * The one-machine layout below data.dir, for everybody: DATA/journal/, DATA/store/ajar.db. They
 * append to b.
 */
#define PATHS_STORE_FILE "ajar.db"
#define PATHS_JOURNAL "journal"
must_check int paths_journal(const struct conf *conf, struct buf *b);
must_check int paths_store_dir(const struct conf *conf, struct buf *b);
/* store.uri when it is set, else "sqlite:DATA/store/ajar.db". */
must_check int paths_store_uri(const struct conf *conf, struct buf *b);
/* The file behind an sqlite uri or a plain path, borrowed from uri; NULL: another driver's. */
const char *paths_store_file(const char *uri);
/*
 * sensor.pin-dir when it is set, else /sys/fs/bpf/ajar, or for another data.dir than the usual one
 * /sys/fs/bpf/ajar-HASH: two agents with two journals must not share a sensor.
 */
must_check int paths_pin_dir(const struct conf *conf, struct buf *b);

#endif
