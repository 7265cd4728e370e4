/* SPDX-License-Identifier: GPL-2.0 */
#include "store/conformance.h"
#include "store/executables.h"
#include "store/health.h"

/* What the executables of nodes are: what executables.h promises, on every driver. */

static struct exe_file file_of(char digest, const char *package, const char *version)
{
	struct exe_file f = { .state = EXE_FILE_READ,
			      .listed = *package ? EXE_LISTED_MATCHES : EXE_LISTED_NONE,
			      .hashed = true,
			      .dev = 7,
			      .ino = UINT64_MAX,
			      .size = 9,
			      .changed_ns = T0 };

	memset(f.sha256, digest, SHA256_LEN);
	snprintf(f.package, sizeof(f.package), "%s", package);
	snprintf(f.version, sizeof(f.version), "%s", version);
	return f;
}

static void put_exe(struct store *s, const char *node, const char *path, struct exe_file f)
{
	int err = store_put_executable(writer(s, node), node, "compute", text_of(path), &f);

	if (err)
		ok(false, "%s: '%s' is stored: %d %s", drv->name, path, err, store_why(s));
}

static int list_exe(const struct store_executable *e, void *arg)
{
	buf_printf(arg, "%s ", e->path);
	if (e->file.hashed)
		buf_printf(arg, "%c ", e->file.sha256[SHA256_LEN - 1]);
	buf_printf(arg, "%s %s", exe_file_state_name(e->file.state),
		   exe_listed_name(e->file.listed));
	if (*e->file.package)
		buf_printf(arg, " %s %s", e->file.package, e->file.version);
	if (e->was_until_ns)
		buf_printf(arg, " was %c%s", e->was_sha256[0],
			   store_executable_changed(e) ? ", changed" : "");
	buf_puts(arg, "; ");
	return 0;
}

static void exes_are(struct store *s, const char *node, const char *want, const char *what)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 20);

	buf_puts(&b, "");
	if (store_executables(s, node, list_exe, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
}

static void test_put(struct store *s)
{
	struct exe_file f = file_of('a', "ssh", "1"), none = { .state = EXE_FILE_REMOTE };
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);

	exes_are(s, "n1", "", "of a node that is not there nothing is known");
	put_exe(s, "n1", "/usr/sbin/sshd", f);
	put_exe(s, "n2", "/usr/sbin/sshd", file_of('z', "", ""));
	put_exe(s, "n1", "/net/x", none);
	exes_are(s, "n1",
		 "/net/x on a network file system: not read unknown; "
		 "/usr/sbin/sshd a read as packaged ssh 1; ",
		 "a node's are listed by path");
	exes_are(s, "n2", "/usr/sbin/sshd z read none; ", "and another's are its own");
	f.state = EXE_FILE_NEWER;
	put_exe(s, "n1", "/usr/sbin/sshd", f);
	is_int(store_executable_get(s, "n1", text_of("/usr/sbin/sshd"), list_exe, &b), 1,
	       "%s: one is found by its path", drv->name);
	is_str(buf_str(&b),
	       "/usr/sbin/sshd a changed since the program was started as packaged ssh 1; ",
	       "%s: as it was told last", drv->name);
	is_int(store_executable_get(s, "n1", text_of("/usr/sbin/ssh"), list_exe, &b), 0,
	       "%s: another path is not known", drv->name);
	is_int(store_executable_get(s, "n9", text_of("/usr/sbin/sshd"), list_exe, &b), 0,
	       "%s: nor another node", drv->name);
}

static void test_changed(struct store *s)
{
	put_exe(s, "n1", "/p", file_of('a', "ssh", "1"));
	put_exe(s, "n1", "/p", file_of('b', "ssh", "2"));
	exes_are(s, "n1", "/p b read as packaged ssh 2 was a; ",
		 "another digest with another version is an update");
	put_exe(s, "n1", "/p", file_of('c', "ssh", "2"));
	exes_are(s, "n1", "/p c read as packaged ssh 2 was b, changed; ",
		 "with the same it has changed");
	put_exe(s, "n1", "/p", file_of('b', "ssh", "2"));
	exes_are(s, "n1", "/p b read as packaged ssh 2 was c, changed; ",
		 "and back it has changed again");
	put_exe(s, "n1", "/p", (struct exe_file){ .state = EXE_FILE_SLOW });
	exes_are(s, "n1", "/p took too long to read unknown; ",
		 "what was not read now has not changed, as far as anybody knows");
	put_exe(s, "n1", "/p", file_of('b', "ssh", "2"));
	exes_are(s, "n1", "/p b read as packaged ssh 2 was c, changed; ", "until it is read again");
}

static void test_odd_paths(struct store *s)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 16), shown = BUF_INIT(1 << 16);
	struct text path;

	put_exe(s, "n1", "/a\nb'\\\xff", file_of('a', "", ""));
	exes_are(s, "n1", "/a\\x0ab'\\\\xff a read none; ", "hostile bytes are escaped");
	buf_putc(&b, '/');
	for (unsigned i = 0; i < 4095; i++)
		buf_putc(&b, '\x01');
	path = (struct text){ b.data, (uint32_t)b.len };
	put_exe(s, "n3", buf_str(&b), file_of('a', "", ""));
	b.data[4095] = '\x02';
	put_exe(s, "n3", buf_str(&b), file_of('b', "", ""));
	is_int(store_executable_get(s, "n3", path, list_exe, &shown), 1,
	       "%s: a path that is cut is found as it was", drv->name);
	ok(strstr(buf_str(&shown), "... b read none; ") != NULL && !strstr(buf_str(&shown), "was"),
	   "%s: and is no other with the same beginning", drv->name);
}

