/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STEER_LIST_H
#define AJAR_STEER_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/steering.h"

struct buf;

/*
 * What is found, as lines of core/steering.h: sorted, each once, bounded. What finds no room is counted by a last line, and
 * makes room itself: a way that names no port is in it before any that does, since it explains more.
 */
#define STEER_LINES_MAX 4096
struct steer_list {
	char **lines;
	size_t len, dropped;
	int err; /* sticks, as in struct buf */
};

void steer_list_done(struct steer_list *l);
void steer_list_add(struct steer_list *l, const char *fmt, ...) printf_like(2, 3);
/* Appends the text, at most STEERING_TEXT_MAX bytes; *ret_ways: how many of the lines are ways. */
must_check int steer_list_text(struct steer_list *l, struct buf *b, uint64_t *ret_ways);
/* Is this one of the machine's own addresses in this network namespace? Read once, at the first question. */
struct steer_addrs;
must_check int steer_addrs_new(struct steer_addrs **ret_a);
void steer_addrs_free(struct steer_addrs *a);
DEFINE_FREEP(struct steer_addrs, steer_addrs_free)
bool steer_addrs_has(const struct steer_addrs *a, enum door_family family, const uint8_t addr[16]);
#endif
