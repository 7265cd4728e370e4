/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_PARSE_H
#define AJAR_BASE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Strict parsers: the whole string or -EINVAL; out of range is -ERANGE. ret_ is untouched on
 * failure.
 */
must_check int parse_u64(const char *s, uint64_t *ret_v);
must_check int parse_u32(const char *s, uint32_t *ret_v);
must_check int parse_port(const char *s, uint16_t *ret_port);
/* "yes no true false on off 1 0" */
must_check int parse_bool(const char *s, bool *ret_v);
/*
 * "90", "10s", "5m", "2h", "3d", "1w", "1h30m", "150ms" -> nanoseconds; more than 100 years is
 * -ERANGE, so that a time from now on can be made of it by addition
 */
must_check int parse_duration(const char *s, uint64_t *ret_ns);
/*
 * Is that this machine, whatever a resolver says: "localhost", an address of 127.0.0.0/8, "::1"?
 * 127.evil.example is not.
 */
bool parse_is_loopback(const char *host, size_t n);
/* "4096", "64K", "64M", "2G" (powers of 1024) -> bytes */
must_check int parse_size(const char *s, uint64_t *ret_bytes);
/*
 * "2026-11-22T16:01:02.5Z", "2026-11-22T18:01:02+02:00", "2026-11-22 16:01:02", "2026-11-22",
 * "@1700000000", or a duration ago ("10m", "-10m") -> wall ns; -ERANGE before 1970 and where a
 * store's 64 bits end, on 2262-04-11
 */
must_check int parse_time(const char *s, uint64_t now_wall_ns, uint64_t *ret_wall_ns);

#endif
