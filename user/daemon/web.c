/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/notify.h"
#include "base/proc.h"
#include "conf/conf.h"
#include "conf/paths.h"
#include "conf/racks_file.h"
#include "core/racks.h"
#include "daemon/daemon.h"
#include "daemon/role.h"
#include "web/http.h"
#include "web/tls.h"
#include "web/web.h"

/*
 * The web page: reads the store and writes nothing there; what people ask for it hands in for the
 * monitor (store/requests.h). A process of its own, so that what strangers send, and the library
 * that reads it, are near neither the judge nor a handle that can write.
 */
#define AGAIN_NS UINT64_C(30000000000)
#define FILES_MAX 4096 /* more than connections */

struct server {
	struct role role;
	const struct conf *conf;
	struct web *web;
	struct racks *racks; /* or NULL */
	struct web_tls tls;
	struct loop_source *again;
	bool warned;
	const char *login; /* for whom the first URL is; NULL: for nobody */
};

static int announce(struct server *sv)
{
	char url[WEB_URL_MAX];
	int err;

	if (!sv->login || sv->conf->web_proxy) {
		log_info("the web page listens on %s", sv->conf->web_listen);
		return 0;
	}
	err = web_login_url(sv->web, sv->login, url);
	if (err)
		return log_err(err, "cannot make an address for logging in");
	log_info("web page: %s (works once, within 15 minutes; 'ajar web login' prints another)",
		 url);
	return 0;
}

/* *ret_later: the address is taken, and whoever supervises us wants the rest all the same. */
static int serve(struct server *sv, bool *ret_later)
{
	struct web_opts o = { .loop = sv->role.loop,
			      .store = sv->role.store,
			      .conf = sv->conf,
			      .racks = sv->racks,
			      .tls = &sv->tls };
	_cleanup_(buf_done) struct buf folder = BUF_INIT(4096);
	_free_ char *why = NULL;
	int err = httpd_listen(sv->conf->web_listen, &o.fd, &o.local, &why);

	*ret_later = err == -EADDRINUSE && getenv(PROC_SUPERVISOR_ENV);
	if (*ret_later) {
		if (!sv->warned)
			log_warn("%s; tried again every 30 s", why ? why : "the address is taken");
		sv->warned = true;
		return 0;
	}
	/* The embedded store's folder is where we are. */
	buf_puts(&folder, "");
	if (*sv->conf->store_uri && !paths_store_dir(sv->conf, &folder))
		buf_putc(&folder, '/');
	o.folder = buf_str(&folder);
	if (!err)
		err = web_new(&o, &sv->web, &why);
	if (err)
		return why ? log_usage("%s", why) : log_err(err, "cannot set up the web page");
	return announce(sv);
}

static int on_again(void *arg)
{
	struct server *sv = arg;
	bool later = false;
	int err = serve(sv, &later);

	return err || !later ? err : loop_timer_set(sv->again, AGAIN_NS, 0);
}

static void allow_files(void)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur >= FILES_MAX)
		return;
	l.rlim_cur = l.rlim_max < FILES_MAX ? l.rlim_max : FILES_MAX;
	(void)setrlimit(RLIMIT_NOFILE, &l);
}

static int server(struct server *sv)
{
	_free_ char *why = NULL;
	bool later = false;
	int err;

	if (!strcmp(sv->conf->web_listen, "off"))
		return log_usage("web.listen is off: give --web ADDRESS:PORT");
	if (web_conf_check(sv->conf, &why))
		return log_usage("%s", why ? why : "the web page cannot be set up so");
	allow_files();
	/* With the rights that we begin with: what an administrator names need not be open to all. */
	err = *sv->conf->web_racks ? racks_read(sv->conf->web_racks, &sv->racks, &why) : 0;
	if (err)
		return log_usage("%s", why ? why : "web.racks cannot be read");
	if (web_tls_read(sv->conf, &sv->tls, &why))
		return log_usage("%s", why ? why : "web.tls-cert cannot be read");
	err = role_start(sv->conf, false, &sv->role);
	if (err)
		return err > 0 ? 0 : err; /* told to stop before there was a store */
	err = loop_add_timer(sv->role.loop, on_again, sv, &sv->again);
	if (!err)
		err = serve(sv, &later);
	if (!err && later)
		err = loop_timer_set(sv->again, AGAIN_NS, 0);
	if (!err)
		err = notify_send("READY=1");
	if (err)
		return err;
	err = loop_run(sv->role.loop);
	return err ? log_err(err, "the web page stops") : 0;
}

int daemon_web(const struct daemon_opts *o)
{
	struct server sv = { .role = ROLE_INIT("web"), .conf = o->conf, .login = o->login };
	int err;

	log_init("ajar-web");
	role_log_level(o->quiet);
	sv.role.read_only = true;
	err = server(&sv);
	web_free(sv.web);
	racks_free(sv.racks);
	web_tls_done(&sv.tls);
	role_done(&sv.role);
	return err ? AJAR_EXIT_ERROR : AJAR_EXIT_OK;
}
