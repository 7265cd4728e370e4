/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/ship_local.h"

#include <errno.h>
#include <string.h>

#include "alert/sink.h"
#include "audit/audit.h"
#include "audit/holder.h"
#include "audit/verdict.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/map.h"
#include "conf/conf.h"
#include "conf/profile_text.h"
#include "daemon/rightful.h"
#include "journal/journal.h"
#include "store/store.h"
#include "view/view.h"
#include "view/writer.h"

#define PROFILE_FILE "profile"
#define LEARNING_LINE "# learning: nothing alerts"
#define REPORTED_MAX 4096 /* keys remembered; then all are forgotten and may be told again */
#define STEP_RECORDS 5000 /* judged in one call */
#define CATCH_UP_RECORDS 50000 /* of before, in one call */
#define TEXT_MAX 4096

struct ship_local {
	int journal_dir;
	const struct conf *conf;
	struct loop *loop;
	struct sink *sink;
	struct profile *profile; /* as kept; NULL: none, or not read yet */
	bool looked; /* for the file */
	uint64_t revision; /* of the store's profiles when it was kept; 0: not in this life */
	struct journal_reader *reader; /* while the store is away */
	struct journal_pos acked; /* what it had before that */
	struct rightful rightful; /* of the same time */
	struct map *told; /* keys of this time */
	unsigned count; /* alerts of this time */
};

int ship_local_new(int journal_dir, const struct conf *conf, struct loop *l,
		   struct ship_local **ret_l)
{
	struct ship_local *x = calloc(1, sizeof(*x));
	int err = x ? map_new(NULL, &x->told) : -ENOMEM;

	if (!err) {
		x->journal_dir = journal_dir;
		x->conf = conf;
		x->loop = l;
		if (conf->alert_syslog)
			err = sink_syslog.open(l, NULL, 0, &x->sink);
	}
	if (err) {
		ship_local_free(x);
		return err;
	}
	*ret_l = x;
	return 0;
}

void ship_local_free(struct ship_local *l)
{
	if (!l)
		return;
	if (l->sink)
		sink_syslog.free(l->sink);
	journal_reader_free(l->reader);
	profile_free(l->profile);
	map_free(l->told);
	free(l);
}

/* --- the profile, kept ------------------------------------------------------------------------------ */

static int write_profile(struct ship_local *l, const struct profile *p)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(PROFILE_FILE_MAX);

	if (!p->accepted)
		buf_puts(&b, LEARNING_LINE "\n");
	buf_puts(&b, "class ");
	profile_word_format(&b, p->host_type);
	buf_putc(&b, '\n');
	for (size_t i = 0; i < p->rows_len; i++) {
		profile_rule_format(&b, &p->rows[i]);
		buf_putc(&b, '\n');
	}
	return b.err ? b.err : file_write_atomic(l->journal_dir, PROFILE_FILE, b.data, b.len, 0640);
}

void ship_local_keep(struct ship_local *l, struct store *s)
{
	char class[256] = "";
	struct profile *p = NULL;
	uint64_t revision = 0;
	int err;

	if (!l->conf->local_after_ns)
		return;
	err = store_profile_revision(s, &revision);
	if (!err && revision == l->revision)
		return;
	if (!err)
		err = store_node_class(s, l->conf->node_name, class, sizeof(class));
	if (!err)
		err = store_profile_get(s, class, &p);
	if (!err)
		err = write_profile(l, p);
	if (err) {
		log_debug("the profile of class %s is not kept: %s",
			  *class ? class : l->conf->node_class, strerror(-err));
		profile_free(p);
		return;
	}
	profile_free(l->profile);
	l->profile = p;
	l->revision = revision;
	l->looked = true;
}

