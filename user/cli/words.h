/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_WORDS_H
#define AJAR_CLI_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/filter.h"

struct cmd_ctx;
struct racks;

/* The words and values of a command line; all report what is wrong with them. */
must_check int words_filter(struct cmd_ctx *c, struct filter *ret_f);
/* One word more; *ret_why NULL: what is wrong has been said. */
must_check int words_add(struct cmd_ctx *c, const char *word, struct filter *f,
			 const char **ret_why);
/* Those of web.racks, the command's; NULL: there are none. */
must_check int words_racks(struct cmd_ctx *c, const struct racks **ret_racks);
/* Untouched when the option is not given. */
must_check int words_time(const struct cmd_ctx *c, const char *option, uint64_t *ret_wall_ns);
must_check int words_count(const struct cmd_ctx *c, const char *option, uint64_t min, uint64_t max,
			   uint64_t *ret_v);

#endif
