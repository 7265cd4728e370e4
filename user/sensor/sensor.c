/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/sensor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include <bpf/bpf.h>

#include "base/clock.h"
#include "base/map.h"
#include "sensor/bare.h"
#include "sensor/internal.h"
#include "sensor/leaf.h"
#include "sensor/late.h"
#include "sensor/poll.h"
#include "sensor/poller.h"

/*
 * Waking. Idle, the reader has armed the wake-up and sleeps; the first record fires it. After a
 * drain that found something the wake-up stays off and a timer looks again in a moment, until it
 * finds nothing: a burst costs one wake-up per moment, an idle machine none at all.
 */
#define MODERATION_NS 2000000
/* What one drain hands over at most: bounds what the ring holds back until it is stored. */
#define DRAIN_MAX 4096
#define NETNS_MAX 4096 /* beyond it none is looked into, and the report says so */
/*
 * Tiers C and D. A glance at the own namespace and a look at everything, each as often as it may be
 * for half of a thousandth of a core, within these bounds. A look comes sooner when a glance finds a
 * change, as far as a hundredth of a core goes: where doors come and go all the time.
 */
#define GLANCE_MIN_NS 200000000ULL
#define GLANCE_MAX_NS 5000000000ULL
#define POLL_MIN_NS 5000000000ULL
#define POLL_MAX_NS 60000000000ULL
#define POLL_SHARE 2000
#define REACT_SHARE 100

static int map_shared(int fd, size_t bytes, void **ret_p)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	*ret_p = p;
	return 0;
}

static int map_entries(int fd, uint32_t *ret_n)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	*ret_n = info.max_entries;
	return 0;
}

static int map_memory(struct sensor *s)
{
	uint32_t ring_bytes = 0, cpus = 0;
	void *p = NULL;
	int err = map_entries(s->h.maps[MAP_RING], &ring_bytes);

	if (!err)
		err = map_entries(s->h.maps[MAP_CPUS], &cpus);
	if (err)
		return err;
	s->cpus_len = cpus;
	err = map_shared(s->h.maps[MAP_CPUS], cpus * sizeof(*s->cpus), &p);
	if (err)
		return err;
	s->cpus = p;
	err = map_shared(s->h.maps[MAP_CONTROL], sizeof(*s->ctl), &p);
	if (err)
		return err;
	s->ctl = p;
	s->told = calloc(cpus, sizeof(*s->told));
	if (!s->told)
		return -ENOMEM;
	memcpy(s->told, s->cpus, cpus * sizeof(*s->told));
	return ring_open(s->h.maps[MAP_RING], ring_bytes, &s->ring);
}

static int set_up_waking(struct sensor *s)
{
	/* Edge: records that are read but not yet given back must not wake us again. */
	struct epoll_event ring = { .events = EPOLLIN | EPOLLET };
	struct epoll_event timer = { .events = EPOLLIN };

	s->epfd = epoll_create1(EPOLL_CLOEXEC);
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->epfd < 0 || s->timer < 0)
		return -errno;
	if (epoll_ctl(s->epfd, EPOLL_CTL_ADD, s->ring.fd, &ring) < 0 ||
	    epoll_ctl(s->epfd, EPOLL_CTL_ADD, s->timer, &timer) < 0)
		return -errno;
	return 0;
}

static bool wants(const struct sensor_opts *o, char tier)
{
	const char *forced = secure_getenv(SENSOR_TIER_ENV);
	char want = o->tier ? o->tier : forced ? *forced : 0, lowest = o->lowest ? o->lowest : 'A';

	return want ? want == tier : tier <= lowest;
}

/*
 * A pinned sensor of a lower tier than could be is taken over all the same: it holds what happened
 * meanwhile.
 */
static bool take_over(struct sensor *s, const struct sensor_opts *o, uint64_t build)
{
	for (const char *tier = TIERS_BPF; *tier < TIER_BARE; tier++) {
		if (wants(o, *tier) && !pins_take(&s->pins, *tier, build, &s->h))
			return true;
	}
	return false;
}

/* Attached is not enough: it must see a door of ours. */
static int load_one(struct sensor *s, const struct sensor_opts *o, char tier, uint64_t build,
		    char **ret_why)
{
	int err = tier == TIER_BARE ? bare_load(o, build, &s->h, ret_why)
				    : load_fresh(o, tier, s->only_cookie, &s->h, build, ret_why);

	if (err)
		return err;
	err = canary_run(s, ret_why);
	if (err)
		handles_close(&s->h);
	return err;
}

