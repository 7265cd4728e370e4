/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/plan_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "scan/capture.h"

/* Which nodes a plan means, and where they are. */
#define NODES_MAX (1u << 17)

static void node_free(struct node *n)
{
	if (!n)
		return;
	free(n->name);
	free(n->host_type);
	free(n->unresponsive);
	free(n);
}

/* --- which nodes ------------------------------------------------------------------------------ */

static bool class_is_wanted(const char *classes, const char *host_type)
{
	size_t len = strlen(host_type);

	if (!*classes)
		return true;
	for (const char *s = classes + strspn(classes, " ,"); *s; s += strspn(s, " ,")) {
		size_t n = strcspn(s, " ,");

		if (n == len && !memcmp(s, host_type, n))
			return true;
		s += n;
	}
	return false;
}

static int add_node(const struct store_node *n, void *arg)
{
	struct making *m = arg;
	struct node *mine, **nodes;

	if (!class_is_wanted(m->p->classes, n->host_type) ||
	    (m->has_wanted && !hostlist_has(&m->wanted, n->name)) ||
	    (m->sc->only && !hostlist_has(m->sc->only, n->name)))
		return 0;
	if (m->len == NODES_MAX)
		return -E2BIG;
	if (m->len == m->cap) {
		nodes = reallocarray(m->nodes, m->cap ? 2 * m->cap : 64, sizeof(struct node *));
		if (!nodes)
			return -ENOMEM;
		m->nodes = nodes;
		m->cap = m->cap ? 2 * m->cap : 64;
	}
	mine = calloc(1, sizeof(*mine));
	if (!mine)
		return -ENOMEM;
	m->nodes[m->len++] = mine;
	mine->name = strdup(n->name);
	mine->host_type = strdup(n->host_type);
	mine->salt = hash_bytes(n->name, strlen(n->name));
	if (!mine->name || !mine->host_type)
		return -ENOMEM;
	return map_put(m->by_name, mine->name, strlen(mine->name), mine);
}

static int on_last(const char *node, uint64_t ended_ns, void *arg)
{
	struct node *n = map_get(((struct making *)arg)->by_name, node, strlen(node));

	if (n)
		n->last_ns = ended_ns;
	return 0;
}

/* A node that works is left alone, until it was left alone for too long. */
static bool is_busy(const struct making *m, const struct node *n)
{
	if (!m->p->idle_only || !m->sc->idle || hostlist_has(m->sc->idle, n->name))
		return false;
	return !m->p->idle_wait_ns || m->now_ns < n->last_ns + m->p->idle_wait_ns;
}

void plan_drop_busy(struct making *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->len; i++) {
		if (is_busy(m, m->nodes[i])) {
			m->made->busy++;
			map_del(m->by_name, m->nodes[i]->name, strlen(m->nodes[i]->name));
			node_free(m->nodes[i]);
		} else {
			m->nodes[kept++] = m->nodes[i];
		}
	}
	m->len = kept;
}

/* --- where they are --------------------------------------------------------------------------- */

static void add_address(struct making *m, struct node *n, const struct address *a)
{
	char text[ADDRESS_TEXT_MAX];

	for (unsigned i = 0; i < n->addrs_len; i++) {
		if (address_eq(&n->addrs[i], a))
			return;
	}
	for (unsigned i = 0; i < m->sc->avoid_len; i++) {
		if (address_eq(&m->sc->avoid[i], a))
			return;
	}
	if (!address_is_host(a) || !networks_have(m->sc->networks, a)) {
		address_format(a, text);
		if (!m->made->refused++)
			snprintf(m->made->example, sizeof(m->made->example), "%.190s (%s)", n->name,
				 text);
	} else if (n->addrs_len < PLAN_ADDRS_MAX) {
		n->addrs[n->addrs_len++] = *a;
	} else if (!m->made->beyond++) {
		address_format(a, text);
		snprintf(m->made->example_beyond, sizeof(m->made->example_beyond), "%.190s (%s)",
			 n->name, text);
	}
}

static int on_stored(const char *node, const char *addr, const char *origin, uint64_t added_ns,
		     void *arg)
{
	struct making *m = arg;
	struct node *n = map_get(m->by_name, node, strlen(node));
	struct address a;

	(void)origin;
	(void)added_ns;
	if (n && !address_parse(addr, &a))
		add_address(m, n, &a);
	return 0;
}

/*
 * The loopback address that many a host has its own name on in /etc/hosts is ours, not that node's.
 */
static int on_resolved(const char *name, const struct address *a, void *arg)
{
	struct making *m = arg;
	struct node *n = map_get(m->by_name, name, strlen(name));

	if (n && !address_is_loopback(a))
		add_address(m, n, a);
	return 0;
}

/* No network list holds these: they are this machine's. */
static void add_own(struct making *m, struct node *self)
{
	for (unsigned i = 0; i < m->sc->own_len; i++) {
		if (self->addrs_len < PLAN_ADDRS_MAX)
			self->addrs[self->addrs_len++] = m->sc->own[i];
		else
			m->made->beyond++;
	}
}

int plan_find_addresses(struct making *m)
{
	_free_ const char **names = calloc(m->len + 1, sizeof(char *));
	struct node *self =
		m->sc->self ? map_get(m->by_name, m->sc->self, strlen(m->sc->self)) : NULL;
	size_t n = 0;
	int err;

	if (!names)
		return -ENOMEM;
	err = store_node_addrs(m->sc->store, on_stored, m);
	if (self && !self->addrs_len)
		add_own(m, self);
	for (size_t i = 0; i < m->len; i++) {
		if (!m->nodes[i]->addrs_len)
			names[n++] = m->nodes[i]->name;
	}
	if (!err)
		err = capture_addresses(names, n, m->sc->resolve_ns, on_resolved, m);
	for (size_t i = 0; i < m->len; i++) {
		if (m->nodes[i]->addrs_len)
			continue;
		if (!m->made->nowhere++ && !m->made->refused)
			snprintf(m->made->example, sizeof(m->made->example), "%s",
				 m->nodes[i]->name);
	}
	return err;
}

int plan_find_nodes(struct making *m)
{
	struct hostlist_error herr;
	int err = 0;

	m->has_wanted = *m->p->nodes != '\0';
	if (m->has_wanted)
		err = hostlist_parse(&m->wanted, m->p->nodes, NULL, &herr);
	if (!err)
		err = map_new(NULL, &m->by_name);
	if (!err)
		err = store_nodes(m->sc->store, add_node, m);
	return err ? err : store_scan_last(m->sc->store, m->p->kind, on_last, m);
}

void plan_free_nodes(struct making *m)
{
	for (size_t i = 0; i < m->len; i++)
		node_free(m->nodes[i]);
	free(m->nodes);
	map_free(m->by_name);
	hostlist_done(&m->wanted);
}
