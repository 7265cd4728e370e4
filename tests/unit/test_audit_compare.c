/* SPDX-License-Identifier: GPL-2.0 */
#include <string.h>

#include "audit/compare.h"
#include "tap.h"

/*
 * The two views of a port, over the honest and the hostile ways they can differ: what is found,
 * missed, or false is printed as a table at the end. Times in seconds; the scan runs from 1000 to
 * 1010.
 */
#define S 1000000000ULL

static struct profile_row rows[] = {
	{ .port = 22, .proto = PROTO_TCP, .service = (char *)"ssh" },
	{ .port = 80,
	  .proto = PROTO_TCP,
	  .service = (char *)"http",
	  .exe = (char *)"/usr/sbin/nginx" },
	{ .port = 53, .proto = PROTO_UDP, .service = (char *)"domain" },
	{ .port = 443, .proto = PROTO_TCP, .service = (char *)"https", .action = PROFILE_REQUIRE },
	{ .port = 23, .proto = PROTO_TCP, .action = PROFILE_DENY },
};
static const struct profile profile = {
	.host_type = (char *)"compute", .accepted = true, .rows_len = array_len(rows), .rows = rows
};
static const struct profile learning = { .host_type = (char *)"compute" };
static const uint8_t here[16] = { 10, 251, 0, 1 }, there[16] = { 10, 251, 0, 2 }, any[16] = { 0 },
		     local[16] = { 127, 0, 0, 1 };
static const struct process own_sshd = { .known = true, .pid = 3, .exe = TEXT("/dev/shm/sshd") };
static const struct process new_sshd = { .known = true,
					 .pid = 4,
					 .exe = TEXT("/usr/sbin/sshd (deleted)") };
static const struct process sshd = { .known = true, .pid = 1, .exe = TEXT("/usr/sbin/sshd") };
static const struct process nginx = { .known = true, .pid = 2, .exe = TEXT("/usr/sbin/nginx") };
static const struct process python = {
	.known = true, .pid = 3, .uid = 1000, .exe = TEXT("/usr/bin/python3.11")
};

struct seen {
	const char *name, *product;
	enum service_method method;
	unsigned conf;
};

struct scene {
	const char *what;
	uint16_t port;
	enum port_state outside;
	/* The door; addr NULL: none. */
	const uint8_t *addr;
	const struct process *opener;
	uint64_t opened, closed;
	struct seen seen;
	bool blind, no_agent, v6, udp;
	bool inside; /* its door is in another network namespace than the node's addresses */
	const char *redirects;
	enum finding_kind want; /* 0: none */
};

#define DNAT                                                                                       \
	"tcp 2222 * 10.0.0.1:22 nft ip nat pre: dnat\ntcp 22 * 10.0.0.1:22 nft ip nat pre: dnat\n"
#define HINT "? xdp: BPF program 7 on eth0 may answer by itself\n"

