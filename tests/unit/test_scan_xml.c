/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/file.h"
#include "scan/identity.h"
#include "scan/xml.h"
#include "tap.h"

/* What nmap 7.93 wrote about real sshd, nginx and hostile listeners in a network namespace. */
#define SEEDS "tests/fuzz/seeds/nmap/"
#define RUN(inside) "<nmaprun>" inside "</nmaprun>"
#define ENDED "<runstats><finished exit=\"success\"/></runstats>"

struct seen {
	unsigned hosts, progress, ports, fingerprints;
	int ret; /* of the callback */
	enum port_state p22, p443, p7003, p60000;
	bool timed_out, cut, up;
	enum door_family family;
	char addr[64], first[256], name22[64], product[128], keys[512], service[8][128];
};

static int on_host(const struct scan_host *h, void *arg)
{
	struct seen *s = arg;

	if (s->hosts++)
		return s->ret;
	s->p22 = scan_host_state(h, PROTO_TCP, 22);
	s->p443 = scan_host_state(h, PROTO_TCP, 443);
	s->p7003 = scan_host_state(h, PROTO_TCP, 7003);
	s->p60000 = scan_host_state(h, PROTO_TCP, 60000);
	s->timed_out = h->timed_out;
	s->cut = h->cut;
	s->up = h->up;
	s->family = h->family;
	snprintf(s->addr, sizeof(s->addr), "%s", h->addr_text);
	s->ports = (unsigned)h->ports_len;
	for (size_t i = 0; i < h->ports_len; i++) {
		const struct port_seen *p = &h->ports[i];
		struct buf b = BUF_INIT(1024);

		if (i < array_len(s->service))
			snprintf(s->service[i], sizeof(s->service[i]), "%u %s/%s/%u %.*s %.*s",
				 p->port, p->service.name.ptr ? p->service.name.ptr : "",
				 service_method_name(p->service.method), p->service.conf,
				 (int)p->service.product.len,
				 p->service.product.ptr ? p->service.product.ptr : "",
				 (int)p->service.tunnel.len,
				 p->service.tunnel.ptr ? p->service.tunnel.ptr : "");
		s->fingerprints += p->fingerprints_len;
		fingerprints_format(&b, p->fingerprints, p->fingerprints_len);
		if (b.len) {
			strncat(s->keys, buf_str(&b), sizeof(s->keys) - strlen(s->keys) - 2);
			strncat(s->keys, "\n", 2);
		}
		buf_done(&b);
	}
	return s->ret;
}

static int on_progress(const struct scan_progress *p, void *arg)
{
	struct seen *s = arg;

	if (p->percent >= 0 && p->percent <= 100 && *p->task)
		s->progress++;
	return 0;
}

static const struct scan_xml_ops ops = { on_host, on_progress };

/* Feeds it in pieces; ret_err: of feed, or of end. */
static struct scan_xml *parse(const char *p, size_t n, size_t piece, struct seen *s, int *ret_err)
{
	struct scan_xml *x = NULL;
	int err;

	s->hosts = s->progress = s->fingerprints = 0;
	s->keys[0] = '\0';
	if (scan_xml_new(&ops, s, &x))
		return NULL;
	for (err = 0; !err && n; p += piece, n -= piece) {
		if (piece > n)
			piece = n;
		err = scan_xml_feed(x, p, piece);
	}
	*ret_err = err ? err : scan_xml_end(x);
	return x;
}

static int parse_str(const char *xml, struct seen *s)
{
	int err = 0;

	scan_xml_free(parse(xml, strlen(xml), 7, s, &err));
	return err;
}

static struct scan_xml *parse_seed(const char *name, size_t piece, struct seen *s, int *ret_err)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 20), path = BUF_INIT(256);

	buf_printf(&path, SEEDS "%s", name);
	if (file_read(AT_FDCWD, buf_str(&path), &b)) {
		printf("# cannot read %s\n", buf_str(&path));
		return NULL;
	}
	return parse(b.data, b.len, piece, s, ret_err);
}

