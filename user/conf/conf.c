/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Settings. One row of keys[] below is everything there is to know about a setting: parser,
 * default, range, message and the text of `--help` all come from it.
 *
 * The file: one setting a line, "key value", any blanks between them; the value is the rest of the
 * line without blanks at its ends. "#" at the beginning of a line or after a blank starts a
 * comment. Nothing is quoted or continued.
 */
#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "conf/sinks.h"
#include "conf/suggest.h"
#include "conf/value.h"

#define FILE_BYTES_MAX (1 << 20)
#define LINE_BYTES_MAX 4096

/* clang-format off */
#define KEY(name_, type_, member, min_, max_, range_, def_, help_)                                 \
	{ .name = (name_), .type = (type_), .off = offsetof(struct conf, member), .min = (min_),    \
	  .max = (max_), .range = (range_), .def = (def_), .help = (help_) }
#define WORD_KEY(name_, member, words_, def_, help_)                                               \
	{ .name = (name_), .type = CONF_WORD, .off = offsetof(struct conf, member), words_,         \
	  .def = (def_), .help = (help_) }
static const struct conf_key keys[] = {
	KEY("node.name", CONF_TEXT, node_name, 0, 255, "at most 255 bytes",
	  "", "the name of this node; empty: the host's name"),
	KEY("node.class", CONF_TEXT, node_class, 1, 64, "1 to 64 bytes",
	  "default", "the host type of this node: its profile is that of this class"),
	KEY("class.groups", CONF_TEXT, class_groups, 0, 1024, "at most 1024 bytes",
	  "", "folder of ClusterShell group files (*.cfg) for '@GROUP' in rules for classes; empty: nodeset(1) is asked"),
	KEY("class.genders", CONF_TEXT, class_genders, 0, 1024, "at most 1024 bytes",
	  "/etc/genders", "file for '@genders:ATTRIBUTE' in rules for classes"),
	KEY("class.slurm", CONF_TEXT, class_slurm, 0, 1024, "at most 1024 bytes",
	  "sinfo", "program for '@slurm:PARTITION' in rules for classes, called with -h -o %N -p PARTITION"),
	KEY("data.dir", CONF_TEXT, data_dir, 1, 1024, "1 to 1024 bytes",
	  "/var/lib/ajar", "where the journal and the embedded store live"),
	KEY("store.uri", CONF_TEXT, store_uri, 0, 1024, "at most 1024 bytes",
	  "", "sqlite:PATH or mysql://USER@HOST/DATABASE?ca=FILE; empty: the embedded store in data.dir"),
	KEY("store.keep-days", CONF_COUNT, store_keep_days, 0, 36500, "0 to 36500",
	  "365", "days after which the monitor deletes events, closed doors and resolved alerts; 0: never"),
	KEY("store.keep-bytes", CONF_SIZE, store_keep_bytes, 0, 1024 * 1024 * GIB, "0 to 1048576G",
	  "0", "when the store uses more, the monitor deletes from the oldest on; 0: no limit"),
	KEY("role.user", CONF_TEXT, role_user, 1, 64, "1 to 64 bytes",
	  "ajar", "the account that everything without privilege runs as"),
	KEY("sensor.pin-dir", CONF_TEXT, pin_dir, 0, 1024, "at most 1024 bytes",
	  "", "bpffs folder where the sensor stays attached while its agent restarts; empty: one for each data.dir"),
	KEY("sensor.lowest-tier", CONF_LETTER, lowest_tier, 'A', 'D', "a letter from A to D",
	  "D", "how little the sensor may see: B without cgroup v2, C without BTF (TCP by a tracepoint, all else by polling), D without BPF (polling); to start with less than that is refused"),
	WORD_KEY("sensor.scope", sensor_scope, CONF_WORDS("machine", "netns"),
	  "machine", "netns: only doors of the network namespace that the agent is started in, for a system container that is a node of its own"),
	KEY("sensor.keep-pins", CONF_BOOL, keep_pins, 0, 0, "yes or no",
	  "no", "leave the sensor attached when the agent stops"),
	KEY("sensor.sweep-every", CONF_DURATION, sweep_every_ns, SECOND, DAY, "1s to 1d",
	  "60s", "how often every socket is looked at again"),
	KEY("sensor.doors-per-user", CONF_COUNT, doors_by_user, 100, 1000000, "100 to 1000000",
	  "32768", "doors of one user that are kept, some five hundred bytes each; what is above is told and not recorded"),
	KEY("journal.max-bytes", CONF_SIZE, journal_max_bytes, MIB, 1024 * GIB, "1M to 1024G",
	  "1G", "cap of the journal; what is dropped is covered by gap records"),
	KEY("journal.segment-bytes", CONF_SIZE, journal_segment_bytes, 64 * KIB, GIB, "64K to 1G",
	  "8M", "size at which the journal begins a new segment file"),
	KEY("journal.replay", CONF_DURATION, journal_replay_ns, 0, 365 * DAY, "0s to 365d",
	  "24h", "how long segments stay after the store has them"),
	KEY("ship.max-rate", CONF_COUNT, ship_rate, 0, 1000000, "0 to 1000000",
	  "10000", "records a second at most that this node ships while it catches up, oldest first; 0: no limit"),
	KEY("health.interval", CONF_DURATION, health_interval_ns, 100 * MS, HOUR, "100ms to 1h",
	  "10s", "how often the agent sends a heartbeat and the shipper reports it to the store"),
	KEY("health.silent-after", CONF_DURATION, health_silent_ns, SECOND, DAY, "1s to 1d",
	  "30s", "a node or agent without a heartbeat for so long is silent"),
	KEY("health.max-skew", CONF_DURATION, health_skew_ns, 100 * MS, DAY, "100ms to 1d",
	  "2s", "how far a node's clock may be from the store's"),
	KEY("health.hole-after", CONF_DURATION, health_hole_ns, SECOND, DAY, "1s to 1d",
	  "60s", "how long records may be missing between others, or wait to be shipped, before an alert"),
	KEY("alert.local-after", CONF_DURATION, local_after_ns, 0, DAY, "0s to 1d",
	  "30s", "while the store is away for longer the shipper sends alerts of this node to syslog itself; 0s: never"),
	KEY("metrics.textfile", CONF_TEXT, metrics_textfile, 0, 1024, "at most 1024 bytes",
	  "", "the monitor writes 'ajar metrics' there, for node_exporter's textfile collector (a name ending in .prom); empty: it does not"),
	KEY("metrics.every", CONF_DURATION, metrics_every_ns, SECOND, HOUR, "1s to 1h",
	  "15s", "how often it does"),
	KEY("alert.exec", CONF_TEXT, alert_exec, 0, 1024, "at most 1024 bytes",
	  "", "program that gets each change of an alert as JSON on its standard input; empty: none"),
	KEY("alert.exec-timeout", CONF_DURATION, alert_exec_timeout_ns, 100 * MS, HOUR,
	  "100ms to 1h", "10s", "time after which that program is killed"),
	KEY("alert.syslog", CONF_BOOL, alert_syslog, 0, 0, "yes or no",
	  "yes", "send changes of alerts to journald or syslog"),
	KEY("alert.snooze-max", CONF_DURATION, alert_snooze_max_ns, 60000 * MS, 366 * DAY, "1m to 366d",
	  "30d", "longest time for which an alert can be snoozed"),
	KEY("alert.reopen-nodes", CONF_COUNT, alert_reopen_nodes, 0, 1000000, "0 to 1000000",
	  "10", "an acknowledged alert opens again when it stands on so many more nodes; 0: never"),
	KEY("scan.enabled", CONF_BOOL, scan_enabled, 0, 0, "yes or no",
	  "yes", "the monitor runs the plans of 'ajar scan plans' with nmap, when that is installed"),
	KEY("scan.networks", CONF_TEXT, scan_networks, 0, 2048, "at most 2048 bytes",
	  "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 127.0.0.0/8 fc00::/7 ::1",
	  "networks that may be scanned; whatever a node's name leads to outside of them is refused"),
	KEY("scan.address", CONF_TEXT, scan_address, 0, 512, "at most 512 bytes",
	  "", "where this node is scanned from its own monitor: addresses with blanks between; empty: all it has"),
	KEY("scan.idle-command", CONF_TEXT, scan_idle_command, 0, 1000, "at most 1000 bytes",
	  "", "prints the nodes that may be scanned now as a node set, e.g. sinfo -h -t idle -o %N; no shell; empty: all may"),
	KEY("scan.processes", CONF_COUNT, scan_processes, 0, 64, "0 to 64",
	  "0", "nmap processes at a time; 0: one for each core"),
	KEY("scan.raw", CONF_BOOL, scan_raw, 0, 0, "yes or no",
	  "no", "the monitor keeps CAP_NET_RAW, which it must be given, for the nmap of plans of kind syn and udp, and for it alone"),
	KEY("web.listen", CONF_TEXT, web_listen, 1, 200, "1 to 200 bytes",
	    "127.0.0.1:2527", "where the web page listens, ADDRESS:PORT or unix:/PATH; off: 'ajar run' starts none"),
	KEY("web.names", CONF_TEXT, web_names, 0, 1024, "at most 1024 bytes",
	    "", "host names besides its address by which the web page is called, with blanks between; requests for others are refused"),
	KEY("web.accounts", CONF_TEXT, web_accounts, 0, 1024, "at most 1024 bytes",
	    "", "file of the web page's accounts ('ajar web user'); empty: web.accounts in the folder of the embedded store"),
	KEY("web.racks", CONF_TEXT, web_racks, 0, 1024, "at most 1024 bytes",
	    "", "file that says which nodes a rack has, a line each such as 'r01 node[001-032]': the web page's map can be grouped by it, and filters take rack:NAME"),
	KEY("web.proxy", CONF_BOOL, web_proxy, 0, 0, "yes or no",
	    "no", "a proxy in front of the web page does TLS and says in X-Remote-User who it is; without it, and without web.tls-cert, only loopback is listened on"),
	KEY("web.proxy-secret", CONF_TEXT, web_secret, 0, 1024, "at most 1024 bytes",
	    "", "file with what that proxy sends in X-Ajar-Secret, so that nobody else is believed; not needed on unix:/PATH"),
	KEY("web.tls-cert", CONF_TEXT, web_tls_cert, 0, 1024, "at most 1024 bytes",
	    "", "file with the web page's certificate and the chain behind it, PEM: it speaks TLS, and may listen on any address; read at the start"),
	KEY("web.tls-key", CONF_TEXT, web_tls_key, 0, 1024, "at most 1024 bytes",
	    "", "file with that certificate's private key, PEM, not open to everybody; empty: it is in web.tls-cert"),
	KEY("scan.keep-days", CONF_COUNT, scan_keep_days, 0, 36500, "0 to 36500",
	  "90", "days after which scans are deleted, but for the newest of each kind of a node; 0: never"),
};
/* clang-format on */

