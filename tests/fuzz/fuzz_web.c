/* SPDX-License-Identifier: GPL-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/spool.h"
#include "web/accounts.h"
#include "web/login_body.h"
#include "web/query.h"
#include "web/request_body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read is text, and inside of the query. */
static void check(const struct query *q, const char *s)
{
	if (s < q->bytes || s + strlen(s) >= q->bytes + sizeof(q->bytes))
		__builtin_trap();
	for (size_t left = strlen(s), n; left; s += n, left -= n) {
		n = utf8_len((const unsigned char *)s, left);
		if (!n || (unsigned char)*s < 0x20)
			__builtin_trap();
	}
}

static void try_target(const char *text)
{
	static struct query q;
	uint64_t v = 0;

	if (query_parse(text, &q))
		return;
	for (unsigned i = 0; i < q.segments_len; i++) {
		check(&q, q.segments[i]);
		if (!strcmp(q.segments[i], ".."))
			__builtin_trap();
	}
	for (unsigned i = 0; i < q.args_len; i++) {
		check(&q, q.args[i].name);
		check(&q, q.args[i].value);
		if (!query_u64(&q, q.args[i].name, 3, 1000, &v) && (v < 3 || v > 1000))
			__builtin_trap();
	}
}

static void try_request(const char *text, size_t len)
{
	static struct request_body body;
	const char *why;

	if (request_body_parse(text, len, 1, &body, &why)) {
		if (!why)
			__builtin_trap();
		return;
	}
	if (!body.alerts[0] || strspn(body.alerts, "0123456789,") != strlen(body.alerts) ||
	    strlen(body.reason) > REQUEST_REASON_MAX || strlen(body.ticket) > REQUEST_TICKET_MAX)
		__builtin_trap();
}

static void try_file(const char *bytes, size_t len)
{
	struct store_request r;

	if (!spool_parse(bytes, len, &r) && r.ticket + strlen(r.ticket) >= bytes + len)
		__builtin_trap();
}

/*
 * The first byte says which parser: of a target, cookies, a cursor, the body of a login, a file of
 * accounts, the body of a request, a request's file.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct accounts as = { 0 };
	struct login_body body;
	char value[16], *text, *why = NULL;
	uint64_t numbers[3];

	if (!size)
		return 0;
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0] % 7) {
	case 0:
		try_target(text);
		break;
	case 1:
		if (!cookie_get(text, "ajar2527", value, sizeof(value)) && strchr(value, ';'))
			__builtin_trap();
		break;
	case 2:
		(void)!cursor_parse(text, numbers, 3);
		break;
	case 3:
		if (!login_body_parse(text, size - 1, &body) &&
		    (!body.name[0] || strlen(body.password) > PASSWORD_MAX))
			__builtin_trap();
		break;
	case 4:
		if (!accounts_parse(text, "f", &as, &why))
			for (unsigned i = 0; i < as.len; i++)
				if (!account_name_ok(as.all[i].name))
					__builtin_trap();
		accounts_done(&as);
		free(why);
		break;
	case 5:
		try_request(text, size - 1);
		break;
	default:
		try_file(text, size - 1);
	}
	free(text);
	return 0;
}
