/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/health.h"

#include <string.h>

#include "base/buf.h"
#include "tap.h"

/*
 * Each issue by itself, its neighbours, and that what is wrong stays so while nothing more is
 * heard.
 */

#define S UINT64_C(1000000000)
#define NOW (1000000 * S)

static const struct health_limits limits = {
	.watching_ns = NOW - 3600 * S, .silent_ns = 30 * S, .skew_ns = 2 * S, .hole_ns = 60 * S
};

static struct health_in well(void)
{
	return (struct health_in){ .node = "n1",
				   .host = "host1",
				   .reported = true,
				   .accepted = true,
				   .first_ns = NOW - 3600 * S,
				   .received_ns = NOW - 5 * S,
				   .other_host = "",
				   .agent_recording = true,
				   .attached = true,
				   .journal_max_bytes = 1 << 30,
				   .wall_ns = NOW - 5 * S,
				   .rtt_ns = S / 1000 };
}

static void found(struct health_in in, uint32_t want, const char *what)
{
	is_int(audit_health(&in, &limits, NOW), want, "%s", what);
}

#define BIT(issue) (1U << ISSUE_##issue)

static void test_degraded(void)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1024);
	struct health_in in = well();

	in.tier = 'A';
	found(in, 0, "a sensor of tier A is whole");
	in.tier = 'B';
	in.sensor = "tier B (no cgroup v2)";
	found(in, BIT(DEGRADED), "one of tier B sees less");
	is_int(health_state(&in, 30 * S, NOW), NODE_RECORDING, "its node records all the same");
	health_detail(ISSUE_DEGRADED, &in, NOW, &b);
	is_str(buf_str(&b), "n1: tier B (no cgroup v2)", "and says why");
	in.attached = false;
	found(in, BIT(BLIND), "a blind one is blind, whatever its tier");
	in.attached = true;
	in.agent_recording = false;
	found(in, BIT(AGENT_STALLED), "of one that is not heard the tier says nothing");
}

static void test_silence(void)
{
	struct health_in in = well();
	struct health_limits young = limits;

	found(in, 0, "a node that reports and records has nothing");
	in.received_ns = in.wall_ns = NOW - 30 * S + 1;
	found(in, 0, "just before its time is up it is not silent");
	in.received_ns = in.wall_ns = NOW - 30 * S;
	found(in, BIT(SILENT), "then it is");
	in.quarantined = 1;
	found(in, BIT(SILENT) | BIT(QUARANTINE), "and what was wrong before still is");
	in.retired = true;
	found(in, 0, "a node that a person has retired has nothing");
	is_int(health_state(&in, 30 * S, NOW), NODE_RETIRED, "it is retired");
	in.retired = false;
	in.quarantined = 0;
	in.shipper_stopped = true;
	found(in, BIT(STOPPED), "one that was shut down in order is stopped");
	in.agent_recording = false;
	in.agent_stopped = true;
	found(in, BIT(STOPPED), "its agent's end is part of that");
	young.watching_ns = NOW - S;
	is_int(audit_health(&in, &young, NOW), 0, "who has only begun to watch misses nobody");
	in = (struct health_in){ .node = "n1" };
	found(in, 0, "a node that never reported is not silent");
	in.broken_ns = 1;
	found(in, BIT(CHAIN), "though its chain can be broken");
	in = well();
	in.received_ns = in.wall_ns = NOW + 100 * S;
	found(in, 0, "a store whose clock was set back finds nobody silent");
}

static void test_agent(void)
{
	struct health_in in = well();

	in.attached = false;
	found(in, BIT(BLIND), "a sensor that sees nothing");
	in.agent_recording = false;
	found(in, BIT(AGENT_STALLED), "an agent without a heartbeat");
	in.first_ns = NOW - 10 * S;
	found(in, 0, "but not when both have only just started");
	in = well();
	in.agent_recording = false;
	in.agent_stopped = true;
	in.agent_age_ns = 10 * S;
	found(in, 0, "an agent that is started again at once was not stopped");
	in.agent_age_ns = 26 * S;
	found(in, BIT(AGENT_STOPPED), "one that stays away was");
}

