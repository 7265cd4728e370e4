/* SPDX-License-Identifier: GPL-2.0 */
#include "journal/segment.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/event.h"

#define WIN_LEN (256 * 1024)
#define SEGMENTS_MAX (1 << 20)

_Static_assert(WIN_LEN >= 4 * (EVENT_RECORD_MAX + REC_OVERHEAD), "a record fits the window");

/* --- numbers -------------------------------------------------------------------------------- */

static void put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
}

static void put64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

/* --- names ---------------------------------------------------------------------------------- */

void seg_name(struct journal_pos first, char name[SEG_NAME_LEN + 1])
{
	snprintf(name, SEG_NAME_LEN + 1, "%08x-%016llx.seg", first.boot_seq,
		 (unsigned long long)first.seq);
}

/* The exact reverse: a name that seg_name() would not write is not a segment's. */
static bool parse_name(const char *name, struct journal_pos *ret_first)
{
	char again[SEG_NAME_LEN + 1];
	struct journal_pos p;
	unsigned long long seq;

	if (strlen(name) != SEG_NAME_LEN || sscanf(name, "%8x-%16llx.seg", &p.boot_seq, &seq) != 2)
		return false;
	p.seq = seq;
	seg_name(p, again);
	if (strcmp(name, again) != 0)
		return false;
	*ret_first = p;
	return true;
}

static int by_pos(const void *a, const void *b)
{
	return pos_cmp(*(const struct journal_pos *)a, *(const struct journal_pos *)b);
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

int seg_list(int dirfd, struct journal_pos **ret_list, size_t *ret_n)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(close_dir) DIR *dir = NULL;
	_free_ struct journal_pos *list = NULL;
	size_t n = 0, cap = 0;
	struct dirent *e;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while ((e = readdir(dir)) && n < SEGMENTS_MAX) {
		struct journal_pos p;

		if (!parse_name(e->d_name, &p))
			continue;
		if (n == cap) {
			void *more = realloc(list, (cap ? cap * 2 : 64) * sizeof(*list));

			if (!more)
				return -ENOMEM;
			list = more;
			cap = cap ? cap * 2 : 64;
		}
		list[n++] = p;
	}
	if (n)
		qsort(list, n, sizeof(*list), by_pos);
	*ret_list = take_ptr(list);
	*ret_n = n;
	return 0;
}

/* --- header --------------------------------------------------------------------------------- */

uint64_t seg_mark(const uint8_t salt[SALT_LEN], struct journal_pos first)
{
	uint8_t digest[SHA256_LEN], p[12];
	struct sha256 s;

	put32(p, first.boot_seq);
	put64(p + 4, first.seq);
	sha256_init(&s);
	sha256_update(&s, salt, SALT_LEN);
	sha256_update(&s, p, sizeof(p));
	sha256_final(&s, digest);
	return get64(digest);
}

void seg_header_encode(const struct seg_header *h, uint8_t out[SEG_HEADER_LEN])
{
	size_t node = strlen(h->node);

	memset(out, 0, SEG_HEADER_LEN);
	memcpy(out, SEG_MAGIC, 8);
	put32(out + 8, SEG_VERSION);
	put32(out + 12, SEG_HEADER_LEN);
	put64(out + 16, h->mark);
	put32(out + 24, h->first.boot_seq);
	put64(out + 32, h->first.seq);
	put32(out + 40, h->prev.pos.boot_seq);
	put64(out + 48, h->prev.pos.seq);
	put64(out + 56, h->prev.len);
	put64(out + 64, h->prev.wall_ns);
	put64(out + 72, h->created_ns);
	memcpy(out + 80, h->prev.chain, SHA256_LEN);
	memcpy(out + 112, h->boot_id, CLOCK_BOOT_ID_LEN);
	put32(out + 404, h->prev_first.boot_seq);
	put64(out + 408, h->prev_first.seq);
	out[148] = (uint8_t)node;
	memcpy(out + 149, h->node, node);
	put32(out + SEG_HEADER_LEN - 4, crc32c(0, out, SEG_HEADER_LEN - 4));
}

static void header_decode(const uint8_t *p, struct seg_header *h)
{
	memset(h, 0, sizeof(*h));
	h->mark = get64(p + 16);
	h->first = (struct journal_pos){ get32(p + 24), get64(p + 32) };
	h->prev.pos = (struct journal_pos){ get32(p + 40), get64(p + 48) };
	h->prev.len = get64(p + 56);
	h->prev.wall_ns = get64(p + 64);
	h->created_ns = get64(p + 72);
	memcpy(h->prev.chain, p + 80, SHA256_LEN);
	memcpy(h->boot_id, p + 112, CLOCK_BOOT_ID_LEN);
	memcpy(h->node, p + 149, p[148]);
	h->prev_first = (struct journal_pos){ get32(p + 404), get64(p + 408) };
}

