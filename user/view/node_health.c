/* SPDX-License-Identifier: GPL-2.0 */
#include "view/node_health.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/health.h"
#include "base/buf.h"
#include "conf/conf.h"
#include "store/health.h"
#include "view/health_row.h"
#include "view/view.h"
#include "view/writer.h"

#define OTHERS_MAX HEALTH_INSTALLATIONS_MAX /* the store keeps no more of a node */
#define NS_PER_S 1e9

/* A row whose texts live as long as this. */
struct kept {
	struct store_health_row row;
	struct health_in in;
	struct store_behind behind;
	char *node, *host, *boot_id, *version, *sensor, *addresses, *failed_why;
};

struct inside {
	uint64_t now_ns;
	uint32_t found;
	struct kept current;
	unsigned others_len;
	struct kept others[OTHERS_MAX]; /* refused, and past */
	int err;
};

static void kept_done(struct kept *k)
{
	free(k->node);
	free(k->host);
	free(k->boot_id);
	free(k->version);
	free(k->sensor);
	free(k->addresses);
	free(k->failed_why);
	*k = (struct kept){ 0 };
}

static int keep(struct kept *k, const struct store_health_row *r)
{
	k->row = *r;
	k->row.node = k->node = strdup(r->node);
	k->row.host_type = "";
	k->row.behind = NULL;
	if (!k->node)
		return -ENOMEM;
	if (r->behind) {
		k->behind = *r->behind;
		k->behind.node = k->node;
		k->behind.host_type = "";
		k->behind.failed_why = k->failed_why = strdup(r->behind->failed_why);
		k->row.behind = &k->behind;
		if (!k->failed_why)
			return -ENOMEM;
	}
	if (!r->known)
		return 0;
	k->row.h.host = k->host = strdup(r->h.host);
	k->row.h.boot_id = k->boot_id = strdup(r->h.boot_id);
	k->row.h.version = k->version = strdup(r->h.version);
	k->row.h.sensor = k->sensor = strdup(r->h.sensor);
	if (r->h.addresses)
		k->row.h.addresses = k->addresses = strdup(r->h.addresses);
	return k->host && k->boot_id && k->version && k->sensor && !k->addresses == !r->h.addresses
		       ? 0
		       : -ENOMEM;
}

static int on_row(const struct store_health_row *r, void *arg)
{
	struct inside *in = arg;
	bool current = !r->known || r->standing == STANDING_CURRENT;
	int err = 0;

	/* Two that are current: a node's account can do that to itself. The one heard last is it. */
	if (current && in->current.node) {
		current = r->received_ns >= in->current.row.received_ns;
		if (current && in->others_len < OTHERS_MAX)
			err = keep(&in->others[in->others_len++], &in->current.row);
		if (current)
			kept_done(&in->current);
	}
	if (err)
		return err;
	if (current)
		return keep(&in->current, r);
	return in->others_len < OTHERS_MAX ? keep(&in->others[in->others_len++], r) : 0;
}

static void judge(struct node_health *h, struct inside *in, const struct conf *conf)
{
	const struct health_limits l = { .silent_ns = conf->health_silent_ns,
					 .skew_ns = conf->health_skew_ns,
					 .hole_ns = conf->health_hole_ns };
	struct kept *k = &in->current;
	bool bad;

	health_row(&k->row, &k->row.watch, &k->in);
	in->found = audit_health(&k->in, &l, in->now_ns);
	h->known = k->row.known;
	h->state = health_state(&k->in, l.silent_ns, in->now_ns);
	h->means = health_state_why(h->state, in->found);
	bad = in->found & (1U << ISSUE_SILENT | 1U << ISSUE_AGENT_STALLED | 1U << ISSUE_BLIND |
			   1U << ISSUE_CHAIN | 1U << ISSUE_CLONE);
	h->sgr = bad ? "31" : in->found || h->state != NODE_RECORDING ? "33" : NULL;
	if (h->known && h->state != NODE_RECORDING)
		h->silent_since_ns = k->row.received_ns - k->row.h.agent_age_ns;
}

int node_health_new(struct node_health *ret)
{
	*ret = (struct node_health){ .inside = calloc(1, sizeof(struct inside)) };
	return ret->inside ? 0 : -ENOMEM;
}

