/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/audit.h"

#include <stdbool.h>
#include <stddef.h>

#include "audit/match.h"

/*
 * The decision is the two tables below; the functions only gather the facts they are asked about. Only
 * open doors come here: a TCP bind without listen (EVENT_BIND) is not a door and is never judged.
 *
 * "Best" is the best relation that any row of the profile has to the door. Kernel-held doors and rows over
 * wide port ranges make no impostors: the kernel has no executable that could be compared, and a row
 * such as "mpirun may have 32768-60999" is about mpirun, so another program up there is
 * simply unexpected and not somebody in mpirun's place.
 */
enum tri { EITHER, NO, YES };

static const struct decision {
	enum tri accepted; /* the class has an accepted profile */
	enum tri client; /* UDP on a port the kernel chose */
	enum relation best; /* REL_NONE here: whatever it is */
	enum verdict verdict;
	enum finding_kind kind;
} decisions[] = {
	/* clang-format off */
	{ NO,     EITHER, REL_NONE,    VERDICT_LEARNING,   0 },
	{ YES,    EITHER, REL_ALLOWS,  VERDICT_PROFILED,   0 },
	{ YES,    YES,    REL_NONE,    VERDICT_CLIENT,     0 },
	{ YES,    NO,     REL_UNKNOWN, VERDICT_PROFILED,   0 },
	{ YES,    NO,     REL_OWNER,   VERDICT_IMPOSTOR,   FINDING_IMPOSTOR },
	{ YES,    NO,     REL_NONE,    VERDICT_UNEXPECTED, FINDING_UNEXPECTED },
	/* clang-format on */
};

enum fact { FACT_LOOPBACK = 1, FACT_KERNEL = 2, FACT_ROOT = 4, FACT_DOUBTFUL = 8 };

static const struct {
	enum finding_kind kind;
	unsigned facts; /* all of them hold */
	enum severity severity;
} severities[] = {
	/* clang-format off */
	{ FINDING_IMPOSTOR,   0,             SEVERITY_CRITICAL },
	{ FINDING_UNEXPECTED, FACT_LOOPBACK, SEVERITY_NOTICE },
	{ FINDING_UNEXPECTED, FACT_KERNEL,   SEVERITY_WARNING },
	{ FINDING_UNEXPECTED, FACT_ROOT,     SEVERITY_CRITICAL },
	{ FINDING_UNEXPECTED, FACT_DOUBTFUL, SEVERITY_CRITICAL },
	{ FINDING_UNEXPECTED, 0,             SEVERITY_WARNING },
	/* clang-format on */
};

static unsigned gather_facts(const struct door *d, const struct process *opener)
{
	unsigned facts = d->scope == SCOPE_LOOPBACK ? FACT_LOOPBACK : 0;

	if (!opener || !opener->known)
		return facts;
	if (opener->kernel)
		return facts | FACT_KERNEL;
	if (!opener->uid)
		facts |= FACT_ROOT;
	if (exe_flags(opener) & (EXE_DELETED | EXE_MEMFD | EXE_WRITABLE_DIR))
		facts |= FACT_DOUBTFUL;
	return facts;
}

static enum relation relation_of(const struct profile_row *r, const struct door *d,
				 const struct process *opener, uint64_t now_wall_ns)
{
	enum relation rel = match_row(r, d, opener, now_wall_ns);
	bool by_kernel = opener && opener->known && opener->kernel;

	if (rel == REL_OWNER && (by_kernel || row_is_wide(r)))
		return REL_NONE;
	return rel;
}

/* The best row; of equals the first in row_compare()'s order, so that the order given has no say. */
static enum relation best_row(const struct profile *p, const struct door *d,
			      const struct process *opener, uint64_t now_wall_ns,
			      const struct profile_row **ret_row)
{
	const struct profile_row *row = NULL;
	enum relation best = REL_NONE;

	for (size_t i = 0; i < p->rows_len; i++) {
		const struct profile_row *r = &p->rows[i];
		enum relation rel = relation_of(r, d, opener, now_wall_ns);

		if (rel == REL_NONE || rel < best)
			continue;
		if (rel > best || row_compare(r, row) < 0)
			row = r;
		best = rel;
	}
	*ret_row = row;
	return best;
}

/* A row that would have allowed the door, had it not expired or were it not for another scope: for the words. */
static const struct profile_row *nearest_row(const struct profile *p, const struct door *d)
{
	const struct profile_row *row = NULL;

	for (size_t i = 0; i < p->rows_len; i++) {
		const struct profile_row *r = &p->rows[i];

		if (match_port(r, d) && !row_is_wide(r) && (!row || row_compare(r, row) < 0))
			row = r;
	}
	return row;
}

static bool holds(enum tri want, bool have)
{
	return want == EITHER || (want == YES) == have;
}

static enum severity severity_of(enum finding_kind kind, unsigned facts)
{
	for (size_t i = 0; i < array_len(severities); i++)
		if (severities[i].kind == kind && (severities[i].facts & ~facts) == 0)
			return severities[i].severity;
	return 0;
}

void audit_judge(const struct profile *p, const struct door *d, const struct process *opener,
		 uint64_t now_wall_ns, struct judgement *ret_j)
{
	bool accepted = p && p->accepted, client = door_is_client(d);
	const struct profile_row *row = NULL;
	enum relation best = accepted ? best_row(p, d, opener, now_wall_ns, &row) : REL_NONE;
	const struct decision *dec = decisions;

	/* The last line of each half takes all that is left, so one always holds. */
	while (!holds(dec->accepted, accepted) || !holds(dec->client, client) ||
	       (dec->best && dec->best != best))
		dec++;
	*ret_j = (struct judgement){
		.verdict = dec->verdict,
		.kind = dec->kind,
		.severity = severity_of(dec->kind, gather_facts(d, opener)),
		.row = dec->verdict == VERDICT_CLIENT ? NULL : row,
	};
	if (dec->verdict == VERDICT_UNEXPECTED)
		ret_j->row = nearest_row(p, d);
}
