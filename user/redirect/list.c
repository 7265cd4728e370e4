/* SPDX-License-Identifier: GPL-2.0 */
#include "redirect/list.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define MORE_LINE 80 /* room for the line that says how many there are besides */
#define ADDRS_MAX 4096

void redirect_list_done(struct redirect_list *l)
{
	for (size_t i = 0; i < l->len; i++)
		free(l->lines[i]);
	free(l->lines);
	*l = (struct redirect_list){ 0 };
}

void redirect_list_add(struct redirect_list *l, const char *fmt, ...)
{
	char text[REDIRECT_LINE_MAX], **lines;
	va_list ap;

	if (l->err)
		return;
	if (l->len == REDIRECT_LINES_MAX) {
		l->dropped++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++) {
		if (*p == '\n')
			*p = '?';
	}
	lines = reallocarray(l->lines, l->len + 1, sizeof(*lines));
	if (lines) {
		l->lines = lines;
		lines[l->len] = strdup(text);
	}
	if (!lines || !lines[l->len])
		l->err = -ENOMEM;
	else
		l->len++;
}

/* What could not be read, hints, ways that name no port, and the rest by protocol and port. */
static long rank(const char *line)
{
	const char *port;
	long number;

	if (*line == '!' || *line == '?')
		return *line == '!' ? -3 : -2;
	port = strchr(line, ' ');
	return port && sscanf(port, " %5ld", &number) == 1 ? number : -1; /* "any" is no number */
}

static int by_rank(const void *pa, const void *pb)
{
	const char *a = *(char *const *)pa, *b = *(char *const *)pb;
	long ra = rank(a), rb = rank(b);

	return ra != rb ? (ra < rb ? -1 : 1) : strcmp(a, b);
}

int redirect_list_text(struct redirect_list *l, struct buf *b, uint64_t *ret_ways)
{
	size_t more = l->dropped;
	uint64_t ways = l->dropped;

	if (l->err)
		return l->err;
	if (l->len)
		qsort(l->lines, l->len, sizeof(*l->lines), by_rank);
	for (size_t i = 0; i < l->len; i++) {
		if (i && !strcmp(l->lines[i], l->lines[i - 1]))
			continue;
		ways += rank(l->lines[i]) >= -1;
		if (b->len + strlen(l->lines[i]) + 1 + MORE_LINE > REDIRECT_TEXT_MAX) {
			more++;
			continue;
		}
		buf_puts(b, l->lines[i]);
		buf_putc(b, '\n');
	}
	if (more)
		buf_printf(b, "! %zu more ways that found no room in this list\n", more);
	*ret_ways = ways;
	return b->err;
}

struct redirect_addrs {
	size_t len;
	struct {
		enum door_family family;
		uint8_t addr[16];
	} a[ADDRS_MAX];
};

static void add_addr(struct redirect_addrs *a, const struct sockaddr *sa)
{
	if (!sa || a->len == ADDRS_MAX)
		return;
	if (sa->sa_family == AF_INET) {
		a->a[a->len].family = FAMILY_INET;
		memcpy(a->a[a->len++].addr,
		       &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		a->a[a->len].family = FAMILY_INET6;
		memcpy(a->a[a->len++].addr,
		       &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	}
}

int redirect_addrs_new(struct redirect_addrs **ret_a)
{
	struct redirect_addrs *a = calloc(1, sizeof(*a));
	struct ifaddrs *ifs;

	if (!a)
		return -ENOMEM;
	if (getifaddrs(&ifs) < 0) {
		free(a);
		return -errno;
	}
	for (struct ifaddrs *i = ifs; i; i = i->ifa_next)
		add_addr(a, i->ifa_addr);
	freeifaddrs(ifs);
	*ret_a = a;
	return 0;
}

void redirect_addrs_free(struct redirect_addrs *a)
{
	free(a);
}

bool redirect_addrs_has(const struct redirect_addrs *a, enum door_family family,
			const uint8_t addr[16])
{
	for (size_t i = 0; i < a->len; i++) {
		if (a->a[i].family == family &&
		    !memcmp(a->a[i].addr, addr, family == FAMILY_INET ? 4 : 16))
			return true;
	}
	return false;
}
