/* SPDX-License-Identifier: GPL-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/notifier.h"
#include "base/buf.h"
#include "base/clock.h"
#include "core/event.h"
#include "journal_util.h"
#include "tap.h"

static void test_first_steps(void)
{
	struct dir d = dir_make();
	struct journal *j = must_open(&d, BOOT_A, 0, 0);
	struct journal_verdict v;
	struct journal_pos pos;
	uint64_t dropped = 9;

	is_int(journal_head(j).seq, 0, "a new journal has no head");
	is_int(journal_append(j, "one", 3, &pos), 0, "a record is appended");
	ok(pos.boot_seq == 1 && pos.seq == 1, "and is the first of the first boot");
	is_int(count_records(&d), 0, "nobody sees it before the commit");
	is_int(journal_commit(j, &dropped), 0, "the batch is committed");
	is_int(dropped, 0, "nothing was dropped");
	is_int(count_records(&d), 1, "now it is seen");
	append_n(j, 99);
	is_int(count_records(&d), 100, "a hundred are seen");
	is_int(journal_append(j, "", 0, &pos), -EINVAL, "an empty record is refused");
	is_int(journal_append(j, "x", EVENT_RECORD_MAX + 1, &pos), -EINVAL, "a huge one too");
	is_int(journal_verify(d.fd, NULL, NULL, &v), 0, "verify runs beside the writer");
	ok(v.records == 100 && !v.damages && v.segments == 1, "and finds all in order");
	journal_free(j);
	j = must_open(&d, BOOT_A, 0, 0);
	append_n(j, 1);
	ok(journal_head(j).boot_seq == 1 && journal_head(j).seq == 101,
	   "reopened in the same boot it goes on counting");
	journal_free(j);
	j = must_open(&d, BOOT_B, 0, 0);
	append_n(j, 1);
	ok(journal_head(j).boot_seq == 2 && journal_head(j).seq == 1,
	   "another boot counts from one");
	journal_free(j);
	is_int(journal_verify(d.fd, NULL, NULL, &v), 0, "verify runs");
	ok(v.records == 102 && !v.damages, "the chain goes on across boots");
	dir_remove(&d);
}

static void test_one_writer(void)
{
	struct dir d = dir_make();
	struct journal *j = must_open(&d, BOOT_A, 0, 0), *other = NULL;
	struct journal_opts o = { .node = "n1" };
	char *why = NULL;

	is_int(journal_open(d.fd, &o, BOOT_A, &other, &why), -EBUSY, "a second writer is refused");
	is_str(why, "another process writes this journal", "and told why");
	ok(!other, "and gets nothing");
	free(why);
	append_n(j, 3);
	is_int(count_records(&d), 3, "the first goes on");
	journal_free(j);
	j = must_open(&d, BOOT_A, 0, 0);
	ok(j, "when the first has gone the next may write");
	journal_free(j);
	dir_remove(&d);
}

static void test_roll_over(void)
{
	struct dir d = dir_make();
	struct journal *j = must_open(&d, BOOT_A, 0, 8192);
	struct journal_verdict v;
	struct buf node = BUF_INIT(256);

	for (int i = 0; i < 100; i++)
		append_n(j, 10);
	is_int(count_records(&d), 1000, "all records are read across segments");
	is_int(journal_verify(d.fd, NULL, NULL, &v), 0, "verify runs");
	ok(v.records == 1000 && v.segments > 10 && !v.damages, "the chain goes on across %d",
	   (int)v.segments);
	is_int(journal_node(d.fd, &node), 0, "the node's name is found");
	is_str(node.data, "n1", "and is right");
	buf_done(&node);
	journal_free(j);
	dir_remove(&d);
}

static void test_positions(void)
{
	struct dir d = dir_make();
	struct journal *j = must_open(&d, BOOT_A, 0, 8192);
	struct journal_reader *r = NULL;
	struct journal_record rec;
	struct journal_damage dmg;
	unsigned bad = 0;

	for (int i = 0; i < 30; i++)
		append_n(j, 10);
	for (uint64_t after = 0; after < 300; after += 7) {
		if (journal_reader_new(d.fd, (struct journal_pos){ 1, after }, &r) < 0)
			bad++;
		for (uint64_t seq = after + 1; seq <= 300; seq++)
			bad += journal_next(r, &rec, &dmg) != 1 || rec.pos.seq != seq;
		bad += journal_next(r, &rec, &dmg) != 0;
		journal_reader_free(r);
	}
	is_int(bad, 0, "reading begins behind any position");
	if (journal_reader_new(d.fd, (struct journal_pos){ 1, 300 }, &r) < 0)
		bad++;
	is_int(journal_next(r, &rec, &dmg), 0, "at the head there is nothing");
	append_n(j, 1);
	is_int(journal_next(r, &rec, &dmg), 1, "until the next commit");
	is_int(rec.pos.seq, 301, "which is delivered");
	journal_reader_free(r);
	if (journal_reader_new(d.fd, (struct journal_pos){ 7, 1 }, &r) < 0)
		bad++;
	is_int(journal_next(r, &rec, &dmg), 2, "a position the journal never had is named");
	is_int(journal_next(r, &rec, &dmg), 0, "once");
	journal_reader_free(r);
	journal_free(j);
	dir_remove(&d);
}

static void test_chain_step(void)
{
	struct dir d = dir_make();
	struct journal *j = must_open(&d, BOOT_A, 0, 0);
	struct journal_reader *r = NULL;
	struct journal_record rec;
	struct journal_damage dmg;
	uint8_t chain[SHA256_LEN] = { 0 }, out[SHA256_LEN];
	unsigned bad = 0;

	append_n(j, 50);
	if (journal_reader_new(d.fd, (struct journal_pos){ 0 }, &r) < 0)
		bad++;
	for (int i = 0; i < 50; i++) {
		bad += journal_next(r, &rec, &dmg) != 1;
		journal_chain_step(chain, rec.pos, rec.wall_ns, rec.payload, out);
		bad += memcmp(chain, rec.prev_chain, SHA256_LEN) != 0;
		bad += memcmp(out, rec.chain, SHA256_LEN) != 0;
		memcpy(chain, out, SHA256_LEN);
	}
	is_int(bad, 0, "the chain can be computed from position, time and payload alone");
	journal_reader_free(r);
	journal_free(j);
	dir_remove(&d);
}

static void test_notifier(void)
{
	struct dir d = dir_make();
	struct journal *j = must_open(&d, BOOT_A, 0, 0);
	struct journal_reader *r = NULL;
	struct pollfd p = { .events = POLLIN };

	if (journal_reader_new(d.fd, (struct journal_pos){ 0 }, &r) < 0)
		ok(false, "reader");
	p.fd = journal_reader_fd(r);
	ok(p.fd >= 0, "a reader has an fd");
	is_int(poll(&p, 1, 0), 0, "that is quiet");
	append_n(j, 1);
	is_int(poll(&p, 1, 1000), 1, "and rings at a commit");
	notifier_clear(p.fd);
	is_int(poll(&p, 1, 0), 0, "once cleared it is quiet again");
	journal_reader_free(r);
	journal_free(j);
	dir_remove(&d);
}

static void test_ack(void)
{
	struct dir d = dir_make();
	struct journal_pos p = { 9, 9 };

	is_int(journal_ack_read(d.fd, &p), 0, "no acknowledgement can be read");
	ok(!p.boot_seq && !p.seq, "and is nothing");
	is_int(journal_ack_write(d.fd, (struct journal_pos){ 1, 50 }), 0, "one is written");
	is_int(journal_ack_write(d.fd, (struct journal_pos){ 1, 40 }), 0,
	       "an older one is ignored");
	is_int(journal_ack_read(d.fd, &p), 0, "it is read");
	ok(p.boot_seq == 1 && p.seq == 50, "and never goes back");
	for (uint64_t i = 51; i < 60; i++)
		is_int(journal_ack_write(d.fd, (struct journal_pos){ 2, i }), 0, "it goes on");
	is_int(journal_ack_read(d.fd, &p), 0, "and is read");
	ok(p.boot_seq == 2 && p.seq == 59, "as written last");
	dir_remove(&d);
}

static void test_node_names(void)
{
	struct dir d = dir_make();
	struct journal *j = NULL;
	char *why = NULL, name[300];
	struct journal_opts o = { .node = name };

	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	is_int(journal_open(d.fd, &o, BOOT_A, &j, &why), -EINVAL, "a name of 256 bytes is refused");
	free(why);
	name[255] = '\0';
	is_int(journal_open(d.fd, &o, BOOT_A, &j, &why), 0, "one of 255 is taken");
	free(why);
	journal_free(j);
	name[0] = '\0';
	j = NULL;
	is_int(journal_open(d.fd, &o, BOOT_A, &j, &why), -EINVAL, "an empty one is refused");
	free(why);
	dir_remove(&d);
}

int main(void)
{
	test_first_steps();
	test_one_writer();
	test_roll_over();
	test_positions();
	test_chain_step();
	test_notifier();
	test_ack();
	test_node_names();
	return tap_done();
}
