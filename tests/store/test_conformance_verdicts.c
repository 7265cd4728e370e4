/* SPDX-License-Identifier: GPL-2.0 */
#include "store/verdicts.h"

#include <errno.h>

#include "conformance.h"

/* What store/verdicts.h promises, on each driver. */

static struct store_verdict_change a_change(const char *node, uint64_t cookie, uint64_t at_ns)
{
	return (struct store_verdict_change){ .node = node,
					      .boot_seq = 1,
					      .netns_cookie = 1,
					      .cookie = cookie,
					      .at_ns = at_ns,
					      .was = VERDICT_UNEXPECTED,
					      .verdict = VERDICT_PROFILED,
					      .rule_id = 7,
					      .author = "mlee",
					      .made_ns = 50 };
}

static int list_change(const struct store_verdict_change *c, void *arg)
{
	buf_printf(arg, "%s:%u:%llu:%llu@%llu %d>%d %llu '%s' %llu; ", c->node, c->boot_seq,
		   (unsigned long long)c->netns_cookie, (unsigned long long)c->cookie,
		   (unsigned long long)c->at_ns, c->was, c->verdict, (unsigned long long)c->rule_id,
		   c->author, (unsigned long long)c->made_ns);
	return 0;
}

static void changes_are(struct store *s, uint64_t after_ns, const char *want, const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_verdict_changes(s, after_ns, list_change, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static void make_door(struct store *s, const char *node, uint64_t cookie)
{
	struct event ev = open_event(22, cookie, T0);
	_cleanup_(buf_done) struct buf record = BUF_INIT(EVENT_RECORD_MAX);
	struct store_door d = { .node = node,
				.host_type = "compute",
				.boot_seq = 1,
				.door = ev.door,
				.open_seq = cookie,
				.opened_ns = T0,
				.verdict = VERDICT_PROFILED };

	event_encode(&ev, &record);
	d.record = (struct text){ record.data, (uint32_t)record.len };
	if (put_one(s, node, 1, cookie, &ev) || store_put_door(s, &d))
		printf("# no door: %s\n", store_why(s));
}

static void test_kept(struct store *s)
{
	struct store_verdict_change c = a_change("n1", 1, 200), later = a_change("n1", 1, 300);

	make_door(s, "n1", 1);
	make_door(s, "n2", 2);
	changes_are(s, 0, "", "at first no verdict has changed");
	ok(!store_verdict_change_put(s, &c), "%s: a change is kept", drv->name);
	c.was = VERDICT_IMPOSTOR;
	ok(!store_verdict_change_put(s, &c), "%s: a second one of the same time is taken",
	   drv->name);
	changes_are(s, 0, "n1:1:1:1@200 3>2 7 'mlee' 50; ",
		    "but the first stays: it knows what was before");
	later.was = VERDICT_PROFILED;
	later.verdict = VERDICT_UNEXPECTED;
	later.rule_id = later.made_ns = 0;
	later.author = "";
	c = a_change("n2", 2, 250);
	c.author = "m'lee \xc3\xb6";
	ok(!store_verdict_change_put(s, &later) && !store_verdict_change_put(s, &c),
	   "%s: one that no row decided, and one of another node", drv->name);
	changes_are(s, 200, "n2:1:1:2@250 3>2 7 'm'lee \xc3\xb6' 50; n1:1:1:1@300 2>3 0 '' 0; ",
		    "those behind a time come in the order of time");
	changes_are(s, 300, "", "behind the last there is none");
	c = a_change("nobody", 1, 200);
	ok(store_verdict_change_put(s, &c) == -ENOENT, "%s: of a node that nobody knows: -ENOENT",
	   drv->name);
}

static void test_forgotten(struct store *s)
{
	const struct store_verdict_change kept = a_change("n1", 1, 200),
					  gone = a_change("n1", 99, 210);

	make_door(s, "n1", 1);
	ok(!store_verdict_change_put(s, &kept) && !store_verdict_change_put(s, &gone),
	   "%s: a change of a door, and one of a door that the store has no more", drv->name);
	ok(!store_verdicts_forget(s), "%s: what is of no door is dropped", drv->name);
	changes_are(s, 0, "n1:1:1:1@200 3>2 7 'mlee' 50; ", "that of the door stays");
}

static void test_since(struct store *s)
{
	uint64_t ns = 1;

	ok(!store_verdicts_since(s, &ns) && !ns, "%s: a new store knows all verdicts of then",
	   drv->name);
	ok(!store_setting_set(s, "verdicts-since", "1700000000000000000") &&
		   !store_verdicts_since(s, &ns) && ns == UINT64_C(1700000000000000000),
	   "%s: an older one those since a time", drv->name);
	ok(!store_setting_set(s, "verdicts-since", "yesterday") &&
		   store_verdicts_since(s, &ns) == -EBADMSG,
	   "%s: what is no time is an error", drv->name);
}

int main(void)
{
	static void (*const tests[])(struct store * s) = { test_kept, test_forgotten, test_since };

	return conformance(tests, array_len(tests), NULL);
}