/* A refusal names what would work: the best of the tiers that may not be taken. */
static char settle_for(struct sensor *s, const struct sensor_opts *o, uint64_t build)
{
	for (const char *tier = TIERS_BPF; *tier; tier++) {
		if (wants(o, *tier) || load_one(s, o, *tier, build, NULL))
			continue;
		handles_close(&s->h);
		return *tier;
	}
	return TIER_POLL;
}

/* The best tier that this machine can have; why it is not a better one is kept for the report. */
static int load_best(struct sensor *s, const struct sensor_opts *o, uint64_t build, char **ret_why)
{
	int err = -EINVAL;

	for (const char *tier = TIERS_BPF; *tier; tier++) {
		_free_ char *reason = NULL;

		if (!wants(o, *tier))
			continue;
		err = load_one(s, o, *tier, build, &reason);
		if (!err)
			return 0;
		if (!s->why)
			s->why = take_ptr(reason);
	}
	if (wants(o, TIER_POLL)) {
		s->h.tier = TIER_POLL;
		return 0;
	}
	if (!s->why)
		return why(ret_why, err, "there is no such tier of the sensor");
	/* Who has set a limit is to know before, not after the fact. */
	return why(ret_why, err, "%s; or settle for less: sensor.lowest-tier %c", s->why,
		   settle_for(s, o, build));
}

/* Where nothing can be pinned there may be no BPF at all: what needs no pins needs not fail. */
static int acquire_unpinned(struct sensor *s, const struct sensor_opts *o, uint64_t build,
			    int pin_err, char **ret_why)
{
	if (!wants(o, TIER_POLL) && !wants(o, TIER_BARE))
		return pin_err;
	_free_ char *reason = NULL;
	int err = load_best(s, o, build, &reason);
	if (!err && s->h.tier < TIER_BARE) {
		handles_close(&s->h);
		return pin_err;
	}
	free(*ret_why);
	*ret_why = take_ptr(reason);
	return err;
}

/* Takes over what is pinned, or loads anew (and pins it). */
static int acquire_one(struct sensor *s, const struct sensor_opts *o, char **ret_why)
{
	uint64_t build = load_build(s->only_cookie);

	if (!o->pin_dir)
		return load_best(s, o, build, ret_why);
	_free_ char *reason = NULL;
	int err = pins_open(&s->pins, o, &reason);
	if (err) {
		err = acquire_unpinned(s, o, build, err, &reason);
		return err ? why(ret_why, err, "%s", reason ? reason : strerror(-err)) : 0;
	}
	if (take_over(s, o, build)) {
		s->h.plain = load_is_plain(o);
		if (!canary_run(s, NULL)) {
			s->resumed = true;
			return 0;
		}
		handles_close(&s->h);
	}
	/*
	 * None, half a set, one that is blind, or one of another build: it would only be misread.
	 */
	pins_clear(&s->pins);
	err = load_best(s, o, build, ret_why);
	/* Without a table of doors there is nothing for a successor to take over. */
	return err || s->h.tier >= TIER_BARE ? err : pins_put(&s->pins, &s->h, ret_why);
}

/* Without it the doors of our own cgroup must do; the report says so. */
static void start_leaf(struct sensor *s, const struct sensor_opts *o)
{
	if (o->other_cgroup && wants(o, 'A'))
		s->leaf_err = leaf_start(o->own_netns, &s->leaf);
}

static int acquire(struct sensor *s, const struct sensor_opts *o, char **ret_why)
{
	static const char no_cookie[] =
		"this kernel cannot tell network namespaces apart by cookie "
		"(Linux 5.14 can)";
	struct sensor_opts polling = *o;

	s->own_netns = o->own_netns;
	s->only_cookie = o->own_netns ? diag_netns_cookie() : 0;
	if (!o->own_netns || s->only_cookie)
		return acquire_one(s, o, ret_why);
	if (!wants(o, TIER_POLL))
		return why(ret_why, -EOPNOTSUPP,
			   "%s: sensor.scope machine, or settle for less: sensor.lowest-tier D",
			   no_cookie);
	polling.tier = TIER_POLL;
	s->why = strdup(no_cookie);
	return s->why ? acquire_one(s, &polling, ret_why) : -ENOMEM;
}

static void arm_timer(struct sensor *s, uint64_t ns)
{
	struct itimerspec t = { .it_value = { .tv_sec = (time_t)(ns / 1000000000),
					      .tv_nsec = (long)(ns % 1000000000) } };

	timerfd_settime(s->timer, 0, &t, NULL);
}

