/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every way a file of the journal can be damaged, on a small journal of three segments: whatever
 * happens, nothing crashes, what is damaged is named, all other records are delivered, and the
 * writer goes on with numbers nobody had before.
 */
#include <sys/wait.h>

#include "journal_util.h"
#include "tap.h"

#define RECORDS 40
#define REC_LEN (120 + 72)

static struct dir d;
static struct shots good;

static void fill(void)
{
	struct journal *j;

	d = dir_make();
	j = must_open(&d, BOOT_A, 256 << 10, 4096);
	for (int i = 0; i < RECORDS; i++)
		append_n(j, 1);
	journal_free(j);
	good = shots_take(&d);
}

static struct shot *last_segment(void)
{
	unsigned n = 0;

	while (shot_segment(&good, n + 1))
		n++;
	return shot_segment(&good, n);
}

static void put_flipped(const struct shot *s, size_t at, unsigned bit)
{
	s->data[at] ^= (uint8_t)(1u << bit);
	put_file(&d, s->name, s->data, s->len);
	s->data[at] ^= (uint8_t)(1u << bit);
}

/*
 * After the writer has come back: numbers delivered, and lost by gap records, make up all there
 * ever were.
 */
static bool writer_goes_on(const char *boot, uint64_t lost_at_most)
{
	char *why = NULL;
	struct journal *j = try_open(&d, boot, 256 << 10, 4096, &why);
	struct census before, after;
	bool fine;

	before = census_of(&d, (struct journal_pos){ 0 });
	append_n(j, 3);
	after = census_of(&d, (struct journal_pos){ 0 });
	fine = after.records == before.records + 3 && !after.disordered &&
	       after.records - after.gap_records + lost_at_most >= RECORDS + 3;
	if (journal_head(j).boot_seq == 1)
		fine &= journal_head(j).seq > RECORDS;
	journal_free(j);
	/* And a second time, with nothing new to say about it. */
	j = try_open(&d, boot, 256 << 10, 4096, &why);
	fine &= census_of(&d, (struct journal_pos){ 0 }).records == after.records;
	journal_free(j);
	free(why);
	return fine;
}

/*
 * Each byte of a header, or of what the head file has in a slot, and, as no record is a multiple of
 * five long, each place in a record once in five records; in a long run each byte.
 */
static size_t next_byte(size_t at)
{
	return at + (at % 4096 < 512 || getenv("AJAR_LONG") ? 1 : 5);
}

static void test_flips(unsigned nth, const char *which)
{
	struct shot *s = nth == 99 ? last_segment() : shot_segment(&good, nth);
	unsigned unseen = 0, unverified = 0, undelivered = 0, stuck = 0, unsettled = 0;

	for (size_t at = 0; at < s->len; at = next_byte(at)) {
		struct census c;

		shots_restore(&d, &good);
		put_flipped(s, at, (unsigned)(at * 7 + nth) % 8);
		c = census_of(&d, (struct journal_pos){ 0 });
		unseen += !c.damages;
		undelivered += c.records + (at >= 512) < RECORDS || c.disordered;
		unverified += !verify_damages(&d);
		stuck += !writer_goes_on(BOOT_A, 1);
		unsettled += nth == 99 && at >= 512 &&
			     census_of(&d, (struct journal_pos){ 0 }).lost != 1;
	}
	is_int(unseen, 0, "a flipped bit at any byte of %s is named", which);
	is_int(undelivered, 0, "and costs no more than the record it is in");
	is_int(unverified, 0, "verify names it");
	is_int(stuck, 0, "and the writer goes on");
	is_int(unsettled, 0, "with a gap record of one where it can know");
}

static void test_truncation(void)
{
	struct shot *s = last_segment();
	unsigned unseen = 0, inexact = 0, wrong = 0, dirty = 0;

	for (size_t len = 0; len < s->len; len = next_byte(len)) {
		size_t whole = len < 512 ? 0 : (len - 512) / REC_LEN,
		       all = (s->len - 512) / REC_LEN;
		struct census c;
		struct journal *j;
		char *why = NULL;

		shots_restore(&d, &good);
		put_file(&d, s->name, s->data, len);
		c = census_of(&d, (struct journal_pos){ 0 });
		unseen += !c.damages;
		wrong += c.records != RECORDS - all + whole;
		unseen += !verify_damages(&d);
		j = try_open(&d, BOOT_A, 256 << 10, 4096, &why);
		append_n(j, 2);
		journal_free(j);
		c = census_of(&d, (struct journal_pos){ 0 });
		inexact += c.lost != all - whole || c.gap_records != 1 ||
			   c.records - c.gap_records + c.lost != RECORDS + 2;
		dirty += !why;
		free(why);
	}
	is_int(unseen, 0, "a segment cut off at any byte is named by reader and verify");
	is_int(wrong, 0, "every record before the cut is delivered");
	is_int(inexact, 0, "the writer comes back and records exactly what is gone");
	is_int(dirty, 0, "and says why at opening");
}

