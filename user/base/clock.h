/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_CLOCK_H
#define AJAR_BASE_CLOCK_H

#include <stdint.h>

#include "base/err.h"

struct buf;

/* boot: CLOCK_BOOTTIME (what the kernel stamps); wall: UTC since 1970. Both ns, never mixed. */
uint64_t clock_boot_ns(void);
uint64_t clock_wall_ns(void);
/* The wall time of a CLOCK_BOOTTIME stamp, by the offset between the clocks now. */
uint64_t clock_wall_of_boot(uint64_t boot_ns);
/* The kernel's own name of the boot that CLOCK_BOOTTIME counts from; not one letter if it fails. */
#define CLOCK_BOOT_ID_LEN 36
must_check int clock_boot_id(char ret_id[CLOCK_BOOT_ID_LEN + 1]);
/* Appends "2026-11-22T16:01:02.123456Z". */
void clock_format(struct buf *b, uint64_t wall_ns);

#endif
