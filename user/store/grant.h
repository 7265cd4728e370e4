/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_GRANT_H
#define AJAR_STORE_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct buf;
struct store;

/*
 * Accounts of a store that is a server, each with no more rights than its role needs (the table is
 * in sql/README.md). -EOPNOTSUPP: a store without accounts.
 */
enum store_role {
	ACCOUNT_OWNER,
	ACCOUNT_NODE,
	ACCOUNT_MONITOR,
	ACCOUNT_WEB,
	ACCOUNT_RETENTION,
	ACCOUNT_NOTIFY,
	ACCOUNT_REPORT,
};
const char *store_role_name(enum store_role role); /* "node"; "owner" for none */

struct store_grant {
	enum store_role role;
	const char *login; /* the user part of the account */
	const char *from; /* its host part: "%", "10.0.%", "localhost" */
	const char *node, *host_type; /* of a node's account; host_type NULL: what the node says */
	const char *password; /* NULL: that of an account that is there stays */
	/*
	 * X.509 as openssl prints it with -nameopt compat: "/O=Site/CN=node001"; NULL: not asked
	 * for
	 */
	const char *subject, *issuer;
};

/*
 * Makes the account or brings it to what its role may, no less and no more; needs CREATE USER and
 * the right to grant. The statements are appended to sql (optional), the password in them too; dry:
 * only that. -EEXIST: an account of that name is there and was not made here. *ret_new: it was made
 * now (dry: would be, as far as is known).
 */
must_check int store_grant(struct store *s, const struct store_grant *g, bool dry, struct buf *sql,
			   bool *ret_new);
/*
 * Takes it back: the next statement of a connection that is open fails too. What the node has sent
 * stays. -ENOENT: no such account.
 */
must_check int store_revoke(struct store *s, enum store_role role, const char *login, bool dry,
			    struct buf *sql);

struct store_account {
	const char *login, *from, *node; /* node: of a node's account, else NULL */
	enum store_role role;
	uint64_t granted_ns;
};
typedef int (*store_account_fn)(const struct store_account *a, void *arg);
/* Those that store_grant() has made. */
must_check int store_accounts(struct store *s, store_account_fn fn, void *arg);

/*
 * The account this connection has: its role (none: it is the owner's, or not ours), and as texts
 * ("INSERT on events, ...") what it lacks for that role and what it has beyond it.
 */
struct store_whoami {
	enum store_role role;
	char account[256], node[256], cipher[64]; /* cipher "": not encrypted */
};
must_check int store_whoami(struct store *s, struct store_whoami *ret, struct buf *too_little,
			    struct buf *too_much);

#endif
