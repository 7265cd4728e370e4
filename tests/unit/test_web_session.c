/* SPDX-License-Identifier: GPL-2.0 */
#include "web/session.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"
#include "web/accounts.h"
#include "web/login_body.h"

#define NOW UINT64_C(1000000000000000)

static struct sessions sessions;

static void test_sessions(void)
{
	char token[TOKEN_TEXT], other[TOKEN_TEXT];
	struct session *se, *second;

	is_int(session_new(&sessions, "ann", ROLE_VIEWER, NOW, token, &se), 0, "a session is made");
	is_int(session_new(&sessions, "bob", ROLE_OPERATOR, NOW, other, &second), 0, "another too");
	ok(strcmp(token, other) && strlen(token) == TOKEN_TEXT - 1, "with tokens of their own");
	ok(strcmp(se->csrf, token), "what is sent with a form is not what is in the cookie");
	ok(!memmem(&sessions, sizeof(sessions), token, strlen(token)), "the token is not kept");
	ok(session_find(&sessions, token, NOW + 1) == se, "it is found by its token");
	ok(!session_find(&sessions, "", NOW), "and not by nothing");
	token[5] ^= 1;
	ok(!session_find(&sessions, token, NOW), "nor by a token that is nearly it");
	token[5] ^= 1;
	ok(session_find(&sessions, token, NOW + SESSION_IDLE_NS) == se,
	   "it lives while it is used");
	ok(!session_find(&sessions, other, NOW + SESSION_IDLE_NS + 1), "and ends when it is not");
	ok(!session_find(&sessions, token, NOW + SESSION_LIFE_NS + 1), "and ends at last anyway");
	ok(!session_find(&sessions, token, NOW + 1), "and does not come back");
}

static void test_many_sessions(void)
{
	char first[TOKEN_TEXT], used[TOKEN_TEXT], token[TOKEN_TEXT];
	struct session *se;
	int err = session_new(&sessions, "first", ROLE_VIEWER, NOW, first, &se);

	err = err ? err : session_new(&sessions, "used", ROLE_VIEWER, NOW, used, &se);
	for (unsigned i = 2; i < SESSIONS_MAX && !err; i++)
		err = session_new(&sessions, "x", ROLE_VIEWER, NOW + 1, token, &se);
	is_int(err, 0, "as many sessions as there is room for");
	ok(session_find(&sessions, used, NOW + 2) && session_find(&sessions, token, NOW + 2),
	   "all live");
	is_int(session_new(&sessions, "y", ROLE_VIEWER, NOW + 3, token, &se), 0, "one more");
	ok(!session_find(&sessions, first, NOW + 4), "ends the one that was not used for longest");
	ok(session_find(&sessions, used, NOW + 4), "and no other");
}

static void test_once(void)
{
	char token[TOKEN_TEXT], old[TOKEN_TEXT], many[TOKEN_TEXT];
	struct once once;
	int err = 0;

	is_int(once_new(&sessions, "root", ROLE_APPROVER, NOW, token), 0, "a token is made");
	is_int(once_take(&sessions, "", NOW, &once), -ENOENT, "nothing is no token");
	is_int(once_take(&sessions, token, NOW + 1, &once), 0, "it is taken");
	is_str(once.login, "root", "by whom it was made for");
	is_int(once_take(&sessions, token, NOW + 1, &once), -ENOENT, "and not twice");
	is_int(once_new(&sessions, "root", ROLE_APPROVER, NOW, old), 0, "another");
	is_int(once_take(&sessions, old, NOW + ONCE_LIFE_NS, &once), -ENOENT, "is void later");
	is_int(once_new(&sessions, "root", ROLE_APPROVER, NOW, old), 0, "of many");
	for (unsigned i = 0; i < ONCE_MAX && !err; i++)
		err = once_new(&sessions, "root", ROLE_APPROVER, NOW + 1 + i, many);
	is_int(err, 0, "as are kept");
	is_int(once_take(&sessions, old, NOW + 2, &once), -ENOENT, "the oldest is void");
	is_int(once_take(&sessions, many, NOW + 2, &once), 0, "the newest is not");
}

