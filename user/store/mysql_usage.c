/* SPDX-License-Identifier: GPL-2.0 */
#include "base/clock.h"
#include "store/mysql.h"

#define ROW_BYTES_FOR_NS UINT64_C(3000000000000)
#define ROWS_TELLING 1000 /* estimated rows from which on their average size says something */

/*
 * Of events: the rows we know of, by what a row takes as the server last estimated. Its own figure
 * of the table's size lags behind what was deleted, and a round of pruning that went by it would
 * delete nearly everything. So would one that took the average anew meanwhile: rows go from the
 * estimate at once, their pages when the server gets round to it.
 */
int my_usage(struct store *base, uint64_t rows, struct store_usage *ret)
{
	struct my *s = (struct my *)base;
	_sql_ struct sql q = { .s = base };
	const uint64_t now_ns = clock_boot_ns();
	uint64_t bytes, estimate;
	int err = sql_first(
		&q, "SELECT CAST(coalesce(sum(if(table_name = 'events', 0, data_length + "
		    "index_length)), 0) AS UNSIGNED), CAST(coalesce(sum(if(table_name = 'events', "
		    "data_length + index_length, 0)), 0) AS UNSIGNED), "
		    "CAST(coalesce(sum(if(table_name = 'events', table_rows, 0)), 0) AS UNSIGNED), "
		    "CAST(coalesce(sum(data_length + index_length + data_free), 0) AS UNSIGNED) "
		    "FROM information_schema.tables WHERE table_schema = database()");

	if (err < 0)
		return err;
	bytes = sql_u64(&q, 1);
	estimate = sql_u64(&q, 2);
	if (estimate >= ROWS_TELLING && now_ns >= s->row_bytes_until_ns) {
		s->row_bytes = (double)bytes / (double)estimate;
		s->row_bytes_until_ns = now_ns + ROW_BYTES_FOR_NS;
	}
	if (s->row_bytes_until_ns)
		bytes = (uint64_t)(s->row_bytes * (double)rows);
	ret->used_bytes = sql_u64(&q, 0) + bytes;
	ret->file_bytes = sql_u64(&q, 3);
	if (ret->file_bytes < ret->used_bytes)
		ret->file_bytes = ret->used_bytes;
	return 0;
}