static void test_sweep(void)
{
	static const size_t pieces[] = { 1, 3, 64, 1 << 20 };

	for (size_t i = 0; i < array_len(pieces); i++) {
		struct seen s = { 0 };
		int err = -1;
		struct scan_xml *x = parse_seed("sweep.xml", pieces[i], &s, &err);
		const struct scan_run *r = x ? scan_xml_run(x) : NULL;

		ok(x && !err && s.hosts == 2 && s.ports == 8,
		   "a sweep of two hosts is read in pieces of %zu bytes", pieces[i]);
		ok(s.p22 == PORT_OPEN && s.p60000 == PORT_CLOSED,
		   "an open port is open, and one of the folded ones is closed");
		is_str(s.addr, "10.251.9.1", "the host has its address");
		ok(s.progress >= 2, "nmap's own progress comes through");
		ok(r && r->finished && r->asked_len == 1 && text_is(r->asked[0].ports, "1-65535") &&
			   text_is(r->version, "7.93"),
		   "the run says what was asked, and that it ended well");
		scan_xml_free(x);
	}
}

static void test_identity(void)
{
	struct seen s = { 0 };
	int err = -1;

	scan_xml_free(parse_seed("identity.xml", 100, &s, &err));
	is_int(err, 0, "the identity probe is read");
	is_int(s.fingerprints, 3, "two host keys and a certificate give three fingerprints");
	/*
	 * As `ssh-keygen -l` and `openssl pkey -pubin -outform der | openssl dgst -sha256` had
	 * them.
	 */
	ok(strstr(s.keys, "ssh:SHA256:8j96GaJaNmG3IahCYNkn898lMcF2Cipz32xiDP1ayGg"),
	   "the ed25519 key's is ssh-keygen's");
	ok(strstr(s.keys, "ssh:SHA256:PpOicfgB+gXZRYZSpHCuj3NsSjWiFjUY6PMnSNILxas"),
	   "the ecdsa key's is ssh-keygen's");
	ok(strstr(s.keys, "tls:SHA256:eAWIHeZKWEBAWuAGBYAFjd2xHdafiTwpiHV4A/vhkZc"),
	   "the certificate's is of its public key");
	is_str(s.service[0], "22 ssh/table/3  ",
	       "a name out of the table is told from one that was probed");
}

static void test_version(void)
{
	struct seen s = { 0 };
	int err = -1;

	scan_xml_free(parse_seed("version.xml", 4096, &s, &err));
	is_int(err, 0, "a version scan of hostile banners is read");
	is_str(s.service[0], "22 ssh/probed/10 OpenSSH ", "sshd is OpenSSH");
	is_str(s.service[2], "443 http/probed/10 nginx ssl", "TLS is a tunnel around nginx");
	is_str(s.service[3], "7001 afs3-callback/table/3  ",
	       "what nothing matched has a name out of the table");
	is_str(s.service[4], "7002 ssh/probed/10 OpenSSH ",
	       "a banner alone makes an OpenSSH: that is why keys are compared");
}

static void test_ends(void)
{
	struct seen s = { 0 };
	struct scan_xml *x;
	int err = -1;

	x = parse_seed("killed.xml", 64, &s, &err);
	is_int(err, -ENODATA, "a run that was killed is known as one");
	ok(x && strstr(scan_xml_why(x), "killed"), "and the reason says so");
	scan_xml_free(x);
	x = parse_seed("none.xml", 64, &s, &err);
	is_int(err, -ENODATA, "a run that failed is no run");
	ok(x && strstr(scan_xml_why(x), "Ports specified must be between"),
	   "nmap's own words are the reason");
	scan_xml_free(x);
	scan_xml_free(parse_seed("timeout.xml", 64, &s, &err));
	ok(!err && s.hosts == 2 && s.timed_out && s.p22 == PORT_UNKNOWN,
	   "a host that timed out says nothing about any port");
	scan_xml_free(parse_seed("v6.xml", 64, &s, &err));
	ok(!err && s.family == FAMILY_INET6 && s.p22 == PORT_OPEN, "IPv6 is read");
	is_str(s.addr, "fd00:a3a2:9::1", "with its address");
	scan_xml_free(parse_seed("udp.xml", 64, &s, &err));
	ok(!err && s.ports == 3, "UDP is read");
}

