/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/pins.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <bpf/bpf.h>

#include "base/file.h"
#include "sensor/internal.h"
#include "sensor/system.h"

#define VERSION_MAX 16
#define OPEN_TRIES 8 /* a folder that is being removed meanwhile is made again */

static void version_name(char buf[VERSION_MAX])
{
	snprintf(buf, VERSION_MAX, "v%u", (unsigned)AJAR_ABI);
}

void pins_init(struct pins *p)
{
	*p = (struct pins){ .parent = -1, .base = -1, .version = -1 };
}

static void close_fds(struct pins *p)
{
	close_fd(&p->parent);
	close_fd(&p->base);
	close_fd(&p->version);
	p->parent = p->base = p->version = -1;
}

void pins_done(struct pins *p)
{
	close_fds(p);
	free(p->dir);
	pins_init(p);
}

static int open_dir(int at, const char *name, const struct pins *p, bool make, int *ret_fd)
{
	if (make && mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (make ? O_NOFOLLOW : 0));
	if (fd < 0)
		return -errno;
	if (make && fchown(fd, p->uid, p->gid) < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

static int open_all(struct pins *p)
{
	char version[VERSION_MAX];
	_free_ char *parent = strdup(p->dir);
	char *slash = parent ? strrchr(parent, '/') : NULL;

	if (!parent)
		return -ENOMEM;
	if (!slash || slash == parent || !slash[1])
		return -EINVAL;
	*slash = '\0';
	version_name(version);
	int err = open_dir(AT_FDCWD, parent, p, false, &p->parent);
	if (!err)
		err = open_dir(p->parent, slash + 1, p, true, &p->base);
	if (!err)
		err = open_dir(p->base, version, p, true, &p->version);
	return err;
}

static const char *base_name(const struct pins *p)
{
	return strrchr(p->dir, '/') + 1;
}

static int open_and_lock(struct pins *p)
{
	int err = -ENOENT;

	for (int i = 0; err == -ENOENT && i < OPEN_TRIES; i++) {
		close_fds(p);
		err = open_all(p);
		if (!err && file_lock(p->base))
			return -EBUSY;
		/*
		 * Whoever removes a folder has its lock, too, and had it before us: then ours is a
		 * folder without a name.
		 */
		if (!err && file_is_named(p->base, p->parent, base_name(p)) != 1)
			err = -ENOENT;
	}
	return err;
}

int pins_open(struct pins *p, const struct sensor_opts *o, char **ret_why)
{
	int err = 0;

	if (!strncmp(o->pin_dir, BPFFS "/", sizeof(BPFFS)))
		err = system_bpffs(ret_why);
	if (err)
		return err;
	p->uid = o->uid;
	p->gid = o->gid;
	p->dir = strdup(o->pin_dir);
	if (!p->dir)
		return -ENOMEM;
	err = open_and_lock(p);
	if (err == -EBUSY) {
		/*
		 * Two readers of one ring would each miss what the other takes. Not ours to remove
		 * either.
		 */
		pins_done(p);
		return why(ret_why, -EBUSY,
			   "another agent uses the pins in '%s': stop it, or set "
			   "sensor.pin-dir to another folder",
			   o->pin_dir);
	}
	if (err == -EROFS)
		return why(ret_why, err,
			   "cannot make the pin folder '%s': the BPF file system is read-only: "
			   "'mount -o remount,rw " BPFFS "'",
			   o->pin_dir);
	if (err)
		return why(ret_why, err,
			   "cannot make the pin folder '%s' (%s): it must be a folder of a mounted "
			   "BPF file system, 'mount -t bpf bpf " BPFFS "'",
			   o->pin_dir, strerror(-err));
	return 0;
}

/* /proc/self/fd leads into the folder whatever is mounted or renamed above it. */
static void pin_path(const struct pins *p, const char *name, char buf[96])
{
	snprintf(buf, 96, "/proc/self/fd/%d/%s", p->version, name);
}

/*
 * The tier shows in the names: a set of another tier is not whole. NULL: the tier has no such hook.
 */
static const char *link_name(int i, char tier, char buf[48])
{
	const struct hook_alt *alt = hook_alt((enum hook_id)i, tier);

	if (!alt)
		return NULL;
	snprintf(buf, 48, "link_%s", alt->prog);
	return buf;
}

static int check_map(int fd, const struct map_spec *spec)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	if (info.type != spec->type || info.key_size != spec->key || info.value_size != spec->value)
		return -EUCLEAN;
	return 0;
}

static int check_link(int fd)
{
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	/* A cgroup that was removed leaves its links behind, detached. */
	if (info.type == BPF_LINK_TYPE_CGROUP && !info.cgroup.cgroup_id)
		return -ENOLINK;
	/* A tp_btf program is either of the last two, by kernel; fentry is tracing. */
	return info.type == BPF_LINK_TYPE_CGROUP || info.type == BPF_LINK_TYPE_ITER ||
			       info.type == BPF_LINK_TYPE_RAW_TRACEPOINT ||
			       info.type == BPF_LINK_TYPE_TRACING
		       ? 0
		       : -EUCLEAN;
}

static int check_control(int fd, uint64_t build)
{
	struct ajar_control ctl;
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(fd, &zero, &ctl))
		return -errno;
	return ctl.abi == AJAR_ABI && ctl.build == build ? 0 : -ESTALE;
}

