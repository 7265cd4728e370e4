/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/xml.h"

#include <arpa/inet.h>
#include <errno.h>
#include <expat.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/parse.h"
#include "scan/arena.h"
#include "scan/clean.h"
#include "scan/identity.h"

#define NS_PER_S 1000000000ULL
#define PIECE_BYTES (64u << 10)
#define RUN_TEXT_MAX (4u << 20)
#define ELEM_BYTES_MAX (64u << 10) /* a certificate in PEM has 2 KiB or so */
#define PORTS_FIRST 64

/* The elements that we know; what stands in others is skipped. */
enum element {
	E_OTHER,
	E_NMAPRUN,
	E_SCANINFO,
	E_TASKPROGRESS,
	E_HOST,
	E_STATUS,
	E_ADDRESS,
	E_HOSTNAMES,
	E_HOSTNAME,
	E_PORTS,
	E_EXTRAPORTS,
	E_EXTRAREASONS,
	E_PORT,
	E_STATE,
	E_SERVICE,
	E_SCRIPT,
	E_TABLE,
	E_ELEM,
	E_RUNSTATS,
	E_FINISHED,
};

enum script { SCRIPT_OTHER, SCRIPT_SSH, SCRIPT_TLS };

struct scan_xml {
	const struct scan_xml_ops *ops;
	void *arg;
	XML_Parser parser;
	struct clean clean;
	struct buf cleaned;
	uint64_t bytes, token_bytes;
	int err; /* the first failure, of ours or the callback's */
	char why[256];

	unsigned depth;
	enum element path[SCAN_XML_DEPTH_MAX];

	struct scan_run run;
	struct arena run_texts;

	struct scan_host host;
	struct arena host_texts;
	struct port_seen *ports;
	size_t ports_cap;
	struct port_seen *port; /* the one that is open, or NULL */
	struct scan_extra extra; /* the extraports that is open */
	bool extra_split; /* its reasons have lists of their own */
	enum script script;
	bool wanted_elem;
	struct buf elem;
	unsigned keys_len;
	struct fingerprint keys[FINGERPRINTS_MAX]; /* of the port that is open */
};

/* --- failures ------------------------------------------------------------------------------------ */

static printf_like(3, 4) void fail(struct scan_xml *x, int err, const char *fmt, ...)
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

/* --- attributes ------------------------------------------------------------------------------------ */

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

/* --- the run --------------------------------------------------------------------------------------- */

static void on_nmaprun(struct scan_xml *x, const char **atts)
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
		fail(x, err, "stopped by its reader");
}

static void on_finished(struct scan_xml *x, const char **atts)
{
	const char *how = attr(atts, "exit");

	x->run.finished = how && !strcmp(how, "success");
	x->run.error = keep(x, &x->run_texts, attr(atts, "errormsg"), SCAN_XML_TEXT_MAX);
}

/* --- a host ---------------------------------------------------------------------------------------- */

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
}

static void on_status(struct scan_xml *x, const char **atts)
{
	const char *state = attr(atts, "state");

	x->host.up = state && !strcmp(state, "up");
}

/* A host may have an IPv4, an IPv6 and a MAC address, in any order; the first of the first two is where it was asked. */
static void on_address(struct scan_xml *x, const char **atts)
{
	const char *type = attr(atts, "addrtype"), *addr = attr(atts, "addr");
	struct scan_host *h = &x->host;

	if (h->family || !type || !addr || strlen(addr) >= sizeof(h->addr_text))
		return;
	if (!strcmp(type, "ipv4") && inet_pton(AF_INET, addr, h->addr) == 1)
		h->family = FAMILY_INET;
	else if (!strcmp(type, "ipv6") && inet_pton(AF_INET6, addr, h->addr) == 1)
		h->family = FAMILY_INET6;
	if (h->family)
		memcpy(h->addr_text, addr, strlen(addr) + 1);
}

static void on_hostname(struct scan_xml *x, const char **atts)
{
	const char *type = attr(atts, "type");

	if (!x->host.name.ptr || (type && !strcmp(type, "user")))
		x->host.name = host_text(x, atts, "name");
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
	if (!proto || !id || parse_u32(id, &port) || port > UINT16_MAX)
		return;
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

/* What is no key is a script's failure or a service's play: there is no fingerprint then, and that is told apart. */
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

	if (!h->family || x->run.hosts == SCAN_XML_HOSTS_MAX) {
		x->run.dropped++;
		return;
	}
	h->ports = x->ports;
	x->run.hosts++;
	err = x->ops->host(h, x->arg);
	if (err)
		fail(x, err, "stopped by its reader");
}

/* --- the tree -------------------------------------------------------------------------------------- */

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

static enum element enter(struct scan_xml *x, const char *name, const char **atts)
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

static void XMLCALL on_start(void *arg, const char *name, const char **atts)
{
	struct scan_xml *x = arg;
	enum element e = E_OTHER;

	x->token_bytes = 0;
	if (x->err)
		return;
	if (x->depth == SCAN_XML_DEPTH_MAX) {
		fail(x, -E2BIG, "its elements are nested deeper than %d", SCAN_XML_DEPTH_MAX);
		return;
	}
	if (x->depth) {
		e = enter(x, name, atts);
	} else if (!strcmp(name, "nmaprun")) {
		e = E_NMAPRUN;
		on_nmaprun(x, atts);
	} else {
		fail(x, -EBADMSG, "it is not nmap's: no element 'nmaprun' is around it");
		return;
	}
	x->path[x->depth++] = e;
}

