/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "ship/state.h"
#include "tap.h"

static void refused(const char *text, const char *what)
{
	struct ship_state st = { .sent = 7 };

	ok(ship_state_parse(text, &st) == -EBADMSG && st.sent == 7, "%s is refused", what);
}

static void test_refusals(void)
{
	struct ship_state st;
	char big[900];

	refused("", "an empty file");
	refused("ajar-ship-state 2\n", "another version");
	refused("ajar-ship-state 1\nstatus well", "a line without its end");
	refused("ajar-ship-state 1\nstatus fine\n", "a status nobody knows");
	refused("ajar-ship-state 1\nstatus\n", "a name without a value");
	refused("ajar-ship-state 1\nsent -1\n", "a negative number");
	refused("ajar-ship-state 1\nsent 99999999999999999999\n", "too big a number");
	refused("ajar-ship-state 1\nerrno 4294967295\n", "an errno that is none");
	snprintf(big, sizeof(big), "ajar-ship-state 1\nwhy %0800d\n", 1);
	refused(big, "a text that does not fit");
	is_int(ship_state_parse("ajar-ship-state 1\ncolour red\nsent 5\n", &st), 0,
	       "a name nobody knows is passed over");
	is_int((long long)st.sent, 5, "and what is behind it read");
}

static void test_round_trip(void)
{
	char dir[] = "/tmp/ajar-state-XXXXXX";
	struct ship_state st = {
		.status = SHIP_HELD,
		.since_ns = 1,
		.store_ns = 2,
		.at = { UINT32_MAX, UINT64_MAX },
		.sent = 4,
		.stored = 5,
		.batches = 6,
		.quarantined = 7,
		.err = -EACCES,
		.why = "the \033[31mserver\nsays no",
		.store = "mysql://ajar@h/ajar?ca=/x y",
		.cluster = "abc",
	};
	struct ship_state back = { 0 };
	int dirfd;

	if (!mkdtemp(dir))
		return;
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	is_int(ship_state_read(dirfd, &back), -ENOENT, "no shipper was ever here");
	is_int(ship_state_write(dirfd, &st), 0, "written");
	is_int(ship_state_read(dirfd, &back), 0, "and read");
	ok(back.status == SHIP_HELD && back.since_ns == 1 && back.store_ns == 2 && back.written_ns,
	   "with its times");
	ok(back.at.boot_seq == UINT32_MAX && back.at.seq == UINT64_MAX && back.sent == 4 &&
		   back.stored == 5 && back.batches == 6 && back.quarantined == 7,
	   "its counts");
	is_int(back.err, -EACCES, "the error");
	is_str(back.why, "the \\x1b[31mserver\\x0asays no", "what a server says harms no terminal");
	is_str(back.store, st.store, "where it ships to");
	is_str(back.cluster, "abc", "and which store that is");
	memset(st.why, '\n', sizeof(st.why) - 1);
	is_int(ship_state_write(dirfd, &st), 0, "a text that grows when it is escaped");
	is_int(ship_state_read(dirfd, &back), 0, "still fits");
	unlinkat(dirfd, SHIP_STATE_FILE, 0);
	close(dirfd);
	rmdir(dir);
}

int main(void)
{
	test_refusals();
	test_round_trip();
	return tap_done();
}
