/* SPDX-License-Identifier: GPL-2.0 */
/*
 * hostile_node --store URI --node NAME --class C --seconds N [--seed N] [--socket PATH --login L --db D]
 *
 * One node whose owner wishes the cluster ill. For N seconds it does at random whatever its rights
 * allow: as a shipper (valid records, damaged ones, wild numbers, floods, reports, installations)
 * and, with --socket, in SQL under its own account, whose password is in $AJAR_STORE_PASSWORD: calls
 * with any values, rows whose columns do not fit their record, locks that are held, questions that
 * take long, statements that it may not give. Prints what it did, how often, and how much of that
 * was refused ($HOSTILE_WHY: each time why). Ends with 0 unless nothing at all could be done.
 */
#include <errno.h>
#include <mysql.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/parse.h"
#include "fixtures.h"
#include "sim/sim.h"
#include "store/health.h"
#include "store/store.h"

#define SQL_WORKERS 3 /* with the one that ships as many connections as the account may have */
#define HELD_MAX_MS 1500 /* a lock, a question */
#define DEEDS_MAX 32

struct tally {
	uint64_t tried[DEEDS_MAX], refused[DEEDS_MAX];
};

struct evil {
	const char *uri, *node, *class, *socket, *login, *db;
	uint64_t seed, end_ns;
	struct sim_node random; /* only its generator */
	struct store *store;
	MYSQL *sql;
	char node_id[24];
	uint32_t boot;
	uint64_t seq;
	struct tally *tally;
};

static uint64_t below(struct evil *e, uint64_t n)
{
	return sim_node_random(&e->random, n);
}

/* Where programs count wrongly. */
static uint64_t odd(struct evil *e)
{
	const uint64_t now = clock_wall_ns(), hour = 3600 * SECOND_NS;
	const uint64_t values[] = { 0,
				    1,
				    2,
				    255,
				    256,
				    65535,
				    65536,
				    UINT32_MAX - 1,
				    UINT32_MAX,
				    (uint64_t)UINT32_MAX + 1,
				    INT64_MAX - 1,
				    INT64_MAX,
				    (uint64_t)INT64_MAX + 1,
				    UINT64_MAX - 1,
				    UINT64_MAX,
				    now,
				    now - hour,
				    now + hour,
				    now + 48 * hour,
				    below(e, 0),
				    below(e, 1000) };

	return values[below(e, array_len(values))];
}

/* --- as a shipper ------------------------------------------------------------------------------------- */

static struct store_event rows[STORE_BATCH_MAX];
static struct buf bytes[STORE_BATCH_MAX];

static void begin_batch(void)
{
	for (size_t i = 0; i < STORE_BATCH_MAX; i++)
		buf_done(&bytes[i]);
}

static void add_bytes(struct evil *e, size_t i, const struct event *ev)
{
	bytes[i] = (struct buf)BUF_INIT(EVENT_RECORD_MAX);
	event_encode(ev, &bytes[i]);
	rows[i] = (struct store_event){ .boot_seq = e->boot,
					.seq = ++e->seq,
					.recorded_ns = ev->time_ns,
					.received_ns = clock_wall_ns(),
					.record = { bytes[i].data, (uint32_t)bytes[i].len } };
	memset(rows[i].chain, (int)below(e, 256), SHA256_LEN);
}

static int put_rows(struct evil *e, size_t n)
{
	size_t added;

	return store_put_events(e->store, e->node, e->class, rows, n, &added);
}

/* Ports below 20000 only: those above are the honest nodes'. */
static struct event door_of(struct evil *e, char *exe, size_t size)
{
	static const enum event_kind kinds[] = {
		EVENT_OPEN, EVENT_OPEN,	  EVENT_CLOSE, EVENT_BIND,
		EVENT_HELD, EVENT_SETTLE, EVENT_START, EVENT_STOP
	};
	struct event ev = fixture_event(kinds[below(e, array_len(kinds))], 1 + below(e, 5000),
					1 + (uint32_t)below(e, 19999), clock_wall_ns());

	snprintf(exe, size, "/home/mlee/copy-%llu", (unsigned long long)below(e, 100000));
	ev.opener.exe = text_of(exe);
	ev.door.proto = (enum door_proto)(1 + below(e, 8));
	ev.reason = TEXT("tier A: whatever");
	return ev;
}