static ssize_t pread_full(int fd, void *p, size_t n, uint64_t off)
{
	size_t did = 0;

	while (did < n) {
		ssize_t r = pread(fd, (char *)p + did, n - did, (off_t)(off + did));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (!r)
			break;
		did += (size_t)r;
	}
	return (ssize_t)did;
}

/* Every version begins with magic, version and header length, and ends its header with its CRC. */
int seg_header_read(int fd, struct journal_pos first, enum seg_state *ret_state,
		    struct seg_header *ret_head, uint32_t *ret_version)
{
	uint8_t p[4096];
	ssize_t got = pread_full(fd, p, sizeof(p), 0);
	uint32_t len;

	if (got < 0)
		return (int)got;
	*ret_state = SEG_BAD_HEADER;
	if (got < SEG_HEADER_LEN || memcmp(p, SEG_MAGIC, 8) != 0)
		return 0;
	len = get32(p + 12);
	if (len < 64 || len > (uint32_t)got || crc32c(0, p, len - 4) != get32(p + len - 4))
		return 0;
	*ret_version = get32(p + 8);
	if (*ret_version != SEG_VERSION) {
		*ret_state = SEG_FOREIGN;
		return 0;
	}
	if (len != SEG_HEADER_LEN)
		return 0;
	header_decode(p, ret_head);
	/* A whole header in a file of another name: somebody has renamed it. */
	if (pos_cmp(ret_head->first, first) == 0)
		*ret_state = SEG_GOOD;
	return 0;
}

/* --- records -------------------------------------------------------------------------------- */

void journal_chain_step(const uint8_t prev[SHA256_LEN], struct journal_pos pos, uint64_t wall_ns,
			struct text payload, uint8_t out[SHA256_LEN])
{
	uint8_t p[SHA256_LEN + 24];
	struct sha256 s;

	memcpy(p, prev, SHA256_LEN);
	put32(p + SHA256_LEN, payload.len);
	put32(p + SHA256_LEN + 4, pos.boot_seq);
	put64(p + SHA256_LEN + 8, pos.seq);
	put64(p + SHA256_LEN + 16, wall_ns);
	sha256_init(&s);
	sha256_update(&s, p, sizeof(p));
	sha256_update(&s, payload.ptr, payload.len);
	sha256_final(&s, out);
}

void rec_describe(uint8_t *p, struct journal_pos pos, uint64_t wall_ns, uint32_t len)
{
	memset(p, 0, REC_HEAD_LEN);
	put32(p + 8, len);
	put32(p + 12, pos.boot_seq);
	put64(p + 16, pos.seq);
	put64(p + 24, wall_ns);
}

size_t rec_seal(uint8_t *p, uint64_t mark, uint8_t chain[SHA256_LEN])
{
	struct journal_pos pos = { get32(p + 12), get64(p + 16) };
	uint32_t len = get32(p + 8);
	struct text payload = { (const char *)p + REC_HEAD_LEN, len };

	journal_chain_step(chain, pos, get64(p + 24), payload, chain);
	memcpy(p + REC_HEAD_LEN + len, chain, SHA256_LEN);
	put64(p, mark);
	put32(p + 32, crc32c(0, p + REC_HEAD_LEN, len + SHA256_LEN));
	put32(p + 36, crc32c(0, p, 36));
	return REC_OVERHEAD + len;
}

/* --- walking -------------------------------------------------------------------------------- */

void seg_free(struct seg *s)
{
	if (!s)
		return;
	close_fd(&s->fd);
	free(s->win);
	free(s);
}

int seg_refresh(struct seg *s)
{
	struct stat st;

	if (fstat(s->fd, &st) < 0)
		return -errno;
	s->size = (uint64_t)st.st_size;
	s->win_len = 0; /* what was read may have been cut or overwritten since */
	return 0;
}

/* n bytes at off, or fewer at the end of the file; NULL with *ret_got < 0 on error. */
static const uint8_t *look(struct seg *s, uint64_t off, size_t n, ssize_t *ret_got)
{
	uint64_t skip;

	if (off < s->win_off || off + n > s->win_off + s->win_len) {
		ssize_t got = pread_full(s->fd, s->win, WIN_LEN, off);

		if (got < 0) {
			s->win_len = 0;
			*ret_got = got;
			return NULL;
		}
		s->win_off = off;
		s->win_len = (size_t)got;
	}
	skip = off - s->win_off;
	*ret_got = s->win_len - skip < n ? (ssize_t)(s->win_len - skip) : (ssize_t)n;
	return s->win + skip;
}

