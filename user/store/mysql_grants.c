/* SPDX-License-Identifier: GPL-2.0 */
#include "store/mysql.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/parse.h"

/*
 * Accounts. CREATE USER, ALTER USER and GRANT take no bound values: grant.c has held what goes into
 * them to letters that mean nothing between quotes. No authentication plugin is ever named: each
 * server has a good default, and none is known to both.
 */
#define SQL_MAX (256 * 1024)
#define NO_SUCH_OR_THERE 1396 /* of CREATE USER: it is there; of ALTER and DROP: it is not */
#define CONNECTIONS_MAX                                                                            \
	"4" /* a shipper has one; what a broken network has left behind takes the others for a while */

struct granting {
	struct my *s;
	bool dry;
	struct buf *sql; /* or NULL */
	struct buf b; /* the statement being made */
};

/* Runs the statement in b, and keeps it for who wants to read it. */
static int run_statement(struct granting *g)
{
	int err = g->b.err;

	if (err)
		return err;
	if (g->sql) {
		buf_put(g->sql, g->b.data, g->b.len);
		buf_puts(g->sql, ";\n");
	}
	return g->dry ? 0 : my_query(g->s, g->b.data);
}

static void begin_statement(struct granting *g, const char *words)
{
	explicit_bzero(g->b.data, g->b.len); /* there may be a password in it */
	buf_reset(&g->b);
	buf_puts(&g->b, words);
}

/* Between quotes; only text that grant.c has looked at, or that is escaped here. */
static void put_text(struct granting *g, const char *text)
{
	size_t len = strlen(text);
	_free_ char *out = malloc(2 * len + 1);

	if (!out) {
		g->b.err = -ENOMEM;
		return;
	}
	mysql_real_escape_string(g->s->db, out, text, len);
	buf_putc(&g->b, '\'');
	buf_puts(&g->b, out);
	buf_putc(&g->b, '\'');
}

static void put_name(struct granting *g, const char *name)
{
	buf_putc(&g->b, '`');
	for (; *name; name++) {
		if (*name == '`')
			buf_putc(&g->b, '`');
		buf_putc(&g->b, *name);
	}
	buf_putc(&g->b, '`');
}

static void put_account(struct granting *g, const char *login, const char *from)
{
	put_text(g, login);
	buf_putc(&g->b, '@');
	put_text(g, from);
}

/*
 * Nobody listens between a program and a server on one machine. A pattern of digits is matched by
 * addresses alone: servers compare no name with it that begins like an address.
 */
static bool is_local(const char *from)
{
	return parse_is_loopback(from, strlen(from)) ||
	       (!strncmp(from, "127.", 4) && !from[strspn(from, "0123456789.%_")]);
}

static void put_requirements(struct granting *g, const struct store_grant *o)
{
	if (o->subject || o->issuer) {
		buf_puts(&g->b, " REQUIRE");
		if (o->subject) {
			buf_puts(&g->b, " SUBJECT ");
			put_text(g, o->subject);
		}
		if (o->issuer) {
			buf_puts(&g->b, o->subject ? " AND ISSUER " : " ISSUER ");
			put_text(g, o->issuer);
		}
	} else {
		buf_puts(&g->b, is_local(o->from) ? " REQUIRE NONE" : " REQUIRE SSL");
	}
	if (o->role == ACCOUNT_NODE)
		buf_puts(&g->b, " WITH MAX_USER_CONNECTIONS " CONNECTIONS_MAX);
}

/* --- what is there ----------------------------------------------------------------------------------------- */

static int one_text(struct my *s, const char *sql, const char *a, const char *b, char *out,
		    size_t size)
{
	_my_use_ struct my_use u = { .s = s };
	const char *text;
	int ret = my_get(s, sql, &u.st);

	out[0] = '\0';
	if (ret)
		return ret;
	my_str(u.st, 1, a);
	if (b)
		my_str(u.st, 2, b);
	ret = my_step(s, u.st);
	text = ret > 0 ? my_col_str(u.st, 0) : NULL;
	if (text)
		snprintf(out, size, "%s", text);
	return ret < 0 ? ret : 0;
}

