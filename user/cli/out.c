/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/out.h"

#include <errno.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/jsonw.h"
#include "base/log.h"

int out_put(struct buf *b)
{
	size_t n = b->len;
	int err = b->err;

	errno = 0;
	if (!err && n && fwrite(b->data, 1, n, stdout) != n)
		err = errno ? -errno : -EIO;
	buf_reset(b);
	return err;
}

int out_json(struct jsonw *w)
{
	struct buf *b = w->b;

	buf_putc(b, '\n');
	jsonw_init(w, b);
	return out_put(b);
}

int out_flush(void)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return errno ? -errno : -EIO;
}

unsigned out_width(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int out_report(int err)
{
	if (err == 0)
		return AJAR_EXIT_OK;
	/* It is reported now: what is left in the buffer must not fail, and be told, again at exit. */
	__fpurge(stdout);
	clearerr(stdout);
	if (err == -EPIPE)
		return AJAR_EXIT_OK;
	log_err(err, "cannot write to standard output");
	return AJAR_EXIT_ERROR;
}