static void test_store(void)
{
	struct health_in in = well();

	in.lost = 7;
	in.lost_first_ns = NOW - 700 * S;
	in.lost_last_ns = NOW - 599 * S;
	found(in, BIT(LOST), "records lost lately");
	in.lost_last_ns = NOW - 600 * S;
	found(in, 0, "are news for ten minutes");
	in = well();
	in.hole_seq = 5;
	in.hole_since_ns = NOW - 60 * S + 1;
	found(in, 0, "a hole has its time to be filled");
	in.hole_since_ns = NOW - 60 * S;
	found(in, BIT(HOLE), "then it is reported");
}

static void test_backlog(void)
{
	struct health_in in = well();

	in.backlog_ns = 60 * S - 1;
	found(in, 0, "records may wait a little");
	in.backlog_ns = 60 * S;
	found(in, BIT(BACKLOG), "not for long");
	in.backlog_ns = 0;
	in.backlog_bytes = in.journal_max_bytes / 5 * 4 + 4;
	found(in, BIT(JOURNAL), "nor fill four fifths of the journal");
	in.journal_max_bytes = 0;
	found(in, 0, "a journal of unknown size is never full");
	in.backlog_bytes = UINT64_MAX;
	in.journal_max_bytes = UINT64_MAX;
	found(in, BIT(JOURNAL), "numbers that no journal has do no harm");
}

static void test_names(void)
{
	struct health_in in = well();

	in.accepted = false;
	found(in, BIT(REPLACED), "one that took another's place waits to be accepted");
	in = well();
	in.mixed_ns = NOW - 59 * S;
	found(in, BIT(CLONE), "two that report in turn");
	in.mixed_ns = NOW - 60 * S;
	found(in, 0, "until one of them is gone");
	in.refused = true;
	found(in, BIT(DUPLICATE_NAME), "a second machine under the name");
	in.quarantined = 5;
	in.agent_recording = false;
	found(in, BIT(DUPLICATE_NAME), "of which nothing else counts");
	in.received_ns = NOW - 30 * S;
	found(in, 0, "and whose silence is what is wanted");
}

static void test_clock(void)
{
	struct health_in in = well();

	for (int sign = -1; sign <= 1; sign += 2) {
		in.wall_ns = in.received_ns + (uint64_t)(sign * (int64_t)(2 * S + S / 100));
		found(in, BIT(SKEW), sign < 0 ? "a clock behind" : "a clock ahead");
		in.wall_ns = in.received_ns + (uint64_t)(sign * (int64_t)(2 * S - S / 100));
		found(in, 0, "as far as it may be");
	}
	in.wall_ns = in.received_ns - 4 * S;
	in.rtt_ns = 8 * S;
	found(in, 0, "a slow exchange excuses what it cannot tell");
	in.rtt_ns = 11 * S;
	in.wall_ns = in.received_ns - 3600 * S;
	found(in, 0, "one that took too long tells nothing");
	in = well();
	in.wall_ns = 0;
	found(in, BIT(SKEW), "a clock in 1970");
	in = well();
	in.step_ns = -2 * (int64_t)S;
	in.stepped_ns = in.wall_ns - 599 * S;
	found(in, BIT(STEP), "a clock that was set");
	in.stepped_ns = in.wall_ns - 600 * S;
	found(in, 0, "is news for ten minutes");
	in.stepped_ns = in.wall_ns;
	in.step_ns = INT64_MIN;
	found(in, BIT(STEP), "by however much");
}

static void test_store_time(void)
{
	is_int(health_clock_ahead(NOW + 60 * S, 0, NOW), 60 * (long long)S,
	       "a clock a minute ahead is put back by that");
	is_int(health_clock_ahead(NOW - 60 * S, 2 * S, NOW), -59 * (long long)S,
	       "one behind is put forward, less the way of the report");
	is_int(health_clock_ahead(NOW + S, 0, NOW), 0, "a second is let be");
	is_int(health_clock_ahead(NOW + 3 * S, 6 * S, NOW), 6 * (long long)S,
	       "what the exchange cannot explain counts");
	is_int(health_clock_ahead(NOW - 4 * S, 8 * S, NOW), 0, "what it can does not");
	is_int(health_clock_ahead(NOW + 3600 * S, 10 * S, NOW), 0,
	       "an exchange that took too long tells nothing");
	is_int(health_clock_ahead(0, 0, 0), 0, "nor does no report");
	is_int((long long)health_store_time(NOW, 60 * (int64_t)S), (long long)(NOW - 60 * S),
	       "a time is put back");
	is_int((long long)health_store_time(NOW, -60 * (int64_t)S), (long long)(NOW + 60 * S),
	       "or forward");
	is_int((long long)health_store_time(5, 60), 1, "never to before all times");
	ok(health_store_time(UINT64_MAX - 1, -60) == UINT64_MAX, "nor behind them");
	ok(health_store_time(5, INT64_MIN) == 5 + (UINT64_C(1) << 63), "by however much");
}

