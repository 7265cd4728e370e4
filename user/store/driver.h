/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_DRIVER_H
#define AJAR_STORE_DRIVER_H

#include "store/grant.h"
#include "store/health.h"
#include "store/profile.h"
#include "store/store.h"
#include "store/triage.h"

/*
 * Prepared statements kept of a connection: beyond it the one that was not used for the longest
 * time goes. More than any user has: a server of Galera that undoes a transaction may say so in
 * answer to the close of a statement, where nobody hears it (my_save() in mysql_ops.c).
 */
#define SQL_STMTS_MAX 192

/*
 * What a driver is to store.c: one table of operations over a struct that begins with struct store.
 * store.c checks arguments, opens a transaction (or a savepoint inside the caller's) around each
 * write, so a driver sees only valid input and never nests by itself. Its commit() notifies the
 * listeners. An operation that fails leaves its reason with store_set_why(); a callback may call
 * back into the store.
 */
struct sql_stmt;
struct store {
	const struct store_ops *ops;
	unsigned depth; /* 1: a transaction; 2: a savepoint in it */
	int doomed; /* why the open transaction cannot be committed any more, or 0 */
	bool readonly;
	bool limited; /* a node's own account: it sees the views own_* and no table */
	char *shown; /* what it is called in messages; kept by the driver */
	struct {
		/* name "": none; host_type "": what it says of itself was not looked at */
		char name[256], host_type[256];
		uint64_t id;
	} node; /* the one asked for last: its id needs no query */
	struct sql_stmt *stmts[SQL_STMTS_MAX]; /* prepared (sql.h) */
	unsigned stmts_busy; /* in use, cached or not */
	uint64_t stmt_uses;
	unsigned connections; /* of a driver with a server: made so far */
	/* likewise: its cluster_uuid, and store_group(); kept by the driver */
	const char *cluster, *group;
	char why[512];
};

struct store_sql;
struct store_request;
struct put;
struct store_ops {
	const char *name;
	int (*check)(const char *where, char **ret_why); /* of the URI alone; NULL: anything goes */
	/* ops: these, for the store that it makes */
	int (*open)(const struct store_ops *ops, const char *where, unsigned flags,
		    struct store **ret_store, char **ret_why);
	void (*free)(struct store *s);
	int (*schema)(struct store *s, unsigned *ret_have, unsigned *ret_want);

	int (*begin)(struct store *s);
	int (*commit)(struct store *s);
	void (*rollback)(struct store *s);
	int (*save)(struct store *s); /* one level of savepoint inside the transaction */
	int (*release)(struct store *s);
	int (*undo)(struct store *s); /* back to the savepoint, which is gone then */
	int (*notifier_fd)(struct store *s);
	bool (*notifier_clear)(struct store *s);

	int (*insert)(struct put *p); /* p->fresh, see put.h */
	void (*inserted)(struct store *s, size_t n); /* a batch of n has ended; may be NULL */
	/* its bytes; rows: how many events there are (a server only) */
	int (*usage)(struct store *s, uint64_t rows, struct store_usage *ret);

	int (*clock)(struct store *s, uint64_t *ret_now_ns); /* the store's */

	/* requests.h: by a handle that only reads; NULL but for the first: there are no files */
	int (*hand_in)(struct store *s, const struct store_request *r);
	bool (*handed_in)(struct store *s, uint64_t id);
	int (*collect)(struct store *s, unsigned max, bool *ret_more);

	/* With a node's own account; NULL: a store without accounts. */
	int (*own_check)(struct store *s, const char *node); /* -EPERM: it is another node's */
	int (*own_begin)(struct put *p, const char *host_type);
	int (*own_end)(struct put *p);
	int (*own_put_health)(struct store *s, const char *node, const char *host_type,
			      const struct store_health *h, uint64_t fresh_ns,
			      struct store_health_reply *ret);
	int (*own_claim_boot)(struct store *s, const char *node,
			      const uint8_t installation[INSTALLATION_LEN], const char *boot_id,
			      uint32_t journal_boot, uint32_t *ret_boot_seq);

	/* grant.h; NULL: a store without accounts. */
	int (*grant)(struct store *s, const struct store_grant *g, bool dry, struct buf *sql,
		     bool *ret_new);
	int (*revoke)(struct store *s, enum store_role role, const char *login, bool dry,
		      struct buf *sql);
	int (*accounts)(struct store *s, store_account_fn fn, void *arg);
	int (*whoami)(struct store *s, struct store_whoami *ret, struct buf *too_little,
		      struct buf *too_much);

	/* Statements in plain SQL (sql.h), for what is written once for all servers. */
	const struct store_sql *sql;
};

extern const struct store_ops store_sqlite_ops, store_mysql_ops;

/* Keeps the reason for store_why() and returns err. */
int store_set_why(struct store *s, int err, const char *fmt, ...) printf_like(3, 4);
/* The same for an open that fails: *ret_why gets the line (unless it is NULL). */
int store_open_why(char **ret_why, int err, const char *fmt, ...) printf_like(3, 4);

#endif
