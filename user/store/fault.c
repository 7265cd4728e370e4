/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "store/store.h"

/*
 * What to do about an error of the store, as a table. A driver maps its own errors to these
 * (mysql_error.c has the numbers of MySQL and MariaDB, sqlite.c those of SQLite); what is not in
 * the table is tried again: a batch may be sent any number of times, and an error nobody has
 * thought of must not lose one.
 */
static const struct fault_row {
	int err;
	enum store_fault fault;
	bool whole; /* it is the store's, and not that of the rows or the names at hand */
} faults[] = {
	/* The same again, later: the server is away, busy, full, or not the primary at present. */
	{ STORE_E_UNDONE, STORE_RETRY, false }, /* two writers met; the server has undone ours */
	{ EAGAIN, STORE_RETRY, true }, /* a cluster without quorum */
	{ EBUSY, STORE_RETRY, true }, /* connections, locks */
	{ ECONNREFUSED, STORE_RETRY, true },
	{ ENOENT, STORE_RETRY, false }, /* the name of the host; a resolver may be away, too */
	{ ENOTCONN, STORE_RETRY,
	  true }, /* lost on the way: what was sent may or may not be committed */
	{ ETIMEDOUT, STORE_RETRY, true },
	{ EINTR, STORE_RETRY, true },
	{ EROFS, STORE_RETRY,
	  true }, /* a replica, until somebody promotes it or names the primary */
	{ ENOSPC, STORE_RETRY, true },
	{ ENOMEM, STORE_RETRY, true },
	{ EIO, STORE_RETRY, false },
	/* These rows will never be taken: put them aside, the others must get through. */
	{ EEXIST, STORE_QUARANTINE, false }, /* the key is taken by other bytes */
	{ ERANGE, STORE_QUARANTINE, false },
	{ EILSEQ, STORE_QUARANTINE, false },
	{ E2BIG, STORE_QUARANTINE, false },
	/* A person must look, and until then nothing is sent. */
	{ EACCES, STORE_STOP, true }, /* password, certificate, account */
	{ EPERM, STORE_STOP, true }, /* a privilege, or another node's name */
	{ EINVAL, STORE_STOP, false }, /* a name, not a row: it would be so with each of them */
	{ STORE_E_DATABASE, STORE_STOP, true }, /* no such database */
	{ STORE_E_OLD, STORE_STOP, true }, /* schema too old */
	{ STORE_E_NEW, STORE_STOP, true }, /* schema too new */
	{ STORE_E_ALTERED, STORE_STOP, true },
	{ STORE_E_FOREIGN, STORE_STOP, true }, /* another cluster's store, or another program's */
	{ STORE_E_DAMAGED, STORE_STOP, true },
	{ STORE_E_TLS, STORE_STOP, true }, /* TLS */
	{ EOPNOTSUPP, STORE_STOP, true }, /* a server that cannot be used */
	{ ENOBUFS, STORE_STOP, false }, /* the shipper's own: its quarantine is full */
};

static const struct fault_row *row_of(int err)
{
	static const struct fault_row unknown = { 0, STORE_RETRY, false };

	for (size_t i = 0; i < array_len(faults); i++) {
		if (faults[i].err == -err)
			return &faults[i];
	}
	return &unknown;
}

enum store_fault store_fault(int err)
{
	return row_of(err)->fault;
}

bool store_is_in_trouble(int err)
{
	return row_of(err)->whole;
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
