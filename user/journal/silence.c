/* SPDX-License-Identifier: GPL-2.0 */
#include "journal/silence.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "core/event.h"
#include "journal/journal.h"
#include "journal/status.h"

/* Gap records may stand behind a stop record; that there are more of them, nobody has seen. */
#define LOOK_BACK 64

/* What the newest records say; damaged ones say nothing. */
struct last {
	bool stopped; /* the newest that is no gap record is a stop record */
	uint64_t boot_ns; /* CLOCK_BOOTTIME of the newest that has one */
};

static void take(struct last *l, const struct journal_record *rec)
{
	struct event ev;

	if (event_decode(rec->payload.ptr, rec->payload.len, &ev))
		return;
	if (ev.kind != EVENT_GAP)
		l->stopped = ev.kind == EVENT_STOP;
	if (ev.boot_ns > l->boot_ns)
		l->boot_ns = ev.boot_ns;
}

static int read_last(int dirfd, struct journal_pos newest, struct last *l)
{
	_cleanup_(journal_reader_freep) struct journal_reader *r = NULL;
	const struct journal_pos from = { .boot_seq = newest.boot_seq,
					  .seq = newest.seq > LOOK_BACK ? newest.seq - LOOK_BACK
									: 0 };
	struct journal_record rec;
	struct journal_damage damage;
	int n, err = journal_reader_new(dirfd, from, &r);

	if (err)
		return err;
	while ((n = journal_next(r, &rec, &damage)) > 0) {
		if (n == 1)
			take(l, &rec);
	}
	return n;
}

/* CLOCK_BOOTTIME of the last sign that the running kernel has seen, 0: none. */
static uint64_t sign_of_boot(int dirfd, const char *boot_id, const struct journal_gauge *g,
			     const struct last *l)
{
	char id[CLOCK_BOOT_ID_LEN + 1];
	struct journal_status st;
	uint64_t sign = 0;

	if (!journal_boot_id(dirfd, g->newest.boot_seq, id) &&
	    !strncmp(id, boot_id, CLOCK_BOOT_ID_LEN))
		sign = l->boot_ns;
	if (!journal_status_read(dirfd, &st) && !strncmp(st.boot_id, boot_id, CLOCK_BOOT_ID_LEN) &&
	    st.written_boot_ns > sign)
		sign = st.written_boot_ns;
	return sign;
}

int journal_silence(int dirfd, const char *boot_id, uint64_t *ret_since_ns)
{
	uint64_t sign, now = clock_boot_ns();
	struct last l = { 0 };
	struct journal_gauge g;
	int err = journal_gauge(dirfd, &g);

	if (err == -ENOENT || (!err && !g.newest.seq))
		return 0;
	if (!err)
		err = read_last(dirfd, g.newest, &l);
	if (err || l.stopped)
		return err;
	/* The wall clock may have been set meanwhile: the other one counts within a boot. */
	sign = sign_of_boot(dirfd, boot_id, &g, &l);
	if (sign && sign <= now)
		*ret_since_ns = clock_wall_of_boot(sign);
	else
		*ret_since_ns = g.newest_wall_ns;
	return 1;
}
