/* SPDX-License-Identifier: GPL-2.0 */
#include "redirect/word.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

int redirect_word_send(int fd, uint32_t ways, uint32_t ended, const char *text, size_t len)
{
	uint32_t head[2] = { ways, ended };
	struct iovec parts[2] = { { head, sizeof(head) }, { (void *)text, len } };
	const struct msghdr m = { .msg_iov = parts, .msg_iovlen = array_len(parts) };
	ssize_t n;

	do {
		n = sendmsg(fd, &m, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int redirect_word_take(int fd, struct redirect_word *ret)
{
	uint32_t head[2];
	struct iovec parts[2] = { { head, sizeof(head) }, { ret->text, sizeof(ret->text) } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = array_len(parts) };
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return -errno;
	if (!n)
		return -EPIPE;
	if ((size_t)n < sizeof(head) || m.msg_flags & MSG_TRUNC)
		return -EBADMSG;
	ret->ways = head[0];
	ret->ended = head[1];
	ret->len = (size_t)n - sizeof(head);
	return 1;
}
