/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/proc.h"
#include "store/conformance.h"

/*
 * Over TCP on loopback: the server proves who it is, or nothing is sent; accounts that want a
 * certificate get ours and nobody else's; of several hosts the one that answers is taken.
 */
static char dir[64];
static unsigned port;

static int run(const char *const *argv)
{
	const struct proc_opts o = { .argv = argv, .quiet = true };
	int status = -1;
	pid_t pid;

	if (proc_spawn(&o, &pid) || waitpid(pid, &status, 0) < 0)
		return -1;
	return status;
}

/* A key and a certificate by the CA of that name (its own when it is NULL). */
static int make_cert(const char *name, const char *ca, const char *subject, const char *san)
{
	char key[100], cert[100], ca_cert[100], ca_key[100], ext[160];
	const char *argv[32] = { "openssl",
				 "req",
				 "-x509",
				 "-newkey",
				 "ec",
				 "-pkeyopt",
				 "ec_paramgen_curve:prime256v1",
				 "-nodes",
				 "-days",
				 "2",
				 "-subj",
				 subject,
				 "-keyout",
				 key,
				 "-out",
				 cert };
	int n = 16;

	snprintf(key, sizeof(key), "%s/%s.key", dir, name);
	snprintf(cert, sizeof(cert), "%s/%s.pem", dir, name);
	snprintf(ca_cert, sizeof(ca_cert), "%s/%s.pem", dir, ca ? ca : name);
	snprintf(ca_key, sizeof(ca_key), "%s/%s.key", dir, ca ? ca : name);
	snprintf(ext, sizeof(ext), "subjectAltName=%s", san ? san : "");
	if (ca) {
		argv[n++] = "-CA";
		argv[n++] = ca_cert;
		argv[n++] = "-CAkey";
		argv[n++] = ca_key;
		argv[n++] = "-addext";
		argv[n++] = "basicConstraints=critical,CA:FALSE";
	}
	if (san) {
		argv[n++] = "-addext";
		argv[n++] = ext;
	}
	argv[n] = NULL;
	n = run(argv);
	chmod(key, 0644);
	return n;
}

static unsigned free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    getsockname(fd, (struct sockaddr *)&a, &len))
		return 0;
	return ntohs(a.sin_port);
}

static void opens(const char *user, const char *hosts, const char *query, int want,
		  const char *words, const char *what)
{
	_cleanup_(store_freep) struct store *s = NULL;
	_free_ char *why = NULL;
	char where[500];
	int err;

	snprintf(where, sizeof(where), "mysql://%s@%s/ajar?%s", user, hosts, query);
	err = store_open(where, STORE_CREATE, &s, &why);
	is_int(err, want, "%s", what);
	if (err != want || (words && !strstr(why ? why : "", words)))
		ok(false, "%s: %s", where, why ? why : "no reason");
}

static int make_certs(void)
{
	int err = make_cert("ca", NULL, "/CN=ajar test CA", NULL);

	err |= make_cert("other-ca", NULL, "/CN=another CA", NULL);
	err |= make_cert("server", "ca", "/CN=localhost", "DNS:localhost,IP:127.0.0.1");
	err |= make_cert("node1", "ca", "/CN=node1", NULL);
	err |= make_cert("node2", "ca", "/CN=node2", NULL);
	return err;
}

static void remove_certs(void)
{
	static const char *const names[] = { "ca", "other-ca", "server", "node1", "node2" };
	char file[100];

	for (size_t i = 0; i < array_len(names); i++) {
		snprintf(file, sizeof(file), "%s/%s.key", dir, names[i]);
		unlink(file);
		snprintf(file, sizeof(file), "%s/%s.pem", dir, names[i]);
		unlink(file);
	}
	rmdir(dir);
}

static void test_tls(void)
{
	char here[64], dead[100], ca[100], wrong[120], mine[300], theirs[300];

	snprintf(here, sizeof(here), "127.0.0.1:%u", port);
	snprintf(dead, sizeof(dead), "127.0.0.1:1,%s", here);
	snprintf(ca, sizeof(ca), "ca=%s/ca.pem", dir);
	snprintf(wrong, sizeof(wrong), "ca=%s/other-ca.pem", dir);
	snprintf(mine, sizeof(mine), "%s&cert=%s/node1.pem&key=%s/node1.key", ca, dir, dir);
	snprintf(theirs, sizeof(theirs), "%s&cert=%s/node2.pem&key=%s/node2.key", ca, dir, dir);

	opens("tls", here, ca, 0, NULL, "a server that its CA vouches for");
	opens("tls", here, wrong, -STORE_E_TLS, "TLS failed", "not one that another CA does");
	opens("tls", here, "socket=/nowhere/at/all", -ECONNREFUSED, NULL,
	      "a socket is not the network");
	opens("tls", here, "tls=off", -EACCES, "certificate",
	      "an account that wants TLS does not come in without");
	opens("plain", here, "tls=off", 0, NULL, "in plain words TLS can be left out");
	opens("node1", here, mine, 0, NULL, "an account bound to a certificate comes in with it");
	opens("node1", here, ca, -EACCES, "certificate", "not without");
	opens("node1", here, theirs, -EACCES, "certificate", "nor with another node's");
	opens("tls", dead, ca, 0, NULL, "of two hosts the one that answers is taken");
	opens("tls", "127.0.0.1:1,127.0.0.1:2", ca, -ECONNREFUSED, "is the server running",
	      "of two dead ones none");
}

/* The certificate's names are looked at too. */
static void test_name(void)
{
	char here[64], ca[100];

	snprintf(here, sizeof(here), "127.0.0.2:%u", port);
	snprintf(ca, sizeof(ca), "ca=%s/ca.pem", dir);
	opens("tls", here, ca, -STORE_E_TLS, "TLS failed",
	      "a server under a name that is not in its certificate");
}

int main(void)
{
	char options[4][120];
	const char *more[] = { options[0],
			       options[1],
			       options[2],
			       options[3],
			       "--bind-address=127.0.0.1,127.0.0.2",
			       NULL };
	static const char *const accounts[] = {
		"CREATE USER tls@'127.%' REQUIRE SSL",
		"CREATE USER plain@'127.%'",
		"CREATE USER node1@'127.%' REQUIRE SUBJECT '/CN=node1'",
		"GRANT ALL ON ajar.* TO tls@'127.%'",
		"GRANT ALL ON ajar.* TO plain@'127.%'",
		"GRANT ALL ON ajar.* TO node1@'127.%'",
	};
	int bad = 0;

	snprintf(dir, sizeof(dir), "/tmp/ajar-tls-XXXXXX");
	if (!mkdtemp(dir) || chmod(dir, 0755))
		return 1;
	if (make_certs()) {
		remove_certs();
		tap_skip_all("openssl cannot make certificates");
	}
	port = free_port();
	snprintf(options[0], sizeof(options[0]), "--port=%u", port);
	snprintf(options[1], sizeof(options[1]), "--ssl-ca=%s/ca.pem", dir);
	snprintf(options[2], sizeof(options[2]), "--ssl-cert=%s/server.pem", dir);
	snprintf(options[3], sizeof(options[3]), "--ssl-key=%s/server.key", dir);
	if (mdb_start(&server, more)) {
		remove_certs();
		tap_skip_all(server.why);
	}
	for (size_t i = 0; i < array_len(accounts); i++)
		bad |= mdb_sql(&server, NULL, accounts[i], NULL, 0);
	is_int(bad, 0, "accounts");
	test_tls();
	test_name();
	mdb_stop(&server);
	remove_certs();
	return tap_done();
}