static const struct scene scenes[] = {
	/* Redirected, as the node says. */
	{ .what = "an unexpected port that the node says is redirected is not hidden",
	  .port = 2222,
	  .outside = PORT_OPEN,
	  .redirects = DNAT,
	  .want = FINDING_UNEXPECTED },
	{ .what = "a permitted port that is redirected to the right service",
	  .port = 22,
	  .outside = PORT_OPEN,
	  .seen = { "ssh", "OpenSSH", METHOD_PROBED, 10 },
	  .redirects = DNAT,
	  .want = 0 },
	{ .what = "a permitted port that is redirected to another service",
	  .port = 22,
	  .outside = PORT_OPEN,
	  .seen = { "http", "nginx", METHOD_PROBED, 10 },
	  .redirects = DNAT,
	  .want = FINDING_MASQUERADE },
	{ .what = "one that a program may have looked up a socket for",
	  .port = 4444,
	  .outside = PORT_OPEN,
	  .redirects = "any any * - sk_lookup: BPF program 7\n",
	  .want = FINDING_UNEXPECTED },
	{ .what = "one that no way is about is hidden",
	  .port = 4444,
	  .outside = PORT_OPEN,
	  .redirects = DNAT HINT,
	  .want = FINDING_HIDDEN },
	{ .what = "a way that nothing answers at",
	  .port = 2222,
	  .outside = PORT_CLOSED,
	  .redirects = DNAT,
	  .want = 0 },
	{ .what = "sshd's banner from a program of that name where anyone may write",
	  .port = 22,
	  .outside = PORT_OPEN,
	  .addr = any,
	  .opener = &own_sshd,
	  .opened = 1,
	  .seen = { "ssh", "OpenSSH", METHOD_PROBED, 10 },
	  .want = FINDING_MASQUERADE },
	{ .what = "sshd that a package upgrade has replaced and that runs on",
	  .port = 22,
	  .outside = PORT_OPEN,
	  .addr = any,
	  .opener = &new_sshd,
	  .opened = 1,
	  .seen = { "ssh", "OpenSSH", METHOD_PROBED, 10 },
	  .want = 0 },
	/* A container's door, in a namespace of its own, is not one at the node's address. */
	{ .what = "a container's service is not blocked because the node's own port is closed",
	  .port = 22,
	  .outside = PORT_CLOSED,
	  .addr = any,
	  .opener = &sshd,
	  .opened = 1,
	  .inside = true,
	  .want = 0 },
	{ .what = "nor does it answer for a forbidden port of the node",
	  .port = 2222,
	  .outside = PORT_OPEN,
	  .addr = any,
	  .opener = &sshd,
	  .opened = 1,
	  .inside = true,
	  .redirects = DNAT,
	  .want = FINDING_UNEXPECTED },
	/* Honest. */
	{ "a permitted service, open on both sides",
	  22,
	  PORT_OPEN,
	  any,
	  &sshd,
	  1,
	  0,
	  { "ssh", "OpenSSH", METHOD_PROBED, 10 },
	  .want = 0 },
	{ "one that opens while it is scanned: the kernel has told of it already",
	  4444,
	  PORT_CLOSED,
	  any,
	  &python,
	  1005,
	  0,
	  { 0 },
	  .want = 0 },
	{ "one that opens during the scan and is seen before its record",
	  22,
	  PORT_OPEN,
	  any,
	  &sshd,
	  1007,
	  0,
	  { 0 },
	  .want = 0 },
	{ "one that closes just before the scan and was seen",
	  22,
	  PORT_OPEN,
	  any,
	  &sshd,
	  1,
	  998,
	  { 0 },
	  .want = 0 },
	{ "one that closes just after the scan",
	  22,
	  PORT_OPEN,
	  any,
	  &sshd,
	  1,
	  1012,
	  { 0 },
	  .want = 0 },
	{ "a permitted one that restarts during the scan",
	  22,
	  PORT_CLOSED,
	  any,
	  &sshd,
	  1004,
	  0,
	  { 0 },
	  .want = 0 },
	{ "a node whose agent is silent",
	  4444,
	  PORT_OPEN,
	  NULL,
	  NULL,
	  0,
	  0,
	  { 0 },
	  .blind = true,
	  .want = FINDING_UNEXPECTED },
	{ "a permitted port of a node whose agent is silent",
	  22,
	  PORT_OPEN,
	  NULL,
	  NULL,
	  0,
	  0,
	  { 0 },
	  .blind = true,
	  .want = 0 },
	{ "a door on another address of the node",
	  22,
	  PORT_OPEN,
	  there,
	  &sshd,
	  1,
	  0,
	  { 0 },
	  .want = 0 },
	{ "a dual-stack door, scanned over IPv4",
	  22,
	  PORT_OPEN,
	  any,
	  &sshd,
	  1,
	  0,
	  { 0 },
	  .v6 = true,
	  .want = 0 },
	{ "a port that nobody holds and that is closed",
	  4444,
	  PORT_CLOSED,
	  NULL,
	  NULL,
	  0,
	  0,
	  { 0 },
	  .want = 0 },
	{ "a firewall before a permitted service",
	  22,
	  PORT_FILTERED,
	  any,
	  &sshd,
	  1,
	  0,
	  { 0 },
	  .want = FINDING_BLOCKED },
	{ "a scan that did not end", 22, PORT_UNKNOWN, any, &sshd, 1, 0, { 0 }, .want = 0 },
	{ "UDP that does not answer",
	  53,
	  PORT_OPEN_FILTERED,
	  NULL,
	  NULL,
	  0,
	  0,
	  { 0 },
	  .udp = true,
	  .want = 0 },
	{ "UDP that is there and is said to be closed",
	  53,
	  PORT_CLOSED,
	  any,
	  &python,
	  1,
	  0,
	  { 0 },
	  .udp = true,
	  .want = 0 },
	{ "a name out of nmap's table",
	  22,
	  PORT_OPEN,
	  any,
	  &sshd,
	  1,
	  0,
	  { "http", NULL, METHOD_TABLE, 3 },
	  .want = 0 },
	{ "a connection closed before a word",
	  22,
	  PORT_OPEN,
	  any,
	  &sshd,
	  1,
	  0,
	  { "tcpwrapped", NULL, METHOD_PROBED, 8 },
	  .want = 0 },
	{ "TLS around http where https is wanted",
	  443,
	  PORT_OPEN,
	  any,
	  &nginx,
	  1,
	  0,
	  { "http", "nginx", METHOD_PROBED, 10 },
	  .want = 0 },
	{ "a node without an agent, as permitted",
	  22,
	  PORT_OPEN,
	  NULL,
	  NULL,
	  0,
	  0,
	  { 0 },
	  .no_agent = true,
	  .want = 0 },
	/* Hostile. */
	{ "a listener that the kernel's view lacks",
	  4444,
	  PORT_OPEN,
	  NULL,
	  NULL,
	  0,
	  0,
	  { 0 },
	  .want = FINDING_HIDDEN },
	{ "the same on a permitted port",
	  22,
	  PORT_OPEN,
	  NULL,
	  NULL,
	  0,
	  0,
	  { 0 },
	  .want = FINDING_HIDDEN },
	{ "one that is reached although it is on loopback",
	  4444,
	  PORT_OPEN,
	  local,
	  &python,
	  1,
	  0,
	  { 0 },
	  .want = FINDING_HIDDEN },
	{ "a rogue on its own port",
	  4444,
	  PORT_OPEN,
	  any,
	  &python,
	  1,
	  0,
	  { 0 },
	  .want = FINDING_UNEXPECTED },
	{ "a rogue on its own port behind a firewall",
	  4444,
	  PORT_FILTERED,
	  any,
	  &python,
	  1,
	  0,
	  { 0 },
	  .want = FINDING_UNEXPECTED },
	{ "a rogue on a permitted port",
	  80,
	  PORT_OPEN,
	  any,
	  &python,
	  1,
	  0,
	  { "http", "SimpleHTTPServer", METHOD_PROBED, 10 },
	  .want = FINDING_IMPOSTOR },
	{ "another protocol on a permitted port",
	  22,
	  PORT_OPEN,
	  any,
	  &python,
	  1,
	  0,
	  { "http", "SimpleHTTPServer", METHOD_PROBED, 10 },
	  .want = FINDING_MASQUERADE },
	{ "sshd's banner from what is not sshd",
	  22,
	  PORT_OPEN,
	  any,
	  &python,
	  1,
	  0,
	  { "ssh", "OpenSSH", METHOD_PROBED, 10 },
	  .want = FINDING_MASQUERADE },
	{ "a forbidden service",
	  23,
	  PORT_OPEN,
	  any,
	  &python,
	  1,
	  0,
	  { 0 },
	  .want = FINDING_UNEXPECTED },
	{ "a node without an agent, an unknown port",
	  4444,
	  PORT_OPEN,
	  NULL,
	  NULL,
	  0,
	  0,
	  { 0 },
	  .no_agent = true,
	  .want = FINDING_UNEXPECTED },
	{ "a required service that is gone",
	  443,
	  PORT_CLOSED,
	  NULL,
	  NULL,
	  0,
	  0,
	  { 0 },
	  .want = FINDING_MISSING },
};

