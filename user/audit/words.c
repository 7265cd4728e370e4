/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/audit.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "audit/match.h"
#include "audit/script.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "core/argv_pattern.h"
#include "core/executable.h"
#include "core/place.h"

/*
 * What an alert says to people: one line each, no jargon, every name escaped. Paths and names are
 * cut at TEXT_MAX bytes; the whole of them is in the alert's door.
 */
#define TEXT_MAX 256
#define ROWS_SHOWN 6

static void put_text(struct text t, struct buf *b)
{
	esc_text(b, t.ptr, t.len, TEXT_MAX);
}

static void put_str(const char *s, struct buf *b)
{
	put_text(text_of(s ? s : "?"), b);
}

static bool is_known(const struct process *p)
{
	return p && p->known;
}

static void put_user(const struct process *p, struct buf *b)
{
	if (p->user.ptr && p->user.len)
		put_text(p->user, b);
	else if (!p->uid)
		buf_puts(b, "root");
	else if (p->uid == ID_UNKNOWN)
		buf_puts(b, "user unknown");
	else
		buf_printf(b, "uid %" PRIu32, p->uid);
}

/* "nc (mlee)" */
static void put_who(const struct process *p, struct buf *b)
{
	if (!is_known(p)) {
		buf_puts(b, "an unknown process");
		return;
	}
	if (p->kernel) {
		buf_puts(b, "the kernel");
		return;
	}
	put_str(p->comm, b);
	buf_puts(b, " (");
	put_user(p, b);
	buf_putc(b, ')');
}

static void put_proto_port(const struct door *d, struct buf *b)
{
	buf_printf(b, "%s %" PRIu32, door_proto_name(proto_class(d->proto)), d->port);
}

static const char *verb_of(enum finding_kind kind, const struct door *d)
{
	if (kind == FINDING_IMPOSTOR)
		return "holds a permitted port, ";
	if (kind == FINDING_SHARED)
		return "shares a multicast port with its rightful holder, ";
	switch (d->proto) {
	case PROTO_UDP:
	case PROTO_UDPLITE:
	case PROTO_RAW:
	case PROTO_PACKET:
		return "receives on ";
	default:
		return "listens on ";
	}
}

/*
 * " in netns blue": a door that is not among the host's own. Before the nodes, which end a summary
 * and are replaced.
 */
static void put_where(const struct door *d, const struct process *opener, struct buf *b)
{
	static const struct process nobody;
	char where[PLACE_WHERE_MAX];

	place_where(d, opener ? opener : &nobody, where);
	if (!where[0])
		return;
	buf_puts(b, " in ");
	put_str(where, b);
}

void audit_summary(const struct judgement *j, const char *node, const struct door *d,
		   const struct process *opener, struct buf *b)
{
	put_who(opener, b);
	buf_printf(b, " %s", verb_of(j->kind, d));
	door_endpoint_format(b, d);
	buf_printf(b, "/%s", door_proto_name(d->proto));
	put_where(d, opener, b);
	buf_puts(b, " on ");
	put_str(node, b);
}

void audit_burst_summary(enum finding_kind kind, const char *node, const struct door *d,
			 const struct process *opener, uint32_t count, const char *ports,
			 struct buf *b)
{
	put_who(opener, b);
	buf_printf(b, " %s%" PRIu32 " ports of ",
		   kind == FINDING_IMPOSTOR ? "holds permitted ports, " : verb_of(kind, d), count);
	door_addr_format(b, d);
	buf_printf(b, ": %s/%s", ports, door_proto_name(d->proto));
	put_where(d, opener, b);
	buf_puts(b, " on ");
	put_str(node, b);
}

/* --- rows in words ------------------------------------------------------------------------------ */

static void put_row_port(const struct profile_row *r, struct buf *b)
{
	buf_puts(b, r->proto ? door_proto_name(r->proto) : "any protocol");
	if (!r->port && !r->port_end)
		buf_puts(b, " any port");
	else
		buf_printf(b, " %" PRIu32, r->port);
	if (r->port_end > r->port)
		buf_printf(b, "-%" PRIu32, r->port_end);
}

/* Long digests are told apart by their beginning; the whole of both is in the rule and the file. */
#define DIGEST_SHOWN 16