static void test_accounts(void)
{
	char path[] = "/tmp/ajar-accounts-XXXXXX", *why = NULL, *hash = NULL, *second = NULL;
	struct accounts as = { 0 }, back = { 0 };
	int fd = mkstemp(path);

	close(fd);
	is_int(account_hash("correct horse", &hash), 0, "a password is hashed");
	is_int(account_hash("correct horse", &second), 0, "and again");
	ok(!strncmp(hash, "$y$", 3) && strcmp(hash, second), "with yescrypt, each with its salt");
	is_int(accounts_put(&as, "ann", ROLE_OPERATOR, hash), 0, "an account is added");
	is_int(accounts_put(&as, "proxied", ROLE_VIEWER, "*"), 0, "and one without a password");
	is_int(accounts_write(path, &as), 0, "they are written");
	is_int(accounts_read(path, &back, &why), 0, "and read");
	is_int(back.len, 2, "both");
	ok(accounts_check(&back, "ann", "correct horse"), "the password fits");
	ok(!accounts_check(&back, "ann", "correct horsf"), "another does not");
	ok(!accounts_check(&back, "ann", ""), "and none does not");
	ok(!accounts_check(&back, "proxied", "*"), "who has none is not let in by a password");
	ok(!accounts_check(&back, "nobody", "x"), "nor a stranger");
	is_int(chmod(path, 0644), 0, "a file that others can read");
	accounts_done(&back);
	is_int(accounts_read(path, &back, &why), -EACCES, "is refused");
	ok(why && strstr(why, "chmod 600"), "with the remedy");
	free(why);
	unlink(path);
	is_int(accounts_read(path, &back, &why), 0, "no file is no accounts");
	is_int(back.len, 0, "none");
	accounts_done(&as);
	free(hash);
	free(second);
}

static void test_lines(void)
{
	static const char *const bad[] = {
		"ann",		"ann:viewer",  "ann:king:*",	    ":viewer:*",
		"a b:viewer:*", "ann:viewer:", "ann:viewer:$1$abc", "ann:viewer:plain",
	};
	struct accounts as = { 0 };
	char *why = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *text = strdup(bad[i]);

		is_int(accounts_parse(text, "f", &as, &why), -EINVAL, "line '%s' is refused",
		       bad[i]);
		ok(why && !strncmp(why, "f:1: ", 5), "with its place");
		free(why);
		why = NULL;
		free(text);
	}
}

static void test_body(void)
{
	static const char good[] = "{\"name\":\"ann\",\"password\":\"s\\u00e9cret\"}";
	static const char *const bad[] = {
		"",
		"{}",
		"[]",
		"null",
		"{\"name\":\"ann\"}",
		"{\"name\":1,\"password\":\"x\"}",
		"{\"name\":\"a\",\"name\":\"b\",\"password\":\"x\"}",
		"{\"name\":\"ann\",\"password\":\"x\",\"role\":\"approver\"}",
		"{\"name\":\"a\\u0000b\",\"password\":\"x\"}",
		"{\"name\":\"\",\"password\":\"x\"}",
	};
	struct login_body body;

	is_int(login_body_parse(good, sizeof(good) - 1, &body), 0, "a login is read");
	is_str(body.name, "ann", "with the name");
	is_str(body.password,
	       "s\xc3\xa9"
	       "cret",
	       "and the password");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(login_body_parse(bad[i], strlen(bad[i]), &body), -EINVAL,
		       "what is none is refused (%zu)", i);
}

int main(void)
{
	test_sessions();
	test_many_sessions();
	memset(&sessions, 0, sizeof(sessions));
	test_once();
	test_accounts();
	test_lines();
	test_body();
	return tap_done();
}
