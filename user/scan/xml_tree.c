/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/xml_tree.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

#define NS_PER_S 1000000000ULL
#define PORTS_FIRST 64

void xml_fail(struct scan_xml *x, int err, const char *fmt, ...)
{
	va_list ap;

	if (x->err)
		return;
	x->err = err;
	va_start(ap, fmt);
	vsnprintf(x->why, sizeof(x->why), fmt, ap);
	va_end(ap);
	XML_StopParser(x->parser, XML_FALSE);
}

/* --- attributes ------------------------------------------------------------------------------- */

/* The value, or NULL. */
static const char *attr(const char **atts, const char *name)
{
	for (; atts[0]; atts += 2) {
		if (!strcmp(atts[0], name))
			return atts[1];
	}
	return NULL;
}

static uint64_t number(const char **atts, const char *name)
{
	const char *s = attr(atts, name);
	uint64_t v = 0;

	return s && !parse_u64(s, &v) ? v : 0;
}

/* A time in whole seconds; one that no clock shows is none. */
static uint64_t seconds(const char **atts, const char *name)
{
	uint64_t v = number(atts, name);

	return v < UINT64_MAX / NS_PER_S / 2 ? v * NS_PER_S : 0;
}

static struct text keep(struct scan_xml *x, struct arena *a, const char *s, size_t max)
{
	size_t n = s ? strlen(s) : 0, cut = n < max ? n : max;
	struct text t;

	if (!s)
		return (struct text){ 0 };
	while (cut < n && cut && ((unsigned char)s[cut] & 0xc0) == 0x80)
		cut--; /* not in the middle of a character */
	t = arena_put(a, s, cut);
	if (!t.ptr && a == &x->host_texts)
		x->host.cut = true;
	return t;
}

static struct text host_text(struct scan_xml *x, const char **atts, const char *name)
{
	return keep(x, &x->host_texts, attr(atts, name), SCAN_XML_TEXT_MAX);
}

/* Only what a scan can ask; 0 for another protocol. */
static enum door_proto protocol(const char **atts, const char *name)
{
	const char *s = attr(atts, name);

	return !s		    ? 0
	       : !strcmp(s, "tcp")  ? PROTO_TCP
	       : !strcmp(s, "udp")  ? PROTO_UDP
	       : !strcmp(s, "sctp") ? PROTO_SCTP
				    : 0;
}

/* --- the run ---------------------------------------------------------------------------------- */

void xml_begin_run(struct scan_xml *x, const char **atts)
{
	x->run.args = keep(x, &x->run_texts, attr(atts, "args"), SCAN_XML_LIST_MAX);
	x->run.version = keep(x, &x->run_texts, attr(atts, "version"), SCAN_XML_TEXT_MAX);
	x->run.start_ns = seconds(atts, "start");
}

static void on_scaninfo(struct scan_xml *x, const char **atts)
{
	if (x->run.asked_len == SCAN_ASKED_MAX)
		return;
	x->run.asked[x->run.asked_len++] = (struct scan_asked){
		.proto = protocol(atts, "protocol"),
		.type = keep(x, &x->run_texts, attr(atts, "type"), SCAN_XML_TEXT_MAX),
		.ports = keep(x, &x->run_texts, attr(atts, "services"), SCAN_XML_LIST_MAX),
	};
}

/* "12.34": digits and one dot, by hand, since strtod() takes what no nmap writes. */
static double percent_of(const char *s)
{
	double v = 0, unit = 1;
	bool fraction = false;

	for (; *s; s++) {
		if (*s == '.' && !fraction) {
			fraction = true;
		} else if (*s >= '0' && *s <= '9') {
			unit = fraction ? unit / 10 : 1;
			v = fraction ? v + unit * (*s - '0') : v * 10 + (*s - '0');
		} else {
			return 0;
		}
	}
	return v < 100 ? v : 100;
}

static void on_taskprogress(struct scan_xml *x, const char **atts)
{
	const char *task = attr(atts, "task"), *percent = attr(atts, "percent");
	struct scan_progress p = { .task = task ? task : "",
				   .percent = percent ? percent_of(percent) : 0,
				   .remaining_s = number(atts, "remaining") };
	int err = x->ops->progress ? x->ops->progress(&p, x->arg) : 0;

	if (err)
		xml_fail(x, err, "stopped by its reader");
}

static void on_finished(struct scan_xml *x, const char **atts)
{
	const char *how = attr(atts, "exit");

	/*
	 * Nmap before 5.35, masscan and Zenmap's files do not say how it ended, but write this only
	 * at the end.
	 */
	x->run.finished = !how || !strcmp(how, "success");
	x->run.error = keep(x, &x->run_texts, attr(atts, "errormsg"), SCAN_XML_TEXT_MAX);
}

/* --- a host ----------------------------------------------------------------------------------- */

static void on_host(struct scan_xml *x, const char **atts)
{
	const char *timed_out = attr(atts, "timedout");

	arena_reset(&x->host_texts);
	x->host = (struct scan_host){
		.start_ns = seconds(atts, "starttime"),
		.end_ns = seconds(atts, "endtime"),
		.timed_out = timed_out && !strcmp(timed_out, "true"),
	};
	x->port = NULL;
	x->status_said = false;
}