static int flood(struct evil *e)
{
	const size_t n = 1 + below(e, STORE_BATCH_MAX);
	char exe[64];

	begin_batch();
	for (size_t i = 0; i < n; i++) {
		const struct event ev = door_of(e, exe, sizeof(exe));

		add_bytes(e, i, &ev);
	}
	return put_rows(e, n);
}

static int damaged(struct evil *e)
{
	const size_t n = 1 + below(e, 20);
	char exe[64];

	begin_batch();
	for (size_t i = 0; i < n; i++) {
		const struct event ev = door_of(e, exe, sizeof(exe));

		add_bytes(e, i, &ev);
		for (uint64_t k = below(e, 20); k; k--)
			bytes[i].data[below(e, bytes[i].len)] = (char)below(e, 256);
		if (!below(e, 3))
			rows[i].record.len = (uint32_t)below(e, bytes[i].len + 1);
	}
	return put_rows(e, n);
}

static int wild_events(struct evil *e)
{
	static const char text[] = "\x1b[2J'; DROP TABLE events; --\n\xff\xfe<script>";
	const size_t n = 1 + below(e, 20);
	char exe[64];

	begin_batch();
	for (size_t i = 0; i < n; i++) {
		struct event ev = door_of(e, exe, sizeof(exe));

		ev.kind = (enum event_kind)below(e, 14);
		ev.origin = (enum event_origin)below(e, 5);
		ev.time_ns = odd(e);
		ev.boot_ns = odd(e);
		ev.opened_ns = odd(e);
		ev.count = odd(e);
		ev.from_seq = odd(e);
		ev.to_seq = odd(e);
		ev.door.port = (uint32_t)odd(e);
		ev.door.port = ev.door.port > 19999 ? 19999 : ev.door.port;
		ev.door.cookie = odd(e);
		ev.opener.known = below(e, 2);
		ev.opener.uid = (uint32_t)odd(e);
		ev.opener.start_ns = odd(e);
		ev.opener.argv = (struct text){ text, sizeof(text) };
		ev.reason = (struct text){ text, (uint32_t)below(e, sizeof(text)) };
		add_bytes(e, i, &ev);
		rows[i].recorded_ns = odd(e);
	}
	return put_rows(e, n);
}

static int wild_numbers(struct evil *e)
{
	const struct event ev = fixture_event(EVENT_OPEN, 1, 4444, clock_wall_ns());
	const size_t n = 1 + below(e, 50);

	begin_batch();
	for (size_t i = 0; i < n; i++) {
		add_bytes(e, i, &ev);
		e->seq--;
		rows[i].boot_seq = (uint32_t)odd(e);
		rows[i].seq = odd(e);
		rows[i].received_ns = odd(e);
	}
	return put_rows(e, n);
}

/* A boot of its own for what comes next: what is there already has other bytes. */
static int next_boot(struct evil *e)
{
	e->boot = 1 + (uint32_t)below(e, 1000000);
	e->seq = 0;
	return flood(e);
}

static int report(struct evil *e)
{
	struct store_health_reply reply;
	struct store_health h = { .host = below(e, 2) ? e->node : "elsewhere",
				  .boot_id = "00000000-0000-4000-8000-000000000001",
				  .version = "9.9",
				  .shipper = (enum health_shipper)(1 + below(e, 3)),
				  .agent = (enum health_agent)below(e, 4),
				  .agent_age_ns = odd(e),
				  .tier = (char)('A' + below(e, 5)),
				  .attached = below(e, 2),
				  .sensor = "tier A: all is well",
				  .addresses = "127.0.0.1",
				  .boot_seq = (uint32_t)odd(e),
				  .seq = odd(e),
				  .journal_bytes = odd(e),
				  .journal_max_bytes = odd(e),
				  .backlog_records = odd(e),
				  .backlog_bytes = odd(e),
				  .backlog_ns = odd(e),
				  .lost = odd(e),
				  .conflicts = odd(e),
				  .quarantined = odd(e),
				  .interval_ns = odd(e),
				  .wall_ns = odd(e),
				  .rtt_ns = odd(e),
				  .step_ns = (int64_t)odd(e),
				  .stepped_ns = odd(e) };

	h.installation[0] = (uint8_t)below(e, below(e, 2) ? 2 : 256);
	h.session[0] = (uint8_t)below(e, 3);
	return store_put_health(e->store, e->node, e->class, &h, odd(e), &reply);
}

