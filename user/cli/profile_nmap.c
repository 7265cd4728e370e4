/* SPDX-License-Identifier: GPL-2.0 */
/* The paper's way to a profile: one scan of one node that is known to be good. */
#include "cli/profile_nmap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit/learner.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"
#include "scan/xml.h"

void nmap_services_done(struct nmap_services *s)
{
	free(s->list);
	*s = (struct nmap_services){ 0 };
}

static int remember(struct nmap_services *s, const struct port_seen *p)
{
	const struct text name = p->service.name;
	_cleanup_(buf_done) struct buf b = BUF_INIT(256);
	struct nmap_service *one;

	for (size_t i = 0; i < s->len; i++)
		if (s->list[i].proto == (int)p->proto && s->list[i].port == p->port)
			return 0;
	if (!name.ptr || !name.len || s->len >= 2 * 65536)
		return 0;
	if (!(s->len & (s->len - 1))) {
		one = reallocarray(s->list, s->len ? 2 * s->len : 1, sizeof(*one));
		if (!one)
			return -ENOMEM;
		s->list = one;
	}
	one = &s->list[s->len++];
	*one = (struct nmap_service){ .proto = (int)p->proto, .port = p->port };
	esc_text(&b, name.ptr, name.len, sizeof(one->name) - 4);
	snprintf(one->name, sizeof(one->name), "%s", buf_str(&b));
	return 0;
}

int nmap_services_apply(const struct nmap_services *s, struct learned *found)
{
	for (size_t i = 0; i < found->len; i++) {
		struct profile_row *r = &found->rules[i].row;

		for (size_t k = 0; k < s->len && !r->service && !r->port_end; k++) {
			if (s->list[k].proto != (int)r->proto || s->list[k].port != r->port)
				continue;
			r->service = strdup(s->list[k].name);
			if (!r->service)
				return -ENOMEM;
		}
	}
	return 0;
}

struct nmap {
	struct nmap_services *services;
	struct learner *l;
	unsigned hosts, ports;
};

static int on_host(const struct scan_host *h, void *arg)
{
	const struct process nobody = { 0 }; /* from outside nobody sees who holds a door */
	struct nmap *n = arg;
	_free_ char *name = h->name.ptr ? strndup(h->name.ptr, h->name.len) : strdup(h->addr_text);
	int err = name ? 0 : -ENOMEM;

	if (err || !h->up)
		return err;
	n->hosts++;
	err = learner_node(n->l, name);
	for (size_t i = 0; i < h->ports_len && !err; i++) {
		const struct door d = { .proto = h->ports[i].proto,
					.family = h->family,
					.port = h->ports[i].port };

		if (h->ports[i].state != PORT_OPEN)
			continue;
		n->ports++;
		err = learner_add(n->l, name, &d, &nobody, 0, 0);
		if (!err)
			err = remember(n->services, &h->ports[i]);
	}
	return err;
}

static int read_all(int fd, struct scan_xml *x)
{
	char piece[65536];
	ssize_t n;
	int err = 0;

	while (!err && (n = read(fd, piece, sizeof(piece))) > 0)
		err = scan_xml_feed(x, piece, (size_t)n);
	if (!err && n < 0)
		err = -errno;
	return err ? err : scan_xml_end(x);
}

int profile_nmap(const char *path, struct learner *l, struct nmap_services *services)
{
	static const struct scan_xml_ops ops = { .host = on_host };
	_cleanup_(scan_xml_freep) struct scan_xml *x = NULL;
	struct nmap n = { .l = l, .services = services };
	_close_ int fd = open(strcmp(path, "-") ? path : "/dev/stdin", O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return log_err(-errno, "cannot read '%s'", path);
	err = scan_xml_new(&ops, &n, &x);
	if (!err)
		err = read_all(fd, x);
	if (err) {
		const char *why = x ? scan_xml_why(x) : NULL;

		if (why && *why)
			return log_usage("'%s': %s: make one with 'nmap -p- -oX FILE HOST'", path,
					 why);
		return log_err(err, "cannot read '%s'", path);
	}
	if (!n.hosts)
		return log_usage("'%s' has no host that is up: nothing to learn from", path);
	log_info("%u host%s, %u open port%s; who holds them only the kernel can tell: the rules "
		 "permit any "
		 "program",
		 n.hosts, plural(n.hosts), n.ports, plural(n.ports));
	return 0;
}
