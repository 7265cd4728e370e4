/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SHIP_STANDING_H
#define AJAR_SHIP_STANDING_H

#include "base/err.h"

struct executables;
struct loop;

/*
 * The executables of doors that opened before this shipper began: their records are in the store
 * already and are not shipped again. The journal is read once from its oldest record on, a few
 * records at a time, and what processes that still run have opened or hold is looked at anew.
 */
struct standing;

/* dirfd (the journal's folder) and x are borrowed. */
must_check int standing_new(struct loop *l, int dirfd, struct executables *x,
			    struct standing **ret_s);
void standing_free(struct standing *s);
DEFINE_FREEP(struct standing, standing_free)

#endif
