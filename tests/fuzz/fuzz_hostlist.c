/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/hostlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(cond)                                                                                \
	do {                                                                                       \
		if (!(cond))                                                                       \
			__builtin_trap();                                                          \
	} while (0)

/* A set that is refused says why; one that is taken folds to a text that means the same set. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(hostlist_done) struct hostlist h = { 0 }, again = { 0 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 25);
	struct hostlist_error e = { 0 };
	_free_ char *text = malloc(size + 1);

	check(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (hostlist_parse(&h, text, NULL, &e)) {
		check(e.what && e.at <= size && !h.len);
		return 0;
	}
	for (size_t i = 0; i < h.len && i < 100; i++)
		check(hostlist_text_has(text, h.names[i]));
	hostlist_fold(&h, &b);
	check(!b.err);
	if (h.len > 2000) /* the way back is the same work again */
		return 0;
	/* A run of digits longer than brackets take may stand in a name. */
	if (hostlist_parse(&again, buf_str(&b), NULL, &e)) {
		check(strstr(e.what, "too long") || strstr(e.what, "too many"));
		return 0;
	}
	check(again.len == h.len);
	for (size_t i = 0; i < h.len; i++)
		check(!strcmp(h.names[i], again.names[i]));
	return 0;
}