/*
 * Is the login free for this node or role? *ret_ours: an account of ours of that name and host is
 * there.
 */
static int look_first(struct my *s, const struct store_grant *g, bool *ret_ours)
{
	char other[256];
	int err;

	err = one_text(s, "SELECT node FROM node_logins WHERE login = ?", g->login, NULL, other,
		       sizeof(other));
	if (!err && other[0] && (g->role != ACCOUNT_NODE || strcmp(other, g->node)))
		return store_set_why(&s->base, -EEXIST,
				     "the account '%s' is the node %s's: give another --login",
				     g->login, other);
	if (!err && g->role == ACCOUNT_NODE)
		err = one_text(s, "SELECT login FROM node_logins WHERE node = ? AND login <> ?",
			       g->node, g->login, other, sizeof(other));
	if (!err && g->role == ACCOUNT_NODE && other[0])
		return store_set_why(
			&s->base, -EEXIST,
			"the node %s has the account '%s' already: take it back first: "
			"'ajar db grant --revoke %s'",
			g->node, other, g->node);
	if (!err)
		err = one_text(s, "SELECT login FROM accounts WHERE login = ? AND from_host = ?",
			       g->login, g->from, other, sizeof(other));
	*ret_ours = other[0];
	return err;
}

/* --- granting ---------------------------------------------------------------------------------------------- */

static int make_account(struct granting *g, const struct store_grant *o)
{
	if (!o->password)
		return store_set_why(&g->s->base, -EINVAL,
				     "the account '%s'@'%s' is new and needs a password", o->login,
				     o->from);
	begin_statement(g, "CREATE USER ");
	put_account(g, o->login, o->from);
	buf_puts(&g->b, " IDENTIFIED BY ");
	put_text(g, o->password);
	put_requirements(g, o);
	if (!run_statement(g))
		return 0;
	if (mysql_errno(g->s->db) != NO_SUCH_OR_THERE)
		return my_fail(g->s, NULL);
	return store_set_why(
		&g->s->base, -EEXIST,
		"store %s: an account '%s'@'%s' is there and was not made by 'ajar db grant': "
		"give another --login, or drop it",
		g->s->base.shown, o->login, o->from);
}

/* Back to nothing, so that it will have no more than its role needs. */
static int reset_account(struct granting *g, const struct store_grant *o)
{
	int err;

	begin_statement(g, "ALTER USER ");
	put_account(g, o->login, o->from);
	if (o->password) {
		buf_puts(&g->b, " IDENTIFIED BY ");
		put_text(g, o->password);
	}
	put_requirements(g, o);
	err = run_statement(g);
	if (err && mysql_errno(g->s->db) == NO_SUCH_OR_THERE)
		return make_account(g, o); /* somebody has dropped it behind our back */
	if (err)
		return err;
	begin_statement(g, "REVOKE ALL PRIVILEGES, GRANT OPTION FROM ");
	put_account(g, o->login, o->from);
	return run_statement(g);
}

/*
 * A row that says who the account is; as text for a person's eyes, with escaped values: what runs
 * is bound.
 */
