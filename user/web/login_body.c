/* SPDX-License-Identifier: GPL-2.0 */
#include "web/login_body.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

static int take(const json_t *o, const char *key, char *to, size_t size)
{
	const json_t *v = json_object_get(o, key);
	size_t n = json_string_length(v);

	/* Not a NUL inside: jansson refuses those itself. */
	if (!json_is_string(v) || !n || n >= size)
		return -EINVAL;
	memcpy(to, json_string_value(v), n + 1);
	return 0;
}

int login_body_parse(const char *text, size_t len, struct login_body *ret)
{
	json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	int err = json_is_object(o) && json_object_size(o) == 2 ? 0 : -EINVAL;

	if (!err)
		err = take(o, "name", ret->name, sizeof(ret->name));
	if (!err)
		err = take(o, "password", ret->password, sizeof(ret->password));
	if (err)
		explicit_bzero(ret, sizeof(*ret));
	json_decref(o);
	return err;
}
