/* SPDX-License-Identifier: GPL-2.0 */
#include "core/redirect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/parse.h"

#define WORD_MAX 64
#define SHOWN_MAX 300

bool redirect_next(struct text *list, struct text *ret_line)
{
	const char *end;

	if (!list->ptr || !list->len)
		return false;
	end = memchr(list->ptr, '\n', list->len);
	*ret_line = (struct text){ list->ptr, end ? (uint32_t)(end - list->ptr) : list->len };
	list->ptr += ret_line->len + (end ? 1 : 0);
	list->len -= ret_line->len + (end ? 1 : 0);
	return true;
}

static bool next_word(struct text *line, struct text *ret_word, char word[WORD_MAX])
{
	const char *end = memchr(line->ptr, ' ', line->len);
	size_t n = end ? (size_t)(end - line->ptr) : 0;

	if (!n || n >= WORD_MAX)
		return false;
	memcpy(word, line->ptr, n);
	word[n] = '\0';
	*ret_word = (struct text){ line->ptr, (uint32_t)n };
	line->ptr += n + 1;
	line->len -= (uint32_t)n + 1;
	return !memchr(word, '\0', n);
}

static bool parse_addr(const char *s, enum door_family *ret_family, uint8_t addr[16])
{
	memset(addr, 0, 16);
	if (inet_pton(AF_INET, s, addr) == 1)
		*ret_family = FAMILY_INET;
	else if (inet_pton(AF_INET6, s, addr) == 1)
		*ret_family = FAMILY_INET6;
	else
		return false;
	return true;
}

static bool parse_ports(char *s, struct redirect *st)
{
	char *dash = strchr(s, '-');
	uint16_t from, to;

	if (!strcmp(s, "any")) {
		st->port_end = UINT16_MAX;
		return true;
	}
	if (dash)
		*dash = '\0';
	if (parse_port(s, &from) || parse_port(dash ? dash + 1 : s, &to) || to < from)
		return false;
	st->port = from;
	st->port_end = to;
	return true;
}

/* "10.0.0.1:22", "[::1]:22", ":8080", "10.0.0.1", "-" */
static bool parse_to(char *s, struct redirect *st)
{
	char *colon = strrchr(s, ':'), *end;
	uint16_t port;

	if (!strcmp(s, "-") || parse_addr(s, &st->to_family, st->to_addr)) {
		st->has_to_addr = *s != '-';
		return true;
	}
	if (!colon || parse_port(colon + 1, &port))
		return false;
	*colon = '\0';
	end = s + strlen(s);
	if (*s == '[' && end[-1] == ']') {
		end[-1] = '\0';
		s++;
	}
	st->has_to_addr = *s && parse_addr(s, &st->to_family, st->to_addr);
	st->to_port = port;
	return !*s || st->has_to_addr;
}

int redirect_parse(struct text line, struct redirect *ret)
{
	char proto[WORD_MAX], ports[WORD_MAX], at[WORD_MAX], to[WORD_MAX];
	struct redirect st = { 0 };
	struct text word;

	if (!line.ptr || line.len > REDIRECT_LINE_MAX || !next_word(&line, &word, proto) ||
	    !next_word(&line, &word, ports) || !next_word(&line, &word, at) ||
	    !next_word(&line, &st.to, to) || !line.len)
		return -EINVAL;
	if (strcmp(proto, "any") && door_proto_parse(proto, &st.proto))
		return -EINVAL;
	st.has_addr = strcmp(at, "*") != 0;
	if (!parse_ports(ports, &st) || !parse_to(to, &st) ||
	    (st.has_addr && !parse_addr(at, &st.family, st.addr)))
		return -EINVAL;
	st.what = line;
	*ret = st;
	return 0;
}

bool redirect_names_port(const struct redirect *s)
{
	return s->port > 0 || s->port_end < UINT16_MAX;
}

static bool is_about(const struct redirect *s, enum door_proto proto, uint32_t port,
		     enum door_family family, const uint8_t addr[16])
{
	if ((s->proto && s->proto != proto) || port < s->port || port > s->port_end)
		return false;
	return !s->has_addr ||
	       (s->family == family && !memcmp(s->addr, addr, family == FAMILY_INET ? 4 : 16));
}

bool redirect_find(struct text list, enum door_proto proto, uint32_t port, enum door_family family,
		   const uint8_t addr[16], struct redirect *ret)
{
	struct redirect st, best = { 0 };
	struct text line;
	bool found = false;

	while (redirect_next(&list, &line)) {
		if (redirect_parse(line, &st) || !is_about(&st, proto, port, family, addr))
			continue;
		if (!found || st.port_end - st.port < best.port_end - best.port)
			best = st;
		found = true;
	}
	if (found)
		*ret = best;
	return found;
}

void redirect_format(struct buf *b, const struct redirect *s)
{
	esc_text(b, s->what.ptr, s->what.len, SHOWN_MAX);
	if (!text_is(s->to, "-")) {
		buf_puts(b, " to ");
		esc_text(b, s->to.ptr, s->to.len, WORD_MAX);
	}
}

void redirect_format_line(struct buf *b, struct text line)
{
	struct redirect s;

	if (redirect_parse(line, &s)) {
		if (line.len > 2 && line.ptr[1] == ' ' && (*line.ptr == '?' || *line.ptr == '!')) {
			if (*line.ptr == '!')
				buf_puts(b, "not read: ");
			line.ptr += 2;
			line.len -= 2;
		}
		esc_text(b, line.ptr, line.len, SHOWN_MAX);
		return;
	}
	buf_puts(b, s.proto ? door_proto_name(s.proto) : "any protocol");
	if (!redirect_names_port(&s))
		buf_puts(b, ", any port");
	else if (s.port == s.port_end)
		buf_printf(b, " %u", s.port);
	else
		buf_printf(b, " %u-%u", s.port, s.port_end);
	if (s.has_addr) {
		struct door d = { .family = s.family };

		memcpy(d.addr, s.addr, sizeof(d.addr));
		buf_puts(b, " at ");
		door_addr_format(b, &d);
	}
	buf_puts(b, ": ");
	redirect_format(b, &s);
}