static int keep_account(struct granting *g, const struct store_grant *o)
{
	static const char sql[] = "INSERT INTO accounts (login, from_host, account_role, "
				  "granted_ns) VALUES (?, ?, ?, ?) "
				  "ON DUPLICATE KEY UPDATE account_role = ?, granted_ns = ?";
	_my_use_ struct my_use u = { .s = g->s };
	uint64_t now = clock_wall_ns();
	int err;

	if (g->sql) {
		begin_statement(g, "REPLACE INTO accounts (login, from_host, account_role, "
				   "granted_ns) VALUES (");
		put_text(g, o->login);
		buf_puts(&g->b, ", ");
		put_text(g, o->from);
		buf_printf(&g->b, ", %d, unix_timestamp() * 1000000000);\n", (int)o->role);
		buf_put(g->sql, g->b.data, g->b.len);
	}
	if (g->dry)
		return g->b.err;
	err = my_get(g->s, sql, &u.st);
	if (err)
		return err;
	my_str(u.st, 1, o->login);
	my_str(u.st, 2, o->from);
	my_u64(u.st, 3, o->role);
	my_u64(u.st, 4, now);
	my_u64(u.st, 5, o->role);
	my_u64(u.st, 6, now);
	return my_run(g->s, u.st, NULL);
}

static int bind_login(struct granting *g, const struct store_grant *o)
{
	static const char sql[] = "INSERT INTO node_logins (login, node, host_type, node_id, "
				  "created_ns) VALUES (?, ?, ?, "
				  "(SELECT n.id FROM nodes n WHERE n.name = ?), ?) ON DUPLICATE "
				  "KEY UPDATE host_type = ?";
	_my_use_ struct my_use u = { .s = g->s };
	const char *class = o->host_type ? o->host_type : "";
	int err;

	if (g->sql) {
		begin_statement(g, "REPLACE INTO node_logins (login, node, host_type, node_id, "
				   "created_ns) SELECT ");
		put_text(g, o->login);
		buf_puts(&g->b, ", ");
		put_text(g, o->node);
		buf_puts(&g->b, ", ");
		put_text(g, class);
		buf_puts(&g->b, ", (SELECT n.id FROM nodes n WHERE n.name = ");
		put_text(g, o->node);
		buf_puts(&g->b, "), unix_timestamp() * 1000000000;\n");
		buf_put(g->sql, g->b.data, g->b.len);
	}
	if (g->dry)
		return g->b.err;
	err = my_get(g->s, sql, &u.st);
	if (err)
		return err;
	my_str(u.st, 1, o->login);
	my_str(u.st, 2, o->node);
	my_str(u.st, 3, class);
	my_str(u.st, 4, o->node);
	my_u64(u.st, 5, clock_wall_ns());
	my_str(u.st, 6, class);
	return my_run(g->s, u.st, NULL);
}

static int give(struct granting *g, const struct store_grant *o, const struct my_right *r,
		const char *object)
{
	begin_statement(g, "GRANT ");
	buf_puts(&g->b, r->rights);
	buf_puts(&g->b, r->procedure ? " ON PROCEDURE " : " ON ");
	put_name(g, g->s->uri.db);
	buf_putc(&g->b, '.');
	put_name(g, object);
	buf_puts(&g->b, " TO ");
	put_account(g, o->login, o->from);
	return run_statement(g);
}

static int give_views(struct granting *g, const struct store_grant *o, const struct my_right *r)
{
	_my_use_ struct my_use u = { .s = g->s };
	int ret;

	ret = my_get(g->s, my_views_sql, &u.st);
	if (ret)
		return ret;
	while ((ret = my_step(g->s, u.st)) > 0) {
		ret = give(g, o, r, my_col_str(u.st, 0));
		if (ret)
			return ret;
	}
	return ret;
}

int my_grant(struct store *base, const struct store_grant *o, bool dry, struct buf *sql,
	     bool *ret_new)
{
	struct granting g = { (struct my *)base, dry, sql, BUF_INIT(SQL_MAX) };
	bool ours = false;
	int err = look_first(g.s, o, &ours);

	if (!err)
		err = ours ? reset_account(&g, o) : make_account(&g, o);
	if (!err)
		err = keep_account(&g, o);
	if (!err && o->role == ACCOUNT_NODE)
		err = bind_login(&g, o);
	for (const struct my_right *r = my_rights; !err && r->object; r++) {
		if (r->role != o->role)
			continue;
		err = strcmp(r->object, MY_VIEWS) ? give(&g, o, r, r->object)
						  : give_views(&g, o, r);
	}
	begin_statement(&g, "");
	buf_done(&g.b);
	*ret_new = !ours;
	return err;
}

