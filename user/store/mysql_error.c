/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"

#include <errno.h>
#include <string.h>

/*
 * What the server's and the client library's error numbers mean to us. The class (store_fault())
 * follows from the errno: try the same again, put the batch aside, or stop and call a person. The
 * numbers are those of MySQL 8 to 9 and MariaDB 10.11.
 */
static const struct meaning {
	unsigned number;
	int err;
	const char *remedy;
} meanings[] = {
	/* Retry: at once where two writers met, later where the server is away. */
	{ 1213, -STORE_E_UNDONE,
	  NULL }, /* deadlock, or a cluster's certification: the whole transaction is undone */
	{ 1205, -STORE_E_UNDONE, NULL }, /* lock wait timeout, MariaDB's NOWAIT too */
	{ 3572, -STORE_E_UNDONE, NULL }, /* the same of MySQL's NOWAIT */
	{ 1020, -STORE_E_UNDONE, NULL }, /* the row has changed since it was read */
	{ 1412, -STORE_E_UNDONE, NULL }, /* the table was changed while the transaction was open */
	{ 1615, -STORE_E_UNDONE, NULL }, /* prepared statement needs to be re-prepared */
	{ 3101, -STORE_E_UNDONE, NULL }, /* group replication: rolled back by certification */
	{ 2002, -ECONNREFUSED, "is the server running?" },
	{ 2003, -ECONNREFUSED, "is the server running?" },
	{ 2005, -ENOENT, "no such host: see --store" },
	{ 2006, -ENOTCONN, NULL }, /* gone away: the commit may or may not have happened */
	{ 2013, -ENOTCONN, NULL }, /* lost during the query: likewise */
	{ 2055, -ENOTCONN, NULL },
	{ 1053, -ENOTCONN, NULL }, /* server shutdown in progress */
	{ 1080, -ENOTCONN, NULL },
	{ 1152, -ENOTCONN, NULL },
	{ 1158, -ENOTCONN, NULL },
	{ 1159, -ENOTCONN, NULL },
	{ 1160, -ENOTCONN, NULL },
	{ 1161, -ENOTCONN, NULL },
	{ 1243, -ENOTCONN, NULL }, /* unknown statement handler: the session is another one */
	{ 1317, -EINTR, NULL },
	{ 1969, -EINTR, NULL }, /* took longer than the server allows, MariaDB */
	{ 3024, -EINTR, NULL }, /* the same, MySQL */
	{ 1927, -ENOTCONN, NULL }, /* connection was killed */
	{ 4031, -ENOTCONN, NULL }, /* disconnected for inactivity */
	{ 1040, -EBUSY, "too many connections: raise max_connections" },
	{ 1203, -EBUSY, "too many connections of this account" },
	{ 1226, -EBUSY, "the account's resources are used up" },
	{ 1461, -EBUSY, "raise max_prepared_stmt_count" },
	{ 1129, -EBUSY, "the server has blocked this host: mysqladmin flush-hosts" },
	{ 1206, -EBUSY, NULL }, /* its table of locks is full */
	{ 1637, -EBUSY, NULL }, /* too many transactions at once */
	{ 1047, -EAGAIN, "this node is not in the cluster's primary part" },
	{ 1180, -EAGAIN, "the cluster refused the commit" },
	{ 3100, -EAGAIN, "the group refused the commit" },
	{ 1290, -EROFS, "the server is read-only: give the primary's host" },
	{ 1792, -EROFS, NULL }, /* a read-only transaction: a verb that only looks tried to write */
	{ 1836, -EROFS, "the server is read-only: give the primary's host" },
	{ 1021, -ENOSPC,
	  "the server's disk is full: make room; until then the journals keep what is new" },
	{ 1114, -ENOSPC,
	  "the server's disk is full: make room; until then the journals keep what is new" },
	{ 3, -ENOSPC, "the server cannot write its files: is its disk full?" },
	{ 1026, -ENOSPC, "the server cannot write its files: is its disk full?" },
	{ 1197, -ENOSPC, "raise max_binlog_cache_size" },
	{ 1534, -ENOSPC, "the server cannot write its binary log: is its disk full?" },
	{ 1598, -ENOSPC, "the server cannot write its binary log: is its disk full?" },
	{ 1041, -ENOMEM, NULL },
	{ 1037, -ENOMEM, NULL },
	{ 1038, -ENOMEM, NULL },
	{ 2008, -ENOMEM, NULL },
	/* Quarantine: this batch will never be taken. */
	{ 1153, -E2BIG, "raise max_allowed_packet to 16M" },
	{ 2020, -E2BIG, "raise max_allowed_packet to 16M" },
	{ 1390, -E2BIG, NULL },
	{ 1264, -ERANGE, NULL },
	{ 1690, -ERANGE, NULL },
	{ 1265, -EILSEQ, NULL },
	{ 1292, -EILSEQ, NULL },
	{ 1300, -EILSEQ, NULL },
	{ 1366, -EILSEQ, NULL },
	{ 1406, -EILSEQ, NULL },
	{ 3819, -EILSEQ, NULL }, /* a CHECK, MySQL */
	{ 4025, -EILSEQ, NULL }, /* the same, MariaDB */
	{ 1062, -EEXIST, NULL },
	/* Stop: a person must look. */
	{ 1045, -EACCES, "wrong user or password, or the account wants a client certificate" },
	{ 1130, -EACCES, "the server does not let this host in" },
	{ 1044, -EACCES, "the account may not use this database" },
	{ 1142, -EPERM, "the account lacks a privilege" },
	{ 1143, -EPERM, "the account lacks a privilege" },
	{ 1227, -EPERM, "the account lacks a privilege" },
	{ 1369, -EPERM, "the account is bound to another node" },
	{ 1370, -EPERM, "the account lacks a privilege" },
	{ 1449, -EPERM,
	  "the account that made the schema is gone, and what nodes use runs with its rights: make "
	  "it again" },
	{ 1644, -EPERM, NULL }, /* a trigger or a procedure said no */
	{ 1419, -EPERM,
	  "with the binary log on, migrate as an account with SUPER, or SET GLOBAL "
	  "log_bin_trust_function_creators = 1" },
	{ 1820, -EACCES, "the password has expired" },
	{ 1862, -EACCES, "the password has expired" },
	{ 3118, -EACCES, "the account is locked" },
	{ 4151, -EACCES, "the account is locked" },
	{ 1251, -EACCES, "the account's authentication plugin is not known here" },
	{ 1524, -EACCES, "the account's authentication plugin is not known to the server" },
	{ 2059, -EACCES, "the account's authentication plugin is not known here" },
	{ 2026, -STORE_E_TLS,
	  "TLS failed: compare ca=, cert= and key= with the server's certificate, its names and "
	  "dates" },
	{ 3098, -EOPNOTSUPP, "the replication group does not take this table" },
	{ 1049, -STORE_E_DATABASE, "make it once: CREATE DATABASE with CHARACTER SET utf8mb4" },
	{ 1146, -STORE_E_OLD, "the schema is not what it should be: run 'ajar db migrate'" },
	{ 1054, -STORE_E_OLD, "the schema is not what it should be: run 'ajar db migrate'" },
	{ 1305, -STORE_E_OLD, "the schema is not what it should be: run 'ajar db migrate'" },
	{ 1193, -EOPNOTSUPP, "this server is too old: MySQL 8 or MariaDB 10.11 at least" },
};

