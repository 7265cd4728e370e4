/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/verdict.h"

#include "audit_help.h"

/*
 * The oracle is written from the words of DESIGN.md, "The audit", and not from the table: questions
 * in the order in which an administrator would ask them.
 */
static struct ruling oracle(const struct witness *w)
{
	bool answers = w->outside == OUTSIDE_OPEN || w->outside == OUTSIDE_OTHER;
	bool door = w->inside == INSIDE_OPEN || w->inside == INSIDE_LOOPBACK;
	bool loopback = w->inside == INSIDE_LOOPBACK;
	bool permits = w->says == SAYS_ALLOWS || w->says == SAYS_REQUIRES;
	bool blind = w->inside == INSIDE_SILENT || w->inside == INSIDE_ABSENT;
	struct ruling r = { .verdict = VERDICT_PROFILED };

	if (w->says == SAYS_SETTLING)
		return (struct ruling){ .verdict = door ? VERDICT_SETTLING : VERDICT_SILENT };
	if (w->says == SAYS_LEARNING)
		return (struct ruling){ .verdict = VERDICT_LEARNING };
	/* Somebody answers, and what the kernel shows cannot be who. */
	if (answers && (w->inside == INSIDE_CLOSED || loopback))
		return (struct ruling){ VERDICT_HIDDEN, FINDING_HIDDEN, SEVERITY_CRITICAL, NULL };
	if (door) {
		if (w->says == SAYS_OTHER)
			return (struct ruling){ VERDICT_IMPOSTOR, FINDING_IMPOSTOR,
						SEVERITY_CRITICAL, NULL };
		if (w->says == SAYS_SHARED)
			return (struct ruling){ VERDICT_SHARED, FINDING_SHARED, SEVERITY_NOTICE,
						NULL };
		if (w->says == SAYS_LASTING)
			return (struct ruling){ VERDICT_UNEXPECTED, FINDING_UNEXPECTED,
						w->owner & OWNER_MEMFD ? SEVERITY_WARNING
								       : SEVERITY_NOTICE,
						NULL };
		if (w->says == SAYS_CLIENT)
			r.verdict = VERDICT_CLIENT;
		if (permits && w->outside == OUTSIDE_OTHER)
			return (struct ruling){ VERDICT_MASQUERADE, FINDING_MASQUERADE,
						SEVERITY_CRITICAL, NULL };
		if (permits && !loopback &&
		    (w->outside == OUTSIDE_CLOSED || w->outside == OUTSIDE_FILTERED))
			return (struct ruling){ VERDICT_BLOCKED, FINDING_BLOCKED, SEVERITY_NOTICE,
						NULL };
		if (w->says != SAYS_NOTHING && w->says != SAYS_DENIES)
			return r;
		r.verdict = VERDICT_UNEXPECTED;
		r.kind = FINDING_UNEXPECTED;
		if (w->says == SAYS_DENIES) {
			r.severity = loopback && !(w->owner & OWNER_MEMFD) ? SEVERITY_WARNING
									   : SEVERITY_CRITICAL;
		} else if (loopback) {
			r.severity = w->owner & OWNER_MEMFD ? SEVERITY_WARNING : SEVERITY_NOTICE;
		} else if (answers) {
			r.severity = SEVERITY_CRITICAL;
		} else if (w->outside != OUTSIDE_UNKNOWN) {
			r.severity = w->owner & OWNER_MEMFD ? SEVERITY_CRITICAL : SEVERITY_WARNING;
		} else {
			bool bad = w->owner &
				   (OWNER_ROOT | OWNER_MEMFD | OWNER_DELETED | OWNER_WRITABLE);

			bad |= (w->owner & OWNER_SYSTEM) && (w->owner & OWNER_UNPACKAGED);
			r.severity = bad && !(w->owner & OWNER_KERNEL) ? SEVERITY_CRITICAL
								       : SEVERITY_WARNING;
		}
		return r;
	}
	if (w->inside == INSIDE_CLOSED) {
		if (w->says == SAYS_REQUIRES)
			return (struct ruling){ VERDICT_MISSING, FINDING_MISSING, SEVERITY_WARNING,
						NULL };
		return r;
	}
	/* Only the outside can speak. */
	if (answers && !permits && w->says != SAYS_OTHER && w->says != SAYS_SHARED)
		return (struct ruling){ VERDICT_UNEXPECTED, FINDING_UNEXPECTED, SEVERITY_CRITICAL,
					NULL };
	if (w->outside == OUTSIDE_OTHER)
		return (struct ruling){ VERDICT_MASQUERADE, FINDING_MASQUERADE, SEVERITY_CRITICAL,
					NULL };
	if (w->outside == OUTSIDE_CLOSED && w->says == SAYS_REQUIRES)
		return (struct ruling){ VERDICT_MISSING, FINDING_MISSING, SEVERITY_WARNING, NULL };
	if (w->inside == INSIDE_ABSENT && (answers || w->outside == OUTSIDE_CLOSED))
		return r;
	return (struct ruling){ .verdict = blind ? VERDICT_SILENT : 0 };
}