static void put_row_file(const struct profile_row *r, struct buf *b)
{
	if (r->package) {
		buf_puts(b, " of package ");
		put_str(r->package, b);
		buf_puts(b, ", as packaged");
	}
	if (r->sha256)
		buf_printf(b, " with sha256 %.*s", DIGEST_SHOWN, r->sha256);
}

/* As a profile has them between quotes. */
static void put_row_argv(const struct profile_row *r, struct buf *b)
{
	if (!r->argv)
		return;
	buf_puts(b, " with arguments '");
	put_str(r->argv, b);
	buf_putc(b, '\'');
}

static void put_row_owner(const struct profile_row *r, struct buf *b)
{
	if (r->exe)
		put_str(r->exe, b);
	else
		buf_puts(b, "any program");
	if (r->user) {
		buf_puts(b, " of user ");
		put_str(r->user, b);
	}
	put_row_argv(r, b);
	put_row_file(r, b);
}

/* What was found where the row asks for something else of the file. */
static void why_file(const struct profile_row *r, const struct process *p, struct buf *b)
{
	const struct exe_file *f;

	if (!r || !profile_row_wants_file(r) || !is_known(p) || p->kernel)
		return;
	if (!p->account || p->account->state != EXE_ACCOUNT_KNOWN) {
		buf_puts(b, !p->account || p->account->state == EXE_ACCOUNT_AWAITED
				    ? "; its node has not told of that file yet"
				    : "; its file is not known");
		return;
	}
	f = &p->account->file;
	if (r->sha256 && f->hashed) {
		buf_puts(b, "; its file has sha256 ");
		buf_put_hex(b, f->sha256, DIGEST_SHOWN / 2);
	} else if (r->sha256) {
		buf_printf(b, "; of its file there is no digest: %s",
			   exe_file_state_name(f->state));
	}
	if (!r->package)
		return;
	buf_puts(b, f->package[0] ? "; its file is of package " : "; package of its file: ");
	if (f->package[0]) {
		put_str(f->package, b);
		buf_puts(b, ", ");
	}
	buf_puts(b, exe_listed_name(f->listed));
}

/* As a rule would have it. */
static void put_arg(struct text arg, struct buf *b)
{
	_cleanup_(buf_done) struct buf shown = BUF_INIT(1 << 16);

	argv_pattern_put(&shown, arg);
	put_str(arg.len ? buf_str(&shown) : "\"\"", b);
}

/* Behind the program's own name. */
static void put_argv(const struct process *p, struct buf *b)
{
	struct text list = p->argv, arg;
	size_t before = b->len;
	bool whole = true;

	for (unsigned n = 0; argv_next(&list, &arg, &whole); n++) {
		if (!n)
			continue;
		if (b->len - before > TEXT_MAX) {
			buf_puts(b, " and more");
			return;
		}
		buf_puts(b, n > 1 ? " " : "");
		put_arg(arg, b);
	}
	if (b->len == before)
		buf_puts(b, "none");
	if (p->argv_cut)
		buf_puts(b, " (cut)");
}

static void why_argv(const struct profile_row *r, const struct process *p, struct buf *b)
{
	if (!r || !r->argv || !is_known(p) || p->kernel)
		return;
	if (argv_unknown(r, p)) {
		buf_puts(b, p->argv.ptr ? "; of its arguments only the beginning is known: "
					: "; its arguments are not known");
		if (p->argv.ptr)
			put_argv(p, b);
	} else if (argv_differs(r, p)) {
		buf_puts(b, "; its arguments differ: ");
		put_argv(p, b);
	}
}

static bool same_port(const struct profile_row *a, const struct profile_row *b)
{
	return a->proto == b->proto && a->port == b->port && a->port_end == b->port_end;
}

/* The first row behind prev in row_compare()'s order that speaks of other ports than prev. */
static const struct profile_row *next_row(const struct profile *p, const struct profile_row *prev)
{
	const struct profile_row *next = NULL;

	for (size_t i = 0; i < p->rows_len; i++) {
		const struct profile_row *r = &p->rows[i];

		if (prev && (same_port(r, prev) || row_compare(r, prev) <= 0))
			continue;
		if (!next || row_compare(r, next) < 0)
			next = r;
	}
	return next;
}

