/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CORE_EXECUTABLE_H
#define AJAR_CORE_EXECUTABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"

struct process;

/*
 * What the file at an executable's path is, beyond that path: whoever replaces the file keeps the
 * path. Numbers are stored and sent: never reused.
 */
enum exe_file_state {
	EXE_FILE_READ = 1,
	/*
	 * the same, but the file was changed after the program was started: the digest need not be
	 * that of what runs
	 */
	EXE_FILE_NEWER = 2,
	/* No digest: */
	EXE_FILE_LARGE = 3, /* beyond EXE_FILE_BYTES_MAX */
	EXE_FILE_UNREADABLE = 4, /* the shipper's account may not read it */
	EXE_FILE_MISSING = 5, /* not there, or not in the shipper's view of the file system */
	EXE_FILE_OTHER = 6, /* no regular file, or a link leads to it now */
	EXE_FILE_REMOTE = 7, /* on a network's or a user's file system, which may never answer */
	EXE_FILE_CHANGING = 8, /* it was written to while it was read */
	EXE_FILE_SLOW = 9, /* reading it took too long */
};

/* A larger file gets no digest, and says so. */
#define EXE_FILE_BYTES_MAX (UINT64_C(256) << 20)

/* What the node's database of packages says of the path. */
enum exe_listed {
	EXE_LISTED_UNKNOWN = 0, /* nobody could look: not the same as none */
	EXE_LISTED_NONE = 1, /* no package has it */
	EXE_LISTED_MATCHES = 2, /* the file is as its package brought it */
	EXE_LISTED_DIFFERS = 3, /* it is not */
	EXE_LISTED_NO_DIGEST = 4, /* a package has it, and says no more, or it was not read */
};

#define EXE_PACKAGE_LEN 128 /* with its NUL; a longer name is no package's: unknown */
#define EXE_VERSION_LEN 128 /* a longer one is cut */

struct exe_file {
	enum exe_file_state state;
	enum exe_listed listed;
	bool hashed;
	uint32_t uid; /* the file's owner; ID_UNKNOWN */
	uint64_t dev, ino, size;
	uint64_t changed_ns; /* wall: st_ctim */
	uint8_t sha256[SHA256_LEN];
	char package[EXE_PACKAGE_LEN], version[EXE_VERSION_LEN]; /* "": unknown or none */
};

/* What is known of the file of one process, for rules that ask for it. */
enum exe_account_state {
	EXE_ACCOUNT_AWAITED = 0, /* its node may tell of it yet */
	EXE_ACCOUNT_NONE = 1, /* it has not, in time, or the path is no file that it can look at */
	EXE_ACCOUNT_KNOWN = 2,
};
struct exe_account {
	enum exe_account_state state;
	struct exe_file file; /* when it is known */
};

/* "sha256", "changed since it was started", "too large" ...; "?" for numbers out of range. */
const char *exe_file_state_name(enum exe_file_state s);
const char *exe_listed_name(enum exe_listed l);

/* 64 lower-case hexadecimal digits, and whether they are of that digest. */
bool exe_digest_is_text(const char *s);
bool exe_digest_is(const uint8_t sha256[SHA256_LEN], const char *text);

/*
 * Whether the path of a program means a file that can be looked at from outside the process: not of
 * a container, of another mount namespace, deleted, in memory alone, or cut. *ret_why (may
 * be NULL): else what it is instead.
 */
bool exe_file_is_the_nodes(const struct process *p, const char **ret_why);

#endif
