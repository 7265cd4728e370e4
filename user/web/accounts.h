/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_WEB_ACCOUNTS_H
#define AJAR_WEB_ACCOUNTS_H

#include <stdbool.h>

#include "base/err.h"
#include "web/session.h"

/*
 * The accounts of the web page, a file that its owner alone can read, one account a line:
 *
 * 	NAME:ROLE:HASH
 *
 * NAME: 1 to LOGIN_MAX of [A-Za-z0-9._@-]. ROLE: viewer, operator or approver. HASH: as crypt(5)
 * writes it (yescrypt), or "*": no password, a proxy says who it is. Empty lines and lines that
 * begin with '#' are passed over. A file with a line that is none of these is refused as a whole.
 */
#define ACCOUNTS_MAX 1000
#define ACCOUNTS_BYTES_MAX (256 << 10)
#define PASSWORD_MIN 10
#define PASSWORD_MAX 256

struct account {
	char *name, *hash;
	enum web_role role;
};
struct accounts {
	unsigned len;
	struct account *all;
};

/* A missing file is an empty one. *ret_why (caller frees): one line with the place. */
must_check int accounts_read(const char *path, struct accounts *ret, char **ret_why);
must_check int accounts_parse(char *text, const char *path, struct accounts *ret, char **ret_why);
void accounts_done(struct accounts *as);
must_check int accounts_write(const char *path, const struct accounts *as);

bool account_name_ok(const char *name);
const struct account *accounts_find(const struct accounts *as, const char *name);
/* New or instead; hash is copied. */
must_check int accounts_put(struct accounts *as, const char *name, enum web_role role,
			    const char *hash);
must_check int accounts_remove(struct accounts *as, const char *name); /* -ENOENT */

/* A hash of the password, for the file (caller frees). */
must_check int account_hash(const char *password, char **ret_hash);
/*
 * The account of that name if the password is its own, else NULL. Takes as long (some 50 ms of
 * CPU) when there is no such account.
 */
const struct account *accounts_check(const struct accounts *as, const char *name,
				     const char *password);

#endif
