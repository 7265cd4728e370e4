/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/service.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "audit/match.h"

#define CONF_WRAPPED 8
#define WORD_MAX 128

/*
 * Names for one protocol: IANA's, as nmap's table and old profiles have them, and nmap's own for
 * what it recognised.
 */
static const char *const aliases[][6] = {
	{ "http", "http-alt", "http-proxy", "www", "webcache", NULL },
	{ "https", "https-alt", "ssl/http", "http", NULL },
	{ "domain", "dns", NULL },
	{ "rpcbind", "sunrpc", "portmapper", NULL },
	{ "microsoft-ds", "netbios-ssn", "smb", NULL },
	{ "mysql", "mariadb", NULL },
	{ "postgresql", "postgres", NULL },
	{ "submission", "smtp", NULL },
	{ "smtps", "ssl/smtp", "smtp", NULL },
	{ "imaps", "ssl/imap", "imap", NULL },
	{ "pop3s", "ssl/pop3", "pop3", NULL },
	{ "ldaps", "ssl/ldap", "ldap", NULL },
	{ "ms-wbt-server", "rdp", NULL },
	{ "mongod", "mongodb", NULL },
};

static bool is_alias(const char *want, const char *got)
{
	for (size_t i = 0; i < array_len(aliases); i++) {
		bool has_want = false, has_got = false;

		for (size_t k = 0; k < array_len(aliases[i]) && aliases[i][k]; k++) {
			has_want |= !strcasecmp(aliases[i][k], want);
			has_got |= !strcasecmp(aliases[i][k], got);
		}
		if (has_want && has_got)
			return true;
	}
	return false;
}

static void copy(char to[WORD_MAX], struct text t)
{
	snprintf(to, WORD_MAX, "%.*s", t.ptr ? (int)(t.len < WORD_MAX ? t.len : WORD_MAX - 1) : 0,
		 t.ptr ? t.ptr : "");
}

/*
 * The word of the profile is a name, a product, or a pattern over both: "ssh", "OpenSSH", "OpenSSH
 * 9.*".
 */
static bool word_fits(const char *want, const struct service_seen *s)
{
	char name[WORD_MAX], product[WORD_MAX], version[WORD_MAX], both[2 * WORD_MAX],
		tunnelled[WORD_MAX + 8];

	copy(name, s->name);
	copy(product, s->product);
	copy(version, s->version);
	snprintf(both, sizeof(both), "%s %s", product, version);
	snprintf(tunnelled, sizeof(tunnelled), "ssl/%s", name);
	if (!strcasecmp(want, name) || is_alias(want, name))
		return true;
	if (text_is(s->tunnel, "ssl") &&
	    (!strcasecmp(want, tunnelled) || is_alias(want, tunnelled)))
		return true;
	if (*product && (strcasestr(product, want) || !fnmatch(want, both, FNM_CASEFOLD)))
		return true;
	return !fnmatch(want, name, FNM_CASEFOLD);
}

/*
 * "SHA256:..." as ssh-keygen has it, or with what it is before it; several with blanks between
 * them.
 */
static enum service_fit key_fits(const char *pinned, const struct port_seen *p)
{
	for (const char *s = pinned + strspn(pinned, " "); *s; s += strspn(s, " ")) {
		char word[WORD_MAX];
		size_t n = strcspn(s, " ");

		snprintf(word, sizeof(word), "%s%.*s", !strncmp(s, "SHA256:", 7) ? "ssh:" : "",
			 (int)n, s);
		for (unsigned tls = 0; tls < 2; tls++) {
			struct fingerprint f[FINGERPRINTS_MAX];
			size_t len = 0;

			if (tls && !strncmp(s, "SHA256:", 7))
				memcpy(word, "tls", 3);
			if (fingerprints_parse(word, f, &len) || !len)
				continue;
			for (unsigned i = 0; i < p->fingerprints_len; i++) {
				if (!memcmp(&f[0], &p->fingerprints[i], sizeof(f[0])))
					return SERVICE_FITS;
			}
		}
		s += n;
	}
	return SERVICE_OTHER_KEY;
}