static struct compared play(const struct scene *sc, const struct profile *p)
{
	struct door d = { .proto = sc->udp ? PROTO_UDP : PROTO_TCP,
			  .port = sc->port,
			  .family = sc->v6 ? FAMILY_INET6 : FAMILY_INET,
			  .netns = sc->inside ? 2 : 1 };
	const struct compare_door door = { .door = &d,
					   .opener = sc->opener,
					   .opened_ns = sc->opened * S,
					   .closed_ns = sc->closed * S };
	const struct port_seen seen = { .proto = d.proto,
					.port = sc->port,
					.state = sc->outside,
					.service = { .method = sc->seen.method,
						     .conf = sc->seen.conf,
						     .name = text_of(sc->seen.name),
						     .product = text_of(sc->seen.product) } };
	const struct compare_in in = {
		.netns = 1,
		.redirects = text_of(sc->redirects),
		.profile = p,
		.proto = d.proto,
		.port = sc->port,
		.family = FAMILY_INET,
		.addr = here,
		.from_ns = 1000 * S,
		.to_ns = 1010 * S,
		.state = sc->outside,
		.seen = sc->seen.name ? &seen : NULL,
		.doors = &door,
		.doors_len = sc->addr != NULL,
		.has_agent = !sc->no_agent,
		.sees_from_ns = 1,
		.sees_to_ns = (sc->blind ? 1005 : 2000) * S,
		.now_ns = 2000 * S,
	};
	struct compared c;

	if (sc->addr) {
		memcpy(d.addr, sc->addr, 16);
		d.scope = door_scope_of(d.family, d.addr);
	}
	audit_compare(&in, &c);
	return c;
}

