/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_REDIRECT_WORD_H
#define AJAR_REDIRECT_WORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/redirect.h"

/*
 * What the process that reads redirect rules says to the agent: one message of a SOCK_SEQPACKET
 * socket, so that a message is there as a whole or not at all and the agent never waits for the
 * rest of one. u32 ways, u32 ended, then the list, as core/redirect.h writes it.
 */
struct redirect_word {
	uint32_t ways; /* that the list is about, beyond those that it has room for, too */
	/* waitpid()'s status of a reader that has ended, another one follows; 0: it is a list */
	uint32_t ended;
	size_t len; /* of text */
	char text[REDIRECT_TEXT_MAX];
};

/* Waits while the agent takes nothing; -EPIPE: it is gone. */
must_check int redirect_word_send(int fd, uint32_t ways, uint32_t ended, const char *text,
				  size_t len);
/*
 * Never waits. 1: *ret is a message; 0: there is none now; -EBADMSG: it was no such message, the
 * next one may be; -EPIPE: nobody is there who could send one.
 */
must_check int redirect_word_take(int fd, struct redirect_word *ret);

#endif
