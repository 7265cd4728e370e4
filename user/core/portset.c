/* SPDX-License-Identifier: GPL-2.0 */
#include "core/portset.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"

void ports_add(struct ports *p, uint32_t lo, uint32_t hi)
{
	for (uint32_t i = lo; i <= hi && i <= UINT16_MAX; i++)
		p->bits[i / 64] |= 1ULL << (i % 64);
}

void ports_drop(struct ports *p, uint32_t port)
{
	if (port <= UINT16_MAX)
		p->bits[port / 64] &= ~(1ULL << (port % 64));
}

void ports_join(struct ports *p, const struct ports *other)
{
	for (unsigned i = 0; i < array_len(p->bits); i++)
		p->bits[i] |= other->bits[i];
}

unsigned ports_count(const struct ports *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < array_len(p->bits); i++)
		n += (unsigned)__builtin_popcountll(p->bits[i]);
	return n;
}

static const char *number(const char *s, uint32_t *ret_v)
{
	uint32_t v = 0;

	if (*s < '0' || *s > '9')
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++) {
		v = v * 10 + (uint32_t)(*s - '0');
		if (v > UINT16_MAX)
			return NULL;
	}
	*ret_v = v;
	return s;
}

int ports_parse(const char *s, struct ports *p)
{
	struct ports found = { 0 };

	for (;;) {
		uint32_t lo, hi;

		s = number(s, &lo);
		hi = s ? lo : 0;
		if (s && *s == '-')
			s = number(s + 1, &hi);
		if (!s || !lo || hi < lo || (*s && *s != ','))
			return -EINVAL;
		ports_add(&found, lo, hi);
		if (!*s++)
			break;
	}
	ports_join(p, &found);
	return 0;
}

void ports_format(struct buf *b, const struct ports *p)
{
	const char *comma = "";

	for (uint32_t lo = 0; lo <= UINT16_MAX; lo++) {
		uint32_t hi = lo;

		if (!ports_has(p, (uint16_t)lo))
			continue;
		while (hi < UINT16_MAX && ports_has(p, (uint16_t)(hi + 1)))
			hi++;
		buf_printf(b, hi > lo ? "%s%u-%u" : "%s%u", comma, lo, hi);
		comma = ",";
		lo = hi;
	}
}