static void test_judging(void)
{
	struct health_in in = well();

	in.unjudged = 7;
	in.unjudged_ns = NOW - HEALTH_LATE_NS + 1;
	found(in, 0, "a record that waits to be judged is not late at once");
	in.unjudged_ns = NOW - HEALTH_LATE_NS;
	found(in, BIT(LATE), "but after a while");
	in.failed_ns = NOW - S;
	in.failed_why = "no";
	found(in, BIT(UNJUDGED), "one that cannot be judged is more than late");
	in.reported = false;
	found(in, BIT(UNJUDGED), "whether the node reports or not");
	in = well();
	in.unreadable = 1;
	in.unreadable_ns = NOW - HEALTH_NEWS_NS + 1;
	found(in, BIT(UNREADABLE), "a record that cannot be read is news for a while");
	in.unreadable_ns = NOW - HEALTH_NEWS_NS;
	found(in, 0, "and then it is not");
}

static void word_is(struct health_in in, const char *want)
{
	enum node_state s = health_state(&in, limits.silent_ns, NOW);
	const char *why = health_state_why(s, audit_health(&in, &limits, NOW));

	is_str(health_state_name(s), want, "the word is %s", want);
	ok(why && *why, "with a reason: %s", why);
}

static void test_news(void)
{
	for (unsigned i = 0; i < ISSUES; i++) {
		struct buf b = BUF_INIT(1024);

		health_key((enum health_issue)i, "compute", &b);
		ok(health_key_is_news(buf_str(&b)) == (i != ISSUE_DEGRADED),
		   "an exception of '%s' is %s when the node is well", buf_str(&b),
		   i == ISSUE_DEGRADED ? "not over" : "over");
		buf_done(&b);
	}
	ok(!health_key_is_news("missing tcp 22 class:compute"), "nor is one about no node");
}

static void test_words(void)
{
	struct buf b = BUF_INIT(8192);
	struct health_in in = well();

	word_is(in, "recording");
	in.agent_recording = false;
	in.first_ns = NOW;
	word_is(in, "stalled");
	in.agent_stopped = true;
	word_is(in, "stopped");
	in = well();
	in.received_ns = 1;
	word_is(in, "silent");
	in.reported = false;
	word_is(in, "unknown");
	in = well();
	in.refused = true;
	word_is(in, "refused");
	in = well();
	for (unsigned i = 0; i < ISSUES; i++) {
		enum health_issue issue = (enum health_issue)i;

		buf_reset(&b);
		health_key(issue, "my class%", &b);
		ok(strstr(buf_str(&b), " class:my%20class%25") &&
			   health_kind(health_issue_kind(issue)),
		   "%s has a key and a kind", buf_str(&b));
		buf_reset(&b);
		health_summary(issue, "node[1-3]", 3, &b);
		health_remedy(issue, "node[1-3]", &b);
		health_detail(issue, &in, NOW, &b);
		ok(!b.err && strstr(buf_str(&b), "node[1-3] ") && strstr(buf_str(&b), "n1: ") &&
			   !strstr(buf_str(&b), "%s"),
		   "%s has words", health_issue_name(issue));
	}
	buf_reset(&b);
	health_duration(200 * S, &b);
	is_str(buf_str(&b), "3 min 20 s", "a duration in words");
	buf_done(&b);
}

int main(void)
{
	test_degraded();
	test_silence();
	test_agent();
	test_store();
	test_backlog();
	test_names();
	test_clock();
	test_store_time();
	test_judging();
	test_news();
	test_words();
	return tap_done();
}
