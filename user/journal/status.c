/* SPDX-License-Identifier: GPL-2.0 */
#include "journal/status.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "journal/state.h"

/*
 *	identity	16 random bytes
 *	status		two copies, as `head`: u64 CLOCK_BOOTTIME, boot id, u8 stopped, u8 attached, u8 tier, u64 lost, u64 max,
 *			u32 n, n bytes about the sensor, u32 pid
 */
#define STATUS_MAGIC 0x0a54415453524a41ULL /* "AJRSTAT\n" */

/* --- identity --------------------------------------------------------------------------------- */

int journal_identity(int dirfd, uint8_t ret_id[JOURNAL_IDENTITY_LEN])
{
	_close_ int fd = openat(dirfd, "identity", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	uint8_t id[JOURNAL_IDENTITY_LEN + 1];
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, id, sizeof(id));
	if (n != JOURNAL_IDENTITY_LEN)
		return n < 0 ? -errno : -EBADMSG;
	memcpy(ret_id, id, JOURNAL_IDENTITY_LEN);
	return 0;
}

int identity_make(int dirfd, bool anew)
{
	uint8_t id[JOURNAL_IDENTITY_LEN];
	int err = anew ? -ENOENT : journal_identity(dirfd, id);

	/*
	 * One that is damaged says nothing any more; any other trouble is no reason for a new one.
	 */
	if (err != -ENOENT && err != -EBADMSG)
		return err;
	if (getrandom(id, sizeof(id), 0) != (ssize_t)sizeof(id))
		return -EIO;
	return file_write_atomic(dirfd, "identity", id, sizeof(id), 0640);
}

/* --- status ----------------------------------------------------------------------------------- */

struct journal_pen {
	struct slots slots;
};

static void status_encode(const struct journal_status *st, struct buf *b)
{
	size_t n = strnlen(st->sensor, STATUS_SENSOR_MAX);

	buf_put_u64(b, st->written_boot_ns);
	buf_put(b, st->boot_id, CLOCK_BOOT_ID_LEN);
	buf_putc(b, st->stopped);
	buf_putc(b, st->attached);
	buf_putc(b, st->tier);
	buf_put_u64(b, st->lost);
	buf_put_u64(b, st->max_bytes);
	buf_put_u32(b, (uint32_t)n);
	buf_put(b, st->sensor, n);
	buf_put_u32(b, st->pid);
}

int journal_pen_write(struct journal_pen *p, const struct journal_status *st)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(SLOT_BODY_MAX);

	status_encode(st, &b);
	return slots_write(&p->slots, STATUS_MAGIC, &b, false);
}

int journal_pen_new(int dirfd, const struct journal_status *first, struct journal_pen **ret_pen)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(SLOT_BODY_MAX);
	_free_ struct journal_pen *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	status_encode(first, &b);
	err = slots_make(dirfd, "status", STATUS_MAGIC, &b, &p->slots);
	if (err)
		return err;
	*ret_pen = take_ptr(p);
	return 0;
}

void journal_pen_free(struct journal_pen *p)
{
	if (!p)
		return;
	close_fd(&p->slots.fd);
	free(p);
}

int journal_status_read(int dirfd, struct journal_status *ret_st)
{
	_close_ int fd = openat(dirfd, "status", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct journal_status st = { 0 };
	uint8_t body[SLOT_BODY_MAX];
	struct slot_cursor c = { body, 0 };
	uint64_t gen;
	uint8_t flags[3];
	uint32_t n;
	int err;

	if (fd < 0)
		return -errno;
	err = slots_read(fd, STATUS_MAGIC, &gen, body, &c.n);
	if (err)
		return err;
	st.written_boot_ns = slot_u64(&c);
	slot_get(&c, st.boot_id, CLOCK_BOOT_ID_LEN);
	slot_get(&c, flags, sizeof(flags));
	st.stopped = flags[0];
	st.attached = flags[1];
	st.tier = (char)flags[2];
	st.lost = slot_u64(&c);
	st.max_bytes = slot_u64(&c);
	n = slot_u32(&c);
	slot_get(&c, st.sensor, n < STATUS_SENSOR_MAX ? n : STATUS_SENSOR_MAX);
	st.pid = slot_u32(&c);
	*ret_st = st;
	return 0;
}

bool journal_agent_stands(const struct journal_status *st)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);
	char path[32];
	const char *end;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", st->pid);
	if (!st->pid || st->stopped || file_read(AT_FDCWD, path, &b))
		return false;
	end = strrchr(buf_str(&b), ')'); /* behind the name, which may hold anything */
	return end && strstr(buf_str(&b), "(ajar-agent)") &&
	       (!strncmp(end, ") T", 3) || !strncmp(end, ") t", 3));
}

