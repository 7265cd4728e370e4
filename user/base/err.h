/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_ERR_H
#define AJAR_BASE_ERR_H

#include <stdlib.h>
#include <unistd.h>

/*
 * Errors are negative errno values in an int; 0 is success. A module that has errors no errno
 * stands for numbers them from ERR_OWN on, and has words for them itself (store_error_text()). The
 * attributes and cleanup helpers below are the whole vocabulary of ownership in user/.
 */
#define ERR_OWN 1000
#define must_check __attribute__((warn_unused_result))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))
#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define _free_ _cleanup_(free_ptr)
#define _close_ _cleanup_(close_fd)
#define array_len(a) (sizeof(a) / sizeof((a)[0]))

/* Defines x_freep() for cleanup attributes from x_free(). */
#define DEFINE_FREEP(type, fn)                                                                     \
	static inline void fn##p(type **p)                                                         \
	{                                                                                          \
		fn(*p);                                                                            \
	}

/* Hands a pointer over: yields it and leaves NULL behind. */
#define take_ptr(p)                                                                                \
	({                                                                                         \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})

/* Hands a file descriptor over: yields it and leaves -1 behind. */
#define take_fd(fd)                                                                                \
	({                                                                                         \
		int taken_ = (fd);                                                                 \
		(fd) = -1;                                                                         \
		taken_;                                                                            \
	})

static inline void free_ptr(void *p)
{
	free(*(void **)p);
}

static inline void close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#endif
