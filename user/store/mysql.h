/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_MYSQL_H
#define AJAR_STORE_MYSQL_H

#include <mysql.h>
#include <stdbool.h>

#include "base/buf.h"
#include "store/sql.h"

/*
 * What the files of the MySQL driver share. SQL is constant text that MySQL 8 and MariaDB 10.11
 * both take; values are always bound. Only what both client libraries have is used; the few places
 * where they differ are in mysql_tls.c.
 */
#define MY_HOSTS_MAX 8
/* one batch of rows; the server's max_allowed_packet is far above */
#define MY_STATEMENT_BYTES_MAX (1024 * 1024)
#define MY_CONNECT_TIMEOUT_S 5
/* a cluster that loses a node stands still for 12 s; a server with a full disk for good */
#define MY_IO_TIMEOUT_S 30

/* is_null of MYSQL_BIND: my_bool in one library, bool in the other. */
typedef __typeof__(((MYSQL_BIND *)0)->is_null_value) my_flag;

struct my_host {
	char *name;
	unsigned port;
};

enum my_tls { MY_TLS_DEFAULT, MY_TLS_REQUIRED, MY_TLS_OFF };

/* The parts of a URI, see mysql_uri.c. */
struct my_uri {
	struct my_host hosts[MY_HOSTS_MAX];
	unsigned hosts_len;
	enum my_tls tls;
	bool member;
	uint32_t timeout_s; /* 0: MY_IO_TIMEOUT_S */
	char *user, *db, *socket, *ca, *cert, *key, *password_file, *cluster;
};

struct my_param {
	uint64_t u;
	unsigned long len;
	my_flag null;
	char *copy; /* an escaped text; freed when the statement is put back */
};

struct my_col {
	uint64_t u;
	unsigned long len, cap;
	my_flag null;
	bool number;
	char *text;
};

struct my_stmt {
	struct sql_stmt base;
	MYSQL_STMT *st;
	unsigned params, cols;
	bool executed;
	MYSQL_BIND *in, *out;
	struct my_param *p;
	struct my_col *c;
};

struct my {
	struct store base;
	MYSQL *db;
	struct my_uri uri;
	char *password;
	unsigned flags, host; /* host: the one we are connected to */
	char cluster[64]; /* cluster_uuid of the store we opened first */
	/*
	 * Of an account that sees no table (base.limited, see mysql_own.c); own_node "": bound to
	 * none.
	 */
	unsigned own_interface, own_schema;
	char own_node[256], said_cluster[64];
	bool connected; /* logged in: what fails from here on is no longer about who we are */
	char group[80]; /* the cluster of servers it was in last, or "" */
	bool lost; /* the connection is gone: made anew when nothing is in the way */
	int (*connect)(struct my *s); /* mysql_open.c: how that is done */
	char *batch_sql[10]; /* mysql_events.c: the insert of 1, 2, 4 ... 256, 500 rows */
	bool batch_own; /* they are for own_events */
	int notifier_fd;
	uint64_t notifier[4], notifier_since; /* what the notifier saw last */
	double row_bytes; /* mysql_usage.c: what an event takes, */
	uint64_t row_bytes_until_ns; /* by an estimate that holds until then; 0: none yet */
};

/* --- mysql_error.c ---------------------------------------------------------------------------- */

/*
 * Turns the error of the statement (or, without one, of the connection) into a negative errno and
 * leaves the line for store_why().
 */
int my_fail(struct my *s, struct my_stmt *st);
int my_errno(unsigned number); /* of a server's or client's error number */
bool my_is_lost(unsigned number);
/*
 * A statement that writes has left warnings: "it is there already" is harmless, any other is
 * -EILSEQ.
 */
must_check int my_warned(struct my *s);

/* --- mysql_uri.c ------------------------------------------------------------------------------ */

must_check int my_uri_parse(const char *text, struct my_uri *u, char **ret_why);
void my_uri_done(struct my_uri *u);
/* The same, and that the files it names can be read; its parts are not kept. */
must_check int my_uri_check(const char *text, char **ret_why);
must_check int my_password(const struct my_uri *u, char **ret_password, char **ret_why);

/* --- mysql_tls.c: where the two client libraries differ --------------------------------------- */

