/* SPDX-License-Identifier: GPL-2.0 */
/* What works here and what does not, each with the command that fixes it. Changes nothing. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/reported.h"
#include "conf/conf.h"
#include "conf/paths.h"
#include "journal/journal.h"
#include "journal/status.h"
#include "sensor/sensor.h"
#include "ship/quarantine.h"
#include "ship/state.h"
#include "store/grant.h"
#include "store/profile.h"
#include "store/store.h"
#include "view/writer.h"

#define FREE_BYTES_MIN (UINT64_C(64) << 20)
#define BACKLOG_MAX 100000 /* records counted behind the acknowledgement */

enum health { HEALTH_OK = 1, HEALTH_BAD = 0, HEALTH_NOTE = -1 };

struct doctor {
	struct cmd_ctx *c;
	unsigned bad;
	int agent_runs; /* as cmd_agent_runs() has it */
	bool pins_wanted; /* the agent that runs has a sensor in the kernel */
	int out_err;
	bool own_only;
	struct buf b;
	struct writer w; /* for programs */
};

static void print_record(struct doctor *d, const char *name, enum health ok, const char *detail,
			 const char *fix)
{
	writer_start(&d->w, NULL);
	writer_str(&d->w, "check", name);
	if (ok == HEALTH_NOTE)
		writer_null(&d->w, "ok");
	else
		writer_bool(&d->w, "ok", ok == HEALTH_OK);
	writer_str(&d->w, "detail", detail);
	writer_str(&d->w, "fix", fix);
	writer_str(&d->w, "mend", fix); /* the name of before, for one release */
	d->out_err = writer_end(&d->w);
}

static void print_line(struct doctor *d, const char *name, enum health ok, const char *detail,
		       const char *fix)
{
	static const char *const marks[] = { "✗", "ok", "- " };
	const char *sgr = ok == HEALTH_BAD ? "31" : "33";
	bool colour = d->c->colour && ok != HEALTH_OK;
	const char *mark = marks[ok == HEALTH_NOTE ? 2 : ok];

	if (colour)
		buf_printf(&d->b, "\033[%sm", sgr);
	buf_printf(&d->b, "%s%s %-16s ", mark, ok == HEALTH_BAD ? " " : "", name);
	esc_text(&d->b, detail, strlen(detail), 0);
	if (colour)
		buf_puts(&d->b, "\033[0m");
	if (fix) {
		buf_printf(&d->b, "\n   %-16s fix: ", "");
		esc_text(&d->b, fix, strlen(fix), 0);
	}
	buf_putc(&d->b, '\n');
	d->out_err = out_put(&d->b);
}

static void report(struct doctor *d, const char *name, enum health ok, const char *fix,
		   const char *fmt, ...) printf_like(5, 6);

