/* SPDX-License-Identifier: GPL-2.0 */
#include "ship/ship.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/notifier.h"
#include "base/clock.h"
#include "base/hash.h"
#include "core/event.h"
#include "journal/status.h"
#include "ship/quarantine.h"
#include "store/health.h"
#include "store/store.h"

#define BATCH_BYTES_MAX (1024 * 1024)
#define DAMAGES_PER_STEP 1000
#define DAMAGES_KNOWN 256
/*
 * One that refuses so many is not one with a few odd records: it is held until a person has looked.
 */
#define QUARANTINE_MAX 1000
/* A server on its own answers a full batch in 10 to 50 ms. */
#define ANSWER_SLOW_NS UINT64_C(300000000)
#define ANSWER_FAST_NS UINT64_C(100000000)
#define ROWS_MIN 16

struct ship {
	int dirfd;
	struct store *store;
	struct ship_opts opts;
	char *node, *host_type;
	struct journal_reader
		*ear; /* only its fd: that of `reader` changes when it is opened anew */
	struct journal_reader *reader; /* NULL: to be opened behind counts.at */
	struct journal_pos acked;
	uint32_t head_boot,
		jumped_boot; /* whose head head_seq is; which one was jumped over already */
	uint64_t head_seq;
	bool claims;
	uint8_t installation[INSTALLATION_LEN];
	uint32_t store_boot; /* what the store calls head_boot */
	struct ship_counts counts;
	struct quarantine *quarantine;
	bool offer; /* what is in quarantine, at the next step */
	unsigned connections; /* of the store, when the walk began */
	size_t rows_max; /* of a batch, at present */
	uint64_t answer_ns; /* of the last one */
	char why[700];
	uint64_t known[DAMAGES_KNOWN]; /* places told already; the oldest is forgotten */
	unsigned known_len;
	size_t len, used;
	struct store_event rows[STORE_BATCH_MAX]; /* boots by the store's numbers */
	struct journal_pos last; /* of them, as the journal counts */
	char bytes[BATCH_BYTES_MAX];
};

static int pos_cmp(struct journal_pos a, struct journal_pos b)
{
	if (a.boot_seq != b.boot_seq)
		return a.boot_seq < b.boot_seq ? -1 : 1;
	return a.seq < b.seq ? -1 : a.seq > b.seq;
}

int ship_new(int dirfd, struct store *store, const struct ship_opts *o, struct ship **ret_ship)
{
	_cleanup_(ship_freep) struct ship *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->dirfd = dirfd;
	s->store = store;
	s->opts = *o;
	s->node = strdup(o->node);
	s->host_type = strdup(o->host_type);
	if (!s->node || !s->host_type)
		return -ENOMEM;
	s->rows_max = STORE_BATCH_MAX;
	s->offer = true;
	s->connections = store_connections(store);
	err = quarantine_open(dirfd, &s->quarantine);
	if (err)
		return err;
	s->counts.quarantined = quarantine_count(s->quarantine);
	s->counts.quarantine_damaged = quarantine_was_damaged(s->quarantine);
	err = journal_ack_read(dirfd, &s->acked);
	if (!err)
		err = journal_reader_new(dirfd, (struct journal_pos){ 0 }, &s->ear);
	if (err)
		return err;
	*ret_ship = take_ptr(s);
	return 0;
}

void ship_free(struct ship *s)
{
	if (!s)
		return;
	journal_reader_free(s->reader);
	journal_reader_free(s->ear);
	quarantine_free(s->quarantine);
	free(s->node);
	free(s->host_type);
	free(s);
}

void ship_rewind(struct ship *s)
{
	journal_reader_free(take_ptr(s->reader));
	s->counts.at = (struct journal_pos){ 0 };
	s->head_boot = s->jumped_boot = 0;
	s->len = s->used = 0;
}

void ship_claim(struct ship *s, const uint8_t *installation)
{
	s->claims = true;
	memcpy(s->installation, installation, INSTALLATION_LEN);
	ship_rewind(s);
}

