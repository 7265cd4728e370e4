/* SPDX-License-Identifier: GPL-2.0 */
/* What is known of a kernel without BTF, and which hook each tier has. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sensor/bare.h"
#include "sensor/hooks.h"
#include "tap.h"

/* As tracefs has it; the protocol's bytes move what follows. */
static const char *format(unsigned protocol_bytes, const char *oldstate)
{
	static char text[2048];
	unsigned at = 30 + protocol_bytes;

	snprintf(text, sizeof(text),
		 "name: inet_sock_set_state\nID: 1\nformat:\n"
		 "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n"
		 "\tfield:const void * skaddr;\toffset:8;\tsize:8;\tsigned:0;\n"
		 "\tfield:int oldstate;\t%s\tsigned:1;\n"
		 "\tfield:int newstate;\toffset:20;\tsize:4;\tsigned:1;\n"
		 "\tfield:__u16 sport;\toffset:24;\tsize:2;\tsigned:0;\n"
		 "\tfield:__u16 dport;\toffset:26;\tsize:2;\tsigned:0;\n"
		 "\tfield:__u16 family;\toffset:28;\tsize:2;\tsigned:0;\n"
		 "\tfield:__u%u protocol;\toffset:30;\tsize:%u;\tsigned:0;\n"
		 "\tfield:__u8 saddr[4];\toffset:%u;\tsize:4;\tsigned:0;\n"
		 "\tfield:__u8 daddr[4];\toffset:%u;\tsize:4;\tsigned:0;\n"
		 "\tfield:__u8 saddr_v6[16];\toffset:%u;\tsize:16;\tsigned:0;\n"
		 "\tfield:__u8 daddr_v6[16];\toffset:%u;\tsize:16;\tsigned:0;\n",
		 oldstate, 8 * protocol_bytes, protocol_bytes, at, at + 4, at + 8, at + 24);
	return text;
}

static void layouts(void)
{
	bool narrow = true;

	is_int(bare_layout(format(2, "offset:16;\tsize:4;"), &narrow), 0,
	       "the tracepoint of 5.6 and later is known");
	is_int(narrow, false, "its protocol has two bytes");
	is_int(bare_layout(format(1, "offset:16;\tsize:4;"), &narrow), 0, "and that of before");
	is_int(narrow, true, "its protocol has one");
	is_int(bare_layout(format(4, "offset:16;\tsize:4;"), &narrow), -EOPNOTSUPP,
	       "one with a longer protocol is not taken for either");
	is_int(bare_layout(format(2, "offset:12;\tsize:4;"), &narrow), -EOPNOTSUPP,
	       "nor one whose states are elsewhere");
	is_int(bare_layout("", &narrow), -EOPNOTSUPP, "nor nothing");
	is_int(narrow, true, "then nothing is said");
}

static const char *prog(enum hook_id id, char tier)
{
	const struct hook_alt *alt = hook_alt(id, tier);

	return alt ? alt->prog : NULL;
}

static void tiers(void)
{
	unsigned in_c = 0;

	is_str(prog(HOOK_LISTEN, 'A'), "listen_sockops", "tier A hears of TCP by sockops");
	is_str(prog(HOOK_LISTEN, 'B'), "state_set", "B by the tracepoint with BTF");
	is_str(prog(HOOK_LISTEN, 'C'), "state_bare", "C by the plain one");
	is_str(prog(HOOK_LISTEN, TIER_POLL), NULL, "D does not");
	is_str(prog(HOOK_SWEEP_FILES, 'B'), "sweep_task_file", "B sweeps by iterators");
	is_str(prog(HOOK_POST_BIND4, 'B'), NULL, "but has no hook of a cgroup");
	for (int i = 0; i < HOOKS_MAX; i++)
		in_c += hook_alt((enum hook_id)i, 'C') != NULL;
	is_int(in_c, 1, "C has one hook");
	ok(!tier_misses('A'), "A misses nothing");
	for (const char *t = "BCD"; *t; t++)
		ok(tier_misses(*t), "%c does, and says what", *t);
}

int main(void)
{
	layouts();
	tiers();
	return tap_done();
}
