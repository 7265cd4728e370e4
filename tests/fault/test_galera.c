/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "fault/ledger.h"
#include "monitor/judge.h"
#include "store/mariadb.h"

/*
 * A Galera cluster of three on loopback; four nodes ship into it through a list of hosts and a
 * monitor judges, each writing to whatever host answers. The server that is written to is killed,
 * one after the other, and comes back where it died; shippers and monitors are killed, too. In the
 * end all three servers have what the journals have, record by record, each door was judged once,
 * and the alerts count each of them once.
 */
#define PORT 23100 /* and 39 behind it */
#define SERVERS 3
#define NODES 4
#define MONITORS 1
#define DEADLINE_MS 60000

static struct mariadb servers[SERVERS];
static struct node nodes[NODES];
static pid_t shippers[NODES], monitors[MONITORS];
static volatile sig_atomic_t asked_to_stop;

static void on_term(int signo)
{
	(void)signo;
	asked_to_stop = 1;
}

static uint32_t next_random(void)
{
	static uint64_t x;

	if (!x)
		x = 88172645463325252ULL ^ (uint64_t)getpid() << 20;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 16);
}

/* --- the cluster ---------------------------------------------------------------------------------------- */

static int start_server(int i)
{
	char text[7][300];
	const char *more[] = {
		"--wsrep-on=ON",
		"--wsrep-provider=/usr/lib/galera/libgalera_smm.so",
		"--wsrep-cluster-name=ajar-test",
		"--wsrep-sst-method=seed", /* of ours: they begin with the same data */
		"--binlog-format=ROW",
		"--innodb-autoinc-lock-mode=2",
		"--bind-address=127.0.0.1",
		text[0],
		text[1],
		text[2],
		text[3],
		text[4],
		i ? NULL : "--wsrep-new-cluster",
		NULL
	};
	int base = PORT + 10 * i;

	snprintf(text[0], 300,
		 "--wsrep-cluster-address=gcomm://127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d", PORT + 1,
		 PORT + 11, PORT + 21);
	snprintf(text[1], 300, "--wsrep-node-address=127.0.0.1:%d", base + 1);
	snprintf(text[2], 300,
		 "--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:%d;"
		 "ist.recv_addr=127.0.0.1:%d;gcache.size=64M;evs.keepalive_period=PT0.5S;"
		 "evs.suspect_timeout=PT2S;evs.inactive_timeout=PT5S;evs.install_timeout=PT5S",
		 base + 1, base + 2);
	snprintf(text[3], 300, "--port=%d", base);
	snprintf(text[4], 300, "--wsrep-node-name=n%d", i + 1);
	return mdb_start(&servers[i], more);
}

static bool is_synced(int i)
{
	static const char ask[] = "SHOW STATUS LIKE 'wsrep_local_state_comment'";
	const unsigned sock = MYSQL_PROTOCOL_SOCKET;
	MYSQL *c = mysql_init(NULL);
	MYSQL_RES *res = NULL;
	MYSQL_ROW row = NULL;
	bool synced;

	mysql_options(c, MYSQL_OPT_PROTOCOL, &sock);
	if (mysql_real_connect(c, "localhost", "ajar", "", NULL, 0, servers[i].sock, 0) &&
	    !mysql_real_query(c, ask, sizeof(ask) - 1))
		res = mysql_store_result(c);
	if (res)
		row = mysql_fetch_row(res);
	synced = row && row[1] && !strcmp(row[1], "Synced");
	mysql_free_result(res);
	mysql_close(c);
	return synced;
}

static bool wait_synced(int i)
{
	uint64_t end = clock_boot_ns() + DEADLINE_MS * UINT64_C(1000000);

	while (!is_synced(i)) {
		if (clock_boot_ns() > end)
			return false;
		poll(NULL, 0, 100);
	}
	return true;
}

static int start_cluster(void)
{
	char seed[250];
	int err = start_server(0);

	if (err)
		return err;
	snprintf(seed, sizeof(seed), "%.*s/seed",
		 (int)(strrchr(servers[0].sock, '/') - servers[0].sock), servers[0].sock);
	setenv("AJAR_WSREP_SEED", seed, 1);
	for (int i = 1; !err && i < SERVERS; i++) {
		err = start_server(i);
		if (!err && !wait_synced(i))
			err = -ETIMEDOUT;
	}
	unsetenv("AJAR_WSREP_SEED");
	return err;
}

