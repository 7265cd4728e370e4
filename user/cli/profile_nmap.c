/* SPDX-License-Identifier: GPL-2.0 */
/* The paper's way to a profile: one scan of one node that is known to be good. */
#include "cli/profile_nmap.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/learner.h"
#include "audit/service.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/nmap_tally.h"
#include "scan/file_kind.h"
#include "scan/xml.h"

void nmap_services_done(struct nmap_services *s)
{
	free(s->list);
	*s = (struct nmap_services){ 0 };
}

static struct nmap_service *find(const struct nmap_services *s, enum door_proto proto,
				 uint32_t port)
{
	for (size_t i = 0; i < s->len; i++)
		if (s->list[i].proto == (int)proto && s->list[i].port == port)
			return &s->list[i];
	return NULL;
}

static int add_service(struct nmap_services *s, const struct port_seen *p,
		       struct nmap_service **ret_one)
{
	struct nmap_service *one;

	if (!(s->len & (s->len - 1))) {
		one = reallocarray(s->list, s->len ? 2 * s->len : 1, sizeof(*one));
		if (!one)
			return -ENOMEM;
		s->list = one;
	}
	one = &s->list[s->len++];
	*one = (struct nmap_service){ .proto = (int)p->proto, .port = p->port };
	*ret_one = one;
	return 0;
}

/* A rule's service may be a pattern, a scanner's word is none: "*" would fit whatever answers. */
static bool is_plain_name(struct text t)
{
	for (uint32_t i = 0; i < t.len; i++) {
		if (!isalnum((unsigned char)t.ptr[i]) && !memchr("-_./+", t.ptr[i], 5))
			return false;
	}
	return t.len > 0;
}

/* What nmap has recognised; a name out of its table, by the port's number, is no knowledge. */
static int remember(struct nmap_services *s, const struct port_seen *p)
{
	const char *ssl = text_is(p->service.tunnel, "ssl") ? "ssl/" : "";
	struct nmap_service *one = find(s, p->proto, p->port);
	_cleanup_(buf_done) struct buf b = BUF_INIT(256);
	int err;

	if (!audit_is_recognised(&p->service) || !is_plain_name(p->service.name) ||
	    (!one && s->len >= NMAP_SERVICES_MAX))
		return 0;
	buf_puts(&b, ssl);
	esc_text(&b, p->service.name.ptr, p->service.name.len, sizeof(one->name) - 8);
	if (one) {
		one->differ |= strcmp(one->name, buf_str(&b)) != 0;
		return 0;
	}
	err = add_service(s, p, &one);
	if (!err)
		snprintf(one->name, sizeof(one->name), "%s", buf_str(&b));
	return err;
}

