/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_ALERT_EXEC_SPAWNER_H
#define AJAR_ALERT_EXEC_SPAWNER_H

#include <stdint.h>

#include "alert/sink.h"
#include "base/err.h"

struct loop;

/*
 * Under `ajar run` the monitor has no privileges and a hook may need them: so the supervisor runs
 * it. The program and the time limit are fixed here; all the monitor can say is what comes on its
 * standard input. The two share a SOCK_SEQPACKET socket pair; the monitor's sink_exec has the other
 * end as "fd:N":
 *
 * 	monitor -> supervisor	u64 id, then the JSON without newline, at most SINK_JSON_MAX bytes
 * 	supervisor -> monitor	u64 id, i32 result (0 or -errno), then the reason as text, at most
 * 	255 bytes
 *
 * in the host's byte order. One program runs at a time; the next message is not read before it
 * ended. To serve a monitor that was restarted, keep both ends of the pair and give its end to the
 * new one: a message of the old one that is still queued is run, and confirmed by id.
 */
struct exec_spawner;

struct exec_request {
	uint64_t id;
	char json[SINK_JSON_MAX + 1]; /* not ended by NUL; one more for whoever adds a newline */
};
#define EXEC_REQUEST_HEAD 8
#define EXEC_REQUEST_MAX (EXEC_REQUEST_HEAD + SINK_JSON_MAX)

struct exec_answer {
	uint64_t id;
	int32_t result;
	char why[256];
};
#define EXEC_ANSWER_HEAD 12

/* fd stays the caller's to close, after exec_spawner_free(). */
must_check int exec_spawner_new(struct loop *l, int fd, const char *program, uint64_t timeout_ns,
				struct exec_spawner **ret_sp);
void exec_spawner_free(struct exec_spawner *sp); /* ends a program that runs */
DEFINE_FREEP(struct exec_spawner, exec_spawner_free)

#endif
