/* SPDX-License-Identifier: GPL-2.0 */
#include "ship/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/text.h"
#include "core/event.h"

/*
 * A text file, so that a person can look into it: a line a record,
 *
 *	BOOT:SEQ RECORDED_NS PUT_NS CHAIN RECORD WHY
 *
 * numbers decimal, chain and record in hexadecimal, why escaped, to the end of the line. Lines are
 * appended and synced; one without its newline at the end was never acknowledged and is cut. When
 * records leave, the file is written anew and renamed. It is held in memory whole: there is seldom
 * anything in it, and never more than its maximum.
 */
#define WHY_MAX 512
#define FIELDS 5 /* before why */

struct quarantine {
	int dirfd;
	struct buf text; /* the file */
	size_t count;
	bool damaged;
};

/* --- a line ----------------------------------------------------------------------------------- */

static int get_u64(struct text t, uint64_t *ret_v)
{
	char digits[24];

	if (!t.len || t.len >= sizeof(digits))
		return -EBADMSG;
	memcpy(digits, t.ptr, t.len);
	digits[t.len] = '\0';
	return parse_u64(digits, ret_v) ? -EBADMSG : 0;
}

static int get_pos(struct text t, struct journal_pos *ret_pos)
{
	const char *colon = t.len ? memchr(t.ptr, ':', t.len) : NULL;
	struct text boot = { t.ptr, colon ? (uint32_t)(colon - t.ptr) : 0 };
	struct text seq = { colon ? colon + 1 : NULL, colon ? t.len - boot.len - 1 : 0 };
	uint64_t v;

	if (!colon || get_u64(boot, &v) || v > UINT32_MAX || get_u64(seq, &ret_pos->seq))
		return -EBADMSG;
	ret_pos->boot_seq = (uint32_t)v;
	return 0;
}

int quarantine_parse(const char *line, size_t len, char *out, size_t size, struct quarantined *ret)
{
	struct text field[FIELDS];
	const char *end = line + len;
	struct quarantined one;
	size_t chain_len, n;

	for (int i = 0; i < FIELDS; i++) {
		const char *blank = line < end ? memchr(line, ' ', (size_t)(end - line)) : NULL;

		if (!blank)
			return -EBADMSG;
		field[i] = (struct text){ line, (uint32_t)(blank - line) };
		line = blank + 1;
	}
	if (get_pos(field[0], &one.pos) || get_u64(field[1], &one.recorded_ns) ||
	    get_u64(field[2], &one.put_ns) ||
	    text_unhex(field[3], one.chain, SHA256_LEN, &chain_len) || chain_len != SHA256_LEN ||
	    text_unhex(field[4], out, size, &n))
		return -EBADMSG;
	one.record = (struct text){ out, (uint32_t)n };
	one.why = (struct text){ line, (uint32_t)(end - line) };
	*ret = one;
	return 0;
}

static void put_line(struct buf *b, const struct quarantined *one)
{
	buf_printf(b, "%" PRIu32 ":%" PRIu64 " %" PRIu64 " %" PRIu64 " ", one->pos.boot_seq,
		   one->pos.seq, one->recorded_ns, one->put_ns);
	buf_put_hex(b, one->chain, SHA256_LEN);
	buf_putc(b, ' ');
	buf_put_hex(b, one->record.ptr, one->record.len);
	buf_putc(b, ' ');
	esc_text(b, one->why.ptr, one->why.len, WHY_MAX);
	buf_putc(b, '\n');
}

/* --- the file --------------------------------------------------------------------------------- */

/* The number of whole lines; each must be a record. */
static int count_lines(const struct buf *text, size_t *ret_n)
{
	const char *p = buf_str(text), *newline;
	char record[EVENT_RECORD_MAX];
	struct quarantined one;
	size_t n = 0;

	if (text->len != strlen(p))
		return -EBADMSG;
	for (; (newline = strchr(p, '\n')); p = newline + 1, n++) {
		if (quarantine_parse(p, (size_t)(newline - p), record, sizeof(record), &one))
			return -EBADMSG;
	}
	*ret_n = n;
	return 0;
}

static int cut_tail(struct quarantine *q)
{
	const char *last = q->text.len ? memrchr(q->text.data, '\n', q->text.len) : NULL;
	size_t keep = last ? (size_t)(last + 1 - q->text.data) : 0;
	_close_ int fd = -1;

	if (keep == q->text.len)
		return 0;
	fd = openat(q->dirfd, QUARANTINE_FILE, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)keep) || fsync(fd))
		return -errno;
	q->text.len = keep;
	q->text.data[keep] = '\0';
	return 0;
}

