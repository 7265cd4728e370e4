/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/parse.h"

/*
 * mysql://USER@HOST[:PORT][,HOST[:PORT]...]/DATABASE[?KEY=VALUE[&KEY=VALUE...]]
 *
 *	socket=PATH		the server's unix socket instead of the hosts
 *	ca=FILE			who signed the server's certificate; required over TCP
 *	cert=FILE, key=FILE	our own certificate, for accounts that REQUIRE one
 *	tls=required|off	off: only for loopback addresses and a socket
 *	password-file=FILE	a file that only its owner can read; else AJAR_STORE_PASSWORD
 *	cluster=UUID		refuse any other store (settings.cluster_uuid)
 *	timeout=SECONDS		how long to wait for an answer, 1 to 600; 30
 *	member=required		refuse a server that is not in a Galera cluster or replication group at present
 *
 * %XX stands for a byte everywhere. A password has no place in it: an argument is visible to every
 * process.
 */
#define PORT_DEFAULT 3306
#define PASSWORD_MAX 1024
#define PASSWORD_ENV "AJAR_STORE_PASSWORD"

/* n bytes with %XX decoded; NULL: not valid, or no memory. A NUL is not valid. */
static char *decode(const char *p, size_t n)
{
	char *out = malloc(n + 1), *o = out;

	for (size_t i = 0; out && i < n; i++) {
		int hi, lo;

		if (p[i] != '%') {
			*o++ = p[i];
			continue;
		}
		hi = i + 2 < n ? text_hex_digit(p[i + 1]) : -1;
		lo = hi >= 0 ? text_hex_digit(p[i + 2]) : -1;
		if (lo < 0 || (!hi && !lo)) {
			free(out);
			return NULL;
		}
		*o++ = (char)(hi << 4 | lo);
		i += 2;
	}
	if (out)
		*o = '\0';
	return out;
}

static int parse_host(const char *p, size_t n, struct my_host *h)
{
	const char *end = p + n, *colon;
	_free_ char *port = NULL;
	uint16_t number = PORT_DEFAULT;

	if (n && *p == '[') { /* an IPv6 address */
		const char *close = memchr(p, ']', n);

		if (!close || (close + 1 < end && close[1] != ':'))
			return -EINVAL;
		h->name = decode(p + 1, (size_t)(close - p - 1));
		colon = close + 1 < end ? close + 1 : NULL;
	} else {
		colon = memchr(p, ':', n);
		h->name = decode(p, colon ? (size_t)(colon - p) : n);
	}
	if (!h->name || !h->name[0])
		return -EINVAL;
	if (colon) {
		port = strndup(colon + 1, (size_t)(end - colon - 1));
		if (!port || parse_port(port, &number) || !number)
			return -EINVAL;
	}
	h->port = number;
	return 0;
}

static int parse_hosts(const char *p, size_t n, struct my_uri *u)
{
	const char *end = p + n;

	while (p <= end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma ? comma : end;

		if (u->hosts_len == MY_HOSTS_MAX)
			return -E2BIG;
		if (parse_host(p, (size_t)(stop - p), &u->hosts[u->hosts_len++]))
			return -EINVAL;
		p = stop + 1;
	}
	return 0;
}

static int parse_tls(struct my_uri *u, const char *value)
{
	if (!strcmp(value, "required"))
		u->tls = MY_TLS_REQUIRED;
	else if (!strcmp(value, "off"))
		u->tls = MY_TLS_OFF;
	else
		return -EINVAL;
	return 0;
}

static int parse_key(struct my_uri *u, const char *p, size_t n, char **ret_why)
{
	const struct {
		const char *name;
		char **to;
	} keys[] = {
		{ "socket", &u->socket },   { "ca", &u->ca },
		{ "cert", &u->cert },	    { "key", &u->key },
		{ "cluster", &u->cluster }, { "password-file", &u->password_file },
	};
	const char *eq = memchr(p, '=', n);
	size_t len = eq ? (size_t)(eq - p) : n;
	_free_ char *value = eq ? decode(eq + 1, n - len - 1) : NULL;

	if (!value || !value[0])
		return store_open_why(
			ret_why, -EINVAL,
			"--store: '%.*s' has no value, or one that is not encoded well", (int)n, p);
	for (size_t i = 0; i < array_len(keys); i++) {
		if (strlen(keys[i].name) != len || memcmp(keys[i].name, p, len))
			continue;
		free(*keys[i].to);
		*keys[i].to = take_ptr(value);
		return 0;
	}
	if (len == 6 && !memcmp(p, "member", 6)) {
		u->member = !strcmp(value, "required");
		if (u->member)
			return 0;
		return store_open_why(ret_why, -EINVAL, "--store: member=%s: it is 'required'",
				      value);
	}
	if (len == 7 && !memcmp(p, "timeout", 7)) {
		if (!parse_u32(value, &u->timeout_s) && u->timeout_s && u->timeout_s <= 600)
			return 0;
		return store_open_why(ret_why, -EINVAL,
				      "--store: timeout=%s: it is 1 to 600 seconds", value);
	}
	if (len == 3 && !memcmp(p, "tls", 3)) {
		if (!parse_tls(u, value))
			return 0;
		return store_open_why(ret_why, -EINVAL,
				      "--store: tls=%s: it is 'required' or 'off'", value);
	}
	return store_open_why(ret_why, -EINVAL,
			      "--store: unknown key '%.*s': socket, ca, cert, key, tls, "
			      "password-file, cluster, member, timeout",
			      (int)len, p);
}

static int parse_query(struct my_uri *u, const char *p, char **ret_why)
{
	while (*p) {
		const char *amp = strchrnul(p, '&');
		int err = parse_key(u, p, (size_t)(amp - p), ret_why);

		if (err)
			return err;
		p = *amp ? amp + 1 : amp;
	}
	return 0;
}

