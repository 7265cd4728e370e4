/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/verdict.h"

#include <stdbool.h>

#include "audit/match.h"
#include "base/err.h"

#define SYSTEM_UID_MAX 999

#define PERMITS (SAYS_ALLOWS | SAYS_REQUIRES)
#define JUDGED (SAYS_ALL & ~(SAYS_LEARNING | SAYS_SETTLING))
#define SEEN (INSIDE_OPEN | INSIDE_LOOPBACK)
#define UNSEEN (INSIDE_SILENT | INSIDE_ABSENT)
#define ANSWERS (OUTSIDE_OPEN | OUTSIDE_OTHER)
#define REFUSES (OUTSIDE_CLOSED | OUTSIDE_FILTERED)

/*
 * The last line takes all that is left. Two things that do not show in single lines: a finding
 * about silence is the node's and not each port's, so "silent" here raises none; and what a person
 * has not accepted yet alerts nobody.
 */
static const struct verdict_line lines[] = {
	/* clang-format off */
	{ SAYS_SETTLING, SEEN, OUTSIDE_ALL, VERDICT_SETTLING, 0, 0, RAISE_NO,
	  "too early: a UDP socket that was bound a moment ago, or a rule asks for the program's file, of which its node has not told yet" },
	{ SAYS_LEARNING, INSIDE_ALL, OUTSIDE_ALL, VERDICT_LEARNING, 0, 0, RAISE_NO,
	  "the class has no accepted profile yet, so nothing alerts" },

	/* Nobody inside, somebody answers. */
	{ JUDGED, INSIDE_CLOSED, ANSWERS, VERDICT_HIDDEN, FINDING_HIDDEN, SEVERITY_CRITICAL, RAISE_NO,
	  "answers from outside, and the kernel shows no such door" },
	{ JUDGED, INSIDE_LOOPBACK, ANSWERS, VERDICT_HIDDEN, FINDING_HIDDEN, SEVERITY_CRITICAL, RAISE_NO,
	  "answers from outside, and the kernel shows it on loopback only" },

	/* A door, and who holds it. */
	{ SAYS_OTHER, SEEN, OUTSIDE_ALL, VERDICT_IMPOSTOR, FINDING_IMPOSTOR, SEVERITY_CRITICAL, RAISE_NO,
	  "a permitted port, held by another program or user" },
	{ SAYS_SHARED, SEEN, OUTSIDE_ALL, VERDICT_SHARED, FINDING_SHARED, SEVERITY_NOTICE, RAISE_NO,
	  "a multicast port, held by its rightful holder and by another" },
	{ SAYS_CLIENT, SEEN, OUTSIDE_ALL, VERDICT_CLIENT, 0, 0, RAISE_NO,
	  "a client's UDP socket: connected, or on a port that it got by sending" },
	{ SAYS_LASTING, SEEN, OUTSIDE_ALL, VERDICT_UNEXPECTED, FINDING_UNEXPECTED, SEVERITY_NOTICE, RAISE_MEMFD,
	  "a UDP socket on a port that it got by sending, open to all for a minute" },
	{ PERMITS, INSIDE_OPEN, OUTSIDE_OTHER, VERDICT_MASQUERADE, FINDING_MASQUERADE, SEVERITY_CRITICAL, RAISE_NO,
	  "a permitted port, and another service answers there" },
	{ PERMITS, INSIDE_OPEN, REFUSES, VERDICT_BLOCKED, FINDING_BLOCKED, SEVERITY_NOTICE, RAISE_NO,
	  "permitted and open, and not reachable from the monitor" },
	{ PERMITS, SEEN, OUTSIDE_ALL, VERDICT_PROFILED, 0, 0, RAISE_NO,
	  "as profiled" },
	{ SAYS_DENIES, INSIDE_LOOPBACK, OUTSIDE_ALL, VERDICT_UNEXPECTED, FINDING_UNEXPECTED, SEVERITY_WARNING, RAISE_MEMFD,
	  "forbidden, on loopback only" },
	{ SAYS_DENIES, INSIDE_OPEN, OUTSIDE_ALL, VERDICT_UNEXPECTED, FINDING_UNEXPECTED, SEVERITY_CRITICAL, RAISE_NO,
	  "forbidden" },
	{ SAYS_NOTHING, INSIDE_LOOPBACK, OUTSIDE_ALL, VERDICT_UNEXPECTED, FINDING_UNEXPECTED, SEVERITY_NOTICE, RAISE_MEMFD,
	  "unexpected, on loopback only" },
	{ SAYS_NOTHING, INSIDE_OPEN, ANSWERS, VERDICT_UNEXPECTED, FINDING_UNEXPECTED, SEVERITY_CRITICAL, RAISE_NO,
	  "unexpected, and reachable from the monitor" },
	{ SAYS_NOTHING, INSIDE_OPEN, REFUSES, VERDICT_UNEXPECTED, FINDING_UNEXPECTED, SEVERITY_WARNING, RAISE_MEMFD,
	  "unexpected, and not reachable from the monitor" },
	{ SAYS_NOTHING, INSIDE_OPEN, OUTSIDE_UNKNOWN, VERDICT_UNEXPECTED, FINDING_UNEXPECTED, SEVERITY_WARNING, RAISE_OWNER,
	  "unexpected; nobody has looked from outside" },

	/*
	 * No door, and none answers. A filtered port says nothing about what is behind it; the
	 * kernel does.
	 */
	{ SAYS_REQUIRES, INSIDE_CLOSED, OUTSIDE_ALL, VERDICT_MISSING, FINDING_MISSING, SEVERITY_WARNING, RAISE_NO,
	  "required, and not there" },
	{ JUDGED, INSIDE_CLOSED, OUTSIDE_ALL, VERDICT_PROFILED, 0, 0, RAISE_NO,
	  "as profiled: nothing is open" },

	/* Only the outside speaks. */
	{ SAYS_NOTHING | SAYS_DENIES | SAYS_CLIENT | SAYS_LASTING, UNSEEN, ANSWERS, VERDICT_UNEXPECTED, FINDING_UNEXPECTED, SEVERITY_CRITICAL, RAISE_NO,
	  "unexpected; seen from outside only" },
	{ PERMITS | SAYS_OTHER | SAYS_SHARED, UNSEEN, OUTSIDE_OTHER, VERDICT_MASQUERADE, FINDING_MASQUERADE, SEVERITY_CRITICAL, RAISE_NO,
	  "a permitted port, and another service answers there; seen from outside only" },
	{ SAYS_REQUIRES, UNSEEN, OUTSIDE_CLOSED, VERDICT_MISSING, FINDING_MISSING, SEVERITY_WARNING, RAISE_NO,
	  "required, and refused; seen from outside only" },
	{ PERMITS | SAYS_OTHER | SAYS_SHARED, INSIDE_ABSENT, OUTSIDE_OPEN, VERDICT_PROFILED, 0, 0, RAISE_NO,
	  "as profiled; seen from outside only" },
	{ JUDGED, INSIDE_ABSENT, OUTSIDE_CLOSED, VERDICT_PROFILED, 0, 0, RAISE_NO,
	  "as profiled: nothing answers; seen from outside only" },
	{ SAYS_ALL, INSIDE_ALL, OUTSIDE_ALL, VERDICT_SILENT, 0, 0, RAISE_NO,
	  "not known: the node's agent is silent, or nobody has looked" },
	/* clang-format on */
};

