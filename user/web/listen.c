/* SPDX-License-Identifier: GPL-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/parse.h"
#include "web/http.h"

/*
 * Where the server listens. Numbers only: what a resolver says is no reason to be open to a
 * network.
 */

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

static bool is_loopback(const union address *a)
{
	if (a->sa.sa_family == AF_INET)
		return ntohl(a->in.sin_addr.s_addr) >> 24 == 127;
	if (a->sa.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
	return true;
}

static int parse_unix(const char *path, union address *ret_a, socklen_t *ret_len)
{
	if (path[0] != '/' || strlen(path) >= sizeof(ret_a->un.sun_path))
		return -EINVAL;
	ret_a->un.sun_family = AF_UNIX;
	memcpy(ret_a->un.sun_path, path, strlen(path) + 1);
	*ret_len = sizeof(ret_a->un);
	return 0;
}

static int parse_inet(const char *where, union address *ret_a, socklen_t *ret_len)
{
	const char *colon = strrchr(where, ':');
	size_t n = colon ? (size_t)(colon - where) : 0;
	bool bracket = n >= 2 && where[0] == '[' && where[n - 1] == ']';
	char host[64];
	uint16_t port;

	if (!colon || n >= sizeof(host) || parse_port(colon + 1, &port))
		return -EINVAL;
	snprintf(host, sizeof(host), "%.*s", (int)(bracket ? n - 2 : n), where + bracket);
	if (!strcmp(host, "localhost"))
		snprintf(host, sizeof(host), "127.0.0.1");
	if (!bracket && inet_pton(AF_INET, host, &ret_a->in.sin_addr) == 1) {
		ret_a->in.sin_family = AF_INET;
		ret_a->in.sin_port = htons(port);
		*ret_len = sizeof(ret_a->in);
		return 0;
	}
	if (!bracket || inet_pton(AF_INET6, host, &ret_a->in6.sin6_addr) != 1)
		return -EINVAL;
	ret_a->in6.sin6_family = AF_INET6;
	ret_a->in6.sin6_port = htons(port);
	*ret_len = sizeof(ret_a->in6);
	return 0;
}

static int parse(const char *where, union address *ret_a, socklen_t *ret_len, char **ret_why)
{
	int err;

	memset(ret_a, 0, sizeof(*ret_a));
	err = !strncmp(where, "unix:", 5) ? parse_unix(where + 5, ret_a, ret_len)
					  : parse_inet(where, ret_a, ret_len);
	return err ? fault(ret_why, err,
			   "the web page cannot listen on '%s': give ADDRESS:PORT, such as "
			   "127.0.0.1:2527 or [::1]:2527, or unix:/PATH",
			   where)
		   : 0;
}

int httpd_address_check(const char *where, bool *ret_local, char **ret_why)
{
	union address a;
	socklen_t len;
	int err = parse(where, &a, &len, ret_why);

	if (!err)
		*ret_local = is_loopback(&a);
	return err;
}

/* What one before us left behind; nothing but a socket is taken away. */
static void remove_stale(const char *path)
{
	struct stat st;

	if (!lstat(path, &st) && S_ISSOCK(st.st_mode))
		unlink(path);
}

int httpd_listen(const char *where, int *ret_fd, bool *ret_local, char **ret_why)
{
	const int on = 1;
	union address a;
	socklen_t len;
	_close_ int fd = -1;
	int err = parse(where, &a, &len, ret_why);

	if (err)
		return err;
	fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fault(ret_why, -errno, "the web page cannot listen on %s: %s", where,
			     strerror(errno));
	if (a.sa.sa_family == AF_UNIX)
		remove_stale(a.un.sun_path);
	else
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a.sa.sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, &a.sa, len) || listen(fd, 128)) {
		err = -errno;
		if (err == -EADDRINUSE)
			return fault(
				ret_why, err,
				"the web page cannot listen on %s: another program does; "
				"give another --web ADDRESS:PORT (or web.listen), or --web off",
				where);
		return fault(
			ret_why, err,
			"the web page cannot listen on %s: %s; give another --web ADDRESS:PORT "
			"(or web.listen), or --web off",
			where, strerror(-err));
	}
	/* A proxy of another account reaches it by its group: the folder decides who may. */
	if (a.sa.sa_family == AF_UNIX && chmod(a.un.sun_path, 0660))
		return fault(ret_why, -errno, "the socket %s cannot be used: %s", a.un.sun_path,
			     strerror(errno));
	*ret_local = is_loopback(&a);
	*ret_fd = take_fd(fd);
	return 0;
}