/* fix: the command, or NULL; said only when something is to be fixed. */
static void report(struct doctor *d, const char *name, enum health ok, const char *fix,
		   const char *fmt, ...)
{
	char detail[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	d->bad += ok == HEALTH_BAD;
	if (d->out_err)
		return;
	if (ok == HEALTH_OK)
		fix = NULL;
	if (out_is_data(d->c))
		print_record(d, name, ok, detail, fix);
	else
		print_line(d, name, ok, detail, fix);
}

/* --- the machine ----------------------------------------------------------------------------------- */

static void check_sensor(struct doctor *d)
{
	struct sensor_check checks[SENSOR_CHECKS_MAX];
	unsigned n = sensor_probe(conf_own_netns(d->c->conf), checks);

	for (unsigned i = 0; i < n; i++)
		report(d, checks[i].name, (enum health)checks[i].ok, checks[i].fix, "%s",
		       checks[i].detail);
}

/* Silence about the rest of the machine is not peace there. */
static void check_scope(struct doctor *d)
{
	struct stat own, init;
	bool known = !stat("/proc/self/ns/net", &own);

	if (!conf_own_netns(d->c->conf))
		report(d, "sensor scope", HEALTH_OK, NULL,
		       "the whole machine, all its network namespaces");
	else if (known && !stat("/proc/1/ns/net", &init) && init.st_ino != own.st_ino)
		report(d, "sensor scope", HEALTH_NOTE,
		       "'sensor.scope machine', unless this namespace is meant to be a node of its "
		       "own",
		       "only network namespace %" PRIu64 ", which is not the one of process 1",
		       (uint64_t)own.st_ino);
	else
		report(d, "sensor scope", HEALTH_NOTE,
		       "'sensor.scope machine', unless this is a container that is meant to be a "
		       "node of its own",
		       "only network namespace %" PRIu64
		       ": other namespaces of this machine are not watched",
		       known ? (uint64_t)own.st_ino : 0);
}

static void check_configuration(struct doctor *d)
{
	const char *file = d->c->conf_file;

	if (!file && access("/etc/ajar/ajar.conf", F_OK) == 0)
		file = "/etc/ajar/ajar.conf";
	report(d, "configuration", HEALTH_OK, NULL, "%s; node '%s', class '%s'",
	       file ? file : "all defaults", d->c->conf->node_name, d->c->conf->node_class);
}

static void check_role(struct doctor *d)
{
	const char *name = d->c->conf->role_user;
	char fix[160];
	bool fallback = false;
	uid_t uid;
	gid_t gid;

	snprintf(fix, sizeof(fix), "useradd --system --no-create-home --shell /usr/sbin/nologin %s",
		 name);
	if (proc_role_ids(name, &uid, &gid, &fallback))
		report(d, "role user", HEALTH_BAD, fix,
		       "neither '%s' nor 'nobody' is in /etc/passwd", name);
	else if (fallback)
		report(d, "role user", HEALTH_NOTE, fix,
		       "no user '%s': the roles without privilege run as 'nobody'", name);
	else
		report(d, "role user", HEALTH_OK, NULL, "%s (uid %u)", name, (unsigned)uid);
}

static void check_nmap(struct doctor *d)
{
	_cleanup_(buf_done) struct buf found = BUF_INIT(8192);

	if (proc_find("nmap", &found) == 0)
		report(d, "nmap", HEALTH_OK, NULL, "%s", found.data);
	else
		report(d, "nmap", HEALTH_NOTE, "apt-get install nmap",
		       "not installed: doors are seen from inside only");
}

/* --- what is kept ---------------------------------------------------------------------------------- */

/* The free space where data.dir is or would be made. */
static void check_disk(struct doctor *d)
{
	_free_ char *path = strdup(d->c->conf->data_dir);
	struct statvfs fs;
	uint64_t room, want;

	while (path && statvfs(path, &fs) < 0) {
		char *slash = strrchr(path, '/');

		if (errno != ENOENT || !slash || !path[1])
			break;
		slash[slash == path] = '\0';
	}
	if (!path || statvfs(path, &fs) < 0) {
		report(d, "disk", HEALTH_BAD, NULL, "cannot look at '%s': %s", d->c->conf->data_dir,
		       strerror(errno));
		return;
	}
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	want = d->c->conf->journal_max_bytes;
	if (room < FREE_BYTES_MIN)
		report(d, "disk", HEALTH_BAD, "free some space, or give another data.dir",
		       "only %" PRIu64 " MiB free for '%s'", room >> 20, d->c->conf->data_dir);
	else if (room < want)
		report(d, "disk", HEALTH_NOTE, "lower journal.max-bytes, or free some space",
		       "%" PRIu64 " MiB free, the journal may take %" PRIu64 " MiB", room >> 20,
		       want >> 20);
	else
		report(d, "disk", HEALTH_OK, NULL, "%" PRIu64 " MiB free for '%s'", room >> 20,
		       d->c->conf->data_dir);
}

static int count_backlog(int dirfd, uint64_t *ret_n)
{
	_cleanup_(journal_reader_freep) struct journal_reader *r = NULL;
	struct journal_pos acked = { 0 };
	struct journal_damage damage;
	struct journal_record rec;
	uint64_t n = 0;
	int err = journal_ack_read(dirfd, &acked), got = 1;

	if (!err)
		err = journal_reader_new(dirfd, acked, &r);
	while (!err && got > 0 && n < BACKLOG_MAX) {
		got = journal_next(r, &rec, &damage);
		if (got < 0)
			err = got;
		n += got == 1;
	}
	if (!err)
		*ret_n = n;
	return err;
}

static void check_journal_at(struct doctor *d, int dirfd)
{
	_cleanup_(buf_done) struct buf node = BUF_INIT(1024);
	uint64_t backlog = 0;
	int err = journal_node(dirfd, &node);

	if (err == -ENOENT)
		report(d, "journal", HEALTH_NOTE, NULL, "empty yet");
	else if (err)
		report(d, "journal", HEALTH_BAD, "ajar timeline verify", "cannot be read: %s",
		       strerror(-err));
	else if (count_backlog(dirfd, &backlog))
		report(d, "journal", HEALTH_BAD, "ajar timeline verify",
		       "cannot be read to its end");
	else
		report(d, "journal", HEALTH_OK, NULL,
		       "of node '%s', %s%" PRIu64 " record%s not in a store yet", buf_str(&node),
		       backlog >= BACKLOG_MAX ? "at least " : "", backlog, plural(backlog));
}

static void check_quarantine(struct doctor *d, int dirfd, uint64_t n)
{
	if (!faccessat(dirfd, QUARANTINE_FILE, F_OK, 0))
		report(d, "quarantine", HEALTH_BAD,
		       "fix what the reasons at its lines' ends say, then restart 'ajar ship'",
		       "%s%" PRIu64 " record%s the store refused wait%s in " QUARANTINE_FILE,
		       n ? "" : "at last count ", n, plural(n), n == 1 ? "s" : "");
}

/* What the shipper says of itself; its state is old when it is not there any more. */
static void check_shipper(struct doctor *d, int dirfd)
{
	const char *fix = "systemctl start ajar-ship, or 'ajar run' does it all";
	struct ship_state st;
	char since[64] = "";
	uint64_t now = clock_wall_ns();
	int err = ship_state_read(dirfd, &st);

	if (err == -ENOENT) {
		report(d, "shipper", HEALTH_NOTE, fix, "none was here yet");
		return;
	}
	if (err) {
		report(d, "shipper", HEALTH_BAD, fix, SHIP_STATE_FILE " cannot be read: %s",
		       strerror(-err));
		return;
	}
	if (now > st.since_ns)
		snprintf(since, sizeof(since), "for %" PRIu64 " s",
			 (now - st.since_ns) / 1000000000);
	if (st.status == SHIP_ENDED || now > st.written_ns + 3 * SHIP_STATE_EVERY_NS)
		report(d, "shipper", HEALTH_NOTE, fix,
		       "not running: what is recorded stays in the journal");
	else if (st.status == SHIP_HELD)
		report(d, "shipper", HEALTH_BAD, "fix that; a restart tries at once",
		       "holds everything back %s: %s", since, st.why);
	else if (st.status == SHIP_AWAY)
		report(d, "shipper", HEALTH_BAD, "it goes on by itself when the store answers",
		       "the store is away %s: %s", since, st.why);
	else
		report(d, "shipper", HEALTH_OK, NULL,
		       "the store has all up to record %" PRIu32 ":%" PRIu64, st.at.boot_seq,
		       st.at.seq);
	check_quarantine(d, dirfd, st.quarantined);
}

static bool is_of_this_boot(const struct journal_status *st)
{
	char id[CLOCK_BOOT_ID_LEN + 1];

	return !clock_boot_id(id) && !strcmp(id, st->boot_id);
}

/* Somebody holds the journal's lock; whether that is an agent which works its heartbeat says. */
static void check_heartbeat(struct doctor *d, int dirfd)
{
	const struct conf *conf = d->c->conf;
	uint64_t now = clock_boot_ns(), late = 2 * conf->health_interval_ns, age;
	struct journal_status st;

	if (late < conf->health_silent_ns)
		late = conf->health_silent_ns;
	if (dirfd < 0 || journal_status_read(dirfd, &st) || !is_of_this_boot(&st) || st.stopped) {
		report(d, "agent", HEALTH_NOTE, "ask again in a moment",
		       "it holds the journal's lock and has no heartbeat yet");
		return;
	}
	age = now > st.written_boot_ns ? now - st.written_boot_ns : 0;
	d->pins_wanted = st.tier != 'D';
	if (journal_agent_stands(&st))
		report(d, "agent", HEALTH_BAD,
		       "'kill -CONT' its process, and find out who did that",
		       "its process is stopped, by a signal or a debugger: nothing is recorded");
	else if (age > late)
		report(d, "agent", HEALTH_BAD,
		       "'systemctl restart ajar-agent'; was it stopped, 'kill -CONT' its process",
		       "there, but without a heartbeat for %" PRIu64
		       " s: nothing is being recorded here",
		       age / 1000000000);
	else if (!st.attached)
		report(d, "agent", HEALTH_BAD, "systemctl restart ajar-agent",
		       "running, but its sensor does not see all doors of its own; its log and "
		       "'ajar timeline' say what was taken away");
	else
		report(d, "agent", HEALTH_OK, NULL, "running: tier %c, heartbeat %" PRIu64 " s ago",
		       st.tier, age / 1000000000);
}

static void check_agent(struct doctor *d, int dirfd)
{
	d->agent_runs = cmd_agent_runs(d->c);
	if (d->agent_runs > 0)
		check_heartbeat(d, dirfd);
	else if (d->agent_runs < 0)
		report(d, "agent", HEALTH_NOTE, "sudo ajar doctor", "this user may not know");
	else
		report(d, "agent", HEALTH_NOTE, "sudo ajar run",
		       "not running: nothing is being recorded here");
}

static void check_journal(struct doctor *d)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(4096);
	_close_ int dirfd = -1;

	if (paths_journal(d->c->conf, &path))
		return;
	dirfd = open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd >= 0) {
		check_journal_at(d, dirfd);
		check_shipper(d, dirfd);
	} else if (errno == ENOENT) {
		report(d, "journal", HEALTH_NOTE, "sudo ajar run", "none yet at '%s'", path.data);
	} else if (errno == EACCES) {
		report(d, "journal", HEALTH_NOTE, "sudo ajar doctor",
		       "'%s' cannot be read as this user", path.data);
	} else {
		report(d, "journal", HEALTH_BAD, NULL, "'%s': %s", path.data, strerror(errno));
	}
	check_agent(d, dirfd);
}

