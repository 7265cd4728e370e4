/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_SQL_H
#define AJAR_STORE_SQL_H

#include "store/driver.h"

/*
 * Statements that all servers take, written once: "?" in order and no function that only one of
 * them has. The text is constant, and its address is the key of the cache of prepared statements.
 * Values are always bound, each with its type:
 *
 * 	err = sql_run(s, &changed, "UPDATE nodes SET host_type = ? WHERE id = ?", S(host_type),
 * 	U(id));
 *
 * A value of the wrong type does not compile, and neither does a number of values that is not that
 * of the question marks (for one text; for one of two texts it is -EINVAL when the statement is
 * run).
 */
enum sql_kind {
	SQL_NULL,
	SQL_U64,
	SQL_STR,
	SQL_BLOB,
	SQL_ESCAPED,
	SQL_WORDS,
	SQL_KEY,
	SQL_KEY_HASH
};
struct sql_arg {
	enum sql_kind kind;
	uint64_t u;
	const void *p; /* borrowed until the statement is put back */
	size_t n;
};
struct sql_args {
	const struct sql_arg *v;
	size_t n;
};

static inline uint64_t sql_same_u64(uint64_t v)
{
	return v;
}

static inline const char *sql_same_str(const char *v)
{
	return v;
}

/* A number without a sign, an enum, a bool. */
#define SQL_U64_OF(v)                                                                              \
	_Generic((v), bool                                                                         \
		 : sql_same_u64, unsigned char                                                     \
		 : sql_same_u64, unsigned short                                                    \
		 : sql_same_u64, unsigned int                                                      \
		 : sql_same_u64, unsigned long                                                     \
		 : sql_same_u64, unsigned long long                                                \
		 : sql_same_u64)(v)
#define SQL_STR_OF(v) _Generic((v), const char * : sql_same_str, char * : sql_same_str)(v)
#define U(v)                                                                                       \
	{                                                                                          \
		.kind = SQL_U64, .u = SQL_U64_OF(v)                                                \
	}
/* an enum's constant, which is an int */
#define CONST(v)                                                                                   \
	{                                                                                          \
		.kind = SQL_U64, .u = (v) + 0 * sizeof(char[(v) >= 0 ? 1 : -1])                    \
	}
#define U_IF(known, v)                                                                             \
	{                                                                                          \
		.kind = (known) ? SQL_U64 : SQL_NULL, .u = SQL_U64_OF(v)                           \
	} /* else NULL */
#define S(v)                                                                                       \
	{                                                                                          \
		.kind = SQL_STR, .p = SQL_STR_OF(v), .u = 1                                        \
	} /* NULL is "" */
#define S_NULL(v)                                                                                  \
	{                                                                                          \
		.kind = SQL_STR, .p = SQL_STR_OF(v)                                                \
	} /* NULL is NULL */
#define B(ptr, len)                                                                                \
	{                                                                                          \
		.kind = SQL_BLOB, .p = (ptr), .n = (len)                                           \
	} /* NULL is NULL */
/* hostile bytes as escaped UTF-8; unknown is NULL */
#define ESCAPED(text)                                                                              \
	{                                                                                          \
		.kind = SQL_ESCAPED, .p = (text).ptr, .n = (text).len                              \
	}
/* the same of an argument vector */
#define WORDS(text)                                                                                \
	{                                                                                          \
		.kind = SQL_WORDS, .p = (text).ptr, .n = (text).len                                \
	}
/*
 * An alert's key, see struct sql_key: what it is compared with; and what only a server's text has,
 * for its column alert_hash.
 */
#define KEY(k)                                                                                     \
	{                                                                                          \
		.kind = SQL_KEY, .p = (k)                                                          \
	}
#define KEY_HASH(k)                                                                                \
	{                                                                                          \
		.kind = SQL_KEY_HASH, .p = (k)                                                     \
	}
#define SQL(...)                                                                                   \
	(struct sql_args)                                                                          \
	{                                                                                          \
		(const struct sql_arg[]){ __VA_ARGS__ },                                           \
			sizeof((const struct sql_arg[]){ __VA_ARGS__ }) / sizeof(struct sql_arg)   \
	}

#define SQL_NO_LIMIT ((uint64_t)INT64_MAX) /* an open end: SQLite has no larger number */

