/* SPDX-License-Identifier: GPL-2.0 */
#include "ship/exe_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"

#define PIECE_BYTES (128u << 10)

/* Before 5.6, and where a filter forbids it, only the last part is held to be no link. */
static int open_path(const char *path)
{
	struct open_how how = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
				.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool is_remote(int fd)
{
	/* Not in linux/magic.h: Lustre, GPFS, BeeGFS, PanFS, PVFS2, NCP, VMware, vboxsf. */
	static const uint32_t types[] = {
		NFS_SUPER_MAGIC, SMB_SUPER_MAGIC,  CIFS_SUPER_MAGIC,  SMB2_SUPER_MAGIC,
		AFS_SUPER_MAGIC, AFS_FS_MAGIC,	   CEPH_SUPER_MAGIC,  CODA_SUPER_MAGIC,
		V9FS_MAGIC,	 FUSE_SUPER_MAGIC, OCFS2_SUPER_MAGIC, 0x01161970 /* GFS2 */,
		0x0bd00bd0,	 0x47504653,	   0x19830326,	      0xaad7aaea,
		0x20030528,	 0x564c,	   0xbacbacbc,	      0x786f4256,
	};
	struct statfs s;

	if (fstatfs(fd, &s) < 0)
		return true;
	for (size_t i = 0; i < array_len(types); i++)
		if ((uint32_t)s.f_type == types[i])
			return true;
	return false;
}

static void fill(struct exe_file *f, const struct stat *st)
{
	f->dev = st->st_dev;
	f->ino = st->st_ino;
	f->uid = st->st_uid;
	f->size = st->st_size > 0 ? (uint64_t)st->st_size : 0;
	f->changed_ns = st->st_ctim.tv_sec < 0 ? 0
					       : (uint64_t)st->st_ctim.tv_sec * 1000000000 +
							 (uint64_t)st->st_ctim.tv_nsec;
}

bool exe_file_same(const struct exe_file *a, const struct exe_file *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->changed_ns == b->changed_ns && a->uid == b->uid;
}

static enum exe_file_state state_of(int err)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		return EXE_FILE_UNREADABLE;
	case -ELOOP:
		return EXE_FILE_OTHER;
	default:
		return EXE_FILE_MISSING;
	}
}

static int refuse(struct exe_file *f, enum exe_file_state why)
{
	f->state = why;
	return -1;
}

/*
 * First without a right to anything, for an open() of a device or a FIFO does something; then the
 * very same file, by its descriptor.
 */
int exe_file_open(const char *path, const struct exe_file *known, struct exe_file *f)
{
	_close_ int at = open_path(path);
	char self[64];
	struct stat st;
	int fd;

	*f = (struct exe_file){ .uid = UINT32_MAX };
	if (at < 0)
		return refuse(f, state_of(at));
	if (is_remote(at))
		return refuse(f, EXE_FILE_REMOTE);
	if (fstat(at, &st) < 0)
		return refuse(f, state_of(-errno));
	if (!S_ISREG(st.st_mode))
		return refuse(f, EXE_FILE_OTHER);
	fill(f, &st);
	if (known && known->hashed && exe_file_same(known, f)) {
		*f = *known;
		return -1;
	}
	if (f->size > EXE_FILE_BYTES_MAX)
		return refuse(f, EXE_FILE_LARGE);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", at);
	fd = open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? refuse(f, state_of(-errno)) : fd;
}

static enum exe_file_state digest(int fd, struct exe_file *f, uint8_t md5[MD5_LEN],
				  uint64_t deadline_ns)
{
	static char piece[PIECE_BYTES];
	struct exe_file after;
	struct sha256 sha;
	uint64_t read_bytes = 0;
	struct md5 m;
	struct stat st;
	ssize_t n;

	sha256_init(&sha);
	md5_init(&m);
	while ((n = read(fd, piece, sizeof(piece))) > 0) {
		read_bytes += (uint64_t)n;
		if (read_bytes > f->size)
			return EXE_FILE_CHANGING;
		if (clock_boot_ns() > deadline_ns)
			return EXE_FILE_SLOW;
		sha256_update(&sha, piece, (size_t)n);
		md5_update(&m, piece, (size_t)n);
	}
	if (n < 0 || fstat(fd, &st) < 0)
		return EXE_FILE_UNREADABLE;
	fill(&after, &st);
	if (read_bytes != f->size || !exe_file_same(f, &after))
		return EXE_FILE_CHANGING;
	sha256_final(&sha, f->sha256);
	md5_final(&m, md5);
	f->hashed = true;
	return EXE_FILE_READ;
}

void exe_file_read(int fd, struct exe_file *f, uint8_t md5[MD5_LEN], uint64_t deadline_ns)
{
	f->state = digest(fd, f, md5, deadline_ns);
}
