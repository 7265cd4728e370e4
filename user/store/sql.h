/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_SQL_H
#define AJAR_STORE_SQL_H

#include "store/driver.h"

/*
 * Statements that every SQL server takes as they stand, written once for all drivers: "?" in order, no upsert, no server's own
 * functions. For the groups of operations where a driver has nothing to say of its own (scans*.c). The text is constant
 * and its address is the key of the drivers' caches; values are always bound, and borrowed until the statement is put back.
 */
struct store_sql {
	int (*get)(struct store *s, const char *text, void **ret_st);
	void (*put)(struct store *s, void *st);
	int (*step)(struct store *s, void *st); /* 1: a row; 0: done; or a negative errno */
	int (*run)(struct store *s, void *st, uint64_t *ret_changed);
	void (*u64)(void *st, unsigned i, uint64_t v); /* i from 1 */
	void (*str)(void *st, unsigned i, const char *v); /* NULL binds "" */
	void (*blob)(void *st, unsigned i, const void *p, size_t n);
	uint64_t (*col_u64)(void *st, unsigned i); /* i from 0 */
	const char *(*col_str)(void *st, unsigned i); /* never NULL */
	struct text (*col_blob)(void *st, unsigned i);
	uint64_t (*last_id)(struct store *s, void *st); /* of the row that run() has inserted */
	int (*node_id)(struct store *s, const char *node, uint64_t *ret_id); /* -ENOENT */
	int (*node_make)(struct store *s, const char *node, const char *host_type, uint64_t now_ns, uint64_t *ret_id);
	bool server; /* see SQL_TEXT */
	int (*lock_log)(struct store *s); /* alert_log's numbers are drawn one transaction after the other; NULL: they are anyway */
};

/*
 * The few texts that cannot be the same: that of a server (MySQL, MariaDB), which has rows to lock, and that of SQLite, whose
 * writers are alone. Both take the same values in the same order.
 */
#define SQL_TEXT(s, on_server, on_sqlite) ((s)->ops->sql->server ? on_server : on_sqlite)
#define SQL_LOCKED(s, text) SQL_TEXT(s, text " FOR UPDATE", text)

struct sql {
	struct store *s;
	void *st;
};
void sql_done(struct sql *q); /* puts it back; a struct sql may then be used again */
#define _sql_ _cleanup_(sql_done)

/* Binds, in order: 'u' a uint64_t, 's' a string, 'b' bytes and how many (a size_t). */
must_check int sql_get(struct sql *q, const char *text, const char *types, ...);
must_check int sql_step(struct sql *q);
/* get, run and put back. *ret_changed may be NULL. */
must_check int sql_run(struct store *s, uint64_t *ret_changed, const char *text, const char *types, ...);
uint64_t sql_u64(const struct sql *q, unsigned i);
const char *sql_str(const struct sql *q, unsigned i);
/* Copies a value of exactly n bytes; leaves to alone if it is anything else. */
void sql_copy(const struct sql *q, unsigned i, uint8_t *to, size_t n);
struct text sql_blob(const struct sql *q, unsigned i);
uint64_t sql_last_id(const struct sql *q);
must_check int sql_now(struct store *s, uint64_t *ret_ns);
must_check int sql_node_id(struct store *s, const char *node, uint64_t *ret_id);

/* The same for a statement that stays in use, for sql_last_id(). */
must_check int sql_exec(struct sql *q, const char *text, const char *types, ...);

extern const struct store_sql sq_sql, my_sql;

#endif
