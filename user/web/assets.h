/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_WEB_ASSETS_H
#define AJAR_WEB_ASSETS_H

#include <stddef.h>

/*
 * The files of user/web/page/ as they are in the program, compressed with gzip when it was built
 * (embed.sh). Browsers have understood that for twenty years; who says that he does not is refused.
 */
struct web_asset {
	const char *name; /* "index.html", "map/grid.js" */
	const unsigned char *gz;
	size_t gz_len;
};
extern const struct web_asset web_assets[]; /* name NULL ends it */
extern const char web_assets_folder[]; /* "/p/HASH/" */

/* NULL: there is none of that name. */
const struct web_asset *assets_find(const char *name);
/* "text/css; charset=utf-8", by the name's ending. */
const char *assets_type(const char *name);

#endif