void ship_offer_again(struct ship *s)
{
	s->offer = true;
}

const char *ship_why(const struct ship *s)
{
	return s->why;
}

uint64_t ship_pause_ns(struct ship *s)
{
	uint64_t random = 0;

	if (s->answer_ns < ANSWER_SLOW_NS)
		return 0;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = hash_bytes(&s->counts, sizeof(s->counts));
	return 1 + random % s->answer_ns;
}

int ship_fd(struct ship *s)
{
	return journal_reader_fd(s->ear);
}

void ship_fd_clear(struct ship *s)
{
	int fd = journal_reader_fd(s->ear);

	if (fd >= 0)
		notifier_clear(fd);
}

uint32_t ship_store_boot(const struct ship *s, uint32_t boot_seq)
{
	return boot_seq && boot_seq == s->head_boot ? s->store_boot : 0;
}

const struct ship_counts *ship_counts(const struct ship *s)
{
	return &s->counts;
}

/* --- failures: whose, in words ---------------------------------------------------------------- */

static int store_failed(struct ship *s, int err)
{
	snprintf(s->why, sizeof(s->why), "%s", store_why(s->store));
	return err;
}

static int own_failed(struct ship *s, int err, const char *what)
{
	snprintf(s->why, sizeof(s->why), "%s: %s", what, strerror(-err));
	return err;
}

/* --- reading a batch -------------------------------------------------------------------------- */

/* A walk from the start meets the same damage again: it is reported once. */
static bool is_known(struct ship *s, const struct journal_damage *d)
{
	uint64_t place[2] = { hash_bytes(d->file, strnlen(d->file, sizeof(d->file))), d->offset };
	uint64_t hash = hash_bytes(place, sizeof(place));
	unsigned len = s->known_len < DAMAGES_KNOWN ? s->known_len : DAMAGES_KNOWN;

	for (unsigned i = 0; i < len; i++) {
		if (s->known[i] == hash)
			return true;
	}
	s->known[s->known_len++ % DAMAGES_KNOWN] = hash;
	return false;
}

static int tell_damage(struct ship *s, const struct journal_damage *d)
{
	if (is_known(s, d))
		return 0;
	s->counts.damages++;
	return s->opts.damage ? s->opts.damage(d, s->opts.arg) : 0;
}

static int tell_conflict(struct ship *s, struct journal_pos pos, const char *why)
{
	s->counts.conflicts++;
	return s->opts.conflict ? s->opts.conflict(pos, why, s->opts.arg) : 0;
}

static int open_reader(struct ship *s)
{
	int err = s->reader ? 0 : journal_reader_new(s->dirfd, s->counts.at, &s->reader);

	return err ? own_failed(s, err, "the journal cannot be read") : 0;
}

/* The store has everything of this boot up to its head: go on behind that. */
static int jump(struct ship *s, const struct journal_record *rec)
{
	struct journal_pos head = { rec->pos.boot_seq, s->head_seq };

	if (s->jumped_boot == rec->pos.boot_seq || rec->pos.seq == s->head_seq) {
		s->counts.at = rec->pos;
		return 0;
	}
	s->jumped_boot = rec->pos.boot_seq;
	s->counts.at = head;
	journal_reader_free(take_ptr(s->reader));
	return open_reader(s);
}

static void add_row(struct ship *s, const struct journal_record *rec, uint64_t now_ns)
{
	struct store_event *row = &s->rows[s->len++];
	struct event ev;

	memcpy(s->bytes + s->used, rec->payload.ptr, rec->payload.len);
	*row = (struct store_event){
		.boot_seq = s->store_boot,
		.seq = rec->pos.seq,
		.recorded_ns = rec->wall_ns,
		.received_ns = now_ns,
		.record = { s->bytes + s->used, rec->payload.len },
	};
	memcpy(row->chain, rec->chain, SHA256_LEN);
	if (!event_decode(rec->payload.ptr, rec->payload.len, &ev)) {
		row->gap_elsewhere =
			ev.kind == EVENT_GAP && ev.gap_boot && ev.gap_boot != rec->pos.boot_seq;
		if (s->opts.record)
			s->opts.record(&ev, s->opts.arg);
	}
	s->used += rec->payload.len;
	s->last = rec->pos;
}

