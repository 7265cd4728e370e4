/* SPDX-License-Identifier: GPL-2.0 */
#include "view/match.h"

#include "core/holders.h"
#include "store/scan_changes.h"
#include "store/store.h"

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

bool view_match_event(const struct filter *f, const struct event *ev, const char *node,
		      const char *host_type, enum verdict verdict)
{
	struct filter_subject subject = {
		.door = &ev->door,
		.opener = &ev->opener,
		.node = node,
		.host_type = host_type,
		.verdict = verdict,
	};
	struct filter place = { .racks = f->racks };

	if (event_has_door(ev->kind))
		return match_any(f, &subject, ev);
	for (unsigned i = 0; i < f->len; i++) {
		bool is_place = f->words[i].kind == FILTER_NODE ||
				f->words[i].kind == FILTER_CLASS || f->words[i].kind == FILTER_RACK;

		/*
		 * That something is missing concerns every question; that an agent came or went
		 * does not.
		 */
		if (!is_place && ev->kind != EVENT_LOST && ev->kind != EVENT_GAP)
			return false;
		if (is_place)
			place.words[place.len++] = f->words[i];
	}
	return filter_match(&place, &subject);
}

/*
 * What an alert without a record is about: a port of which a scan told, or no door at all. Then
 * what is asked about doors asks for others.
 */
static bool match_without_record(const struct filter *f, const struct store_alert *a)
{
	const struct event port = { .kind = EVENT_OPEN,
				    .door = { .proto = a->proto, .port = a->port } };
	const struct event none = { .kind = EVENT_START };
	struct filter rest = { .racks = f->racks };
	enum verdict v = VERDICT_UNEXPECTED;
	bool is_state = false;

	/* Most kinds of findings have the name of a verdict. */
	if (verdict_parse(finding_kind_name(a->kind), &v))
		v = VERDICT_UNEXPECTED;

	if (a->proto)
		return view_match_event(f, &port, a->node, a->host_type, v);
	for (unsigned i = 0; i < f->len; i++)
		is_state |= f->words[i].kind == FILTER_STATE && f->words[i].lo == v;
	for (unsigned i = 0; i < f->len; i++)
		if (!is_state || f->words[i].kind != FILTER_STATE)
			rest.words[rest.len++] = f->words[i];
	return view_match_event(&rest, &none, a->node, a->host_type, v);
}

bool view_match_alert(const struct filter *f, const struct store_alert *a)
{
	enum verdict v = a->kind == FINDING_IMPOSTOR ? VERDICT_IMPOSTOR
			 : a->kind == FINDING_SHARED ? VERDICT_SHARED
						     : VERDICT_UNEXPECTED;
	struct event ev;

	if (!a->record.ptr || event_decode(a->record.ptr, a->record.len, &ev))
		return match_without_record(f, a);
	return view_match_event(f, &ev, a->node, a->host_type, v);
}

bool view_match_scan(const struct filter *f, const struct store_scan_change *c)
{
	const struct event ev = { .kind = EVENT_OPEN,
				  .door = { .proto = c->proto, .port = c->port } };

	return view_match_event(f, &ev, c->node, c->host_type, VERDICT_NONE);
}
