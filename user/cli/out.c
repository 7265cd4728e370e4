/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/out.h"

#include <errno.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/log.h"
#include "cli/cmd.h"
#include "view/writer.h"

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
	/*
	 * It is reported now: what is left in the buffer must not fail, and be told, again at exit.
	 */
	__fpurge(stdout);
	clearerr(stdout);
	if (err == -EPIPE)
		return AJAR_EXIT_OK;
	log_err(err, "cannot write to standard output");
	return AJAR_EXIT_ERROR;
}

bool out_is_data(const struct cmd_ctx *c)
{
	return c->json || cmd_opt(c, "csv");
}

int out_open(const struct cmd_ctx *c, const struct writer_field *fields, struct writer *w)
{
	static const struct writer_field none[] = { { 0 } };
	bool csv = cmd_opt(c, "csv");
	enum writer_form form = csv ? WRITER_CSV : c->json ? WRITER_JSON : WRITER_TABLE;
	int err;

	*w = (struct writer){ 0 };
	err = writer_open(w, form, fields ? fields : none, c->colour, stdout);
	return err ? log_err(err, "cannot make the list") : 0;
}

int out_close(struct writer *w, int err, struct store *s, const char *what)
{
	int rc = AJAR_EXIT_ERROR;

	if (!err)
		err = writer_close(w);
	if (err && !w->err)
		cmd_store_err(err, s, what);
	else
		rc = out_report(w->err);
	writer_done(w);
	return rc;
}
