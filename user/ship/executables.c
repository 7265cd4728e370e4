/* SPDX-License-Identifier: GPL-2.0 */
#include "ship/executables.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/child.h"
#include "base/clock.h"
#include "base/loop.h"
#include "base/map.h"
#include "core/event.h"
#include "core/holders.h"
#include "ship/exe_file.h"
#include "ship/exe_package.h"

#define EVERY_NS UINT64_C(5000000000)
/* A child's work is followed by so many times as long without one: a tenth of a CPU at most. */
#define REST_TIMES 9
#define GATHER_NS UINT64_C(100000000) /* doors open many at a time */
#define ROUND_NS UINT64_C(5000000000) /* no file is begun later than that; of a child */
#define FILE_NS UINT64_C(10000000000) /* of one file */
#define CHILD_NS UINT64_C(45000000000) /* then it hangs in a file, and is killed */
#define TELL_AGAIN_NS UINT64_C(86400000000000)
#define TRIES_MAX 3
#define CHILD_NICE 10

/* Its file may have been written shortly before it was started, by clocks of different grain. */
#define STARTED_SLACK_NS UINT64_C(2000000000)

enum program_state { PROGRAM_IDLE, PROGRAM_WAITS, PROGRAM_LOOKED_AT };

struct program {
	TAILQ_ENTRY(program) used; /* of its kind, the one seen longest ago first */
	TAILQ_ENTRY(program) waits, tells;
	enum program_state state;
	bool users; /* the process was not root's, or the file is not */
	bool told, in_tells;
	unsigned tries;
	uint64_t started_ns; /* wall: the newest process of it */
	uint64_t told_ns; /* since boot */
	struct exe_file file; /* state 0: not looked at yet */
	uint32_t len;
	char path[]; /* and a NUL */
};
TAILQ_HEAD(programs, program);

/* What the child says: "I begin with this one", and what it is. */
struct answer {
	uint32_t index;
	uint32_t done;
	struct exe_file file;
};

struct executables {
	struct loop *loop;
	struct executables_opts o;
	struct loop_source *timer;
	struct map *by_path; /* to struct program */
	struct programs root, users; /* by last use */
	size_t root_len, users_len;
	struct programs waits, tells;
	uint64_t dropped;

	struct child *child;
	uint64_t started_ns,
		next_ns; /* since boot: of the last child, of the next at the earliest */
	struct program *round[EXECUTABLES_ROUND];
	size_t round_len;
	uint32_t at; /* what the child has begun with; UINT32_MAX: nothing */
	size_t got;
	struct answer answer; /* as far as it has come */
};

/* --- what is remembered ----------------------------------------------------------------------- */

static void wait_for(struct executables *x, struct program *p)
{
	if (p->state != PROGRAM_IDLE)
		return;
	p->state = PROGRAM_WAITS;
	TAILQ_INSERT_TAIL(&x->waits, p, waits);
}

static void tell(struct executables *x, struct program *p)
{
	if (p->in_tells)
		return;
	p->in_tells = true;
	TAILQ_INSERT_TAIL(&x->tells, p, tells);
}

static void use(struct executables *x, struct program *p)
{
	struct programs *list = p->users ? &x->users : &x->root;

	TAILQ_REMOVE(list, p, used);
	TAILQ_INSERT_TAIL(list, p, used);
}

static void set_users(struct executables *x, struct program *p, bool users)
{
	if (p->users == users)
		return;
	TAILQ_REMOVE(p->users ? &x->users : &x->root, p, used);
	--*(p->users ? &x->users_len : &x->root_len);
	p->users = users;
	TAILQ_INSERT_TAIL(users ? &x->users : &x->root, p, used);
	++*(users ? &x->users_len : &x->root_len);
}

static void forget(struct executables *x, struct program *p)
{
	if (p->state == PROGRAM_WAITS)
		TAILQ_REMOVE(&x->waits, p, waits);
	if (p->in_tells)
		TAILQ_REMOVE(&x->tells, p, tells);
	if (!p->file.state || p->in_tells)
		x->dropped++;
	TAILQ_REMOVE(p->users ? &x->users : &x->root, p, used);
	--*(p->users ? &x->users_len : &x->root_len);
	map_del(x->by_path, p->path, p->len); /* frees it */
}