static void test_hostile(void)
{
	struct seen s = { 0 };
	struct scan_xml *x;
	int err = 0;

	is_int(parse_str("<!DOCTYPE nmaprun [<!ENTITY a \"b\">]><nmaprun>&a;</nmaprun>", &s),
	       -EBADMSG, "an entity is refused");
	is_int(parse_str("<!DOCTYPE nmaprun SYSTEM \"file:///etc/passwd\"><nmaprun/>", &s),
	       -EBADMSG, "a DTD from elsewhere is refused");
	is_int(parse_str("<html/>", &s), -EBADMSG, "another document is refused");
	is_int(parse_str(RUN(ENDED), &s), 0, "a run without hosts is one");
	is_int(parse_str(RUN("<host><address addr=\"::1\" addrtype=\"ipv6\"/><ports><port "
			     "protocol=\"tcp\" "
			     "portid=\"22\"><state state=\"wide\"/><service "
			     "name=\"a&#x1;\x01\xff&#0;b\"/></port></ports>"
			     "</host>" ENDED),
			 &s),
	       0, "control characters and bad UTF-8 do not end the stream");
	is_str(s.service[0], "22 a????b//0  ", "they become question marks");
	is_int(s.p22, PORT_UNKNOWN, "a state that nobody knows is unknown, not closed");
	is_int(parse_str(RUN("<host><ports/></host><host><address addr=\"1.2.3\" "
			     "addrtype=\"ipv4\"/></host>" ENDED),
			 &s),
	       0, "hosts without an address are no failure");
	is_int(s.hosts, 0, "and are not given");
	x = parse(RUN("<host><ports><port protocol=\"ip\" portid=\"6\"/><port protocol=\"tcp\" "
		      "portid=\"65536\"/></ports></host><host/>"),
		  sizeof(RUN(
			  "<host><ports><port protocol=\"ip\" portid=\"6\"/><port protocol=\"tcp\" "
			  "portid=\"65536\"/></ports></host><host/>")) -
			  1,
		  9, &s, &err);
	ok(x && scan_xml_run(x)->no_address == 2 && scan_xml_run(x)->ports_dropped == 2,
	   "but are counted, as are ports that are none");
	scan_xml_free(x);
	is_int(parse_str(RUN("<host><address addr=\"00:11:22:33:44:55\" addrtype=\"mac\"/><address "
			     "addr=\"10.251.0.1\" "
			     "addrtype=\"ipv4\"/></host>" ENDED),
			 &s),
	       0, "a MAC address first is no harm");
	is_str(s.addr, "10.251.0.1", "the IP address counts");
	s.ret = -ECANCELED;
	is_int(parse_str(RUN("<host><address addr=\"10.251.0.1\" "
			     "addrtype=\"ipv4\"/></host><host><address "
			     "addr=\"10.251.0.2\" addrtype=\"ipv4\"/></host>" ENDED),
			 &s),
	       -ECANCELED, "what the callback returns comes back");
	is_int(s.hosts, 1, "and it is not called again");
}

#define DTD(id) "<!DOCTYPE nmaprun " id ">"
#define HOST(addr, inside)                                                                         \
	"<host><status state=\"up\"/><address addr=\"" addr "\" addrtype=\"ipv4\"/>" inside        \
	"</host>"
#define PORT22 "<ports><port protocol=\"tcp\" portid=\"22\"><state state=\"open\"/></port></ports>"

static void test_doctypes(void)
{
	static const char public[] = DTD("PUBLIC \"-//IDN nmap.org//DTD Nmap XML 1.04//EN\" "
					 "\"https://svn.nmap.org/nmap/docs/nmap.dtd\"");
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 16);
	struct seen s = { 0 };

	buf_printf(&b, "%s%s", public, RUN(HOST("10.251.0.1", PORT22) ENDED));
	is_int(parse_str(buf_str(&b), &s), 0, "nmap 6.45's public document type is taken");
	is_int(s.p22, PORT_OPEN, "and the rest is read");
	buf_reset(&b);
	buf_printf(&b, "%s<nmaprun>&lol;</nmaprun>", public);
	is_int(parse_str(buf_str(&b), &s), -EBADMSG,
	       "an entity that its DTD might have is refused, for nobody reads that");
	is_int(parse_str(DTD("PUBLIC \"-//IDN nmap.org//DTD Nmap XML 1.04//EN\" \"x\" [<!ENTITY a "
			     "\"b\">]") "<nmaprun>&a;</nmaprun>",
			 &s),
	       -EBADMSG, "declarations beside the public name are refused");
	is_int(parse_str(DTD("[<!ENTITY % p SYSTEM \"file:///etc/passwd\"> %p;]") "<nmaprun/>", &s),
	       -EBADMSG, "a parameter entity is refused");
	is_int(parse_str(DTD("PUBLIC \"-//W3C//DTD XHTML 1.0//EN\" \"x\"") "<nmaprun/>", &s),
	       -EBADMSG, "another public document type is refused");
	is_int(parse_str(
		       DTD("[<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
			   "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]") "<nmaprun "
									      "args=\"&c;&c;&c;&c;"
									      "\"/>",
		       &s),
	       -EBADMSG, "a billion laughs end at the first");
}