/* No kernel side: an empty ring that nobody fills, and a timer. */
static int stand_in(struct sensor *s)
{
	s->ctl = &s->no_ctl;
	s->ring = (struct ring){ .fd = -1, .consumer = &s->no_ring, .producer = &s->no_ring };
	s->epfd = epoll_create1(EPOLL_CLOEXEC);
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	struct epoll_event timer = { .events = EPOLLIN };
	if (s->epfd < 0 || s->timer < 0 || epoll_ctl(s->epfd, EPOLL_CTL_ADD, s->timer, &timer) < 0)
		return -errno;
	return 0;
}

/* The child is root as long as we are. */
static int begin_polling(struct sensor *s, const struct sensor_opts *o)
{
	struct poller_sum sum;
	int err = poller_start(o->own_netns, s->netns_max, o->uid, o->gid, &s->poller);

	if (!err)
		err = poller_glance(s->poller, &sum);
	if (err)
		return err;
	s->mark = s->looked_mark = sum.mark;
	s->glance_cpu_ns = sum.cpu_ns;
	return 0;
}

static int begin(struct sensor *s, const struct sensor_opts *o, char **ret_why)
{
	bool polls = s->h.tier >= TIER_BARE, has_ring = s->h.tier != TIER_POLL;
	int err = has_ring ? map_memory(s) : stand_in(s);
	struct stat st;

	if (stat("/proc/self/ns/net", &st) == 0)
		s->netns = (uint32_t)st.st_ino;

	/* While we are root: the kernel may have to load modules for it. */
	if (!err && polls && (err = begin_polling(s, o)))
		return why(ret_why, err,
			   "neither BPF (%s) nor sock_diag (%s) works here: 'modprobe -a tcp_diag "
			   "udp_diag' for the latter",
			   s->why ? s->why : "not asked for", strerror(-err));
	if (!err && polls && has_ring)
		err = listens_new(&s->listens);
	if (!err && has_ring)
		err = set_up_waking(s);
	if (!err)
		err = owner_cache_init(&s->owners);
	if (!err)
		err = doors_init(s);
	if (!err)
		err = quota_init(s, o);
	if (!err)
		err = cgroups_init(&s->cgroups);
	s->others = (struct buf)BUF_INIT(CGROUP_PATHS_MAX);
	if (err)
		return why(ret_why, err, "cannot set up the sensor (%s)", strerror(-err));
	if (s->resumed) {
		s->resumed_since = s->ctl->drained_ns;
		err = sweep_preload(s);
		if (!err)
			err = late_owners(s);
		if (err)
			return why(ret_why, err, "cannot read the doors of the pinned sensor (%s)",
				   strerror(-err));
	}
	/* Later there are no privileges to go there with. */
	if (!polls && !s->own_netns && s->netns && (err = sweep_elsewhere(s)))
		return why(ret_why, err, "cannot look into other network namespaces (%s)",
			   strerror(-err));
	s->ctl->drained_ns = clock_boot_ns();
	report_fill(s);
	arm_timer(s, 1);
	return 0;
}

static int drain_ring(struct sensor *s, sensor_fn fn, void *arg);

int sensor_open(const struct sensor_opts *o, struct sensor **ret_sensor, char **ret_why)
{
	if (geteuid() != 0)
		return why(ret_why, -EPERM, "the sensor needs root: run it with 'sudo'");
	struct sensor *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->epfd = s->timer = -1;
	s->drain = drain_ring;
	handles_init(&s->h);
	pins_init(&s->pins);
	links_init(&s->links);
	s->netns_max = o->netns_max ? o->netns_max : NETNS_MAX;
	start_leaf(s, o);
	int err = acquire(s, o, ret_why);
	if (s->h.tier != 'A')
		leaf_free(take_ptr(s->leaf));
	if (!err)
		err = begin(s, o, ret_why);
	if (!err)
		links_keep(&s->links, &s->h, o->own_netns);
	if (err) {
		sensor_free(s, true);
		return err;
	}
	*ret_sensor = s;
	return 0;
}

void sensor_free(struct sensor *s, bool unpin)
{
	if (!s)
		return;
	if (unpin)
		pins_remove(&s->pins);
	pins_done(&s->pins);
	leaf_free(s->leaf);
	if (s->h.tier != TIER_POLL)
		ring_close(&s->ring);
	if (s->cpus)
		munmap(s->cpus, s->cpus_len * sizeof(*s->cpus));
	if (s->ctl && s->ctl != &s->no_ctl)
		munmap(s->ctl, sizeof(*s->ctl));
	close_fd(&s->epfd);
	close_fd(&s->timer);
	links_done(&s->links);
	handles_close(&s->h);
	doors_done(s);
	map_free(s->elsewhere);
	owner_cache_done(&s->owners);
	cgroups_done(&s->cgroups);
	netns_names_done(&s->netns_names);
	buf_done(&s->others);
	passwd_done(&s->passwd);
	listens_free(s->listens);
	poller_free(s->poller);
	free(s->told);
	free(s->why);
	free(s);
}

