/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_CLOCK_H
#define AJAR_BASE_CLOCK_H

#include <stdint.h>

struct buf;

/* boot: CLOCK_BOOTTIME (what the kernel stamps); wall: UTC since 1970. Both ns, never mixed. */
uint64_t clock_boot_ns(void);
uint64_t clock_wall_ns(void);
/* The wall time of a CLOCK_BOOTTIME stamp, by the offset between the clocks now. */
uint64_t clock_wall_of_boot(uint64_t boot_ns);
/* Appends "2026-11-22T16:01:02.123456Z". */
void clock_format(struct buf *b, uint64_t wall_ns);

#endif