/* Nobody but us writes it, so it was damaged: kept under another name, for a person. */
static int set_aside(struct quarantine *q)
{
	char name[64];

	snprintf(name, sizeof(name), QUARANTINE_FILE ".damaged-%" PRIu64, clock_wall_ns());
	buf_reset(&q->text);
	q->count = 0;
	q->damaged = true;
	return renameat(q->dirfd, QUARANTINE_FILE, q->dirfd, name) < 0 ? -errno : 0;
}

int quarantine_open(int journal_dirfd, struct quarantine **ret_q)
{
	_cleanup_(quarantine_freep) struct quarantine *q = calloc(1, sizeof(*q));
	int err;

	if (!q)
		return -ENOMEM;
	q->dirfd = journal_dirfd;
	/* Room for a last line that does not fit any more. */
	q->text = (struct buf)BUF_INIT(QUARANTINE_BYTES_MAX + 4 * EVENT_RECORD_MAX);
	err = file_read(journal_dirfd, QUARANTINE_FILE, &q->text);
	if (err == -ENOENT)
		err = 0;
	if (!err)
		err = cut_tail(q);
	if (!err)
		err = count_lines(&q->text, &q->count);
	if (err == -EBADMSG || err == -E2BIG)
		err = set_aside(q);
	if (err)
		return err;
	*ret_q = take_ptr(q);
	return 0;
}

void quarantine_free(struct quarantine *q)
{
	if (!q)
		return;
	buf_done(&q->text);
	free(q);
}

size_t quarantine_count(const struct quarantine *q)
{
	return q->count;
}

bool quarantine_was_damaged(const struct quarantine *q)
{
	return q->damaged;
}

static bool waits(const struct quarantine *q, struct journal_pos pos)
{
	char key[48];
	const char *p = buf_str(&q->text), *newline;
	int len = snprintf(key, sizeof(key), "%" PRIu32 ":%" PRIu64 " ", pos.boot_seq, pos.seq);

	for (; (newline = strchr(p, '\n')); p = newline + 1) {
		if (!strncmp(p, key, (size_t)len))
			return true;
	}
	return false;
}

static int append(struct quarantine *q, const struct buf *line)
{
	_close_ int fd = openat(q->dirfd, QUARANTINE_FILE,
				O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	int err;

	if (fd < 0)
		return -errno;
	err = file_write_all(fd, line->data, line->len);
	if (!err && (fsync(fd) || (!q->text.len && fsync(q->dirfd))))
		err = -errno;
	/* Half a line must not have the next one behind it. */
	if (err && ftruncate(fd, (off_t)q->text.len))
		return err;
	return err;
}

int quarantine_put(struct quarantine *q, const struct quarantined *one)
{
	_cleanup_(buf_done) struct buf line = BUF_INIT(3 * EVENT_RECORD_MAX + 4096);
	int err;

	if (waits(q, one->pos))
		return 0;
	put_line(&line, one);
	if (line.err)
		return line.err;
	if (q->text.len + line.len > QUARANTINE_BYTES_MAX)
		return -ENOBUFS;
	err = append(q, &line);
	if (err)
		return err;
	buf_put(&q->text, line.data, line.len);
	q->count++;
	return q->text.err ? q->text.err : 1;
}

/* The file without those that left; empty, it goes. */
static int rewrite(struct quarantine *q, struct buf *rest, size_t count)
{
	int err = rest->err;

	if (!err && rest->len)
		err = file_write_atomic(q->dirfd, QUARANTINE_FILE, rest->data, rest->len, 0640);
	else if (!err && unlinkat(q->dirfd, QUARANTINE_FILE, 0) < 0)
		err = -errno;
	if (err)
		return err;
	buf_done(&q->text);
	q->text = *rest;
	*rest = (struct buf){ .max = rest->max };
	q->count = count;
	return 0;
}

int quarantine_offer(struct quarantine *q, quarantine_fn fn, void *arg)
{
	_cleanup_(buf_done) struct buf rest = { .max = q->text.max };
	const char *p = buf_str(&q->text), *newline;
	char record[EVENT_RECORD_MAX];
	size_t stay = 0;
	int ret = 0, err;

	for (; (newline = strchr(p, '\n')); p = newline + 1) {
		size_t len = (size_t)(newline - p);
		struct quarantined one;

		if (ret >= 0)
			ret = quarantine_parse(p, len, record, sizeof(record), &one);
		if (ret >= 0)
			ret = fn(&one, arg);
		if (ret != 1) {
			buf_put(&rest, p, len + 1);
			stay++;
		}
	}
	err = stay == q->count ? 0 : rewrite(q, &rest, stay);
	return ret < 0 ? ret : err;
}