static int take_all(struct pins *p, uint64_t build, struct handles *h)
{
	char path[96], name[48];

	for (int i = 0; i < MAPS_MAX; i++) {
		pin_path(p, map_specs[i].name, path);
		h->maps[i] = bpf_obj_get(path);
		if (h->maps[i] < 0)
			return -errno;
		int err = check_map(h->maps[i], &map_specs[i]);
		if (err)
			return err;
	}
	for (int i = 0; i < HOOKS_MAX; i++) {
		if (!link_name(i, h->tier, name))
			continue;
		pin_path(p, name, path);
		h->links[i] = bpf_obj_get(path);
		if (h->links[i] < 0 && hooks[i].required)
			return -errno;
		int err = h->links[i] < 0 ? 0 : check_link(h->links[i]);
		if (err)
			return err;
	}
	return check_control(h->maps[MAP_CONTROL], build);
}

int pins_take(struct pins *p, char tier, uint64_t build, struct handles *ret_h)
{
	struct handles h;

	handles_init(&h);
	h.tier = tier;
	int err = take_all(p, build, &h);
	if (err) {
		handles_close(&h);
		return err;
	}
	*ret_h = h;
	return 0;
}

static int put_one(const struct pins *p, int fd, const char *name)
{
	char path[96];

	if (fd < 0)
		return 0;
	pin_path(p, name, path);
	if (bpf_obj_pin(fd, path))
		return -errno;
	return fchownat(p->version, name, p->uid, p->gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int pins_put(struct pins *p, const struct handles *h, char **ret_why)
{
	char name[48];
	int err = 0;

	for (int i = 0; !err && i < MAPS_MAX; i++)
		err = put_one(p, h->maps[i], map_specs[i].name);
	for (int i = 0; !err && i < HOOKS_MAX; i++) {
		if (link_name(i, h->tier, name))
			err = put_one(p, h->links[i], name);
	}
	if (!err)
		return 0;
	pins_clear(p);
	return why(ret_why, err, "cannot pin into '%s' (%s): see 'ajar doctor'", p->dir,
		   strerror(-err));
}

int pins_renew(struct pins *p, const struct handles *h, enum hook_id hook)
{
	char name[48];

	if (p->version < 0 || !link_name((int)hook, h->tier, name))
		return 0;
	if (unlinkat(p->version, name, 0) < 0 && errno != ENOENT)
		return -errno;
	return put_one(p, h->links[hook], name);
}

/* What is not there any more is made again; a folder is locked as the first one is. */
static int mend_folders(struct pins *p, bool *ret_made)
{
	_close_ int base = -1, version = -1;
	char name[VERSION_MAX];
	int err;

	version_name(name);
	if (file_is_named(p->base, p->parent, base_name(p)) == 0) {
		err = open_dir(p->parent, base_name(p), p, true, &base);
		if (!err)
			err = file_lock(base);
		if (err)
			return err;
	} else if (file_is_named(p->version, p->base, name)) {
		return 0;
	}
	*ret_made = true;
	err = open_dir(base < 0 ? p->base : base, name, p, true, &version);
	if (err)
		return err;
	if (base >= 0) {
		close_fd(&p->base);
		p->base = take_fd(base);
	}
	close_fd(&p->version);
	p->version = take_fd(version);
	return 0;
}

static bool is_pinned(const struct pins *p, const char *name)
{
	struct stat st;

	return fstatat(p->version, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static int mend_one(const struct pins *p, int fd, const char *name, bool *made)
{
	if (fd < 0 || is_pinned(p, name))
		return 0;
	*made = true;
	return put_one(p, fd, name);
}

int pins_mend(struct pins *p, const struct handles *h)
{
	char name[48];
	bool made = false;
	int err;

	if (p->version < 0)
		return 0;
	err = mend_folders(p, &made);
	for (int i = 0; !err && i < MAPS_MAX; i++)
		err = mend_one(p, h->maps[i], map_specs[i].name, &made);
	for (int i = 0; !err && i < HOOKS_MAX; i++) {
		if (link_name(i, h->tier, name))
			err = mend_one(p, h->links[i], name, &made);
	}
	return err ? err : made;
}

int pins_iterate(const struct pins *p, const struct handles *h, enum hook_id hook)
{
	char name[48];
	int fd = -1;

	if (p->version >= 0 && link_name((int)hook, h->tier, name))
		fd = openat(p->version, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fd = bpf_iter_create(h->links[hook]);
	return fd < 0 ? -errno : fd;
}

void pins_clear(struct pins *p)
{
	int copy =
		p->version < 0 ? -1 : openat(p->version, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;

	if (!d) {
		close_fd(&copy);
		return;
	}
	while ((e = readdir(d))) {
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlinkat(p->version, e->d_name, 0);
	}
	closedir(d);
}

void pins_remove(struct pins *p)
{
	char version[VERSION_MAX];

	if (!p->dir)
		return;
	pins_clear(p);
	version_name(version);
	unlinkat(p->base, version, AT_REMOVEDIR);
	/*
	 * The last one may fail: the folder above it may not be ours any more. Then sensor/unpin
	 * does it.
	 */
	unlinkat(p->parent, base_name(p), AT_REMOVEDIR);
}
