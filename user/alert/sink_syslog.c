/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/sink.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "store/store.h"

/*
 * One datagram an alert, sent without waiting. journald takes fields, one "NAME=value" a line (its
 * native protocol; values here have no newline, since esc_text() escapes control characters).
 * Everything else behind /dev/log takes one line as the C library's syslog() writes it.
 *
 * The socket is opened anew for each alert: alerts are rare, and so a restarted syslog needs no
 * care.
 */
#define JOURNALD_SOCKET "/run/systemd/journal/socket"
#define DEVLOG_SOCKET "/dev/log"

#define DATAGRAM_MAX 32768 /* journald takes more through a memfd only; what does not fit is cut */
#define VALUE_MAX 4096
#define LINE_MAX_BYTES 2048 /* rsyslog cuts at 8 KiB, older ones at 2 KiB */

/* Of all alerts, so that `journalctl MESSAGE_ID=...` finds them. Made once, never changed. */
#define ALERT_MESSAGE_ID "6c1f0d5a2e9b4b0f8c37d91e5a4f2b60"

/* syslog's numbers; <syslog.h> would bring LOG_ names that base/log.h has too. */
enum { PRIORITY_CRIT = 2, PRIORITY_WARNING = 4, PRIORITY_NOTICE = 5, PRIORITY_INFO = 6 };
#define FACILITY_DAEMON (3 << 3)

struct sink {
	struct sockaddr_un journald, devlog;
};

static int set_path(struct sockaddr_un *sa, const char *path, size_t len)
{
	if (!len || len >= sizeof(sa->sun_path))
		return -EINVAL;
	*sa = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(sa->sun_path, path, len);
	return 0;
}

static int syslog_open(struct loop *l, const char *target, uint64_t timeout_ns,
		       struct sink **ret_sink)
{
	_free_ struct sink *s = calloc(1, sizeof(*s));
	const char *colon;
	int err;

	(void)l;
	(void)timeout_ns;
	if (!s)
		return -ENOMEM;
	if (!target || !*target)
		target = JOURNALD_SOCKET ":" DEVLOG_SOCKET;
	colon = strchr(target, ':');
	if (!colon)
		return -EINVAL;
	err = set_path(&s->journald, target, (size_t)(colon - target));
	if (!err)
		err = set_path(&s->devlog, colon + 1, strlen(colon + 1));
	if (err)
		return err;
	*ret_sink = take_ptr(s);
	return 0;
}

/* --- what is written -------------------------------------------------------------------------- */

static int priority_of(const struct store_alert_change *c)
{
	if (c->state != ALERT_OPEN)
		return PRIORITY_INFO;
	switch (c->alert.severity) {
	case SEVERITY_CRITICAL:
		return PRIORITY_CRIT;
	case SEVERITY_WARNING:
		return PRIORITY_WARNING;
	case SEVERITY_NOTICE:
		return PRIORITY_NOTICE;
	}
	return PRIORITY_WARNING;
}

static void put_escaped(struct buf *b, const char *s)
{
	if (s)
		esc_text(b, s, strlen(s), VALUE_MAX);
}

static const char *or_none(const char *s)
{
	return s ? s : "";
}

/* "alert 7 open, critical: nc (mlee) listens on ...: the profile ... has no row ..." */
static void put_message(struct buf *b, const struct store_alert_change *c)
{
	_cleanup_(buf_done) struct buf why = BUF_INIT(8192);

	buf_printf(b, "alert %" PRIu64 " %s, %s: ", c->alert.id,
		   or_none(alert_state_name(c->state)), or_none(severity_name(c->alert.severity)));
	put_escaped(b, c->alert.summary);
	if (c->state == ALERT_OPEN && c->alert.why) {
		buf_puts(b, ": ");
		put_escaped(b, store_alert_why(&c->alert, &why));
	}
}

static void put_field(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(b, "%s=", name);
	put_escaped(b, value);
	buf_putc(b, '\n');
}

