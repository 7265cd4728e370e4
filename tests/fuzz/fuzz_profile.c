/* SPDX-License-Identifier: GPL-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "conf/profile_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			__builtin_trap();                                                          \
	} while (0)

/*
 * A rule that is taken says the same when it is written and read again; a line that is not has its
 * place.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(profile_text_done) struct profile_text t = { 0 };
	_free_ char *copy = malloc(size + 1);

	check(copy);
	memcpy(copy, data, size);
	copy[size] = '\0';
	if (profile_text_parse(copy, size, "c", &t))
		return 0;
	for (size_t i = 0; i < t.problems_len; i++)
		check(t.problems[i].what[0] && t.problems[i].line && t.problems[i].column &&
		      t.problems[i].line <= t.len);
	for (size_t i = 0; i < t.len; i++) {
		_cleanup_(profile_row_done) struct profile_row back = { 0 };
		_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 17), again = BUF_INIT(1 << 17);

		if (t.lines[i].kind != LINE_RULE)
			continue;
		profile_rule_format(&b, &t.lines[i].row);
		check(!b.err);
		if (b.len > PROFILE_LINE_MAX) /* bytes become \xNN: it may have grown too long */
			continue;
		check(!profile_rule_parse(buf_str(&b), &back, NULL));
		check(profile_row_equal(&t.lines[i].row, &back));
		profile_rule_export(&again, &t.lines[i].row);
		check(!strcmp(buf_str(&again), t.lines[i].row.line));
	}
	return 0;
}
