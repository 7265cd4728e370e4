/* SPDX-License-Identifier: GPL-2.0 */
#include "redirect/others.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "redirect/netlink.h"
#include "redirect/nft_internal.h"

#define IPVS_MAX (1 << 20)
#define PROGRAMS_MAX 64

/* --- IPVS ------------------------------------------------------------------------------------- */

/* "C0A80001:0050" or "[2001:0db8:...]:0050" */
static bool ipvs_address(const char *s, enum door_family *ret_family, uint8_t addr[16],
			 unsigned *ret_port)
{
	unsigned v4, port;
	char v6[INET6_ADDRSTRLEN];

	memset(addr, 0, 16);
	if (sscanf(s, "%8x:%4x", &v4, &port) == 2 && *s != '[') {
		*ret_family = FAMILY_INET;
		v4 = htonl(v4);
		memcpy(addr, &v4, sizeof(v4));
	} else if (sscanf(s, "[%45[0-9a-fA-F:]]:%4x", v6, &port) == 2 &&
		   inet_pton(AF_INET6, v6, addr) == 1) {
		*ret_family = FAMILY_INET6;
	} else {
		return false;
	}
	*ret_port = port;
	return true;
}

static void ipvs_line(const char *line, const struct redirect_addrs *addrs, struct redirect_list *l)
{
	char proto[8], where[64], text[INET6_ADDRSTRLEN], ports[16] = "any";
	enum door_family family;
	uint8_t addr[16];
	unsigned port;

	if (sscanf(line, "FWM %63s", where) == 1) {
		redirect_list_add(l, "any any * - ipvs: firewall mark %.20s", where);
		return;
	}
	if (sscanf(line, "%7s %63s", proto, where) != 2 ||
	    (strcmp(proto, "TCP") != 0 && strcmp(proto, "UDP") != 0 &&
	     strcmp(proto, "SCTP") != 0) ||
	    !ipvs_address(where, &family, addr, &port))
		return;
	if (addrs && !redirect_addrs_has(addrs, family, addr))
		return; /* for another machine */
	if (port)
		snprintf(ports, sizeof(ports), "%u", port);
	inet_ntop((int)family, addr, text, sizeof(text));
	redirect_list_add(l, "%s %s %s - ipvs: virtual service",
			  *proto == 'T'	  ? "tcp"
			  : *proto == 'U' ? "udp"
					  : "sctp",
			  ports, text);
}

void redirect_ipvs_text(const char *text, const struct redirect_addrs *addrs,
			struct redirect_list *l)
{
	char line[256];

	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)(n < 255 ? n : 255), p);
		ipvs_line(line, addrs, l);
		p += n + (p[n] == '\n');
	}
}

void redirect_ipvs(const struct redirect_addrs *addrs, struct redirect_list *l)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(IPVS_MAX);
	int err = file_read(AT_FDCWD, "/proc/net/ip_vs", &b);

	if (err && err != -ENOENT)
		redirect_list_add(l, "! ipvs: %s", strerror(-err));
	else if (!err)
		redirect_ipvs_text(buf_str(&b), addrs, l);
}

/* --- BPF -------------------------------------------------------------------------------------- */

void redirect_sk_lookup(struct redirect_list *l)
{
	_close_ int netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	uint32_t ids[PROGRAMS_MAX], n = PROGRAMS_MAX;
	int err = netns < 0 ? -errno : bpf_prog_query(netns, BPF_SK_LOOKUP, 0, NULL, ids, &n);

	if (err && err != -EINVAL) /* -EINVAL: a kernel before 5.9 has none */
		redirect_list_add(l, "! sk_lookup: %s", strerror(-err));
	for (uint32_t i = 0; !err && i < n && i < PROGRAMS_MAX; i++)
		redirect_list_add(l, "any any * - sk_lookup: BPF program %u", ids[i]);
}

static int on_link(const struct nlmsghdr *h, void *arg)
{
	struct attr t[IFLA_XDP + 1], x[IFLA_XDP_PROG_ID + 1];
	const struct ifinfomsg *i = NLMSG_DATA(h);
	char name[NFT_NAME_MAX];
	uint32_t id = 0;

	if (h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < NLMSG_LENGTH(sizeof(*i)))
		return 0;
	attrs_read((const uint8_t *)h + NLMSG_LENGTH(sizeof(*i)),
		   h->nlmsg_len - NLMSG_LENGTH(sizeof(*i)), t, array_len(t));
	attrs_read(t[IFLA_XDP].p, t[IFLA_XDP].len, x, array_len(x));
	if (x[IFLA_XDP_PROG_ID].len >= sizeof(id))
		memcpy(&id, x[IFLA_XDP_PROG_ID].p, sizeof(id));
	attr_str(&t[IFLA_IFNAME], name);
	if (id)
		redirect_list_add(arg, "? xdp: BPF program %u on %.15s may answer by itself", id,
				  name);
	return 0;
}

void redirect_xdp(struct redirect_list *l)
{
	const struct ifinfomsg all = { .ifi_family = AF_UNSPEC };
	struct netlink_request r;
	_close_ int fd = -1;
	int err = netlink_open(NETLINK_ROUTE, &fd);

	netlink_begin(&r, RTM_GETLINK, &all, sizeof(all));
	if (!err)
		err = netlink_dump(fd, (struct nlmsghdr *)r.bytes, on_link, l);
	if (err && err != -EINTR)
		redirect_list_add(l, "! xdp: %s", strerror(-err));
}

/* --- iptables from before nftables ------------------------------------------------------------ */

void redirect_legacy(int names_fd, const char *family, struct redirect_list *l)
{
	static const char *const redirects[] = { "nat", "mangle" };
	char names[256];
	ssize_t n = names_fd < 0 ? 0 : pread(names_fd, names, sizeof(names) - 1, 0);

	if (n <= 0)
		return;
	names[n] = '\0';
	for (size_t i = 0; i < array_len(redirects); i++) {
		const char *p = strstr(names, redirects[i]);
		size_t len = strlen(redirects[i]);

		if (p && p[len] == '\n')
			redirect_list_add(l,
					  "? legacy %s: its table %s is in use and is not read; "
					  "'iptables-legacy-save' shows it",
					  family, redirects[i]);
	}
}
