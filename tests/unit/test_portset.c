/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>

#include "base/buf.h"
#include "core/portset.h"
#include "tap.h"

static void folds_to(const struct ports *p, const char *want, const char *what)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(256);

	ports_format(&b, p);
	is_str(buf_str(&b), want, "%s", what);
}

int main(void)
{
	static const char *const wrong[] = { "", "0", "22,", "x", "9-8", "65536", "22 23" };
	struct ports p = { 0 }, more = { 0 };

	is_int(ports_parse("80,22,8000-8002,65535", &p), 0, "a list is read");
	folds_to(&p, "22,80,8000-8002,65535", "and written in order");
	is_int(ports_count(&p), 6, "each is counted");
	ok(ports_has(&p, 8001) && !ports_has(&p, 8003) && ports_has(&p, 65535) &&
		   !ports_has(&p, 65536 + 22),
	   "a number beyond the last is no member");
	for (size_t i = 0; i < array_len(wrong); i++)
		is_int(ports_parse(wrong[i], &p), -EINVAL, "'%s' is no list", wrong[i]);
	folds_to(&p, "22,80,8000-8002,65535", "and changes nothing");
	ports_drop(&p, 8001);
	ports_add(&more, 23, 24);
	ports_add(&more, 65534, 70000);
	ports_join(&p, &more);
	folds_to(&p, "22-24,80,8000,8002,65534-65535", "sets are joined, and one port leaves");
	return tap_done();
}