/* " (3 rows: tcp 22, tcp 9100, udp 123)" */
static void put_rows(const struct profile *p, struct buf *b)
{
	const struct profile_row *r = NULL;

	if (!p || !p->rows_len) {
		buf_puts(b, " (it has no rows: nothing may be open)");
		return;
	}
	buf_printf(b, " (%zu row%s: ", p->rows_len, plural(p->rows_len));
	for (int i = 0; i < ROWS_SHOWN && (r = next_row(p, r)); i++) {
		if (i)
			buf_puts(b, ", ");
		put_row_port(r, b);
	}
	buf_puts(b, r && next_row(p, r) ? ", ...)" : ")");
}

/* --- why ---------------------------------------------------------------------------------------- */

static void put_profile(const char *host_type, struct buf *b)
{
	buf_puts(b, "the profile of class '");
	put_str(host_type, b);
	buf_puts(b, "' ");
}

static void put_no_row(const struct profile *p, const struct door *d, struct buf *b)
{
	buf_puts(b, "has no row for ");
	put_proto_port(d, b);
	put_rows(p, b);
}

/* A row for what runs in a job or a container, and this does not; or the other way. */
static void why_elsewhere(const struct profile_row *r, const struct door *d,
			  const struct process *opener, struct buf *b)
{
	bool known = opener && opener->known;
	const struct {
		const char *want, *what;
		enum place_state state;
	} asked[] = { { r->job, "a job", known ? opener->job_state : PLACE_UNKNOWN },
		      { r->container, "a container",
			known ? opener->container_state : PLACE_UNKNOWN } };
	const char *sep = " ", *unknown = NULL;

	buf_puts(b, "permits ");
	put_proto_port(d, b);
	for (size_t i = 0; i < array_len(asked); i++) {
		if (!asked[i].want)
			continue;
		buf_printf(b, "%sonly %s %s", sep,
			   strcasecmp(asked[i].want, PROFILE_NONE) ? "within" : "outside of",
			   asked[i].what);
		sep = ", ";
		if (asked[i].state == PLACE_UNKNOWN)
			unknown = asked[i].what;
	}
	if (unknown)
		buf_printf(b, "; whether this door is in %s is not known", unknown);
	else
		buf_puts(b, "; this door is not there");
}

static void why_denied(const struct profile_row *r, const struct door *d, struct buf *b)
{
	buf_puts(b, "forbids ");
	put_proto_port(d, b);
	if (profile_row_wants_owner(r)) {
		buf_puts(b, " to ");
		put_row_owner(r, b);
	}
	if (r->reason) {
		buf_puts(b, ": ");
		put_str(r->reason, b);
	}
}

/* The row names somebody, and of who holds the door that part is not known. */
static bool lacks_proof(const struct profile_row *r, const struct process *p)
{
	if (!profile_row_wants_owner(r))
		return false;
	if (!is_known(p))
		return true;
	return !p->kernel &&
	       (profile_row_wants_file(r) || (r->exe && (!p->exe.ptr || p->exe_cut)) ||
		(r->user && p->uid == ID_UNKNOWN) || argv_unknown(r, p));
}

/* There is a row about this port, and yet the door does not fit: say the one thing that differs. */
static void why_near(const struct profile_row *r, const struct profile *p, const struct door *d,
		     const struct process *opener, struct buf *b)
{
	if (r->scope && r->scope != d->scope) {
		buf_puts(b, "permits ");
		put_proto_port(d, b);
		buf_printf(b, " with scope '%s' only; this door has scope '%s'",
			   door_scope_name(r->scope), door_scope_name(d->scope));
	} else if (!match_place(r, opener)) {
		why_elsewhere(r, d, opener, b);
	} else if (is_known(opener) && opener->kernel && profile_row_wants_owner(r)) {
		buf_puts(b, "permits ");
		put_proto_port(d, b);
		buf_puts(b, " to ");
		put_row_owner(r, b);
		buf_puts(b, "; the kernel itself holds it");
	} else if (lacks_proof(r, opener)) {
		buf_puts(b, "permits ");
		put_proto_port(d, b);
		buf_puts(b, " to ");
		put_row_owner(r, b);
		if (is_known(opener))
			buf_puts(b, "; not enough is known of who holds it");
		why_argv(r, opener, b);
		why_file(r, opener, b);
	} else if (r->expires_ns) {
		buf_puts(b, "permitted ");
		put_proto_port(d, b);
		buf_puts(b, " until ");
		clock_format(b, r->expires_ns);
	} else {
		put_no_row(p, d, b);
	}
}

