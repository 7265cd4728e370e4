/* SPDX-License-Identifier: GPL-2.0 */
#include "web/web.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/loop.h"
#include "base/secret.h"
#include "conf/conf.h"
#include "store/store.h"
#include "web/tls.h"
#include "web/web_internal.h"

static int start(struct web *w, int fd, const struct web_tls *tls, char **ret_why)
{
	struct httpd_opts h = { .loop = w->loop,
				.fd = fd,
				.unix_socket = !strncmp(w->conf->web_listen, "unix:", 5),
				.one_peer = w->conf->web_proxy,
				.cert = tls ? tls->cert : NULL,
				.key = tls ? tls->key : NULL,
				.handle = web_handle,
				.opened = stream_opened,
				.gone = stream_gone,
				.arg = w };
	_cleanup_(buf_done) struct buf uuid = BUF_INIT(256);
	const char *port = strrchr(w->conf->web_listen, ':');
	int err = store_setting_get(w->store, "cluster_uuid", &uuid);

	if (err == -ENOENT)
		err = 0;

	if (!err && !(w->cluster = strdup(buf_str(&uuid))))
		err = -ENOMEM;
	snprintf(w->cookie, sizeof(w->cookie), "ajar%s", h.unix_socket || !port ? "" : port + 1);
	if (!err && *w->conf->web_secret)
		err = secret_read(w->conf->web_secret, &w->secret, ret_why);
	if (!err)
		err = state_new(w->conf->health_silent_ns, w->racks, &w->state);
	if (err) {
		close(fd);
		return err;
	}
	err = httpd_new(&h, &w->httpd, ret_why);
	return err ? err : refresh_watch(w);
}

static int name_files(struct web *w, const char *folder)
{
	const char *accounts = w->conf->web_accounts;

	if (*accounts)
		w->accounts = strdup(accounts);
	else if (asprintf(&w->accounts, "%s" WEB_ACCOUNTS_FILE, folder) < 0)
		w->accounts = NULL;
	if (asprintf(&w->token_file, "%s" WEB_TOKEN_FILE, folder) < 0)
		w->token_file = NULL;
	return w->accounts && w->token_file ? 0 : -ENOMEM;
}

int web_new(const struct web_opts *o, struct web **ret_w, char **ret_why)
{
	struct web *w = calloc(1, sizeof(*w));
	int err;

	if (!w) {
		close(o->fd);
		return -ENOMEM;
	}
	w->loop = o->loop;
	w->store = o->store;
	w->conf = o->conf;
	w->local = o->local;
	w->racks = o->racks;
	w->dirty = true;
	if (name_files(w, o->folder)) {
		close(o->fd);
		err = -ENOMEM;
	} else {
		err = start(w, o->fd, o->tls, ret_why);
	}
	if (err) {
		web_free(w);
		return err;
	}
	*ret_w = w;
	return 0;
}

void web_free(struct web *w)
{
	if (!w)
		return;
	httpd_free(w->httpd); /* its streams go with it */
	loop_remove(w->notifier);
	loop_remove(w->due);
	loop_remove(w->beat);
	for (unsigned i = 0; i < CACHE_LEN; i++) {
		free(w->cache[i].target);
		buf_done(&w->cache[i].body);
	}
	state_free(w->state);
	secret_free(w->secret);
	free(w->cluster);
	free(w->accounts);
	free(w->token_file);
	free(w);
}

int web_conf_check(const struct conf *conf, char **ret_why)
{
	bool local = true;
	int err = httpd_address_check(conf->web_listen, &local, ret_why);

	if (err)
		return err;
	if (!local && !conf->web_proxy && !*conf->web_tls_cert)
		*ret_why = strdup("the web page listens on this machine's loopback alone as long "
				  "as it speaks no TLS: give it a certificate (web.tls-cert and "
				  "web.tls-key), put a proxy before it (web.proxy yes and "
				  "web.proxy-secret), or reach it by 'ssh -L 2527:127.0.0.1:2527'");
	else if (*conf->web_tls_key && !*conf->web_tls_cert)
		*ret_why = strdup("web.tls-key is the key of a certificate: web.tls-cert names "
				  "none");
	else if (*conf->web_tls_cert && !strncmp(conf->web_listen, "unix:", 5))
		*ret_why = strdup("web.tls-cert is for an address: on web.listen unix:/PATH the "
				  "proxy before it does TLS");
	else if (conf->web_proxy && strncmp(conf->web_listen, "unix:", 5) && !*conf->web_secret)
		*ret_why =
			strdup("web.proxy needs web.proxy-secret, a file with what the proxy "
			       "sends in X-Ajar-Secret, or web.listen unix:/PATH: else everybody "
			       "could say who he is");
	else
		return 0;
	return -EINVAL;
}
