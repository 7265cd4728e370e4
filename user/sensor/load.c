/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "sensor/internal.h"
#include "sensor/object.h"
#include "sensor/system.h"

#define RING_BYTES (4u << 20)

#define LAST_WORDS 12 /* lines of the verifier that -v shows */

/* libbpf's own talk says nothing that our one line does not; its errors come back as errno. */
static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static uint32_t own_ns(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (uint32_t)st.st_ino : 0;
}

/* Whose init the BPF side compares processes with. */
static uint32_t own_pid_ns(void)
{
	return own_ns("/proc/self/ns/pid");
}

uint64_t load_build(uint64_t only_cookie)
{
	uint32_t pid_ns = own_pid_ns();
	uint8_t digest[SHA256_LEN];
	struct sha256 sha;
	uint64_t build;

	sha256_init(&sha);
	for (enum object_kind kind = 0; kind < OBJECTS; kind++) {
		size_t len;
		const void *elf = object_bytes(kind, &len);

		sha256_update(&sha, elf, len);
	}
	sha256_update(&sha, &only_cookie, sizeof(only_cookie));
	sha256_update(&sha, &pid_ns, sizeof(pid_ns));
	sha256_final(&sha, digest);
	memcpy(&build, digest, sizeof(build));
	return build;
}

static int dup_fd(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return copy < 0 ? -errno : copy;
}

static int set_entries(struct bpf_object *obj, enum map_id map, uint32_t n)
{
	struct bpf_map *m = bpf_object__find_map_by_name(obj, map_specs[map].name);

	return m ? bpf_map__set_max_entries(m, n) : -ENOENT;
}

uint32_t load_ring_bytes(const struct sensor_opts *o)
{
	return o->ring_bytes ? o->ring_bytes : RING_BYTES;
}

static int set_sizes(const struct object *b, const struct sensor_opts *o)
{
	struct bpf_map *slots = bpf_object__find_map_by_name(b->obj, "ajar_slots");
	int cpus = libbpf_num_possible_cpus(), err = 0;

	if (cpus < 0)
		return cpus;
	if (b->kind == OBJECT_PLAIN)
		err = slots ? bpf_map__set_max_entries(slots, (uint32_t)cpus) : -ENOENT;
	if (!err)
		err = set_entries(b->obj, MAP_CPUS, (uint32_t)cpus);
	return err ? err : set_entries(b->obj, MAP_RING, load_ring_bytes(o));
}

static int take_maps(struct bpf_object *obj, struct handles *h)
{
	for (int i = 0; i < MAPS_MAX; i++) {
		int fd = bpf_object__find_map_fd_by_name(obj, map_specs[i].name);

		if (fd < 0)
			return fd;
		h->maps[i] = dup_fd(fd);
		if (h->maps[i] < 0)
			return h->maps[i];
	}
	return 0;
}

static struct bpf_link *attach_iter(struct bpf_object *obj, struct bpf_program *p, const char *map)
{
	union bpf_iter_link_info info = { 0 };
	LIBBPF_OPTS(bpf_iter_attach_opts, o, .link_info = &info, .link_info_len = sizeof(info));
	int fd = map ? bpf_object__find_map_fd_by_name(obj, map) : -1;

	if (map && fd < 0) {
		errno = -fd;
		return NULL;
	}
	info.map.map_fd = map ? (uint32_t)fd : 0;
	return bpf_program__attach_iter(p, map ? &o : NULL);
}