static void why_impostor(const struct profile_row *r, const struct door *d,
			 const struct process *opener, struct buf *b)
{
	buf_puts(b, "permits ");
	put_proto_port(d, b);
	buf_puts(b, " to ");
	put_row_owner(r, b);
	buf_puts(b, "; it is held by ");
	put_text(opener->exe.ptr ? opener->exe : text_of(opener->comm), b);
	buf_puts(b, " of ");
	put_user(opener, b);
	if (!match_files(r, opener))
		buf_puts(b, " in a container, whose files are not this node's");
	why_argv(r, opener, b);
	if (file_differs(r, opener))
		why_file(r, opener, b);
}

/* As profiled although the user is not the row's: see drops_privileges() in match.c. */
static void why_other_user(const struct profile_row *r, const struct process *p, struct buf *b)
{
	if (!r || !r->user || !is_known(p) || p->uid == ID_UNKNOWN || user_fits(r->user, p))
		return;
	buf_puts(b, " to user ");
	put_str(r->user, b);
	buf_puts(b, "; the same program holds it as ");
	put_user(p, b);
}

/* What makes the owner doubtful, whatever the profile says. */
static void why_owner(const struct process *p, struct buf *b)
{
	unsigned flags = exe_flags(p);

	if (!is_known(p)) {
		buf_puts(b, "; who holds it is not known");
		return;
	}
	if (flags & EXE_MEMFD)
		buf_puts(b, "; its program never had a file (memfd)");
	else if (flags & EXE_DELETED)
		buf_puts(b, "; its executable was deleted or replaced since it started");
	if (flags & EXE_WRITABLE_DIR) {
		buf_puts(b, "; its program ");
		put_text(p->exe, b);
		buf_puts(b, " lies where anyone may write");
	}
	if (flags & EXE_FOREIGN) {
		buf_puts(b, "; the path ");
		put_text(p->exe, b);
		buf_puts(b, " is of another mount namespace: it is not this node's program");
	}
	if (flags & EXE_CUT)
		buf_puts(b, "; only the end of its executable's path is known");
}

void audit_why(const struct judgement *j, const char *host_type, const struct profile *p,
	       const struct door *d, const struct process *opener, struct buf *b)
{
	switch (j->verdict) {
	case VERDICT_NONE:
		buf_puts(b, "nobody has judged it");
		return;
	case VERDICT_LEARNING:
		buf_puts(b, "class '");
		put_str(host_type, b);
		buf_puts(b, "' has no accepted profile yet, so nothing alerts");
		return;
	case VERDICT_MASQUERADE:
	case VERDICT_HIDDEN:
	case VERDICT_BLOCKED:
	case VERDICT_MISSING:
	case VERDICT_SILENT:
	case VERDICT_OUTLIER:
		return; /* not about a door alone: audit_port_why() has their words */
	case VERDICT_CLIENT:
		buf_puts(b, d->connected
				    ? "a UDP socket that is connected answers its peer alone: "
				      "a client's"
				    : "a UDP socket that was closed at once, or got its port by "
				      "sending, is a client's");
		return;
	case VERDICT_SETTLING:
		if (!j->row) {
			buf_puts(b, "it was bound a moment ago: judged when it is seen what it "
				    "does");
			return;
		}
		put_profile(host_type, b);
		buf_printf(b, "has %s ",
			   j->row->action == PROFILE_DENY ? "forbidden" : "permitted");
		put_proto_port(d, b);
		buf_puts(b, " to ");
		put_row_owner(j->row, b);
		why_file(j->row, opener, b);
		return;
	case VERDICT_SHARED:
		put_profile(host_type, b);
		why_impostor(j->row, d, opener, b);
		buf_puts(b, "; the former has it too, and both are members of a multicast group");
		break;
	case VERDICT_PROFILED:
		put_profile(host_type, b);
		buf_puts(b, "permits ");
		put_proto_port(d, b);
		why_other_user(j->row, opener, b);
		break;
	case VERDICT_IMPOSTOR:
		put_profile(host_type, b);
		why_impostor(j->row, d, opener, b);
		break;
	case VERDICT_UNEXPECTED:
		put_profile(host_type, b);
		if (j->row && j->row->action == PROFILE_DENY)
			why_denied(j->row, d, b);
		else if (j->row)
			why_near(j->row, p, d, opener, b);
		else
			put_no_row(p, d, b);
		if (d->lasting && !d->bound)
			buf_puts(b, "; it got the port by sending, and is open to all since");
		break;
	}
	why_owner(opener, b);
}