static bool is_local(const struct my_uri *u)
{
	for (unsigned i = 0; i < u->hosts_len; i++) {
		const char *name = u->hosts[i].name;

		if (!parse_is_loopback(name, strlen(name)))
			return false;
	}
	return true;
}

/* Nothing goes over a network in the clear; on this machine it must be said in plain words. */
static int check_tls(struct my_uri *u, char **ret_why)
{
	if (!u->cert != !u->key)
		return store_open_why(ret_why, -EINVAL, "--store: cert= and key= go together");
	if (u->socket && u->tls == MY_TLS_DEFAULT && !u->ca)
		u->tls = MY_TLS_OFF; /* nobody listens on a unix socket's way */
	if (u->tls == MY_TLS_OFF && !u->socket && !is_local(u))
		return store_open_why(ret_why, -EINVAL,
				      "--store: tls=off is for this machine alone (127.0.0.1, ::1, "
				      "localhost, socket=): give ca=FILE");
	if (u->tls == MY_TLS_OFF)
		return 0;
	u->tls = MY_TLS_REQUIRED;
	if (!u->ca)
		return store_open_why(ret_why, -EINVAL,
				      "--store: over the network the server must prove who it is: "
				      "give ca=FILE (on this machine also tls=off)");
	return 0;
}

static int parse(const char *text, struct my_uri *u, char **ret_why)
{
	const char *p = text, *at, *slash, *query;

	if (strncmp(p, "//", 2))
		goto bad;
	p += 2;
	query = strchrnul(p, '?');
	slash = memchr(p, '/', (size_t)(query - p));
	if (!slash)
		goto bad;
	at = memrchr(p, '@', (size_t)(slash - p));
	if (!at || at == p)
		goto bad;
	if (memchr(p, ':', (size_t)(at - p)))
		return store_open_why(ret_why, -EINVAL,
				      "--store: a password there is visible to everybody: put it "
				      "into " PASSWORD_ENV " or password-file=FILE");
	u->user = decode(p, (size_t)(at - p));
	u->db = decode(slash + 1, (size_t)(query - slash - 1));
	if (!u->user || !u->db || !u->db[0])
		goto bad;
	if (parse_hosts(at + 1, (size_t)(slash - at - 1), u))
		goto bad;
	if (*query && parse_query(u, query + 1, ret_why))
		return -EINVAL;
	return check_tls(u, ret_why);
bad:
	return store_open_why(ret_why, -EINVAL,
			      "--store mysql:%s: it is mysql://USER@HOST[:PORT][,HOST...]/DATABASE"
			      "[?socket=PATH&ca=FILE...], at most %d hosts",
			      text, MY_HOSTS_MAX);
}

int my_uri_parse(const char *text, struct my_uri *u, char **ret_why)
{
	int err;

	*u = (struct my_uri){ 0 };
	err = parse(text, u, ret_why);
	if (err)
		my_uri_done(u);
	return err < 0 ? err : 0;
}

void my_uri_done(struct my_uri *u)
{
	for (unsigned i = 0; i < u->hosts_len; i++)
		free(u->hosts[i].name);
	free(u->user);
	free(u->db);
	free(u->socket);
	free(u->ca);
	free(u->cert);
	free(u->key);
	free(u->password_file);
	free(u->cluster);
	*u = (struct my_uri){ 0 };
}

/* --- the password -------------------------------------------------------------------------------- */

static int read_password(const char *path, char **ret_password, char **ret_why)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char text[PASSWORD_MAX + 1];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st)) {
		int err = -errno;

		if (err == -EACCES)
			return store_open_why(
				ret_why, err,
				"password-file %s cannot be read as uid %u, which is who "
				"opens the store: chown it to that account, and chmod 600",
				path, (unsigned)geteuid());
		return store_open_why(ret_why, err, "password-file %s: %s", path, strerror(-err));
	}
	if (!S_ISREG(st.st_mode))
		return store_open_why(ret_why, -EINVAL, "password-file %s is no file", path);
	if (st.st_mode & 077)
		return store_open_why(ret_why, -EACCES,
				      "password-file %s can be read by others: chmod 600 it", path);
	n = read(fd, text, sizeof(text));
	if (n < 0 || n > PASSWORD_MAX)
		return store_open_why(ret_why, -EINVAL, "password-file %s is not a password", path);
	text[n] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	*ret_password = strdup(text);
	explicit_bzero(text, sizeof(text));
	return *ret_password ? 0 : -ENOMEM;
}

int my_password(const struct my_uri *u, char **ret_password, char **ret_why)
{
	const char *env = getenv(PASSWORD_ENV);

	if (u->password_file)
		return read_password(u->password_file, ret_password, ret_why);
	*ret_password = strdup(env ? env : "");
	return *ret_password ? 0 : -ENOMEM;
}

static int check_file(const char *what, const char *path, char **ret_why)
{
	int err;

	if (!path || !access(path, R_OK))
		return 0;
	err = -errno;
	return store_open_why(ret_why, err, "the store's %s=%s cannot be read: %s", what, path,
			      strerror(-err));
}

int my_uri_check(const char *text, char **ret_why)
{
	_free_ char *password = NULL;
	struct my_uri u;
	int err = my_uri_parse(text, &u, ret_why);

	if (err)
		return err;
	err = check_file("ca", u.ca, ret_why);
	if (!err)
		err = check_file("cert", u.cert, ret_why);
	if (!err)
		err = check_file("key", u.key, ret_why);
	if (!err)
		err = my_password(&u, &password, ret_why);
	my_uri_done(&u);
	return err;
}
