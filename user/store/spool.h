/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_SPOOL_H
#define AJAR_STORE_SPOOL_H

#include <stdbool.h>
#include <stddef.h>

#include "store/requests.h"

struct buf;

/*
 * Requests as files in the folder SPOOL_DIR beside an embedded store, each named by its number: see
 * store/requests.h. A file is handed in whole or not at all.
 */
#define SPOOL_DIR "requests"
#define SPOOL_FILE_MAX 32768

/* -EBUSY: REQUESTS_WAITING_MAX are there that nobody has taken. */
must_check int spool_put(int dirfd, const struct store_request *r);
bool spool_any(int dirfd); /* is there one */
bool spool_has(int dirfd, uint64_t id);
typedef int (*spool_fn)(const struct store_request *r, void *arg);
/*
 * fn() is called with up to max; what cannot be read is deleted and skipped. Those that are in the
 * table for good are then dropped: one that is found again has its number there already. *ret_more:
 * there may be others.
 */
must_check int spool_take(int dirfd, unsigned max, spool_fn fn, void *arg, bool *ret_more);
void spool_drop(int dirfd, const uint64_t *ids, unsigned n);

/* The bytes of a file; r borrows them. -EINVAL: they are none. */
void spool_format(struct buf *b, const struct store_request *r);
must_check int spool_parse(const char *p, size_t n, struct store_request *ret_r);

#endif
