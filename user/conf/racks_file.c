/* SPDX-License-Identifier: GPL-2.0 */
#include "conf/racks_file.h"

#include <fcntl.h>
#include <string.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/file.h"
#include "core/racks.h"

int racks_read(const char *path, struct racks **ret_racks, char **ret_why)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(RACKS_BYTES_MAX);
	_free_ char *why = NULL;
	int err;

	buf_puts(&b, "");
	err = file_read(AT_FDCWD, path, &b);
	if (err)
		return fault(ret_why, err, "cannot read web.racks '%s': %s", path, strerror(-err));
	err = racks_parse(buf_str(&b), ret_racks, &why);
	return err ? fault(ret_why, err, "web.racks '%s', %s", path, why ? why : strerror(-err))
		   : 0;
}