static void check_pins(struct doctor *d)
{
	struct buf path = BUF_INIT(1200);
	const char *dir;
	struct stat st;
	char fix[1300];

	if (paths_pin_dir(d->c->conf, &path)) {
		buf_done(&path);
		return;
	}
	dir = buf_str(&path);
	snprintf(fix, sizeof(fix), "rm -r %s", dir);
	if (stat(dir, &st) < 0 && errno == ENOENT && d->agent_runs > 0 && d->pins_wanted)
		report(d, "pins", HEALTH_NOTE, "systemctl restart ajar-agent",
		       "somebody removed '%s' of the running agent: if that is killed, its "
		       "successor finds no sensor",
		       dir);
	else if (stat(dir, &st) < 0)
		report(d, "pins", HEALTH_OK, NULL, "nothing is pinned at '%s'", dir);
	else if (d->agent_runs > 0)
		report(d, "pins", HEALTH_OK, NULL, "'%s', of the running agent", dir);
	else if (d->c->conf->keep_pins)
		report(d, "pins", HEALTH_OK, NULL,
		       "'%s' was kept: the sensor records for the next agent", dir);
	else
		report(d, "pins", HEALTH_NOTE, fix,
		       "'%s' is there and no agent runs with this --data: the next one takes it "
		       "over",
		       dir);
	buf_done(&path);
}

