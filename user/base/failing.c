/* SPDX-License-Identifier: GPL-2.0 */
#include "base/failing.h"

#include "base/err.h"

bool failing_is_new(struct failing *t, int err)
{
	for (unsigned i = 0; i < array_len(t->said); i++) {
		if (t->said[i] == err)
			return false;
		if (!t->said[i]) {
			t->said[i] = err;
			return true;
		}
	}
	return false;
}

bool failing_is_over(struct failing *t)
{
	bool lasted = failing_lasts(t);

	*t = (struct failing){ 0 };
	return lasted;
}

bool failing_lasts(const struct failing *t)
{
	return t->said[0] != 0;
}