/* Why TLS failed, as far as the client library's words tell. */
static const char *tls_remedy(const char *words)
{
	static const struct {
		const char *has, *remedy;
	} reasons[] = {
		{ "expired",
		  "TLS failed: the server's certificate has run out, or this machine's clock is "
		  "ahead "
		  "(look at 'date -u'): give the server a new one, then 'FLUSH SSL' there" },
		{ "not yet valid", "TLS failed: the server's certificate is of a later day than "
				   "this machine's clock "
				   "says: look at 'date -u'" },
		{ "Validation of SSL server certificate",
		  "TLS failed: the server's certificate is not for this name: write the host in "
		  "the "
		  "URI as its subjectAltName has it, or give the server one with this name" },
	};

	for (size_t i = 0; i < array_len(reasons); i++) {
		if (strstr(words, reasons[i].has))
			return reasons[i].remedy;
	}
	return NULL;
}

static const struct meaning *meaning_of(unsigned number)
{
	for (size_t i = 0; i < array_len(meanings); i++) {
		if (meanings[i].number == number)
			return &meanings[i];
	}
	return NULL;
}

int my_errno(unsigned number)
{
	const struct meaning *m = meaning_of(number);

	return m ? m->err : -EIO;
}

bool my_is_lost(unsigned number)
{
	return my_errno(number) == -ENOTCONN;
}

int my_fail(struct my *s, struct my_stmt *st)
{
	unsigned number = st && st->st ? mysql_stmt_errno(st->st) : mysql_errno(s->db);
	const char *words = st && st->st ? mysql_stmt_error(st->st) : mysql_error(s->db);
	const struct meaning *m = meaning_of(number);
	const char *tls = number == 2026 ? tls_remedy(words) : NULL;
	const char *remedy = tls ? tls : m && m->remedy ? m->remedy : "";

	/* Encrypted, a line that is cut is a failure of TLS; of what was agreed on, no longer. */
	if (number == 2026 && s->connected) {
		s->lost = true;
		return store_set_why(&s->base, -ENOTCONN, "store %s: the connection was lost: %s",
				     s->base.shown, words);
	}
	if (my_is_lost(number))
		s->lost = true;
	if (number ==
	    2014) /* commands out of sync: ours is the mistake, and a new connection fixes it */
		s->lost = true;
	return store_set_why(&s->base, my_errno(number), "store %s: %s (%u)%s%s", s->base.shown,
			     words, number, *remedy ? ": " : "", remedy);
}

int my_warned(struct my *s)
{
	MYSQL_RES *res;
	MYSQL_ROW row;
	int err = 0;

	if (mysql_real_query(s->db, "SHOW WARNINGS", 13))
		return my_fail(s, NULL);
	res = mysql_store_result(s->db);
	if (!res)
		return my_fail(s, NULL);
	while (!err && (row = mysql_fetch_row(res))) {
		if (strcmp(row[1], "1062"))
			err = store_set_why(
				&s->base, -EILSEQ,
				"store %s: the server would change a value on its way in: "
				"%s (%s)",
				s->base.shown, row[2], row[1]);
	}
	mysql_free_result(res);
	return err;
}
