/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/parse.h"
#include "conf/conf.h"
#include "web/accounts.h"
#include "web/login_body.h"
#include "web/web_internal.h"

/*
 * Logging in: by a URL that works once, by name and password, or by what a proxy says. The store's
 * folder is the process's working directory where the store is embedded; tokens and accounts lie
 * there unless the configuration says otherwise.
 */
#define NS_PER_S UINT64_C(1000000000)
#define LOGINS_BURST 10.0 /* passwords tried at once, by everybody together */
#define LOGINS_PER_S 0.2
#define NAME_URL_MAX 260 /* bytes of a host name and a port; a longer one is not put into a URL */

static void set_cookie(const struct web *w, struct httpd_answer *a, const char *token)
{
	snprintf(a->cookie, sizeof(a->cookie),
		 "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%u%s", w->cookie, token,
		 *token ? (unsigned)(SESSION_LIFE_NS / NS_PER_S) : 0,
		 w->conf->web_proxy || *w->conf->web_tls_cert ? "; Secure" : "");
}

static int begin(struct web *w, struct httpd_answer *a, const char *login, enum web_role role,
		 struct session **ret_se)
{
	char token[TOKEN_TEXT];
	int err = session_new(&w->sessions, login, role, clock_boot_ns(), token, ret_se);

	if (!err)
		set_cookie(w, a, token);
	return err;
}

/* --- by a proxy ------------------------------------------------------------------------------------------- */

/* Who the proxy says it is, if it is the proxy that says so. */
static const char *proxied(const struct web *w, const struct httpd_request *rq)
{
	if (!w->conf->web_proxy || !rq->user || !account_name_ok(rq->user))
		return NULL;
	if (w->secret && (!rq->secret || !same_text(rq->secret, w->secret)))
		return NULL;
	return w->secret || rq->unix_socket ? rq->user : NULL;
}

static struct session *proxy_session(struct web *w, struct httpd_answer *a, const char *login)
{
	struct accounts as = { 0 };
	const struct account *account;
	struct session *se = NULL;
	_free_ char *why = NULL;

	if (accounts_read(w->accounts, &as, &why))
		log_warn("%s", why ? why : "the accounts cannot be read");
	account = accounts_find(&as, login);
	if (account && begin(w, a, login, account->role, &se))
		se = NULL;
	accounts_done(&as);
	return se;
}

struct session *web_session(struct web *w, const struct httpd_request *rq, struct httpd_answer *a)
{
	const char *login = proxied(w, rq);
	char token[TOKEN_TEXT];
	struct session *se = NULL;

	if (!cookie_get(rq->cookie, w->cookie, token, sizeof(token)))
		se = session_find(&w->sessions, token, clock_boot_ns());
	if (!w->conf->web_proxy)
		return se;
	/* Behind a proxy its word counts, whatever cookie comes along. */
	if (!login)
		return NULL;
	return se && !strcmp(se->login, login) ? se : proxy_session(w, a, login);
}

/* --- by a URL ---------------------------------------------------------------------------------------------- */

void web_url(const struct conf *conf, const char *token, char to[WEB_URL_MAX])
{
	const char *listen = conf->web_listen,
		   *name = conf->web_names + strspn(conf->web_names, " ");
	int n = (int)strcspn(name, " ");
	bool tls = *conf->web_tls_cert,
	     port = n && name[n - 1] != ']' && memchr(name, ':', (size_t)n);

	if (!tls || !n || n > NAME_URL_MAX)
		snprintf(to, WEB_URL_MAX, "http%s://%s/login?token=%s", tls ? "s" : "", listen,
			 token);
	else
		snprintf(to, WEB_URL_MAX, "https://%.*s%s/login?token=%s", n, name,
			 port ? "" : strrchr(listen, ':'), token);
}

int web_login_url(struct web *w, const char *login, char to[WEB_URL_MAX])
{
	char token[TOKEN_TEXT];
	int err = once_new(&w->sessions, login, ROLE_APPROVER, clock_boot_ns(), token);

	if (!err)
		web_url(w->conf, token, to);
	return err;
}

/* "HASH ENDS LOGIN", as `ajar web login` writes it. */
int web_token_write(const char *path, const char *login, const char *token)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(512);
	uint8_t hash[SHA256_LEN];

	token_hash(token, hash);
	buf_put_hex(&b, hash, sizeof(hash));
	buf_printf(&b, " %llu %s\n",
		   (unsigned long long)((clock_wall_ns() + ONCE_LIFE_NS) / NS_PER_S), login);
	return b.err ? b.err : file_write_atomic(AT_FDCWD, path, b.data, b.len, 0640);
}