static void uri_of(char *uri, size_t size, int first)
{
	int port[SERVERS];

	for (int i = 0; i < SERVERS; i++)
		port[i] = PORT + 10 * ((first + i) % SERVERS);
	snprintf(uri, size,
		 "mysql://ajar@127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d/"
		 "ajar?tls=off&timeout=20&member=required",
		 port[0], port[1], port[2]);
}

static struct store *open_store(int first, unsigned flags)
{
	_free_ char *why = NULL;
	struct store *s = NULL;
	char uri[300];

	uri_of(uri, sizeof(uri), first);
	if (store_open(uri, flags, &s, &why))
		printf("# %s\n", why ? why : "?");
	return s;
}

/* --- those who use it: processes of their own ------------------------------------------------------------- */

static int ship_until_asked(struct node *n, struct store *s, struct ship *ship)
{
	const uint64_t end = clock_boot_ns() + 4 * DEADLINE_MS * UINT64_C(1000000);

	for (;;) {
		bool last = asked_to_stop;
		int more = 1;

		if (!last && !node_append(n, 1 + next_random() % 30))
			return 2;
		while (more && (!asked_to_stop || last)) {
			more = ship_step(ship);
			if (more >= 0)
				continue;
			if (store_fault(more) != STORE_RETRY || clock_boot_ns() > end) {
				printf("# %s: %d %s\n", n->name, more, ship_why(ship));
				fflush(stdout);
				return 3;
			}
			(void)s;
			poll(NULL, 0, 50 + (int)(next_random() % 200));
			break;
		}
		if (last && !more)
			return 0;
		poll(NULL, 0, (int)(next_random() % 60));
	}
}

static int shipper(int i)
{
	struct journal_opts o = { .node = nodes[i].name, .segment_bytes = 1 << 20 };
	struct store *s = open_store(0, 0);
	struct ship *ship = NULL;
	_free_ char *why = NULL;
	int err;

	while (!s && !asked_to_stop) {
		poll(NULL, 0, 200);
		s = open_store(0, 0);
	}
	err = journal_open(nodes[i].dirfd, &o, "11111111-1111-1111-1111-111111111111", &nodes[i].j,
			   &why);
	if (!s || err || node_ship(&nodes[i], s, &ship))
		return 1;
	/* Each life of it has cookies of its own. */
	nodes[i].cookie = (clock_boot_ns() & ~UINT64_C(0xffff)) << 4 | (uint64_t)i << 16;
	err = ship_until_asked(&nodes[i], s, ship);
	ship_free(ship);
	store_free(s);
	journal_free(nodes[i].j);
	return err;
}

static int monitor(int i)
{
	const struct judge_opts o = { 0 };
	struct judge *j = NULL;
	struct store *s = NULL;

	while (!asked_to_stop) {
		uint64_t next;
		unsigned changes;
		int err;

		if (!s)
			s = open_store(i + 1, 0);
		if (s && !j && judge_new(s, &o, &j))
			return 1;
		err = j ? judge_step(j, clock_wall_ns(), &changes, &next) : -ENOTCONN;
		if (err && err != -ECANCELED && store_fault(err) == STORE_STOP) {
			printf("# monitor: %d %s\n", err, store_why(s));
			fflush(stdout);
			return 2;
		}
		poll(NULL, 0, 50);
	}
	judge_free(j);
	store_free(s);
	return 0;
}

static pid_t spawn(int (*fn)(int), int i)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		signal(SIGTERM, on_term);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(fn(i));
	}
	return pid;
}

static void kill_one(pid_t *pid, int (*fn)(int), int i)
{
	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	*pid = spawn(fn, i);
}

/* --- the test ----------------------------------------------------------------------------------------------- */

static long long number(int i, const char *text)
{
	char out[64];

	return mdb_sql(&servers[i], "ajar", text, out, sizeof(out)) ? -1 : strtoll(out, NULL, 10);
}

static bool grows(int i, const char *text, long long by)
{
	uint64_t end = clock_boot_ns() + DEADLINE_MS * UINT64_C(1000000);
	long long first = number(i, text);

	while (number(i, text) < first + by) {
		if (clock_boot_ns() > end)
			return false;
		poll(NULL, 0, 50);
	}
	return true;
}

