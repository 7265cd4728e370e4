/* SPDX-License-Identifier: GPL-2.0 */
#include "conf/sinks.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "conf/conf.h"
#include "conf/suggest.h"
#include "conf/value.h"

#define PREFIX "sink."
#define PATH_BYTES 1024

/* clang-format off */
#define KEY(name_, type_, member, min_, max_, range_, def_, help_)                                 \
	{ .name = (name_), .type = (type_), .off = offsetof(struct conf_sink, member),              \
	  .min = (min_), .max = (max_), .range = (range_), .def = (def_), .help = (help_) }
#define WORD_KEY(name_, member, words_, def_, help_)                                               \
	{ .name = (name_), .type = CONF_WORD, .off = offsetof(struct conf_sink, member), words_,    \
	  .def = (def_), .help = (help_) }
static const struct conf_key keys[] = {
	WORD_KEY("type", type, CONF_WORDS("webhook", "alertmanager", "slack", "mail", "syslog"), "", "what kind of receiver the sink NAME is (NAME: small letters, digits, '-', '_'; each sink has its own)"),
	KEY("url", CONF_TEXT, url, 0, PATH_BYTES, "at most 1024 bytes", "",
	  "http:// or https://; of syslog udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT; of mail smtp://HOST:PORT instead of the program"),
	KEY("url-file", CONF_TEXT, url_file, 0, PATH_BYTES, "at most 1024 bytes", "",
	  "a file with the URL (mode 0600), for one that is a secret, as Slack's are"),
	WORD_KEY("format", format, CONF_WORDS("json", "ocsf", "ecs", "cef", "text"), "", "how a change of an alert is written: of webhook (json when nothing is said) and syslog (text)"),
	WORD_KEY("min-severity", min_severity, CONF_WORDS("notice", "warning", "critical"), "notice", "alerts of less are not sent"),
	KEY("classes", CONF_TEXT, classes, 0, PATH_BYTES, "at most 1024 bytes", "", "only alerts of these node classes, blanks between them, '*' and '?' as in the shell; empty: all"),
	KEY("secret-file", CONF_TEXT, secret_file, 0, PATH_BYTES, "at most 1024 bytes", "", "of webhook: a file (mode 0600) with the key that signs each request, HMAC-SHA256"),
	KEY("auth-file", CONF_TEXT, auth_file, 0, PATH_BYTES, "at most 1024 bytes", "", "a file (mode 0600) with 'Bearer TOKEN' or 'USER:PASSWORD' for the receiver; needs https unless it is on this machine"),
	KEY("ca-file", CONF_TEXT, ca_file, 0, PATH_BYTES, "at most 1024 bytes", "", "certificates (PEM) that may have signed the receiver's; empty: the system's"),
	KEY("cert-file", CONF_TEXT, cert_file, 0, PATH_BYTES, "at most 1024 bytes", "", "our own certificate (PEM), for receivers that want one"),
	KEY("key-file", CONF_TEXT, key_file, 0, PATH_BYTES, "at most 1024 bytes", "", "its private key (mode 0600)"),
	KEY("proxy", CONF_TEXT, proxy, 0, PATH_BYTES, "at most 1024 bytes", "", "http://HOST:PORT to go through; empty: none, whatever the environment says"),
	KEY("program", CONF_TEXT, program, 1, PATH_BYTES, "1 to 1024 bytes", "/usr/sbin/sendmail", "of mail: called as 'PROGRAM -oi -f FROM -- TO...', the mail on its standard input"),
	KEY("to", CONF_TEXT, to, 0, PATH_BYTES, "at most 1024 bytes", "", "of mail: addresses, blanks between them"),
	KEY("from", CONF_TEXT, from, 0, 255, "at most 255 bytes", "", "of mail: the sender's address; empty: role.user at this host's name"),
	KEY("timeout", CONF_DURATION, timeout_ns, 100 * MS, HOUR, "100ms to 1h", "10s", "time after which a try has failed"),
	KEY("every", CONF_DURATION, every_ns, 0, DAY, "0s to 1d", "0s", "no two messages nearer than this: what changes meanwhile goes as one; 0s: 1m for mail, 1s for slack, none for others"),
	KEY("resend", CONF_DURATION, resend_ns, SECOND, HOUR, "1s to 1h", "1m", "of alertmanager: how often open alerts are sent again; it forgets them after four times that"),
};
/* clang-format on */

_Static_assert(array_len(keys) <= sizeof(((struct conf_sink *)0)->origins) / sizeof(char *),
	       "struct conf_sink has an origin for every key");

bool conf_sink_key(const char *key)
{
	return !strncmp(key, PREFIX, strlen(PREFIX));
}

/* "sink.NAME.KEY": where NAME begins, how long it is, and the row of KEY; NULL: it is none. */
static const struct conf_key *split(const char *key, const char **ret_name, size_t *ret_len)
{
	const char *name = key + strlen(PREFIX), *dot;

	dot = conf_sink_key(key) ? strchr(name, '.') : NULL;
	if (!dot)
		return NULL;
	*ret_name = name;
	*ret_len = (size_t)(dot - name);
	for (size_t i = 0; i < array_len(keys); i++)
		if (!strcmp(keys[i].name, dot + 1))
			return &keys[i];
	return NULL;
}

static bool is_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!islower((unsigned char)s[i]) && !isdigit((unsigned char)s[i]) && s[i] != '-' &&
		    s[i] != '_')
			return false;
	return n >= 1 && n <= CONF_SINK_NAME_MAX;
}

