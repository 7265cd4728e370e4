/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/explain.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "audit/match.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "core/argv_pattern.h"
#include "core/exe_pattern.h"

#define TEXT_MAX 256

/* --- why not ------------------------------------------------------------------------------------------ */

struct list {
	struct buf *b;
	unsigned n;
};

static struct buf *next(struct list *l)
{
	if (l->n++)
		buf_puts(l->b, ", ");
	return l->b;
}

static void name(struct buf *b, const char *what, const char *value)
{
	buf_puts(b, what);
	esc_text(b, value, strlen(value), TEXT_MAX);
}

static void miss_port(const struct profile_row *r, const struct door *d, struct list *l)
{
	const struct door any_port = { .proto = d->proto, .port = r->port };

	if (!match_port(r, &any_port))
		buf_printf(next(l), "protocol %s", door_proto_name(r->proto));
	if (!r->port && !r->port_end)
		return;
	if (r->port_end > r->port && (d->port < r->port || d->port > r->port_end))
		buf_printf(next(l), "ports %" PRIu32 "-%" PRIu32, r->port, r->port_end);
	else if (r->port_end <= r->port && d->port != r->port)
		buf_printf(next(l), "port %" PRIu32, r->port);
}

static void miss_place(const struct profile_row *r, const struct process *p, struct list *l)
{
	struct profile_row one = { .job = r->job };
	bool known = p && p->known;
	const char *job_doubt = !known || !p->job_state ? " (not known here)" : "";
	const char *doubt = !known || !p->container_state ? " (not known here)" : "";

	if (!match_place(&one, p))
		buf_printf(next(l), "%s%s",
			   strcasecmp(r->job, PROFILE_NONE) ? "within a job" : "outside of jobs",
			   job_doubt);
	one = (struct profile_row){ .container = r->container };
	if (!match_files(r, p))
		buf_puts(next(l), "outside of containers");
	if (match_place(&one, p))
		return;
	if (!strcasecmp(r->container, PROFILE_NONE))
		buf_printf(next(l), "outside of containers%s", doubt);
	else if (!strcasecmp(r->container, PROFILE_ANY))
		buf_printf(next(l), "within a container%s", doubt);
	else
		name(next(l), "container ", r->container);
}

static void miss_file(const struct profile_row *r, const struct process *p, struct list *l)
{
	struct profile_row package = { .package = r->package }, digest = { .sha256 = r->sha256 };

	if (file_differs(&package, p))
		name(next(l), "package ", r->package);
	if (file_differs(&digest, p))
		name(next(l), "sha256 ", r->sha256);
}

static void miss_owner(const struct profile_row *r, const struct door *d, const struct process *p,
		       uint64_t now_ns, struct list *l)
{
	static char either[] = PROFILE_EITHER;
	struct profile_row one = { .proto = r->proto, .exe = r->exe, .container = either };
	bool exe, user;

	exe = r->exe && match_row(&one, d, p, now_ns) == REL_OWNER;
	one = *r;
	one.port = one.port_end = 0;
	one.scope = 0;
	one.action = PROFILE_ALLOW;
	one.job = NULL;
	one.container = either;
	one.expires_ns = 0;
	one.package = one.sha256 = one.argv = NULL;
	user = r->user && !exe && match_row(&one, d, p, now_ns) == REL_OWNER;
	if (exe)
		name(next(l), "program ", r->exe);
	miss_file(r, p, l);
	if (argv_differs(r, p))
		name(next(l), "arguments ", r->argv);
	else if (argv_unknown(r, p)) {
		name(next(l), "arguments ", r->argv);
		buf_puts(l->b, " (not known here)");
	}
	if (user || (exe && r->user && p && p->known && !user_fits(r->user, p)))
		name(next(l), "user ", r->user);
}

unsigned audit_row_misses(const struct profile_row *r, const struct door *d,
			  const struct process *opener, uint64_t now_wall_ns, struct buf *b)
{
	struct list l = { .b = b };

	miss_port(r, d, &l);
	if (r->scope && r->scope != d->scope)
		buf_printf(next(&l), "scope %s", door_scope_name(r->scope));
	miss_place(r, opener, &l);
	miss_owner(r, d, opener, now_wall_ns, &l);
	if (row_expired(r, now_wall_ns)) {
		buf_puts(next(&l), "until ");
		clock_format(b, r->expires_ns);
	}
	return l.n;
}

/* --- which never decide ---------------------------------------------------------------------------------- */

static bool covers_str(const char *a, const char *b)
{
	return !a || (b && !strcmp(a, b));
}