/* Takes the rows out of the text: what it owns ends with it. */
static int adopt_rows(struct profile *p, struct profile_text *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->len; i++)
		n += t->lines[i].kind == LINE_RULE;
	p->rows = calloc(n ? n : 1, sizeof(*p->rows));
	if (!p->rows)
		return -ENOMEM;
	for (size_t i = 0; i < t->len; i++) {
		if (t->lines[i].kind != LINE_RULE)
			continue;
		p->rows[p->rows_len++] = t->lines[i].row;
		t->lines[i].row = (struct profile_row){ 0 };
	}
	return 0;
}

static const char *class_of(const struct profile_text *t, const char *otherwise)
{
	for (size_t i = 0; i < t->len; i++)
		if (t->lines[i].kind == LINE_CLASS)
			return t->lines[i].host_type;
	return otherwise;
}

static int read_profile(struct ship_local *l)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(PROFILE_FILE_MAX);
	struct profile_text t = { 0 };
	struct profile *p;
	int err = file_read(l->journal_dir, PROFILE_FILE, &b);

	if (!err)
		err = profile_text_parse(buf_str(&b), b.len, NULL, &t);
	if (err)
		return err;
	p = calloc(1, sizeof(*p));
	err = p ? adopt_rows(p, &t) : -ENOMEM;
	if (!err) {
		p->host_type = strdup(class_of(&t, l->conf->node_class));
		p->accepted = strncmp(buf_str(&b), LEARNING_LINE, strlen(LEARNING_LINE)) != 0;
		err = p->host_type ? 0 : -ENOMEM;
	}
	/* Half a profile would raise alerts about what the other half allows. */
	if (!err && profile_text_errors(&t))
		err = -EBADMSG;
	profile_text_done(&t);
	if (err) {
		profile_free(p);
		return err;
	}
	l->profile = p;
	return 0;
}

/* --- alerts ----------------------------------------------------------------------------------------------- */

struct sent {
	int err;
};

static void on_sent(int err, const char *why, void *arg)
{
	(void)why;
	((struct sent *)arg)->err = err;
}

static void send(struct ship_local *l, const struct store_alert *a, uint64_t now_ns)
{
	_cleanup_(buf_done) struct buf json = BUF_INIT(SINK_JSON_MAX), b = BUF_INIT(SINK_JSON_MAX);
	struct store_alert_change c = { .at_ns = now_ns,
					.state = ALERT_OPEN,
					.author = AUTHOR_MONITOR,
					.who = "ajar-ship",
					.note = "the store is away",
					.alert = *a };
	struct sink_message m = { .change = &c };
	struct sent sent = { -ENODEV };
	struct writer w;
	struct jsonw j;

	jsonw_init(&j, &json);
	writer_json(&w, &j);
	view_alert_json(&w, a);
	if (json.err || !json.len || json.data[0] != '{')
		return;
	buf_printf(&b, "{\"local\":true,%s", json.data + 1);
	while (b.len && b.data[b.len - 1] == '\n')
		b.data[--b.len] = '\0';
	m.json = buf_str(&b);
	m.json_len = b.len;
	/* Its datagram is sent or not before it returns. */
	if (l->sink && sink_syslog.send(l->sink, &m, on_sent, &sent))
		sent.err = -EIO;
	if (sent.err)
		log_warn("alert of this node alone: %s", buf_str(&b));
	l->count++;
}