static void test_table(void)
{
	unsigned found = 0, missed = 0, wrong = 0, hidden = 0;

	for (size_t i = 0; i < array_len(scenes); i++) {
		const struct scene *sc = &scenes[i];
		struct compared c = play(sc, &profile);

		ok(c.ruling.kind == sc->want, "%s: %s", sc->what,
		   sc->want ? finding_kind_name(sc->want) : "nothing");
		if (c.ruling.kind != sc->want)
			printf("#   got %s\n",
			       c.ruling.kind ? finding_kind_name(c.ruling.kind) : "nothing");
		found += sc->want && c.ruling.kind == sc->want;
		missed += sc->want && c.ruling.kind != sc->want;
		wrong += !sc->want && c.ruling.kind;
		hidden += sc->want != FINDING_HIDDEN && c.ruling.kind == FINDING_HIDDEN;
		ok(!play(sc, &learning).ruling.kind, "%s: nothing while the class is learning",
		   sc->what);
	}
	printf("# %zu scenes: %u found, %u missed, %u false, of these %u false hidden\n",
	       array_len(scenes), found, missed, wrong, hidden);
}

static void test_words(void)
{
	static const struct {
		const char *want, *name, *product, *tunnel;
		enum service_fit fit;
	} words[] = {
		{ "ssh", "ssh", "OpenSSH", NULL, SERVICE_FITS },
		{ "OpenSSH", "ssh", "OpenSSH", NULL, SERVICE_FITS },
		{ "OpenSSH 9.*", "ssh", "OpenSSH", NULL, SERVICE_FITS },
		{ "Dropbear*", "ssh", "OpenSSH", NULL, SERVICE_OTHER },
		{ "sunrpc", "rpcbind", NULL, NULL, SERVICE_FITS },
		{ "https", "http", "nginx", "ssl", SERVICE_FITS },
		{ "ssl/http", "http", "nginx", "ssl", SERVICE_FITS },
		{ "ldaps", "http", "nginx", "ssl", SERVICE_OTHER },
		{ "", "http", "nginx", NULL, SERVICE_UNVERIFIED },
	};

	for (size_t i = 0; i < array_len(words); i++) {
		const struct profile_row r = { .service = (char *)words[i].want };
		const struct port_seen p = { .service = { .method = METHOD_PROBED,
							  .conf = 10,
							  .name = text_of(words[i].name),
							  .product = text_of(words[i].product),
							  .version = TEXT("9.2p1"),
							  .tunnel = text_of(words[i].tunnel) } };

		is_int(audit_service(&r, &p), words[i].fit, "'%s' and %s %s: %d", words[i].want,
		       words[i].name, words[i].product ? words[i].product : "", (int)words[i].fit);
	}
}

/* sshd on 443, as learning of before 0.1.0 wrote it down: "https", by the number. */
static void test_known(void)
{
	struct profile_row r = { .service = (char *)"https", .origin = (char *)"learned" };
	struct port_seen p = { .service = {
				       .method = METHOD_PROBED, .conf = 10, .name = TEXT("ssh") } };

	is_int(audit_service(&r, &p), SERVICE_UNVERIFIED,
	       "a name that was learned is compared with nothing");
	r.origin = (char *)PROFILE_PROBED;
	is_int(audit_service(&r, &p), SERVICE_OTHER, "one that a scan has probed is");
	r.origin = (char *)"manual";
	is_int(audit_service(&r, &p), SERVICE_OTHER, "so is one that a person said");
	r.origin = NULL;
	is_int(audit_service(&r, &p), SERVICE_OTHER, "of whatever origin");
	p.service.method = METHOD_TABLE;
	is_int(audit_service(&r, &p), SERVICE_UNVERIFIED, "against what nmap looked up, never");
}

static void test_keys(void)
{
	static const char pinned[] = "SHA256:8j96GaJaNmG3IahCYNkn898lMcF2Cipz32xiDP1ayGg";
	const struct profile_row r = { .service = (char *)"ssh", .fingerprint = (char *)pinned };
	struct fingerprint f[FINGERPRINTS_MAX];
	struct port_seen p = { .service = {
				       .method = METHOD_TABLE, .conf = 3, .name = TEXT("ssh") } };
	size_t n = 0;

	is_int(audit_service(&r, &p), SERVICE_UNVERIFIED, "without a key nothing is known");
	ok(!fingerprints_parse("ssh:SHA256:8j96GaJaNmG3IahCYNkn898lMcF2Cipz32xiDP1ayGg", f, &n),
	   "a key");
	p.fingerprints = f;
	p.fingerprints_len = 1;
	is_int(audit_service(&r, &p), SERVICE_FITS,
	       "the pinned key fits, whatever the table calls it");
	f[0].sha256[0] ^= 1;
	is_int(audit_service(&r, &p), SERVICE_OTHER_KEY, "another does not");
}

int main(void)
{
	test_table();
	test_words();
	test_known();
	test_keys();
	return tap_done();
}