/* What the store calls this boot, and how far it has it. */
static int begin_boot(struct ship *s, uint32_t boot_seq)
{
	char boot_id[CLOCK_BOOT_ID_LEN + 1] = "";
	int err = 0;

	s->head_boot = 0;
	s->store_boot = boot_seq;
	if (s->claims)
		err = journal_boot_id(s->dirfd, boot_seq, boot_id);
	if (err && err != -ENOENT)
		return own_failed(s, err, "the journal cannot be read");
	err = s->claims ? store_claim_boot(s->store, s->node, s->installation, boot_id, boot_seq,
					   &s->store_boot)
			: 0;
	if (!err)
		err = store_event_head(s->store, s->node, s->store_boot, &s->head_seq);
	if (err)
		return store_failed(s, err);
	s->head_boot = boot_seq;
	return 0;
}

/* Takes one record into the batch, or passes over it. 1: the batch must be stored first. */
static int take_record(struct ship *s, const struct journal_record *rec, uint64_t now_ns)
{
	int err;

	/* Such a one no agent wrote; it must not stop those behind it. */
	if (rec->payload.len > EVENT_RECORD_MAX || !rec->pos.boot_seq || !rec->pos.seq ||
	    rec->pos.seq > INT64_MAX)
		return tell_conflict(s, rec->pos, "no store takes a record of this size or number");
	if (rec->pos.boot_seq != s->head_boot) {
		err = begin_boot(s, rec->pos.boot_seq);
		if (err)
			return err;
	}
	if (rec->pos.seq > s->head_seq) {
		add_row(s, rec, now_ns);
		return 0;
	}
	if (!s->len)
		return jump(s, rec);
	/* It is read again behind what waits here. */
	journal_reader_free(take_ptr(s->reader));
	return 1;
}

/* Returns 1 when there may be more, 0 when the journal has no more now. */
static int fill(struct ship *s)
{
	unsigned damages = 0;
	uint64_t now_ns = clock_wall_ns();
	int ret;

	ret = open_reader(s);
	while (!ret && s->len < s->rows_max && s->used + EVENT_RECORD_MAX <= BATCH_BYTES_MAX) {
		struct journal_record rec;
		struct journal_damage d;

		ret = journal_next(s->reader, &rec, &d);
		if (ret == 1) {
			ret = take_record(s, &rec, now_ns);
		} else if (ret == 2) {
			ret = tell_damage(s, &d);
			if (!ret && ++damages >= DAMAGES_PER_STEP)
				return 1;
		} else {
			return ret < 0 ? own_failed(s, ret, "the journal cannot be read") : 0;
		}
	}
	return ret < 0 ? ret : 1;
}

/* --- storing it ------------------------------------------------------------------------------- */

/* Small batches for a server that is slow, big ones for one that is not. */
static void learn_pace(struct ship *s, size_t n, uint64_t took_ns)
{
	s->answer_ns = took_ns;
	if (took_ns > ANSWER_SLOW_NS && s->rows_max > ROWS_MIN)
		s->rows_max = s->rows_max / 2 > ROWS_MIN ? s->rows_max / 2 : ROWS_MIN;
	else if (took_ns < ANSWER_FAST_NS && n >= s->rows_max && s->rows_max < STORE_BATCH_MAX)
		s->rows_max = s->rows_max * 2 < STORE_BATCH_MAX ? s->rows_max * 2 : STORE_BATCH_MAX;
}

static int put(struct ship *s, const struct store_event *rows, size_t n)
{
	uint64_t start_ns = clock_boot_ns();
	size_t new_rows = 0;
	int err;

	err = store_put_events(s->store, s->node, s->host_type, rows, n, &new_rows);
	if (err)
		return store_failed(s, err);
	learn_pace(s, n, clock_boot_ns() - start_ns);
	s->counts.stored += new_rows;
	s->counts.batches++;
	return 0;
}