static int claim(struct evil *e)
{
	const uint8_t installation[INSTALLATION_LEN] = { (uint8_t)below(e, 256) };
	uint32_t boot;

	return store_claim_boot(e->store, e->node, installation,
				"00000000-0000-4000-8000-000000000001", (uint32_t)odd(e), &boot);
}

static int as_another(struct evil *e)
{
	const struct event ev = fixture_event(EVENT_OPEN, 1, 4444, clock_wall_ns());
	size_t added;

	begin_batch();
	add_bytes(e, 0, &ev);
	e->seq--;
	return store_put_events(e->store, "honest01", e->class, rows, 1, &added);
}

/* --- in SQL ------------------------------------------------------------------------------------------- */

static int connect_sql(struct evil *e)
{
	const unsigned sock = MYSQL_PROTOCOL_SOCKET, wait_s = 10;

	if (e->sql)
		mysql_close(e->sql);
	e->sql = mysql_init(NULL);
	mysql_options(e->sql, MYSQL_OPT_PROTOCOL, &sock);
	mysql_options(e->sql, MYSQL_OPT_READ_TIMEOUT, &wait_s);
	if (mysql_real_connect(e->sql, "localhost", e->login, getenv("AJAR_STORE_PASSWORD"), e->db,
			       0, e->socket, CLIENT_MULTI_STATEMENTS))
		return 0;
	mysql_close(e->sql);
	e->sql = NULL;
	return -EACCES;
}

/* Its first value in out (optional). */
static int ask(struct evil *e, const char *sql, size_t len, char *out, size_t size)
{
	MYSQL_RES *res;
	MYSQL_ROW row;
	int err;

	if (!e->sql && connect_sql(e))
		return -EACCES;
	err = mysql_real_query(e->sql, sql, len) ? -EPERM : 0;
	while (!err) {
		res = mysql_store_result(e->sql);
		row = res ? mysql_fetch_row(res) : NULL;
		if (row && row[0] && out)
			snprintf(out, size, "%s", row[0]);
		mysql_free_result(res);
		err = mysql_next_result(e->sql);
		if (err < 0)
			return 0;
	}
	if (getenv("HOSTILE_WHY"))
		fprintf(stderr, "%u %s: %.70s\n", mysql_errno(e->sql), mysql_error(e->sql), sql);
	if (mysql_errno(e->sql) >= 2000 && mysql_errno(e->sql) < 3000)
		(void)connect_sql(e);
	return -EPERM;
}

static int say(struct evil *e, const char *sql)
{
	return ask(e, sql, strlen(sql), NULL, 0);
}

static void put_nonsense(struct evil *e, struct buf *b)
{
	static const char *const values[] = {
		"NULL",
		"-1",
		"-9223372036854775808",
		"18446744073709551615",
		"1e308",
		"''",
		"'x'",
		"repeat('x', 255)",
		"x'00'",
		"repeat('y', 70000)",
		"random_bytes(16)",
		"sysdate()",
	};

	buf_puts(b, values[below(e, array_len(values))]);
}

/* What fits the parameter, which `type` names as in calls[]. */
static void put_value(struct evil *e, struct buf *b, char type)
{
	const char *class = below(e, 4) ? e->class : "another";

	switch (type) {
	case 'c':
		buf_printf(b, "'%s'", class);
		break;
	case 'n': /* 32 bits */
		buf_printf(b, "%u", (uint32_t)(below(e, 2) ? odd(e) : 1 + below(e, 20)));
		break;
	case 's':
		buf_printf(b, "%u", (unsigned)below(e, 5));
		break;
	case '-':
		buf_printf(b, "%lld", (long long)odd(e));
		break;
	case 'b': /* bytes; few installations come often */
		buf_printf(b, "repeat(char(%u), 8)", (unsigned)below(e, 5));
		break;
	case 't':
		buf_printf(b, "substr('00000000-0000-4000-8000-000000000001', 1, %u)",
			   (unsigned)below(e, 37));
		break;
	case 'a':
		buf_printf(b, "'%c'", (int)('A' + below(e, 5)));
		break;
	case 'w':
		buf_puts(b, below(e, 2) ? "'tier A: all is well; at 127.0.0.1'"
					: "concat(char(27), '[2J', char(10), '<script>')");
		break;
	default:
		buf_printf(b, "%llu", (unsigned long long)odd(e));
	}
}

