/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/backoff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define NS_PER_S UINT64_C(1000000000)
#define LOOK_BACK_NS (86400 * NS_PER_S)
#define LATER_NS (60 * NS_PER_S)
#define LATER_RATE 2 /* probes a second */
#define TURNED_MIN 2 /* one is that door's own: a daemon that hangs, a firewall */
#define LIST_MAX (512u << 10)

struct looking {
	struct ports open; /* by the newest word of each */
};

static int on_port(const struct store_scan_host *h, const struct store_scan_port *p, void *arg)
{
	struct looking *l = arg;

	(void)h;
	if (p->proto != PROTO_TCP || !p->port || p->port > UINT16_MAX)
		return 0;
	if (p->state == PORT_OPEN)
		ports_add(&l->open, p->port, p->port);
	else
		ports_drop(&l->open, p->port);
	return 0;
}

static bool has_silent(const struct scan_host *h)
{
	for (size_t i = 0; i < h->ports_len; i++) {
		if (h->ports[i].state == PORT_FILTERED)
			return true;
	}
	for (unsigned i = 0; i < h->extras_len; i++) {
		if (h->extras[i].state == PORT_FILTERED)
			return true;
	}
	return false;
}

int backoff_look(struct store *s, const char *node, const char *addr, const struct scan_host *h,
		 struct backoff *ret_b)
{
	_free_ struct looking *l = calloc(1, sizeof(*l));
	uint64_t now = 0;
	int err;

	memset(ret_b, 0, sizeof(*ret_b));
	if (!l)
		return -ENOMEM;
	if (!has_silent(h))
		return 0;
	err = store_scan_now(s, &now);
	if (!err)
		err = store_scan_host_ports(
			s, node, addr, now > LOOK_BACK_NS ? now - LOOK_BACK_NS : 0, on_port, l);
	for (uint32_t port = 1; !err && port <= UINT16_MAX; port++) {
		enum port_state now_is = PORT_UNKNOWN;

		if (ports_has(&l->open, (uint16_t)port))
			now_is = scan_host_state(h, PROTO_TCP, (uint16_t)port);
		ret_b->open += now_is != PORT_UNKNOWN;
		if (now_is != PORT_FILTERED)
			continue;
		ret_b->turned++;
		ports_add(&ret_b->ports, port, port);
	}
	return err;
}

bool backoff_is_due(const struct backoff *b)
{
	return b->turned >= TURNED_MIN && 2 * b->turned > b->open;
}

int backoff_later(struct store *s, const char *node, const char *addr, const struct backoff *b)
{
	_cleanup_(buf_done) struct buf list = BUF_INIT(LIST_MAX);
	const struct store_target target = { .node = node, .addr = addr };
	const struct store_scan scan = { .plan = BACKOFF_PLAN,
					 .kind = SCAN_CONNECT,
					 .nodes = node,
					 .command = "gentler",
					 .rate = LATER_RATE,
					 .host_rate = LATER_RATE,
					 .priority = STORE_SCAN_USUAL,
					 .held_ns = LATER_NS };
	struct store_shard sh = { .targets_len = 1, .targets = &target };
	uint64_t now = 0, id = 0;
	int err = store_scan_now(s, &now);

	ports_format(&list, &b->ports);
	if (!err)
		err = list.err;
	sh.ports = buf_str(&list);
	return err ? err : store_scan_new(s, &scan, &sh, 1, now, &id);
}
