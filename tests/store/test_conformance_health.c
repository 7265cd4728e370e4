/* SPDX-License-Identifier: GPL-2.0 */
#include "store/conformance.h"
#include "store/health.h"

/* What store/health.h promises, tried on each driver. */

#define MINUTE UINT64_C(60000000000)

static const uint8_t inst_a[INSTALLATION_LEN] = "aaaaaaaaaaaaaaa", inst_b[INSTALLATION_LEN] = "bbb",
		     inst_c[INSTALLATION_LEN] = "ccccc";
static const char boot_1[] = "11111111-1111-1111-1111-111111111111",
		  boot_2[] = "22222222-2222-2222-2222-222222222222";

static struct store_health report(const uint8_t *installation, const char *session,
				  const char *host)
{
	struct store_health h = { .host = host,
				  .boot_id = boot_1,
				  .version = "1.0",
				  .shipper = SHIPPER_RUNNING,
				  .agent = AGENT_RECORDING,
				  .tier = 'A',
				  .attached = true,
				  .sensor = "tier A",
				  .boot_seq = 3,
				  .seq = 77,
				  .backlog_records = 5,
				  .lost = UINT32_MAX,
				  .interval_ns = 10000000000,
				  .wall_ns = T0,
				  .step_ns = -1500000000,
				  .stepped_ns = T0 };

	memcpy(h.installation, installation, INSTALLATION_LEN);
	memcpy(h.session, session, SESSION_LEN);
	return h;
}

static struct store_health_reply tell_as(struct store *s, const struct store_health *h,
					 uint64_t fresh_ns, int want)
{
	struct store_health_reply r = { 0 };

	is_int(store_put_health(writer(s, "n1"), "n1", "compute", h, fresh_ns, &r), want,
	       "%s: %s reports (%s)", drv->name, h->host, store_why(writer(s, "n1")));
	return r;
}

static int list_row(const struct store_health_row *r, void *arg)
{
	if (!r->known)
		buf_printf(arg, "%s/%s never; ", r->node, r->host_type);
	else
		buf_printf(arg, "%s/%s %s standing=%d %s%s; ", r->node, r->host_type, r->h.host,
			   r->standing, r->accepted_ns ? "accepted" : "waiting",
			   r->mixed_ns ? " mixed" : "");
	return 0;
}

static void health_is(struct store *s, bool past, const char *want, const char *what)
{
	struct buf b = BUF_INIT(4096);

	buf_puts(&b, "");
	if (store_health(s, NULL, past, list_row, &b))
		buf_puts(&b, "error");
	is_str(buf_str(&b), want, "%s: %s", drv->name, what);
	buf_done(&b);
}

static int keep_row(const struct store_health_row *r, void *arg)
{
	const struct store_health *h = &r->h;

	buf_printf(arg, "%s %s %s %c %d %s %u:%llu %llu %llu step=%lld lost=%llu", h->host,
		   h->boot_id, h->version, h->tier, h->attached, h->sensor, h->boot_seq,
		   (unsigned long long)h->seq, (unsigned long long)h->backlog_records,
		   (unsigned long long)h->interval_ns, (long long)h->step_ns,
		   (unsigned long long)h->lost);
	return 0;
}

static int keep_addresses(const struct store_health_row *r, void *arg)
{
	if (!strcmp(r->node, "n1"))
		buf_printf(arg, "%s=%s; ", r->h.sensor, r->h.addresses ? r->h.addresses : "NULL");
	return 0;
}

/* Also of a node's own account, whose report has them in one text with the sensor's words. */
static void test_addresses(struct store *s, struct store_health *h)
{
	static const char *const cases[] = { "10.0.0.1 2001:db8::1", "", NULL };
	struct buf b = BUF_INIT(4096);

	h->sensor = "tier B (it; at 10.0.0.9 broke)";
	for (size_t i = 0; i < array_len(cases); i++) {
		h->addresses = cases[i];
		tell_as(s, h, MINUTE, 0);
		if (store_health(s, NULL, false, keep_addresses, &b))
			buf_puts(&b, "error");
	}
	is_str(buf_str(&b),
	       "tier B (it; at 10.0.0.9 broke)=10.0.0.1 2001:db8::1; tier B (it; at 10.0.0.9 "
	       "broke)=; tier B (it; at 10.0.0.9 broke)=NULL; ",
	       "%s: a node's addresses are a list, or none, or not known", drv->name);
	buf_done(&b);
}