int node_health_take(struct node_health *h, const struct store_health_row *r)
{
	return on_row(r, h->inside);
}

void node_health_judge(struct node_health *h, const struct conf *conf, uint64_t now_ns)
{
	struct inside *in = h->inside;

	in->now_ns = now_ns;
	if (in->current.node)
		judge(h, in, conf);
}

int node_health_get(struct store *s, const struct conf *conf, const char *node,
		    struct node_health *ret)
{
	uint64_t now_ns = 0;
	int err = node_health_new(ret);

	if (!err)
		err = store_clock(s, &now_ns);
	if (!err)
		err = store_health(s, node, true, on_row, ret->inside);
	if (err == -EOPNOTSUPP)
		return 0;
	if (!err)
		node_health_judge(ret, conf, now_ns);
	return err;
}

void node_health_done(struct node_health *h)
{
	struct inside *in = h->inside;

	if (!in)
		return;
	kept_done(&in->current);
	for (unsigned i = 0; i < in->others_len; i++)
		kept_done(&in->others[i]);
	free(in);
}

/* --- writing it ------------------------------------------------------------------------------------ */

static void id_json(struct writer *w, const char *key, const uint8_t *id)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(64);

	buf_put_hex(&b, id, INSTALLATION_LEN);
	writer_str(w, key, buf_str(&b));
}

static const char *standing_name(enum health_standing s)
{
	return s == STANDING_CURRENT ? "current" : s == STANDING_REFUSED ? "refused" : "past";
}

/* Ahead of the store's clock. */
static int64_t skew_ms(const struct kept *k)
{
	const struct store_health *h = &k->row.h;

	return (int64_t)(h->wall_ns + h->rtt_ns / 2 - k->row.received_ns) / 1000000;
}

static void issues_json(const struct inside *in, struct writer *w)
{
	writer_list(w, "issues");
	for (unsigned i = 0; i < ISSUES; i++) {
		if (in->found & 1U << i)
			writer_str(w, NULL, health_issue_name((enum health_issue)i));
	}
	writer_end(w);
}

static void others_json(const struct inside *in, struct writer *w)
{
	writer_list(w, "other_installations");
	for (unsigned i = 0; i < in->others_len; i++) {
		const struct kept *k = &in->others[i];

		writer_start(w, NULL);
		id_json(w, "installation", k->row.h.installation);
		writer_str(w, "standing", standing_name(k->row.standing));
		writer_str(w, "host", k->host);
		writer_time(w, "last_report", k->row.received_ns);
		writer_end(w);
	}
	writer_end(w);
}

/* How far the monitor is with it. */
void node_judging_json(const struct node_health *nh, struct writer *w)
{
	const struct inside *in = nh->inside;
	const struct store_behind *b = in->current.row.behind;
	uint64_t since_ns = b ? b->received_ns : 0;

	writer_u64(w, "unjudged", b ? b->records : 0);
	writer_time(w, "judged_up_to", since_ns);
	writer_u64(w, "judging_lag_ms",
		   since_ns && since_ns < in->now_ns ? (in->now_ns - since_ns) / 1000000 : 0);
	writer_u64(w, "unreadable", in->current.row.refused);
}

static void judging_text(const struct inside *in, struct buf *b)
{
	const struct store_behind *behind = in->current.row.behind;
	uint64_t since_ns = behind ? behind->received_ns : 0;

	buf_printf(b, "%-11s ", "judged");
	if (!behind) {
		buf_puts(b, "all that is stored");
	} else {
		buf_puts(b, "up to ");
		view_time(b, since_ns, false);
		buf_printf(b, " UTC; %" PRIu64 " records wait, the oldest for ", behind->records);
		health_duration(since_ns && since_ns < in->now_ns ? in->now_ns - since_ns : 0, b);
	}
	if (in->current.row.refused)
		buf_printf(b, "; %" PRIu64 " could not be read", in->current.row.refused);
	buf_putc(b, '\n');
}

