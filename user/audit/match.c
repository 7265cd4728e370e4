/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/match.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"
#include "core/argv_pattern.h"
#include "core/exe_pattern.h"
#include "core/executable.h"
#include "core/place.h"

#define DELETED " (deleted)"
#define WIDE_PORTS 256
#define PRIVILEGED_PORTS 1024

static bool starts_with(struct text t, const char *prefix)
{
	size_t n = strlen(prefix);

	return t.ptr && t.len >= n && !memcmp(t.ptr, prefix, n);
}

static bool ends_with(struct text t, const char *suffix)
{
	size_t n = strlen(suffix);

	return t.ptr && t.len >= n && !memcmp(t.ptr + t.len - n, suffix, n);
}

struct text exe_path(const struct process *p)
{
	struct text exe = p->exe;

	if (ends_with(exe, DELETED))
		exe.len -= sizeof(DELETED) - 1;
	return exe;
}

/* Where distributions and vendors install; /usr/local is by definition not theirs. */
static bool is_packaged(struct text exe)
{
	static const char *const places[] = { "/usr/", "/bin/",	      "/sbin/", "/lib",
					      "/opt/", "/nix/store/", "/snap/", "/gnu/store/" };

	if (starts_with(exe, "/usr/local/"))
		return false;
	for (size_t i = 0; i < array_len(places); i++)
		if (starts_with(exe, places[i]))
			return true;
	return false;
}

unsigned exe_flags(const struct process *p)
{
	static const struct {
		const char *prefix;
		unsigned flag;
	} places[] = {
		{ "memfd:", EXE_MEMFD },
		{ "/memfd:", EXE_MEMFD },
		{ "/tmp/", EXE_WRITABLE_DIR },
		{ "/var/tmp/", EXE_WRITABLE_DIR },
		{ "/dev/shm/", EXE_WRITABLE_DIR },
		{ "/run/user/", EXE_WRITABLE_DIR },
		{ "/run/lock/", EXE_WRITABLE_DIR },
		{ "/home/", EXE_HOME },
	};
	unsigned flags = 0;

	if (!p || !p->known || !p->exe.ptr)
		return 0;
	if (ends_with(p->exe, DELETED))
		flags |= EXE_DELETED;
	if (place_exe_is_foreign(p))
		flags |= EXE_FOREIGN;
	if (p->exe_cut)
		return flags | EXE_CUT; /* the head is missing: no prefix to look at */
	for (size_t i = 0; i < array_len(places); i++)
		if (starts_with(p->exe, places[i].prefix))
			flags |= places[i].flag;
	if (!is_packaged(p->exe))
		flags |= EXE_UNPACKAGED;
	return flags;
}

/* "python3.11" for "python": the name, then digits, dots and dashes. */
static bool is_version_of(struct text name, const char *of)
{
	size_t n = strlen(of);

	if (!starts_with(name, of))
		return false;
	for (size_t i = n; i < name.len; i++)
		if (!strchr("0123456789.-", name.ptr[i]) || !name.ptr[i])
			return false;
	return true;
}

static struct text file_name(struct text path)
{
	struct text name = path;

	for (uint32_t i = 0; path.ptr && i < path.len; i++)
		if (path.ptr[i] == '/')
			name = (struct text){ path.ptr + i + 1, path.len - i - 1 };
	return name;
}

bool exe_is_version_of(struct text exe, const char *of)
{
	return is_version_of(file_name(exe), of);
}

bool exe_runs_scripts(struct text exe)
{
	static const char *const names[] = {
		"python",	  "pypy",  "perl",     "ruby", "node",	 "nodejs",
		"deno",		  "bun",   "php",      "lua",  "luajit", "java",
		"dotnet",	  "mono",  "beam.smp", "R",    "julia",	 "tclsh",
		"guile",	  "sh",	   "bash",     "dash", "zsh",	 "ksh",
		"busybox",	  "socat", "nc",       "ncat", "netcat", "nc.openbsd",
		"nc.traditional",
	};
	struct text name = file_name(exe);

	for (size_t i = 0; name.ptr && i < array_len(names); i++)
		if (is_version_of(name, names[i]))
			return true;
	return false;
}