static bool head_is_good(const struct seg *s, const uint8_t *p, bool any_mark)
{
	uint32_t len = get32(p + 8);

	return (any_mark || get64(p) == s->mark) && get32(p + 36) == crc32c(0, p, 36) && len &&
	       len <= EVENT_RECORD_MAX && get32(p + 12) == s->first.boot_seq;
}

/*
 * Header and head file both gone: the first record's own mark, at a place that no payload can
 * occupy.
 */
static void guess_mark(struct seg *s)
{
	ssize_t got;
	const uint8_t *p = look(s, SEG_HEADER_LEN, REC_HEAD_LEN, &got);

	if (p && got == REC_HEAD_LEN && head_is_good(s, p, true))
		s->mark = get64(p);
}

int seg_open(int dirfd, struct journal_pos first, const uint8_t *salt, struct seg **ret_seg)
{
	_cleanup_(seg_freep) struct seg *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->first = first;
	seg_name(first, s->name);
	s->fd = openat(dirfd, s->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (s->fd < 0)
		return -errno;
	s->win = malloc(WIN_LEN);
	if (!s->win)
		return -ENOMEM;
	err = seg_refresh(s);
	if (!err)
		err = seg_header_read(s->fd, first, &s->state, &s->head, &s->version);
	if (err)
		return err;
	s->limit = s->size;
	s->off = SEG_HEADER_LEN;
	if (s->state == SEG_GOOD)
		s->mark = s->head.mark;
	else if (salt)
		s->mark = seg_mark(salt, first);
	else
		guess_mark(s);
	*ret_seg = take_ptr(s);
	return 0;
}

/* Moves off to the next whole record head behind `from`, or to the limit. */
static int resync(struct seg *s, uint64_t from)
{
	uint8_t mark[8];

	put64(mark, s->mark);
	while (from + REC_HEAD_LEN <= s->limit) {
		ssize_t got;
		const uint8_t *p = look(s, from, WIN_LEN, &got), *hit;

		if (!p)
			return (int)got;
		if (got < REC_HEAD_LEN)
			break;
		hit = memmem(p, (size_t)got, mark, sizeof(mark));
		if (!hit) {
			from += (uint64_t)got - (sizeof(mark) - 1);
			continue;
		}
		from += (uint64_t)(hit - p);
		p = look(s, from, REC_HEAD_LEN, &got);
		if (!p)
			return (int)got;
		if (got == REC_HEAD_LEN && from + REC_HEAD_LEN <= s->limit &&
		    head_is_good(s, p, false)) {
			s->off = from;
			return 0;
		}
		from++;
	}
	s->off = s->limit;
	return 0;
}

static int damaged(struct seg *s, const char *what)
{
	s->bad_off = s->off;
	s->bad_what = what;
	return -EBADMSG;
}

static int damaged_head(struct seg *s)
{
	uint64_t at = s->off;
	int err = resync(s, at + 1);

	s->bad_off = at;
	s->bad_what = s->off == s->limit ? "damaged to the end" : "record head damaged";
	return err ? err : -EBADMSG;
}

static int damaged_rest(struct seg *s)
{
	int err = damaged(s, "incomplete record");

	s->off = s->limit;
	return err;
}

int seg_next(struct seg *s, struct journal_record *ret_rec)
{
	ssize_t got;
	const uint8_t *p;
	uint32_t len;
	int err;

	if (s->state == SEG_FOREIGN || s->off >= s->limit)
		return 0;
	if (s->limit - s->off < REC_OVERHEAD)
		return damaged_rest(s);
	p = look(s, s->off, REC_HEAD_LEN, &got);
	if (!p)
		return (int)got;
	if (got < REC_HEAD_LEN)
		return damaged_rest(s);
	if (!head_is_good(s, p, false))
		return damaged_head(s);
	len = get32(p + 8);
	p = look(s, s->off, REC_OVERHEAD + len, &got);
	if (!p)
		return (int)got;
	if ((size_t)got < REC_OVERHEAD + len || s->off + REC_OVERHEAD + len > s->limit)
		return damaged_rest(s);
	if (get32(p + 32) != crc32c(0, p + REC_HEAD_LEN, len + SHA256_LEN)) {
		err = damaged(s, "CRC mismatch");
		s->off += REC_OVERHEAD + len;
		return err;
	}
	ret_rec->pos = (struct journal_pos){ get32(p + 12), get64(p + 16) };
	ret_rec->wall_ns = get64(p + 24);
	ret_rec->payload = (struct text){ (const char *)p + REC_HEAD_LEN, len };
	memcpy(ret_rec->chain, p + REC_HEAD_LEN + len, SHA256_LEN);
	s->off += REC_OVERHEAD + len;
	return 1;
}