/* --- the store ------------------------------------------------------------------------------------- */

struct totals {
	uint64_t nodes, events, lost, last_ns;
};

static int add_node(const struct store_node *n, void *arg)
{
	struct totals *t = arg;

	t->nodes++;
	t->events += n->events;
	t->lost += n->lost;
	if (n->last_seen_ns > t->last_ns)
		t->last_ns = n->last_seen_ns;
	return 0;
}

static void check_events(struct doctor *d, struct store *s)
{
	struct totals t = { 0 };
	uint64_t now = clock_wall_ns();
	int err = store_nodes(s, add_node, &t);

	if (err) {
		report(d, "events", HEALTH_BAD, NULL, "cannot be read: %s", store_why(s));
		return;
	}
	if (!t.nodes)
		report(d, "events", HEALTH_NOTE, "sudo ajar run", "none yet");
	else
		report(d, "events", HEALTH_OK, NULL,
		       "%" PRIu64 " from %" PRIu64 " node%s, the last one %" PRIu64 " s ago",
		       t.events, t.nodes, plural(t.nodes),
		       now > t.last_ns ? (now - t.last_ns) / 1000000000 : 0);
	report(d, "events lost", t.lost ? HEALTH_NOTE : HEALTH_OK,
	       "ajar timeline: rows LOST and GAP say which", "%" PRIu64, t.lost);
}

