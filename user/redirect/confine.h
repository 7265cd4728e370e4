/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_REDIRECT_CONFINE_H
#define AJAR_REDIRECT_CONFINE_H

#include "base/err.h"

/*
 * From now on this process can do what reading rules takes, and nothing else: it opens files for
 * reading, talks to netlink, asks bpf(2) what there is, and writes to descriptors that it has. All
 * else fails with EPERM. For good, and no new privileges. -EOPNOTSUPP where there is no seccomp,
 * or it is not known for this processor.
 */
must_check int redirect_confine(void);
/*
 * The same in a child of ours that ends at once: what a process that we start later will get, so
 * that we can say so.
 */
must_check int redirect_confine_try(void);

#endif