bool sensor_resumed(const struct sensor *s, uint64_t *ret_since_boot_ns)
{
	if (s->resumed)
		*ret_since_boot_ns = s->resumed_since;
	return s->resumed;
}

int sensor_fd(const struct sensor *s)
{
	return s->epfd;
}

void sensor_commit(struct sensor *s)
{
	ring_release(&s->ring);
	for (unsigned i = 0; i < s->cpus_len; i++) {
		s->cpus[i].reported = s->told[i].reported;
		s->cpus[i].seen = s->told[i].seen;
	}
}

void sensor_lost_reported(struct sensor *s, const struct event *lost)
{
	struct ajar_cpu *told;

	if (!lost->lost_since_ns || lost->lost_since_ns != s->ctl->since_ns ||
	    lost->lost_cpu >= s->cpus_len)
		return;
	told = &s->told[lost->lost_cpu];
	/* Never more than there was: a journal may say anything. */
	if (lost->lost_total > told->reported &&
	    lost->lost_total <= s->cpus[lost->lost_cpu].dropped)
		told->reported = lost->lost_total;
}

static void clear_wakeups(struct sensor *s)
{
	struct epoll_event ev[2];
	uint64_t ticks;

	(void)epoll_wait(s->epfd, ev, 2, 0);
	(void)!read(s->timer, &ticks, sizeof(ticks));
}

/*
 * Sleep until a record wakes us, unless something came in the meantime; wait_ns: at most so long,
 * 0: for ever.
 */
static void rest(struct sensor *s, bool found, uint64_t wait_ns)
{
	if (found) {
		arm_timer(s, MODERATION_NS);
		return;
	}
	__atomic_store_n(&s->ctl->armed, 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (ring_pending(&s->ring))
		arm_timer(s, MODERATION_NS);
	else if (wait_ns)
		arm_timer(s, wait_ns > MODERATION_NS ? wait_ns : MODERATION_NS);
}

/* The sooner of two waits; 0 is none. */
static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a && (!b || a < b) ? a : b;
}

/* So that the cost is a share of a core. */
static uint64_t pause_for(uint64_t cpu_ns, uint64_t share, uint64_t min_ns, uint64_t max_ns)
{
	uint64_t ns = cpu_ns * share;

	return ns < min_ns ? min_ns : ns > max_ns ? max_ns : ns;
}

static int glance(struct sensor *s)
{
	uint64_t now = clock_boot_ns();
	struct poller_sum sum;
	int err = poller_glance(s->poller, &sum);

	if (err)
		return err;
	s->mark = sum.mark;
	s->glance_cpu_ns = sum.cpu_ns;
	s->glanced_ns = now;
	return 0;
}

static bool is_look_due(const struct sensor *s, uint64_t now)
{
	uint64_t since = now - s->polled_ns;

	if (s->mark != s->looked_mark &&
	    since >= pause_for(s->look_cpu_ns, REACT_SHARE, GLANCE_MIN_NS, POLL_MIN_NS))
		return true;
	return since >= pause_for(s->look_cpu_ns, POLL_SHARE, POLL_MIN_NS, POLL_MAX_NS);
}

/* Has anything changed in this namespace? Looks at everything then, or when it is time. */
static int poll_now(struct sensor *s, sensor_fn fn, void *arg)
{
	uint64_t now = clock_boot_ns();
	int n;

	if (now - s->glanced_ns >=
	    pause_for(s->glance_cpu_ns, POLL_SHARE, GLANCE_MIN_NS, GLANCE_MAX_NS)) {
		n = glance(s);
		if (n)
			return n;
	}
	if (!is_look_due(s, now))
		return 0;
	s->looked_mark = s->mark;
	n = sensor_sweep(s, ORIGIN_SWEEP, fn, arg);
	s->polled_ns = now;
	return n;
}

/* Before the first sweep everything would be news. */
static int drain_polling(struct sensor *s, sensor_fn fn, void *arg)
{
	int n = 0;

	clear_wakeups(s);
	if (!s->closed && s->sweep)
		n = poll_now(s, fn, arg);
	s->ctl->drained_ns = clock_boot_ns();
	if (!s->closed)
		arm_timer(s, pause_for(s->glance_cpu_ns, POLL_SHARE, GLANCE_MIN_NS, GLANCE_MAX_NS));
	return n;
}