/* The few texts that cannot be the same take the same values in the same order. */
#define SQL_TEXT(s, on_server, on_sqlite) ((s)->ops->sql->server ? on_server : on_sqlite)
/* A server (MySQL, MariaDB) has rows to lock; SQLite's writers are alone. */
#define SQL_LOCKED(s, text) SQL_TEXT(s, text " FOR UPDATE", text)
/* The same of a row that a node may hold as long as it likes: -STORE_E_UNDONE then. */
#define SQL_LOCKED_OR_NOT(s, text) SQL_TEXT(s, text " FOR UPDATE NOWAIT", text)
/* By its key; servers cannot index a text as long as that, and have its SHA-256 beside it. */
#define SQL_BY_KEY(s, before, after)                                                               \
	SQL_TEXT(s, before "alert_hash = ?" after, before "alert_key = ?" after)
/*
 * Inserts, or sets in the row that has this key already; values of both parts are bound one after
 * the other.
 */
#define SQL_UPSERT(s, insert, key, set)                                                            \
	SQL_TEXT(s, insert " ON DUPLICATE KEY UPDATE " set,                                        \
		 insert " ON CONFLICT (" key ") DO UPDATE SET " set)
/*
 * Inserts unless there is a row of that key, which stays as it is. Not IGNORE, which would also
 * swallow broken values.
 */
#define SQL_INSERT_NEW(s, insert, key)                                                             \
	SQL_TEXT(s, insert " ON DUPLICATE KEY UPDATE " key " = " key,                              \
		 insert " ON CONFLICT DO NOTHING")

struct sql_key {
	const char *key;
	uint8_t hash[SHA256_LEN];
};
struct sql_key sql_key(const struct store *s, const char *key);

struct sql {
	struct store *s;
	struct sql_stmt *st;
};
void sql_done(struct sql *q); /* puts it back; a struct sql may then be used again */
#define _sql_ _cleanup_(sql_done)

must_check int sql_get_args(struct sql *q, const char *text, struct sql_args args);
must_check int sql_run_args(struct store *s, uint64_t *ret_changed, const char *text,
			    struct sql_args args);
must_check int sql_exec_args(struct sql *q, const char *text, struct sql_args args);
must_check int sql_first_args(struct sql *q, const char *text, struct sql_args args);

/* Counts while it compiles: up to 64 question marks. */
void sql_wrong_count(void)
	__attribute__((error("the statement has another number of question marks than values")));
#define SQL_MARK_                                                                                  \
	if (at) {                                                                                  \
		n++;                                                                               \
		at = __builtin_strchr(at + 1, '?');                                                \
	}
#define SQL_MARKS8_ SQL_MARK_ SQL_MARK_ SQL_MARK_ SQL_MARK_ SQL_MARK_ SQL_MARK_ SQL_MARK_ SQL_MARK_
static inline __attribute__((always_inline)) size_t sql_marks(const char *text)
{
	const char *at = __builtin_strchr(text, '?');
	size_t n = 0;

	SQL_MARKS8_ SQL_MARKS8_ SQL_MARKS8_ SQL_MARKS8_ SQL_MARKS8_ SQL_MARKS8_ SQL_MARKS8_
		SQL_MARKS8_ return n;
}
#define SQL_CHECKED_(call, text, ...)                                                              \
	({                                                                                         \
		const char *const text_ = (text);                                                  \
		const struct sql_args args_ = SQL(__VA_ARGS__);                                    \
		const size_t marks_ = sql_marks(text_);                                            \
                                                                                                   \
		if (__builtin_constant_p(marks_) && marks_ != args_.n)                             \
			sql_wrong_count();                                                         \
		call;                                                                              \
	})

/* Prepares and binds; sql_step() then gives the rows. */
#define sql_get(q, text, ...) SQL_CHECKED_(sql_get_args(q, text_, args_), text, __VA_ARGS__)
must_check int sql_step(struct sql *q); /* 1: a row; 0: done; or a negative errno */
/* The first row, or 0 when there is none. */
#define sql_first(q, text, ...) SQL_CHECKED_(sql_first_args(q, text_, args_), text, __VA_ARGS__)
/* Runs and puts back. ret_changed (may be NULL): how many rows have another value now. */
#define sql_run(s, ret_changed, text, ...)                                                         \
	SQL_CHECKED_(sql_run_args(s, ret_changed, text_, args_), text, __VA_ARGS__)
/* The same for a statement that stays in use, for sql_last_id(). */
#define sql_exec(q, text, ...) SQL_CHECKED_(sql_exec_args(q, text_, args_), text, __VA_ARGS__)

