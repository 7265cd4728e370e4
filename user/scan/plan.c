/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hostlist.h"
#include "base/parse.h"
#include "core/portset.h"

#define NS_PER_S 1000000000ULL
#define NS_PER_MIN (60 * NS_PER_S)
#define DAY_MIN 1440
#define RATE_MAX 10000000

enum { T_NAME, T_PORTS, T_CLASSES, T_NODES, T_ORDER, T_WINDOW, T_AUTHOR };

void plan_done(struct plan *p)
{
	for (size_t i = 0; i < array_len(p->texts); i++)
		free(p->texts[i]);
	*p = (struct plan){ 0 };
}

static const char **text_of_plan(struct store_plan *p, unsigned i)
{
	const char **texts[] = { &p->name,  &p->ports,	&p->classes, &p->nodes,
				 &p->order, &p->window, &p->author };

	return texts[i];
}

static int set_text(struct plan *p, unsigned i, const char *value)
{
	char *copy = strdup(value ? value : "");

	if (!copy)
		return -ENOMEM;
	free(p->texts[i]);
	p->texts[i] = copy;
	*text_of_plan(&p->p, i) = copy;
	return 0;
}

int plan_copy(const struct store_plan *from, struct plan *ret_p)
{
	struct plan p = { .p = *from };
	int err = 0;

	for (unsigned i = 0; !err && i < array_len(p.texts); i++)
		err = set_text(&p, i, *text_of_plan(&p.p, i));
	if (err)
		plan_done(&p);
	else
		*ret_p = p;
	return err;
}

/* --- words ------------------------------------------------------------------------------------ */

enum word_type { W_TEXT, W_KIND, W_BOOL, W_DURATION, W_COUNT, W_LOAD };

/* clang-format off */
static const struct word {
	const char *name;
	enum word_type type;
	unsigned text; /* W_TEXT */
	size_t off; /* in struct store_plan */
} words[] = {
	{ "kind", W_KIND, 0, offsetof(struct store_plan, kind) },
	{ "ports", W_TEXT, T_PORTS, 0 },
	{ "class", W_TEXT, T_CLASSES, 0 },
	{ "nodes", W_TEXT, T_NODES, 0 },
	{ "order", W_TEXT, T_ORDER, 0 },
	{ "every", W_DURATION, 0, offsetof(struct store_plan, every_ns) },
	{ "window", W_TEXT, T_WINDOW, 0 },
	{ "idle", W_BOOL, 0, offsetof(struct store_plan, idle_only) },
	{ "idle-wait", W_DURATION, 0, offsetof(struct store_plan, idle_wait_ns) },
	{ "rate", W_COUNT, 0, offsetof(struct store_plan, rate) },
	{ "host-rate", W_COUNT, 0, offsetof(struct store_plan, host_rate) },
	{ "load", W_LOAD, 0, offsetof(struct store_plan, load_max) },
	{ "enabled", W_BOOL, 0, offsetof(struct store_plan, enabled) },
};
/* clang-format on */

static const struct word *find_word(const char *s, size_t n)
{
	for (size_t i = 0; i < array_len(words); i++) {
		if (strlen(words[i].name) == n && !memcmp(words[i].name, s, n))
			return &words[i];
	}
	return NULL;
}

/* "0.75" of a core -> 75. */
static int parse_load(const char *s, uint64_t *ret_v)
{
	char whole[16];
	const char *dot = strchr(s, '.');
	size_t n = dot ? (size_t)(dot - s) : strlen(s);
	uint64_t v, part = 0;

	if (!n || n >= sizeof(whole) || (dot && (strlen(dot + 1) < 1 || strlen(dot + 1) > 2)))
		return -EINVAL;
	memcpy(whole, s, n);
	whole[n] = '\0';
	if (parse_u64(whole, &v) || v > 1000 || (dot && parse_u64(dot + 1, &part)))
		return -EINVAL;
	*ret_v = v * 100 + (dot && !dot[2] ? part * 10 : part);
	return 0;
}

int plan_set(struct plan *p, const char *word, const char **ret_why)
{
	const char *eq = strchr(word, '=');
	const struct word *w = eq ? find_word(word, (size_t)(eq - word)) : NULL;
	void *at;

	*ret_why = "it is not one of kind= ports= class= nodes= order= every= window= idle= "
		   "idle-wait= rate= host-rate= "
		   "load= enabled=";
	if (!w)
		return -EINVAL;
	at = (char *)&p->p + w->off;
	switch (w->type) {
	case W_TEXT:
		return set_text(p, w->text, eq + 1);
	case W_KIND:
		p->p.kind = scan_kind_parse(eq + 1); /* plan_check() says which there are */
		return 0;
	case W_BOOL:
		*ret_why = "it wants yes or no";
		return parse_bool(eq + 1, at);
	case W_DURATION:
		*ret_why = "it wants a time such as 15m, 6h or 1d (0s: never)";
		return parse_duration(eq + 1, at);
	case W_COUNT:
		*ret_why = "it wants probes a second, 0 for no limit";
		return parse_u64(eq + 1, at) || *(uint64_t *)at > RATE_MAX ? -EINVAL : 0;
	case W_LOAD:
		*ret_why = "it wants the load of a core, such as 0.75 (0: no limit)";
		return parse_load(eq + 1, at);
	}
	return -EINVAL;
}