static void test_report(struct store *s)
{
	struct store_health h = report(inst_a, "session1", "host\033a");
	struct buf b = BUF_INIT(4096);
	struct event ev = open_event(80, 1, T0);
	struct store_health_reply r;

	is_int(put_one(s, "n0", 4, 1, &ev), 0, "%s: a node that never reports", drv->name);
	r = tell_as(s, &h, MINUTE, 0);
	ok(r.standing == STANDING_CURRENT && r.accepted && r.server_ns > T0,
	   "%s: the first installation of a node is right", drv->name);
	is_int(store_health(s, "n1", false, keep_row, &b), 0, "%s: it is read", drv->name);
	is_str(buf_str(&b),
	       "host\\x1ba 11111111-1111-1111-1111-111111111111 1.0 A 1 tier A 3:77 5 10000000000 "
	       "step=-1500000000 lost=4294967295",
	       "%s: all it said, made harmless", drv->name);
	buf_done(&b);
	h.host = "a";
	tell_as(s, &h, MINUTE, 0);
	health_is(s, false, "n0/compute never; n1/compute a standing=1 accepted; ",
		  "a node that never reported is not silent");
	test_addresses(s, &h);
}

static void test_same_name(struct store *s)
{
	struct store_health a = report(inst_a, "session1", "a");
	struct store_health b = report(inst_b, "session2", "b");
	struct store_health_reply r;
	uint32_t boot = 0;
	bool changed;

	tell_as(s, &a, MINUTE, 0);
	is_int(store_claim_boot(writer(s, "n1"), "n1", inst_a, boot_1, 7, &boot), 0, "%s: a boot",
	       drv->name);
	is_int(boot, 7, "%s: keeps its number", drv->name);
	r = tell_as(s, &b, MINUTE, 0);
	ok(r.standing == STANDING_REFUSED && !strcmp(r.current_host, "a"),
	   "%s: a second one is refused while the first is heard, and told who has the name",
	   drv->name);
	is_int(store_claim_boot(writer(s, "n1"), "n1", inst_b, boot_2, 7, &boot), -EACCES,
	       "%s: it may not store anything", drv->name);
	health_is(s, false, "n1/compute a standing=1 accepted; n1/compute b standing=2 waiting; ",
		  "both are there");
	is_int(store_accept_node(s, "n1", NULL, &changed), 0, "%s: a person takes the second",
	       drv->name);
	ok(changed, "%s: that changed something", drv->name);
	health_is(s, false, "n1/compute b standing=1 accepted; ", "now it is the node");
	is_int(store_claim_boot(writer(s, "n1"), "n1", inst_b, boot_2, 7, &boot), 0,
	       "%s: and stores", drv->name);
	is_int(boot, 8, "%s: under a number nobody has", drv->name);
	is_int(store_claim_boot(writer(s, "n1"), "n1", inst_b, boot_2, 7, &boot), 0, "%s: again",
	       drv->name);
	is_int(boot, 8, "%s: the same", drv->name);
	is_int(store_accept_node(s, "n1", NULL, &changed), 0, "%s: once more", drv->name);
	ok(!changed, "%s: changes nothing", drv->name);
	a.interval_ns = 0;
	tell_as(s, &a, MINUTE, 0);
	is_int(store_accept_node(s, "n1", NULL, &changed), 0, "%s: one refused long ago",
	       drv->name);
	ok(!changed, "%s: is not meant", drv->name);
	is_int(store_accept_node(s, "n1", inst_c, &changed), -ENOENT, "%s: an unknown one",
	       drv->name);
	is_int(store_accept_node(s, "n9", NULL, &changed), -ENOENT, "%s: an unknown node",
	       drv->name);
}

