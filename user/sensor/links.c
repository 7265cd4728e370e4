/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/links.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "sensor/internal.h"

#define INFO_MAX 1024

void links_init(struct links *l)
{
	l->cgroup = -1;
	for (int i = 0; i < HOOKS_MAX; i++)
		l->of[i] = (struct link_watch){ .info = -1, .prog = -1 };
}

void links_done(struct links *l)
{
	close_fd(&l->cgroup);
	for (int i = 0; i < HOOKS_MAX; i++) {
		close_fd(&l->of[i].info);
		close_fd(&l->of[i].prog);
	}
	links_init(l);
}

static void keep_one(struct link_watch *w, int link)
{
	struct bpf_link_info info = { 0 };
	uint32_t len = sizeof(info);
	char path[64];

	if (bpf_obj_get_info_by_fd(link, &info, &len) || info.type != BPF_LINK_TYPE_CGROUP)
		return;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", link);
	w->info = open(path, O_RDONLY | O_CLOEXEC);
	w->prog = bpf_prog_get_fd_by_id(info.prog_id);
	w->prog_id = info.prog_id;
	w->attach_type = info.cgroup.attach_type;
}

void links_keep(struct links *l, const struct handles *h, bool own_netns)
{
	bool some = false;

	for (int i = 0; i < HOOKS_MAX; i++) {
		if (h->links[i] >= 0)
			keep_one(&l->of[i], h->links[i]);
		some |= l->of[i].info >= 0;
	}
	if (some && load_cgroup(own_netns, &l->cgroup, NULL))
		l->cgroup = -1;
}

/* "name:\t12" in a line of its own; 0: it is not there. */
static uint64_t number_of(const char *text, const char *name)
{
	const char *p = strstr(text, name);
	uint64_t n;

	return p && sscanf(p + strlen(name), "%" SCNu64, &n) == 1 ? n : 0;
}

enum link_state { LINK_RIGHT, LINK_DETACHED, LINK_OTHER_PROGRAM };

static enum link_state look(const struct link_watch *w)
{
	char text[INFO_MAX];
	ssize_t n = pread(w->info, text, sizeof(text) - 1, 0);

	/* What cannot be read says nothing; the canary is there, too. */
	if (n <= 0)
		return LINK_RIGHT;
	text[n] = '\0';
	if (!strstr(text, "\ncgroup_id:\t"))
		return LINK_RIGHT;
	if (!number_of(text, "\ncgroup_id:\t"))
		return LINK_DETACHED;
	return number_of(text, "\nprog_id:\t") == w->prog_id ? LINK_RIGHT : LINK_OTHER_PROGRAM;
}

static int attach_again(const struct links *l, const struct link_watch *w, int link)
{
	int err, fd = bpf_link_create(w->prog, l->cgroup, (enum bpf_attach_type)w->attach_type,
				      NULL);

	if (fd < 0)
		return -errno;
	/* The number stays, and with it the file that is looked at. */
	err = dup3(fd, link, O_CLOEXEC) < 0 ? -errno : 0;
	close(fd);
	return err;
}

int links_mend(struct links *l, const struct handles *h, enum hook_id hook)
{
	const struct link_watch *w = &l->of[hook];
	enum link_state state = w->info < 0 ? LINK_RIGHT : look(w);
	int err;

	if (state == LINK_RIGHT)
		return 0;
	if (w->prog < 0 || l->cgroup < 0)
		return -ENOLINK;
	err = state == LINK_DETACHED ? attach_again(l, w, h->links[hook])
				     : bpf_link_update(h->links[hook], w->prog, NULL);
	return err ? err : 1;
}
