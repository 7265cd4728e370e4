/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_WRAP_H
#define AJAR_STORE_WRAP_H

#include "store/driver.h"

/*
 * What the functions of the interface (store.c and its siblings, a file a noun) have around a
 * driver's operation.
 */

must_check int store_write_begin(struct store *s);
must_check int store_write_end(struct store *s, int err);
bool store_write_again(struct store *s, int err, unsigned *tries);
must_check int store_joined(struct store *s, int err);

/*
 * A name of a node, a class, a sink ...: 1 to 255 bytes of printable UTF-8; else -EINVAL and the
 * reason.
 */
must_check int store_check_name(struct store *s, const char *what, const char *name);

/* A reason or a note: printable UTF-8, not too long; else -EINVAL and the reason. */
must_check int triage_check_text(struct store *s, const char *what, const char *text);

/* A request's row, without more. */
struct store_request;
must_check int requests_insert(struct store *s, const struct store_request *r);

/*
 * A write of the driver in a transaction of its own, or in the caller's as a savepoint; one that
 * another writer has undone is run again, so that op must set its results anew.
 */
#define write_op(s, op)                                                                            \
	({                                                                                         \
		unsigned tries_ = 0;                                                               \
		int err_;                                                                          \
                                                                                                   \
		do {                                                                               \
			err_ = store_write_begin(s);                                               \
			if (!err_)                                                                 \
				err_ = store_write_end(s, op);                                     \
		} while (store_write_again(s, err_, &tries_));                                     \
		err_;                                                                              \
	})

/*
 * The same for an op with one statement that writes. That is all or nothing by itself, so the
 * caller's transaction needs no savepoint, which is two questions to a server saved; what fails
 * there takes the whole transaction with it.
 */
#define write_one(s, op)                                                                           \
	(!(s)->depth ? write_op(s, op) : (s)->doomed ? (s)->doomed : store_joined(s, op))

#endif
