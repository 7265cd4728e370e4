/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/hostlist.h"

/*
 * For comparing with nodeset: reads "f SET" (fold) and "e SET" (expand) a line, answers each with a
 * line; "! why" for no set.
 */
static void answer(const char *line)
{
	_cleanup_(hostlist_done) struct hostlist h = { 0 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 26);
	struct hostlist_error e = { 0 };

	if (!line[0] || hostlist_parse(&h, line + 2, NULL, &e)) {
		printf("! %s at %zu\n", line[0] ? e.what : "an empty line", e.at);
		return;
	}
	if (line[0] == 'f') {
		hostlist_fold(&h, &b);
		puts(b.err ? "! too long" : buf_str(&b));
		return;
	}
	hostlist_sort(&h);
	for (size_t i = 0; i < h.len; i++)
		printf("%s%s", i ? " " : "", h.names[i]);
	putchar('\n');
}

int main(void)
{
	_free_ char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while ((n = getline(&line, &cap, stdin)) > 0) {
		line[strcspn(line, "\n")] = '\0';
		answer(line);
	}
	return 0;
}
