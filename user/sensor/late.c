/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/late.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/map.h"
#include "sensor/internal.h"

struct stat_line {
	char comm[AJAR_COMM_LEN];
	unsigned ppid;
	uint64_t start_ticks;
};

static bool read_stat(uint32_t pid, struct stat_line *ret)
{
	struct buf b = BUF_INIT(4096);
	char path[64];
	const char *text = "", *open, *close;
	unsigned long long ticks = 0;
	int len;

	*ret = (struct stat_line){ 0 };
	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	if (file_read(AT_FDCWD, path, &b) == 0)
		text = buf_str(&b);
	open = strchr(text, '(');
	close = strrchr(text, ')');
	if (open && close) {
		len = (int)(close - open - 1);
		snprintf(ret->comm, sizeof(ret->comm), "%.*s", len, open + 1);
		(void)!sscanf(close + 1, " %*c %10u", &ret->ppid);
	}
	/* Field 22; what follows the name begins with field 3. */
	for (int field = 2; close && field < 22; field++)
		close = strchr(close + 1, ' ');
	if (close && sscanf(close + 1, "%20llu", &ticks) == 1)
		ret->start_ticks = ticks;
	buf_done(&b);
	return ret->start_ticks;
}

static bool same_process(const struct ajar_owner_key *key, struct stat_line *ret)
{
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);

	return read_stat(key->tgid, ret) && hz &&
	       ret->start_ticks == key->start_ns / (1000000000 / hz);
}

bool late_read(struct late *l, const struct ajar_owner_key *key)
{
	struct stat_line st;
	char path[64], exe[AJAR_EXE_MAX];
	ssize_t n;

	if (!same_process(key, &st))
		return false;
	snprintf(path, sizeof(path), "/proc/%u/exe", key->tgid);
	n = readlink(path, exe, sizeof(exe));
	if (n > 0)
		buf_put(&l->exe, exe, (size_t)n);
	snprintf(path, sizeof(path), "/proc/%u/cmdline", key->tgid);
	if (file_read(AT_FDCWD, path, &l->argv))
		buf_reset(&l->argv);
	/* It may have ended, or run another program, while we read. */
	return same_process(key, &st);
}

/* Is this file of the process the same as of another, "1" or "self"? -1: we may not look. */
static int same_as(uint32_t pid, const char *of, const char *file)
{
	struct stat own, init;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, file);
	if (stat(path, &own) < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%s/%s", of, file);
	if (stat(path, &init) < 0)
		return -1;
	return own.st_ino == init.st_ino && own.st_dev == init.st_dev;
}

/* The node's init. */
static int same_as_init(uint32_t pid, const char *file)
{
	return same_as(pid, "1", file);
}

/* The user namespace that owns the mount namespace of the process. */
static bool mounts_of(uint32_t pid, struct stat *ret)
{
	_close_ int mnt_ns = -1, user_ns = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/ns/mnt", pid);
	mnt_ns = open(path, O_RDONLY | O_CLOEXEC);
	if (mnt_ns < 0)
		return false;
	user_ns = ioctl(mnt_ns, NS_GET_USERNS);
	return user_ns >= 0 && fstat(user_ns, ret) == 0;
}

/*
 * A unit with PrivateUsers= has a user namespace, and yet its mounts are root's. Where init is not
 * ours to look at our own mounts stand for its. Of a program from another mount namespace than the
 * process's own only the kernel's side knows (bpf/owner.bpf.c).
 */
static bool mounts_are_foreign(uint32_t pid)
{
	struct stat own, ours;

	return mounts_of(pid, &own) &&
	       (mounts_of(1, &ours) || mounts_of((uint32_t)getpid(), &ours)) &&
	       (own.st_ino != ours.st_ino || own.st_dev != ours.st_dev);
}

/* The node's file of a path; where init is not ours to look at our own mounts stand for its. */
static int stat_of_node(const char *exe, struct stat *ret)
{
	char path[AJAR_EXE_MAX + 16];

	snprintf(path, sizeof(path), "/proc/1/root%s", exe);
	if (stat("/proc/1/root/", ret) < 0)
		return stat(exe, ret) == 0 ? 0 : -EACCES;
	return stat(path, ret) == 0 ? 0 : -errno;
}

/*
 * SPACE_FILE when the node's init has another file of the executable's path, or none; 0 as well
 * where that is not ours to see, or the file is gone.
 */
static unsigned other_file(uint32_t pid)
{
	char link[64], exe[AJAR_EXE_MAX];
	struct stat own, node;
	ssize_t n;
	int err;

	snprintf(link, sizeof(link), "/proc/%u/exe", pid);
	n = readlink(link, exe, sizeof(exe) - 1);
	if (n <= 0 || exe[0] != '/' || same_as(pid, "self", "ns/mnt") == 1 ||
	    stat(link, &own) < 0 || !own.st_nlink)
		return 0;
	exe[n] = '\0';
	err = stat_of_node(exe, &node);
	if (err)
		return err == -ENOENT ? SPACE_FILE : 0;
	return own.st_ino != node.st_ino || own.st_dev != node.st_dev ? SPACE_FILE : 0;
}