static int list_name(const char *name, void *arg)
{
	buf_printf(arg, "%s ", name);
	return 0;
}

static uint64_t store_now(struct store *s)
{
	uint64_t now = 0;

	is_int(store_clock(s, &now), 0, "%s: has a clock", drv->name);
	return now;
}

static void told_since(struct store *s, uint64_t since_ns, const char *want, const char *what)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	is_int(store_executables_since(s, since_ns, list_name, &b), 0, "%s: nodes are asked for",
	       drv->name);
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
}

/* By the store's clock, whatever a node says. */
static void test_since(struct store *s)
{
	uint64_t before = store_now(s);

	told_since(s, 0, "", "nobody has told of a file");
	put_exe(s, "n1", "/a", file_of('a', "ssh", "1"));
	put_exe(s, "n1", "/b", file_of('b', "ssh", "1"));
	told_since(s, before, "n1 ", "a node that has told of two is there once");
	told_since(s, store_now(s) + 3600000000000, "", "and not after it told");
}

static const struct exe_account *account(struct store *s, const struct profile *p, const char *exe,
					 bool awaited)
{
	static struct exe_account each[HOLDERS_JUDGED_MAX];
	struct event ev = fixture_event(EVENT_OPEN, 1, 22, T0);

	ev.opener.exe = text_of(exe);
	ev.opener.start_ns = T0;
	is_int(store_event_files(s, "n1", p, awaited, &ev, each), 0, "%s: the file of '%s'",
	       drv->name, exe);
	return ev.files;
}

static void test_wanted(struct store *s)
{
	char class[] = "compute", package[] = "ssh";
	struct profile_row row = { .host_type = class, .port = 22, .proto = PROTO_TCP };
	_cleanup_(profile_freep) struct profile *plain = NULL, *asks = NULL;
	const struct exe_account *a;
	size_t added;
	bool want = true;

	ok(!store_rules_want_files(s, &want) && !want, "%s: no rule asks for a file", drv->name);
	is_int(store_profile_add(s, class, &row, 1, true, T0, &added), 0, "%s: a plain rule",
	       drv->name);
	ok(!store_rules_want_files(s, &want) && !want, "%s: asks for none", drv->name);
	is_int(store_profile_get(s, class, &plain), 0, "%s: its class", drv->name);
	put_exe(s, "n1", "/usr/sbin/sshd", file_of('a', "ssh", "1"));
	ok(!account(s, plain, "/usr/sbin/sshd", true), "%s: so nothing is read", drv->name);
	row.package = package;
	is_int(store_profile_add(s, class, &row, 1, true, T0, &added), 0, "%s: one for a package",
	       drv->name);
	ok(!store_rules_want_files(s, &want) && want, "%s: asks for one", drv->name);
	is_int(store_profile_get(s, class, &asks), 0, "%s: and so does its class", drv->name);
	a = account(s, asks, "/usr/sbin/sshd", true);
	ok(a && a->state == EXE_ACCOUNT_KNOWN && a->file.sha256[0] == 'a' &&
		   !strcmp(a->file.package, "ssh") && a->file.listed == EXE_LISTED_MATCHES,
	   "%s: what the node told is known", drv->name);
	a = account(s, asks, "/usr/sbin/other", true);
	ok(a && a->state == EXE_ACCOUNT_AWAITED, "%s: of another it may tell yet", drv->name);
	a = account(s, asks, "/usr/sbin/other", false);
	ok(a && a->state == EXE_ACCOUNT_NONE, "%s: or will not", drv->name);
}

static int count_exe(const struct store_executable *e, void *arg)
{
	(void)e;
	++*(unsigned *)arg;
	return 0;
}

static void test_limit(struct store *s)
{
	struct exe_file f = file_of('a', "", "");
	bool good = true, own = writer(s, "n1") != s;
	unsigned n = 0;
	char path[40];

	put_exe(s, "n1", "/usr/sbin/sshd", f);
	f.uid = 1000;
	/* A node's account has each by itself, and so that is not as slow as it looks. */
	good = own || !store_begin(s);
	for (unsigned i = 0; i < STORE_EXECUTABLES_MAX + 20 && good; i++) {
		snprintf(path, sizeof(path), "/home/%u", i);
		good = !store_put_executable(writer(s, "n1"), "n1", "compute", text_of(path), &f);
	}
	ok(good && (own || !store_commit(s)), "%s: a user has many programs (%s)", drv->name,
	   store_why(s));
	ok(!store_executables(s, "n1", count_exe, &n) && n == STORE_EXECUTABLES_MAX,
	   "%s: %d of a node are kept (%u)", drv->name, STORE_EXECUTABLES_MAX, n);
	is_int(store_executable_get(s, "n1", text_of("/usr/sbin/sshd"), count_exe, &n), 1,
	       "%s: root's among them", drv->name);
	is_int(store_executable_get(s, "n1", text_of(path), count_exe, &n), 1, "%s: and the last",
	       drv->name);
	is_int(store_executable_get(s, "n1", text_of("/home/0"), count_exe, &n), 0,
	       "%s: not the first", drv->name);
}

int main(void)
{
	static void (*const tests[])(struct store * s) = { test_put,   test_changed, test_odd_paths,
							   test_since, test_wanted,  test_limit };

	nodes_too = true;
	return conformance(tests, array_len(tests), NULL);
}
