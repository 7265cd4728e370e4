/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/health.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"

#define NS_PER_S UINT64_C(1000000000)
#define STEP_MIN_NS INT64_C(1000000000)
#define RTT_SANE_NS (10 * NS_PER_S) /* an exchange that took longer says nothing about a clock */

static const struct issue {
	const char *name;
	enum finding_kind kind;
	enum severity severity;
	const char *one, *many; /* what is the matter with one node, with several */
	const char *remedy; /* %s: the nodes */
} issues[] = {
	[ISSUE_SILENT] = { "silent", FINDING_SILENT, SEVERITY_CRITICAL,
			   "is silent: nobody knows what opens there", NULL,
			   "look whether the machine is up and reaches the store; there: "
			   "'systemctl status ajar-agent ajar-ship', 'ajar doctor'; is it gone for "
			   "good: "
			   "'ajar node retire'" },
	[ISSUE_STOPPED] = { "stopped", FINDING_SILENT, SEVERITY_NOTICE,
			    "was shut down in order: nothing is recorded there", NULL,
			    "nothing, if that was meant; else start it: 'systemctl start "
			    "ajar-agent ajar-ship'" },
	[ISSUE_AGENT_STALLED] = { "agent-stalled", FINDING_SILENT, SEVERITY_CRITICAL,
				  "reports, but its agent sends no heartbeat: nothing is "
				  "recorded",
				  "report, but their agents send no heartbeat: nothing is "
				  "recorded",
				  "there: 'systemctl status ajar-agent', 'journalctl -u "
				  "ajar-agent', "
				  "'systemctl restart ajar-agent'" },
	[ISSUE_AGENT_STOPPED] = { "agent-stopped", FINDING_SILENT, SEVERITY_WARNING,
				  "reports, but its agent was stopped: nothing is recorded",
				  "report, but their agents were stopped: nothing is recorded",
				  "start it there: 'systemctl start ajar-agent'; who stopped it: "
				  "'journalctl -u ajar-agent'" },
	[ISSUE_BLIND] = { "blind", FINDING_SILENT, SEVERITY_CRITICAL,
			  "has a sensor that is attached but sees nothing",
			  "have sensors that are attached but see nothing",
			  "there: 'systemctl restart ajar-agent', 'ajar doctor', 'bpftool cgroup "
			  "tree'" },
	[ISSUE_LOST] = { "lost", FINDING_LOST, SEVERITY_WARNING, "has lost records",
			 "have lost records",
			 "the places are in 'ajar timeline' as 'lost' and 'gap'; what is open "
			 "was found by a sweep; if it goes on: free disk space, raise "
			 "journal.max-bytes; a gap of time is an agent that was killed: "
			 "'journalctl -u ajar-agent'" },
	[ISSUE_HOLE] = { "hole", FINDING_LOST, SEVERITY_WARNING,
			 "has records that the store lacks between others",
			 "have records that the store lacks between others",
			 "restart the shipper there, it sends again what its journal keeps: "
			 "'systemctl restart ajar-ship'; then 'ajar timeline verify'" },
	[ISSUE_CHAIN] = { "chain", FINDING_TAMPERED, SEVERITY_CRITICAL,
			  "has stored records whose chain is broken: altered, removed or forged",
			  "have stored records whose chains are broken: altered, removed or forged",
			  "there: 'ajar timeline verify' names the place; when it is understood: "
			  "'ajar node accept %s'" },
	[ISSUE_QUARANTINE] = { "quarantine", FINDING_TAMPERED, SEVERITY_CRITICAL,
			       "has records that the store refuses: another record is in their "
			       "place",
			       "have records that the store refuses: others are in their place",
			       "there: the file ship.quarantine in the journal's folder says which "
			       "and why; 'ajar timeline verify'" },
	[ISSUE_DUPLICATE_NAME] = { "twin", FINDING_TAMPERED, SEVERITY_CRITICAL,
				   "is the name of two machines: the second is refused and keeps "
				   "its records",
				   "are names of two machines each: the second is refused and "
				   "keeps its "
				   "records",
				   "give one of them another node.name; or, if the second is the "
				   "node now: "
				   "'ajar node accept %s'" },
	[ISSUE_CLONE] = { "clone", FINDING_TAMPERED, SEVERITY_CRITICAL,
			  "reports from two machines in turn: one is a copy of the other",
			  "report from two machines each in turn: one is a copy of the other",
			  "on the copy: stop ajar, remove the journal's folder, set another "
			  "node.name, start it" },
	[ISSUE_REPLACED] = { "replaced", FINDING_TAMPERED, SEVERITY_WARNING,
			     "was installed anew: its journal is another one than before",
			     "were installed anew: their journals are others than before",
			     "if you did that: 'ajar node accept %s'; if nobody did, somebody "
			     "reports under this name" },
	[ISSUE_SKEW] = { "skew", FINDING_TAMPERED, SEVERITY_WARNING,
			 "has a clock that is wrong: times of its records are",
			 "have clocks that are wrong",
			 "set it and keep it: 'timedatectl', 'chronyc tracking'" },
	[ISSUE_STEP] = { "step", FINDING_TAMPERED, SEVERITY_NOTICE, "has had its clock set",
			 "have had their clocks set",
			 "nothing, if that was meant; the order of records does not depend on it" },
	[ISSUE_BACKLOG] = { "backlog", FINDING_OVERDUE, SEVERITY_WARNING,
			    "ships late: records wait in its journal",
			    "ship late: records wait in their journals",
			    "there: 'ajar doctor' says what the shipper is doing; ship.max-rate "
			    "bounds it" },
	[ISSUE_JOURNAL] = { "journal", FINDING_OVERDUE, SEVERITY_CRITICAL,
			    "has a journal that is nearly full of records nobody has stored: the "
			    "oldest go next",
			    "have journals that are nearly full of records nobody has stored: the "
			    "oldest go next",
			    "fix the way to the store, or raise journal.max-bytes there" },
	[ISSUE_DEGRADED] = { "degraded", FINDING_DEGRADED, SEVERITY_WARNING,
			     "sees less than a sensor can: some doors are found late or not at all",
			     "see less than a sensor can: some doors are found late or not at all",
			     "there: 'ajar doctor' says what is missing and what fixes it; is it "
			     "meant to be so: 'ajar alerts allow'" },
	[ISSUE_LATE] = { "late", FINDING_OVERDUE, SEVERITY_WARNING,
			 "is judged late: doors that opened since are in no alert yet",
			 "are judged late: doors that opened since are in no alert yet",
			 "on the monitor's host: 'systemctl status ajar-monitor', 'ajar check'; "
			 "one node "
			 "in a storm, or a slow store, takes its time" },
	[ISSUE_UNJUDGED] = { "unjudged", FINDING_OVERDUE, SEVERITY_CRITICAL,
			     "cannot be judged: nobody knows whether what opens there is expected",
			     "cannot be judged: nobody knows whether what opens there is expected",
			     "'ajar node %s' says behind which record and why; it is tried again "
			     "every minute" },
	[ISSUE_UNREADABLE] = { "unreadable", FINDING_LOST, SEVERITY_WARNING,
			       "has sent records that cannot be read: they are kept, and not "
			       "judged",
			       "have sent records that cannot be read: they are kept, and not "
			       "judged",
			       "if its ajar is newer than the monitor's, upgrade the monitor; else "
			       "somebody there sends what no agent does" },
};
_Static_assert(array_len(issues) == ISSUES, "each issue has its line");