static int raise(struct ship_local *l, const struct journal_record *rec, const struct event *ev,
		 const struct judgement *j, const struct process *who)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(1024), summary = BUF_INIT(TEXT_MAX),
				       why = BUF_INIT(TEXT_MAX), remedy = BUF_INIT(TEXT_MAX);
	const struct conf *c = l->conf;
	const char *class = l->profile ? l->profile->host_type : c->node_class;
	struct store_alert a = { .kind = j->kind,
				 .severity = j->severity,
				 .state = ALERT_OPEN,
				 .host_type = class,
				 .nodes = c->node_name,
				 .count = 1,
				 .proto = ev->door.proto,
				 .port = ev->door.port,
				 .first_ns = ev->time_ns,
				 .last_ns = ev->time_ns,
				 .boot_seq = rec->pos.boot_seq,
				 .seq = rec->pos.seq,
				 .node = c->node_name,
				 .record = rec->payload };
	int err;

	audit_key(class, c->node_name, &ev->door, who, j->kind, &key);
	if (key.err || map_get(l->told, key.data, key.len))
		return key.err;
	if (map_size(l->told) >= REPORTED_MAX)
		map_each(l->told, map_always, NULL);
	err = map_put(l->told, key.data, key.len, l);
	if (err)
		return err;
	audit_summary(j, c->node_name, &ev->door, who, &summary);
	audit_why(j, class, l->profile, &ev->door, who, &why);
	audit_why_holder(ev, who, &why);
	audit_remedy(j, class, &ev->door, who, &remedy);
	a.key = key.data;
	a.summary = buf_str(&summary);
	a.why = buf_str(&why);
	a.remedy = buf_str(&remedy);
	send(l, &a, clock_wall_ns());
	return 0;
}

static bool is_acked(const struct ship_local *l, struct journal_pos pos)
{
	return pos.boot_seq < l->acked.boot_seq ||
	       (pos.boot_seq == l->acked.boot_seq && pos.seq <= l->acked.seq);
}

static int judge(struct ship_local *l, const struct journal_record *rec)
{
	uint64_t now_ns = clock_wall_ns();
	struct judgement j;
	struct process who;
	struct event ev;

	if (event_decode(rec->payload.ptr, rec->payload.len, &ev))
		return 0;
	rightful_note(&l->rightful, l->profile, rec->pos, &ev, now_ns);
	if (is_acked(l, rec->pos) ||
	    (ev.kind != EVENT_OPEN && ev.kind != EVENT_HELD && ev.kind != EVENT_SETTLE))
		return 0;
	ev.door.shared = rightful_beside(&l->rightful, &ev.door);
	audit_judge_event(l->profile, &ev, now_ns, OUTSIDE_UNKNOWN, &j, &who);
	return j.kind ? raise(l, rec, &ev, &j, &who) : 0;
}

/*
 * Judged is what is behind the acknowledgement: all before it the monitor has, or will have. Who
 * stood on which port before is read from the oldest record on.
 */
static int begin(struct ship_local *l)
{
	int err = journal_ack_read(l->journal_dir, &l->acked);

	l->rightful = (struct rightful){ 0 };
	if (!err)
		err = journal_reader_new(l->journal_dir, (struct journal_pos){ 0 }, &l->reader);
	if (!err)
		log_info("no records reach the store: this node's alerts go to syslog until they "
			 "do");
	return err;
}

void ship_local_step(struct ship_local *l)
{
	int ret = 0;

	if (!l->conf->local_after_ns)
		return;
	if (!l->looked) {
		l->looked = true;
		ret = read_profile(l);
		if (ret)
			log_debug("there is no profile to judge by: %s", store_error_text(ret));
	}
	if (!l->profile)
		return;
	ret = l->reader ? 0 : begin(l);
	for (unsigned i = 0, before = 0; !ret && i < STEP_RECORDS && before < CATCH_UP_RECORDS;) {
		struct journal_record rec;
		struct journal_damage d;
		int got = journal_next(l->reader, &rec, &d);

		if (got <= 0)
			break;
		if (got == 1 && is_acked(l, rec.pos))
			before++;
		else
			i++;
		if (got == 1)
			ret = judge(l, &rec);
	}
	if (ret)
		log_debug("cannot judge the journal: %s", store_error_text(ret));
}

void ship_local_end(struct ship_local *l)
{
	if (!l->reader)
		return;
	if (l->count)
		log_info(
			"records reach the store again: the monitor judges what %u alert%s of this "
			"node were about",
			l->count, plural(l->count));
	journal_reader_free(take_ptr(l->reader));
	map_each(l->told, map_always, NULL);
	l->count = 0;
}