/* --- remedy ------------------------------------------------------------------------------------- */

static void put_look(const struct door *d, struct buf *b)
{
	if (proto_has_ports(d->proto))
		buf_printf(b, "see who: ajar ls :%" PRIu32, d->port);
	else
		buf_printf(b, "see who: ajar ls %s", door_proto_name(d->proto));
}

static void put_stop(const struct process *p, struct buf *b)
{
	if (is_known(p) && p->kernel)
		buf_puts(b, "stop the service that asked the kernel for it (NFS, WireGuard ...)");
	else if (is_known(p) && p->pid)
		buf_printf(b, "kill %" PRIu32, p->pid);
	else
		buf_puts(b, "stop the program that ajar ls names");
}

/* What a shell takes as it stands, so that the line can be pasted: names are hostile. */
static bool is_plain(struct text t)
{
	static const char also[] = "/._-+@:,=";

	for (uint32_t i = 0; i < t.len; i++) {
		char ch = t.ptr[i];

		if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
		      (ch >= '0' && ch <= '9') || strchr(also, ch)))
			return false;
	}
	return t.len && t.ptr[0] != '-';
}

/* Plain words, which between quotes are what they are for a shell and a rule. */
static bool is_plain_argv(const char *argv)
{
	for (const char *s = argv; *s; s++)
		if (*s != ' ' && !is_plain((struct text){ s, 1 }) && *s != '-')
			return false;
	return true;
}

/*
 * "ajar profile allow compute tcp 4444 exe /usr/bin/nc user mlee --reason WHY"; what cannot be
 * pasted is left to `ajar alerts`.
 */
static void put_allow(const char *host_type, const struct door *d, const struct process *p,
		      struct buf *b)
{
	struct text class = text_of(host_type),
		    exe = is_known(p) ? exe_path(p) : (struct text){ 0 };
	struct script script;
	_free_ char *argv = script_of(p, &script) ? NULL : script.argv;

	if (!host_type || (argv && !is_plain_argv(argv)) || !is_plain(class) ||
	    !proto_has_ports(d->proto) || d->autoport || !is_known(p) || p->exe_cut ||
	    (!p->kernel && (!exe.ptr || !is_plain(exe))) || (p->user.ptr && !is_plain(p->user))) {
		buf_puts(b, "ajar alerts allow ID --reason WHY");
		return;
	}
	buf_printf(b, "ajar profile allow %s ", host_type);
	put_proto_port(d, b);
	buf_puts(b, " exe ");
	if (p->kernel) {
		buf_puts(b, EXE_KERNEL);
	} else {
		buf_put(b, exe.ptr, exe.len);
		if (argv)
			buf_printf(b, " argv '%s'", argv);
		if (p->uid != ID_UNKNOWN || p->user.ptr) {
			buf_puts(b, " user ");
			if (p->user.ptr && p->user.len)
				buf_put(b, p->user.ptr, p->user.len);
			else
				put_user(p, b);
		}
	}
	buf_puts(b, " --reason WHY");
}

void audit_remedy(const struct judgement *j, const char *host_type, const struct door *d,
		  const struct process *opener, struct buf *b)
{
	unsigned flags = exe_flags(opener) & ~(unsigned)EXE_UNPACKAGED;

	put_look(d, b);
	if (!j->kind) {
		if (j->verdict == VERDICT_LEARNING)
			buf_puts(b, "; to be alerted from now on: ajar profile learn --write "
				    "(accepts what is open now)");
		return;
	}
	/* Learning leaves these out, and a row would be about a path that anyone can fill. */
	if (flags) {
		buf_puts(b, "; learning leaves such a program out: install it in a system "
			    "directory and restart it, or stop it: ");
		put_stop(opener, b);
		return;
	}
	if (j->kind == FINDING_IMPOSTOR) {
		buf_puts(b, "; if it has no business there: ");
		put_stop(opener, b);
		buf_puts(b, "; if it is wanted: ");
		put_allow(host_type, d, opener, b);
		return;
	}
	buf_puts(b, "; if it is wanted: ");
	put_allow(host_type, d, opener, b);
	buf_puts(b, "; if not: ");
	put_stop(opener, b);
}
