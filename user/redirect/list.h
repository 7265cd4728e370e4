/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_REDIRECT_LIST_H
#define AJAR_REDIRECT_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/redirect.h"

struct buf;

/*
 * What is found, as lines of core/redirect.h: sorted, each once, bounded. What finds no room is
 * counted by a last line, and makes room itself: a way that names no port is in it before any that
 * does, since it explains more.
 */
#define REDIRECT_LINES_MAX 4096
struct redirect_list {
	char **lines;
	size_t len, dropped;
	int err; /* sticks, as in struct buf */
};

void redirect_list_done(struct redirect_list *l);
void redirect_list_add(struct redirect_list *l, const char *fmt, ...) printf_like(2, 3);
/* Appends the text, at most REDIRECT_TEXT_MAX bytes; *ret_ways: how many of the lines are ways. */
must_check int redirect_list_text(struct redirect_list *l, struct buf *b, uint64_t *ret_ways);
/*
 * Is this one of the machine's own addresses in this network namespace? Read once, at the first
 * question.
 */
struct redirect_addrs;
must_check int redirect_addrs_new(struct redirect_addrs **ret_a);
void redirect_addrs_free(struct redirect_addrs *a);
DEFINE_FREEP(struct redirect_addrs, redirect_addrs_free)
bool redirect_addrs_has(const struct redirect_addrs *a, enum door_family family,
			const uint8_t addr[16]);
#endif
