/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/parse.h"
#include "cli/alert_triage.h"
#include "cli/cmd.h"
#include "cli/words.h"
#include "core/filter.h"
#include "store/store.h"
#include "view/match.h"

/* Which alerts a verb is about. */

#define IDS_MAX 1024

void picks_done(struct picks *p)
{
	for (size_t i = 0; i < p->len; i++) {
		free(p->list[i].key);
		free(p->list[i].host_type);
		free(p->list[i].nodes);
		free(p->list[i].summary);
		buf_done(&p->list[i].record);
	}
	free(p->list);
	*p = (struct picks){ 0 };
}

static int add_pick(struct picks *p, const struct store_alert *a)
{
	struct picked *list = reallocarray(p->list, p->len + 1, sizeof(*list)), *k;

	if (!list)
		return -ENOMEM;
	p->list = list;
	k = &list[p->len++];
	*k = (struct picked){ .id = a->id,
			      .state = a->state,
			      .kind = a->kind,
			      .key = strdup(a->key),
			      .host_type = strdup(a->host_type),
			      .nodes = strdup(a->nodes),
			      .summary = strdup(a->summary),
			      .record = BUF_INIT(EVENT_RECORD_MAX) };
	if (a->record.ptr)
		buf_put(&k->record, a->record.ptr, a->record.len);
	return k->key && k->host_type && k->nodes && k->summary && !k->record.err ? 0 : -ENOMEM;
}

struct picking {
	struct picks *p;
	struct filter f;
};

static int on_alert(const struct store_alert *a, void *arg)
{
	struct picking *k = arg;

	return view_match_alert(&k->f, a) ? add_pick(k->p, a) : 0;
}

static int on_id(const struct store_alert *a, void *arg)
{
	return add_pick(arg, a);
}

/* "7" or "7,9,12"; 0: it is none. */
static int read_ids(const char *word, uint64_t *ids, unsigned *len)
{
	_free_ char *copy = strdup(word);
	char *rest = copy, *one;

	if (!copy)
		return -ENOMEM;
	if (strspn(word, "0123456789,") != strlen(word))
		return 0;
	while ((one = strsep(&rest, ","))) {
		if (*len == IDS_MAX || parse_u64(one, &ids[*len]) || !ids[*len])
			return log_usage("'%s' is no list of alerts' numbers", word);
		++*len;
	}
	return 1;
}

static int pick_ids(struct store *s, const uint64_t *ids, unsigned len, struct picks *p)
{
	for (unsigned i = 0; i < len; i++) {
		const struct store_alert_query q = { .all = true, .id = ids[i] };
		size_t before = p->len;
		int err = store_alerts(s, &q, on_id, p);

		if (err)
			return cmd_store_err(err, s, "cannot read the alerts");
		if (p->len == before)
			return log_usage("no alert %llu: 'ajar alerts --all' lists them",
					 (unsigned long long)ids[i]);
	}
	return 0;
}

static int add_word(struct cmd_ctx *c, const char *word, struct picking *k)
{
	const char *what;
	int err = words_add(c, word, &k->f, &what);

	if (err && what)
		return log_usage("'%s': an alert's number or a FILTER is wanted (%s): run 'ajar %s "
				 "--help'",
				 word, what, c->path);
	return err;
}

int picks_read(struct cmd_ctx *c, struct store *s, struct picks *ret_p)
{
	struct picking k = { .p = ret_p };
	const struct store_alert_query q = { 0 };
	_free_ uint64_t *ids = calloc(IDS_MAX, sizeof(*ids));
	unsigned len = 0, words = 0;
	int err = ids ? 0 : -ENOMEM;

	for (int i = 1; i < c->argc && !err; i++) {
		int got = read_ids(c->argv[i], ids, &len);

		words += !got;
		err = got < 0 ? got : got ? 0 : add_word(c, c->argv[i], &k);
	}
	if (!err && !len && !words)
		err = log_usage("'ajar alerts %s' wants an alert's number, or a FILTER such as "
				"class:compute :4444: 'ajar alerts' lists what is open",
				c->argv[0]);
	if (!err && len && words)
		err = log_usage("give numbers or a FILTER, not both");
	if (!err && len)
		err = pick_ids(s, ids, len, ret_p);
	if (!err && words) {
		err = store_alerts(s, &q, on_alert, &k);
		if (err)
			cmd_store_err(err, s, "cannot read the alerts");
		else if (!ret_p->len)
			err = log_usage("no alert that stands is like that: 'ajar alerts' lists "
					"them");
	}
	return err;
}