/* --- gauges ----------------------------------------------------------------------------------- */

struct gauging {
	int dirfd;
	struct journal_gauge *g;
	const struct head *head;
};

static int header_of(int dirfd, struct journal_pos first, enum seg_state *ret_state,
		     struct seg_header *h)
{
	char name[SEG_NAME_LEN + 1];
	_close_ int fd = -1;
	uint32_t version;

	seg_name(first, name);
	fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	return seg_header_read(fd, first, ret_state, h, &version);
}

/*
 * The newest record of segment i: the head knows that of the last, the next one's header that of
 * each other.
 */
static struct journal_pos last_of(const struct gauging *k, const struct journal_pos *list,
				  size_t len, size_t i)
{
	enum seg_state state = SEG_BAD_HEADER;
	struct seg_header h;

	if (i + 1 == len)
		return k->head->end.pos;
	if (!header_of(k->dirfd, list[i + 1], &state, &h) && state == SEG_GOOD &&
	    seg_follows(&h, list[i]))
		return h.prev.pos;
	if (list[i + 1].boot_seq == list[i].boot_seq)
		return (struct journal_pos){ list[i].boot_seq, list[i + 1].seq - 1 };
	return list[i]; /* its header is damaged: one record at least */
}

static void gauge_segment(const struct gauging *k, const struct journal_pos *list, size_t len,
			  size_t i)
{
	struct journal_gauge *g = k->g;
	struct journal_pos last;
	uint64_t all, left;
	char name[SEG_NAME_LEN + 1];
	struct stat st;

	seg_name(list[i], name);
	if (fstatat(k->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return; /* dropped meanwhile */
	g->bytes += (uint64_t)st.st_size;
	last = last_of(k, list, len, i);
	if (pos_cmp(last, g->acked) <= 0 || last.boot_seq != list[i].boot_seq ||
	    last.seq < list[i].seq)
		return;
	all = left = last.seq - list[i].seq + 1;
	if (g->acked.boot_seq == list[i].boot_seq && g->acked.seq >= list[i].seq)
		left = last.seq - g->acked.seq;
	g->backlog_records += left;
	g->backlog_bytes += (uint64_t)((double)st.st_size * (double)left / (double)all);
}

int journal_gauge(int dirfd, struct journal_gauge *ret)
{
	_free_ struct journal_pos *list = NULL;
	_free_ struct head *head = calloc(1, sizeof(*head));
	struct journal_gauge g = { 0 };
	struct gauging k = { dirfd, &g, head };
	size_t len = 0;
	int err = head ? head_read(dirfd, head) : -ENOMEM;

	if (!err)
		err = journal_ack_read(dirfd, &g.acked);
	if (!err)
		err = seg_list(dirfd, &list, &len);
	if (err)
		return err;
	g.newest = head->end.pos;
	g.newest_wall_ns = head->end.wall_ns;
	memcpy(g.chain, head->end.chain, SHA256_LEN);
	for (size_t i = 0; i < len; i++)
		gauge_segment(&k, list, len, i);
	*ret = g;
	return 0;
}

int journal_boot_id(int dirfd, uint32_t boot_seq, char ret_id[CLOCK_BOOT_ID_LEN + 1])
{
	_free_ struct journal_pos *list = NULL;
	size_t len = 0;
	int err = seg_list(dirfd, &list, &len);

	for (size_t i = 0; !err && i < len; i++) {
		enum seg_state state = SEG_BAD_HEADER;
		struct seg_header h;

		if (list[i].boot_seq != boot_seq || header_of(dirfd, list[i], &state, &h) ||
		    state != SEG_GOOD)
			continue;
		memcpy(ret_id, h.boot_id, CLOCK_BOOT_ID_LEN + 1);
		return 0;
	}
	return err ? err : -ENOENT;
}