static void test_dialects(void)
{
	struct seen s = { 0 };

	is_int(parse_str(RUN(HOST("10.251.0.1",
				  PORT22) "<runstats><finished time=\"2\"/></runstats>"),
			 &s),
	       0, "an end without exit=, of nmap before 5.35, is an end");
	is_int(parse_str(RUN("<host endtime=\"1\"><address addr=\"10.251.0.1\" "
			     "addrtype=\"ipv4\"/>" PORT22 "</host>" ENDED),
			 &s),
	       0, "masscan's host has no status");
	ok(s.up && s.p22 == PORT_OPEN, "and is up, for it has a port");
	is_int(parse_str(RUN("<host><address addr=\"10.251.0.1\"/>" PORT22 "</host>" ENDED), &s), 0,
	       "an address without a type");
	ok(s.hosts == 1 && s.family == FAMILY_INET, "is the DTD's default, IPv4");
	is_int(parse_str(RUN("<host><address addr=\"fe80::1%eth0\" addrtype=\"ipv6\"/>" PORT22
			     "</host>" ENDED),
			 &s),
	       0, "an IPv6 address with a zone");
	ok(s.hosts == 1 && s.family == FAMILY_INET6, "is one");
	is_int(parse_str(RUN("<host><address addr=\"fd00::1\" addrtype=\"ipv4\"/>" PORT22
			     "</host>" ENDED),
			 &s),
	       0, "an IPv6 address that is called IPv4");
	ok(s.hosts == 1 && s.family == FAMILY_INET6, "is what it is");
}

/* Documents one after another, in pieces that end everywhere. */
static void test_documents(void)
{
#define DOC(addr) "<?xml version=\"1.0\"?>\n<!DOCTYPE nmaprun>\n" RUN(HOST(addr, PORT22) ENDED) "\n"
	static const struct {
		const char *xml;
		int err;
		unsigned hosts, documents, cut;
		const char *what;
	} cases[] = {
		{ DOC("10.251.0.1") DOC("10.251.0.2"), 0, 2, 2, 0, "two appended runs" },
		{ DOC("10.251.0.1") "<!-- end -->\n", 0, 1, 1, 0, "a comment at the end" },
		{ RUN(HOST("10.251.0.1", PORT22) ENDED) RUN(HOST("10.251.0.2", PORT22) ENDED), 0, 2,
		  2, 0, "two runs without declarations" },
		{ "\xef\xbb\xbf\n" DOC("10.251.0.1"), 0, 1, 1, 0,
		  "a mark of byte order and a blank line" },
		{ "<?xml version=\"1.0\"?><nmaprun>" HOST(
			  "10.251.0.1", PORT22) "<host><status sta" DOC("10.251.0.2"),
		  -ENODATA, 2, 2, 1, "a run that was killed, then another" },
		{ DOC("10.251.0.1") "<?xml version=\"1.0\"?><nmaprun>" HOST("10.251.0.2", PORT22),
		  -ENODATA, 2, 2, 0, "a run, then one that was killed" },
		{ DOC("10.251.0.1") "root@n1:~# ", -EBADMSG, 1, 1, 0, "words behind the end" },
	};

	for (size_t i = 0; i < array_len(cases); i++) {
		size_t n = strlen(cases[i].xml);
		unsigned wrong = 0;

		for (size_t piece = 1; piece <= n; piece += piece < 40 ? 1 : 37) {
			struct seen s = { 0 };
			int err = 0;
			struct scan_xml *x = parse(cases[i].xml, n, piece, &s, &err);
			const struct scan_run *r = scan_xml_run(x);

			wrong += err != cases[i].err || s.hosts != cases[i].hosts ||
				 r->documents != cases[i].documents ||
				 r->cut_documents != cases[i].cut || (err && !*scan_xml_why(x));
			scan_xml_free(x);
		}
		is_int(wrong, 0, "%s: %u hosts, whatever the pieces are", cases[i].what,
		       cases[i].hosts);
	}
}

