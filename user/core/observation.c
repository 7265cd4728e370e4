/* SPDX-License-Identifier: GPL-2.0 */
#include "core/observation.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/buf.h"

static const char *const state_names[] = {
	[PORT_UNKNOWN] = "unknown",
	[PORT_OPEN] = "open",
	[PORT_CLOSED] = "closed",
	[PORT_FILTERED] = "filtered",
	[PORT_UNFILTERED] = "unfiltered",
	[PORT_OPEN_FILTERED] = "open|filtered",
	[PORT_CLOSED_FILTERED] = "closed|filtered",
};

static const char *const method_names[] = {
	[METHOD_NONE] = "",
	[METHOD_TABLE] = "table",
	[METHOD_PROBED] = "probed",
};

static const char *const fingerprint_prefixes[] = {
	[FINGERPRINT_SSH] = "ssh:SHA256:",
	[FINGERPRINT_TLS] = "tls:SHA256:",
};

const char *port_state_name(enum port_state s)
{
	return (unsigned)s < array_len(state_names) ? state_names[s] : state_names[PORT_UNKNOWN];
}

enum port_state port_state_parse(const char *s)
{
	for (unsigned i = 0; i < array_len(state_names); i++) {
		if (!strcmp(state_names[i], s))
			return (enum port_state)i;
	}
	return PORT_UNKNOWN;
}

void port_look_words(const struct port_look *l, struct buf *b)
{
	if (!l->state)
		return;
	buf_printf(b, "; from outside: %s, port %" PRIu32 " of %s %s at %s",
		   l->state == PORT_OPEN ? "reachable" : "not reachable from the monitor", l->port,
		   l->node,
		   l->state == PORT_OPEN     ? "answers"
		   : l->state == PORT_CLOSED ? "is closed"
					     : "is filtered",
		   l->addr);
}

const char *service_method_name(enum service_method m)
{
	return (unsigned)m < array_len(method_names) ? method_names[m] : "";
}

bool port_list_has(struct text list, uint16_t port)
{
	const char *p = list.ptr, *end = list.ptr + list.len;

	while (p && p < end) {
		uint32_t bounds[2] = { 0, 0 };
		unsigned i = 0;

		for (; p < end && *p != ','; p++) {
			if (*p >= '0' && *p <= '9' && bounds[i] <= UINT16_MAX)
				bounds[i] = bounds[i] * 10 + (uint32_t)(*p - '0');
			else if (*p == '-' && !i)
				i = 1;
			else
				return false;
		}
		if (port >= bounds[0] && port <= bounds[i])
			return true;
		p++;
	}
	return false;
}

enum port_state port_folded_state(const char *folded, enum door_proto proto, uint16_t port)
{
	const char *name = door_proto_name(proto);
	size_t len = strlen(name);

	for (const char *s = folded; *s;) {
		size_t n = strcspn(s, ";");
		const char *state = s + len + 1,
			   *list = n > len ? memchr(state, ' ', n - len - 1) : NULL;

		if (list && !strncmp(s, name, len) && s[len] == ' ' &&
		    port_list_has((struct text){ list + 1, (uint32_t)(s + n - list - 1) }, port)) {
			char word[24];

			snprintf(word, sizeof(word), "%.*s", (int)(list - state), state);
			return port_state_parse(word);
		}
		s += n;
		s += strspn(s, "; ");
	}
	return PORT_UNKNOWN;
}

enum service_method service_method_parse(const char *s)
{
	for (unsigned i = 0; i < array_len(method_names); i++) {
		if (!strcmp(method_names[i], s))
			return (enum service_method)i;
	}
	return METHOD_NONE;
}

void fingerprints_format(struct buf *b, const struct fingerprint *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_putc(b, ' ');
		buf_puts(b, fingerprint_prefixes[f[i].kind]);
		base64_put(b, f[i].sha256, SHA256_LEN, false);
	}
}

static int parse_one(const char *s, size_t n, struct fingerprint *ret_f)
{
	for (unsigned k = FINGERPRINT_SSH; k <= FINGERPRINT_TLS; k++) {
		_cleanup_(buf_done) struct buf b = BUF_INIT(SHA256_LEN + 1);
		size_t prefix = strlen(fingerprint_prefixes[k]);

		if (n < prefix || memcmp(s, fingerprint_prefixes[k], prefix))
			continue;
		if (base64_get(&b, s + prefix, n - prefix) || b.len != SHA256_LEN)
			return -EINVAL;
		ret_f->kind = (uint8_t)k;
		memcpy(ret_f->sha256, b.data, SHA256_LEN);
		return 0;
	}
	return -EINVAL;
}

int fingerprints_parse(const char *s, struct fingerprint f[FINGERPRINTS_MAX], size_t *ret_n)
{
	struct fingerprint found[FINGERPRINTS_MAX];
	size_t n = 0;

	for (s += strspn(s, " "); *s; s += strspn(s, " ")) {
		size_t len = strcspn(s, " ");

		if (n == FINGERPRINTS_MAX || parse_one(s, len, &found[n]))
			return -EINVAL;
		n++;
		s += len;
	}
	memcpy(f, found, n * sizeof(*f));
	*ret_n = n;
	return 0;
}