/* kill -9 in the middle of a write: the file is longer than what was published. */
static void test_torn_batch(void)
{
	struct shot *s = last_segment();
	unsigned seen = 0, wrong = 0, unclean = 0;
	struct journal *j;
	struct shots longer;
	struct shot *t;
	struct shot *old_head = NULL;

	for (size_t i = 0; i < good.n; i++)
		if (!strcmp(good.s[i].name, "head"))
			old_head = &good.s[i];
	shots_restore(&d, &good);
	j = must_open(&d, BOOT_A, 256 << 10, 4096);
	append_n(j, 4);
	journal_free(j);
	longer = shots_take(&d);
	t = NULL;
	for (size_t i = 0; i < longer.n; i++)
		if (!strcmp(longer.s[i].name, s->name))
			t = &longer.s[i];
	for (size_t len = s->len; t && len <= t->len; len++) {
		size_t whole = (len - s->len) / REC_LEN;

		shots_restore(&d, &good);
		put_file(&d, "head", old_head->data, old_head->len);
		put_file(&d, s->name, t->data, len);
		seen += census_of(&d, (struct journal_pos){ 0 }).records != RECORDS;
		j = must_open(&d, BOOT_A, 256 << 10, 4096);
		wrong += count_records(&d) != RECORDS + whole;
		append_n(j, 1);
		wrong += journal_head(j).seq != RECORDS + whole + 1;
		unclean += verify_damages(&d) != 0;
		journal_free(j);
	}
	ok(t && t->len > s->len, "a torn batch was made");
	is_int(seen, 0, "readers do not see what was not committed");
	is_int(wrong, 0, "the writer keeps the whole records of a torn batch and cuts the rest");
	is_int(unclean, 0, "after which the journal verifies");
	shots_free(&longer);
}

static void test_zeroed(void)
{
	struct shot *s = last_segment();
	unsigned unseen = 0, wrong = 0;
	uint8_t *copy = calloc(1, 64 << 10);

	for (size_t from = 512; from < s->len; from += 13) {
		struct census c;

		shots_restore(&d, &good);
		memset(copy, 0, s->len);
		memcpy(copy, s->data, from);
		put_file(&d, s->name, copy, s->len);
		c = census_of(&d, (struct journal_pos){ 0 });
		unseen += !c.damages || !verify_damages(&d);
		wrong += c.records != RECORDS - (s->len - 512) / REC_LEN + (from - 512) / REC_LEN;
		wrong += !writer_goes_on(BOOT_A, RECORDS);
		c = census_of(&d, (struct journal_pos){ 0 });
		wrong += c.records - c.gap_records + c.lost != RECORDS + 3;
	}
	is_int(unseen, 0, "a zeroed tail of any length is named");
	is_int(wrong, 0, "and costs what was in it, exactly recorded");
	/* A lost first page: header and first records. */
	s = shot_segment(&good, 1);
	shots_restore(&d, &good);
	memcpy(copy, s->data, s->len);
	memset(copy, 0, 1024);
	put_file(&d, s->name, copy, s->len);
	is_int(RECORDS - count_records(&d), 3, "a zeroed header and front cost three records");
	free(copy);
}

static void test_missing(void)
{
	struct census c;

	for (unsigned i = 0; i < 3; i++) {
		struct shot *s = i == 2 ? last_segment() : shot_segment(&good, i);
		uint64_t in = (s->len - 512) / REC_LEN;

		shots_restore(&d, &good);
		unlinkat(d.fd, s->name, 0);
		c = census_of(&d, (struct journal_pos){ 0 });
		is_int(c.damages, 1, "the missing %s segment is named",
		       &"first\0 middle\0last"[i * 7]);
		is_int(c.records, RECORDS - in, "all others are delivered");
		is_int(c.first_damage.kind, DAMAGE_MISSING, "as missing");
		ok(verify_damages(&d) >= 1, "verify names it");
		ok(writer_goes_on(BOOT_A, in), "the writer goes on");
	}
	shots_restore(&d, &good);
	dir_empty(&d);
	is_int(count_records(&d), 0, "an empty folder has no records");
	is_int(verify_damages(&d), 0, "and no damage");
}

