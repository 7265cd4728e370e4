/* SPDX-License-Identifier: GPL-2.0 */
#include "base/clock.h"

#include <time.h>

#include "base/buf.h"

#define NS_PER_S UINT64_C(1000000000)

static uint64_t read_clock(clockid_t id)
{
	struct timespec t = { 0 };

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t clock_boot_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

uint64_t clock_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

uint64_t clock_wall_of_boot(uint64_t boot_ns)
{
	uint64_t before = clock_boot_ns(), wall = clock_wall_ns(), after = clock_boot_ns();
	uint64_t boot = before + (after - before) / 2;

	return wall - boot + boot_ns;
}

void clock_format(struct buf *b, uint64_t wall_ns)
{
	time_t s = (time_t)(wall_ns / NS_PER_S);
	struct tm tm;

	if (!gmtime_r(&s, &tm)) {
		buf_puts(b, "?");
		return;
	}
	buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02d.%06uZ", tm.tm_year + 1900, tm.tm_mon + 1,
		   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		   (unsigned)(wall_ns % NS_PER_S / 1000));
}
