/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/sink.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "alert_help.h"
#include "store/store.h"

static int last_err, runs;
static char last_why[512];
static char json[] = "{\"id\":7}";
static struct store_alert_change change = {
	.log_id = 12,
	.state = ALERT_OPEN,
	.who = "monitor",
	.alert = {
		.id = 7, .kind = FINDING_UNEXPECTED, .severity = SEVERITY_CRITICAL, .state = ALERT_OPEN,
		.host_type = "compute", .nodes = "node001", .count = 1, .proto = PROTO_TCP, .port = 4444,
		.summary = "nc (mlee) listens on 0.0.0.0:4444/tcp on node001", .why = "there is no row",
		.remedy = "ajar ls :4444",
	},
};

static void on_done(int err, const char *why, void *arg)
{
	(void)arg;
	runs++;
	last_err = err;
	snprintf(last_why, sizeof(last_why), "%s", why ? why : "");
}

static int receiver(const char *name)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%s", dir, name);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		tap_skip_all("no AF_UNIX datagram sockets here");
	return fd;
}

/* What one send gives; NULL when no datagram came. */
static const char *sent(int fd, const char *j, size_t len)
{
	static char got[1 << 17];
	struct sink_message m = { .log_id = 12, .change = &change, .json = j, .json_len = len };
	struct sink *s = NULL;
	char target[256];
	ssize_t n;

	snprintf(target, sizeof(target), "%s/journal:%s/log", dir, dir);
	if (sink_syslog.open(NULL, target, 0, &s))
		return NULL;
	runs = 0;
	if (sink_syslog.send(s, &m, on_done, NULL) || runs != 1)
		printf("# send did not answer once\n");
	sink_syslog.free(s);
	n = fd < 0 ? -1 : recv(fd, got, sizeof(got) - 1, 0);
	if (n < 0)
		return NULL;
	got[n] = '\0';
	return got;
}

static bool has_line(const char *text, const char *line)
{
	size_t n = strlen(line);

	for (const char *p = text; p && *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (!strncmp(p, line, n) && p[n] == '\n')
			return true;
	return false;
}

static void test_absent(void)
{
	sent(-1, json, sizeof(json) - 1);
	is_int(last_err, SINK_ABSENT, "without both sockets the sink is absent");
	is_str(last_why, "no journald and no /dev/log here", "and says so");
}

static void test_devlog(int fd)
{
	const char *got = sent(fd, json, sizeof(json) - 1);
	int pri = 0, day = 0, h = 0, m = 0, s = 0, pid = 0, at = 0;
	char month[4] = "";

	is_int(last_err, 0, "/dev/log is used without journald");
	ok(got &&
		   sscanf(got, "<%d>%3s %d %d:%d:%d ajar[%d]: %n", &pri, month, &day, &h, &m, &s,
			  &pid, &at) == 7 &&
		   at,
	   "the line begins as syslog() writes it: %.40s", got ? got : "");
	is_int(pri, 3 << 3 | 2, "daemon.crit for a critical alert");
	is_int(pid, getpid(), "with our pid");
	is_str(got ? got + at : NULL,
	       "alert 7 open, critical: nc (mlee) listens on 0.0.0.0:4444/tcp on node001: there is "
	       "no row",
	       "the message says what and why");
	change.alert.summary = "\x1b[2J\n<0>fake";
	got = sent(fd, json, sizeof(json) - 1);
	ok(got && !strpbrk(got, "\x1b\n"), "control characters are escaped: %s", got ? got : "");
	change.alert.summary = "nc (mlee) listens on 0.0.0.0:4444/tcp on node001";
}

static void test_journald(int fd)
{
	static char big[SINK_JSON_MAX];
	const char *got = sent(fd, json, sizeof(json) - 1);

	is_int(last_err, 0, "journald is used where it is");
	ok(has_line(got, "PRIORITY=2"), "critical has priority 2");
	ok(has_line(got, "SYSLOG_IDENTIFIER=ajar"), "the identifier is ajar");
	ok(has_line(got, "MESSAGE=alert 7 open, critical: nc (mlee) listens on 0.0.0.0:4444/tcp on "
			 "node001: there is no row"),
	   "the message is there");
	ok(has_line(got, "AJAR_KIND=unexpected") && has_line(got, "AJAR_SEVERITY=critical") &&
		   has_line(got, "AJAR_STATE=open") && has_line(got, "AJAR_ALERT_ID=7") &&
		   has_line(got, "AJAR_PORT=4444") && has_line(got, "AJAR_PROTO=tcp") &&
		   has_line(got, "AJAR_CLASS=compute") && has_line(got, "AJAR_NODES=node001") &&
		   has_line(got, "AJAR_LOG_ID=12"),
	   "so are the fields");
	ok(has_line(got, "AJAR_JSON={\"id\":7}"), "and the JSON");
	change.alert.summary = "a\nMESSAGE=fake\nPRIORITY=7";
	got = sent(fd, json, sizeof(json) - 1);
	ok(got && !has_line(got, "PRIORITY=7") && !has_line(got, "MESSAGE=fake"),
	   "a newline makes no field");
	change.alert.summary = NULL;
	change.alert.why = NULL;
	change.alert.nodes = NULL;
	change.alert.proto = 0;
	got = sent(fd, json, sizeof(json) - 1);
	ok(got && !strstr(got, "AJAR_PORT") && !strstr(got, "AJAR_WHY"),
	   "what is not known is not there");
	memset(big, 'x', sizeof(big));
	got = sent(fd, big, sizeof(big));
	ok(got && strlen(got) < 32768 && !strstr(got, "AJAR_JSON"),
	   "JSON that is too long is left out");
	change.alert.why = big;
	big[sizeof(big) - 1] = '\0';
	got = sent(fd, json, 8);
	ok(got && strlen(got) < 32768, "a long field is cut (%zu bytes)", got ? strlen(got) : 0);
	change.state = ALERT_RESOLVED;
	got = sent(fd, json, 8);
	ok(has_line(got, "PRIORITY=6") && has_line(got, "AJAR_STATE=resolved"),
	   "good news have priority info");
}

static void test_trouble(int journal, int log)
{
	const char *got;
	struct sink *s = NULL;

	close(journal); /* the socket stays, nobody is behind it */
	got = sent(log, json, 8);
	ok(got && !last_err, "a journald that is away leaves it to /dev/log");
	for (int i = 0; i < 10000 && !last_err; i++)
		sent(-1, json, 8);
	is_int(last_err, -EAGAIN, "a full queue is a failure and holds nobody up");
	ok(strstr(last_why, "/log': "), "that names the socket: %s", last_why);
	close(log);
	sent(-1, json, 8);
	is_int(last_err, -ECONNREFUSED,
	       "sockets with nobody behind them are failures, tried again");
	is_int(sink_syslog.open(NULL, "nocolon", 0, &s), -EINVAL,
	       "a target without two paths is refused");
	is_int(sink_syslog.open(NULL, ":x", 0, &s), -EINVAL, "and one with an empty path");
	ok(!sink_syslog.open(NULL, NULL, 0, &s) && s, "no target means the usual places");
	sink_syslog.free(s);
}

int main(void)
{
	int journal, log;

	make_dir();
	test_absent();
	log = receiver("log");
	test_devlog(log);
	journal = receiver("journal");
	test_journald(journal);
	test_trouble(journal, log);
	return tap_done();
}