static int unknown_key(const char *key, const char *origin, char **ret_why)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1024);
	const char *dot = strchr(key + strlen(PREFIX), '.');
	struct suggest s;

	if (!dot)
		return conf_why(ret_why,
				"%s: key '%s' has no name: a sink's keys are sink.NAME.type, "
				"sink.NAME.url ...",
				origin, conf_shown(&b, key));
	suggest_init(&s, dot + 1);
	for (size_t i = 0; i < array_len(keys); i++)
		suggest_try(&s, keys[i].name);
	if (s.best)
		return conf_why(ret_why, "%s: unknown key '%s' (did you mean '%.*s.%s'?)", origin,
				conf_shown(&b, key), (int)(dot - key), key, s.best);
	return conf_why(ret_why, "%s: unknown key '%s'", origin, conf_shown(&b, key));
}

static struct conf_sink *find(const struct conf *c, const char *name, size_t len)
{
	for (unsigned i = 0; i < c->sinks_len; i++)
		if (strlen(c->sinks[i].name) == len && !memcmp(c->sinks[i].name, name, len))
			return &c->sinks[i];
	return NULL;
}

static void sink_done(struct conf_sink *s)
{
	for (size_t i = 0; i < array_len(keys); i++) {
		conf_value_free(s, &keys[i]);
		free(s->origins[i]);
	}
	free(s->name);
}

/* The default of `type` is no type: that nobody said it is found by the check. */
static int set_default(struct conf_sink *s, const struct conf_key *k)
{
	if (k->type == CONF_WORD && !*k->def)
		return conf_copy((char **)((char *)s + k->off), "");
	return conf_value_set(s, k, k->def);
}

static int add(struct conf *c, const char *name, size_t len, const char *origin, char **ret_why,
	       struct conf_sink **ret_sink)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1024);
	struct conf_sink *sinks, s = { 0 };
	int err = 0;

	if (!is_name(name, len))
		return conf_why(ret_why,
				"%s: bad name '%.*s' of a sink: 1 to %d small letters, digits, "
				"'-' or '_'",
				origin, (int)(len < 60 ? len : 60), conf_shown(&b, name),
				CONF_SINK_NAME_MAX);
	if ((len == 4 && !memcmp(name, "exec", 4)) || (len == 6 && !memcmp(name, "syslog", 6)))
		return conf_why(ret_why,
				"%s: '%.*s' is the name of the sink of alert.%.*s: give this one "
				"another",
				origin, (int)len, name, (int)len, name);
	if (c->sinks_len == CONF_SINKS_MAX)
		return conf_why(ret_why, "%s: more than %d sinks", origin, CONF_SINKS_MAX);
	sinks = reallocarray(c->sinks, c->sinks_len + 1, sizeof(*sinks));
	if (!sinks)
		return -ENOMEM;
	c->sinks = sinks;
	s.name = strndup(name, len);
	if (!s.name)
		err = -ENOMEM;
	for (size_t i = 0; i < array_len(keys) && !err; i++)
		err = set_default(&s, &keys[i]);
	if (err) {
		sink_done(&s);
		return err;
	}
	*ret_sink = &c->sinks[c->sinks_len++];
	**ret_sink = s;
	return 0;
}

int conf_sink_set(struct conf *c, const char *key, const char *value, const char *origin,
		  char **ret_why)
{
	const char *name = NULL;
	size_t len = 0;
	const struct conf_key *k = split(key, &name, &len);
	struct conf_sink *s;
	int err = 0;

	if (!k)
		return unknown_key(key, origin, ret_why);
	s = find(c, name, len);
	if (!s)
		err = add(c, name, len, origin, ret_why, &s);
	if (err)
		return err;
	err = conf_value_set(s, k, value);
	if (err == -ENOMEM)
		return err;
	if (err)
		return conf_value_why(ret_why, origin, key, k, value, err);
	return conf_copy(&s->origins[k - keys], origin);
}

const char *conf_sink_origin(const struct conf *c, const char *key)
{
	const char *name = NULL;
	size_t len = 0;
	const struct conf_key *k = split(key, &name, &len);
	const struct conf_sink *s = k ? find(c, name, len) : NULL;

	return s ? s->origins[k - keys] : NULL;
}

void conf_sinks_free(struct conf *c)
{
	for (unsigned i = 0; i < c->sinks_len; i++)
		sink_done(&c->sinks[i]);
	free(c->sinks);
}

const struct conf_sink *conf_sink_find(const struct conf *c, const char *name)
{
	return find(c, name, strlen(name));
}

void conf_sink_each(const struct conf *c, bool template,
		    void (*fn)(const char *key, const char *value, const char *def,
			       const char *help, const char *origin, void *arg),
		    void *arg)
{
	char name[128];

	for (size_t k = 0; k < array_len(keys) && template; k++) {
		snprintf(name, sizeof(name), PREFIX "NAME.%s", keys[k].name);
		fn(name, keys[k].def, keys[k].def, keys[k].help, "default", arg);
	}
	for (unsigned i = 0; i < c->sinks_len && !template; i++) {
		const struct conf_sink *s = &c->sinks[i];

		for (size_t k = 0; k < array_len(keys); k++) {
			_cleanup_(buf_done) struct buf b = BUF_INIT(4096);

			if (!s->origins[k])
				continue;
			snprintf(name, sizeof(name), PREFIX "%s.%s", s->name, keys[k].name);
			conf_value_put(s, &keys[k], &b);
			fn(name, buf_str(&b), keys[k].def, keys[k].help, s->origins[k], arg);
		}
	}
}

const char *conf_sink_range(const char *key)
{
	const char *name = NULL;
	size_t len = 0;
	const struct conf_key *k = split(key, &name, &len);

	return k ? k->range : NULL;
}