static void check_profile(struct doctor *d, struct store *s)
{
	const char *host_type = d->c->conf->node_class;
	struct profile *p = NULL;
	int err = s ? store_profile_get(s, host_type, &p) : -ENOENT;

	if (err && err != -ENOENT)
		report(d, "profile", HEALTH_BAD, NULL, "cannot be read: %s", store_why(s));
	else if (!p || !p->accepted)
		report(d, "profile", HEALTH_NOTE, "ajar profile learn --write",
		       "learning: class '%s' has no accepted profile, nothing alerts", host_type);
	else
		report(d, "profile", HEALTH_OK, NULL, "class '%s': accepted, %zu row%s", host_type,
		       p->rows_len, plural(p->rows_len));
	profile_free(p);
}

struct class_rules {
	struct hostlist reported;
	unsigned all, idle;
	char first[128]; /* of those for nobody */
};

static int count_rule(const struct store_class_rule *r, void *arg)
{
	struct class_rules *k = arg;

	k->all++;
	if (!r->resolved_ns || !*r->resolved || reported_of_text(&k->reported, r->resolved))
		return 0;
	if (!k->idle++)
		snprintf(k->first, sizeof(k->first), "rule %" PRIu64 " (class '%.32s')", r->id,
			 r->host_type);
	return 0;
}

/*
 * A rule for nodes that nobody has heard of is a slip of the pen, and the nodes that were meant are
 * of another class.
 */
static void check_class_rules(struct doctor *d, struct store *s)
{
	struct class_rules k = { 0 };
	int err = reported_load(s, &k.reported);

	if (!err)
		err = store_class_rules(s, count_rule, &k);
	if (err)
		report(d, "class rules", HEALTH_BAD, NULL, "cannot be read: %s", store_why(s));
	else if (k.idle && k.reported.len)
		report(d, "class rules", HEALTH_NOTE,
		       "ajar node class, and 'ajar node' for the names of nodes",
		       "%u of %u name%s only nodes that have never reported: %s%s", k.idle, k.all,
		       k.idle == 1 ? "s" : "", k.first, k.idle > 1 ? ", ..." : "");
	else if (k.all)
		report(d, "class rules", HEALTH_OK, NULL, "%u", k.all);
	hostlist_done(&k.reported);
}