/* What the child looks at stays: at most a round of them is beyond the limit. */
static void shrink(struct executables *x, bool users)
{
	struct programs *list = users ? &x->users : &x->root;
	size_t max = users ? EXECUTABLES_USERS_MAX : EXECUTABLES_ROOT_MAX;
	const size_t *len = users ? &x->users_len : &x->root_len;
	struct program *p, *next;

	for (p = TAILQ_FIRST(list); p && *len > max; p = next) {
		next = TAILQ_NEXT(p, used);
		if (p->state != PROGRAM_LOOKED_AT)
			forget(x, p);
	}
}

static struct program *add(struct executables *x, struct text path, bool users)
{
	struct program *p = calloc(1, sizeof(*p) + path.len + 1);

	if (!p)
		return NULL;
	p->len = path.len;
	p->users = users;
	memcpy(p->path, path.ptr, path.len);
	if (map_put(x->by_path, p->path, p->len, p)) {
		free(p);
		return NULL;
	}
	TAILQ_INSERT_TAIL(users ? &x->users : &x->root, p, used);
	++*(users ? &x->users_len : &x->root_len);
	shrink(x, users);
	return p;
}

/* --- the child -------------------------------------------------------------------------------- */

static bool say(int out, const struct answer *a)
{
	return write(out, a, sizeof(*a)) == (ssize_t)sizeof(*a);
}

/* Neither the store's connection nor the journal is its business. */
static void be_alone(int out)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)!setpriority(PRIO_PROCESS, 0, CHILD_NICE);
	if (out > 3)
		(void)!syscall(SYS_close_range, 3, out - 1, 0);
	(void)!syscall(SYS_close_range, out + 1, UINT_MAX, 0);
}

static void decide_newer(const struct program *p, struct exe_file *f)
{
	if (f->state == EXE_FILE_READ && p->started_ns &&
	    f->changed_ns > p->started_ns + STARTED_SLACK_NS)
		f->state = EXE_FILE_NEWER;
}

static int open_all(const struct executables *x, int out, struct exe_file *files, int *fds,
		    size_t *ret_new)
{
	for (uint32_t i = 0; i < x->round_len; i++) {
		const struct program *p = x->round[i];
		struct answer a = { .index = i };

		if (!say(out, &a))
			return -EPIPE;
		fds[i] = exe_file_open(p->path, p->file.state ? &p->file : NULL, &files[i]);
		*ret_new += fds[i] >= 0;
		if (fds[i] >= 0)
			continue;
		/* Unchanged, and yet newer than what has been started since? */
		if (files[i].state == EXE_FILE_NEWER)
			files[i].state = EXE_FILE_READ;
		decide_newer(p, &files[i]);
		a.done = 1;
		a.file = files[i];
		if (!say(out, &a))
			return -EPIPE;
	}
	return 0;
}

/* What is not reached in time waits for the next child. */
static int read_all(const struct executables *x, int out, struct exe_file *files, const int *fds,
		    const struct exe_package *packages, uint64_t end_ns)
{
	for (uint32_t i = 0, k = 0; i < x->round_len; i++) {
		struct answer a = { .index = i };
		uint8_t md5[MD5_LEN];
		uint64_t now_ns = clock_boot_ns();

		if (fds[i] < 0)
			continue;
		if (now_ns > end_ns)
			return 0;
		if (!say(out, &a))
			return -EPIPE;
		exe_file_read(fds[i], &files[i], md5, now_ns + FILE_NS);
		decide_newer(x->round[i], &files[i]);
		exe_package_judge(&packages[k++], md5, &files[i]);
		a.done = 1;
		a.file = files[i];
		if (!say(out, &a))
			return -EPIPE;
	}
	return 0;
}

static int work(int out, void *arg)
{
	const struct executables *x = arg;
	static struct exe_package packages[EXECUTABLES_ROUND];
	static struct exe_file files[EXECUTABLES_ROUND];
	uint64_t end_ns = clock_boot_ns() + ROUND_NS;
	int fds[EXECUTABLES_ROUND];
	size_t opened = 0, n = 0;
	int err;

	be_alone(out);
	err = open_all(x, out, files, fds, &opened);
	for (size_t i = 0; i < x->round_len && !err; i++)
		if (fds[i] >= 0)
			packages[n++].path = x->round[i]->path;
	/* Without a database each says so itself. */
	if (!err && n)
		(void)!exe_packages_find(x->o.dpkg_dir ? x->o.dpkg_dir : EXE_DPKG_DIR, packages, n);
	if (!err)
		err = read_all(x, out, files, fds, packages, end_ns);
	return err ? 1 : 0;
}