static int attach_one(struct bpf_object *obj, const struct hook_alt *alt, int cgroup, int *ret_fd)
{
	struct bpf_program *p = bpf_object__find_program_by_name(obj, alt->prog);

	if (!p)
		return -ENOENT;
	struct bpf_link *l = alt->how == HOOK_CGROUP ? bpf_program__attach_cgroup(p, cgroup)
			     : alt->how == HOOK_ITER ? attach_iter(obj, p, alt->map)
						     : bpf_program__attach(p);
	if (!l)
		return -errno;
	/* The copy keeps the link when libbpf's object goes: after this nothing needs it. */
	int fd = dup_fd(bpf_link__fd(l));
	bpf_link__destroy(l);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

static int attach_all(struct bpf_object *obj, int cgroup, uint32_t left_out, struct handles *h,
		      char **ret_why)
{
	for (int i = 0; i < HOOKS_MAX; i++) {
		const struct hook_alt *alt = hook_alt((enum hook_id)i, h->tier);
		int err = alt && !(left_out & 1U << i) ? attach_one(obj, alt, cgroup, &h->links[i])
						       : 0;

		if (err && hooks[i].required)
			return why(ret_why, err, "cannot attach %s (%s): see 'ajar doctor'",
				   alt->name, strerror(-err));
	}
	return 0;
}

/*
 * Whether the kernel lets us watch a function: one that refuses must not take the other programs
 * along.
 */
static bool may_watch(int btf_id)
{
	static const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, o, .expected_attach_type = BPF_TRACE_FENTRY,
		    .attach_btf_id = (uint32_t)btf_id);
	_close_ int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "ajar_try", "GPL", nothing,
				       array_len(nothing), &o);

	return fd >= 0;
}

/*
 * The function has two names; where it may not be watched the hook of security modules, which it
 * calls first, may be. Where nothing may, later looks and the timed sweep find what it would tell.
 */
static int choose_receive(struct bpf_object *obj, bool wanted)
{
	static const char *const names[] = { "receive_fd", "__receive_fd",
					     "security_file_receive" };
	struct bpf_program *p = bpf_object__find_program_by_name(obj, "holders_receive");

	for (size_t i = 0; wanted && i < array_len(names); i++) {
		int id = libbpf_find_vmlinux_btf_id(names[i], BPF_TRACE_FENTRY);

		if (id > 0 && may_watch(id))
			return bpf_program__set_attach_target(p, 0, names[i]);
	}
	return bpf_program__set_autoload(p, false);
}

/*
 * Only what the tier attaches is loaded: a program that this kernel refuses must not stop the
 * others.
 */
static int choose_programs(struct bpf_object *obj, char tier, uint32_t left_out)
{
	struct bpf_program *p;
	int err = 0;

	bpf_object__for_each_program(p, obj)
	{
		bool wanted = false;

		for (int i = 0; !wanted && i < HOOKS_MAX; i++) {
			const struct hook_alt *alt = hook_alt((enum hook_id)i, tier);

			wanted = alt && !(left_out & 1U << i) &&
				 !strcmp(alt->prog, bpf_program__name(p));
		}
		err = bpf_program__set_autoload(p, wanted);
		if (err)
			break;
	}
	return err ? err : choose_receive(obj, !(left_out & 1U << HOOK_RECEIVE));
}

/*
 * Who watches one network namespace is in a container with its own part of the tree, in which all
 * is that it watches.
 */
int load_cgroup(bool own_netns, int *ret_fd, char **ret_why)
{
	const char *fix, *what;
	int err = system_cgroup_root(ret_fd);

	if (err == -ENOENT && own_netns)
		err = system_cgroup_part(ret_fd);
	if (!err)
		return 0;
	if (err != -ENOENT)
		return why(ret_why, err, "cannot open the root of cgroup v2 (%s)", strerror(-err));
	what = system_no_cgroup(&fix);
	return why(ret_why, err, "%s: '%s'", what, fix);
}

/* Whether the programs that run for whoever calls have the task as such, or only its address. */
static bool has_typed_task(const struct sensor_opts *o)
{
	static const enum bpf_prog_type types[] = { BPF_PROG_TYPE_SOCK_OPS,
						    BPF_PROG_TYPE_CGROUP_SOCK,
						    BPF_PROG_TYPE_TRACING };

	if (o->untyped || secure_getenv(SENSOR_UNTYPED_ENV))
		return false;
	for (size_t i = 0; i < array_len(types); i++) {
		if (libbpf_probe_bpf_helper(types[i], BPF_FUNC_get_current_task_btf, NULL) == 0)
			return false;
	}
	return true;
}

void load_init_control(const struct handles *h, uint64_t build)
{
	struct ajar_control ctl = { .abi = AJAR_ABI, .build = build, .since_ns = clock_boot_ns() };
	uint32_t zero = 0;

	/* The map is ours and fresh: the update cannot fail but for a kernel without it. */
	(void)bpf_map_update_elem(h->maps[MAP_CONTROL], &zero, &ctl, BPF_ANY);
}