static bool covers_exe(const char *a, const char *b)
{
	return !a || (b && exe_pattern_covers(a, b));
}

static bool covers_argv(const char *a, const char *b)
{
	return !a || (b && argv_pattern_covers(a, b));
}

static bool covers_job(const char *a, const char *b)
{
	if (!a || !b)
		return !a;
	return !strcasecmp(a, PROFILE_NONE) == !strcasecmp(b, PROFILE_NONE);
}

static bool covers_container(const struct profile_row *r, const struct profile_row *s)
{
	const char *a = r->container, *b = s->container;
	bool none_a = a && !strcasecmp(a, PROFILE_NONE), none_b = b && !strcasecmp(b, PROFILE_NONE);
	bool either_a = a && !strcasecmp(a, PROFILE_EITHER);
	bool either_b = b && !strcasecmp(b, PROFILE_EITHER);

	/* Where a's program does not cover b's the answer is of no interest. */
	if (row_means_own_files(r))
		return !b || none_b;
	if (either_a && r->exe && r->action != PROFILE_DENY)
		return !b || none_b || either_b;
	if (!a || either_a)
		return true;
	if (either_b)
		return false;
	if (!b || none_a || none_b)
		return none_a && none_b;
	return !strcasecmp(a, PROFILE_ANY) || !strncasecmp(a, b, strlen(a));
}

static bool covers_ports(const struct profile_row *a, const struct profile_row *b)
{
	uint32_t hi_a = a->port_end ? a->port_end : a->port;
	uint32_t hi_b = b->port_end ? b->port_end : b->port;

	if (!a->port && !a->port_end)
		return true;
	return (b->port || b->port_end) && a->port <= b->port && hi_b <= hi_a;
}

/* Every door that b speaks of, a speaks of too, for as long. */
static bool audit_row_covers(const struct profile_row *a, const struct profile_row *b)
{
	bool proto = !a->proto || a->proto == b->proto ||
		     (b->proto && a->proto == proto_class(b->proto));
	bool expiry = !a->expires_ns || (b->expires_ns && b->expires_ns <= a->expires_ns);

	return proto && expiry && covers_ports(a, b) && (!a->scope || a->scope == b->scope) &&
	       covers_exe(a->exe, b->exe) && covers_str(a->package, b->package) &&
	       covers_str(a->sha256, b->sha256) && covers_argv(a->argv, b->argv) &&
	       covers_str(a->user, b->user) && covers_job(a->job, b->job) && covers_container(a, b);
}

/*
 * A wider permission makes a narrow one needless, unless that one says more: what is required, what
 * a scan has to find.
 */
static bool makes_needless(const struct profile_row *a, const struct profile_row *b)
{
	if (a->action == PROFILE_DENY || b->action == PROFILE_DENY)
		return a->action == b->action;
	return b->action == PROFILE_ALLOW && covers_str(b->service, a->service) &&
	       covers_str(b->fingerprint, a->fingerprint);
}

/* What row a makes of row r; first: a comes first of the two. */
static enum row_flaw flaw_by(const struct profile_row *a, const struct profile_row *r, bool first)
{
	bool both;

	if (!audit_row_covers(a, r))
		return ROW_FINE;
	if (a->action == PROFILE_DENY && r->action != PROFILE_DENY)
		return ROW_DENIED;
	if (!makes_needless(a, r))
		return ROW_FINE;
	both = audit_row_covers(r, a);
	if (both && !first && makes_needless(r, a))
		return ROW_FINE; /* of two that are equal the first stays */
	return both && a->action == r->action ? ROW_TWICE : ROW_NEEDLESS;
}

enum row_flaw audit_row_flaw(const struct profile_row *rows, size_t n, size_t i,
			     uint64_t now_wall_ns, const struct profile_row **ret_by)
{
	enum row_flaw worst = ROW_FINE;

	*ret_by = NULL;
	if (row_expired(&rows[i], now_wall_ns))
		return ROW_EXPIRED;
	for (size_t k = 0; k < n; k++) {
		enum row_flaw flaw = ROW_FINE;

		if (k != i && !row_expired(&rows[k], now_wall_ns))
			flaw = flaw_by(&rows[k], &rows[i], k < i);
		if (flaw <= worst)
			continue;
		worst = flaw;
		*ret_by = &rows[k];
	}
	return worst;
}

bool audit_row_careless(const struct profile_row *r)
{
	return r->action == PROFILE_ALLOW && row_is_wide(r) && !profile_row_wants_owner(r) &&
	       !r->job && !r->container && r->scope != SCOPE_LOOPBACK;
}