bool door_is_udp(const struct door *d)
{
	return d->proto == PROTO_UDP || d->proto == PROTO_UDPLITE;
}

bool door_is_client(const struct door *d)
{
	return door_is_udp(d) && (d->connected || (d->autoport && !d->bound && !d->lasting));
}

/* Bound to the address of a multicast group itself. */
static bool door_is_group(const struct door *d)
{
	return door_is_udp(d) && ((d->family == FAMILY_INET && d->addr[0] >> 4 == 14) ||
				  (d->family == FAMILY_INET6 && d->addr[0] == 0xff));
}

bool door_is_multicast(const struct door *d)
{
	return door_is_udp(d) && (d->multicast || door_is_group(d));
}

/*
 * What is sent to a group comes in by each interface that has joined it, as if the door were bound
 * to no address.
 */
static bool match_scope(const struct profile_row *r, const struct door *d)
{
	return !r->scope || r->scope == d->scope ||
	       (r->scope == SCOPE_ANY && d->scope == SCOPE_HOST && door_is_group(d));
}

bool proto_has_ports(enum door_proto p)
{
	return p != PROTO_RAW && p != PROTO_PACKET;
}

bool row_expired(const struct profile_row *r, uint64_t now_wall_ns)
{
	return r->expires_ns && r->expires_ns <= now_wall_ns;
}

static bool any_port(const struct profile_row *r)
{
	return !r->port && !r->port_end;
}

bool row_is_wide(const struct profile_row *r)
{
	return any_port(r) || (r->port_end > r->port && r->port_end - r->port >= WIDE_PORTS);
}

bool match_port(const struct profile_row *r, const struct door *d)
{
	uint32_t hi = r->port_end ? r->port_end : r->port;

	/* A row for tcp permits MPTCP too, which is TCP to whoever connects; not the other way. */
	if (r->proto && r->proto != d->proto && r->proto != proto_class(d->proto))
		return false;
	return any_port(r) || (d->port >= r->port && d->port <= hi);
}

static bool fits_place(const char *want, enum place_state state)
{
	if (!want)
		return true;
	return state == (strcasecmp(want, PROFILE_NONE) ? PLACE_IN : PLACE_NONE);
}

/* NULL: it asks for nothing. */
static const char *row_container(const struct profile_row *r)
{
	return r->container && strcasecmp(r->container, PROFILE_EITHER) ? r->container : NULL;
}

/*
 * A row that asks for a job or a container, or for none, is one about doors there, as one that asks
 * for a scope is; of a process of which that is not known it says nothing, for "any port within a
 * job" must not become "any port", nor "none" what was merely not recognised. "any" and "slurm" are
 * the same: any scheduler that place_fill() knows.
 */
bool match_place(const struct profile_row *r, const struct process *opener)
{
	const char *want = row_container(r);
	bool by_id = want && strcasecmp(want, PROFILE_NONE) && strcasecmp(want, PROFILE_ANY);

	if (!r->job && !want)
		return true;
	if (!opener || !opener->known)
		return false;
	if (!fits_place(r->job, opener->job_state) || !fits_place(want, opener->container_state))
		return false;
	return !by_id || (strlen(want) <= opener->container.len &&
			  !strncasecmp(want, opener->container.ptr, strlen(want)));
}

bool row_means_own_files(const struct profile_row *r)
{
	return r->exe && !r->container && r->action != PROFILE_DENY;
}

bool match_files(const struct profile_row *r, const struct process *p)
{
	return !row_means_own_files(r) || !p || !p->known || !p->exe.ptr ||
	       p->container_state != PLACE_IN;
}

enum fit { FIT_DIFFERS, FIT_UNKNOWN, FIT_AWAITED, FIT_YES };

/*
 * A row's path is the node's file of it. A path that root mounted otherwise (a container that
 * nobody recognised, a service with a root of its own) is permitted by a row for either, too. A path of a mount namespace that somebody made for himself
 * is what he wants it to be, and one of a container is a file of the container's image: no row
 * permits them, but one about containers, whose paths are theirs. One that forbids it does so
 * there, too.
 */
