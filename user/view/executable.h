/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_VIEW_EXECUTABLE_H
#define AJAR_VIEW_EXECUTABLE_H

#include "base/err.h"

struct buf;
struct process;
struct store;
struct store_executable;
struct writer;

/* "sha256 ba7816bf8f01cfea, package openssh-server 1:9.2p1-2, as packaged; ..." */
void executable_text(struct buf *b, const struct store_executable *e);

/*
 * The same of what runs as p on a node: looked up, or why there is nothing to know ("in a
 * container: not looked at"). -ENODATA: nothing was said, for p has no executable.
 */
must_check int executable_of_text(struct store *s, const char *node, const struct process *p,
				  struct buf *b);
/* An element of a list. */
must_check int executable_of_json(struct store *s, const char *node, const struct process *p,
				  struct writer *w);

/* All of a node: the odd ones first, a screenful; or the member "executables". */
must_check int node_executables_text(struct store *s, const char *node, struct buf *b);
must_check int node_executables_json(struct store *s, const char *node, struct writer *w);

#endif