/* --- taking back ------------------------------------------------------------------------------------------- */

struct found {
	char from[8][256];
	unsigned len;
};

static int find_accounts(struct my *s, enum store_role role, const char *login, struct found *ret)
{
	_my_use_ struct my_use u = { .s = s };
	int ret_step;

	ret->len = 0;
	ret_step = my_get(s,
			  "SELECT from_host FROM accounts WHERE login = ? AND account_role = ? "
			  "ORDER BY from_host LIMIT 8",
			  &u.st);
	if (ret_step)
		return ret_step;
	my_str(u.st, 1, login);
	my_u64(u.st, 2, role);
	while ((ret_step = my_step(s, u.st)) > 0)
		snprintf(ret->from[ret->len++], sizeof(ret->from[0]), "%s", my_col_str(u.st, 0));
	return ret_step;
}

/* role ACCOUNT_OWNER: the row of node_logins; else that of accounts. */
static int forget(struct granting *g, const char *sql, const char *words, const char *login)
{
	_my_use_ struct my_use u = { .s = g->s };
	int err;

	if (g->sql) {
		begin_statement(g, words);
		put_text(g, login);
		buf_puts(&g->b, ";\n");
		buf_put(g->sql, g->b.data, g->b.len);
	}
	if (g->dry)
		return g->b.err;
	err = my_get(g->s, sql, &u.st);
	if (err)
		return err;
	my_str(u.st, 1, login);
	return my_run(g->s, u.st, NULL);
}

int my_revoke(struct store *base, enum store_role role, const char *login, bool dry,
	      struct buf *sql)
{
	struct granting g = { (struct my *)base, dry, sql, BUF_INIT(SQL_MAX) };
	struct found found;
	int err = find_accounts(g.s, role, login, &found);

	if (!err && !found.len)
		return store_set_why(
			base, -ENOENT,
			"store %s: 'ajar db grant' has made no %s's account '%s' there",
			g.s->base.shown, store_role_name(role), login);
	/*
	 * The binding first: with it the account can do nothing any more, also where it is logged
	 * in.
	 */
	if (!err && role == ACCOUNT_NODE)
		err = forget(&g, "DELETE FROM node_logins WHERE login = ?",
			     "DELETE FROM node_logins WHERE login = ", login);
	for (unsigned i = 0; !err && i < found.len; i++) {
		begin_statement(&g, "DROP USER ");
		put_account(&g, login, found.from[i]);
		err = run_statement(&g);
		if (err && mysql_errno(g.s->db) == NO_SUCH_OR_THERE)
			err = 0;
	}
	if (!err)
		err = forget(&g, "DELETE FROM accounts WHERE login = ?",
			     "DELETE FROM accounts WHERE login = ", login);
	buf_done(&g.b);
	return err;
}

int my_accounts(struct store *base, store_account_fn fn, void *arg)
{
	struct my *s = (struct my *)base;
	_my_use_ struct my_use u = { .s = s };
	int ret;

	ret = my_get(s,
		     "SELECT a.login, a.from_host, l.node, a.account_role, a.granted_ns FROM "
		     "accounts a LEFT JOIN node_logins l ON l.login = a.login ORDER BY "
		     "a.account_role, a.login, a.from_host",
		     &u.st);
	if (ret)
		return ret;
	while ((ret = my_step(s, u.st)) > 0) {
		const struct store_account a = {
			.login = my_col_str(u.st, 0),
			.from = my_col_str(u.st, 1),
			.node = my_col_str(u.st, 2),
			.role = (enum store_role)my_col_u64(u.st, 3),
			.granted_ns = my_col_u64(u.st, 4),
		};

		ret = fn(&a, arg);
		if (ret)
			break;
	}
	return ret;
}