static bool is_borrowed(const struct profile_row *r, const struct process *p)
{
	const char *want = row_container(r);
	bool either = r->container && !want;

	if (!match_files(r, p))
		return true;
	return p->exe.ptr && p->space & (either ? SPACE_EXE : SPACE_EXE | SPACE_FILE) &&
	       r->action != PROFILE_DENY && (!want || !strcasecmp(want, PROFILE_NONE));
}

/*
 * The path must be the row's (core/exe_pattern.h). " (deleted)" is looked over: a package upgrade
 * replaces the file below every running daemon, and an alert for each of them on each node would
 * teach people to look away. Whoever could unlink that path could also have replaced it and
 * restarted the service, so the mark is no proof of an intruder; audit_why() keeps saying it. A
 * memfd has no path that a row could mean. Of a path longer than the capture only the end is known:
 * it fits when the row ends so, too.
 */
static enum fit fit_exe(const char *want, const struct process *p)
{
	struct text exe;

	if (!want)
		return FIT_YES;
	if (p->kernel)
		return strcmp(want, EXE_KERNEL) ? FIT_DIFFERS : FIT_YES;
	if (!p->exe.ptr)
		return FIT_UNKNOWN;
	if (exe_flags(p) & EXE_MEMFD)
		return FIT_DIFFERS;
	exe = exe_path(p);
	if (p->exe_cut && !text_is(exe, want))
		return exe_pattern_may_fit_end(want, exe) ? FIT_UNKNOWN : FIT_DIFFERS;
	return exe_pattern_fits(want, exe) ? FIT_YES : FIT_DIFFERS;
}

/*
 * By name or by number. A uid without a name on that node is not the user whom a row names: to look
 * over it would let every account of a directory server pass for any service's.
 */
bool user_fits(const char *want, const struct process *p)
{
	uint32_t uid;

	if (p->user.ptr && text_is(p->user, want))
		return true;
	if (p->uid == ID_UNKNOWN)
		return false;
	if (!parse_u32(want, &uid))
		return uid == p->uid;
	return !p->uid && !strcmp(want, "root");
}

static enum fit fit_user(const char *want, const struct process *p)
{
	if (!want || user_fits(want, p))
		return FIT_YES;
	return p->uid == ID_UNKNOWN && !p->kernel ? FIT_UNKNOWN : FIT_DIFFERS;
}

/*
 * Daemons open their port as root and then become their own user (chronyd, rpcbind, named ...): the
 * event shows root, a snapshot after an agent's restart shows the user. The row has one of the two.
 * So, for exactly the program that the row names: root may hold what is another user's, since
 * whoever is root can become that user anyway; and another user may hold root's port when only root
 * could have opened it.
 */
static bool drops_privileges(const struct profile_row *r, const struct door *d,
			     const struct process *p)
{
	bool row_is_root = !strcmp(r->user, "root") || !strcmp(r->user, "0");

	if (!r->exe || p->kernel || p->uid == ID_UNKNOWN)
		return false;
	if (!p->uid)
		return true;
	return row_is_root && proto_has_ports(d->proto) && d->port && d->port < PRIVILEGED_PORTS;
}

static enum fit fit_digest(const char *want, const struct exe_file *f)
{
	if (!want)
		return FIT_YES;
	if (!f->hashed)
		return FIT_UNKNOWN;
	return exe_digest_is(f->sha256, want) ? FIT_YES : FIT_DIFFERS;
}

/* Owned by the package is not enough: the file must be as the package brought it. */
static enum fit fit_package(const char *want, const struct exe_file *f)
{
	if (!want)
		return FIT_YES;
	if (f->listed == EXE_LISTED_UNKNOWN)
		return FIT_UNKNOWN;
	if (f->listed == EXE_LISTED_NONE || f->listed == EXE_LISTED_DIFFERS ||
	    strcmp(f->package, want))
		return FIT_DIFFERS;
	return f->listed == EXE_LISTED_MATCHES ? FIT_YES : FIT_UNKNOWN;
}

static enum fit least(enum fit a, enum fit b)
{
	return a < b ? a : b;
}

