/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/ring.h"

#include <errno.h>
#include <sys/mman.h>
#include <linux/bpf.h>

/*
 * The map's pages: [consumer position][producer position][data][data again]. Each record has a
 * header of 8 bytes whose first word is its length with two flag bits, and is padded to 8.
 */

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

int ring_open(int map_fd, size_t size, struct ring *ret_r)
{
	size_t page = page_size();
	void *consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
	if (consumer == MAP_FAILED)
		return -errno;
	uint8_t *producer = mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, map_fd, (off_t)page);
	if (producer == MAP_FAILED) {
		int err = -errno;

		munmap(consumer, page);
		return err;
	}
	*ret_r = (struct ring){
		.fd = map_fd,
		.size = size,
		.consumer = consumer,
		.producer = (const void *)producer,
		.data = producer + page,
	};
	ret_r->pos = ret_r->done = *ret_r->consumer;
	return 0;
}

void ring_close(struct ring *r)
{
	size_t page = page_size();

	if (!r->consumer)
		return;
	munmap((void *)r->consumer, page);
	munmap((void *)r->producer, page + 2 * r->size);
	r->consumer = NULL;
}

const void *ring_next(struct ring *r, uint32_t *ret_len)
{
	ring_done(r);
	while (r->pos < __atomic_load_n(r->producer, __ATOMIC_ACQUIRE)) {
		const uint8_t *p = r->data + (r->pos & (r->size - 1));
		uint32_t hdr = __atomic_load_n((const uint32_t *)p, __ATOMIC_ACQUIRE);
		uint32_t len = hdr & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (hdr & BPF_RINGBUF_BUSY_BIT)
			return NULL;
		r->pos += (len + BPF_RINGBUF_HDR_SZ + 7) & ~7ULL;
		if (hdr & BPF_RINGBUF_DISCARD_BIT)
			continue;
		*ret_len = len;
		return p + BPF_RINGBUF_HDR_SZ;
	}
	return NULL;
}

int ring_pending(const struct ring *r)
{
	return r->pos < __atomic_load_n(r->producer, __ATOMIC_ACQUIRE);
}

void ring_release(struct ring *r)
{
	__atomic_store_n(r->consumer, r->done, __ATOMIC_RELEASE);
}
