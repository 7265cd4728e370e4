/* SPDX-License-Identifier: GPL-2.0 */
#include "store/wrap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define NAME_LEN_MAX 255
#define RETRIES_MAX 8 /* pauses of 1 to 256 ms, half a second together */

int store_begin(struct store *s)
{
	int err;

	if (s->depth)
		return store_set_why(s, -EALREADY, "a transaction is open already");
	if (s->readonly)
		return store_set_why(s, -EROFS, "the store was opened read-only");
	err = s->ops->begin(s);
	if (err)
		return err;
	s->depth = 1;
	s->doomed = 0;
	return 0;
}

void store_rollback(struct store *s)
{
	if (!s->depth)
		return;
	s->ops->rollback(s);
	s->depth = 0;
	s->doomed = 0;
}

int store_commit(struct store *s)
{
	int err = s->doomed;

	if (!s->depth)
		return store_set_why(s, -EINVAL, "no transaction is open");
	if (!err)
		err = s->ops->commit(s);
	if (err) {
		store_rollback(s);
		return err;
	}
	s->depth = 0;
	return 0;
}

/* Each write below is all or nothing: a transaction of its own, or a savepoint in the caller's. */
int store_write_begin(struct store *s)
{
	int err;

	if (!s->depth)
		return store_begin(s);
	if (s->doomed)
		return s->doomed;
	err = s->ops->save(s);
	if (err) {
		s->doomed = err;
		return err;
	}
	s->depth++;
	return 0;
}

int store_write_end(struct store *s, int err)
{
	if (s->depth == 1) {
		if (!err)
			return store_commit(s);
		store_rollback(s);
		return err;
	}
	s->depth--;
	if (!err) {
		err = s->ops->release(s);
		if (err)
			s->doomed = err;
		return err;
	}
	/* A full disk or a damaged page may have ended the whole transaction under us. */
	if (s->ops->undo(s))
		s->doomed = err;
	return err;
}

/* A statement inside the caller's transaction; whether that stands when it failed nobody asks. */
int store_joined(struct store *s, int err)
{
	if (err)
		s->doomed = err;
	return err;
}

/*
 * Another writer was in the way and the server has undone a transaction of our own
 * (-STORE_E_UNDONE): the same again, a little later and not all at the same moment. In the caller's
 * transaction only the caller can.
 */
bool store_write_again(struct store *s, int err, unsigned *tries)
{
	struct timespec pause = { 0 };
	uint32_t random = 0;

	if (err != -STORE_E_UNDONE || s->depth || *tries == RETRIES_MAX)
		return false;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = (uint32_t)getpid() * 2654435761U;
	pause.tv_nsec = (1000000L << *tries) + (long)(random % (1000000U << *tries));
	++*tries;
	nanosleep(&pause, NULL);
	return true;
}

int store_check_name(struct store *s, const char *what, const char *name)
{
	size_t len = name ? strlen(name) : 0;

	if (!len || len > NAME_LEN_MAX)
		return store_set_why(s, -EINVAL, "the name of a %s has 1 to %d bytes", what,
				     NAME_LEN_MAX);
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_len((const unsigned char *)name + i, len - i);
		if (!n || (n == 1 && ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)))
			return store_set_why(s, -EINVAL, "the name of a %s is printable UTF-8",
					     what);
	}
	return 0;
}
