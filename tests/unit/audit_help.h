/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_TESTS_AUDIT_HELP_H
#define AJAR_TESTS_AUDIT_HELP_H

#include "audit/audit.h"
#include "base/buf.h"
#include "tap.h"

/*
 * What the tests of audit/ share: one door, one owner, one profile; each test changes what it is
 * about.
 */
#define NOW UINT64_C(1700000000000000000)

static __attribute__((unused)) char str_sshd[] = "/usr/sbin/sshd", str_root[] = "root",
				    str_slurm[] = "slurm";
static __attribute__((unused)) char str_slurmd[] = "/usr/sbin/slurmd",
				    str_mpirun[] = "/usr/bin/mpirun";

static inline struct door a_door(enum door_proto proto, uint32_t port)
{
	return (struct door){
		.proto = proto, .family = FAMILY_INET, .scope = SCOPE_ANY, .port = port
	};
}

static inline struct process a_process(const char *comm, const char *exe, uint32_t uid,
				       const char *user)
{
	struct process p = { .known = true, .pid = 20131, .uid = uid };

	snprintf(p.comm, sizeof(p.comm), "%s", comm);
	p.exe = text_of(exe);
	p.user = text_of(user);
	return p;
}

static inline struct judgement judged(const struct profile *p, const struct door *d,
				      const struct process *o)
{
	struct judgement j = { 0 };

	audit_judge(p, d, o, NOW, &j);
	return j;
}

#endif