static void test_again(struct store *s)
{
	struct store_health a = report(inst_a, "session1", "a");
	struct store_health b = report(inst_b, "session2", "b");
	struct store_health_reply r;
	uint32_t boot = 0;
	bool changed;

	tell_as(s, &a, MINUTE, 0);
	ok(!store_claim_boot(writer(s, "n1"), "n1", inst_a, boot_1, 1, &boot) && boot == 1 &&
		   !store_claim_boot(writer(s, "n1"), "n1", inst_a, boot_1, 2, &boot) && boot == 2,
	   "%s: two boots", drv->name);
	a.shipper = SHIPPER_STOPPED;
	tell_as(s, &a, MINUTE, 0);
	r = tell_as(s, &b, MINUTE, 0);
	ok(r.standing == STANDING_CURRENT && !r.accepted,
	   "%s: when the first has stopped another takes its place, and waits to be accepted",
	   drv->name);
	health_is(s, false, "n1/compute b standing=1 waiting; ", "it is the current one");
	health_is(s, true, "n1/compute b standing=1 waiting; n1/compute a standing=3 accepted; ",
		  "the first is past");
	ok(!store_claim_boot(writer(s, "n1"), "n1", inst_b, boot_2, 1, &boot) && boot == 3,
	   "%s: its boots come behind", drv->name);
	a.shipper = SHIPPER_RUNNING;
	r = tell_as(s, &a, MINUTE, 0);
	is_int(r.standing, STANDING_REFUSED, "%s: the first comes back: refused", drv->name);
	r = tell_as(s, &a, 0, 0);
	ok(r.standing == STANDING_CURRENT && !r.accepted,
	   "%s: and has its place again when the second is silent", drv->name);
	ok(!store_claim_boot(writer(s, "n1"), "n1", inst_a, boot_1, 2, &boot) && boot == 2 &&
		   !store_claim_boot(writer(s, "n1"), "n1", inst_a, boot_2, 3, &boot) && boot == 4,
	   "%s: old boots keep their numbers", drv->name);
	ok(!store_accept_node(s, "n1", inst_a, &changed) && changed, "%s: accepted", drv->name);
}

static void test_clone(struct store *s)
{
	struct store_health a = report(inst_a, "session1", "a");
	struct store_health b = report(inst_a, "session2", "b");
	uint32_t boot = 0;

	tell_as(s, &a, MINUTE, 0);
	tell_as(s, &b, MINUTE, 0);
	health_is(s, false, "n1/compute b standing=1 accepted; ", "a shipper that starts again");
	tell_as(s, &a, MINUTE, 0);
	health_is(s, false, "n1/compute a standing=1 accepted mixed; ",
		  "one that comes back was never away: two of them");
	ok(!store_claim_boot(writer(s, "n1"), "n1", inst_a, boot_1, 5, &boot) && boot == 5 &&
		   !store_claim_boot(writer(s, "n1"), "n1", inst_a, boot_2, 5, &boot) && boot == 6,
	   "%s: a clone's boots do not fall on the other's", drv->name);
}

static void test_notes(struct store *s)
{
	const struct store_watch w = { .lost_reported = 1,
				       .hole_boot = 2,
				       .hole_seq = 3,
				       .broken_boot = 4,
				       .broken_seq = 5,
				       .broken_ns = 6 };
	struct store_health a = report(inst_a, "session1", "a");
	struct store_watch kept = { .hole_seq = 1 };
	uint64_t now = 0, again = 0;
	bool changed;

	tell_as(s, &a, MINUTE, 0);
	ok(!store_get_watch(s, "n1", &kept) && !kept.hole_seq, "%s: no notes yet", drv->name);
	is_int(store_put_watch(s, "n1", &w), 0, "%s: notes", drv->name);
	ok(!store_get_watch(s, "n1", &kept) && kept.lost_reported == 1 && kept.hole_boot == 2 &&
		   kept.hole_seq == 3 && kept.broken_boot == 4 && kept.broken_seq == 5 &&
		   kept.broken_ns == 6,
	   "%s: which can be read", drv->name);
	ok(!store_accept_node(s, "n1", NULL, &changed) && changed,
	   "%s: accepting forgives a broken chain", drv->name);
	ok(!store_clock(s, &now) && now > T0, "%s: it has a clock", drv->name);
	is_int(store_interval_lock(s, "x", MINUTE, &again), -EINVAL,
	       "%s: no interval lock outside of a transaction", drv->name);
	ok(!store_begin(s) && store_interval_lock(s, "x", MINUTE, &again) == 1 && !store_commit(s),
	   "%s: an interval lock", drv->name);
	ok(again >= now && again < now + MINUTE, "%s: its time", drv->name);
	ok(!store_begin(s) && store_interval_lock(s, "x", MINUTE, &again) == 0 && !store_commit(s),
	   "%s: it is taken once", drv->name);
	ok(!store_begin(s) && store_interval_lock(s, "x", 0, &again) == 1 && !store_commit(s),
	   "%s: until its time has come", drv->name);
}