_Static_assert(array_len(keys) <= sizeof(((struct conf *)0)->origins) / sizeof(char *),
	       "struct conf has an origin for every key");

static const struct conf_key *find_key(const char *name)
{
	for (size_t i = 0; i < array_len(keys); i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

/* node.name is never empty: everybody may use it as it stands. */
static int use_host_name(struct conf *c)
{
	char host[HOST_NAME_MAX + 1];

	if (gethostname(host, sizeof(host)) < 0)
		return -errno;
	host[sizeof(host) - 1] = '\0';
	return conf_copy(&c->node_name, host[0] && conf_is_plain(host) ? host : "localhost");
}

static int store_value(struct conf *c, const struct conf_key *k, const char *value)
{
	if (k->off == offsetof(struct conf, node_name) && !*value)
		return use_host_name(c);
	return conf_value_set(c, k, value);
}

static int unknown_key(const char *key, const char *origin, char **ret_why)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1024);
	struct suggest s;

	suggest_init(&s, key);
	for (size_t i = 0; i < array_len(keys); i++)
		suggest_try(&s, keys[i].name);
	if (s.best)
		return conf_why(ret_why, "%s: unknown key '%s' (did you mean '%s'?)", origin,
				conf_shown(&b, key), s.best);
	return conf_why(ret_why, "%s: unknown key '%s'", origin, conf_shown(&b, key));
}