static bool is_one_of(const char *s, const char *const *list)
{
	for (; *list; list++) {
		if (!strcmp(s, *list))
			return true;
	}
	return false;
}

static bool ports_are_good(const char *s)
{
	static const char *const names[] = { "services", "all",	 "profile", "doors",
					     "known",	 "open", NULL };
	struct ports *set;
	bool good;

	if (is_one_of(s, names))
		return true;
	set = calloc(1, sizeof(*set));
	good = set && !ports_parse(s, set);
	free(set);
	return good;
}

int plan_check(const struct store_plan *p, const char **ret_why)
{
	static const char *const orders[] = { "oldest", "name", "random", NULL };
	struct hostlist nodes = { 0 };
	struct hostlist_error herr;
	unsigned from, to;
	int err = 0;

	if (!p->kind)
		*ret_why = "kind= is connect, syn, udp, identity, version or verify";
	else if (!ports_are_good(p->ports))
		*ret_why = "ports= is services, all, profile, doors, known (profile and doors), "
			   "open (seen open last), or a "
			   "list such as 22,80,8000-8100";
	else if (!is_one_of(p->order, orders))
		*ret_why = "order= is oldest, name or random";
	else if (plan_window_parse(p->window, &from, &to))
		*ret_why = "window= is two times of day, UTC, such as 22:00-06:00, or nothing";
	else if (*p->nodes && (err = hostlist_parse(&nodes, p->nodes, NULL, &herr)))
		*ret_why = "nodes= is a node set such as node[001-064]";
	else
		*ret_why = NULL;
	hostlist_done(&nodes);
	return err ? err : *ret_why ? -EINVAL : 0;
}

static void put_duration(struct buf *b, const char *name, uint64_t ns)
{
	static const struct {
		uint64_t s;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	uint64_t s = ns / NS_PER_S;

	for (size_t i = 0; i < array_len(units); i++) {
		if (s % units[i].s == 0 && (s || units[i].s == 1)) {
			buf_printf(b, " %s=%" PRIu64 "%c", name, s / units[i].s, units[i].unit);
			return;
		}
	}
}

void plan_format(struct buf *b, const struct store_plan *p)
{
	buf_printf(b, "kind=%s ports=%s", scan_kind_name(p->kind), p->ports);
	if (*p->classes)
		buf_printf(b, " 'class=%s'", p->classes);
	if (*p->nodes)
		buf_printf(b, " 'nodes=%s'", p->nodes);
	put_duration(b, "every", p->every_ns);
	if (*p->window)
		buf_printf(b, " window=%s", p->window);
	buf_printf(b, " idle=%s", p->idle_only ? "yes" : "no");
	if (p->idle_only)
		put_duration(b, "idle-wait", p->idle_wait_ns);
	buf_printf(b,
		   " rate=%" PRIu64 " host-rate=%" PRIu64 " load=%" PRIu64 ".%02" PRIu64
		   " order=%s enabled=%s",
		   p->rate, p->host_rate, p->load_max / 100, p->load_max % 100, p->order,
		   p->enabled ? "yes" : "no");
}

/* --- time ------------------------------------------------------------------------------------- */

static const char *time_of_day(const char *s, unsigned *ret_min)
{
	for (int i = 0; i < 5; i++) {
		if (i == 2 ? s[i] != ':' : (s[i] < '0' || s[i] > '9'))
			return NULL;
	}
	*ret_min = (unsigned)((s[0] - '0') * 10 + s[1] - '0') * 60 +
		   (unsigned)((s[3] - '0') * 10 + s[4] - '0');
	return s[3] > '5' || *ret_min > DAY_MIN ? NULL : s + 5;
}

int plan_window_parse(const char *s, unsigned *ret_from_min, unsigned *ret_to_min)
{
	unsigned from = 0, to = DAY_MIN;

	if (*s) {
		s = time_of_day(s, &from);
		if (!s || *s++ != '-')
			return -EINVAL;
		s = time_of_day(s, &to);
		if (!s || *s || from == to)
			return -EINVAL;
	}
	*ret_from_min = from;
	*ret_to_min = to;
	return 0;
}

bool plan_in_window(const char *window, uint64_t wall_ns)
{
	unsigned now = (unsigned)(wall_ns / NS_PER_MIN % DAY_MIN), from, to;

	if (plan_window_parse(window, &from, &to))
		return false;
	return from < to ? now >= from && now < to : now >= from || now < to;
}

bool plan_due(const struct store_plan *p, uint64_t now_ns, uint64_t *ret_next_ns)
{
	uint64_t wait = p->every_ns, since = p->claimed_ns;

	*ret_next_ns = UINT64_MAX;
	if (!p->enabled || !p->every_ns)
		return false;
	if (!since) {
		since = p->created_ns;
		wait = p->every_ns < PLAN_FIRST_NS ? p->every_ns : PLAN_FIRST_NS;
	}
	if (now_ns < since + wait) {
		*ret_next_ns = since + wait;
		return false;
	}
	*ret_next_ns = now_ns + NS_PER_MIN;
	return plan_in_window(p->window, now_ns);
}