/* What a look delivered, or its error. */
static int count_in(struct delivery *d, int more)
{
	d->count += more > 0 ? more : 0;
	return more < 0 ? more : 0;
}

/*
 * Doors that are unsure, those that are due to be settled, those whose holders may have changed.
 * *ret_wait_ns: the first must wait so long; *ret_rest_ns: the others.
 */
static int look_hooked(struct delivery *d, uint64_t *ret_wait_ns, uint64_t *ret_rest_ns)
{
	uint64_t settle_ns = 0, look_ns = 0;
	struct sensor *s = d->s;
	int err = 0;

	if (s->unsure)
		err = count_in(d, sweep_confirm(s, d->fn, d->arg, ret_wait_ns));
	if (!err)
		err = count_in(d, settle_due(s, sensor_sweep, d->fn, d->arg, &settle_ns));
	if (!err && s->sweep)
		err = count_in(d, look_due(s, sensor_sweep, d->fn, d->arg, &look_ns));
	*ret_rest_ns = sooner(settle_ns, look_ns);
	return err;
}

/*
 * The same where the tracepoint tells of TCP alone. Before a look that it asks for the mark is taken
 * anew: what it finds is not news for the next glance.
 */
static int look_polling(struct delivery *d, uint64_t *ret_wait_ns, uint64_t *ret_rest_ns)
{
	struct sensor *s = d->s;
	int err = 0;

	*ret_rest_ns = pause_for(s->glance_cpu_ns, POLL_SHARE, GLANCE_MIN_NS, GLANCE_MAX_NS);
	/* Before the first sweep everything would be news. */
	if (!s->sweep)
		return 0;
	if (s->unsure && clock_boot_ns() >= s->confirm_after_ns)
		err = glance(s);
	uint64_t mark = s->mark;
	if (!err && s->unsure) {
		uint64_t sweep = s->sweep;

		err = count_in(d, sweep_confirm(s, d->fn, d->arg, ret_wait_ns));
		if (s->sweep != sweep)
			s->looked_mark = mark;
	}
	return err ? err : count_in(d, poll_now(s, d->fn, d->arg));
}

static int drain_ring(struct sensor *s, sensor_fn fn, void *arg)
{
	struct delivery d = { .s = s, .fn = fn, .arg = arg };
	const void *rec = NULL;
	unsigned n = 0;
	uint64_t wait_ns = 0, rest_ns = 0;
	uint32_t len;
	int err = 0;

	if (s->h.tier == TIER_POLL)
		return drain_polling(s, fn, arg);
	clear_wakeups(s);
	while (!err && !d.ended && n < DRAIN_MAX && (rec = ring_next(&s->ring, &len))) {
		err = record_take(&d, rec, len);
		n++;
	}
	ring_done(&s->ring);
	if (!err && !d.ended)
		err = record_losses(&d);
	if (!err && !d.ended && !s->closed)
		err = listens_settle(&d);
	/* When all records are known, so that what is looked at is; and not from within a sweep. */
	if (!err && !d.ended && !s->closed && n < DRAIN_MAX)
		err = (s->poller ? look_polling : look_hooked)(&d, &wait_ns, &rest_ns);
	s->ctl->drained_ns = clock_boot_ns();
	if (n == DRAIN_MAX || err || d.ended)
		arm_timer(s, 1);
	else if (wait_ns)
		arm_timer(s, wait_ns > MODERATION_NS ? wait_ns : MODERATION_NS);
	else
		rest(s, n > 0, rest_ns);
	if (err)
		return err;
	return d.ended < 0 ? d.ended : d.count;
}

int sensor_drain(struct sensor *s, sensor_fn fn, void *arg)
{
	sensor_commit(s);
	return drain_ring(s, fn, arg);
}

const struct sensor_report *sensor_report(const struct sensor *s)
{
	return &s->report;
}

void sensor_stats(const struct sensor *s, struct sensor_stats *ret)
{
	*ret = (struct sensor_stats){ .received = s->received,
				      .lost = s->lost,
				      .owners = s->owners_received };
	for (unsigned i = 0; i < s->cpus_len; i++) {
		ret->produced += s->cpus[i].produced;
		ret->dropped += s->cpus[i].dropped;
	}
	ret->doors_full = s->ctl->doors_full;
	ret->owners_busy = s->ctl->owners_busy;
}