static void on_status(struct scan_xml *x, const char **atts)
{
	const char *state = attr(atts, "state");

	x->status_said = true;
	x->host.up = state && !strcmp(state, "up");
}

/* "fe80::1%eth0" too. */
static bool take_address(struct scan_host *h, const char *addr, int af)
{
	char bare[sizeof(h->addr_text)];
	size_t n = strcspn(addr, "%");

	memcpy(bare, addr, n);
	bare[n] = '\0';
	if (inet_pton(af, bare, h->addr) != 1)
		return false;
	h->family = af == AF_INET ? FAMILY_INET : FAMILY_INET6;
	return true;
}

/*
 * A host may have an IPv4, an IPv6 and a MAC address, in any order; the first of the first two is
 * where it was asked.
 */
static void on_address(struct scan_xml *x, const char **atts)
{
	const char *type = attr(atts, "addrtype"), *addr = attr(atts, "addr");
	struct scan_host *h = &x->host;

	if (h->family || !addr || strlen(addr) >= sizeof(h->addr_text))
		return;
	if (type && strcmp(type, "ipv4") && strcmp(type, "ipv6"))
		return;
	/* The address says by itself which it is; old masscan calls both "ipv4". */
	if (take_address(h, addr, strchr(addr, ':') ? AF_INET6 : AF_INET))
		memcpy(h->addr_text, addr, strlen(addr) + 1);
}

static void on_hostname(struct scan_xml *x, const char **atts)
{
	const char *type = attr(atts, "type"), *name = attr(atts, "name");
	bool given = type && !strcmp(type, "user");

	if (!name || !*name || (x->host.name.ptr && !given))
		return;
	x->host.name = host_text(x, atts, "name");
	x->host.name_given = given;
}

static void add_extra(struct scan_xml *x, const struct scan_extra *e)
{
	if (x->host.extras_len == SCAN_EXTRAS_MAX)
		x->host.cut = true;
	else
		x->host.extras[x->host.extras_len++] = *e;
}

static void on_extraports(struct scan_xml *x, const char **atts)
{
	const char *state = attr(atts, "state");

	x->extra = (struct scan_extra){
		.state = port_state_parse(state ? state : ""),
		.count = number(atts, "count"),
	};
	x->extra_split = false;
}

static void on_extrareasons(struct scan_xml *x, const char **atts)
{
	struct scan_extra e = {
		.proto = protocol(atts, "proto"),
		.state = x->extra.state,
		.reason = host_text(x, atts, "reason"),
		.ports = keep(x, &x->host_texts, attr(atts, "ports"), SCAN_XML_LIST_MAX),
		.count = number(atts, "count"),
	};

	x->extra_split = true;
	add_extra(x, &e);
}

static bool more_ports(struct scan_xml *x)
{
	size_t cap = x->ports_cap ? x->ports_cap * 2 : PORTS_FIRST;
	struct port_seen *ports;

	if (x->host.ports_len < x->ports_cap)
		return true;
	if (x->host.ports_len >= SCAN_XML_PORTS_MAX)
		return false;
	ports = realloc(x->ports, cap * sizeof(*ports));
	if (!ports)
		return false;
	x->ports = ports;
	x->ports_cap = cap;
	return true;
}

static void on_port(struct scan_xml *x, const char **atts)
{
	enum door_proto proto = protocol(atts, "protocol");
	const char *id = attr(atts, "portid");
	uint32_t port;

	x->port = NULL;
	x->keys_len = 0;
	/* Port 0 is one that can be asked for. */
	if (!proto || !id || parse_u32(id, &port) || port > UINT16_MAX) {
		x->run.ports_dropped++;
		return;
	}
	if (!more_ports(x)) {
		x->host.cut = true;
		return;
	}
	x->port = &x->ports[x->host.ports_len++];
	*x->port = (struct port_seen){ .proto = proto, .port = (uint16_t)port };
}

static void on_state(struct scan_xml *x, const char **atts)
{
	const char *state = attr(atts, "state");
	uint64_t ttl = number(atts, "reason_ttl");

	x->port->state = port_state_parse(state ? state : "");
	x->port->reason = host_text(x, atts, "reason");
	x->port->reason_ttl = ttl <= UINT8_MAX ? (uint8_t)ttl : 0;
}

static void on_service(struct scan_xml *x, const char **atts)
{
	const char *method = attr(atts, "method");
	uint64_t conf = number(atts, "conf");

	x->port->service = (struct service_seen){
		.method = service_method_parse(method ? method : ""),
		.conf = conf <= 10 ? (unsigned)conf : 0,
		.name = host_text(x, atts, "name"),
		.product = host_text(x, atts, "product"),
		.version = host_text(x, atts, "version"),
		.extra = host_text(x, atts, "extrainfo"),
		.tunnel = host_text(x, atts, "tunnel"),
	};
}

