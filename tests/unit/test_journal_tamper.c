/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Somebody who knows the format and computes every CRC anew: the chain still tells where the first
 * bad place is.
 */
#include "journal/segment.h"
#include "journal_util.h"
#include "tap.h"

#define RECORDS 40
#define REC (120 + 72)
#define AT(i) (512 + (size_t)(i)*REC)

static struct dir d;
static struct shots good;

struct found {
	struct journal_damage first;
	uint64_t n;
};

static int take(const struct journal_damage *dmg, void *arg)
{
	struct found *f = arg;

	if (!f->n++)
		f->first = *dmg;
	return 0;
}

static struct found verify(void)
{
	struct found f = { .n = 0 };
	struct journal_verdict v;

	if (journal_verify(d.fd, take, &f, &v) < 0)
		bail("verify", EIO);
	return f;
}

/*
 * As an attacker would: payload and position as they please, CRCs right, the chain's bytes kept or
 * not.
 */
static void recrc(uint8_t *p)
{
	uint32_t crc = crc32c(0, p + 40, 120 + 32);

	memcpy(p + 32, &crc, 4);
	crc = crc32c(0, p, 36);
	memcpy(p + 36, &crc, 4);
}

static void expect(const struct shot *s, size_t offset, const char *what)
{
	struct found f = verify();

	ok(f.n > 0, "%s is seen", what);
	is_str(f.first.file, s->name, "in its file");
	is_int(f.first.offset, offset, "at its place");
	is_int(f.first.kind, DAMAGE_CHAIN, "as a broken chain");
	shots_restore(&d, &good);
}

int main(void)
{
	struct shot *s, *next;
	uint8_t copy[8192], chain[SHA256_LEN];
	struct journal *j;
	struct found f;

	d = dir_make();
	j = must_open(&d, BOOT_A, 256 << 10, 4096);
	for (int i = 0; i < RECORDS; i++)
		append_n(j, 1);
	journal_free(j);
	good = shots_take(&d);
	s = shot_segment(&good, 1);
	next = shot_segment(&good, 2);
	is_int(verify().n, 0, "the untouched journal verifies");

	memcpy(copy, s->data, s->len);
	copy[AT(3) + 40] ^= 1;
	recrc(copy + AT(3));
	put_file(&d, s->name, copy, s->len);
	expect(s, AT(3), "an altered payload");

	memcpy(copy, s->data, s->len);
	copy[AT(3) + 24] ^= 1;
	recrc(copy + AT(3));
	put_file(&d, s->name, copy, s->len);
	expect(s, AT(3), "an altered time");

	/* The altered record's own chain made right: the next one tells. */
	memcpy(copy, s->data, s->len);
	copy[AT(3) + 40] ^= 1;
	memcpy(chain, copy + AT(2) + 160, SHA256_LEN);
	rec_seal(copy + AT(3), seg_mark(copy, (struct journal_pos){ 0 }), chain);
	memcpy(copy + AT(3), s->data + AT(3), 8);
	recrc(copy + AT(3));
	put_file(&d, s->name, copy, s->len);
	expect(s, AT(4), "an altered record with its chain made right");

	memcpy(copy, s->data, s->len);
	memcpy(copy + AT(5), s->data + AT(6), REC);
	memcpy(copy + AT(6), s->data + AT(5), REC);
	put_file(&d, s->name, copy, s->len);
	expect(s, AT(5), "two swapped records");

	memcpy(copy, s->data, s->len);
	memmove(copy + AT(5), s->data + AT(6), s->len - AT(6));
	put_file(&d, s->name, copy, s->len - REC);
	expect(s, AT(5), "a removed record");

	memcpy(copy, s->data, s->len);
	memcpy(copy + AT(6), s->data + AT(5), REC);
	put_file(&d, s->name, copy, s->len);
	expect(s, AT(6), "a record that comes twice");

	/* The whole segment computed anew: the next one does not go on from it. */
	memcpy(copy, s->data, s->len);
	memcpy(chain, copy + 80, SHA256_LEN);
	copy[AT(3) + 40] ^= 1;
	for (size_t at = 512; at < s->len; at += REC) {
		uint64_t mark;

		memcpy(&mark, s->data + 16, 8);
		rec_seal(copy + at, mark, chain);
	}
	put_file(&d, s->name, copy, s->len);
	expect(next, 0, "a segment whose chain was computed anew");

	put_file(&d, s->name, next->data, next->len);
	put_file(&d, next->name, s->data, s->len);
	ok(verify().n > 0, "two segments with swapped names are seen");
	shots_restore(&d, &good);

	unlinkat(d.fd, s->name, 0);
	f = verify();
	ok(f.n > 0 && f.first.kind == DAMAGE_MISSING, "a removed segment is seen");
	is_str(f.first.file, next->name, "before the one that follows it");
	shots_free(&good);
	dir_remove(&d);
	return tap_done();
}
