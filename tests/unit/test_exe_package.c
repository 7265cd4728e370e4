/* SPDX-License-Identifier: GPL-2.0 */
#include "ship/exe_package.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static char dir[] = "/tmp/ajar-dpkg-XXXXXX";

/* A database as dpkg writes it. */
static const struct {
	const char *name, *text;
} files[] = {
	{ "info/ssh.list", "/.\n/usr\n/usr/sbin\n/usr/sbin/sshd\n/etc/ssh.conf\n" },
	{ "info/ssh.md5sums", "900150983cd24fb0d6963f7d28e17f72  usr/sbin/sshd\n" },
	{ "info/old.list", "/bin\n/bin/old\n/lib64/ld.so\n" },
	{ "info/old.md5sums", "900150983cd24fb0d6963f7d28e17f72  bin/old\nnot a digest at all\n" },
	{ "info/lib:amd64.list", "/usr/bin/multi\n" },
	{ "info/lib:amd64.md5sums", "zz0150983cd24fb0d6963f7d28e17f72  usr/bin/multi\n" },
	{ "info/divert.list", "/usr/bin/moved\n" },
	{ "info/divert.md5sums", "900150983cd24fb0d6963f7d28e17f72  usr/bin/moved\n" },
	{ "info/nosums.list", "/opt/nosums" },
	{ "diversions", "/usr/bin/moved\n/usr/bin/moved.real\nother\n" },
	{ "status",
	  "Package: ssh\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:9.2p1-2\n"
	  "Description: x\n Version: 7\n\nPackage: lib\nArchitecture: i386\nVersion: 32\n\n"
	  "Package: lib\nArchitecture: amd64\nVersion: 64\n\nPackage: sshx\nVersion: 3\n\n"
	  "Package: old\nVersion: 5" },
};

static void write_file(const char *name, const char *text)
{
	char p[200];
	int fd;

	snprintf(p, sizeof(p), "%s/%s", dir, name);
	fd = open(p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		ok(false, "made %s", name);
	close(fd);
}

static void is_owned(const struct exe_package *p, enum exe_listed listed, const char *name,
		     const char *version, bool has_md5)
{
	is_int(p->listed, listed, "%s: %s", p->path, exe_listed_name(listed));
	is_str(p->name, name, "%s: of package '%s'", p->path, name);
	is_str(p->version, version, "%s: version '%s'", p->path, version);
	is_int(p->has_md5, has_md5, "%s: %s digest", p->path, has_md5 ? "with a" : "without a");
}

static void test_find(void)
{
	struct exe_package p[] = {
		{ .path = "/usr/sbin/sshd" },	{ .path = "/usr/bin/old" },
		{ .path = "/usr/bin/multi" },	{ .path = "/usr/bin/moved" },
		{ .path = "/opt/nosums" },	{ .path = "/usr/local/bin/mine" },
		{ .path = "/sbin/sshd" },	{ .path = "/bin/moved.real" },
		{ .path = "/usr/lib64/ld.so" },
	};

	is_int(exe_packages_find(dir, p, array_len(p)), 0, "the database is read");
	is_owned(&p[0], EXE_LISTED_NO_DIGEST, "ssh", "1:9.2p1-2", true);
	is_owned(&p[1], EXE_LISTED_NO_DIGEST, "old", "5", true);
	is_owned(&p[2], EXE_LISTED_NO_DIGEST, "lib:amd64", "64", false);
	is_owned(&p[3], EXE_LISTED_NO_DIGEST, "divert", "", false);
	is_owned(&p[4], EXE_LISTED_NO_DIGEST, "nosums", "", false);
	is_owned(&p[5], EXE_LISTED_NONE, "", "", false);
	is_int(p[6].listed, EXE_LISTED_NONE, "where /sbin is no link, a path is not another's");
	is_owned(&p[7], EXE_LISTED_NONE, "", "", false);
	is_owned(&p[8], EXE_LISTED_NO_DIGEST, "old", "5", false);
}

static void test_judge(void)
{
	static const uint8_t abc[MD5_LEN] = { 0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0,
					      0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72 };
	static const uint8_t other[MD5_LEN] = { 1 };
	struct exe_package p = { .path = "/usr/sbin/sshd" };
	struct exe_file f = { .hashed = true };

	is_int(exe_packages_find(dir, &p, 1), 0, "one path");
	exe_package_judge(&p, abc, &f);
	is_int(f.listed, EXE_LISTED_MATCHES, "a file as it was packaged matches");
	is_str(f.package, "ssh", "and has its package");
	exe_package_judge(&p, other, &f);
	is_int(f.listed, EXE_LISTED_DIFFERS, "another one differs");
	f.hashed = false;
	exe_package_judge(&p, other, &f);
	is_int(f.listed, EXE_LISTED_NO_DIGEST, "one that was not read is not compared");
}

static void test_odd(void)
{
	struct exe_package p = { .path = "/usr/sbin/sshd" };
	char fifo[200];

	snprintf(fifo, sizeof(fifo), "%s/info/aaa.list", dir);
	ok(!mkfifo(fifo, 0644), "a FIFO among the lists");
	is_int(exe_packages_find(dir, &p, 1), 0, "keeps nobody waiting");
	is_str(p.name, "ssh", "and the others are read");
	unlink(fifo);
	p = (struct exe_package){ .path = "/usr/sbin/sshd" };
	is_int(exe_packages_find("/nonexistent", &p, 1), -ENOENT, "no database is an error");
	is_int(p.listed, EXE_LISTED_UNKNOWN, "and the package is unknown, not none");
}

int main(void)
{
	char p[200];

	if (!mkdtemp(dir))
		return 1;
	snprintf(p, sizeof(p), "%s/info", dir);
	if (mkdir(p, 0755))
		return 1;
	for (size_t i = 0; i < array_len(files); i++)
		write_file(files[i].name, files[i].text);
	test_find();
	test_judge();
	test_odd();
	for (size_t i = 0; i < array_len(files); i++) {
		snprintf(p, sizeof(p), "%s/%s", dir, files[i].name);
		unlink(p);
	}
	snprintf(p, sizeof(p), "%s/info", dir);
	rmdir(p);
	rmdir(dir);
	return tap_done();
}