static void XMLCALL on_end(void *arg, const char *name)
{
	struct scan_xml *x = arg;

	(void)name;
	x->token_bytes = 0;
	if (x->err || !x->depth)
		return;
	switch (x->path[--x->depth]) {
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

static void XMLCALL on_text(void *arg, const char *s, int n)
{
	struct scan_xml *x = arg;

	x->token_bytes = 0;
	if (!x->err && x->wanted_elem && x->path[x->depth - 1] == E_ELEM)
		buf_put(&x->elem, s, (size_t)n);
}

/* nmap writes "<!DOCTYPE nmaprun>", which declares nothing. Whatever does is not nmap's. */
static void XMLCALL on_doctype(void *arg, const char *name, const char *sysid, const char *pubid,
			       int internal)
{
	(void)name;
	if (sysid || pubid || internal)
		fail(arg, -EBADMSG, "it has a document type of its own, which is refused");
}

static void XMLCALL on_entity(void *arg, const char *name, int is_parameter, const char *value,
			      int value_len, const char *base, const char *sysid, const char *pubid,
			      const char *notation)
{
	(void)name;
	(void)is_parameter;
	(void)value;
	(void)value_len;
	(void)base;
	(void)sysid;
	(void)pubid;
	(void)notation;
	fail(arg, -EBADMSG, "it declares an entity, which is refused");
}

static void XMLCALL on_comment(void *arg, const char *text)
{
	struct scan_xml *x = arg;

	(void)text;
	x->token_bytes = 0;
}

/* --- the stream ------------------------------------------------------------------------------------ */

int scan_xml_new(const struct scan_xml_ops *ops, void *arg, struct scan_xml **ret_x)
{
	_cleanup_(scan_xml_freep) struct scan_xml *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->ops = ops;
	x->arg = arg;
	x->cleaned.max = PIECE_BYTES + 2 * CLEAN_HELD_MAX + 1;
	x->elem.max = ELEM_BYTES_MAX;
	x->run_texts.max = RUN_TEXT_MAX;
	x->host_texts.max = SCAN_XML_HOST_TEXT_MAX;
	x->parser = XML_ParserCreate("UTF-8");
	if (!x->parser)
		return -ENOMEM;
	XML_SetUserData(x->parser, x);
	XML_SetElementHandler(x->parser, on_start, on_end);
	XML_SetCharacterDataHandler(x->parser, on_text);
	XML_SetStartDoctypeDeclHandler(x->parser, on_doctype);
	XML_SetEntityDeclHandler(x->parser, on_entity);
	XML_SetCommentHandler(x->parser, on_comment);
	*ret_x = take_ptr(x);
	return 0;
}

void scan_xml_free(struct scan_xml *x)
{
	if (!x)
		return;
	if (x->parser)
		XML_ParserFree(x->parser);
	arena_reset(&x->run_texts);
	arena_reset(&x->host_texts);
	buf_done(&x->cleaned);
	buf_done(&x->elem);
	free(x->ports);
	free(x);
}

/* The errors of a document that stops before its end. */
static bool is_cut(enum XML_Error code)
{
	return code == XML_ERROR_NO_ELEMENTS || code == XML_ERROR_UNCLOSED_TOKEN ||
	       code == XML_ERROR_PARTIAL_CHAR || code == XML_ERROR_UNCLOSED_CDATA_SECTION;
}

static int parse(struct scan_xml *x, bool last)
{
	enum XML_Error code;

	if (x->cleaned.err)
		fail(x, x->cleaned.err, "there is no memory");
	if (x->err || XML_Parse(x->parser, buf_str(&x->cleaned), (int)x->cleaned.len, last) !=
			      XML_STATUS_ERROR)
		return x->err;
	code = XML_GetErrorCode(x->parser);
	if (!x->err && !(last && is_cut(code)))
		fail(x, code == XML_ERROR_NO_MEMORY ? -ENOMEM : -EBADMSG, "line %lu: %s",
		     XML_GetCurrentLineNumber(x->parser), XML_ErrorString(code));
	return x->err;
}

int scan_xml_feed(struct scan_xml *x, const void *p, size_t n)
{
	const char *in = p;
	int err = x->err;

	for (size_t piece; !err && n; in += piece, n -= piece) {
		piece = n < PIECE_BYTES ? n : PIECE_BYTES;
		x->bytes += piece;
		x->token_bytes += piece;
		if (x->bytes > SCAN_XML_BYTES_MAX) {
			fail(x, -E2BIG, "it has more than %llu bytes", SCAN_XML_BYTES_MAX);
			return x->err;
		}
		buf_reset(&x->cleaned);
		clean_put(&x->clean, in, piece, &x->cleaned);
		err = parse(x, false);
		if (!err && x->token_bytes > SCAN_XML_TOKEN_MAX) {
			fail(x, -E2BIG, "one of its elements has more than %u bytes",
			     SCAN_XML_TOKEN_MAX);
			err = x->err;
		}
	}
	return err;
}

int scan_xml_end(struct scan_xml *x)
{
	int err = x->err;

	/* The parser may keep back what could go on; now it does not. */
	buf_reset(&x->cleaned);
	clean_end(&x->clean, &x->cleaned);
	if (!err)
		err = parse(x, true);
	if (err)
		return err;
	if (!x->depth && x->run.finished)
		return 0;
	if (x->run.error.ptr && x->run.error.len)
		snprintf(x->why, sizeof(x->why), "nmap says: %.200s", x->run.error.ptr);
	else
		snprintf(x->why, sizeof(x->why),
			 "it ends in the middle: nmap was killed or failed");
	return -ENODATA;
}

const char *scan_xml_why(const struct scan_xml *x)
{
	return x->why;
}

const struct scan_run *scan_xml_run(const struct scan_xml *x)
{
	return &x->run;
}