/* --- its answers ------------------------------------------------------------------------------ */

static bool is_news(const struct exe_file *was, const struct exe_file *is)
{
	return was->state != is->state || was->listed != is->listed || was->hashed != is->hashed ||
	       was->uid != is->uid || memcmp(was->sha256, is->sha256, SHA256_LEN) ||
	       strcmp(was->package, is->package) || strcmp(was->version, is->version);
}

static void take(struct executables *x, struct program *p, const struct exe_file *f)
{
	uint64_t now = clock_boot_ns();
	bool news = !p->told || is_news(&p->file, f);

	p->state = PROGRAM_IDLE;
	p->tries = 0;
	p->file = *f;
	if (news || now - p->told_ns > TELL_AGAIN_NS)
		tell(x, p);
	/* Who may write to the file decides how many of them there are. */
	if (f->uid != ID_UNKNOWN)
		set_users(x, p, f->uid != 0);
}

static void take_answer(struct executables *x, const struct answer *a)
{
	struct program *p;

	if (a->index >= x->round_len)
		return;
	x->at = a->done ? UINT32_MAX : a->index;
	p = a->done ? x->round[a->index] : NULL;
	if (!p)
		return;
	x->round[a->index] = NULL;
	take(x, p, &a->file);
}

static int on_answer(const void *bytes, size_t n, void *arg)
{
	struct executables *x = arg;

	for (size_t used = 0, part; used < n; used += part) {
		part = sizeof(x->answer) - x->got;
		if (part > n - used)
			part = n - used;
		memcpy((char *)&x->answer + x->got, (const char *)bytes + used, part);
		x->got += part;
		if (x->got < sizeof(x->answer))
			continue;
		x->got = 0;
		take_answer(x, &x->answer);
	}
	return 0;
}

static int plan(struct executables *x);

/* One that it hung in is not tried again and again. */
static int on_end(const struct child_end *end, void *arg)
{
	struct executables *x = arg;
	uint64_t now = clock_boot_ns(), rest = REST_TIMES * (now - x->started_ns);

	for (size_t i = 0; i < x->round_len; i++) {
		struct program *p = x->round[i];
		struct exe_file slow = { .state = EXE_FILE_SLOW, .uid = ID_UNKNOWN };

		if (!p)
			continue;
		/* One that it did not come to is no worse for it, unless it failed. */
		p->tries += end->err || end->status;
		if ((end->err && i == x->at) || p->tries >= TRIES_MAX) {
			take(x, p, &slow);
			continue;
		}
		p->state = PROGRAM_IDLE;
		wait_for(x, p);
	}
	x->round_len = 0;
	x->next_ns = now + (rest > x->o.every_ns ? rest : x->o.every_ns);
	child_free(take_ptr(x->child));
	shrink(x, false);
	shrink(x, true);
	if (!TAILQ_EMPTY(&x->tells) && x->o.ready)
		x->o.ready(x->o.arg);
	return plan(x);
}

static void choose(struct executables *x)
{
	struct program *p, *next;

	x->round_len = 0;
	/* Root's first; then others, a few at a time while there are more of root's. */
	for (int pass = 0; pass < 2; pass++) {
		size_t max = pass ? EXECUTABLES_ROUND : EXECUTABLES_ROUND - EXECUTABLES_ROUND_USERS;

		for (p = TAILQ_FIRST(&x->waits); p && x->round_len < max; p = next) {
			next = TAILQ_NEXT(p, waits);
			if (p->users != (pass == 1))
				continue;
			TAILQ_REMOVE(&x->waits, p, waits);
			p->state = PROGRAM_LOOKED_AT;
			x->round[x->round_len++] = p;
		}
	}
}

static void put_back(struct executables *x)
{
	for (size_t i = 0; i < x->round_len; i++) {
		x->round[i]->state = PROGRAM_IDLE;
		wait_for(x, x->round[i]);
	}
	x->round_len = 0;
}

