/* SPDX-License-Identifier: GPL-2.0 */
#include "ship/heartbeat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>

#include "ajar/version.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "journal/status.h"
#include "ship/addresses.h"
#include "ship/ship.h"

#define STEP_NS INT64_C(1000000000) /* a clock that is set, not one that is slewed */

_Static_assert(INSTALLATION_LEN == JOURNAL_IDENTITY_LEN, "an installation is a journal's identity");

struct heartbeat {
	int journal_dir;
	struct heartbeat_opts opts;
	uint8_t installation[INSTALLATION_LEN];
	bool have_installation;
	uint8_t session[SESSION_LEN], machine[INSTALLATION_LEN];
	char boot_id[CLOCK_BOOT_ID_LEN + 1], host[256];
	uint64_t rtt_ns;
	/* The wall clock against the one nobody can set; its last jump. */
	int64_t offset_ns, step_ns;
	uint64_t stepped_ns;
	/*
	 * How long the oldest record has waited: everything up to `mark` was there at mark_ns
	 * (since boot).
	 */
	struct journal_pos mark;
	uint64_t mark_ns;
	bool stands, suspended; /* what the last look found; two looks in turn did */
};

static int64_t clock_offset(void)
{
	return (int64_t)(clock_wall_ns() - clock_boot_ns());
}

/*
 * The id itself is nobody's business (machine-id(5)): a hash says as well whether two are the same.
 */
static void hash_machine(uint8_t out[INSTALLATION_LEN])
{
	static const char salt[] = "ajar machine";
	_cleanup_(buf_done) struct buf id = BUF_INIT(256);
	uint8_t sum[SHA256_LEN];
	struct sha256 h;

	if (file_read(AT_FDCWD, "/etc/machine-id", &id) || !id.len)
		return;
	sha256_init(&h);
	sha256_update(&h, salt, sizeof(salt));
	sha256_update(&h, id.data, id.len);
	sha256_final(&h, sum);
	memcpy(out, sum, INSTALLATION_LEN);
}

int heartbeat_new(int journal_dir, const struct heartbeat_opts *o, struct heartbeat **ret_heartbeat)
{
	_cleanup_(heartbeat_freep) struct heartbeat *b = calloc(1, sizeof(*b));
	struct utsname uts;
	int err;

	if (!b)
		return -ENOMEM;
	b->journal_dir = journal_dir;
	b->opts = *o;
	b->offset_ns = clock_offset();
	if (getrandom(b->session, sizeof(b->session), 0) != (ssize_t)sizeof(b->session))
		return -EIO;
	err = clock_boot_id(b->boot_id);
	if (err)
		return err;
	if (uname(&uts) == 0)
		snprintf(b->host, sizeof(b->host), "%s", uts.nodename);
	hash_machine(b->machine);
	*ret_heartbeat = take_ptr(b);
	return 0;
}

void heartbeat_free(struct heartbeat *b)
{
	free(b);
}

const uint8_t *heartbeat_installation(const struct heartbeat *b)
{
	return b->installation;
}

/* --- a suspended agent ------------------------------------------------------------------------ */

bool heartbeat_look(struct heartbeat *b)
{
	struct journal_status st;
	bool was = b->suspended;
	bool stands = !journal_status_read(b->journal_dir, &st) && !st.stopped &&
		      !strcmp(st.boot_id, b->boot_id) && journal_agent_stands(&st);

	b->suspended = stands && b->stands;
	b->stands = stands;
	return b->suspended != was;
}

/* --- what there is to tell -------------------------------------------------------------------- */

static void tell_agent(struct heartbeat *b, const struct journal_status *st, struct store_health *h)
{
	uint64_t now = clock_boot_ns();
	bool same_boot = !strcmp(st->boot_id, b->boot_id);

	/* One of an earlier boot has not run since: for as long as the machine is up. */
	h->agent_age_ns = same_boot && st->written_boot_ns <= now ? now - st->written_boot_ns : now;
	if (st->stopped)
		h->agent = AGENT_STOPPED;
	else if (same_boot && h->agent_age_ns <= b->opts.silent_ns && !b->suspended)
		h->agent = AGENT_RECORDING;
	else
		h->agent = AGENT_STALLED;
	h->tier = st->tier;
	h->attached = st->attached;
	h->sensor = st->sensor;
	h->lost = st->lost;
	h->journal_max_bytes = st->max_bytes;
}