static void format_journald(struct buf *b, const struct sink_message *m)
{
	_cleanup_(buf_done) struct buf why = BUF_INIT(8192);
	const struct store_alert_change *c = m->change;
	const struct store_alert *a = &c->alert;

	buf_printf(b,
		   "PRIORITY=%d\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=ajar\nMESSAGE_"
		   "ID=" ALERT_MESSAGE_ID "\nMESSAGE=",
		   priority_of(c));
	put_message(b, c);
	buf_printf(b,
		   "\nAJAR_ALERT_ID=%" PRIu64 "\nAJAR_LOG_ID=%" PRIu64 "\nAJAR_COUNT=%" PRIu64 "\n",
		   a->id, m->log_id, a->count);
	put_field(b, "AJAR_KIND", finding_kind_name(a->kind));
	put_field(b, "AJAR_SEVERITY", severity_name(a->severity));
	put_field(b, "AJAR_STATE", alert_state_name(c->state));
	put_field(b, "AJAR_NODES", a->nodes);
	put_field(b, "AJAR_NODE", a->node);
	put_field(b, "AJAR_CLASS", a->host_type);
	put_field(b, "AJAR_SUMMARY", a->summary);
	put_field(b, "AJAR_WHY", store_alert_why(a, &why));
	put_field(b, "AJAR_REMEDY", a->remedy);
	put_field(b, "AJAR_WHO", c->who);
	put_field(b, "AJAR_NOTE", c->note);
	if (a->proto) {
		put_field(b, "AJAR_PROTO", door_proto_name(a->proto));
		buf_printf(b, "AJAR_PORT=%" PRIu32 "\n", a->port);
	}
	/* JSON has its own escapes; whole or not at all. */
	if (b->len + m->json_len + sizeof("AJAR_JSON=\n") < DATAGRAM_MAX &&
	    !memchr(m->json, '\n', m->json_len)) {
		buf_puts(b, "AJAR_JSON=");
		buf_put(b, m->json, m->json_len);
		buf_putc(b, '\n');
	}
}

/*
 * "<28>Nov 22 18:24:17 ajar[123]: ..." with the local time, as syslog() writes it in every locale.
 */
static void format_devlog(struct buf *b, const struct sink_message *m)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t t = (time_t)(clock_wall_ns() / UINT64_C(1000000000));
	struct tm tm = { 0 };

	localtime_r(&t, &tm);
	buf_printf(b, "<%d>%.3s %2d %02d:%02d:%02d ajar[%d]: ",
		   FACILITY_DAEMON | priority_of(m->change), months + 3 * tm.tm_mon, tm.tm_mday,
		   tm.tm_hour, tm.tm_min, tm.tm_sec, (int)getpid());
	put_message(b, m->change);
	if (b->len > LINE_MAX_BYTES && !b->err) {
		b->len = LINE_MAX_BYTES - 3;
		buf_puts(b, "...");
	}
}

/* --- sending ---------------------------------------------------------------------------------- */

/* -ENOENT: there is no such socket. */
static int send_datagram(const struct sockaddr_un *to, const struct buf *b)
{
	_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (sendto(fd, b->data, b->len, MSG_NOSIGNAL, (const struct sockaddr *)to, sizeof(*to)) < 0)
		return errno == ENOTDIR ? -ENOENT : -errno;
	return 0;
}

static int try_one(const struct sockaddr_un *to, const struct sink_message *m,
		   void (*format)(struct buf *b, const struct sink_message *m))
{
	struct buf b = BUF_INIT(2 * DATAGRAM_MAX);
	int err;

	format(&b, m);
	err = b.err ? b.err : send_datagram(to, &b);
	buf_done(&b);
	return err;
}

/*
 * A socket that is there but has nobody behind it is being restarted, or was left behind: look
 * further.
 */
static bool is_away(int err)
{
	return err == -ENOENT || err == -ECONNREFUSED;
}

static int syslog_send(struct sink *s, const struct sink_message *m, sink_done_fn done, void *arg)
{
	const struct sockaddr_un *to = &s->journald;
	char why[256];
	int first, err;

	first = err = try_one(to, m, format_journald);
	if (is_away(err)) {
		to = &s->devlog;
		err = try_one(to, m, format_devlog);
	}
	if (!err) {
		done(0, NULL, arg);
	} else if (err == -ENOENT && first == -ENOENT) {
		done(SINK_ABSENT, "no journald and no /dev/log here", arg);
	} else {
		if (err == -ENOENT) { /* journald's socket is the one that is there */
			to = &s->journald;
			err = first;
		}
		snprintf(why, sizeof(why), "cannot send to '%s': %s", to->sun_path, strerror(-err));
		done(err, why, arg);
	}
	return 0;
}

static void syslog_free(struct sink *s)
{
	free(s);
}

const struct sink_ops sink_syslog = {
	.name = "syslog",
	.open = syslog_open,
	.send = syslog_send,
	.free = syslog_free,
};