static void test_limits(void)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(64 << 20);
	struct seen s = { 0 };

	for (int i = 0; i < 100; i++)
		buf_puts(&b, i ? "<a>" : "<nmaprun>");
	is_int(parse_str(buf_str(&b), &s), -E2BIG, "deep nesting is refused");
	buf_reset(&b);
	buf_puts(&b, "<nmaprun args=\"");
	for (int i = 0; i < 6 << 10; i++)
		buf_printf(&b, "%01024d", 0);
	int err = 0;
	scan_xml_free(parse(b.data, b.len, 65536, &s, &err));
	is_int(err, -E2BIG, "a tag without an end is refused long before memory is");
	buf_reset(&b);
	buf_puts(&b, "<nmaprun><host><address addr=\"10.251.0.1\" addrtype=\"ipv4\"/><ports>");
	for (int i = 1; i < 65536; i++)
		buf_printf(&b,
			   "<port protocol=\"tcp\" portid=\"%d\"><state state=\"open\"/><service "
			   "name=\"%0600d\"/></port>",
			   i, 0);
	buf_puts(&b, "</ports></host>" ENDED "</nmaprun>");
	scan_xml_free(parse(b.data, b.len, 65536, &s, &err));
	ok(!err && s.hosts == 1 && s.ports == 65535, "65535 open ports are read");
	ok(s.cut, "texts over the maximum of a host are dropped, and that is said");
}

static void test_lists(void)
{
	const struct text list = TEXT("22,80,1000-2000,65535");

	ok(port_list_has(list, 22) && port_list_has(list, 1500) && port_list_has(list, 65535),
	   "a list has its ports");
	ok(!port_list_has(list, 23) && !port_list_has(list, 2001), "and no others");
	ok(!port_list_has((struct text){ 0 }, 22) && !port_list_has(TEXT("2x2"), 22),
	   "what is no list has none");
}

static void test_fingerprints(void)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096), raw = BUF_INIT(4096);
	const char *two = "ssh:SHA256:8j96GaJaNmG3IahCYNkn898lMcF2Cipz32xiDP1ayGg "
			  "tls:SHA256:eAWIHeZKWEBAWuAGBYAFjd2xHdafiTwpiHV4A/vhkZc";
	struct fingerprint f[FINGERPRINTS_MAX];
	size_t n = 0;

	ok(!fingerprints_parse(two, f, &n) && n == 2, "a stored list of fingerprints is read");
	fingerprints_format(&b, f, n);
	is_str(buf_str(&b), two, "and written as it was");
	ok(fingerprints_parse("md5:abc", f, &n) == -EINVAL &&
		   fingerprints_parse("ssh:SHA256:abc", f, &n) == -EINVAL,
	   "words that are none are refused");
	ok(identity_of_ssh_key("AAAA", 4, f) && identity_of_certificate("x", 1, f),
	   "a script's failure is no key");
	is_int(base64_get(&raw, "aGk=", 4), 0, "base64 is read");
	is_str(buf_str(&raw), "hi", "right");
	buf_reset(&b);
	base64_put(&b, "hi", 2, true);
	is_str(buf_str(&b), "aGk=", "and written");
	ok(base64_get(&raw, "a", 1) && base64_get(&raw, "a?==", 4), "what is none is refused");
}

int main(void)
{
	test_sweep();
	test_identity();
	test_version();
	test_ends();
	test_hostile();
	test_doctypes();
	test_dialects();
	test_documents();
	test_limits();
	test_lists();
	test_fingerprints();
	return tap_done();
}