/* Encrypts or fails; the server's certificate is checked, its name too. */
void my_tls_require(MYSQL *db);

/* --- mysql_open.c ----------------------------------------------------------------------------- */

int my_open(const struct store_ops *ops, const char *where, unsigned flags,
	    struct store **ret_store, char **ret_why);
int my_schema(struct store *base, unsigned *ret_have, unsigned *ret_want);

/* --- mysql_own.c ------------------------------------------------------------------------------ */

#define MY_INTERFACE 1 /* own_account.interface_number that this program speaks */
/* After each connect: does this account see the tables, or only what a node may? */
must_check int my_account_find(struct my *s);
int my_own_check(struct store *base, const char *node); /* -EPERM: it is another node's */
int my_own_begin(struct put *p, const char *host_type);
int my_own_end(struct put *p);

/* --- mysql_role.c ----------------------------------------------------------------------------- */

/* The value in the row's last column, or "". */
must_check int my_ask(struct my *s, const char *sql, char *out, size_t size);
must_check int my_check_role(struct my *s);

/* --- mysql.c ---------------------------------------------------------------------------------- */

/*
 * A prepared statement, from the cache unless it is in use further up the stack. A connection that
 * was lost is made anew here, if no transaction and no walk is under way.
 */
must_check int my_get(struct my *s, const char *sql, struct my_stmt **ret_st);
void my_put(struct my_stmt *st);
void my_disconnect(struct my *s);

/* For the cleanup attribute, which knows only the one pointer. */
struct my_use {
	struct my *s;
	struct my_stmt *st;
};
void my_use_done(struct my_use *u);
#define _my_use_ _cleanup_(my_use_done)

/* 1: a row; 0: done; or a negative errno. The first call runs it and takes all rows. */
must_check int my_step(struct my *s, struct my_stmt *st);
/* Runs a statement that gives no rows; *ret_changed (optional): rows that it changed. */
must_check int my_run(struct my *s, struct my_stmt *st, uint64_t *ret_changed);
must_check int my_query(struct my *s, const char *sql); /* text, no result */

/*
 * Binding borrows: the value must live until the statement is put back. NULL binds NULL; so does a
 * parameter that is not bound.
 */
void my_u64(struct my_stmt *st, unsigned i, uint64_t v); /* i from 1 */
void my_str(struct my_stmt *st, unsigned i, const char *v);

uint64_t my_col_u64(const struct my_stmt *st, unsigned i); /* i from 0 */
const char *my_col_str(const struct my_stmt *st, unsigned i); /* NULL for NULL */

/* --- the operations --------------------------------------------------------------------------- */

/* mysql_events.c */
int my_insert(struct put *p);
void my_inserted(struct store *base, size_t n);

/* mysql_usage.c */
int my_usage(struct store *base, uint64_t rows, struct store_usage *ret);

/* mysql_grants.c */
int my_grant(struct store *base, const struct store_grant *g, bool dry, struct buf *sql,
	     bool *ret_new);
int my_revoke(struct store *base, enum store_role role, const char *login, bool dry,
	      struct buf *sql);
int my_accounts(struct store *base, store_account_fn fn, void *arg);

/* mysql_rights.c: which role has which right, and does this account have them? */
struct my_right {
	enum store_role role;
	const char *rights; /* "SELECT, INSERT" */
	const char *object; /* a table or view; MY_VIEWS: each documented view */
	bool procedure;
};
#define MY_VIEWS "v_*"
extern const struct my_right my_rights[]; /* ends with a NULL object */
extern const char my_views_sql[]; /* lists the documented views */
int my_whoami(struct store *base, struct store_whoami *ret, struct buf *too_little,
	      struct buf *too_much);

/* mysql_own_health.c: how a node is, told with its own account */
int my_own_put_health(struct store *base, const char *node, const char *host_type,
		      const struct store_health *h, uint64_t fresh_ns,
		      struct store_health_reply *ret);
int my_own_claim_boot(struct store *base, const char *node,
		      const uint8_t installation[INSTALLATION_LEN], const char *boot_id,
		      uint32_t journal_boot, uint32_t *ret_boot_seq);

#endif
