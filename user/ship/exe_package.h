/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SHIP_EXE_PACKAGE_H
#define AJAR_SHIP_EXE_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/md5.h"
#include "core/executable.h"

/*
 * Which package has a path, by dpkg's database: one walk over its lists for all paths that are
 * asked for, so that nothing of it is kept in memory. /bin/x is /usr/bin/x and the other way round.
 */
#define EXE_DPKG_DIR "/var/lib/dpkg"

struct exe_package {
	const char *path; /* asked for; borrowed */
	enum exe_listed listed; /* NONE, NO_DIGEST, or UNKNOWN: there is no database */
	bool has_md5;
	uint8_t md5[MD5_LEN]; /* of the file as it was packaged */
	char name[EXE_PACKAGE_LEN], version[EXE_VERSION_LEN];
};

/* -ENOENT: no database of dpkg; each is UNKNOWN then. */
must_check int exe_packages_find(const char *dpkg_dir, struct exe_package *p, size_t n);

/* What that and the file's own digest say of a file. */
void exe_package_judge(const struct exe_package *p, const uint8_t md5[MD5_LEN], struct exe_file *f);

#endif
