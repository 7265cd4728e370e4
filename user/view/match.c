/* SPDX-License-Identifier: GPL-2.0 */
#include "view/match.h"

#include "base/hostlist.h"
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

static bool is_of_nodes(const struct filter_word *w)
{
	return w->kind == FILTER_NODE || w->kind == FILTER_RACK;
}

static struct filter words_of(const struct filter *f, bool of_nodes)
{
	struct filter some = { .racks = f->racks };

	for (unsigned i = 0; i < f->len; i++)
		if (is_of_nodes(&f->words[i]) == of_nodes)
			some.words[some.len++] = f->words[i];
	return some;
}

/* An alert stands on many nodes: one of those asked for is enough. */
static bool match_nodes(const struct filter *f, const struct store_alert *a)
{
	_cleanup_(hostlist_done) struct hostlist nodes = { 0 };
	struct filter_subject subject = { .node = a->node };
	struct hostlist_error why;

	if (!f->len || filter_match(f, &subject))
		return true;
	if (!a->nodes || hostlist_parse(&nodes, a->nodes, NULL, &why))
		return false;
	for (size_t i = 0; i < nodes.len; i++) {
		subject.node = nodes.names[i];
		if (filter_match(f, &subject))
			return true;
	}
	return false;
}

bool view_match_alert(const struct filter *f, const struct store_alert *a)
{
	const struct filter nodes = words_of(f, true), rest = words_of(f, false);
	enum verdict v = a->kind == FINDING_IMPOSTOR ? VERDICT_IMPOSTOR
			 : a->kind == FINDING_SHARED ? VERDICT_SHARED
						     : VERDICT_UNEXPECTED;
	struct event ev;

	if (!match_nodes(&nodes, a))
		return false;
	if (!a->record.ptr || event_decode(a->record.ptr, a->record.len, &ev))
		return match_without_record(&rest, a);
	return view_match_event(&rest, &ev, a->node, a->host_type, v);
}

bool view_match_scan(const struct filter *f, const struct store_scan_change *c)
{
	const struct event ev = { .kind = EVENT_OPEN,
				  .door = { .proto = c->proto, .port = c->port } };

	return view_match_event(f, &ev, c->node, c->host_type, VERDICT_NONE);
}