bool audit_has_key(const struct fingerprint *known, size_t n, const struct fingerprint *f)
{
	for (size_t i = 0; i < n; i++) {
		if (!memcmp(&known[i], f, sizeof(*f)))
			return true;
	}
	return false;
}

enum keys_fit audit_known_keys(const struct fingerprint *known, size_t n, const struct port_seen *p)
{
	enum keys_fit fit = KEYS_SAME;

	for (unsigned kind = FINGERPRINT_SSH; kind <= FINGERPRINT_TLS; kind++) {
		unsigned have = 0, seen = 0, same = 0;

		for (size_t i = 0; i < n; i++)
			have += known[i].kind == kind;
		for (unsigned i = 0; i < p->fingerprints_len; i++) {
			if (p->fingerprints[i].kind != kind)
				continue;
			seen++;
			same += audit_has_key(known, n, &p->fingerprints[i]);
		}
		if (have && seen && !same)
			return KEYS_OTHER;
		if (same < seen)
			fit = KEYS_MORE;
	}
	return fit;
}

bool audit_service_known(const struct profile_row *r)
{
	return r->service && *r->service && (!r->origin || strcmp(r->origin, PROFILE_LEARNED));
}

bool audit_is_recognised(const struct service_seen *s)
{
	return s->method == METHOD_PROBED && s->conf > CONF_WRAPPED && s->name.len &&
	       !text_is(s->name, "tcpwrapped") && !text_is(s->name, "unknown");
}

enum service_fit audit_service(const struct profile_row *r, const struct port_seen *p)
{
	const struct service_seen *s = &p->service;

	if (r->fingerprint && *r->fingerprint && p->fingerprints_len)
		return key_fits(r->fingerprint, p);
	if (!audit_service_known(r) || !audit_is_recognised(s))
		return SERVICE_UNVERIFIED;
	return word_fits(r->service, s) ? SERVICE_FITS : SERVICE_OTHER;
}

/* Whose banner can only come from whom. A product's name, and the programs that are it. */
static const struct {
	const char *product;
	const char *exes[4];
} makers[] = {
	{ "OpenSSH", { "sshd", "sshd-session", "sshd-auth", NULL } },
	{ "Dropbear", { "dropbear", NULL } },
	{ "nginx", { "nginx", "openresty", NULL } },
	{ "Apache httpd", { "apache2", "httpd", NULL } },
	{ "Postfix", { "master", "smtpd", NULL } },
	{ "MySQL", { "mysqld", "mariadbd", NULL } },
	{ "MariaDB", { "mysqld", "mariadbd", NULL } },
	{ "PostgreSQL", { "postgres", "postmaster", NULL } },
};

bool audit_exe_contradicts(const struct process *opener, const struct port_seen *p)
{
	struct text exe = exe_path(opener), last = exe;
	char product[WORD_MAX];

	if (!opener || !opener->known || opener->kernel || !exe.ptr ||
	    p->service.method != METHOD_PROBED)
		return false;
	copy(product, p->service.product);
	for (uint32_t i = 0; i < exe.len; i++) {
		if (exe.ptr[i] == '/')
			last = (struct text){ exe.ptr + i + 1, exe.len - i - 1 };
	}
	/* systemd opens sockets for others. */
	if (text_is(last, "systemd") || text_is(last, "init") || text_is(last, "inetd") ||
	    text_is(last, "xinetd"))
		return false;
	for (size_t i = 0; i < array_len(makers); i++) {
		if (strncasecmp(product, makers[i].product, strlen(makers[i].product)))
			continue;
		for (size_t k = 0; makers[i].exes[k]; k++) {
			/*
			 * The right name where anyone may put a file is a copy that calls itself
			 * so.
			 */
			if (text_is(last, makers[i].exes[k]))
				return exe_flags(opener) & (EXE_MEMFD | EXE_WRITABLE_DIR);
		}
		return true;
	}
	return false;
}
