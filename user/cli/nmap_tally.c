/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/nmap_tally.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "scan/seen.h"

#define PORTS_MAX (1u << 20) /* open ports told apart; of more a port listed twice counts twice */

/*
 * A node; by_name owns it, by_addr borrows. families: of its addresses, as bits, when its name was
 * given by a person.
 */
struct node {
	unsigned families;
	char name[];
};

int nmap_tally_init(struct nmap_tally *t)
{
	int err = map_new(NULL, &t->by_name);

	if (!err)
		err = map_new(NULL, &t->ports);
	return err ? err : map_new(NULL, &t->by_addr);
}

static bool free_node(const void *key, size_t len, void *value, void *arg)
{
	(void)key;
	(void)len;
	(void)arg;
	free(value);
	return true;
}

void nmap_tally_done(struct nmap_tally *t)
{
	if (t->by_name)
		map_each(t->by_name, free_node, NULL);
	map_free(t->by_addr);
	map_free(t->by_name);
	map_free(t->ports);
	free(t->shared_name);
	*t = (struct nmap_tally){ 0 };
}

static int new_node(struct nmap_tally *t, const char *name, size_t len, struct node **ret_node)
{
	struct node *n = calloc(1, sizeof(*n) + len + 1);
	int err;

	if (!n)
		return -ENOMEM;
	memcpy(n->name, name, len);
	err = map_put(t->by_name, name, len, n);
	if (err) {
		free(n);
		return err;
	}
	t->nodes++;
	*ret_node = n;
	return 0;
}

/* By its address; a name that looks like this address may be taken, too. */
static int node_by_address(struct nmap_tally *t, const char *addr, struct node **ret_node)
{
	char name[96];

	snprintf(name, sizeof(name), "%s", addr);
	for (unsigned i = 2; map_get(t->by_name, name, strlen(name)); i++)
		snprintf(name, sizeof(name), "%s (%u)", addr, i);
	return new_node(t, name, strlen(name), ret_node);
}

static int node_for(struct nmap_tally *t, const struct scan_host *h, struct node **ret_node)
{
	const unsigned family = 1u << h->family;
	struct node *n;
	int err;

	if (!h->name.ptr || !h->name.len)
		return node_by_address(t, h->addr_text, ret_node);
	n = map_get(t->by_name, h->name.ptr, h->name.len);
	if (!n) {
		err = new_node(t, h->name.ptr, h->name.len, ret_node);
		if (!err && h->name_given)
			(*ret_node)->families = family;
		return err;
	}
	if (h->name_given && n->families && !(n->families & family)) {
		n->families |= family;
		*ret_node = n;
		return 0;
	}
	t->shared++;
	if (!t->shared_name)
		t->shared_name = strndup(h->name.ptr, h->name.len);
	return node_by_address(t, h->addr_text, ret_node);
}

int nmap_tally_node(struct nmap_tally *t, const struct scan_host *h, const char **ret_name)
{
	uint8_t key[1 + sizeof(h->addr)] = { (uint8_t)h->family };
	struct node *n;
	int err = 0;

	memcpy(key + 1, h->addr, h->family == FAMILY_INET ? 4 : sizeof(h->addr));
	t->entries++;
	n = map_get(t->by_addr, key, sizeof(key));
	if (!n) {
		err = node_for(t, h, &n);
		if (!err)
			err = map_put(t->by_addr, key, sizeof(key), n);
	}
	if (!err)
		*ret_name = n->name;
	return err;
}

/* As the scans of plans have it. */
static bool is_flooded(const struct scan_host *h)
{
	size_t open = 0;

	for (size_t i = 0; i < h->ports_len; i++)
		open += h->ports[i].state == PORT_OPEN;
	return open > SEEN_OPEN_MAX;
}

bool nmap_tally_usable(struct nmap_tally *t, const struct scan_host *h)
{
	if (!h->up)
		t->left[LEFT_DOWN]++;
	else if (h->timed_out)
		t->left[LEFT_TIMED_OUT]++;
	else if (!h->ports_len && !h->extras_len)
		t->left[LEFT_NOT_ASKED]++;
	else if (is_flooded(h))
		t->left[LEFT_FLOODED]++;
	else {
		t->cut += h->cut;
		return true;
	}
	return false;
}

int nmap_tally_port(struct nmap_tally *t, const char *node, const struct port_seen *p,
		    bool *ret_new)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(SCAN_XML_TEXT_MAX + 128);
	int err;

	*ret_new = false;
	if (p->state == PORT_OPEN_FILTERED)
		t->left[LEFT_UNSURE]++;
	else if (p->state == PORT_UNKNOWN)
		t->left[LEFT_STATELESS]++;
	if (p->state != PORT_OPEN)
		return 0;
	if (!p->port) {
		t->left[LEFT_PORT_ZERO]++;
		return 0;
	}
	buf_printf(&key, "%d %u %s", p->proto, p->port, node);
	if (key.err)
		return key.err;
	if (map_get(t->ports, key.data, key.len))
		return 0;
	err = map_size(t->ports) < PORTS_MAX ? map_put(t->ports, key.data, key.len, t) : 0;
	t->open_ports += !err;
	*ret_new = !err;
	return err;
}

_Static_assert(SEEN_OPEN_MAX == 1024, "said below");

void nmap_tally_say(struct nmap_tally *t, const struct scan_run *run)
{
	static const struct {
		const char *what, *why;
	} reasons[LEFT_REASONS] = {
		[LEFT_NO_ADDRESS] = { "host", "without an IPv4 or IPv6 address" },
		[LEFT_DOWN] = { "host", "down" },
		[LEFT_TIMED_OUT] = { "host", "given up by nmap (--host-timeout)" },
		[LEFT_NOT_ASKED] = { "host", "up, but no port of it was scanned (a ping scan?)" },
		[LEFT_HOSTS_MAX] = { "host", "over the maximum of host entries" },
		[LEFT_UNSURE] = { "port", "open|filtered: nothing answered there" },
		[LEFT_STATELESS] = { "port", "without a state that is known" },
		[LEFT_PROTOCOL] = { "port",
				    "of a protocol other than TCP, UDP and SCTP, or without "
				    "a valid number" },
		[LEFT_PORT_ZERO] = { "port", "0, which no service has" },
		[LEFT_FLOODED] = { "host",
				   "open on more than 1024 ports: something in front of it answers "
				   "for it, such as a firewall or a tarpit" },
	};

	t->left[LEFT_NO_ADDRESS] += run->no_address;
	t->left[LEFT_HOSTS_MAX] += run->over_max;
	t->left[LEFT_PROTOCOL] += run->ports_dropped;
	for (size_t i = 0; i < LEFT_REASONS; i++)
		if (t->left[i])
			log_warn("left out: %" PRIu64 " %s%s: %s", t->left[i], reasons[i].what,
				 plural(t->left[i]), reasons[i].why);
	if (t->cut)
		log_warn("%" PRIu64 " host%s had more ports or text than is read of one: some of "
			 "the ports are missing",
			 t->cut, plural(t->cut));
	if (t->shared)
		log_warn("%" PRIu64 " host%s the name of another ('%s'): each address counts as a "
			 "node of its own",
			 t->shared, t->shared == 1 ? " has" : "s have",
			 t->shared_name ? t->shared_name : "");
	if (run->documents > 1)
		log_info("the file has %u runs of nmap, one after another: all are read",
			 run->documents);
	if (t->entries > t->nodes)
		log_info("%" PRIu64 " entries are of %" PRIu64 " node%s: a node counts once",
			 t->entries, t->nodes, plural(t->nodes));
}
