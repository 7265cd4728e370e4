/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/bpf.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "ajar.skel.h"
#include "ajar_plain.skel.h"

/* Taken from the machine only as far as it is written to, by the one program that is refused. */
#define LOG_BYTES (1u << 20)

/* One of the two, as bpftool makes them: two types of the same shape. */
struct built {
	const char *name;
	const void *(*bytes)(size_t *ret_len);
	int (*open)(struct object *o);
	int (*load)(struct object *o);
	void (*destroy)(struct object *o);
};

#define BUILT(type)                                                                                \
	static int open_##type(struct object *o)                                                   \
	{                                                                                          \
		struct type *b = type##__open();                                                   \
                                                                                                   \
		if (!b)                                                                            \
			return -errno;                                                             \
		o->skeleton = b;                                                                   \
		o->obj = b->obj;                                                                   \
		o->netns_cookie = &b->rodata->cfg_netns_cookie;                                    \
		o->pid_ns = &b->rodata->cfg_pid_ns;                                                \
		o->mnt_ns = &b->rodata->cfg_mnt_ns;                                                \
		o->typed_task = &b->rodata->cfg_typed_task;                                        \
		return 0;                                                                          \
	}                                                                                          \
	static int load_##type(struct object *o)                                                   \
	{                                                                                          \
		return type##__load(o->skeleton);                                                  \
	}                                                                                          \
	static void destroy_##type(struct object *o)                                               \
	{                                                                                          \
		type##__destroy(o->skeleton);                                                      \
	}

BUILT(ajar_bpf)
BUILT(ajar_plain_bpf)

static const struct built builts[OBJECTS] = {
	[OBJECT_FULL] = { "full", ajar_bpf__elf_bytes, open_ajar_bpf, load_ajar_bpf,
			  destroy_ajar_bpf },
	[OBJECT_PLAIN] = { "plain", ajar_plain_bpf__elf_bytes, open_ajar_plain_bpf,
			   load_ajar_plain_bpf, destroy_ajar_plain_bpf },
};

const void *object_bytes(enum object_kind kind, size_t *ret_len)
{
	return builts[kind].bytes(ret_len);
}

const char *object_name(enum object_kind kind)
{
	return builts[kind].name;
}

bool object_fits(enum object_kind kind)
{
	/* r0 = 0; *(u64 *)(r10 - 8) = r0; r1 = fetch_add(*(u64 *)(r10 - 8), r0); r0 = r1 ... */
	static const struct bpf_insn fetch[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_STX | BPF_MEM | BPF_DW,
		  .dst_reg = BPF_REG_10,
		  .src_reg = BPF_REG_0,
		  .off = -8 },
		{ .code = BPF_STX | BPF_ATOMIC | BPF_DW,
		  .dst_reg = BPF_REG_10,
		  .src_reg = BPF_REG_0,
		  .off = -8,
		  .imm = BPF_ADD | BPF_FETCH },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	_close_ int fd = -1;

	if (kind != OBJECT_FULL)
		return true;
	fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "ajar_try", "GPL", fetch, array_len(fetch),
			   NULL);
	return fd >= 0;
}

static int keep_logs(struct object *o)
{
	struct bpf_program *p;
	size_t i = 0;

	bpf_object__for_each_program(p, o->obj) o->programs++;
	o->logs = mmap(NULL, o->programs * LOG_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (o->logs == MAP_FAILED) {
		o->logs = NULL;
		return -errno;
	}
	bpf_object__for_each_program(p, o->obj)
	{
		int err = bpf_program__set_log_buf(p, o->logs + i++ * LOG_BYTES, LOG_BYTES);

		if (err)
			return err;
	}
	return 0;
}

int object_open(enum object_kind kind, struct object *ret)
{
	struct object o = { .kind = kind };
	int err = builts[kind].open(&o);

	if (!err)
		err = keep_logs(&o);
	if (err)
		object_done(&o);
	else
		*ret = o;
	return err;
}

/* The kernel writes only of what it refuses. */
static const char *refused_log(const struct object *o, const char **ret_name)
{
	struct bpf_program *p;
	size_t i = 0;

	bpf_object__for_each_program(p, o->obj)
	{
		const char *log = o->logs + i++ * LOG_BYTES;

		if (*log) {
			*ret_name = bpf_program__name(p);
			return log;
		}
	}
	return NULL;
}

int object_load(struct object *o, const char **ret_refused)
{
	int err = builts[o->kind].load(o);

	*ret_refused = NULL;
	if (err)
		(void)refused_log(o, ret_refused);
	return err;
}

void object_last_words(const struct object *o, unsigned lines, void (*fn)(const char *line))
{
	const char *name, *log = refused_log(o, &name), *from;

	if (!log)
		return;
	from = log + strnlen(log, LOG_BYTES - 1);
	for (; from > log && lines; lines--) {
		from--;
		while (from > log && from[-1] != '\n')
			from--;
	}
	while (*from) {
		size_t n = strcspn(from, "\n");
		_free_ char *line = strndup(from, n);

		if (line && n)
			fn(line);
		from += n + (from[n] == '\n');
	}
}

void object_done(struct object *o)
{
	if (o->skeleton)
		builts[o->kind].destroy(o);
	if (o->logs)
		munmap(o->logs, o->programs * LOG_BYTES);
	*o = (struct object){ 0 };
}
