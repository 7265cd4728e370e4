/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/mysql.h"
#include "tap.h"

/* What a store's URI may say, and what the server's error numbers mean. No server is needed. */

static struct my_uri u;

static void good(const char *text)
{
	_free_ char *why = NULL;

	my_uri_done(&u);
	if (!is_int(my_uri_parse(text, &u, &why), 0, "%s", text))
		printf("#   %s\n", why ? why : "");
}

static void bad(const char *text, const char *words)
{
	_free_ char *why = NULL;

	my_uri_done(&u);
	is_int(my_uri_parse(text, &u, &why), -EINVAL, "refused: %s", text);
	if (!ok(why && strstr(why, words), "because of '%s'", words))
		printf("#   %s\n", why ? why : "(none)");
}

static void test_uris(void)
{
	good("//ajar@db1/ajar?ca=/etc/ca.pem");
	is_str(u.user, "ajar", "the user");
	is_str(u.db, "ajar", "the database");
	ok(u.hosts_len == 1 && u.hosts[0].port == 3306 && !strcmp(u.hosts[0].name, "db1"),
	   "a host at the usual port");
	is_int(u.tls, MY_TLS_REQUIRED, "over the network TLS is required");
	good("//a%40b@db1:3307,db2,[::1]:3308/x%2Fy?ca=/c&cert=/d&key=/e&cluster=12");
	is_str(u.user, "a@b", "an encoded user");
	is_str(u.db, "x/y", "an encoded database");
	is_int(u.hosts_len, 3, "three hosts");
	ok(u.hosts[0].port == 3307 && u.hosts[1].port == 3306 && u.hosts[2].port == 3308,
	   "their ports");
	is_str(u.hosts[2].name, "::1", "an IPv6 address");
	is_str(u.cert, "/d", "a certificate");
	is_str(u.cluster, "12", "a cluster");
	ok(!u.member, "a server may stand alone");
	good("//a@db1,db2/x?ca=/c&member=required");
	ok(u.member, "unless it is said that it must not");
	good("//a@db1/x?ca=/c&timeout=7");
	is_int(u.timeout_s, 7, "how long to wait for an answer");
	good("//ajar@localhost/ajar?socket=/run/mysqld/mysqld.sock");
	is_int(u.tls, MY_TLS_OFF, "a socket needs no TLS");
	good("//ajar@127.0.0.1,localhost,[::1]:3307/ajar?tls=off");
	is_int(u.tls, MY_TLS_OFF, "in plain words it can be left out");
	good("//ajar@db1/ajar?ca=/a&ca=/b");
	is_str(u.ca, "/b", "the last of two counts");
}

static void test_bad_uris(void)
{
	bad("", "mysql://USER@HOST");
	bad("//", "mysql://USER@HOST");
	bad("//db/ajar", "mysql://USER@HOST");
	bad("//@db/ajar", "mysql://USER@HOST");
	bad("//a@/ajar", "mysql://USER@HOST");
	bad("//a@db", "mysql://USER@HOST");
	bad("//a@db/", "mysql://USER@HOST");
	bad("//a@db:0/x", "mysql://USER@HOST");
	bad("//a@db:70000/x", "mysql://USER@HOST");
	bad("//a@db,/x", "mysql://USER@HOST");
	bad("//a@[::1/x", "mysql://USER@HOST");
	bad("//a@1,2,3,4,5,6,7,8,9/x", "at most 8");
	bad("//a%4@db/x", "mysql://USER@HOST");
	bad("//a%00@db/x", "mysql://USER@HOST");
	bad("//a:secret@db/x?tls=off", "AJAR_STORE_PASSWORD");
	bad("//ajar@db1/ajar?tls=off", "this machine alone");
	bad("//ajar@127.0.0.1,db1/ajar?tls=off", "this machine alone");
	bad("//ajar@127.evil.example/ajar?tls=off", "this machine alone");
	bad("//ajar@127.1/ajar?tls=off", "this machine alone");
	bad("//a@db/x", "ca=FILE");
	bad("//a@db/x?tls=required", "ca=FILE");
	bad("//a@db/x?tls=maybe", "'required' or 'off'");
	bad("//a@db/x?ca", "no value");
	bad("//a@db/x?ca=%zz", "no value");
	bad("//a@db/x?colour=red", "unknown key 'colour'");
	bad("//a@db/x?ca=/c&cert=/d", "go together");
}

/* Nobody writes into it: opening it must not wait for that. */
static void test_password_file(void)
{
	char folder[] = "/tmp/ajar-uri-XXXXXX", path[64], uri[128];
	_free_ char *why = NULL;

	if (!mkdtemp(folder))
		abort();
	snprintf(path, sizeof(path), "%s/pw", folder);
	snprintf(uri, sizeof(uri), "//a@localhost/x?tls=off&password-file=%s", path);
	is_int(mkfifo(path, 0600), 0, "there is a FIFO");
	alarm(20);
	is_int(my_uri_check(uri, &why), -EINVAL, "a FIFO as password file is refused at once");
	alarm(0);
	ok(why && strstr(why, "is no file"), "because it is no file");
	unlink(path);
	rmdir(folder);
}

static void test_errors(void)
{
	static const struct {
		unsigned number;
		enum store_fault want;
	} known[] = {
		{ 1213, STORE_RETRY },	    { 1205, STORE_RETRY },	{ 2002, STORE_RETRY },
		{ 2003, STORE_RETRY },	    { 2006, STORE_RETRY },	{ 2013, STORE_RETRY },
		{ 1040, STORE_RETRY },	    { 1047, STORE_RETRY },	{ 1180, STORE_RETRY },
		{ 1290, STORE_RETRY },	    { 1836, STORE_RETRY },	{ 3100, STORE_RETRY },
		{ 1114, STORE_RETRY },	    { 1021, STORE_RETRY },	{ 1153, STORE_QUARANTINE },
		{ 1264, STORE_QUARANTINE }, { 1406, STORE_QUARANTINE }, { 1366, STORE_QUARANTINE },
		{ 1045, STORE_STOP },	    { 1142, STORE_STOP },	{ 1369, STORE_STOP },
		{ 1644, STORE_STOP },	    { 2026, STORE_STOP },	{ 1049, STORE_STOP },
		{ 9999, STORE_RETRY },
	};

	for (size_t i = 0; i < array_len(known); i++)
		is_int(store_fault(my_errno(known[i].number)), known[i].want,
		       "error %u is to be %s", known[i].number,
		       known[i].want == STORE_RETRY  ? "tried again"
		       : known[i].want == STORE_STOP ? "looked at by a person"
						     : "put aside");
	ok(my_is_lost(2013) && my_is_lost(2006) && !my_is_lost(1213),
	   "a lost line is known as one");
}

int main(void)
{
	test_uris();
	test_bad_uris();
	test_password_file();
	test_errors();
	my_uri_done(&u);
	return tap_done();
}