void node_health_json(const struct node_health *nh, struct writer *w, const char *key)
{
	_cleanup_(buf_done) struct buf sensor =
		BUF_INIT(HEALTH_SENSOR_MAX + HEALTH_ADDRESSES_MAX + 16);
	const struct inside *in = nh->inside;
	const struct store_health *h = &in->current.row.h;
	const char tier[2] = { h->tier, '\0' };

	if (!nh->known) {
		writer_null(w, key);
		return;
	}
	writer_start(w, key);
	issues_json(in, w);
	writer_time(w, "last_report", in->current.row.received_ns);
	writer_str(w, "host", h->host);
	writer_str(w, "version", h->version);
	writer_str(w, "boot_id", *h->boot_id ? h->boot_id : NULL);
	writer_str(w, "shipper",
		   h->shipper == SHIPPER_STOPPED   ? "stopped"
		   : h->shipper == SHIPPER_RETIRED ? "retired"
						   : "running");
	writer_str(w, "agent",
		   h->agent == AGENT_RECORDING ? "recording"
		   : h->agent == AGENT_STOPPED ? "stopped"
		   : h->agent == AGENT_STALLED ? "stalled"
					       : NULL);
	writer_u64(w, "agent_age_ms", h->agent_age_ns / 1000000);
	writer_str(w, "tier", h->tier ? tier : NULL);
	writer_bool(w, "attached", h->attached);
	writer_str(w, "sensor", health_sensor_words(h, &sensor));
	writer_u64(w, "newest_seq", h->seq);
	writer_u64(w, "backlog_records", h->backlog_records);
	writer_u64(w, "backlog_bytes", h->backlog_bytes);
	writer_u64(w, "backlog_ms", h->backlog_ns / 1000000);
	writer_u64(w, "journal_bytes", h->journal_bytes);
	writer_u64(w, "journal_max_bytes", h->journal_max_bytes);
	writer_u64(w, "quarantined", h->quarantined);
	writer_i64(w, "clock_skew_ms", skew_ms(&in->current));
	writer_u64(w, "clock_bound_ms", h->rtt_ns / 2000000);
	id_json(w, "installation", h->installation);
	writer_bool(w, "accepted", in->current.row.accepted_ns);
	others_json(in, w);
	writer_end(w);
}

static void put_size(struct buf *b, uint64_t bytes)
{
	if (bytes < 1 << 20)
		buf_printf(b, "%.1f KiB", (double)bytes / 1024);
	else
		buf_printf(b, "%.1f MiB", (double)bytes / (1 << 20));
}

static void others_text(const struct inside *in, struct buf *b)
{
	for (unsigned i = 0; i < in->others_len; i++) {
		const struct kept *k = &in->others[i];

		buf_printf(b, "%-11s host '%s', %s, last report ", i ? "" : "also", k->host,
			   standing_name(k->row.standing));
		view_time(b, k->row.received_ns, false);
		buf_puts(b, " UTC, installation ");
		buf_put_hex(b, k->row.h.installation, INSTALLATION_LEN);
		buf_putc(b, '\n');
	}
}

void node_health_text(const struct node_health *nh, struct buf *b)
{
	const struct inside *in = nh->inside;
	const struct store_health *h = &in->current.row.h;
	bool first = true;

	if (in->current.node)
		judging_text(in, b);
	if (!nh->known)
		return;
	for (unsigned i = 0; i < ISSUES; i++) {
		if (!(in->found & 1U << i))
			continue;
		buf_printf(b, "%-11s ", first ? "wrong" : "");
		health_detail((enum health_issue)i, &in->current.in, in->now_ns, b);
		buf_printf(b, " [%s]\n", health_issue_name((enum health_issue)i));
		first = false;
	}
	buf_printf(b, "%-11s ", "reported");
	health_duration(in->now_ns - in->current.row.received_ns, b);
	buf_printf(b, " ago by host '%s', ajar %s\n", h->host, h->version);
	buf_printf(b, "%-11s ", "journal");
	put_size(b, h->journal_bytes);
	buf_puts(b, " of ");
	put_size(b, h->journal_max_bytes);
	buf_printf(b, "; %" PRIu64 " records (", h->backlog_records);
	put_size(b, h->backlog_bytes);
	buf_printf(b, ") wait to be shipped, %" PRIu64 " in quarantine\n", h->quarantined);
	buf_printf(b, "%-11s %+.3f s from the store's, give or take %.3f s\n", "clock",
		   (double)skew_ms(&in->current) / 1000, (double)h->rtt_ns / 2 / NS_PER_S);
	others_text(in, b);
}
