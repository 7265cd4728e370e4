/* SPDX-License-Identifier: GPL-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Words separated by newlines; what is taken must match itself without reading beyond. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct door door = { .proto = PROTO_MPTCP, .scope = SCOPE_ANY, .port = 443 };
	struct process opener = { .known = true, .comm = "nc", .uid = 7 };
	struct filter_subject s = {
		.door = &door, .opener = &opener, .node = "n", .host_type = "c"
	};
	struct filter f = { 0 };
	const char *why = NULL;
	char *copy = malloc(size + 1), *next;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	copy[size] = '\0';
	opener.exe = (struct text){ copy, (uint32_t)size };
	for (char *w = copy; w; w = next) {
		next = strchr(w, '\n');
		if (next)
			*next++ = '\0';
		if (filter_add(&f, w, &why) && !why)
			__builtin_trap(); /* a refusal always says why */
	}
	(void)filter_match(&f, &s);
	free(copy);
	return 0;
}
