/* SPDX-License-Identifier: GPL-2.0 */
#include "ship/addresses.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "store/health.h"
#include "tap.h"

/* The addresses that a node reports, in a network namespace of this test's own. */

static int sock;

static bool up(void)
{
	struct ifreq r = { .ifr_name = "lo" };

	if (ioctl(sock, SIOCGIFFLAGS, &r))
		return false;
	r.ifr_flags |= IFF_UP;
	return !ioctl(sock, SIOCSIFFLAGS, &r);
}

static bool add(unsigned i)
{
	struct ifreq r = { 0 };
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(0x0afb0000 + i) };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "lo:%u", i);
	memcpy(&r.ifr_addr, &sin, sizeof(sin));
	return !ioctl(sock, SIOCSIFADDR, &r);
}

static unsigned count(const char *s)
{
	unsigned n = 0;

	for (const char *p = s; (p = strstr(p, "10.251.")); p++)
		n++;
	return n;
}

int main(void)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(HEALTH_ADDRESSES_MAX);

	if (geteuid())
		tap_skip_all("needs root");
	sock = unshare(CLONE_NEWNET) ? -1 : socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (!ok(sock >= 0 && up(), "a network namespace of its own"))
		return tap_done();
	ok(!addresses_put(&b) && !b.len, "loopback is everybody's");
	for (unsigned i = 1; i <= ADDRESSES_MAX; i++)
		if (!add(i))
			ok(false, "an address");
	ok(!addresses_put(&b), "as many as are named");
	is_int(count(buf_str(&b)), ADDRESSES_MAX, "are");
	is_int(health_holds(buf_str(&b), "10.251.0.1"), 1, "one of them is the node's");
	is_int(health_holds(buf_str(&b), "10.251.9.9"), 0, "another is not");
	ok(add(ADDRESSES_MAX + 1), "one address more");
	buf_reset(&b);
	ok(!addresses_put(&b), "than are named");
	is_int(count(buf_str(&b)), ADDRESSES_MAX, "is left out");
	is_int(health_holds(buf_str(&b), "10.251.0.1"), 1, "those named are the node's");
	is_int(health_holds(buf_str(&b), "10.251.9.9"), -ENODATA, "of others nobody knows");
	close(sock);
	return tap_done();
}
