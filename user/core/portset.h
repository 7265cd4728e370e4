/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CORE_PORTSET_H
#define AJAR_CORE_PORTSET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct buf;

/* A set of port numbers. */
struct ports {
	uint64_t bits[1024];
};

static inline bool ports_has(const struct ports *p, uint32_t port)
{
	return port <= UINT16_MAX && (p->bits[port / 64] >> (port % 64) & 1);
}
void ports_add(struct ports *p, uint32_t lo, uint32_t hi);
void ports_drop(struct ports *p, uint32_t port);
void ports_join(struct ports *p, const struct ports *other);
unsigned ports_count(const struct ports *p);
/*
 * Adds "22,80,8000-8100"; nothing, letters or a range the wrong way round is -EINVAL and changes
 * nothing.
 */
must_check int ports_parse(const char *s, struct ports *p);
/* Appends it, folded and in order. */
void ports_format(struct buf *b, const struct ports *p);

#endif