static const struct raise_line raises[] = {
	{ OWNER_KERNEL, SEVERITY_WARNING, "the kernel itself holds it" },
	{ OWNER_ROOT, SEVERITY_CRITICAL, "its owner is root" },
	{ OWNER_MEMFD, SEVERITY_CRITICAL, "its program never had a file" },
	{ OWNER_DELETED, SEVERITY_CRITICAL, "its executable was deleted or replaced" },
	{ OWNER_WRITABLE, SEVERITY_CRITICAL, "its program lies where anyone may write" },
	{ OWNER_SYSTEM | OWNER_UNPACKAGED, SEVERITY_CRITICAL,
	  "its owner is a system user, and its program lies where no package installs" },
};

const struct verdict_line *verdict_lines(size_t *ret_len)
{
	*ret_len = array_len(lines);
	return lines;
}

const struct raise_line *raise_lines(size_t *ret_len)
{
	*ret_len = array_len(raises);
	return raises;
}

static enum severity raised(const struct verdict_line *l, unsigned owner)
{
	if (l->raise == RAISE_MEMFD && (owner & OWNER_MEMFD) && l->severity < SEVERITY_CRITICAL)
		return l->severity + 1;
	if (l->raise != RAISE_OWNER)
		return l->severity;
	for (size_t i = 0; i < array_len(raises); i++)
		if (!(raises[i].facts & ~owner))
			return raises[i].severity;
	return l->severity;
}

void audit_verdict(const struct witness *w, struct ruling *ret_r)
{
	const struct verdict_line *l = lines, *last = &lines[array_len(lines) - 1];

	while (l < last &&
	       !((l->says & w->says) && (l->inside & w->inside) && (l->outside & w->outside)))
		l++;
	*ret_r = (struct ruling){
		.verdict = l->verdict,
		.kind = l->kind,
		.severity = l->kind ? raised(l, w->owner) : (enum severity)0,
		.line = l,
	};
}

unsigned owner_facts(const struct process *p)
{
	static const struct {
		unsigned flag, fact;
	} of[] = {
		{ EXE_DELETED, OWNER_DELETED },
		{ EXE_MEMFD, OWNER_MEMFD },
		{ EXE_WRITABLE_DIR, OWNER_WRITABLE },
		{ EXE_UNPACKAGED, OWNER_UNPACKAGED },
	};
	unsigned facts = 0, flags;

	if (!p || !p->known)
		return 0;
	if (p->kernel)
		return OWNER_KERNEL;
	if (!p->uid)
		facts |= OWNER_ROOT;
	else if (p->uid <= SYSTEM_UID_MAX)
		facts |= OWNER_SYSTEM;
	flags = exe_flags(p);
	for (size_t i = 0; i < array_len(of); i++)
		if (flags & of[i].flag)
			facts |= of[i].fact;
	return facts;
}

/* --- names ------------------------------------------------------------------------------------ */

static const char *bit_name(const char *const *names, size_t len, unsigned bits)
{
	unsigned i = bits ? (unsigned)__builtin_ctz(bits) : 0;

	return i < len ? names[i] : "?";
}

const char *says_name(enum says s)
{
	static const char *const names[] = { "learning", "no row",	  "allows", "requires",
					     "denies",	 "another owner", "client", "settling",
					     "lasting",	 "shared" };

	return bit_name(names, array_len(names), s);
}

const char *inside_name(enum inside i)
{
	static const char *const names[] = { "open", "loopback", "closed", "silent", "no agent" };

	return bit_name(names, array_len(names), i);
}

const char *outside_name(enum outside o)
{
	static const char *const names[] = { "open", "other service", "closed", "filtered",
					     "unknown" };

	return bit_name(names, array_len(names), o);
}
