/* SPDX-License-Identifier: GPL-2.0 */
/* The agent takes what the reader of rules says, whatever that is, and never waits for it. */
#include "redirect/word.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"

int main(void)
{
	static char most[REDIRECT_TEXT_MAX + 9], big[REDIRECT_TEXT_MAX];
	static struct redirect_word w;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return 1;
	is_int(redirect_word_take(fds[0], &w), 0, "no word is no reason to wait");
	ok(send(fds[1], "\1\0\0\0", 4, 0) == 4, "four bytes are sent");
	is_int(redirect_word_take(fds[0], &w), -EBADMSG,
	       "four bytes are no word, and nobody waits for the rest");
	is_int(redirect_word_send(fds[1], 2, 0, "tcp 1\n", 6), 0, "a list is sent");
	ok(redirect_word_take(fds[0], &w) == 1 && w.ways == 2 && !w.ended && w.len == 6 &&
		   !memcmp(w.text, "tcp 1\n", 6),
	   "it comes as it is, after what was none");
	memset(big, 'x', sizeof(big));
	is_int(redirect_word_send(fds[1], 1, 0, big, sizeof(big)), 0, "the longest list is sent");
	ok(redirect_word_take(fds[0], &w) == 1 && w.len == sizeof(big) &&
		   !memcmp(w.text, big, sizeof(big)),
	   "and comes whole");
	ok(send(fds[1], most, sizeof(most), 0) == (ssize_t)sizeof(most), "one byte more is sent");
	is_int(redirect_word_take(fds[0], &w), -EBADMSG, "and is no word");
	is_int(redirect_word_send(fds[1], 0, 9, NULL, 0), 0, "the end of a reader is sent");
	ok(redirect_word_take(fds[0], &w) == 1 && w.ended == 9 && !w.len, "and comes");
	close(fds[1]);
	is_int(redirect_word_take(fds[0], &w), -EPIPE, "nobody is there who could say more");
	is_int(redirect_word_send(fds[0], 0, 0, NULL, 0), -EPIPE, "nor who listens");
	close(fds[0]);
	return tap_done();
}