static void on_script(struct scan_xml *x, const char **atts)
{
	const char *id = attr(atts, "id");

	x->script = !id				 ? SCRIPT_OTHER
		    : !strcmp(id, "ssh-hostkey") ? SCRIPT_SSH
		    : !strcmp(id, "ssl-cert")	 ? SCRIPT_TLS
						 : SCRIPT_OTHER;
}

static void on_elem(struct scan_xml *x, const char **atts)
{
	const char *key = attr(atts, "key");

	buf_reset(&x->elem);
	x->wanted_elem = key && ((x->script == SCRIPT_SSH && !strcmp(key, "key")) ||
				 (x->script == SCRIPT_TLS && !strcmp(key, "pem")));
}

/*
 * What is no key is a script's failure or a service's play: there is no fingerprint then, and that
 * is told apart.
 */
static void end_elem(struct scan_xml *x)
{
	struct fingerprint f;
	int err;

	if (!x->wanted_elem)
		return;
	x->wanted_elem = false;
	if (x->elem.err || !x->elem.len || x->keys_len == FINGERPRINTS_MAX)
		return;
	err = x->script == SCRIPT_SSH ? identity_of_ssh_key(x->elem.data, x->elem.len, &f)
				      : identity_of_certificate(x->elem.data, x->elem.len, &f);
	if (!err)
		x->keys[x->keys_len++] = f;
}

static void end_port(struct scan_xml *x)
{
	struct port_seen *p = take_ptr(x->port);
	struct text keys;

	if (!p || !x->keys_len)
		return;
	keys = arena_put(&x->host_texts, (const char *)x->keys, x->keys_len * sizeof(x->keys[0]));
	if (!keys.ptr) {
		x->host.cut = true;
		return;
	}
	p->fingerprints = (const struct fingerprint *)keys.ptr;
	p->fingerprints_len = x->keys_len;
}

static void end_host(struct scan_xml *x)
{
	struct scan_host *h = &x->host;
	int err;

	if (!h->family) {
		x->run.no_address++;
		return;
	}
	if (x->run.hosts == SCAN_XML_HOSTS_MAX) {
		x->run.over_max++;
		return;
	}
	if (!x->status_said)
		h->up = h->ports_len || h->extras_len;
	h->ports = x->ports;
	x->run.hosts++;
	err = x->ops->host(h, x->arg);
	if (err)
		xml_fail(x, err, "stopped by its reader");
}

/* --- the tree --------------------------------------------------------------------------------- */

/* An element counts only where nmap puts it: a `port` elsewhere is some script's. */
static const struct {
	const char *name;
	enum element self, parent;
	void (*start)(struct scan_xml *x, const char **atts);
	bool in_port; /* only while a port is open that we take */
} elements[] = {
	{ "scaninfo", E_SCANINFO, E_NMAPRUN, on_scaninfo, false },
	{ "taskprogress", E_TASKPROGRESS, E_NMAPRUN, on_taskprogress, false },
	{ "host", E_HOST, E_NMAPRUN, on_host, false },
	{ "status", E_STATUS, E_HOST, on_status, false },
	{ "address", E_ADDRESS, E_HOST, on_address, false },
	{ "hostnames", E_HOSTNAMES, E_HOST, NULL, false },
	{ "hostname", E_HOSTNAME, E_HOSTNAMES, on_hostname, false },
	{ "ports", E_PORTS, E_HOST, NULL, false },
	{ "extraports", E_EXTRAPORTS, E_PORTS, on_extraports, false },
	{ "extrareasons", E_EXTRAREASONS, E_EXTRAPORTS, on_extrareasons, false },
	{ "port", E_PORT, E_PORTS, on_port, false },
	{ "state", E_STATE, E_PORT, on_state, true },
	{ "service", E_SERVICE, E_PORT, on_service, true },
	{ "script", E_SCRIPT, E_PORT, on_script, true },
	{ "table", E_TABLE, E_SCRIPT, NULL, true },
	{ "elem", E_ELEM, E_SCRIPT, on_elem, true },
	{ "elem", E_ELEM, E_TABLE, on_elem, true },
	{ "runstats", E_RUNSTATS, E_NMAPRUN, NULL, false },
	{ "finished", E_FINISHED, E_RUNSTATS, on_finished, false },
};

enum element xml_enter(struct scan_xml *x, const char *name, const char **atts)
{
	enum element parent = x->path[x->depth - 1];

	for (size_t i = 0; i < array_len(elements); i++) {
		if (elements[i].parent != parent || strcmp(elements[i].name, name))
			continue;
		if (elements[i].in_port && !x->port)
			return E_OTHER;
		if (elements[i].start)
			elements[i].start(x, atts);
		return elements[i].self;
	}
	return E_OTHER;
}

void xml_leave(struct scan_xml *x, enum element e)
{
	switch (e) {
	case E_HOST:
		end_host(x);
		break;
	case E_EXTRAPORTS:
		if (!x->extra_split)
			add_extra(x, &x->extra);
		break;
	case E_PORT:
		end_port(x);
		break;
	case E_SCRIPT:
		x->script = SCRIPT_OTHER;
		break;
	case E_ELEM:
		end_elem(x);
		break;
	default:
		break;
	}
}
