/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/reported.h"

#include "base/log.h"
#include "store/store.h"

static int add(const struct store_node *n, void *arg)
{
	return hostlist_add(arg, n->name);
}

int reported_load(struct store *s, struct hostlist *ret_nodes)
{
	struct hostlist h = { 0 };
	int err = store_nodes(s, add, &h);

	if (err) {
		hostlist_done(&h);
		return err;
	}
	hostlist_sort(&h);
	*ret_nodes = h;
	return 0;
}

size_t reported_of(struct hostlist *reported, const struct hostlist *set)
{
	size_t n = 0;

	for (size_t i = 0; i < set->len; i++)
		n += hostlist_has(reported, set->names[i]);
	return n;
}

size_t reported_of_text(struct hostlist *reported, const char *text)
{
	_cleanup_(hostlist_done) struct hostlist h = { 0 };
	struct hostlist_error ignored;

	return hostlist_parse(&h, text, NULL, &ignored) ? 0 : reported_of(reported, &h);
}

void reported_say(struct store *s, const struct hostlist *set, const char *what)
{
	_cleanup_(hostlist_done) struct hostlist reported = { 0 };

	if (reported_load(s, &reported) || !set->len || reported_of(&reported, set))
		return;
	log_warn("%s: " REPORTED_NONE "%s; 'ajar node' lists those that have", what,
		 reported.len ? "" : ", and no other either");
}