/* Columns, from 0. */
uint64_t sql_u64(const struct sql *q, unsigned i); /* 0 for NULL */
const char *sql_str(const struct sql *q, unsigned i); /* "" for NULL */
const char *sql_str_null(const struct sql *q, unsigned i); /* NULL for NULL */
struct text sql_blob(const struct sql *q, unsigned i);
/* Copies a value of exactly n bytes; leaves to alone if it is anything else. */
void sql_copy(const struct sql *q, unsigned i, uint8_t *to, size_t n);
uint64_t sql_last_id(const struct sql *q);

/* The one value of a statement without parameters; 0: no row, or NULL. */
must_check int sql_one_u64(struct store *s, const char *text, uint64_t *ret_v);
must_check int sql_now(struct store *s, uint64_t *ret_ns);
must_check int sql_node_id(struct store *s, const char *node, uint64_t *ret_id); /* -ENOENT */
/* Finds it or makes it, and takes its word for its class. */
must_check int sql_node_make(struct store *s, const char *node, const char *host_type,
			     uint64_t now_ns, uint64_t *ret_id);
/* Holds a boot's row on a server. 1: there is one. */
must_check int sql_lock_boot(struct store *s, uint64_t node_id, uint32_t boot_seq,
			     uint64_t *ret_judged_seq);
/* In this order in alerts and in alert_log. */
#define SQL_ALERT_COLS                                                                             \
	"alert_key, kind, severity, state, host_type, nodes, open_count, proto, port, summary, "   \
	"why, remedy, first_ns, last_ns, boot_seq, seq, node, record, node_count, told_nodes, "    \
	"told_ns, until_ns, window_id, outside, outside_port, outside_node, outside_addr, "        \
	"subject"

/*
 * Numbers of alert_log are drawn before the commit. A sink that has delivered 11 would never see
 * 10, were that committed later: so whoever writes there on a server takes this lock first, and
 * numbers are drawn one transaction after the other.
 */
must_check int sql_lock_log(struct store *s);

/* --- what a driver has of it ------------------------------------------------------------------ */

/* What its prepared statements begin with. */
struct sql_stmt {
	struct store *s;
	const char *text;
	uint64_t used; /* when last, by the count of uses: the oldest leaves the cache first */
	bool busy, cached;
};

struct store_sql {
	bool server; /* see SQL_TEXT */
	/* before a statement: a lost connection is made anew; may be NULL */
	int (*ready)(struct store *s);
	int (*prepare)(struct store *s, const char *text, struct sql_stmt **ret_st);
	void (*close)(struct sql_stmt *st);
	void (*reset)(struct sql_stmt *st); /* as after prepare(), all parameters NULL */
	unsigned (*params)(const struct sql_stmt *st);
	int (*step)(struct sql_stmt *st); /* 1: a row; 0: done; or a negative errno */
	int (*run)(struct sql_stmt *st, uint64_t *ret_changed);
	void (*u64)(struct sql_stmt *st, unsigned i, uint64_t v); /* i from 1 */
	/* borrows, as blob does */
	void (*str)(struct sql_stmt *st, unsigned i, const char *v, size_t n);
	void (*blob)(struct sql_stmt *st, unsigned i, const void *p, size_t n);
	int (*copy)(struct sql_stmt *st, unsigned i, struct buf *text); /* takes its text */
	uint64_t (*col_u64)(struct sql_stmt *st, unsigned i); /* i from 0 */
	const char *(*col_str)(struct sql_stmt *st, unsigned i); /* NULL for NULL */
	struct text (*col_blob)(struct sql_stmt *st, unsigned i);
	uint64_t (*last_id)(struct sql_stmt *st); /* of the row that run() has inserted */
};

/*
 * The cache: from it unless the statement is in use further up the stack. What was not used for the
 * longest time makes room.
 */
must_check int sql_stmt_get(struct store *s, const char *text, struct sql_stmt **ret_st);
void sql_stmt_put(struct sql_stmt *st);
/* i from 1 */
must_check int sql_stmt_bind(struct sql_stmt *st, unsigned i, const struct sql_arg *a);
void sql_stmt_forget(struct store *s, const char *text); /* closes it, unless it is in use */
void sql_stmt_forget_all(struct store *s); /* the connection ends */

extern const struct store_sql sq_sql, my_sql;

#endif