/* Whoever can write there could as well read the store: what it says needs no further proof. */
static bool take_file_token(const struct web *w, const char *token, struct once *ret_once)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(512), mine = BUF_INIT(128);
	char *ends, *login;
	uint8_t hash[SHA256_LEN];
	uint64_t ends_s;

	buf_puts(&b, "");
	if (file_read(AT_FDCWD, w->token_file, &b))
		return false;
	token_hash(token, hash);
	buf_put_hex(&mine, hash, sizeof(hash));
	ends = strchr(b.data, ' ');
	login = ends ? strchr(ends + 1, ' ') : NULL;
	if (!login)
		return false;
	*ends++ = *login++ = '\0';
	login[strcspn(login, "\n")] = '\0';
	if (!same_text(b.data, buf_str(&mine)) || parse_u64(ends, &ends_s) ||
	    !account_name_ok(login))
		return false;
	if (unlink(w->token_file) || clock_wall_ns() / NS_PER_S > ends_s)
		return false;
	*ret_once = (struct once){ .role = ROLE_APPROVER };
	snprintf(ret_once->login, sizeof(ret_once->login), "%s", login);
	return true;
}

static void login_by_token(struct web *w, const char *token, struct httpd_answer *a)
{
	struct session *se;
	struct once once;

	a->status = 303;
	a->location = "/?login=failed";
	if (strlen(token) != TOKEN_TEXT - 1 || w->conf->web_proxy)
		return;
	if (once_take(&w->sessions, token, clock_boot_ns(), &once) &&
	    !take_file_token(w, token, &once))
		return;
	if (!begin(w, a, once.login, once.role, &se))
		a->location = "/";
}

/* --- by a password ----------------------------------------------------------------------------------------- */

static bool may_try(struct web *w)
{
	uint64_t now_ns = clock_boot_ns();

	w->login_tokens = w->login_at_ns ? w->login_tokens + (double)(now_ns - w->login_at_ns) *
								     LOGINS_PER_S / 1e9
					 : LOGINS_BURST;
	if (w->login_tokens > LOGINS_BURST)
		w->login_tokens = LOGINS_BURST;
	w->login_at_ns = now_ns;
	if (w->login_tokens < 1)
		return false;
	w->login_tokens--;
	return true;
}

static void login_by_password(struct web *w, const struct httpd_request *rq, struct httpd_answer *a)
{
	const struct account *account;
	struct accounts as = { 0 };
	_free_ char *why = NULL;
	struct login_body body;
	struct session *se;
	int err;

	if (login_body_parse(rq->body, rq->body_len, &body)) {
		api_error(a, 400, "send {\"name\":...,\"password\":...}", "this is no login");
		return;
	}
	if (!may_try(w)) {
		a->retry_s = 2;
		api_error(a, 429, "wait some seconds", "too many tries");
		explicit_bzero(&body, sizeof(body));
		return;
	}
	err = accounts_read(w->accounts, &as, &why);
	if (err)
		log_warn("%s", why ? why : "the accounts cannot be read");
	account = accounts_check(&as, body.name, body.password);
	explicit_bzero(&body, sizeof(body));
	if (!account)
		api_error(a, 401, "'ajar web user' on the server lists and makes accounts",
			  "the name or the password is wrong");
	else if (begin(w, a, account->name, account->role, &se))
		api_error(a, 503, "try again", "no session could be made");
	else
		a->status = 204;
	accounts_done(&as);
}

void web_login(struct web *w, const struct httpd_request *rq, const struct query *q,
	       struct httpd_answer *a)
{
	const char *token = query_arg(q, "token");

	if (!strcmp(rq->method, "GET"))
		login_by_token(w, token ? token : "", a);
	else if (strcmp(rq->method, "POST") || w->conf->web_proxy)
		api_error(a, 405, "GET with a token, or POST with a password", "not so");
	else if (!rq->content_type || strncmp(rq->content_type, "application/json", 16))
		api_error(a, 400, "send Content-Type: application/json", "this is no login");
	else
		login_by_password(w, rq, a);
}

void web_logout(struct web *w, const struct httpd_request *rq, struct httpd_answer *a)
{
	struct session *se = web_session(w, rq, a);

	if (strcmp(rq->method, "POST") || !se || !rq->csrf || !same_text(rq->csrf, se->csrf)) {
		api_error(a, 403, "POST with the session's X-CSRF", "not logged out");
		return;
	}
	session_end(se);
	set_cookie(w, a, "");
	a->status = 204;
}

void web_login_ways(const struct web *w, struct jsonw *json)
{
	struct stat st;

	jsonw_arr(json, "login");
	if (w->conf->web_proxy)
		jsonw_str(json, NULL, "proxy");
	else
		jsonw_str(json, NULL, "url");
	if (!w->conf->web_proxy && !stat(w->accounts, &st))
		jsonw_str(json, NULL, "password");
	jsonw_end_arr(json);
}
