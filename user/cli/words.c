/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/words.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "cli/cmd.h"
#include "core/holders.h"
#include "store/scan_changes.h"
#include "store/store.h"

int words_filter(const struct cmd_ctx *c, struct filter *ret_f)
{
	struct filter f = { 0 };

	for (int i = 0; i < c->argc; i++) {
		const char *why = NULL;
		int err = filter_add(&f, c->argv[i], &why);

		if (err)
			return log_usage("filter '%s': %s: run 'ajar --help'", c->argv[i],
					 why ? why : "cannot be understood");
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

/* exe: and user: are about whoever opened it or holds it. */
static bool match_any(const struct filter *f, struct filter_subject *subject,
		      const struct event *ev)
{
	struct text list = ev->holders.list;
	struct process p;

	if (filter_match(f, subject))
		return true;
	subject->opener = &p;
	while (holders_next(&list, &p)) {
		if (filter_match(f, subject))
			return true;
	}
	return event_asker(ev, &p) && filter_match(f, subject);
}

bool words_match(const struct filter *f, const struct event *ev, const char *node,
		 const char *host_type, enum verdict verdict)
{
	struct filter_subject subject = {
		.door = &ev->door,
		.opener = &ev->opener,
		.node = node,
		.host_type = host_type,
		.verdict = verdict,
	};
	struct filter place = { 0 };

	if (event_has_door(ev->kind))
		return match_any(f, &subject, ev);
	for (unsigned i = 0; i < f->len; i++) {
		bool is_place = f->words[i].kind == FILTER_NODE || f->words[i].kind == FILTER_CLASS;

		/* That something is missing concerns every question; that an agent came or went does not. */
		if (!is_place && ev->kind != EVENT_LOST && ev->kind != EVENT_GAP)
			return false;
		if (is_place)
			place.words[place.len++] = f->words[i];
	}
	return filter_match(&place, &subject);
}

bool words_match_alert(const struct filter *f, const struct store_alert *a)
{
	enum verdict v = a->kind == FINDING_IMPOSTOR ? VERDICT_IMPOSTOR
			 : a->kind == FINDING_SHARED ? VERDICT_SHARED
						     : VERDICT_UNEXPECTED;
	struct event ev = { .kind = EVENT_GAP };

	if (a->record.ptr && event_decode(a->record.ptr, a->record.len, &ev))
		ev = (struct event){ .kind = EVENT_GAP };
	return words_match(f, &ev, a->node, a->host_type, v);
}

bool words_match_scan(const struct filter *f, const struct store_scan_change *c)
{
	const struct event ev = { .kind = EVENT_OPEN,
				  .door = { .proto = c->proto, .port = c->port } };

	return words_match(f, &ev, c->node, c->host_type, VERDICT_NONE);
}
