/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "web/web_internal.h"

int api_error(struct httpd_answer *a, unsigned status, const char *fix, const char *fmt, ...)
{
	struct jsonw w;
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_reset(&a->body);
	a->body.err = 0;
	a->status = status;
	a->type = "application/json";
	a->cache = HTTPD_NO_STORE;
	a->etag[0] = '\0';
	jsonw_init(&w, &a->body);
	jsonw_obj(&w, NULL);
	jsonw_str(&w, "error", text);
	jsonw_str(&w, "fix", fix);
	jsonw_end_obj(&w);
	return -EINVAL;
}