static int keep_shipper(const struct store_health_row *r, void *arg)
{
	*(enum health_shipper *)arg = r->h.shipper;
	return 0;
}

static void shipper_is(struct store *s, enum health_shipper want, const char *what)
{
	enum health_shipper got = 0;

	ok(!store_health(s, "n1", false, keep_shipper, &got) && got == want, "%s: %s", drv->name,
	   what);
}

static void test_retire(struct store *s)
{
	struct store_health h = report(inst_a, "session1", "a");
	struct event ev = open_event(80, 1, T0);
	bool changed = false;

	is_int(put_one(s, "n0", 4, 1, &ev), 0, "%s: a node that never reports", drv->name);
	is_int(store_node_retire(s, "n0", true, &changed), -ENOENT, "%s: cannot be retired",
	       drv->name);
	h.shipper = SHIPPER_RETIRED;
	tell_as(s, &h, MINUTE, 0);
	shipper_is(s, SHIPPER_RUNNING, "a node does not say that it is retired");
	ok(!store_node_retire(s, "n1", true, &changed) && changed, "%s: a person does", drv->name);
	shipper_is(s, SHIPPER_RETIRED, "then it is");
	ok(!store_node_retire(s, "n1", true, &(bool){ changed = false }) && !changed, "%s: once",
	   drv->name);
	h.shipper = SHIPPER_RUNNING;
	tell_as(s, &h, MINUTE, 0);
	shipper_is(s, SHIPPER_RUNNING, "until it reports again");
	ok(!store_node_retire(s, "n1", true, &changed) && changed &&
		   !store_node_retire(s, "n1", false, &changed) && changed,
	   "%s: or is taken back", drv->name);
	shipper_is(s, SHIPPER_RUNNING, "as it was");
}

struct counted {
	unsigned rows;
	bool current;
};

static int count_row(const struct store_health_row *r, void *arg)
{
	struct counted *c = arg;

	c->rows++;
	c->current |= r->standing == STANDING_CURRENT && !strcmp(r->h.host, "a");
	return 0;
}

/* Each report of another installation, as a node with a mind to fill the store would. */
static void test_many_installations(struct store *s)
{
	struct store_health h = report(inst_a, "session1", "a");
	struct counted c = { 0 };
	unsigned failed = 0;

	tell_as(s, &h, MINUTE, 0);
	h.host = "other";
	for (unsigned i = 0; i < HEALTH_INSTALLATIONS_MAX + 20; i++) {
		struct store_health_reply r;

		snprintf((char *)h.installation, INSTALLATION_LEN, "many%u", i);
		failed += store_put_health(writer(s, "n1"), "n1", "compute", &h, MINUTE, &r) != 0;
	}
	is_int(failed, 0, "%s: a node reports as many others", drv->name);
	is_int(store_health(s, "n1", true, count_row, &c), 0, "%s: they are read", drv->name);
	ok(c.rows >= HEALTH_INSTALLATIONS_MAX - 8 && c.rows <= HEALTH_INSTALLATIONS_MAX + 1,
	   "%s: some are kept, and no more: %u", drv->name, c.rows);
	ok(c.current, "%s: the current one is among them", drv->name);
}

int main(void)
{
	static void (*const tests[])(struct store * s) = {
		test_report, test_same_name,	     test_again, test_clone, test_notes,
		test_retire, test_many_installations
	};

	nodes_too = true;
	return conformance(tests, array_len(tests), NULL);
}
