/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "tap.h"
#include "web/state_internal.h"

/* The map's classes are numbers into a list; beyond its end no node is said to be of another one's. */

int main(void)
{
	static struct words w;
	unsigned at = 0;
	int err = 0;

	for (unsigned i = 0; i < WORDS_MAX - 1 && !err; i++) {
		char name[32];

		snprintf(name, sizeof(name), "class%u", i);
		err = words_number(&w, name, &at);
		if (at != i)
			err = -1;
	}
	is_int(err, 0, "each class has its number");
	for (unsigned i = 0; i < 3; i++) {
		char name[32];

		snprintf(name, sizeof(name), "more%u", i);
		is_int(words_number(&w, name, &at), 0, "one more than there is room for");
		is_str(w.all[at], WORDS_REST, "is the rest");
	}
	is_int(w.len, WORDS_MAX, "the list ends there");
	ok(!words_number(&w, "class7", &at) && at == 7, "those that are in it keep their numbers");
	for (unsigned i = 0; i < w.len; i++)
		free(w.all[i]);
	return tap_done();
}