int conf_set(struct conf *c, const char *key, const char *value, const char *origin, char **ret_why)
{
	const struct conf_key *k = find_key(key);
	int err;

	if (conf_sink_key(key))
		return conf_sink_set(c, key, value, origin, ret_why);
	if (!k)
		return unknown_key(key, origin, ret_why);
	err = store_value(c, k, value);
	if (err == -ENOMEM)
		return err;
	if (err < 0)
		return conf_value_why(ret_why, origin, k->name, k, value, err);
	return conf_copy(&c->origins[k - keys], origin);
}

int conf_new(struct conf **ret_conf)
{
	_cleanup_(conf_freep) struct conf *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	for (size_t i = 0; i < array_len(keys); i++) {
		err = conf_set(c, keys[i].name, keys[i].def, "default", NULL);
		if (err < 0)
			return err;
	}
	*ret_conf = take_ptr(c);
	return 0;
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < array_len(keys); i++) {
		conf_value_free(c, &keys[i]);
		free(c->origins[i]);
	}
	conf_sinks_free(c);
	free(c);
}

static bool is_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\r';
}

/* Cuts the comment and the blanks at both ends; returns the beginning. */
static char *trim(char *line)
{
	size_t n;

	for (char *p = line; *p; p++) {
		if (*p == '#' && (p == line || is_blank(p[-1]))) {
			*p = '\0';
			break;
		}
	}
	while (is_blank(*line))
		line++;
	for (n = strlen(line); n && is_blank(line[n - 1]); n--)
		line[n - 1] = '\0';
	return line;
}

