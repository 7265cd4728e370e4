/* SPDX-License-Identifier: GPL-2.0 */
#include "conf/paths.h"

#include <stdlib.h>
#include <string.h>

#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "conf/conf.h"

#define PIN_DIR "/sys/fs/bpf/ajar"
#define DATA_DIR "/var/lib/ajar"

int paths_journal(const struct conf *conf, struct buf *b)
{
	buf_printf(b, "%s/" PATHS_JOURNAL, conf->data_dir);
	return b->err;
}

int paths_store_dir(const struct conf *conf, struct buf *b)
{
	buf_printf(b, "%s/store", conf->data_dir);
	return b->err;
}

int paths_store_uri(const struct conf *conf, struct buf *b)
{
	if (*conf->store_uri)
		buf_puts(b, conf->store_uri);
	else
		buf_printf(b, "sqlite:%s/store/" PATHS_STORE_FILE, conf->data_dir);
	return b->err;
}

const char *paths_store_file(const char *uri)
{
	static const char scheme[] = "sqlite:";
	const char *colon = strchr(uri, ':'), *slash = strchr(uri, '/');

	if (!strncmp(uri, scheme, sizeof(scheme) - 1))
		return uri + sizeof(scheme) - 1;
	/* A colon before any slash ends the scheme of another driver. */
	return colon && (!slash || colon < slash) ? NULL : uri;
}

int paths_pin_dir(const struct conf *conf, struct buf *b)
{
	_free_ char *real = NULL;
	const char *dir;

	if (*conf->pin_dir) {
		buf_puts(b, conf->pin_dir);
		return b->err;
	}
	buf_puts(b, PIN_DIR);
	real = realpath(conf->data_dir,
			NULL); /* NULL before the first start: nothing is pinned yet */
	dir = real ? real : conf->data_dir;
	if (strcmp(dir, DATA_DIR))
		buf_printf(b, "-%08x", (unsigned)crc32c(0, dir, strlen(dir)));
	return b->err;
}
