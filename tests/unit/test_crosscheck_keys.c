/* SPDX-License-Identifier: GPL-2.0 */
#include "core/observation.h"
#include "crosscheck_help.h"
#include "store/keys.h"

/*
 * Who answers on a port: keys that are trusted on first use, and products and versions that change.
 */

static const char *key_text(char letter)
{
	static char text[8][128];
	struct fingerprint f = { .kind = FINGERPRINT_SSH };
	struct buf b = BUF_INIT(128);
	char *to = text[letter % 8];

	memset(f.sha256, letter, sizeof(f.sha256));
	fingerprints_format(&b, &f, 1);
	snprintf(to, 128, "%s", buf_str(&b));
	buf_done(&b);
	return to;
}

static void ssh_seen(unsigned node, const char *keys, const char *product, const char *version)
{
	static uint64_t ago = 3000;
	const struct store_scan_port p = { .proto = PROTO_TCP,
					   .port = 22,
					   .state = PORT_OPEN,
					   .reason = "syn-ack",
					   .service = "ssh",
					   .method = *product ? METHOD_PROBED : METHOD_TABLE,
					   .conf = *product ? 10 : 3,
					   .product = product,
					   .version = version,
					   .extra = "",
					   .tunnel = "",
					   .fingerprint = keys };

	/* Each a second later than the one before. */
	ago--;
	scanned(node,
		&(struct scanned){ .ago_ns = (20 + ago % 1500) * S, .ports = &p, .ports_len = 1 });
	step(0);
}

static int list_key(const struct store_key *k, void *arg)
{
	buf_printf(arg, "%s :%u %.12s %s %s; ", k->node, (unsigned)k->port, k->fingerprint,
		   k->product, k->version);
	return 0;
}

static void keys_are(const char *want, const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_keys(store, NULL, list_key, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s", what);
	buf_done(&b);
}

static void forget(const char *node)
{
	uint64_t n = 0;

	ok(!store_keys_forget(store, node, 22, &n) && n == 1, "the key of %s is forgotten", node);
}

static void test_keys(void)
{
	char both[256];

	set_up();
	ssh_seen(1, key_text('a'), "", "");
	alerts_are("", "the first key of a port is trusted");
	keys_are("n1 :22 ssh:SHA256:Y  ; ", "and remembered");
	ssh_seen(1, key_text('a'), "", "");
	scanned_open(1, 22);
	step(0);
	alerts_are("", "the same key again says nothing, nor does a scan that asks for none");
	ssh_seen(1, key_text('b'), "", "");
	alerts_are("masquerade :22 open n1 x1; ", "another key is a masquerade");
	keys_are("n1 :22 ssh:SHA256:Y  ; ", "and is not learned");
	scanned_open(1, 22);
	step(0);
	alerts_are("masquerade :22 open n1 x1; ", "a scan that asks for no key does not end it");
	ssh_seen(1, key_text('a'), "", "");
	alerts_are("masquerade :22 resolved n1 x0; ", "the right key does");
	ssh_seen(1, key_text('b'), "", "");
	forget("n1");
	ssh_seen(1, key_text('b'), "", "");
	alerts_are("masquerade :22 resolved n1 x0; ",
		   "and so does a person who forgets the old one");
	snprintf(both, sizeof(both), "%s %s", key_text('b'), key_text('c'));
	ssh_seen(1, both, "", "");
	ssh_seen(1, key_text('c'), "", "");
	alerts_are("masquerade :22 resolved n1 x0; ",
		   "a key that was seen beside a known one is known");
}

static void test_class(void)
{
	set_up();
	ssh_seen(1, key_text('a'), "", "");
	ssh_seen(2, key_text('b'), "", "");
	alerts_are("", "each node has a key of its own");
	ssh_seen(1, key_text('c'), "", "");
	ssh_seen(2, key_text('d'), "", "");
	alerts_become("masquerade :22 open n[1-2] x2; ",
		      "a change on the whole class is one finding");
}

static void test_learning(void)
{
	set_up();
	ssh_seen(1, key_text('a'), "", "");
	start_monitor(0);
	ssh_seen(1, key_text('b'), "", "");
	alerts_are("masquerade :22 open n1 x1; ", "a monitor that starts knows the keys");
	/* Not where a redirected port answers. */
	scanned(1, &(struct scanned){
			   .ports = &(struct store_scan_port){ .proto = PROTO_TCP,
							       .port = 666,
							       .state = PORT_OPEN,
							       .reason = "",
							       .service = "",
							       .product = "",
							       .version = "",
							       .extra = "",
							       .tunnel = "",
							       .fingerprint = key_text('e') },
			   .ports_len = 1 });
	step(0);
	keys_are("n1 :22 ssh:SHA256:Y  ; ", "what answers on a hidden door is not learned");
}

static void test_upgrade(void)
{
	set_up();
	for (unsigned node = 1; node <= 2; node++)
		ssh_seen(node, "", "OpenSSH", "9.2p1");
	keys_are("n1 :22  OpenSSH 9.2p1; n2 :22  OpenSSH 9.2p1; ", "versions are remembered");
	for (unsigned node = 1; node <= 2; node++)
		ssh_seen(node, "", "OpenSSH", "9.6p1");
	alerts_become("changed :22 open n[1-2] x2; ",
		      "an upgrade of a class is one finding, and no masquerade");
	ssh_seen(1, "", "OpenSSH", "9.2p1");
	alerts_become("changed :22 open n2 x1; ", "one that goes back is over");
	run_sql("UPDATE scan_keys SET changed_ns = changed_ns - 90000000000000 WHERE changed_ns > "
		"0");
	ssh_seen(2, "", "OpenSSH", "9.6p1");
	alerts_become("changed :22 resolved n[1-2] x0; ",
		      "what has stood for a day is what is known");
	keys_are("n1 :22  OpenSSH 9.2p1; n2 :22  OpenSSH 9.6p1; ", "from then on");
	ssh_seen(1, "", "Dropbear sshd", "2022.83");
	alerts_become("masquerade :22 open n1 x1; changed :22 resolved n[1-2] x0; ",
		      "another product from the same program is a masquerade");
}

static void test_product(void)
{
	set_up();
	run_sql("DELETE FROM scan_keys");
	for (unsigned node = 1; node <= 2; node++) {
		const struct store_scan_port p = { .proto = PROTO_TCP,
						   .port = 80,
						   .state = PORT_OPEN,
						   .reason = "",
						   .service = "http",
						   .method = METHOD_PROBED,
						   .conf = 10,
						   .product = "nginx",
						   .version = "1.22.1",
						   .extra = "",
						   .tunnel = "",
						   .fingerprint = "" };
		struct store_scan_port q = p;

		scanned(node, &(struct scanned){ .ago_ns = 30 * S, .ports = &p, .ports_len = 1 });
		step(0);
		q.product = "Golang net/http server";
		q.version = "";
		scanned(node, &(struct scanned){ .ports = &q, .ports_len = 1 });
		step(0);
	}
	alerts_become("changed :80 open n[1-2] x2; ",
		      "another product on the nodes of a class is one finding");
}

int main(void)
{
	if (set_up_dir()) {
		test_keys();
		test_class();
		test_learning();
		test_upgrade();
		test_product();
	}
	return tear_down();
}