static int replace(const char *with, char **text)
{
	char *copy = strdup(with);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

int nmap_services_apply(const struct nmap_services *s, struct learned *found)
{
	int err = 0;

	for (size_t i = 0; i < found->len && !err; i++) {
		struct profile_row *r = &found->rules[i].row;
		const struct nmap_service *one = r->port_end ? NULL : find(s, r->proto, r->port);

		if (!one)
			continue;
		if (one->differ) {
			log_warn("%s %" PRIu32 ": not the same service on all hosts: the rule "
				 "names none",
				 door_proto_name(r->proto), r->port);
			continue;
		}
		err = replace(one->name, &r->service);
		if (!err)
			err = replace(PROFILE_PROBED, &r->origin);
	}
	return err;
}

struct nmap {
	struct nmap_services *services;
	struct learner *l;
	struct nmap_tally tally;
};

static void nmap_done(struct nmap *n)
{
	nmap_tally_done(&n->tally);
}

static int on_host(const struct scan_host *h, void *arg)
{
	const struct process nobody = { 0 }; /* from outside nobody sees who holds a door */
	struct nmap *n = arg;
	const char *name;
	int err;

	if (!nmap_tally_usable(&n->tally, h))
		return 0;
	err = nmap_tally_node(&n->tally, h, &name);
	if (!err)
		err = learner_node(n->l, name);
	for (size_t i = 0; i < h->ports_len && !err; i++) {
		const struct door d = { .proto = h->ports[i].proto,
					.family = h->family,
					.port = h->ports[i].port };
		bool fresh = false;

		err = nmap_tally_port(&n->tally, name, &h->ports[i], &fresh);
		if (!err && fresh)
			err = learner_add(n->l, name, &d, &nobody, 0, 0);
		if (!err && h->ports[i].state == PORT_OPEN)
			err = remember(n->services, &h->ports[i]);
	}
	return err;
}

/* --- the file ------------------------------------------------------------------------------------------ */

#define FIFO_WAIT_MS 5000 /* for the first byte of a FIFO that nobody may ever write to */

/* Standard input and a device wait as long as they like. */
static int open_file(const char *path, int *ret_fd)
{
	bool is_input = !strcmp(path, "-");
	_close_ int fd = open(is_input ? "/dev/stdin" : path,
			      O_RDONLY | O_CLOEXEC | (is_input ? 0 : O_NONBLOCK));
	struct stat st;
	struct pollfd p = { .events = POLLIN };

	if (fd < 0 || fstat(fd, &st) < 0)
		return log_err(-errno, "cannot read '%s'", path);
	if (S_ISDIR(st.st_mode))
		return log_usage("'%s' is a directory: name a file in it", path);
	p.fd = fd;
	if (!is_input && S_ISFIFO(st.st_mode) && poll(&p, 1, FIFO_WAIT_MS) == 0)
		return log_usage("'%s' is a FIFO that nobody has written to for %d s: start its "
				 "writer first, or use '-'",
				 path, FIFO_WAIT_MS / 1000);
	if (!is_input && fcntl(fd, F_SETFL, 0) < 0)
		return log_err(-errno, "cannot read '%s'", path);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* As many bytes as the buffer has, fewer only at the end. */
static ssize_t read_full(int fd, char *p, size_t size)
{
	size_t have = 0;
	ssize_t n = 0;

	while (have < size && (n = read(fd, p + have, size - have)) > 0)
		have += (size_t)n;
	return n < 0 ? -errno : (ssize_t)have;
}

/* kind: what it is if it is not nmap's XML; the error of the parser is the caller's to tell. */
static int read_all(int fd, struct scan_xml *x, const struct file_kind **ret_kind)
{
	char piece[65536];
	ssize_t n = read_full(fd, piece, sizeof(piece));
	int err = 0;

	*ret_kind = NULL;
	if (n >= 0)
		*ret_kind = file_kind(piece, n < FILE_KIND_HEAD ? (size_t)n : FILE_KIND_HEAD);
	if (*ret_kind)
		return -EBADMSG;
	while (!err && n > 0) {
		err = scan_xml_feed(x, piece, (size_t)n);
		if (!err)
			n = read_full(fd, piece, sizeof(piece));
	}
	if (!err && n < 0)
		return (int)n;
	return err ? err : scan_xml_end(x);
}

/*
 * A file that is no whole one: its finished hosts are good, and are used; without one there is
 * nothing.
 */
static int on_broken(const struct nmap *n, const struct scan_xml *x, const char *path, int err)
{
	const char *why = scan_xml_why(x);

	if (!*why)
		return log_err(err, "cannot read '%s'", path);
	if (!n->tally.nodes)
		return log_usage("'%s': %s: make one with 'nmap -p- -oX FILE HOST'", path, why);
	log_warn("'%s': %s: only the %" PRIu64 " host%s that %s finished before %s read", path, why,
		 n->tally.nodes, plural(n->tally.nodes), n->tally.nodes == 1 ? "was" : "were",
		 n->tally.nodes == 1 ? "is" : "are");
	return 0;
}

static int learn_file(const char *path, struct nmap *n)
{
	static const struct scan_xml_ops ops = { .host = on_host };
	_cleanup_(scan_xml_freep) struct scan_xml *x = NULL;
	const struct file_kind *kind = NULL;
	_close_ int fd = -1;
	int err = nmap_tally_init(&n->tally);

	if (!err)
		err = scan_xml_new(&ops, n, &x);
	if (err)
		return log_err(err, "cannot read '%s'", path);
	err = open_file(path, &fd);
	if (err)
		return err;
	err = read_all(fd, x, &kind);
	if (kind)
		return log_usage("'%s' %s: %s", path, kind->what, kind->remedy);
	if (err)
		err = on_broken(n, x, path, err);
	if (err)
		return err;
	nmap_tally_say(&n->tally, scan_xml_run(x));
	if (!n->tally.nodes)
		return log_usage(
			"'%s' has no host that is up and whose ports were scanned: nothing "
			"to learn from",
			path);
	return 0;
}

int profile_nmap(const char *path, struct learner *l, struct nmap_services *services)
{
	_cleanup_(nmap_done) struct nmap n = { .l = l, .services = services };
	int err = learn_file(path, &n);

	if (err)
		return err;
	log_info("%" PRIu64 " host%s, %" PRIu64 " open port%s; who holds them only the kernel can "
		 "tell: the rules permit any program",
		 n.tally.nodes, plural(n.tally.nodes), n.tally.open_ports,
		 plural(n.tally.open_ports));
	return 0;
}
