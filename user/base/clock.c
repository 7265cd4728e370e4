/* SPDX-License-Identifier: GPL-2.0 */
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

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

int clock_boot_id(char ret_id[CLOCK_BOOT_ID_LEN + 1])
{
	_close_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret_id, CLOCK_BOOT_ID_LEN);
	int err = n < 0 ? -errno : n < CLOCK_BOOT_ID_LEN ? -EIO : 0;

	ret_id[err ? 0 : CLOCK_BOOT_ID_LEN] = '\0';
	return err;
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