static bool is_same(const struct ruling *a, const struct ruling *b)
{
	return a->verdict == b->verdict && a->kind == b->kind && a->severity == b->severity;
}

static void test_every_combination(void)
{
	unsigned n = 0, wrong = 0, hits[64] = { 0 }, unused = 0;
	size_t len;
	const struct verdict_line *lines = verdict_lines(&len);

	for (unsigned s = 1; s <= SAYS_ALL; s <<= 1)
		for (unsigned i = 1; i <= INSIDE_ALL; i <<= 1)
			for (unsigned o = 1; o <= OUTSIDE_ALL; o <<= 1)
				for (unsigned owner = 0; owner < 128; owner++) {
					struct witness w = { s, i, o, owner };
					struct ruling got, want = oracle(&w);

					audit_verdict(&w, &got);
					hits[got.line - lines]++;
					n++;
					if (!is_same(&got, &want) && !wrong++)
						printf("# %s / %s / %s owner %x: got %d %d, wanted "
						       "%d %d\n",
						       says_name(s), inside_name(i),
						       outside_name(o), owner, got.verdict,
						       got.severity, want.verdict, want.severity);
				}
	is_int(wrong, 0,
	       "each of %u combinations of profile, kernel, scan and owner is ruled as designed",
	       n);
	for (size_t k = 0; k < len; k++)
		unused += !hits[k];
	is_int(unused, 0, "no line of the table is without a case");
}

/* What must hold whatever the table says. */
static void test_principles(void)
{
	unsigned silent_ok = 0, worse = 0, bare = 0, said = 0;

	for (unsigned s = 2; s <= SAYS_ALL; s <<= 1)
		for (unsigned i = 1; i <= INSIDE_ALL; i <<= 1)
			for (unsigned o = 1; o <= OUTSIDE_ALL; o <<= 1) {
				struct witness w = { s, i, o, 0 }, root = { s, i, o, OWNER_ROOT };
				struct witness memfd = { s, i, o, OWNER_MEMFD };
				struct ruling r, rr, rm;

				audit_verdict(&w, &r);
				audit_verdict(&root, &rr);
				audit_verdict(&memfd, &rm);
				silent_ok += i == INSIDE_SILENT && r.verdict == VERDICT_PROFILED;
				silent_ok += i == INSIDE_ABSENT && o == OUTSIDE_UNKNOWN &&
					     r.verdict == VERDICT_PROFILED;
				worse += rr.severity < r.severity || rm.severity < r.severity;
				bare += !r.kind != !r.severity;
				said += !r.line->words[0];
			}
	is_int(silent_ok, 0, "a silent agent is never shown as fine, nor is what nobody looked at");
	is_int(worse, 0, "a worse owner never makes a finding milder");
	is_int(bare, 0, "a finding has a severity, and nothing else has");
	is_int(said, 0, "each line says in words what it means");
}

static void test_owner(void)
{
	struct process p = a_process("nc", "/usr/bin/nc", 0, "root");

	is_int(owner_facts(NULL), 0, "of nobody nothing is known");
	is_int(owner_facts(&p), OWNER_ROOT, "root with a packaged program is root");
	p = a_process("nc", "/usr/local/bin/nc", 33, "www-data");
	is_int(owner_facts(&p), OWNER_SYSTEM | OWNER_UNPACKAGED,
	       "/usr/local is where no package installs");
	p = a_process("x", "/dev/shm/x (deleted)", 1041, "mlee");
	is_int(owner_facts(&p), OWNER_DELETED | OWNER_WRITABLE | OWNER_UNPACKAGED,
	       "a deleted program of /dev/shm is three facts");
	p = a_process("x", NULL, 1041, "mlee");
	is_int(owner_facts(&p), 0, "an unknown executable is no fact");
	p = (struct process){ .known = true, .kernel = true };
	is_int(owner_facts(&p), OWNER_KERNEL, "the kernel is not root");
}

int main(void)
{
	test_every_combination();
	test_principles();
	test_owner();
	return tap_done();
}
