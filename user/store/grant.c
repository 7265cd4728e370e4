/* SPDX-License-Identifier: GPL-2.0 */
#include "store/grant.h"

#include <errno.h>
#include <string.h>

#include "store/wrap.h"

#define LOGIN_MAX 32 /* MySQL's limit; MariaDB has 80 */

const char *store_role_name(enum store_role role)
{
	static const char *const names[] = {
		[ACCOUNT_OWNER] = "owner",	   [ACCOUNT_NODE] = "node",
		[ACCOUNT_MONITOR] = "monitor",	   [ACCOUNT_WEB] = "web",
		[ACCOUNT_RETENTION] = "retention", [ACCOUNT_NOTIFY] = "notify",
		[ACCOUNT_REPORT] = "report",
	};

	return (unsigned)role < array_len(names) ? names[role] : "unknown";
}

static int no_accounts(struct store *s)
{
	return store_set_why(
		s, -EOPNOTSUPP,
		"a store of the %s driver has no accounts: who may read its file may read "
		"all of it; accounts are a server's (--store mysql://...)",
		s->ops->name);
}

/*
 * GRANT and CREATE USER take no bound values, so what goes into them is held to letters that mean
 * nothing there.
 */
static int check_text(struct store *s, const char *what, const char *text, const char *letters,
		      size_t max)
{
	static const char alnum[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t len = strlen(text);

	if (!len || len > max)
		return store_set_why(s, -EINVAL, "%s has 1 to %zu letters, '%.80s' has %zu", what,
				     max, text, len);
	for (size_t i = 0; i < len; i++) {
		if (!strchr(alnum, text[i]) && !strchr(letters, text[i]))
			return store_set_why(s, -EINVAL,
					     "%s '%.80s': only letters, digits and %s are allowed",
					     what, text, letters);
	}
	return 0;
}

static int check_grant(struct store *s, const struct store_grant *g)
{
	static const char dn[] = " /=.,:;@_-+*()&#";
	int err = check_text(s, "an account's name", g->login, "._-", LOGIN_MAX);

	if (!err)
		err = check_text(s, "an account's host", g->from, ".:%_-/", 255);
	if (!err && g->role == ACCOUNT_NODE)
		err = store_check_name(s, "node", g->node);
	if (!err && g->role == ACCOUNT_NODE && g->host_type)
		err = store_check_name(s, "node class", g->host_type);
	if (!err && g->subject)
		err = check_text(s, "a certificate's subject", g->subject, dn, 512);
	if (!err && g->issuer)
		err = check_text(s, "a certificate's issuer", g->issuer, dn, 512);
	/* The reason must not show it, nor the part of it that check_text() gives. */
	if (!err && g->password &&
	    check_text(s, "a password", g->password, "!#$%&()*+,-./:;<=>?@[]^_{|}~", 256))
		return store_set_why(s, -EINVAL,
				     "a password has 1 to 256 printable letters without "
				     "blanks, quotes and backslashes");
	return err;
}

int store_grant(struct store *s, const struct store_grant *g, bool dry, struct buf *sql,
		bool *ret_new)
{
	bool made = false;
	int err = s->ops->grant ? check_grant(s, g) : no_accounts(s);

	/* Not in a transaction: each CREATE USER and GRANT ends one. */
	if (!err)
		err = s->ops->grant(s, g, dry, sql, &made);
	if (!err && ret_new)
		*ret_new = made;
	return err;
}

int store_revoke(struct store *s, enum store_role role, const char *login, bool dry,
		 struct buf *sql)
{
	int err;

	if (!s->ops->revoke)
		return no_accounts(s);
	err = check_text(s, "an account's name", login, "._-", LOGIN_MAX);
	return err ? err : s->ops->revoke(s, role, login, dry, sql);
}

int store_accounts(struct store *s, store_account_fn fn, void *arg)
{
	return s->ops->accounts ? s->ops->accounts(s, fn, arg) : no_accounts(s);
}

int store_whoami(struct store *s, struct store_whoami *ret, struct buf *too_little,
		 struct buf *too_much)
{
	*ret = (struct store_whoami){ 0 };
	return s->ops->whoami ? s->ops->whoami(s, ret, too_little, too_much) : no_accounts(s);
}