static unsigned read_space(uint32_t pid)
{
	int pid_ns = same_as_init(pid, "ns/pid"), user_ns = same_as_init(pid, "ns/user");
	int mnt_ns = same_as_init(pid, "ns/mnt"), root = same_as_init(pid, "root");
	unsigned exe = mnt_ns == 1 ? 0 : mounts_are_foreign(pid) ? SPACE_EXE : other_file(pid);

	if (pid_ns < 0 || user_ns < 0 || mnt_ns < 0 || root < 0)
		return exe;
	return SPACE_KNOWN | exe | (pid_ns ? 0 : SPACE_PID) | (user_ns ? 0 : SPACE_USER) |
	       (mnt_ns || root ? 0 : SPACE_ROOT);
}

bool late_place(struct late *l, const struct ajar_owner_key *key)
{
	struct stat_line st;

	if (!same_process(key, &st) || !cgroup_paths_of_pid(&l->paths, key->tgid))
		return false;
	l->space = read_space(key->tgid);
	return same_process(key, &st);
}

void late_done(struct late *l)
{
	buf_done(&l->exe);
	buf_done(&l->argv);
	cgroup_paths_done(&l->paths);
	buf_done(&l->list);
}

/* --- what waits in a ring that was taken over ------------------------------------------------------- */

static void put_ancestors(struct ajar_owner *o, uint32_t ppid)
{
	for (int i = 0; i < AJAR_ANCESTORS_MAX && ppid; i++) {
		struct stat_line st;

		if (!read_stat(ppid, &st))
			return;
		o->ancestors[i].tgid = ppid;
		memcpy(o->ancestors[i].comm, st.comm, sizeof(st.comm));
		ppid = st.ppid;
	}
}

static uint32_t space_flags(unsigned space)
{
	return (space & SPACE_KNOWN ? AJAR_OWNER_SPACE : 0) |
	       (space & SPACE_PID ? AJAR_OWNER_OTHER_PID : 0) |
	       (space & SPACE_USER ? AJAR_OWNER_OTHER_USER : 0) |
	       (space & SPACE_ROOT ? AJAR_OWNER_OTHER_ROOT : 0) |
	       (space & SPACE_EXE ? AJAR_OWNER_OTHER_EXE : 0) |
	       (space & SPACE_FILE ? AJAR_OWNER_OTHER_FILE : 0);
}

bool late_record(const struct ajar_owner_key *key, struct late_record *ret)
{
	struct late l = LATE_INIT;
	struct stat_line st;
	bool there = late_read(&l, key) && same_process(key, &st);

	if (there) {
		/* Where it runs is asked when its door is reported: it may have moved since. */
		*ret = (struct late_record){ .o.key = *key };
		memcpy(ret->o.comm, st.comm, sizeof(st.comm));
		put_ancestors(&ret->o, st.ppid);
		if (l.exe.len)
			memcpy(ret->bytes, l.exe.data, l.exe.len);
		if (l.argv.len)
			memcpy(ret->bytes + l.exe.len, l.argv.data, l.argv.len);
		ret->o.exe_len = (uint16_t)l.exe.len;
		ret->o.argv_len = (uint16_t)l.argv.len;
		ret->o.flags = (l.exe.len ? AJAR_OWNER_EXE : 0) |
			       (l.argv.len ? AJAR_OWNER_ARGV : 0) |
			       space_flags(read_space(key->tgid));
		ret->o.h = (struct ajar_header){ .abi = AJAR_ABI,
						 .type = AJAR_RECORD_OWNER,
						 .size = (uint32_t)(sizeof(ret->o) + l.exe.len +
								    l.argv.len),
						 .ktime_ns = clock_boot_ns() };
	}
	late_done(&l);
	return there;
}

static int add_owner(struct sensor *s, const struct ajar_owner_key *key)
{
	struct late_record rec;

	return late_record(key, &rec) ? owner_cache_add(&s->owners, &rec.o, rec.o.h.size) : 0;
}

/* Each is looked up once, also when it is gone. */
static int look_up(struct sensor *s, struct map *seen, const struct ajar_actor *a)
{
	int err;

	if (a->flags & (AJAR_ACTOR_NONE | AJAR_ACTOR_KTHREAD) ||
	    owner_cache_get(&s->owners, &a->owner) || map_get(seen, &a->owner, sizeof(a->owner)))
		return 0;
	err = map_put(seen, &a->owner, sizeof(a->owner), s);
	return err ? err : add_owner(s, &a->owner);
}

static int look_up_both(struct sensor *s, struct map *seen, const void *rec, uint32_t len)
{
	const struct ajar_header *h = rec;
	const struct ajar_close *c = rec;
	const struct ajar_open *o = rec;
	const struct ajar_end *e = rec;
	int err;

	if (len < sizeof(*h) || h->abi != AJAR_ABI)
		return 0;
	if (h->type == AJAR_RECORD_CLOSE && len >= sizeof(*c)) {
		err = look_up(s, seen, &c->opener);
		return err ? err : look_up(s, seen, &c->closer);
	}
	if (h->type == AJAR_RECORD_OPEN && len >= sizeof(*o))
		return look_up(s, seen, &o->opener);
	if (h->type == AJAR_RECORD_END && len >= sizeof(*e))
		return look_up(s, seen, &e->closer);
	return 0;
}

int late_owners(struct sensor *s)
{
	struct ring ahead = s->ring; /* reads on by itself and gives nothing back */
	struct map *seen = NULL;
	const void *rec;
	uint32_t len;
	int err = map_new(NULL, &seen);

	while (!err && (rec = ring_next(&ahead, &len)))
		err = look_up_both(s, seen, rec, len);
	map_free(seen);
	return err;
}
