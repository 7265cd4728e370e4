/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_TESTS_JOURNAL_UTIL_H
#define AJAR_TESTS_JOURNAL_UTIL_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/event.h"
#include "journal/journal.h"

/* What the journal's tests share: a temporary folder, and short ways to fill and read a journal in it. */

#define BOOT_A "aaaaaaaa-0000-4000-8000-000000000001"
#define BOOT_B "bbbbbbbb-0000-4000-8000-000000000002"
#define BOOT_C "cccccccc-0000-4000-8000-000000000003"

struct dir {
	char path[64];
	int fd;
};

__attribute__((noreturn)) static inline void bail(const char *what, int err)
{
	printf("Bail out! %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(1);
}

static inline struct dir dir_make(void)
{
	struct dir d = { .path = "/tmp/ajar-journal-XXXXXX", .fd = -1 };

	if (!mkdtemp(d.path))
		bail("mkdtemp", errno);
	d.fd = open(d.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d.fd < 0)
		bail(d.path, errno);
	return d;
}

/* fn for each file in it. */
static inline void dir_each(const struct dir *d, void (*fn)(const struct dir *d, const char *name, void *arg),
			    void *arg)
{
	DIR *dir = opendir(d->path);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			fn(d, e->d_name, arg);
	if (dir)
		closedir(dir);
}

static inline void dir_unlink(const struct dir *d, const char *name, void *arg)
{
	(void)arg;
	unlinkat(d->fd, name, 0);
}

static inline void dir_empty(struct dir *d)
{
	dir_each(d, dir_unlink, NULL);
}

static inline void dir_remove(struct dir *d)
{
	dir_empty(d);
	close(d->fd);
	rmdir(d->path);
}

static inline struct journal *try_open(const struct dir *d, const char *boot, uint64_t max, uint64_t segment,
				       char **ret_why)
{
	const struct journal_opts o = { .node = "n1", .max_bytes = max, .segment_bytes = segment };
	struct journal *j = NULL;
	int err = journal_open(d->fd, &o, boot, &j, ret_why);

	if (err)
		bail(*ret_why ? *ret_why : "journal_open", err);
	return j;
}

static inline struct journal *must_open(const struct dir *d, const char *boot, uint64_t max, uint64_t segment)
{
	char *why = NULL;
	struct journal *j = try_open(d, boot, max, segment, &why);

	if (why)
		bail(why, EBADMSG);
	return j;
}

/* A record that tells its own number, padded to look like an event. */
static inline void append_one(struct journal *j)
{
	char text[120];
	struct journal_pos pos;
	int err;

	memset(text, '.', sizeof(text));
	err = journal_append(j, text, sizeof(text), &pos);
	if (err)
		bail("journal_append", err);
}

static inline void append_n(struct journal *j, int n)
{
	uint64_t shed;
	int err;

	while (n--)
		append_one(j);
	err = journal_commit(j, &shed);
	if (err)
		bail("journal_commit", err);
}

/* All that a reader from `after` on delivers. */
struct census {
	uint64_t records, gap_records, damages, lost, shed;
	uint64_t first_seq, last_seq;
	bool disordered;
	struct journal_damage first_damage;
};

static inline struct census census_of(const struct dir *d, struct journal_pos after)
{
	struct journal_reader *r = NULL;
	struct journal_record rec;
	struct journal_damage dmg;
	struct census c = { 0 };
	struct journal_pos last = after;
	int got = journal_reader_new(d->fd, after, &r);

	for (int i = 0; !got && i < 10000000; i++) {
		struct event ev;

		got = journal_next(r, &rec, &dmg);
		if (got <= 0)
			break;
		if (got == 2 && dmg.kind == DAMAGE_SHED)
			c.shed++;
		else if (got == 2 && !c.damages++)
			c.first_damage = dmg;
		if (got == 1) {
			if (!c.records++)
				c.first_seq = rec.pos.seq;
			c.last_seq = rec.pos.seq;
			c.disordered |= rec.pos.boot_seq < last.boot_seq ||
					(rec.pos.boot_seq == last.boot_seq && rec.pos.seq <= last.seq);
			last = rec.pos;
			if (event_decode(rec.payload.ptr, rec.payload.len, &ev) == 0 && ev.kind == EVENT_GAP) {
				c.gap_records++;
				c.lost += ev.count;
			}
		}
		got = 0;
	}
	if (got < 0)
		bail("journal_next", got);
	journal_reader_free(r);
	return c;
}

static inline uint64_t count_records(const struct dir *d)
{
	return census_of(d, (struct journal_pos){ 0 }).records;
}

#endif
