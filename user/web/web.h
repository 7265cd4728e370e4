/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_WEB_WEB_H
#define AJAR_WEB_WEB_H

#include <stdbool.h>

#include "base/err.h"
#include "web/session.h"

struct conf;
struct loop;
struct store;

/*
 * The web server as a whole: the page, logging in, the API. It reads the store, through a handle
 * that cannot write, and is driven by the loop alone.
 */
struct web;

struct racks;
struct web_tls;
struct web_opts {
	struct loop *loop;
	struct store *store;
	const struct conf *conf;
	int fd; /* listening; ours from now on, also when this fails */
	bool local; /* nobody but this machine gets there */
	/* of the files below: "" is the working directory, else it ends with a slash */
	const char *folder;
	const struct web_tls *tls; /* borrowed until web_new() is back */
	const struct racks *racks; /* of web.racks, borrowed while it serves; NULL: it is not set */
};

must_check int web_new(const struct web_opts *o, struct web **ret_w, char **ret_why);
void web_free(struct web *w);
DEFINE_FREEP(struct web, web_free)

/*
 * A one-time URL, "http://127.0.0.1:2527/login?token=...", for whoever may have everything. With
 * TLS the host is the first of web.names, which the certificate is for.
 */
#define WEB_URL_MAX 400
must_check int web_login_url(struct web *w, const char *login, char to[WEB_URL_MAX]);
/* The same from a token that somebody else has made. */
void web_url(const struct conf *conf, const char *token, char to[WEB_URL_MAX]);

/*
 * What the configuration says of listening and logging in is possible and safe: -EINVAL with
 * *ret_why (caller frees), one line.
 */
must_check int web_conf_check(const struct conf *conf, char **ret_why);

/*
 * A token that `ajar web login` leaves for the server in the store's folder, by its hash: used up
 * by who comes first, void after ONCE_LIFE_NS.
 */
#define WEB_TOKEN_FILE "web.login"
must_check int web_token_write(const char *path, const char *login, const char *token);
/* Where the accounts are: web.accounts, else web.accounts in the store's folder. */
#define WEB_ACCOUNTS_FILE "web.accounts"

#endif