static int call(struct evil *e)
{
	static const struct {
		const char *name, *types;
	} calls[] = {
		{ "own_begin", "nc" },
		{ "own_note", "nN" },
		{ "own_end", "nNNn" },
		{ "own_claim", "btn" },
		{ "own_login", "cn" },
		{ "own_report", "cNbbbttwssNaswnNbNNNNNNNNNNN-N" },
		{ "own_report", "cNbbbttwssNaswnNbNNNNNNNNNNN-N" },
		{ "own_executable", "cbbwssttnNNNN" },
	};
	const size_t which = below(e, array_len(calls));
	const bool fits = below(e, 4);
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 16);

	buf_printf(&b, "CALL %s(", calls[which].name);
	for (const char *t = calls[which].types; *t; t++) {
		buf_puts(&b, t > calls[which].types ? ", " : "");
		if (!fits && below(e, 2))
			put_nonsense(e, &b);
		else
			put_value(e, &b, *t);
	}
	buf_puts(&b, ")");
	return ask(e, b.data, b.len, NULL, 0);
}

static void my_node(struct evil *e)
{
	char sql[80];

	if (e->node_id[0])
		return;
	snprintf(sql, sizeof(sql), "CALL own_begin(1, '%s')", e->class);
	(void)say(e, sql);
	(void)ask(e, "SELECT max(node_id) FROM own_boots", 34, e->node_id, sizeof(e->node_id));
}

/* The columns say one thing, the record another or nothing. */
static void put_row(struct evil *e, struct buf *b, uint64_t boot, uint64_t seq)
{
	_cleanup_(buf_done) struct buf record = BUF_INIT(EVENT_RECORD_MAX);
	char exe[64];
	const struct event ev = door_of(e, exe, sizeof(exe));
	const uint64_t happened = below(e, 3) ? clock_wall_ns() : odd(e);

	event_encode(&ev, &record);
	buf_printf(b,
		   "INSERT INTO own_events (node_id, boot_seq, seq, happened_ns, recorded_ns, "
		   "received_ns, day, kind, origin, port, record_count, gap_from, gap_to, reason, "
		   "chain, record) VALUES (%s, %llu, %llu, %llu, %llu, %llu, %llu, %llu, %llu, "
		   "%llu, %llu, %llu, %llu, repeat('r', %llu), random_bytes(32), x'",
		   e->node_id[0] ? e->node_id : "0", (unsigned long long)boot,
		   (unsigned long long)seq, (unsigned long long)happened,
		   (unsigned long long)odd(e), (unsigned long long)clock_wall_ns(),
		   (unsigned long long)(happened / (86400 * SECOND_NS)),
		   (unsigned long long)below(e, 12), (unsigned long long)below(e, 5),
		   (unsigned long long)(odd(e) & UINT32_MAX), (unsigned long long)odd(e),
		   (unsigned long long)(below(e, 2) ? odd(e) : 1 + below(e, 5)),
		   (unsigned long long)odd(e), (unsigned long long)below(e, 4000));
	for (size_t i = 0; i < record.len && (i < 3 || below(e, 300)); i++)
		buf_printf(b, "%02x", (unsigned char)record.data[i]);
	buf_puts(b, "')");
}

static int insert(struct evil *e)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 16);
	const uint64_t boot = below(e, 3) ? 1 + below(e, 300) : odd(e) & UINT32_MAX;
	const uint64_t seq = below(e, 3) ? 1 + below(e, 100000) : odd(e);
	int err;

	my_node(e);
	buf_printf(&b, "CALL own_begin(%llu, '%s');", (unsigned long long)boot, e->class);
	put_row(e, &b, boot, seq);
	err = ask(e, b.data, b.len, NULL, 0);
	buf_reset(&b);
	buf_printf(&b, "CALL own_note(%llu, %llu);CALL own_end(%llu, %llu, %llu, %llu)",
		   (unsigned long long)boot, (unsigned long long)seq, (unsigned long long)boot,
		   (unsigned long long)(below(e, 2) ? seq : odd(e)), (unsigned long long)seq,
		   (unsigned long long)(below(e, 2) ? 1 : odd(e) & UINT32_MAX));
	return err ? err : ask(e, b.data, b.len, NULL, 0);
}