static int set_aside(struct ship *s, const struct store_event *row)
{
	const char *why = store_why(s->store);
	const struct quarantined one = {
		.pos = { row->boot_seq, row->seq },
		.recorded_ns = row->recorded_ns,
		.put_ns = clock_wall_ns(),
		.record = row->record,
		.why = text_of(why),
	};
	struct quarantined copy = one;
	int ret;

	memcpy(copy.chain, row->chain, SHA256_LEN);
	ret = quarantine_count(s->quarantine) < QUARANTINE_MAX
		      ? quarantine_put(s->quarantine, &copy)
		      : -ENOBUFS;
	s->counts.quarantined = quarantine_count(s->quarantine);
	if (ret == -ENOBUFS) {
		snprintf(s->why, sizeof(s->why),
			 "the store refuses record after record, %zu wait in " QUARANTINE_FILE
			 ": %s; fix that, then restart the shipper",
			 quarantine_count(s->quarantine), why);
		return ret;
	}
	if (ret < 0)
		return own_failed(s, ret, "the quarantine cannot be written");
	return ret ? tell_conflict(s, one.pos, why) : 0;
}

/*
 * A row in it will never be taken: halves, down to that one, so that the others get through all the
 * same.
 */
static int put_around(struct ship *s, const struct store_event *rows, size_t n)
{
	int err = put(s, rows, n);

	if (!err || store_fault(err) != STORE_QUARANTINE)
		return err;
	if (n == 1)
		return set_aside(s, rows);
	err = put_around(s, rows, n / 2);
	return err ? err : put_around(s, rows + n / 2, n - n / 2);
}

/* --- what was refused, once more -------------------------------------------------------------- */

static int offer_one(const struct quarantined *one, void *arg)
{
	struct ship *s = arg;
	struct store_event row = {
		.boot_seq = one->pos.boot_seq,
		.seq = one->pos.seq,
		.recorded_ns = one->recorded_ns,
		.received_ns = clock_wall_ns(),
		.record = one->record,
	};
	int err;

	memcpy(row.chain, one->chain, SHA256_LEN);
	err = put(s, &row, 1);
	if (!err)
		return 1;
	return store_fault(err) == STORE_QUARANTINE ? 0 : err;
}

static int offer(struct ship *s)
{
	int err;

	if (!s->offer)
		return 0;
	err = quarantine_offer(s->quarantine, offer_one, s);
	s->counts.quarantined = quarantine_count(s->quarantine);
	if (!err)
		s->offer = false;
	return err;
}

/* --- a step ----------------------------------------------------------------------------------- */

static int flush(struct ship *s)
{
	int err;

	if (!s->len)
		return 0;
	err = put_around(s, s->rows, s->len);
	if (err)
		return err;
	s->counts.sent += s->len;
	s->counts.bytes += s->used;
	s->counts.at = s->last;
	s->len = s->used = 0;
	return 0;
}

static int acknowledge(struct ship *s)
{
	int err;

	if (pos_cmp(s->counts.at, s->acked) <= 0)
		return 0;
	err = journal_ack_write(s->dirfd, s->counts.at);
	if (err)
		return own_failed(s, err, "the acknowledgement cannot be written");
	s->acked = s->counts.at;
	return 0;
}

int ship_step(struct ship *s)
{
	int more, err = offer(s);

	more = err ? err : fill(s);
	err = more < 0 ? more : flush(s);
	if (!err)
		err = acknowledge(s);
	if (err) {
		ship_rewind(s);
		return err;
	}
	/*
	 * What answers now may not have what answered before, and nobody was told that it went
	 * away.
	 */
	if (store_connections(s->store) != s->connections) {
		s->connections = store_connections(s->store);
		ship_rewind(s);
		return 1;
	}
	return more;
}
