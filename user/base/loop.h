/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_LOOP_H
#define AJAR_BASE_LOOP_H

#include <stdint.h>

#include "base/err.h"

/*
 * One epoll loop per process: fds, timers (timerfd), signals (signalfd); children are in
 * base/child.h. Callbacks return 0, or a negative errno that ends loop_run() with it. A callback
 * may remove any source, its own included. Sources belong to the loop; an fd given stays the
 * caller's to close.
 */
struct loop;
struct loop_source;
typedef int (*loop_fn)(void *arg);
typedef int (*loop_signal_fn)(int signo, void *arg);

must_check int loop_new(struct loop **ret_loop);
void loop_free(struct loop *l);
DEFINE_FREEP(struct loop, loop_free)

/* events: EPOLLIN, EPOLLOUT ... */
must_check int loop_add_fd(struct loop *l, int fd, uint32_t events, loop_fn fn, void *arg,
			   struct loop_source **ret_src);
/* A timer that is off until loop_timer_set(). */
must_check int loop_add_timer(struct loop *l, loop_fn fn, void *arg, struct loop_source **ret_src);
/* First in after_ns, then every every_ns (0: once); after_ns 0 switches it off. */
must_check int loop_timer_set(struct loop_source *src, uint64_t after_ns, uint64_t every_ns);
/*
 * In after_ns at the latest: a timer that is due sooner stays as it is, so that calling this again
 * and again puts nothing off. How often it comes from then on does not change.
 */
must_check int loop_timer_hasten(struct loop_source *src, uint64_t after_ns);
/* Blocks the signals of the 0-terminated list and delivers them here. */
must_check int loop_add_signals(struct loop *l, const int *signals, loop_signal_fn fn, void *arg);
void loop_remove(struct loop_source *src); /* NULL is fine */
/* Until loop_stop() or a callback's error. */
must_check int loop_run(struct loop *l);
void loop_stop(struct loop *l);

#endif
