/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_WEB_TLS_H
#define AJAR_WEB_TLS_H

#include "base/err.h"

struct conf;

/* Certificate (with the chain behind it) and private key, PEM as in the files. NULL: no TLS. */
struct web_tls {
	char *cert, *key;
};

#define WEB_PEM_MAX (256 << 10) /* bytes of either file */

/*
 * Reads web.tls-cert and web.tls-key (empty: the certificate's file holds the key, too); nothing
 * when neither is set. -EACCES when everybody may read the key, -EINVAL, -ENOENT, ... with *ret_why
 * (caller frees), one line with the remedy. Whether they fit each other shows when the server
 * starts.
 */
must_check int web_tls_read(const struct conf *conf, struct web_tls *ret_tls, char **ret_why);
void web_tls_done(struct web_tls *tls); /* the key is wiped */

#endif
