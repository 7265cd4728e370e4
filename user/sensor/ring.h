/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_RING_H
#define AJAR_SENSOR_RING_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * The reading end of a BPF ring buffer, mapped. Reading and giving back are apart: what
 * ring_next() yields stays in the ring until ring_release(), so that a reader that dies before it
 * has stored a record finds it again. libbpf's reader gives back record by record.
 */
struct ring {
	int fd;
	size_t size; /* of the data area, a power of two */
	volatile uint64_t *consumer; /* page, writable */
	const volatile uint64_t *producer;
	const uint8_t *data;
	uint64_t pos; /* read up to here, not yet given back */
	/* what may be given back: all before the record that ring_next() gave last */
	uint64_t done;
};

must_check int ring_open(int map_fd, size_t size, struct ring *ret_r);
void ring_close(struct ring *r);
/* The next record, or NULL: none, or one that is still being written. */
const void *ring_next(struct ring *r, uint32_t *ret_len);
/* Is there something behind the read position, finished or not? */
int ring_pending(const struct ring *r);
/* The record given last is done with too. */
static inline void ring_done(struct ring *r)
{
	r->done = r->pos;
}
void ring_release(struct ring *r);

#endif