/* --- judging --------------------------------------------------------------------------------------- */

static uint64_t age(uint64_t now_ns, uint64_t then_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

/* How far the node's clock is ahead; the report was under way for up to the whole exchange. */
static int64_t skew_of(const struct health_in *in)
{
	return (int64_t)(in->wall_ns + in->rtt_ns / 2 - in->received_ns);
}

static uint64_t magnitude(int64_t v)
{
	return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

static bool clock_is_wrong(const struct health_in *in, const struct health_limits *l)
{
	return in->rtt_ns < RTT_SANE_NS && magnitude(skew_of(in)) > l->skew_ns + in->rtt_ns / 2;
}

int64_t health_clock_ahead(uint64_t wall_ns, uint64_t rtt_ns, uint64_t received_ns)
{
	int64_t ahead = (int64_t)(wall_ns + rtt_ns / 2 - received_ns);

	if (rtt_ns >= RTT_SANE_NS || magnitude(ahead) <= CLOCKS_AGREE_NS + rtt_ns / 2)
		return 0;
	return ahead;
}

uint64_t health_store_time(uint64_t node_ns, int64_t ahead_ns)
{
	uint64_t by = magnitude(ahead_ns);

	if (ahead_ns < 0)
		return node_ns > UINT64_MAX - by ? UINT64_MAX : node_ns + by;
	return node_ns > by ? node_ns - by : 1;
}

bool health_is_degraded(char tier)
{
	return tier > 'A';
}

static uint32_t of_agent(const struct health_in *in, const struct health_limits *l, uint64_t now_ns)
{
	uint64_t quiet = in->agent_age_ns + age(now_ns, in->received_ns);

	if (in->agent_recording && in->attached)
		return health_is_degraded(in->tier) ? 1U << ISSUE_DEGRADED : 0;
	if (in->agent_recording)
		return 1U << ISSUE_BLIND;
	if (age(now_ns, in->first_ns) < l->silent_ns)
		return 0; /* the two have only just started */
	if (!in->agent_stopped)
		return 1U << ISSUE_AGENT_STALLED;
	/* One that is started again at once was not stopped. */
	return quiet >= l->silent_ns ? 1U << ISSUE_AGENT_STOPPED : 0;
}

static uint32_t of_journal(const struct health_in *in, const struct health_limits *l)
{
	uint32_t found = 0;

	if (in->quarantined)
		found |= 1U << ISSUE_QUARANTINE;
	if (in->backlog_ns >= l->hole_ns)
		found |= 1U << ISSUE_BACKLOG;
	if (in->journal_max_bytes && in->backlog_bytes / 4 >= in->journal_max_bytes / 5)
		found |= 1U << ISSUE_JOURNAL;
	return found;
}

static uint32_t of_store(const struct health_in *in, const struct health_limits *l, uint64_t now_ns)
{
	uint32_t found = 0;

	if (in->lost && age(now_ns, in->lost_last_ns) < HEALTH_NEWS_NS)
		found |= 1U << ISSUE_LOST;
	if (in->hole_since_ns && age(now_ns, in->hole_since_ns) >= l->hole_ns)
		found |= 1U << ISSUE_HOLE;
	if (in->broken_ns)
		found |= 1U << ISSUE_CHAIN;
	if (in->failed_ns)
		found |= 1U << ISSUE_UNJUDGED;
	else if (in->unjudged &&
		 age(now_ns, in->unjudged_ns) >= (l->late_ns ? l->late_ns : HEALTH_LATE_NS))
		found |= 1U << ISSUE_LATE;
	if (in->unreadable && age(now_ns, in->unreadable_ns) < HEALTH_NEWS_NS)
		found |= 1U << ISSUE_UNREADABLE;
	return found;
}

uint32_t audit_health(const struct health_in *in, const struct health_limits *l, uint64_t now_ns)
{
	bool quiet = age(now_ns, in->received_ns) >= l->silent_ns;
	uint32_t found;

	/* The second one's silence is what is wanted of it. */
	if (in->reported && in->refused)
		return quiet ? 0 : 1U << ISSUE_DUPLICATE_NAME;
	if (in->reported && in->retired)
		return 0;
	found = of_store(in, l, now_ns);
	if (!in->reported)
		return found;
	if (quiet && age(now_ns, l->watching_ns) >= l->silent_ns)
		found |= 1U << (in->shipper_stopped ? ISSUE_STOPPED : ISSUE_SILENT);
	if (!in->shipper_stopped)
		found |= of_agent(in, l, now_ns);
	found |= of_journal(in, l);
	if (clock_is_wrong(in, l))
		found |= 1U << ISSUE_SKEW;
	if (in->stepped_ns && magnitude(in->step_ns) > (uint64_t)STEP_MIN_NS &&
	    age(in->wall_ns, in->stepped_ns) < HEALTH_NEWS_NS)
		found |= 1U << ISSUE_STEP;
	if (!in->accepted)
		found |= 1U << ISSUE_REPLACED;
	if (in->mixed_ns && age(now_ns, in->mixed_ns) < 2 * l->silent_ns)
		found |= 1U << ISSUE_CLONE;
	return found;
}

enum node_state health_state(const struct health_in *in, uint64_t silent_ns, uint64_t now_ns)
{
	if (!in->reported)
		return NODE_UNKNOWN;
	if (in->refused)
		return NODE_REFUSED;
	if (in->retired)
		return NODE_RETIRED;
	if (in->shipper_stopped)
		return NODE_STOPPED;
	if (age(now_ns, in->received_ns) >= silent_ns)
		return NODE_SILENT; /* whatever it said last */
	if (in->agent_recording)
		return in->attached ? NODE_RECORDING : NODE_BLIND;
	return in->agent_stopped ? NODE_STOPPED : NODE_STALLED;
}

const char *health_state_name(enum node_state s)
{
	static const char *const names[] = {
		[NODE_RECORDING] = "recording", [NODE_STALLED] = "stalled",
		[NODE_STOPPED] = "stopped",	[NODE_SILENT] = "silent",
		[NODE_BLIND] = "blind",		[NODE_REFUSED] = "refused",
		[NODE_RETIRED] = "retired",	[NODE_UNKNOWN] = "unknown",
	};

	return s < NODE_STATES ? names[s] : "unknown";
}

/* The sentence of the alert that there is about it, and another while there is none yet. */
const char *health_state_why(enum node_state s, uint32_t found)
{
	static const struct {
		uint32_t issues;
		const char *else_why;
	} whys[] = {
		[NODE_RECORDING] = { 0, "its agent records and its shipper reports" },
		[NODE_STALLED] = { 1U << ISSUE_AGENT_STALLED, "its agent is not heard" },
		[NODE_STOPPED] = { 1U << ISSUE_STOPPED | 1U << ISSUE_AGENT_STOPPED,
				   "it said that it stops" },
		[NODE_SILENT] = { 1U << ISSUE_SILENT, "it is not heard" },
		[NODE_BLIND] = { 1U << ISSUE_BLIND, "its sensor does not see" },
		[NODE_REFUSED] = { 0, "another machine holds this name" },
		[NODE_RETIRED] = { 0, "a person said that it is gone for good" },
		[NODE_UNKNOWN] = { 0, "it has sent records and never said how it is" },
	};

	for (unsigned i = 0; i < ISSUES; i++) {
		if (found & whys[s].issues & 1U << i)
			return issues[i].one;
	}
	return whys[s].else_why;
}

/* --- words ----------------------------------------------------------------------------------------------- */

const char *health_issue_name(enum health_issue i)
{
	return issues[i].name;
}

enum finding_kind health_issue_kind(enum health_issue i)
{
	return issues[i].kind;
}

enum severity health_issue_severity(enum health_issue i)
{
	return issues[i].severity;
}

bool health_kind(enum finding_kind k)
{
	return k == FINDING_SILENT || k == FINDING_LOST || k == FINDING_TAMPERED ||
	       k == FINDING_OVERDUE || k == FINDING_DEGRADED;
}

#define KEY_BEGINS "health "

bool health_key_is_news(const char *key)
{
	_cleanup_(buf_done) struct buf lasting = BUF_INIT(64);

	health_key(ISSUE_DEGRADED, "", &lasting);
	return !strncmp(key, KEY_BEGINS, strlen(KEY_BEGINS)) &&
	       strncmp(key, buf_str(&lasting), lasting.len) != 0;
}

void health_key(enum health_issue i, const char *host_type, struct buf *b)
{
	buf_printf(b, KEY_BEGINS "%s class:", issues[i].name);
	for (const char *p = host_type; *p; p++) {
		if (*p == ' ' || *p == '%' || (unsigned char)*p < ' ')
			buf_printf(b, "%%%02X", (unsigned char)*p);
		else
			buf_putc(b, *p);
	}
}

void health_summary(enum health_issue i, const char *nodes, uint64_t count, struct buf *b)
{
	const struct issue *x = &issues[i];

	if (count == 1)
		buf_printf(b, "%s %s", nodes, x->one);
	else if (x->many)
		buf_printf(b, "%s %s", nodes, x->many);
	else if (i == ISSUE_SILENT)
		buf_printf(b, "%s are silent: nobody knows what opens there", nodes);
	else
		buf_printf(b, "%s were shut down in order: nothing is recorded there", nodes);
}

void health_remedy(enum health_issue i, const char *nodes, struct buf *b)
{
	const char *text = issues[i].remedy, *at = strstr(text, "%s");

	if (!at) {
		buf_puts(b, text);
		return;
	}
	buf_put(b, text, (size_t)(at - text));
	buf_puts(b, nodes);
	buf_puts(b, at + 2);
}

void health_duration(uint64_t ns, struct buf *b)
{
	uint64_t s = ns / NS_PER_S;

	if (s < 60)
		buf_printf(b, "%" PRIu64 " s", s);
	else if (s < 3600)
		buf_printf(b, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	else if (s < 86400)
		buf_printf(b, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s / 60 % 60);
	else
		buf_printf(b, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s / 3600 % 24);
}

static void put_signed(int64_t ns, struct buf *b)
{
	uint64_t ms = magnitude(ns) / 1000000;

	if (ms < 60000)
		buf_printf(b, "%" PRIu64 ".%" PRIu64 " s", ms / 1000, ms / 100 % 10);
	else
		health_duration(magnitude(ns), b);
}

static void put_hosts(const struct health_in *in, const char *words, struct buf *b)
{
	buf_printf(b, "%s host '%s'", words, in->host ? in->host : "?");
}

void health_detail(enum health_issue i, const struct health_in *in, uint64_t now_ns, struct buf *b)
{
	buf_printf(b, "%s: ", in->node);
	switch (i) {
	case ISSUE_SILENT:
	case ISSUE_STOPPED:
		buf_puts(b, i == ISSUE_SILENT ? "last heard " : "stopped ");
		health_duration(age(now_ns, in->received_ns), b);
		put_hosts(in, " ago, from", b);
		break;
	case ISSUE_AGENT_STALLED:
	case ISSUE_AGENT_STOPPED:
		buf_puts(b, "the agent's last heartbeat was ");
		health_duration(in->agent_age_ns + age(now_ns, in->received_ns), b);
		buf_puts(b, " ago");
		break;
	case ISSUE_BLIND:
		buf_puts(b, "a test door that the agent opened itself was not reported to it");
		break;
	case ISSUE_LOST:
		buf_printf(b, "%" PRIu64 " record%s, or times without a sensor, between ", in->lost,
			   plural(in->lost));
		clock_format(b, in->lost_first_ns);
		buf_puts(b, " and ");
		clock_format(b, in->lost_last_ns);
		break;
	case ISSUE_HOLE:
		buf_printf(b, "the store lacks what is behind record %" PRIu64 ", for ",
			   in->hole_seq);
		health_duration(age(now_ns, in->hole_since_ns), b);
		break;
	case ISSUE_CHAIN:
		buf_printf(b, "at record %" PRIu32 ":%" PRIu64, in->broken_boot, in->broken_seq);
		break;
	case ISSUE_QUARANTINE:
		buf_printf(b, "%" PRIu64 " records wait in quarantine", in->quarantined);
		break;
	case ISSUE_DUPLICATE_NAME:
		put_hosts(in, "refused is", b);
		if (in->other_host && *in->other_host)
			buf_printf(b, ", the name is held by host '%s'", in->other_host);
		break;
	case ISSUE_CLONE:
		put_hosts(in, "the last report came from", b);
		buf_printf(b, ", the one before from host '%s'",
			   in->other_host ? in->other_host : "?");
		break;
	case ISSUE_REPLACED:
		put_hosts(in, "reports since ", b);
		buf_puts(b, " with a journal of its own; the old history is kept");
		break;
	case ISSUE_SKEW:
		put_signed(skew_of(in), b);
		buf_printf(b, " %s the store's clock, give or take %" PRIu64 " ms",
			   skew_of(in) < 0 ? "behind" : "ahead of", in->rtt_ns / 2000000);
		break;
	case ISSUE_STEP:
		buf_puts(b, in->step_ns < 0 ? "set back by " : "set forward by ");
		put_signed(in->step_ns, b);
		break;
	case ISSUE_BACKLOG:
	case ISSUE_JOURNAL:
		buf_printf(b, "%" PRIu64 " records (%" PRIu64 " KiB) wait, the oldest for ",
			   in->backlog_records, in->backlog_bytes / 1024);
		health_duration(in->backlog_ns, b);
		if (in->journal_max_bytes)
			buf_printf(b, "; the journal may have %" PRIu64 " MiB",
				   in->journal_max_bytes >> 20);
		break;
	case ISSUE_DEGRADED:
		if (in->sensor && *in->sensor)
			buf_puts(b, in->sensor);
		else
			buf_printf(b, "tier %c", in->tier);
		break;
	case ISSUE_LATE:
		buf_printf(b, "%" PRIu64 " records wait to be judged, the oldest for ",
			   in->unjudged);
		health_duration(age(now_ns, in->unjudged_ns), b);
		break;
	case ISSUE_UNJUDGED:
		buf_printf(b, "boot %" PRIu32 " behind record %" PRIu64 ", for ", in->failed_boot,
			   in->failed_seq);
		health_duration(age(now_ns, in->failed_ns), b);
		buf_printf(b, ": %s", in->failed_why ? in->failed_why : "?");
		break;
	case ISSUE_UNREADABLE:
		buf_printf(b, "%" PRIu64 " records so far", in->unreadable);
		break;
	case ISSUES:
		break;
	}
}