static enum fit fit_file(const struct profile_row *r, const struct process *p)
{
	if (!profile_row_wants_file(r))
		return FIT_YES;
	if (p->kernel)
		return FIT_DIFFERS;
	if (!p->account || p->account->state == EXE_ACCOUNT_AWAITED)
		return FIT_AWAITED;
	if (p->account->state != EXE_ACCOUNT_KNOWN)
		return FIT_UNKNOWN;
	return least(fit_digest(r->sha256, &p->account->file),
		     fit_package(r->package, &p->account->file));
}

bool file_differs(const struct profile_row *r, const struct process *p)
{
	return p && p->known && fit_file(r, p) == FIT_DIFFERS;
}

/* What is known of them decides, as far as it can: a record may be cut. */
static enum fit fit_argv(const struct profile_row *r, const struct process *p)
{
	if (!r->argv)
		return FIT_YES;
	if (p->kernel)
		return FIT_DIFFERS;
	switch (argv_pattern_fit(r->argv, p->argv, p->argv_cut)) {
	case ARGV_DIFFERS:
		return FIT_DIFFERS;
	case ARGV_UNKNOWN:
		return FIT_UNKNOWN;
	case ARGV_FITS:
		break;
	}
	return FIT_YES;
}

bool argv_differs(const struct profile_row *r, const struct process *p)
{
	return p && p->known && fit_argv(r, p) == FIT_DIFFERS;
}

bool argv_unknown(const struct profile_row *r, const struct process *p)
{
	return r->argv && (!p || !p->known || fit_argv(r, p) == FIT_UNKNOWN);
}

static enum relation match_owner(const struct profile_row *r, const struct door *d,
				 const struct process *p)
{
	enum fit exe, user;

	if (!profile_row_wants_owner(r))
		return REL_ALLOWS;
	if (!p || !p->known)
		return REL_UNKNOWN;
	exe = r->exe && is_borrowed(r, p) ? FIT_DIFFERS : fit_exe(r->exe, p);
	user = fit_user(r->user, p);
	if (exe == FIT_YES && user == FIT_DIFFERS && drops_privileges(r, d, p))
		user = FIT_YES;
	switch (least(least(exe, user), least(fit_argv(r, p), fit_file(r, p)))) {
	case FIT_DIFFERS:
		return REL_OWNER;
	case FIT_UNKNOWN:
		return REL_UNKNOWN;
	case FIT_AWAITED:
		return REL_AWAITS;
	case FIT_YES:
		break;
	}
	return REL_ALLOWS;
}

enum relation match_row(const struct profile_row *r, const struct door *d,
			const struct process *opener, uint64_t now_wall_ns)
{
	enum relation rel;

	if (row_expired(r, now_wall_ns) || !match_port(r, d) || !match_scope(r, d) ||
	    !match_place(r, opener))
		return REL_NONE;
	rel = match_owner(r, d, opener);
	if (r->action != PROFILE_DENY)
		return rel;
	/*
	 * What is forbidden to one program says nothing about the others, nor about who is not
	 * known.
	 */
	return rel == REL_ALLOWS ? REL_DENIES : rel == REL_AWAITS ? REL_MAY_DENY : REL_NONE;
}

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_str(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

int row_compare(const struct profile_row *a, const struct profile_row *b)
{
	const int by[] = {
		compare_u64(a->proto, b->proto),
		compare_u64(a->port, b->port),
		compare_u64(a->port_end, b->port_end),
		compare_u64(a->scope, b->scope),
		compare_str(a->exe, b->exe),
		compare_str(a->package, b->package),
		compare_str(a->sha256, b->sha256),
		compare_str(a->argv, b->argv),
		compare_str(a->user, b->user),
		compare_str(a->service, b->service),
		compare_u64(a->action, b->action),
		compare_str(a->job, b->job),
		compare_str(a->container, b->container),
		compare_str(a->fingerprint, b->fingerprint),
		compare_u64(a->expires_ns, b->expires_ns),
		compare_u64(a->id, b->id),
	};

	for (size_t i = 0; i < array_len(by); i++)
		if (by[i])
			return by[i];
	return 0;
}
