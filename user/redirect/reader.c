/* SPDX-License-Identifier: GPL-2.0 */
#include "redirect/reader.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "redirect/netlink.h"
#include "redirect/nft.h"
#include "redirect/others.h"
#include "redirect/word.h"

#define TRIES 3
#define PAUSE_NS                                                                                   \
	UINT64_C(500000000) /* between two readings, and 20 times as long as the reading took */

/* --- nftables --------------------------------------------------------------------------------- */

static int on_nft(const struct nlmsghdr *h, void *arg)
{
	return nft_feed(arg, h);
}

static int dump_nft(int fd, struct nft *n, unsigned type, const struct nft_set_name *of)
{
	const struct nfgenmsg g = { .nfgen_family = of ? of->family : AF_UNSPEC,
				    .version = NFNETLINK_V0 };
	struct netlink_request r;

	netlink_begin(&r, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), &g, sizeof(g));
	if (of) {
		netlink_put_str(&r, NFTA_SET_ELEM_LIST_TABLE, of->table);
		netlink_put_str(&r, NFTA_SET_ELEM_LIST_SET, of->set);
	}
	return netlink_dump(fd, (struct nlmsghdr *)r.bytes, on_nft, n);
}

static int read_nft(int fd, const struct redirect_addrs *addrs, struct redirect_list *l)
{
	static const unsigned types[] = { NFT_MSG_GETCHAIN, NFT_MSG_GETSET, NFT_MSG_GETRULE };
	_cleanup_(nft_freep) struct nft *n = NULL;
	struct nft_set_name set;
	size_t at = 0;
	int err = nft_new(&n);

	for (size_t i = 0; !err && i < array_len(types); i++)
		err = dump_nft(fd, n, types[i], NULL);
	while (!err && nft_wants(n, &at, &set)) {
		err = dump_nft(fd, n, NFT_MSG_GETSETELEM, &set);
		if (err == -ENOENT)
			err = -EINTR; /* it went meanwhile */
	}
	if (!err)
		nft_walk(n, addrs, l);
	return err;
}

static void add_nft(const struct redirect_addrs *addrs, struct redirect_list *l)
{
	_close_ int fd = -1;
	int err = netlink_open(NETLINK_NETFILTER, &fd);

	if (!err)
		err = -EINTR;
	for (unsigned i = 0; err == -EINTR && i < TRIES; i++)
		err = read_nft(fd, addrs, l);
	if (err && err != -EPROTONOSUPPORT &&
	    err != -EINVAL) /* a kernel without nftables has no rules */
		redirect_list_add(l, "! nft: %s",
				  err == -EINTR ? "the rules change faster than they can be read"
						: strerror(-err));
}

int redirect_read(const struct redirect_fds *fds, struct buf *b, uint64_t *ret_ways)
{
	_cleanup_(redirect_addrs_freep) struct redirect_addrs *addrs = NULL;
	_cleanup_(redirect_list_done) struct redirect_list l = { 0 };
	int err = redirect_addrs_new(&addrs);

	if (err)
		redirect_list_add(&l, "! addresses of this machine: %s", strerror(-err));
	add_nft(addrs, &l);
	redirect_legacy(fds->names4, "iptables", &l);
	redirect_legacy(fds->names6, "ip6tables", &l);
	redirect_ipvs(addrs, &l);
	redirect_sk_lookup(&l);
	redirect_xdp(&l);
	return redirect_list_text(&l, b, ret_ways);
}

/* --- its life -------------------------------------------------------------------------------- */

/* The group's messages say only that something changed: which, the dump says. */
static int watch_rules(int *ret_fd)
{
	const int group = NFNLGRP_NFTABLES;
	_close_ int fd = -1;
	int err = netlink_open(NETLINK_NETFILTER, &fd);

	if (!err && setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		err = -errno;
	if (!err)
		*ret_fd = take_fd(fd);
	return err;
}

static void forget(int fd)
{
	char bytes[8192];

	for (unsigned i = 0;
	     i < 10000 && recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_TRUNC) != -1; i++)
		;
}

/* false: nobody listens any more. */
static bool tell(int out, struct buf *now, struct buf *told, uint64_t ways)
{
	if (told->max && told->len == now->len &&
	    (!now->len || !memcmp(told->data, now->data, now->len)))
		return true;
	buf_done(told);
	*told = *now;
	*now = (struct buf)BUF_INIT(REDIRECT_TEXT_MAX);
	return !redirect_word_send(out, ways < UINT32_MAX ? (uint32_t)ways : UINT32_MAX, 0,
				   told->data, told->len);
}

static bool wait_for_change(int out, int rules, uint64_t pause_ns, uint64_t every_ns)
{
	struct pollfd p[] = { { .fd = out }, { .fd = rules, .events = POLLIN } };

	/* What comes in a burst is one reading. */
	if (poll(p, 1, (int)(pause_ns / 1000000)) > 0)
		return false;
	if (poll(p, rules < 0 ? 1 : 2, (int)(every_ns / 1000000)) > 0 && p[0].revents)
		return false;
	if (rules >= 0)
		forget(rules);
	return true;
}

int redirect_reader_main(const struct redirect_fds *fds, int out, uint64_t every_ns)
{
	struct buf now = BUF_INIT(REDIRECT_TEXT_MAX), told = { 0 };
	int rules = -1;
	uint64_t began, took, ways;

	if (watch_rules(&rules))
		rules = -1; /* every_ns has to do */
	do {
		began = clock_boot_ns();
		buf_reset(&now);
		if (redirect_read(fds, &now, &ways) || !tell(out, &now, &told, ways))
			return 1;
		took = 20 * (clock_boot_ns() - began);
	} while (wait_for_change(out, rules, took > PAUSE_NS ? took : PAUSE_NS, every_ns));
	return 0;
}
