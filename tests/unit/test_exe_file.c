/* SPDX-License-Identifier: GPL-2.0 */
#include "ship/exe_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "tap.h"

#define LONG_NS UINT64_C(600000000000)
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static char made[] = "/tmp/ajar-exe-file-XXXXXX", dir[4096];

static const char *path(const char *name)
{
	static char p[4][4200];
	static unsigned at;
	char *to = p[at++ % 4];

	snprintf(to, sizeof(p[0]), "%s/%s", dir, name);
	return to;
}

static void put(const char *name, const char *bytes)
{
	int fd = open(path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	if (fd < 0 || write(fd, bytes, strlen(bytes)) != (ssize_t)strlen(bytes))
		ok(false, "a file is made");
	close(fd);
}

static struct exe_file look(const char *p, const struct exe_file *known)
{
	uint8_t md5[MD5_LEN];
	struct exe_file f;
	int fd = exe_file_open(p, known, &f);

	if (fd >= 0) {
		exe_file_read(fd, &f, md5, clock_boot_ns() + LONG_NS);
		close(fd);
	}
	return f;
}

static const char *hex(const struct exe_file *f)
{
	static char s[2 * SHA256_LEN + 1];

	for (int i = 0; i < SHA256_LEN; i++)
		snprintf(s + 2 * i, 3, "%02x", f->sha256[i]);
	return s;
}

static void test_regular(void)
{
	struct exe_file f, again;
	struct stat st;

	put("prog", "abc");
	f = look(path("prog"), NULL);
	is_int(f.state, EXE_FILE_READ, "a regular file is read");
	ok(f.hashed, "and has a digest");
	is_str(hex(&f), ABC, "the right one");
	ok(!stat(path("prog"), &st) && st.st_ino == f.ino && st.st_dev == f.dev && f.size == 3 &&
		   f.uid == st.st_uid,
	   "and what stat says");
	f.listed = EXE_LISTED_MATCHES;
	is_int(exe_file_open(path("prog"), &f, &again), -1, "what is known is not opened again");
	ok(!memcmp(&f, &again, sizeof(f)), "it stays what it was");
	put("new", "xyz");
	ok(!rename(path("new"), path("prog")), "another file takes its place");
	again = look(path("prog"), &f);
	ok(again.state == EXE_FILE_READ && strcmp(hex(&again), ABC) != 0,
	   "that one is read, known or not");
	is_int(again.listed, EXE_LISTED_UNKNOWN, "and nothing of the old one stays");
}

static void test_no_regular(void)
{
	uint64_t start = clock_boot_ns();

	ok(!symlink("prog", path("link")), "made a link");
	is_int(look(path("link"), NULL).state, EXE_FILE_OTHER, "a link is not followed");
	ok(!symlink(dir, path("linked")), "made a link to a folder");
	is_int(look(path("linked/prog"), NULL).state, EXE_FILE_OTHER, "nor one within the path");
	ok(!mkfifo(path("fifo"), 0666), "made a FIFO");
	is_int(look(path("fifo"), NULL).state, EXE_FILE_OTHER, "a FIFO is not opened");
	is_int(look(dir, NULL).state, EXE_FILE_OTHER, "nor a folder");
	is_int(look("/dev/zero", NULL).state, EXE_FILE_OTHER, "nor a device");
	is_int(look(path("none"), NULL).state, EXE_FILE_MISSING, "what is not there is missing");
	is_int(look(path("prog/x"), NULL).state, EXE_FILE_MISSING, "below a file too");
	ok(clock_boot_ns() - start < LONG_NS, "and nobody waits for any of that");
}

static void test_large(void)
{
	struct exe_file f;

	put("sparse", "x");
	ok(!truncate(path("sparse"), (off_t)EXE_FILE_BYTES_MAX + 1),
	   "a sparse file, one too large");
	f = look(path("sparse"), NULL);
	is_int(f.state, EXE_FILE_LARGE, "a file beyond the limit is not read");
	ok(!f.hashed && f.size == EXE_FILE_BYTES_MAX + 1, "it has a size and no digest");
	ok(!truncate(path("sparse"), INT64_C(1) << 42), "four terabytes of nothing");
	is_int(look(path("sparse"), NULL).state, EXE_FILE_LARGE, "neither");
	ok(!truncate(path("sparse"), 1 << 20), "one of a megabyte");
	is_int(look(path("sparse"), NULL).state, EXE_FILE_READ, "is read");
}

static void test_changing(void)
{
	uint8_t md5[MD5_LEN];
	struct exe_file f;
	int fd;

	put("busy", "abc");
	fd = exe_file_open(path("busy"), NULL, &f);
	ok(fd >= 0, "it is opened");
	put("busy", "abcdef");
	exe_file_read(fd, &f, md5, clock_boot_ns() + LONG_NS);
	close(fd);
	is_int(f.state, EXE_FILE_CHANGING, "one that grew meanwhile has no digest");
	ok(!f.hashed, "none at all");
	put("busy", "abc");
	fd = exe_file_open(path("busy"), NULL, &f);
	ok(!chmod(path("busy"), 0700), "its mode is changed");
	f.changed_ns--; /* a clock's tick may be longer than this test */
	exe_file_read(fd, &f, md5, clock_boot_ns() + LONG_NS);
	close(fd);
	is_int(f.state, EXE_FILE_CHANGING, "nor one whose change time is another after it");
	fd = exe_file_open(path("busy"), NULL, &f);
	exe_file_read(fd, &f, md5, 0);
	close(fd);
	is_int(f.state, EXE_FILE_SLOW, "nor one that took too long");
}

static void test_long_path(void)
{
	char p[5000];

	memset(p, 'a', sizeof(p));
	p[0] = '/';
	p[sizeof(p) - 1] = '\0';
	is_int(look(p, NULL).state, EXE_FILE_MISSING, "a path that is too long is missing");
	put("line\nbreak", "abc");
	is_int(look(path("line\nbreak"), NULL).state, EXE_FILE_READ,
	       "a name may hold a line break");
}

static void test_names(void)
{
	for (unsigned i = EXE_FILE_READ; i <= EXE_FILE_SLOW; i++)
		ok(strcmp(exe_file_state_name((enum exe_file_state)i), "?") != 0,
		   "state %u has a name", i);
	is_str(exe_file_state_name((enum exe_file_state)(EXE_FILE_SLOW + 1)), "?", "no other has");
	is_str(exe_file_state_name((enum exe_file_state)0), "?", "nor none");
	is_str(exe_listed_name(EXE_LISTED_NONE), "none", "none is");
	is_str(exe_listed_name(EXE_LISTED_UNKNOWN), "unknown", "not what is unknown");
	is_str(exe_listed_name((enum exe_listed)5), "?", "and beyond it nothing has a name");
}

int main(void)
{
	/* No link is followed, so there must be none before it. */
	if (!mkdtemp(made) || !realpath(made, dir))
		return 1;
	test_regular();
	test_no_regular();
	test_large();
	test_changing();
	test_long_path();
	test_names();
	for (size_t i = 0; i < 7; i++) {
		static const char *const names[] = { "prog", "link",   "linked",     "fifo",
						     "busy", "sparse", "line\nbreak" };

		unlink(path(names[i]));
	}
	rmdir(dir);
	return tap_done();
}