bool load_is_plain(const struct sensor_opts *o)
{
	return o->plain || secure_getenv(SENSOR_PLAIN_ENV) || !object_fits(OBJECT_FULL);
}

static void say_last_word(const char *line)
{
	log_debug("verifier: %s", line);
}

/* The hook that a program is for, in a tier; HOOKS_MAX: none. */
static enum hook_id hook_of(const char *program, char tier)
{
	enum hook_id i = 0;

	while (i < HOOKS_MAX) {
		const struct hook_alt *alt = hook_alt(i, tier);

		if (alt && !strcmp(alt->prog, program))
			break;
		i++;
	}
	return i;
}

/*
 * One try. A program that the kernel refuses and that the tier can do without is named in
 * *left_out, for the next one: -EAGAIN.
 */
static int load_object(const struct sensor_opts *o, char tier, uint64_t only_cookie,
		       uint32_t *left_out, struct object *b, char **ret_why)
{
	const char *refused = NULL;
	enum hook_id hook;
	int err = set_sizes(b, o);

	if (err)
		return why(ret_why, err,
			   "the ring's size must be a power of two and a multiple of 4096");
	*b->netns_cookie = only_cookie;
	*b->pid_ns = own_pid_ns();
	*b->mnt_ns = own_ns("/proc/self/ns/mnt");
	*b->typed_task = has_typed_task(o);
	err = choose_programs(b->obj, tier, *left_out);
	if (!err)
		err = object_load(b, &refused);
	if (!err)
		return 0;
	if (!refused)
		return why(ret_why, err, "the kernel refuses BPF (%s): see 'ajar doctor'",
			   strerror(-err));
	log_debug("the kernel refuses the BPF program %s (%s, %s)", refused, object_name(b->kind),
		  strerror(-err));
	object_last_words(b, LAST_WORDS, say_last_word);
	hook = hook_of(refused, tier);
	if (hook < HOOKS_MAX && !hooks[hook].required && !(*left_out & 1U << hook)) {
		*left_out |= 1U << hook;
		return -EAGAIN;
	}
	return why(ret_why, err,
		   "the kernel refuses the BPF program %s (%s): 'ajar watch -v' shows what its "
		   "verifier says",
		   refused, strerror(-err));
}

static int load_kind(const struct sensor_opts *o, char tier, uint64_t only_cookie,
		     enum object_kind kind, int cgroup, uint64_t build, struct handles *ret_h,
		     char **ret_why)
{
	struct object b = { 0 };
	struct handles h;
	uint32_t left_out = 0;
	int err;

	do {
		object_done(&b);
		err = object_open(kind, &b);
		if (err)
			return why(ret_why, err, "cannot open the BPF object (%s)", strerror(-err));
		err = load_object(o, tier, only_cookie, &left_out, &b, ret_why);
	} while (err == -EAGAIN);
	handles_init(&h);
	h.tier = tier;
	h.plain = kind == OBJECT_PLAIN;
	if (!err)
		err = take_maps(b.obj, &h);
	if (!err) {
		load_init_control(&h, build);
		err = attach_all(b.obj, cgroup, left_out, &h, ret_why);
	}
	object_done(&b);
	if (err) {
		handles_close(&h);
		return why(ret_why, err, "cannot set up the sensor (%s)", strerror(-err));
	}
	*ret_h = h;
	return 0;
}

int load_fresh(const struct sensor_opts *o, char tier, uint64_t only_cookie, struct handles *ret_h,
	       uint64_t build, char **ret_why)
{
	_close_ int cgroup = -1;

	libbpf_set_print(quiet);
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return why(ret_why, -errno,
			   "this kernel has no BTF (/sys/kernel/btf/vmlinux): " NO_BTF_FIX);
	int err = tier == 'A' ? load_cgroup(o->own_netns, &cgroup, ret_why) : 0;
	if (err)
		return err;
	err = -EOPNOTSUPP;
	for (enum object_kind kind = 0; err && kind < OBJECTS; kind++) {
		_free_ char *reason = NULL;

		if (kind == OBJECT_FULL && load_is_plain(o))
			continue;
		err = load_kind(o, tier, only_cookie, kind, cgroup, build, ret_h, &reason);
		/* Of the first one, which this kernel should have taken. */
		if (err && ret_why && !*ret_why)
			*ret_why = take_ptr(reason);
	}
	return err;
}
