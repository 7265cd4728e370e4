/* SPDX-License-Identifier: GPL-2.0 */
#include "web/request_body.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"
#include "base/text.h"

#define ID_MAX (INT64_C(1) << 53)

/* A text without control characters; not there or null: "". */
static int take(const json_t *o, const char *key, char *to, size_t size)
{
	const json_t *v = json_object_get(o, key);
	const char *text = json_string_value(v);
	size_t n = json_string_length(v);

	to[0] = '\0';
	if (!v || json_is_null(v))
		return 0;
	if (!text || n >= size)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return -EINVAL;
	memcpy(to, text, n + 1);
	return 0;
}

static int take_alerts(const json_t *list, struct request_body *ret)
{
	size_t n = json_array_size(list), len = 0;

	if (!n || n > REQUEST_ALERTS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		const json_t *v = json_array_get(list, i);
		json_int_t id = json_integer_value(v);

		if (!json_is_integer(v) || id < 1 || id > ID_MAX)
			return -EINVAL;
		len += (size_t)snprintf(ret->alerts + len, REQUEST_IDS_TEXT - len, "%s%" PRId64,
					i ? "," : "", (int64_t)id);
	}
	ret->alerts_len = (unsigned)n;
	return 0;
}

static int take_until(const json_t *o, uint64_t now_ns, uint64_t *ret_ns)
{
	char text[64];

	*ret_ns = 0;
	if (take(o, "until", text, sizeof(text)))
		return -EINVAL;
	if (!text[0])
		return 0;
	return parse_time(text, now_ns, ret_ns) ? -EINVAL : 0;
}

static const char *unknown_key(json_t *o)
{
	static const char *const keys[] = { "action", "alerts", "reason", "until", "ticket" };
	const char *key;
	json_t *v;

	json_object_foreach(o, key, v)
	{
		size_t i = 0;

		while (i < array_len(keys) && strcmp(keys[i], key))
			i++;
		if (i == array_len(keys))
			return key;
	}
	return NULL;
}

static const char *wrong(json_t *o, uint64_t now_ns, struct request_body *ret)
{
	char action[16];

	if (!json_is_object(o))
		return "this is no JSON object";
	if (unknown_key(o))
		return "there is a key that means nothing";
	if (take(o, "action", action, sizeof(action)) || request_verb_parse(action, &ret->verb))
		return "action: there is no such";
	if (take_alerts(json_object_get(o, "alerts"), ret))
		return "alerts: not a list of 1 to 1000 numbers";
	if (take(o, "reason", ret->reason, sizeof(ret->reason)))
		return "reason: no text of one line, or too long";
	if (take(o, "ticket", ret->ticket, sizeof(ret->ticket)))
		return "ticket: no text of one line, or too long";
	if (take_until(o, now_ns, &ret->until_ns))
		return "until: this is no time";
	if ((ret->verb == REQUEST_SNOOZE) && !ret->until_ns)
		return "until: a snooze has an end";
	if (ret->verb == REQUEST_ALLOW && !ret->reason[0])
		return "reason: what is allowed has one";
	if (ret->alerts_len > REQUEST_BRIEF_MAX && !ret->reason[0])
		return "reason: what is about more than 500 alerts has one";
	return NULL;
}

int request_body_parse(const char *text, size_t len, uint64_t now_wall_ns, struct request_body *ret,
		       const char **ret_why)
{
	json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

	*ret = (struct request_body){ 0 };
	*ret_why = wrong(o, now_wall_ns, ret);
	json_decref(o);
	return *ret_why ? -EINVAL : 0;
}
