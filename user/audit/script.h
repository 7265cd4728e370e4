/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AUDIT_SCRIPT_H
#define AJAR_AUDIT_SCRIPT_H

#include <stdbool.h>

#include "base/err.h"

struct process;

/*
 * What an interpreter runs, by its arguments as they were recorded. A script is named only where
 * nothing before it can take it for a value: behind options that are known to take none. In all
 * other cases ("-c", "-jar", a program that has no scripts) it is all of the arguments.
 */
struct script {
	/* the pattern of a rule, core/argv_pattern.h; NULL: not known, or no interpreter */
	char *argv;
	bool exact; /* all arguments, and not a script with any further ones */
	bool full_path; /* a script, and by its full path: of no directory that is not known */
};
must_check int script_of(const struct process *p, struct script *ret);

#endif
