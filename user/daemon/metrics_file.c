/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/metrics_file.h"

#include <fcntl.h>

#include "base/buf.h"
#include "base/file.h"
#include "conf/conf.h"
#include "view/metrics.h"

#define DAY_NS UINT64_C(86400000000000)

int metrics_text(struct store *s, const struct conf *conf, struct buf *b)
{
	const struct metrics_opts o = { .silent_ns = conf->health_silent_ns,
					.keep_ns = conf->store_keep_days * DAY_NS,
					.keep_bytes = conf->store_keep_bytes };

	return view_metrics(s, &o, b);
}

int metrics_file(struct store *s, const struct conf *conf, const char *path)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(METRICS_BYTES_MAX);
	int err = metrics_text(s, conf, &b);

	return err ? err : file_write_atomic(AT_FDCWD, path, b.data, b.len, 0644);
}
