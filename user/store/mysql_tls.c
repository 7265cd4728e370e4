/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"

/*
 * The one thing that MySQL's client library and MariaDB's spell differently. Neither verifies by
 * default; MariaDB's "enforce" alone does not either.
 */
#ifdef MARIADB_BASE_VERSION

void my_tls_require(MYSQL *db)
{
	const my_flag yes = 1;

	mysql_options(db, MYSQL_OPT_SSL_ENFORCE, &yes);
	mysql_options(db, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
}

#else

void my_tls_require(MYSQL *db)
{
	const unsigned mode = SSL_MODE_VERIFY_IDENTITY;

	mysql_options(db, MYSQL_OPT_SSL_MODE, &mode);
}

#endif
