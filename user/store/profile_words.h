/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_PROFILE_WORDS_H
#define AJAR_STORE_PROFILE_WORDS_H

#include "core/profile.h"

/*
 * How open_ports has what is a number here. A row may be written by hand: the case of its words is
 * the writer's.
 */
void profile_words_parse(struct profile_row *r, const char *protocol, const char *scope,
			 const char *action, const char *severity);
const char *profile_scope_word(enum door_scope scope); /* "" for 0 */

#endif
