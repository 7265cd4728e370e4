/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_STORE_EXECUTABLES_H
#define AJAR_STORE_EXECUTABLES_H

#include "core/executable.h"
#include "core/holders.h"
#include "core/profile.h"
#include "store/store.h"

/* What the executables of a node's doors are: each digest that a path has had there. */

/*
 * Rows of one node. Beyond it the one that was told longest ago goes, those of files that are not
 * root's first.
 */
#define STORE_EXECUTABLES_MAX 1024

/*
 * The node's word for one of its files; path: as the kernel has it. Makes the node when it is new.
 * -EPERM, -STORE_E_OLD: the account, or the schema, is from before there was such a thing.
 */
must_check int store_put_executable(struct store *s, const char *node, const char *host_type,
				    struct text path, const struct exe_file *f);

struct store_executable {
	const char *path; /* escaped, and cut when it is long */
	struct exe_file file;
	uint64_t first_ns, last_ns; /* the store's clock: this digest at this path */
	/*
	 * The path had another digest before, which was told until then; 0: not that anybody knows.
	 * That the package is the same as then is the news.
	 */
	uint64_t was_until_ns;
	uint8_t was_sha256[SHA256_LEN];
	enum exe_listed was_listed;
	char was_package[EXE_PACKAGE_LEN], was_version[EXE_VERSION_LEN];
};
/* Another digest than before, though the package is the same, or there is none. */
bool store_executable_changed(const struct store_executable *e);

typedef int (*store_executable_fn)(const struct store_executable *e, void *arg);
/* What the paths of a node are now, in the order of paths. None for a node that is not there. */
must_check int store_executables(struct store *s, const char *node, store_executable_fn fn,
				 void *arg);
/* The one at this path, as the kernel has it. 1: fn was called, unless it failed; 0: not known. */
must_check int store_executable_get(struct store *s, const char *node, struct text path,
				    store_executable_fn fn, void *arg);

/*
 * What the files of those are who are judged for the event's door (holders_judged()): filled into
 * each[], which the event borrows from then on. Asks for nothing when no rule of the profile does.
 * awaited: a file that nobody has told of may be told of yet.
 */
must_check int store_event_files(struct store *s, const char *node, const struct profile *p,
				 bool awaited, struct event *ev,
				 struct exe_account each[HOLDERS_JUDGED_MAX]);
/* Nodes that have told of a file at since_ns or later. */
typedef int (*store_name_fn)(const char *name, void *arg);
must_check int store_executables_since(struct store *s, uint64_t since_ns, store_name_fn fn,
				       void *arg);
/* Whether a rule of any class asks for a file. */
must_check int store_rules_want_files(struct store *s, bool *ret);

#endif