static void test_other_files(void)
{
	struct journal *j;
	char *why = NULL;
	uint8_t v2[512];
	struct census c;

	shots_restore(&d, &good);
	unlinkat(d.fd, "head", 0);
	c = census_of(&d, (struct journal_pos){ 0 });
	is_int(c.records, RECORDS, "without the head file all is read");
	is_int(c.damages, 1, "and the missing head named, once");
	j = try_open(&d, BOOT_A, 256 << 10, 4096, &why);
	ok(why, "the writer says so: %s", why ? why : "");
	append_n(j, 1);
	ok(journal_head(j).boot_seq == 2, "and in doubt counts anew under a new boot_seq");
	is_int(verify_damages(&d), 0, "the chain goes on");
	journal_free(j);
	free(why);

	shots_restore(&d, &good);
	put_file(&d, "00000001-00000000000000ff.seg", "garbage", 7);
	put_file(&d, "00000009-0000000000000001.seg", good.s[0].data, good.s[0].len);
	put_file(&d, "notes.txt", "mine", 4);
	put_file(&d, "00000001-000000000000000G.seg", "mine", 4);
	c = census_of(&d, (struct journal_pos){ 0 });
	is_int(c.records, RECORDS, "garbage of the right name beyond the head is not read");
	why = NULL;
	j = try_open(&d, BOOT_A, 256 << 10, 4096, &why);
	ok(why, "the writer names it: %s", why ? why : "");
	free(why);
	append_n(j, 1);
	is_int(count_records(&d), RECORDS + 1, "and goes on");
	is_int(faccessat(d.fd, "00000001-00000000000000ff.seg.damaged", F_OK, 0), 0,
	       "having moved it aside, not deleted it");
	is_int(faccessat(d.fd, "notes.txt", F_OK, 0), 0, "other files are left alone");
	journal_free(j);

	shots_restore(&d, &good);
	memcpy(v2, last_segment()->data, sizeof(v2));
	v2[8] = 2;
	{
		uint32_t crc = crc32c(0, v2, 508);

		memcpy(v2 + 508, &crc, 4);
	}
	put_file(&d, "00000003-0000000000000001.seg", v2, sizeof(v2));
	why = NULL;
	j = try_open(&d, BOOT_A, 256 << 10, 4096, &why);
	ok(why && strstr(why, "version 2"), "a newer version is named: %s", why ? why : "");
	free(why);
	append_n(j, 1);
	is_int(journal_head(j).boot_seq, 4, "the writer goes on behind it");
	is_int(faccessat(d.fd, "00000003-0000000000000001.seg", F_OK, 0), 0, "and leaves it alone");
	c = census_of(&d, (struct journal_pos){ 0 });
	is_int(c.records, RECORDS + 1, "the reader passes it");
	is_int(c.first_damage.kind, DAMAGE_VERSION, "and says why it cannot read it");
	journal_free(j);

	shots_restore(&d, &good);
	put_file(&d, "ack", "xx", 2);
	is_int(journal_ack_write(d.fd, (struct journal_pos){ 1, 3 }), 0,
	       "a damaged ack is replaced");
	is_int(faccessat(d.fd, "ack.damaged", F_OK, 0), 0, "and set aside");
}

static void test_head_flips(void)
{
	unsigned unread = 0, stuck = 0;
	struct shot *h = NULL;

	for (size_t i = 0; i < good.n; i++)
		if (!strcmp(good.s[i].name, "head"))
			h = &good.s[i];
	for (size_t at = 0; at < h->len; at = next_byte(at)) {
		shots_restore(&d, &good);
		put_flipped(h, at, (unsigned)at % 8);
		/*
		 * The older copy may take over: then the last commit is not published any more, but
		 * not lost.
		 */
		unread += count_records(&d) < RECORDS - 1;
		stuck += !writer_goes_on(BOOT_A, 0);
		unread += census_of(&d, (struct journal_pos){ 0 }).records != RECORDS + 3;
		unread += verify_damages(&d) != 0;
	}
	is_int(unread, 0, "a flipped bit anywhere in the head file costs nothing");
	is_int(stuck, 0, "and the writer goes on");
}

static void test_unwritable(void)
{
	struct journal_opts o = { .node = "n1" };
	struct journal *j = NULL;
	char *why = NULL;
	pid_t pid;
	int err;

	if (getuid() != 0) {
		tap_skip(1, "an unwritable folder needs root");
		return;
	}
	shots_restore(&d, &good);
	fchmod(d.fd, 0755);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(9);
		err = journal_open(d.fd, &o, BOOT_A, &j, &why);
		_exit(err == -EACCES && why ? 0 : 1);
	}
	is_int(waitpid(pid, &err, 0) == pid ? err : -1, 0,
	       "an unwritable folder is refused, with a reason");
}

int main(void)
{
	fill();
	test_flips(0, "the first segment");
	test_flips(1, "a middle segment");
	test_flips(99, "the last segment");
	test_truncation();
	test_torn_batch();
	test_zeroed();
	test_missing();
	test_other_files();
	test_head_flips();
	test_unwritable();
	shots_free(&good);
	dir_remove(&d);
	return tap_done();
}