/* The rows that others need, for as long as it may. */
static int hold_locks(struct evil *e)
{
	static const char *const views[] = { "own_account", "own_class",   "own_profile",
					     "own_boots",   "own_digests", "own_health",
					     "own_claims" };
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 16);
	const uint64_t boot = below(e, 2) ? 1 : 1 + below(e, 300);
	int err;

	my_node(e);
	if (below(e, 2))
		(void)say(e, "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE");
	(void)say(e, "SET SESSION innodb_lock_wait_timeout = 2");
	err = say(e, "START TRANSACTION");
	buf_printf(&b, "CALL own_begin(%llu, '%s');", (unsigned long long)boot, e->class);
	put_row(e, &b, boot, 1 + below(e, 1000000));
	(void)ask(e, b.data, b.len, NULL, 0);
	for (size_t i = 0; i < array_len(views); i++) {
		buf_reset(&b);
		buf_printf(&b, "SELECT * FROM %s LIMIT 1000 %s", views[i],
			   below(e, 2) ? "LOCK IN SHARE MODE" : "FOR UPDATE");
		(void)ask(e, b.data, b.len, NULL, 0);
	}
	poll(NULL, 0, (int)below(e, HELD_MAX_MS));
	(void)say(e, below(e, 2) ? "COMMIT" : "ROLLBACK");
	return err;
}

static int long_question(struct evil *e)
{
	static const char *const questions[] = {
		"SELECT count(*) FROM own_digests a, own_digests b WHERE a.digest < b.digest LIMIT "
		"1",
		"SELECT benchmark(2000000, sha2('x', 512))",
		"SELECT repeat('x', 4000000)",
		"SELECT get_lock('ajar', 1)",
		"SELECT SLEEP(1)",
	};
	char sql[200];

	/* MariaDB's own limit, so that the attack ends when it shall. */
	snprintf(sql, sizeof(sql), "SET STATEMENT max_statement_time = 2 FOR %s",
		 questions[below(e, array_len(questions))]);
	return say(e, sql);
}

static int forbidden(struct evil *e)
{
	static const char *const statements[] = {
		"UPDATE journals SET judged_seq = stored_seq",
		"UPDATE own_boots SET head_seq = 0",
		"UPDATE own_account SET cluster_uuid = 'x'",
		"UPDATE own_class SET accepted_ns = 0",
		"DELETE FROM own_profile",
		"INSERT INTO own_profile (port, host_type) VALUES (4444, 'compute')",
		"DELETE FROM own_events",
		"TRUNCATE events",
		"DROP TABLE events",
		"INSERT INTO own_claims (boot_seq) VALUES (1)",
		"LOCK TABLES own_events WRITE",
		"FLUSH TABLES WITH READ LOCK",
		"FLUSH HOSTS",
		"SET GLOBAL read_only = 1",
		"SET GLOBAL max_connections = 1",
		"CREATE TEMPORARY TABLE t (x INT)",
		"CREATE TABLE t (x INT)",
		"KILL 5",
		"SHUTDOWN",
		"SELECT load_file('/etc/passwd')",
		"SELECT 1 INTO OUTFILE '/tmp/ajar-evil'",
		"CALL retention_events(1, 1, 1)",
		"INSERT INTO requests (id, verb) VALUES (1, 1)",
		"INSERT IGNORE INTO own_events (node_id, boot_seq, seq) VALUES (1, 1, 1)",
	};

	return say(e, statements[below(e, array_len(statements))]);
}

static int again(struct evil *e)
{
	return connect_sql(e);
}

/* --- all of it ---------------------------------------------------------------------------------------- */