static void kill_servers(int kills)
{
	static const char events[] = "SELECT count(*) FROM events";

	for (int k = 0; k < kills; k++) {
		int victim = k % SERVERS, other = (victim + 1) % SERVERS;
		uint64_t start;
		bool good;

		good = grows(other, events, 200);
		kill_one(&shippers[k % NODES], shipper, k % NODES);
		kill_one(&monitors[k % MONITORS], monitor, k % MONITORS);
		poll(NULL, 0, (int)(next_random() % 300));
		kill(servers[victim].pid, SIGUSR1);
		good = !mdb_wait(&servers[victim], "dead") && good;
		start = clock_boot_ns();
		good = good && grows(other, events, 50);
		printf("# records came in again %llu ms after server %d was killed\n",
		       (unsigned long long)(clock_boot_ns() - start) / 1000000, victim + 1);
		kill(servers[victim].pid, SIGUSR2);
		good = !mdb_wait(&servers[victim], "ready") && good && wait_synced(victim);
		ok(good,
		   "server %d is killed and comes back, and the others are written to meanwhile",
		   victim + 1);
	}
}

static void end_shippers(void)
{
	int status, bad = 0;

	for (int i = 0; i < NODES; i++)
		kill(shippers[i], SIGTERM);
	for (int i = 0; i < NODES; i++) {
		waitpid(shippers[i], &status, 0);
		bad += status != 0;
		shippers[i] = 0;
	}
	is_int(bad, 0, "the shippers bring home what is left");
}

static void judge_the_rest(struct store *s)
{
	const struct judge_opts o = { 0 };
	struct judge *j = NULL;
	uint64_t next, end = clock_boot_ns() + DEADLINE_MS * UINT64_C(1000000);
	unsigned changes;
	int err = judge_new(s, &o, &j);

	for (int i = 0; i < MONITORS; i++) {
		kill(monitors[i], SIGTERM);
		waitpid(monitors[i], NULL, 0);
		monitors[i] = 0;
	}
	while (!err && number(0, "SELECT count(*) FROM journals WHERE is_pending = 1") > 0 &&
	       clock_boot_ns() < end) {
		err = judge_step(j, clock_wall_ns(), &changes, &next);
		if (err && (err == -ECANCELED || store_fault(err) == STORE_RETRY))
			err = 0;
	}
	judge_free(j);
	is_int(err, 0, "a monitor judges what is left");
}

/* What is in the log, for whoever reads that it is too much: mdb_sql() gives one value. */
static void print_log(void)
{
	static char out[16384];

	if (!mdb_sql(&servers[0], "ajar",
		     "SELECT group_concat('# ', l.id, ' ', l.alert_id, ' ', l.at_ns, ' ', l.who, "
		     "' ', l.state, ' ', coalesce(l.open_count, '-'), ' ', coalesce(l.note, '-') "
		     "ORDER BY l.id SEPARATOR '\n') FROM alert_log l JOIN alerts a ON "
		     "a.id = l.alert_id WHERE a.port = 4444",
		     out, sizeof(out)))
		printf("%s\n", out);
}

/* Where the counts differ: those of the alert, of its nodes, of the doors. */
static void print_counts(void)
{
	static char out[16384];

	if (!mdb_sql(&servers[0], "ajar",
		     "SELECT group_concat('# node ', n.name, ': alert_nodes ', x.open_count, "
		     "', doors ', (SELECT count(*) FROM doors d WHERE d.node_id = n.id), "
		     "', told ', a.open_count, ', node_count ', a.node_count SEPARATOR '\n') "
		     "FROM alerts a JOIN alert_nodes x ON x.alert_id = a.id JOIN nodes n ON "
		     "n.id = x.node_id WHERE a.port = 4444",
		     out, sizeof(out)))
		printf("%s\n", out);
	if (!mdb_sql(
		    &servers[0], "ajar",
		    "SELECT group_concat('# door of ', x.node_id, ', boot ', x.boot_seq, ', seq ', "
		    "x.open_seq, ': verdict ', x.verdict, ', key ', coalesce(x.alert_key, '-'), "
		    "', records of that boot ', x.records SEPARATOR '\n') FROM (SELECT d.*, "
		    "(SELECT "
		    "group_concat(concat(l.base_seq, '-', l.judged_seq)) FROM journals l WHERE "
		    "l.node_id = d.node_id AND l.boot_seq = d.boot_seq) AS records FROM doors d "
		    "WHERE d.alert_key IS NULL OR d.verdict <> 3 LIMIT 20) x",
		    out, sizeof(out)))
		printf("%s\n", out);
	print_log();
}