struct load {
	struct conf *c;
	const char *path;
	unsigned line_of[array_len(keys)]; /* where a key was set, 0: not yet */
	char **ret_why;
};

static int load_sink_key(struct load *l, const char *key, const char *value, const char *origin)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1024);
	const char *before = conf_sink_origin(l->c, key);

	if (before)
		return conf_why(l->ret_why, "%s: duplicate key '%s' (first at %s)", origin,
				conf_shown(&b, key), before);
	if (!*value && conf_sink_range(key))
		return conf_why(l->ret_why, "%s: key '%s' has no value (%s)", origin,
				conf_shown(&b, key), conf_sink_range(key));
	return conf_sink_set(l->c, key, value, origin, l->ret_why);
}

static int load_line(struct load *l, char *line, unsigned number)
{
	_free_ char *origin = NULL;
	const struct conf_key *k;
	char *key = trim(line), *value = key;

	if (!*key)
		return 0;
	while (*value && !is_blank(*value))
		value++;
	while (is_blank(*value))
		*value++ = '\0';
	if (asprintf(&origin, "%s:%u", l->path, number) < 0) {
		origin = NULL;
		return -ENOMEM;
	}
	if (conf_sink_key(key))
		return load_sink_key(l, key, value, origin);
	k = find_key(key);
	if (!k)
		return unknown_key(key, origin, l->ret_why);
	if (l->line_of[k - keys])
		return conf_why(l->ret_why, "%s: duplicate key '%s' (first on line %u)", origin,
				k->name, l->line_of[k - keys]);
	if (!*value)
		return conf_why(l->ret_why, "%s: key '%s' has no value (%s)", origin, k->name,
				k->range);
	l->line_of[k - keys] = number;
	return conf_set(l->c, key, value, origin, l->ret_why);
}

int conf_load(struct conf *c, const char *path, char **ret_why)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(FILE_BYTES_MAX);
	struct load l = { .c = c, .path = path, .ret_why = ret_why };
	char *p, *end;
	int err;

	buf_puts(&b, ""); /* an empty file is text too */
	err = file_read(AT_FDCWD, path, &b);
	if (err == -E2BIG)
		return conf_why(ret_why, "%s: larger than %d bytes: not a configuration file", path,
				FILE_BYTES_MAX);
	if (err < 0) {
		(void)conf_why(ret_why, "cannot read configuration '%s': %s", path, strerror(-err));
		return err;
	}
	p = b.data;
	end = p + b.len;
	for (unsigned number = 1; p < end; number++) {
		char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p);

		if (n > LINE_BYTES_MAX)
			return conf_why(ret_why, "%s:%u: line is longer than %d bytes", path,
					number, LINE_BYTES_MAX);
		if (memchr(p, '\0', n))
			return conf_why(ret_why, "%s:%u: NUL byte: not a text file", path, number);
		p[n] = '\0'; /* b.data ends with a NUL of its own */
		err = load_line(&l, p, number);
		if (err < 0)
			return err;
		p += n + 1;
	}
	return 0;
}

void conf_each(const struct conf *c,
	       void (*fn)(const char *key, const char *value, const char *def, const char *help,
			  const char *origin, void *arg),
	       void *arg)
{
	for (size_t i = 0; i < array_len(keys); i++) {
		_cleanup_(buf_done) struct buf b = BUF_INIT(4096);

		buf_puts(&b, "");
		conf_value_put(c, &keys[i], &b);
		fn(keys[i].name, buf_str(&b), keys[i].def, keys[i].help, c->origins[i], arg);
	}
	conf_sink_each(c, false, fn, arg);
}

const char *conf_range(const char *key)
{
	const struct conf_key *k = find_key(key);

	return k ? k->range : conf_sink_range(key);
}