static const struct deed {
	const char *what;
	int (*fn)(struct evil *e);
	bool sql;
	unsigned weight;
} deeds[] = {
	{ "floods of valid records", flood, false, 6 },
	{ "damaged records", damaged, false, 6 },
	{ "events with wild values", wild_events, false, 6 },
	{ "wild boots and numbers", wild_numbers, false, 4 },
	{ "invented boots", next_boot, false, 2 },
	{ "reports with wild values", report, false, 6 },
	{ "claims of boots", claim, false, 3 },
	{ "records in another's name", as_another, false, 1 },
	{ "calls with any values", call, true, 8 },
	{ "rows that do not fit their record", insert, true, 8 },
	{ "locks held", hold_locks, true, 2 },
	{ "long questions", long_question, true, 1 },
	{ "what it may not do", forbidden, true, 6 },
	{ "new connections", again, true, 2 },
};

static const struct deed *choose(struct evil *e, bool sql)
{
	uint64_t sum = 0, at;

	for (size_t i = 0; i < array_len(deeds); i++)
		sum += deeds[i].sql == sql ? deeds[i].weight : 0;
	at = below(e, sum);
	for (size_t i = 0; i < array_len(deeds); i++) {
		if (deeds[i].sql != sql)
			continue;
		if (at < deeds[i].weight)
			return &deeds[i];
		at -= deeds[i].weight;
	}
	return &deeds[0];
}

/* On one machine with the honest nodes, so it may be known whose records they are: its own only. */
static bool may(const struct evil *e, const struct deed *d)
{
	return e->socket || d->fn != as_another;
}

static int work(struct evil *e, unsigned me)
{
	_free_ char *why = NULL;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	e->random.random = e->seed * 1000 + me;
	e->boot = 1 + me;
	if (!me && store_open(e->uri, 0, &e->store, &why)) {
		fprintf(stderr, "hostile_node: %s\n", why ? why : "?");
		return 1;
	}
	while (clock_boot_ns() < e->end_ns) {
		const struct deed *d = choose(e, me != 0);
		int err = may(e, d) ? d->fn(e) : 0;

		__atomic_fetch_add(&e->tally->tried[d - deeds], 1, __ATOMIC_RELAXED);
		if (err)
			__atomic_fetch_add(&e->tally->refused[d - deeds], 1, __ATOMIC_RELAXED);
	}
	begin_batch();
	store_free(e->store);
	if (e->sql)
		mysql_close(e->sql);
	return 0;
}

static int parse_args(struct evil *e, int argc, char **argv, uint64_t *seconds)
{
	const struct {
		const char *name, **text;
		uint64_t *number;
	} all[] = { { "--store", &e->uri, NULL },   { "--node", &e->node, NULL },
		    { "--class", &e->class, NULL }, { "--socket", &e->socket, NULL },
		    { "--login", &e->login, NULL }, { "--db", &e->db, NULL },
		    { "--seconds", NULL, seconds }, { "--seed", NULL, &e->seed } };

	for (int i = 1; i + 1 < argc; i += 2) {
		for (size_t k = 0; k < array_len(all); k++) {
			if (strcmp(all[k].name, argv[i]))
				continue;
			if (all[k].text)
				*all[k].text = argv[i + 1];
			else if (parse_u64(argv[i + 1], all[k].number))
				return -EINVAL;
		}
	}
	return e->uri && e->node && e->class && *seconds ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct evil e = { .seed = clock_wall_ns() / 1000 % 1000000, .login = "evil", .db = "ajar" };
	uint64_t seconds = 0, done = 0;
	unsigned workers;

	if (parse_args(&e, argc, argv, &seconds)) {
		fprintf(stderr, "hostile_node --store URI --node NAME --class C --seconds N ...\n");
		return 2;
	}
	e.tally = mmap(NULL, sizeof(*e.tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (e.tally == MAP_FAILED)
		return 1;
	printf("seed %llu\n", (unsigned long long)e.seed);
	fflush(stdout);
	e.end_ns = clock_boot_ns() + seconds * SECOND_NS;
	workers = e.socket ? 1 + SQL_WORKERS : 1;
	for (unsigned i = 0; i < workers; i++)
		if (!fork())
			_exit(work(&e, i));
	while (wait(NULL) > 0)
		;
	for (size_t i = 0; i < array_len(deeds); i++) {
		done += e.tally->tried[i] - e.tally->refused[i];
		if (e.tally->tried[i])
			printf("%-34s %7llu times, %7llu refused\n", deeds[i].what,
			       (unsigned long long)e.tally->tried[i],
			       (unsigned long long)e.tally->refused[i]);
	}
	return done ? 0 : 1;
}
