/* SPDX-License-Identifier: GPL-2.0 */
#include "web/assets.h"

#include <string.h>

#include "base/err.h"

static const struct {
	const char *ending, *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".svg", "image/svg+xml" },
	{ ".png", "image/png" },
	{ ".ico", "image/x-icon" },
	{ ".json", "application/json" },
	{ ".webmanifest", "application/manifest+json" },
};

const struct web_asset *assets_find(const char *name)
{
	for (const struct web_asset *a = web_assets; a->name; a++)
		if (!strcmp(a->name, name))
			return a;
	return NULL;
}

const char *assets_type(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < array_len(types); i++)
		if (!strcmp(types[i].ending, dot))
			return types[i].type;
	return "text/plain; charset=utf-8";
}
