/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SENSOR_OBJECT_H
#define AJAR_SENSOR_OBJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct bpf_object;

/*
 * The BPF programs, built twice from the same sources: best first, then for kernels whose programs
 * cannot do atomic operations that give back what was there (before 5.12). Both have the same
 * programs, maps and settings.
 */
enum object_kind { OBJECT_FULL, OBJECT_PLAIN, OBJECTS };

struct object {
	struct bpf_object *obj;
	void *skeleton;
	enum object_kind kind;
	/* settings, before it is loaded: bpf/maps.h */
	unsigned long long *netns_cookie;
	unsigned int *pid_ns, *mnt_ns;
	bool *typed_task;
	char *logs; /* what the verifier says of each program */
	size_t programs;
};

/* Does the kernel have what its instructions need? */
bool object_fits(enum object_kind kind);
must_check int object_open(enum object_kind kind, struct object *ret);
/* On failure *ret_refused is the name of the program that the kernel refused, or NULL. */
must_check int object_load(struct object *o, const char **ret_refused);
/* The last lines of what the verifier said of a refused program, each for fn. */
void object_last_words(const struct object *o, unsigned lines, void (*fn)(const char *line));
void object_done(struct object *o);
/* The bytes that make a build. */
const void *object_bytes(enum object_kind kind, size_t *ret_len);
const char *object_name(enum object_kind kind);

#endif
