/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_EXIT_H
#define AJAR_EXIT_H

/* Exit codes of every verb but `check`. */
enum ajar_exit {
	AJAR_EXIT_OK = 0,
	/* the question's answer is negative: findings exist, a chain is broken */
	AJAR_EXIT_NEGATIVE = 1,
	AJAR_EXIT_ERROR = 2, /* usage or operation, with one line that says what to do */
};

#endif
