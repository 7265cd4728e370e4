/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_ALERT_SINK_H
#define AJAR_ALERT_SINK_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct loop;
struct store_alert_change;
struct text;

/*
 * A sink takes changes of state of alerts: one, or as many as it says that it can pass on as one
 * (batch_max). send() is asynchronous: it takes a copy of what it needs and calls done(err) later
 * (or at once); the router (alert/route) never has two sends in flight for one sink, retries with
 * back-off from the store's cursor, and moves the cursor only after done(0). So: at least once
 * after a crash, once otherwise.
 *
 * A message is at most SINK_JSON_MAX bytes. Two answers are no plain failure:
 * done(SINK_ABSENT, why) says that this host has no such place (no syslog in a container): the
 * router skips the message, counts it and reports it once, instead of trying for ever.
 * done(SINK_REFUSED, why) says that the receiver is there and will not have this message: after
 * some tries the router puts it aside, so that it does not hold up those behind it.
 */
#define SINK_JSON_MAX 65000
#define SINK_ABSENT (-ENODEV)
#define SINK_REFUSED (-EPROTO)
#define SINK_BATCH_MAX 64

struct sink;
typedef void (*sink_done_fn)(int err, const char *why, void *arg);

struct sink_message {
	uint64_t log_id;
	const struct store_alert_change *change;
	/*
	 * the alert in the sink's format, as INTERFACE.md has it unless told; one line without
	 * newline
	 */
	const char *json;
	size_t json_len;
	const struct sink_message *next; /* of the batch, or NULL */
	/*
	 * of a batch's first: changes that wait behind this batch, whatever the sink wants of them;
	 * 0 of a sink that takes one at a time
	 */
	uint64_t waiting;
};

struct sink_ops {
	const char *name; /* "exec", "syslog"; also the cursor's name unless it is given another */
	/* NULL: opened by other means (notify/) and given to route_add_open(). */
	int (*open)(struct loop *l, const char *target, uint64_t timeout_ns,
		    struct sink **ret_sink);
	int (*send)(struct sink *s, const struct sink_message *m, sink_done_fn done, void *arg);
	void (*free)(struct sink *s);
	unsigned batch_max; /* 0: one at a time */
	/*
	 * After a failure: how long the receiver asked for silence (Retry-After); NULL: it never
	 * does.
	 */
	uint64_t (*pause_ns)(const struct sink *s);
};

/*
 * target: a program; it gets the JSON line on standard input, its own session, no shell, and is
 * ended with its whole process group at the time limit. Or "fd:N": the program is run by whoever
 * serves the other end of that SOCK_SEQPACKET socket (alert/exec_spawner.h); the fd is the sink's
 * from then on.
 */
extern const struct sink_ops sink_exec;
/*
 * journald's native socket with structured fields where it is, else /dev/log. target: "" or NULL,
 * or "JOURNALD:DEVLOG", the paths of the two sockets.
 */
extern const struct sink_ops sink_syslog;

#endif