static int on_timer(void *arg)
{
	struct executables *x = arg;
	const struct child_opts o = { .function = work,
				      .own_group = true,
				      .out = true,
				      .timeout_ns = CHILD_NS,
				      .on_out = on_answer,
				      .done = on_end,
				      .arg = x };
	int err;

	if (x->child || TAILQ_EMPTY(&x->waits))
		return 0;
	choose(x);
	x->at = UINT32_MAX;
	x->got = 0;
	x->started_ns = clock_boot_ns();
	err = child_start(&o, &x->child);
	if (!err)
		err = child_watch(x->child, x->loop);
	if (err) {
		/* No process to be had: later. */
		child_free(take_ptr(x->child));
		put_back(x);
		x->next_ns = x->started_ns + x->o.every_ns;
		return plan(x);
	}
	return 0;
}

static int plan(struct executables *x)
{
	uint64_t now = clock_boot_ns(), in = GATHER_NS;

	if (x->child || TAILQ_EMPTY(&x->waits))
		return 0;
	if (now + in < x->next_ns)
		in = x->next_ns - now;
	return loop_timer_hasten(x->timer, in);
}

/* --- what it is told -------------------------------------------------------------------------- */

/* Whether there is something to look at now that was not before. */
static bool note(struct executables *x, const struct process *who)
{
	struct program *p;
	bool idle;

	if (!exe_file_is_the_nodes(who, NULL))
		return false;
	p = map_get(x->by_path, who->exe.ptr, who->exe.len);
	if (!p)
		p = add(x, who->exe, who->uid != 0);
	else
		use(x, p);
	if (!p || (p->file.state && who->start_ns <= p->started_ns))
		return false;
	idle = p->state == PROGRAM_IDLE;
	if (who->start_ns > p->started_ns)
		p->started_ns = who->start_ns;
	wait_for(x, p);
	return idle;
}

void executables_note(struct executables *x, const struct event *ev)
{
	struct text list = ev->holders.list;
	struct process p;
	bool any;

	if (ev->kind != EVENT_OPEN && ev->kind != EVENT_HELD)
		return;
	any = note(x, &ev->opener);
	while (ev->holders.known && holders_next(&list, &p))
		any |= note(x, &p);
	/* Without a timer it is looked at when the next one comes. */
	if (any)
		(void)!plan(x);
}

void executables_recheck(struct executables *x)
{
	struct program *p;

	TAILQ_FOREACH(p, &x->root, used)
	wait_for(x, p);
	TAILQ_FOREACH(p, &x->users, used)
	wait_for(x, p);
	(void)!plan(x);
}

bool executables_next(struct executables *x, struct executable_report *ret)
{
	struct program *p = TAILQ_FIRST(&x->tells);

	if (!p)
		return false;
	*ret = (struct executable_report){ { p->path, p->len }, &p->file };
	return true;
}

void executables_told(struct executables *x)
{
	struct program *p = TAILQ_FIRST(&x->tells);

	if (!p)
		return;
	TAILQ_REMOVE(&x->tells, p, tells);
	p->in_tells = false;
	p->told = true;
	p->told_ns = clock_boot_ns();
}

size_t executables_count(const struct executables *x)
{
	return x->root_len + x->users_len;
}

uint64_t executables_dropped(const struct executables *x)
{
	return x->dropped;
}

int executables_new(struct loop *l, const struct executables_opts *o, struct executables **ret_x)
{
	_cleanup_(executables_freep) struct executables *x = calloc(1, sizeof(*x));
	int err;

	if (!x)
		return -ENOMEM;
	x->loop = l;
	x->o = *o;
	if (!o->every_ns)
		x->o.every_ns = EVERY_NS;
	TAILQ_INIT(&x->root);
	TAILQ_INIT(&x->users);
	TAILQ_INIT(&x->waits);
	TAILQ_INIT(&x->tells);
	err = map_new(free, &x->by_path);
	if (!err)
		err = loop_add_timer(l, on_timer, x, &x->timer);
	if (err)
		return err;
	*ret_x = take_ptr(x);
	return 0;
}

void executables_free(struct executables *x)
{
	if (!x)
		return;
	child_free(x->child);
	loop_remove(x->timer);
	map_free(x->by_path);
	free(x);
}
