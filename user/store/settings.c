/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "base/buf.h"
#include "store/sql.h"
#include "store/wrap.h"

int store_setting_get(struct store *s, const char *name, struct buf *b)
{
	_sql_ struct sql q = { .s = s };
	int ret = sql_first(&q, "SELECT value FROM settings WHERE name = ?", S(name));

	if (ret <= 0)
		return ret ? ret : -ENOENT;
	buf_puts(b, sql_str(&q, 0));
	return b->err;
}

int store_setting_set(struct store *s, const char *name, const char *value)
{
	int err = store_check_name(s, "setting", name);

	return err ? err
		   : write_op(s,
			      sql_run(s, NULL,
				      SQL_UPSERT(s,
						 "INSERT INTO settings (name, value) VALUES (?, ?)",
						 "name", "value = ?"),
				      S(name), S(value), S(value)));
}