static void compare(void)
{
	uint64_t end = clock_boot_ns() + DEADLINE_MS * UINT64_C(1000000);
	long long rows = number(0, "SELECT count(*) FROM events");

	for (int i = 0; i < SERVERS; i++) {
		struct store *s;
		unsigned good = 0;

		while (number(i, "SELECT count(*) FROM events") < rows && clock_boot_ns() < end)
			poll(NULL, 0, 50);
		s = open_store(i, STORE_READONLY);
		for (int k = 0; s && k < NODES; k++)
			good += node_is_stored(&nodes[k], s);
		store_free(s);
		is_int(good, NODES, "server %d has the journals of all %d nodes, record by record",
		       i + 1, NODES);
		is_int(number(i, "SELECT count(*) FROM events"), rows, "and nothing else");
	}
	is_int(number(0, "SELECT CAST(sum(event_count) AS UNSIGNED) FROM nodes"), rows,
	       "%lld records are counted once each", rows);
	is_int(number(0, "SELECT count(*) FROM doors"), rows, "each door was judged");
	if (!is_int(number(0, "SELECT CAST(sum(open_count) AS UNSIGNED) FROM alerts WHERE port = "
			      "4444"),
		    rows, "the alerts about them count each once"))
		print_counts();
	is_int(number(0, "SELECT count(*) FROM alerts WHERE port = 4444"),
	       number(0, "SELECT count(DISTINCT alert_key) FROM doors"), "an alert for each key");
	/*
	 * That it stands on more nodes than when it was raised is reported half a minute later, if
	 * this takes so long.
	 */
	if (!is_int(number(0, "SELECT count(*) FROM alert_log l JOIN alerts a ON a.id = l.alert_id "
			      "WHERE "
			      "a.port = 4444 AND l.note <> 'on more nodes'"),
		    number(0, "SELECT count(*) FROM alerts WHERE port = 4444"),
		    "and each was raised once, though monitors died"))
		print_log();
}

static int prepare(void)
{
	static const char *const accounts[] = { "CREATE USER ajar@'127.0.0.1'",
						"GRANT ALL ON *.* TO ajar@'127.0.0.1'" };
	const struct profile_row row = { .port = 22, .proto = PROTO_TCP };
	struct store *s;
	int err = 0;

	for (size_t i = 0; i < array_len(accounts); i++)
		err |= mdb_sql(&servers[0], NULL, accounts[i], NULL, 0);
	s = open_store(0, STORE_CREATE);
	if (!s || err)
		return -EIO;
	err = store_profile_add(s, "compute", &row, 1, true, clock_wall_ns(), NULL);
	ok(strstr(store_group(s), "galera "), "the store is in the cluster '%s'", store_group(s));
	store_free(s);
	for (int i = 0; i < NODES; i++) {
		char name[24];

		snprintf(name, sizeof(name), "n%d", i + 1);
		if (!node_open(&nodes[i], name))
			return -EIO;
		journal_free(take_ptr(nodes[i].j)); /* its shipper's to write */
	}
	return err;
}

static void clean_up(void)
{
	for (int i = 0; i < NODES; i++) {
		if (shippers[i] > 0)
			kill(shippers[i], SIGKILL);
		if (nodes[i].dir[0])
			node_done(&nodes[i]);
	}
	for (int i = 0; i < MONITORS; i++) {
		if (monitors[i] > 0)
			kill(monitors[i], SIGKILL);
	}
	for (int i = 0; i < SERVERS; i++)
		mdb_stop(&servers[i]);
}

int main(void)
{
	struct store *s;

	if (access("/usr/lib/galera/libgalera_smm.so", R_OK))
		tap_skip_all("galera-4 is missing: run 'make deps-test' as root");
	for (int i = 0; i < SERVERS; i++)
		servers[i] = (struct mariadb){ .in = -1, .out = -1 };
	if (start_cluster()) {
		ok(false, "a cluster of three starts: %s", servers[0].why);
		clean_up();
		return tap_done();
	}
	ok(number(2, "SELECT 1") == 1, "a cluster of three starts");
	if (!is_int(prepare(), 0, "it has the schema and a profile")) {
		clean_up();
		return tap_done();
	}
	for (int i = 0; i < NODES; i++)
		shippers[i] = spawn(shipper, i);
	for (int i = 0; i < MONITORS; i++)
		monitors[i] = spawn(monitor, i);
	kill_servers(getenv("AJAR_LONG") ? 30 : SERVERS);
	end_shippers();
	s = open_store(0, 0);
	if (ok(s, "the store opens"))
		judge_the_rest(s);
	store_free(s);
	compare();
	clean_up();
	return tap_done();
}