/* Has it what its role needs, and no more? */
static void check_account(struct doctor *d, struct store *s)
{
	_cleanup_(buf_done) struct buf little = BUF_INIT(1 << 16), much = BUF_INIT(1 << 16);
	const char *fix = "as the owner: ajar db grant, which brings an account in order";
	struct store_whoami me;
	int err = store_whoami(s, &me, &little, &much);

	if (err == -EOPNOTSUPP || err == -STORE_E_OLD)
		return;
	d->own_only = !err && (me.role == ACCOUNT_NODE || me.role == ACCOUNT_WEB);
	if (err)
		report(d, "store account", HEALTH_BAD, fix, "may not ask who it is: %s",
		       store_why(s));
	else if (little.len)
		report(d, "store account", HEALTH_BAD, fix, "%s, of the role %s, lacks %s",
		       me.account, store_role_name(me.role), buf_str(&little));
	else if (much.len)
		report(d, "store account", HEALTH_BAD, fix, "%s, of the role %s, may also %s",
		       me.account, store_role_name(me.role), buf_str(&much));
	else if (me.role == ACCOUNT_OWNER)
		report(d, "store account", HEALTH_NOTE,
		       "ajar db grant NODE, or --monitor NAME: accounts that may do less",
		       "%s may change the schema and every record", me.account);
	else
		report(d, "store account", HEALTH_OK, NULL,
		       "%s, %s%s%s: what it needs, no more; %s", me.account,
		       store_role_name(me.role), *me.node ? " " : "", me.node,
		       *me.cipher ? me.cipher : "not encrypted");
}

static void check_store(struct doctor *d)
{
	_cleanup_(buf_done) struct buf uri = BUF_INIT(4096);
	_cleanup_(store_freep) struct store *s = NULL;
	_free_ char *why = NULL;
	unsigned have = 0, want = 0;
	int err = paths_store_uri(d->c->conf, &uri);

	if (!err && !cmd_store_exists(d->c)) {
		report(d, "store", HEALTH_NOTE, "sudo ajar run", "none yet at '%s'", uri.data);
		check_profile(d, NULL);
		return;
	}
	if (!err)
		err = store_open(uri.data, STORE_READONLY, &s, &why);
	if (!err)
		err = store_schema(s, &have, &want);
	if (err) {
		report(d, "store", HEALTH_BAD, NULL, "%s", why ? why : store_error_text(err));
		return;
	}
	report(d, "store", HEALTH_OK, NULL, "%s, schema %u", uri.data, have);
	check_account(d, s);
	if (!d->own_only) { /* a node's account reads nothing of others */
		check_events(d, s);
		check_profile(d, s);
		check_class_rules(d, s);
	}
}

static int run(struct cmd_ctx *c)
{
	static const struct writer_field fields[] = {
		FIELD("check"), FIELD("ok"), FIELD("detail"), FIELD("fix"), { 0 }
	};
	struct doctor d = { .c = c, .b = BUF_INIT(1 << 16) };

	if (out_is_data(c) && out_open(c, fields, &d.w))
		return AJAR_EXIT_ERROR;
	check_sensor(&d);
	check_scope(&d);
	check_configuration(&d);
	check_role(&d);
	check_nmap(&d);
	check_disk(&d);
	check_journal(&d);
	check_pins(&d);
	check_store(&d);
	buf_done(&d.b);
	if (!d.out_err && out_is_data(c))
		d.out_err = writer_close(&d.w);
	writer_done(&d.w);
	if (d.out_err)
		return out_report(d.out_err);
	if (d.bad)
		log_info("%u of the checks failed", d.bad);
	return d.bad ? AJAR_EXIT_NEGATIVE : AJAR_EXIT_OK;
}

const struct cmd cmd_doctor = {
	.name = "doctor",
	.help = "what works here and what does not, with the command that fixes it",
	.more = "Exits 1 when something that is needed is missing. Changes nothing.",
	.options = cmd_csv_options,
	.run = run,
};
