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

/*
 * What the journal's tests share: a temporary folder, and short ways to fill and read a journal in
 * it.
 */

#define BOOT_A "aaaaaaaa-0000-4000-8000-000000000001"
#define BOOT_B "bbbbbbbb-0000-4000-8000-000000000002"
#define BOOT_C "cccccccc-0000-4000-8000-000000000003"

struct dir {
	char path[128];
	int fd;
};

__attribute__((noreturn)) static inline void bail(const char *what, int err)
{
	printf("Bail out! %s: %s\n", what, strerror(err < 0 ? -err : err));
	exit(1);
}

static inline struct dir dir_make(void)
{
	/*
	 * AJAR_TEST_DIR, or memory where there is some: tests that make thousands of journals wait
	 * for no disk.
	 */
	const char *in = getenv("AJAR_TEST_DIR");
	struct dir d = { .fd = -1 };

	if (!in)
		in = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(d.path, sizeof(d.path), "%s/ajar-journal-XXXXXX", in);

	if (!mkdtemp(d.path))
		bail("mkdtemp", errno);
	d.fd = open(d.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d.fd < 0)
		bail(d.path, errno);
	return d;
}

/* fn for each file in it. */
static inline void dir_each(const struct dir *d,
			    void (*fn)(const struct dir *d, const char *name, void *arg), void *arg)
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

static inline struct journal *try_open(const struct dir *d, const char *boot, uint64_t max,
				       uint64_t segment, char **ret_why)
{
	const struct journal_opts o = { .node = "n1", .max_bytes = max, .segment_bytes = segment };
	struct journal *j = NULL;
	int err = journal_open(d->fd, &o, boot, &j, ret_why);

	if (err)
		bail(*ret_why ? *ret_why : "journal_open", err);
	return j;
}

static inline struct journal *must_open(const struct dir *d, const char *boot, uint64_t max,
					uint64_t segment)
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
	uint64_t dropped;
	int err;

	while (n--)
		append_one(j);
	err = journal_commit(j, &dropped);
	if (err)
		bail("journal_commit", err);
}

/* All that a reader from `after` on delivers. */
struct census {
	uint64_t records, gap_records, damages, lost, dropped;
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
		if (got == 2 && dmg.kind == DAMAGE_DROPPED)
			c.dropped++;
		else if (got == 2 && !c.damages++)
			c.first_damage = dmg;
		if (got == 1) {
			if (!c.records++)
				c.first_seq = rec.pos.seq;
			c.last_seq = rec.pos.seq;
			c.disordered |=
				rec.pos.boot_seq < last.boot_seq ||
				(rec.pos.boot_seq == last.boot_seq && rec.pos.seq <= last.seq);
			last = rec.pos;
			if (event_decode(rec.payload.ptr, rec.payload.len, &ev) == 0 &&
			    ev.kind == EVENT_GAP) {
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

/* Copies of all files, to put a folder back as it was. */
struct shot {
	char name[64];
	uint8_t *data;
	size_t len;
};
struct shots {
	struct shot s[32];
	size_t n;
};

static inline void shot_take(const struct dir *d, const char *name, void *arg)
{
	struct shots *all = arg;
	struct shot *s = &all->s[all->n++];
	int fd = openat(d->fd, name, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (all->n > 32 || fd < 0 || fstat(fd, &st) < 0)
		bail(name, EINVAL);
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->len = (size_t)st.st_size;
	s->data = malloc(s->len + 1);
	if (!s->data || read(fd, s->data, s->len) != (ssize_t)s->len)
		bail(name, EIO);
	close(fd);
}

static inline struct shots shots_take(const struct dir *d)
{
	struct shots all = { .n = 0 };

	dir_each(d, shot_take, &all);
	return all;
}

static inline void put_file(const struct dir *d, const char *name, const void *p, size_t n)
{
	int fd = openat(d->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, p, n) != (ssize_t)n)
		bail(name, errno);
	close(fd);
}

static inline void shots_restore(struct dir *d, const struct shots *all)
{
	dir_empty(d);
	for (size_t i = 0; i < all->n; i++)
		put_file(d, all->s[i].name, all->s[i].data, all->s[i].len);
}

static inline void shots_free(struct shots *all)
{
	while (all->n)
		free(all->s[--all->n].data);
}

/* The i-th segment of it by name. */
static inline struct shot *shot_segment(struct shots *all, unsigned i)
{
	struct shot *found[32], *t;
	unsigned n = 0;

	for (size_t k = 0; k < all->n; k++)
		if (strstr(all->s[k].name, ".seg"))
			found[n++] = &all->s[k];
	for (unsigned a = 0; a < n; a++)
		for (unsigned b = a + 1; b < n; b++)
			if (strcmp(found[a]->name, found[b]->name) > 0) {
				t = found[a];
				found[a] = found[b];
				found[b] = t;
			}
	return i < n ? found[i] : NULL;
}

static inline uint64_t verify_damages(const struct dir *d)
{
	struct journal_verdict v;
	int err = journal_verify(d->fd, NULL, NULL, &v);

	if (err)
		bail("journal_verify", err);
	return v.damages;
}

static inline uint64_t count_records(const struct dir *d)
{
	return census_of(d, (struct journal_pos){ 0 }).records;
}

#endif
