/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "redirect/nft.h"
#include "redirect/others.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed(struct nft *n, const uint8_t *data, size_t size)
{
	static _Alignas(8) uint8_t bytes[65536];
	struct nlmsghdr h;

	while (size > 4) {
		size_t len = (size_t)data[0] | (size_t)data[1] << 8;
		struct nfgenmsg g = { .nfgen_family = data[3] % 11 };

		if (len > size - 4)
			len = size - 4;
		h = (struct nlmsghdr){ .nlmsg_len = (uint32_t)NLMSG_LENGTH(sizeof(g) + len),
				       .nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 |
								data[2] % 16) };
		if (h.nlmsg_len > sizeof(bytes))
			return;
		memcpy(bytes, &h, sizeof(h));
		memcpy(bytes + sizeof(h), &g, sizeof(g));
		memcpy(bytes + sizeof(h) + sizeof(g), data + 4, len);
		if (nft_feed(n, (const struct nlmsghdr *)bytes))
			return;
		data += 4 + len;
		size -= 4 + len;
	}
}

/*
 * Any bytes are the kernel's messages, /proc/net/ip_vs, and a list; every way that is listed can be
 * read back.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(redirect_list_done) struct redirect_list l = { 0 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(REDIRECT_TEXT_MAX), text = BUF_INIT(1 << 20);
	_cleanup_(nft_freep) struct nft *n = NULL;
	struct text list, line;
	struct redirect s;
	uint64_t ways;

	if (nft_new(&n))
		return 0;
	feed(n, data, size);
	nft_walk(n, NULL, &l);
	buf_put(&text, data, size);
	redirect_ipvs_text(buf_str(&text), NULL, &l);
	if (redirect_list_text(&l, &b, &ways))
		return 0;
	list = (struct text){ b.data, (uint32_t)b.len };
	while (redirect_next(&list, &line)) {
		if (*line.ptr != '!' && *line.ptr != '?' && redirect_parse(line, &s))
			__builtin_trap();
	}
	list = (struct text){ (const char *)data, (uint32_t)size };
	while (redirect_next(&list, &line))
		redirect_format_line(&text, line);
	return 0;
}
