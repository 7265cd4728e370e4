/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/words.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "cli/cmd.h"
#include "conf/conf.h"
#include "conf/racks_file.h"

int words_racks(struct cmd_ctx *c, const struct racks **ret_racks)
{
	_free_ char *why = NULL;

	if (!c->racks && *c->conf->web_racks && racks_read(c->conf->web_racks, &c->racks, &why))
		return log_usage("%s", why ? why : "web.racks cannot be read");
	*ret_racks = c->racks;
	return 0;
}

int words_add(struct cmd_ctx *c, const char *word, struct filter *f, const char **ret_why)
{
	*ret_why = NULL;
	if (!strncmp(word, "rack:", 5) && words_racks(c, &f->racks))
		return -EINVAL;
	return filter_add(f, word, ret_why);
}

int words_filter(struct cmd_ctx *c, struct filter *ret_f)
{
	struct filter f = { 0 };

	for (int i = 0; i < c->argc; i++) {
		const char *why = NULL;
		int err = words_add(c, c->argv[i], &f, &why);

		if (err)
			return why ? log_usage("filter '%s': %s: run 'ajar --help'", c->argv[i],
					       why)
				   : err;
	}
	*ret_f = f;
	return 0;
}

int words_time(const struct cmd_ctx *c, const char *option, uint64_t *ret_wall_ns)
{
	const char *value = cmd_opt(c, option);

	if (value && parse_time(value, clock_wall_ns(), ret_wall_ns))
		return log_usage(
			"--%s '%s' is not a time: give '2026-11-22 16:01:02' (UTC, or with "
			"'+02:00' behind it), '2026-11-22', "
			"'@1700000000' or how long ago, '10m', '1h30m', '3d', '1w'",
			option, value);
	return 0;
}

int words_count(const struct cmd_ctx *c, const char *option, uint64_t min, uint64_t max,
		uint64_t *ret_v)
{
	const char *value = cmd_opt(c, option);
	uint64_t v = 0;

	if (!value)
		return 0;
	if (parse_u64(value, &v) || v < min || v > max)
		return log_usage("--%s '%s' is not a number from %" PRIu64 " to %" PRIu64, option,
				 value, min, max);
	*ret_v = v;
	return 0;
}
