/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/latest.h"

#include <stdio.h>
#include <string.h>

#include "scan/xml.h"
#include "store/scans.h"

struct looking {
	struct store *store;
	enum door_proto proto;
	uint16_t port;
	struct scan_latest best, at; /* at: the host that is looked at */
};

enum port_state scan_folded_state(const char *folded, enum door_proto proto, uint16_t port)
{
	const char *name = door_proto_name(proto);
	size_t len = strlen(name);

	for (const char *s = folded; *s;) {
		size_t n = strcspn(s, ";");
		const char *state = s + len + 1,
			   *list = n > len ? memchr(state, ' ', n - len - 1) : NULL;

		if (list && !strncmp(s, name, len) && s[len] == ' ' &&
		    scan_ports_has((struct text){ list + 1, (uint32_t)(s + n - list - 1) }, port)) {
			char word[24];

			snprintf(word, sizeof(word), "%.*s", (int)(list - state), state);
			return port_state_parse(word);
		}
		s += n;
		s += strspn(s, "; ");
	}
	return PORT_UNKNOWN;
}

static int on_port(const struct store_scan_host *h, const struct store_scan_port *p, void *arg)
{
	struct looking *l = arg;
	bool probed = !strcmp(p->method, "probed");

	(void)h;
	if (p->proto != l->proto || p->port != l->port)
		return 0;
	l->at.state = port_state_parse(p->state);
	snprintf(l->at.service, sizeof(l->at.service), "%s%s%s%s%s%s", probed ? p->tunnel : "",
		 probed && *p->tunnel ? "/" : "", probed ? p->service : "", *p->product ? " " : "",
		 p->product, "");
	return 0;
}

static int on_host(const struct store_scan_host *h, void *arg)
{
	struct looking *l = arg;
	int err = 0;

	if (strcmp(h->state, "seen"))
		return 0;
	l->at = (struct scan_latest){ .scan_id = h->scan_id,
				      .ended_ns = h->ended_ns,
				      .state = scan_folded_state(h->folded, l->proto, l->port) };
	snprintf(l->at.addr, sizeof(l->at.addr), "%s", h->addr);
	if (l->at.state == PORT_UNKNOWN)
		err = store_scan_ports(l->store, h->scan_id, h->node, h->addr, on_port, l);
	/* Of a node's addresses that were asked at one time the open one counts. */
	if (!err && l->at.state != PORT_UNKNOWN &&
	    (l->at.scan_id != l->best.scan_id || l->at.state == PORT_OPEN))
		l->best = l->at;
	return err;
}

int scan_latest(struct store *s, const char *node, enum door_proto proto, uint16_t port,
		struct scan_latest *ret)
{
	struct looking l = { .store = s,
			     .proto = proto == PROTO_MPTCP ? PROTO_TCP : proto,
			     .port = port };
	struct store_scan_query q = { .node = node };
	uint64_t now = 0;
	int err = store_scan_now(s, &now);

	/* The last days will do; it is a question about now. */
	q.since_ns = now > 7 * 86400ULL * 1000000000ULL ? now - 7 * 86400ULL * 1000000000ULL : 0;
	if (!err)
		err = store_scan_hosts(s, &q, on_host, &l);
	if (err)
		return err;
	*ret = l.best;
	return 0;
}