static bool is_behind(struct journal_pos a, struct journal_pos b)
{
	return a.boot_seq != b.boot_seq ? a.boot_seq < b.boot_seq : a.seq < b.seq;
}

static void tell_backlog(struct heartbeat *b, const struct journal_gauge *g, struct store_health *h)
{
	uint64_t now = clock_boot_ns();

	if (!b->mark_ns || !is_behind(g->acked, b->mark)) {
		b->mark = g->newest;
		b->mark_ns = now;
	}
	h->backlog_records = g->backlog_records;
	h->backlog_bytes = g->backlog_bytes;
	h->backlog_ns = is_behind(g->acked, b->mark) ? now - b->mark_ns : 0;
}

static void tell_clock(struct heartbeat *b, struct store_health *h)
{
	int64_t offset = clock_offset(), jump = offset - b->offset_ns;

	if (jump > STEP_NS || jump < -STEP_NS) {
		b->step_ns = jump;
		b->stepped_ns = clock_wall_ns();
	}
	b->offset_ns = offset;
	h->rtt_ns = b->rtt_ns;
	h->step_ns = b->step_ns;
	h->stepped_ns = b->stepped_ns;
}

static int tell_journal(struct heartbeat *b, const struct ship *ship, struct store_health *h)
{
	struct journal_gauge g;
	int err = journal_gauge(b->journal_dir, &g);

	if (err)
		return err == -ENOENT ? -ENODATA : err;
	tell_backlog(b, &g, h);
	h->journal_bytes = g.bytes;
	h->seq = g.newest.seq;
	memcpy(h->chain, g.chain, SHA256_LEN);
	if (!ship)
		return 0;
	h->boot_seq = ship_store_boot(ship, g.newest.boot_seq);
	h->conflicts = ship_counts(ship)->conflicts;
	h->quarantined = ship_counts(ship)->quarantined;
	return 0;
}

static int find_installation(struct heartbeat *b)
{
	int err = b->have_installation ? 0 : journal_identity(b->journal_dir, b->installation);

	if (err)
		return err == -ENOENT ? -ENODATA : err;
	b->have_installation = true;
	return 0;
}

int heartbeat_send(struct heartbeat *b, struct store *s, const struct ship *ship, bool stopping,
		   struct store_health_reply *ret)
{
	struct store_health h = { .host = b->host,
				  .boot_id = b->boot_id,
				  .version = AJAR_VERSION,
				  .shipper = stopping ? SHIPPER_STOPPED : SHIPPER_RUNNING,
				  .sensor = "",
				  .interval_ns = b->opts.interval_ns };
	_cleanup_(buf_done) struct buf addresses = BUF_INIT(HEALTH_ADDRESSES_MAX);
	struct journal_status st;
	uint64_t sent_ns;
	int err = find_installation(b);

	if (!err)
		err = tell_journal(b, ship, &h);
	if (err)
		return err;
	/* A heartbeat that cannot be read is none. */
	if (!journal_status_read(b->journal_dir, &st)) {
		tell_agent(b, &st, &h);
		/*
		 * Without them nobody can say that another node has its address now: that is all.
		 */
		if (!addresses_put(&addresses))
			h.addresses = buf_str(&addresses);
	}
	memcpy(h.installation, b->installation, INSTALLATION_LEN);
	memcpy(h.session, b->session, SESSION_LEN);
	memcpy(h.machine, b->machine, INSTALLATION_LEN);
	tell_clock(b, &h);
	sent_ns = clock_boot_ns();
	h.wall_ns = clock_wall_ns();
	err = store_put_health(s, b->opts.node, b->opts.host_type, &h, b->opts.silent_ns, ret);
	if (!err)
		b->rtt_ns = clock_boot_ns() - sent_ns;
	return err;
}
