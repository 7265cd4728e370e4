/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/change.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* The texts of a change, by their place in it. */
#define TEXT_AT(member) offsetof(struct store_alert_change, member)
static const size_t texts[] = {
	TEXT_AT(who),
	TEXT_AT(note),
	TEXT_AT(alert.key),
	TEXT_AT(alert.host_type),
	TEXT_AT(alert.nodes),
	TEXT_AT(alert.summary),
	TEXT_AT(alert.why),
	TEXT_AT(alert.remedy),
	TEXT_AT(alert.node),
	TEXT_AT(alert.outside.node),
	TEXT_AT(alert.outside.addr),
	TEXT_AT(alert.subject),
};

static const char **text_at(const struct store_alert_change *c, size_t i)
{
	return (const char **)((char *)(uintptr_t)c + texts[i]);
}

int change_copy(const struct store_alert_change *c, struct store_alert_change **ret_copy)
{
	size_t size = sizeof(*c) + c->alert.record.len, n;
	struct store_alert_change *copy;
	char *p;

	for (size_t i = 0; i < array_len(texts); i++)
		size += *text_at(c, i) ? strlen(*text_at(c, i)) + 1 : 0;
	copy = malloc(size);
	if (!copy)
		return -ENOMEM;
	*copy = *c;
	p = (char *)(copy + 1);
	for (size_t i = 0; i < array_len(texts); i++) {
		if (!*text_at(c, i))
			continue;
		n = strlen(*text_at(c, i)) + 1;
		memcpy(p, *text_at(c, i), n);
		*text_at(copy, i) = p;
		p += n;
	}
	if (c->alert.record.ptr) {
		memcpy(p, c->alert.record.ptr, c->alert.record.len);
		copy->alert.record.ptr = p;
	}
	*ret_copy = copy;
	return 0;
}
