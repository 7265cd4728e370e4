/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "store/store.h"

/*
 * What to do about an error of the store, as a table. A driver maps its own errors to these (mysql_error.c has the
 * numbers of MySQL and MariaDB, sqlite.c those of SQLite); what is not in the table is tried again: a batch may be
 * sent any number of times, and an error nobody has thought of must not lose one.
 */
static const struct fault_row {
	int err;
	enum store_fault fault;
} faults[] = {
	/* The same again, later: the server is away, busy, full, or not the primary at present. */
	{ STORE_E_UNDONE, STORE_RETRY }, /* two writers met; the server has undone ours */
	{ EAGAIN, STORE_RETRY }, /* a cluster without quorum */
	{ EBUSY, STORE_RETRY }, /* connections, locks */
	{ ECONNREFUSED, STORE_RETRY },
	{ ENOENT, STORE_RETRY }, /* the name of the host; a resolver may be away, too */
	{ ENOTCONN, STORE_RETRY }, /* lost on the way: what was sent may or may not be committed */
	{ ETIMEDOUT, STORE_RETRY },
	{ EINTR, STORE_RETRY },
	{ EROFS, STORE_RETRY }, /* a replica, until somebody promotes it or names the primary */
	{ ENOSPC, STORE_RETRY },
	{ ENOMEM, STORE_RETRY },
	{ EIO, STORE_RETRY },
	/* These rows will never be taken: put them aside, the others must get through. */
	{ EEXIST, STORE_QUARANTINE }, /* the key is taken by other bytes */
	{ ERANGE, STORE_QUARANTINE },
	{ EILSEQ, STORE_QUARANTINE },
	{ E2BIG, STORE_QUARANTINE },
	/* A person must look, and until then nothing is sent. */
	{ EACCES, STORE_STOP }, /* password, certificate, account */
	{ EPERM, STORE_STOP }, /* a privilege, or another node's name */
	{ EINVAL, STORE_STOP }, /* a name, not a row: it would be so with each of them */
	{ STORE_E_DATABASE, STORE_STOP }, /* no such database */
	{ STORE_E_OLD, STORE_STOP }, /* schema too old */
	{ STORE_E_NEW, STORE_STOP }, /* schema too new */
	{ STORE_E_ALTERED, STORE_STOP },
	{ STORE_E_FOREIGN, STORE_STOP }, /* another cluster's store, or another program's */
	{ STORE_E_DAMAGED, STORE_STOP },
	{ STORE_E_TLS, STORE_STOP }, /* TLS */
	{ EOPNOTSUPP, STORE_STOP }, /* a server that cannot be used */
	{ ENOBUFS, STORE_STOP }, /* the shipper's own: its quarantine is full */
};

enum store_fault store_fault(int err)
{
	for (size_t i = 0; i < array_len(faults); i++) {
		if (faults[i].err == -err)
			return faults[i].fault;
	}
	return STORE_RETRY;
}

const char *store_error_text(int err)
{
	static const char *const texts[] = {
		[STORE_E_OLD - STORE_E_OLD] = "the schema is too old",
		[STORE_E_NEW - STORE_E_OLD] = "the schema is too new",
		[STORE_E_ALTERED - STORE_E_OLD] = "the schema is another program's",
		[STORE_E_FOREIGN - STORE_E_OLD] = "another store",
		[STORE_E_DAMAGED - STORE_E_OLD] = "damaged",
		[STORE_E_TLS - STORE_E_OLD] = "no safe connection",
		[STORE_E_DATABASE - STORE_E_OLD] = "no such database",
		[STORE_E_UNDONE - STORE_E_OLD] = "undone by another writer",
	};

	if (-err >= STORE_E_OLD && -err <= STORE_E_UNDONE)
		return texts[-err - STORE_E_OLD];
	return strerror(-err);
}
