/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/parse.h"
#include "base/secret.h"
#include "conf/sinks.h"
#include "conf/value.h"

/* What makes a sink whole, as a table: which keys each type needs and which mean nothing to it. */
struct kind {
	const char *type;
	const char *schemes; /* of its url, blanks around each */
	bool needs_url, is_http, signs, formats, resends;
};
static const struct kind kinds[] = {
	{ "webhook", " http https ", true, true, true, true, false },
	{ "alertmanager", " http https ", true, true, false, false, true },
	{ "slack", " http https ", true, true, false, false, false },
	{ "mail", " smtp ", false, false, false, false, false },
	{ "syslog", " udp tcp tls ", true, false, false, true, false },
};

struct check {
	const struct conf_sink *s;
	const struct kind *kind;
	char **ret_why;
};

static printf_like(2, 3) int fault(const struct check *c, const char *fmt, ...)
{
	_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	return conf_why(c->ret_why, "%s: sink '%s': %s",
			c->s->origins[0] ? c->s->origins[0] : "configuration", c->s->name,
			text ? text : "out of memory");
}

static bool is_loopback(const char *host, size_t n)
{
	if (n > 2 && host[0] == '[' && host[n - 1] == ']')
		return parse_is_loopback(host + 1, n - 2);
	return parse_is_loopback(host, n);
}

/* SCHEME://HOST[:PORT][/...], no user in it: that would be a secret, and argv of nobody. */
static int check_url(const struct check *c)
{
	const char *url = c->s->url, *host = strstr(url, "://");
	char scheme[16];
	size_t n;

	if (!host || (size_t)(host - url) + 3 > sizeof(scheme))
		return fault(c, "the url '%.60s' is none: %s...", url,
			     c->kind->is_http ? "https://HOST/" : "SCHEME://HOST:PORT");
	n = (size_t)(host - url);
	snprintf(scheme, sizeof(scheme), " %.*s ", (int)n, url);
	if (!strstr(c->kind->schemes, scheme))
		return fault(c, "a url of %s begins with one of:%sthen ://", c->s->type,
			     c->kind->schemes);
	host += 3;
	n = strcspn(host, "/?#");
	if (!n || *host == ':')
		return fault(c, "the url has no host");
	if (memchr(host, '@', n))
		return fault(c, "the url has a user or password in it: put them into auth-file");
	if (!strcmp(c->s->type, "syslog") && host[n])
		return fault(c, "the url of a syslog server has no path");
	if (*c->s->auth_file && !strncmp(url, "http:", 5) &&
	    !is_loopback(host, strcspn(host, host[0] == '[' ? "/" : ":/")))
		return fault(c, "auth-file would go over the network in clear: use https://");
	return 0;
}

static int check_files(const struct check *c)
{
	const char *secrets[] = { c->s->url_file, c->s->secret_file, c->s->auth_file,
				  c->s->key_file };
	const char *files[] = { c->s->ca_file, c->s->cert_file };

	for (size_t i = 0; i < array_len(secrets); i++) {
		_free_ char *text = NULL;

		if (*secrets[i] && secret_check(secrets[i], &text))
			return fault(c, "%s", text ? text : "out of memory");
	}
	for (size_t i = 0; i < array_len(files); i++)
		if (*files[i] && access(files[i], R_OK) < 0)
			return fault(c, "cannot read '%s': %s", files[i], strerror(errno));
	return 0;
}

static bool is_address(const char *a, size_t n)
{
	const char *at = memchr(a, '@', n);

	for (size_t i = 0; i < n; i++)
		if (strchr("\"<>(),;:\\[]", a[i]) || (unsigned char)a[i] <= ' ')
			return false;
	return n && a[0] != '-' && at != a && (!at || at + 1 < a + n);
}

static int check_mail(const struct check *c)
{
	const char *p = c->s->to;
	unsigned n = 0;

	for (; *p; p += strcspn(p, " \t")) {
		p += strspn(p, " \t");
		if (*p && !is_address(p, strcspn(p, " \t")))
			return fault(c, "'%.*s' is no mail address", (int)strcspn(p, " \t"), p);
		n += *p != '\0';
	}
	if (!n)
		return fault(c, "it needs 'sink.%s.to'", c->s->name);
	if (*c->s->from && !is_address(c->s->from, strlen(c->s->from)))
		return fault(c, "'%s' is no mail address", c->s->from);
	if (!*c->s->url && c->s->program[0] != '/')
		return fault(c, "program is a full path, not '%s'", c->s->program);
	if (!*c->s->url && access(c->s->program, X_OK) < 0)
		return fault(c,
			     "cannot run '%s' (%s): install a mail server's sendmail, or name "
			     "another program, or url smtp://HOST:PORT",
			     c->s->program, strerror(errno));
	return 0;
}

static int check_kind(const struct check *c)
{
	const struct conf_sink *s = c->s;

	if (*s->url && *s->url_file)
		return fault(c, "url and url-file: one of them");
	if (*s->url_file && !c->kind->is_http)
		return fault(c, "url-file is for webhook, alertmanager and slack");
	if (c->kind->needs_url && !*s->url && !*s->url_file)
		return fault(c, "it needs 'sink.%s.url' (%s)", s->name,
			     c->kind->is_http ? "https://..." : "tls://HOST:PORT");
	if (*s->secret_file && !c->kind->signs)
		return fault(c, "secret-file is for webhook");
	if (*s->auth_file && !c->kind->is_http)
		return fault(c, "auth-file is for webhook, alertmanager and slack");
	if (*s->format && !c->kind->formats)
		return fault(c, "format is for webhook and syslog");
	if (!strcmp(s->format, "text") && c->kind->signs)
		return fault(c, "format text is for syslog");
	if (*s->key_file && !*s->cert_file)
		return fault(c, "key-file without cert-file");
	return 0;
}

int conf_sink_check(const struct conf_sink *s, char **ret_why)
{
	struct check c = { .s = s, .ret_why = ret_why };
	int err;

	for (size_t i = 0; i < array_len(kinds); i++)
		if (!strcmp(kinds[i].type, s->type))
			c.kind = &kinds[i];
	if (!c.kind) {
		for (size_t i = 0; i < array_len(s->origins); i++)
			if (s->origins[i])
				return conf_why(ret_why,
						"%s: sink '%s' has no type: say 'sink.%s.type "
						"webhook' (or alertmanager, slack, mail, syslog)",
						s->origins[i], s->name, s->name);
		return fault(&c, "it has no type");
	}
	err = check_kind(&c);
	if (!err && *s->url)
		err = check_url(&c);
	if (!err && !strcmp(s->type, "mail"))
		err = check_mail(&c);
	return err ? err : check_files(&c);
}
