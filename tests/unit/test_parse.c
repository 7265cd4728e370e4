/* SPDX-License-Identifier: GPL-2.0 */
#include "base/parse.h"

#include <errno.h>

#include "base/buf.h"
#include "base/clock.h"
#include "tap.h"

#define S UINT64_C(1000000000)

static void numbers(void)
{
	uint64_t v = 7;
	uint16_t port = 7;

	is_int(parse_u64("18446744073709551615", &v), 0, "the largest number parses");
	ok(v == UINT64_MAX, "to its value");
	v = 7;
	is_int(parse_u64("18446744073709551616", &v), -ERANGE, "one more is out of range");
	is_int(parse_u64("", &v), -EINVAL, "nothing is no number");
	is_int(parse_u64("-1", &v), -EINVAL, "a sign is no digit");
	is_int(parse_u64(" 1", &v), -EINVAL, "white space is no digit");
	is_int(parse_u64("1x", &v), -EINVAL, "a number ends where its string ends");
	is_int(v, 7, "a failure leaves the result alone");
	is_int(parse_port("65535", &port), 0, "65535 is a port");
	is_int(parse_port("65536", &port), -ERANGE, "65536 is none");
}

static void durations_and_sizes(void)
{
	static const struct {
		const char *text;
		uint64_t want;
	} durations[] = { { "90", 90 * S },
			  { "10s", 10 * S },
			  { "5m", 300 * S },
			  { "2h", 7200 * S },
			  { "3d", 259200 * S },
			  { "150ms", 150000000 },
			  { "1w", 604800 * S },
			  { "1h30m", 5400 * S },
			  { "1w2d3h4m5s6ms7us", 788645 * S + 6007000 },
			  { "0", 0 } },
	  sizes[] = { { "4096", 4096 }, { "64K", 65536 }, { "2G", UINT64_C(2) << 30 } };
	uint64_t v;

	for (size_t i = 0; i < array_len(durations); i++) {
		v = 0;
		ok(!parse_duration(durations[i].text, &v) && v == durations[i].want,
		   "the duration %s parses", durations[i].text);
	}
	for (size_t i = 0; i < array_len(sizes); i++) {
		v = 0;
		ok(!parse_size(sizes[i].text, &v) && v == sizes[i].want, "the size %s parses",
		   sizes[i].text);
	}
	is_int(parse_duration("5 m", &v), -EINVAL, "a space inside a duration is refused");
	is_int(parse_duration("30m1h", &v), -EINVAL,
	       "a larger unit behind a smaller one is refused");
	is_int(parse_duration("1h1h", &v), -EINVAL, "a unit twice is refused");
	is_int(parse_duration("1h30", &v), -EINVAL, "a part without a unit is refused");
	is_int(parse_duration("30000w30000w", &v), -EINVAL, "however large");
	is_int(parse_duration("30000w30000d", &v), -ERANGE, "a sum too large is out of range");
	ok(!parse_duration("36525d", &v) && v == 36525 * (86400 * S), "100 years are a duration");
	is_int(parse_duration("36525d1us", &v), -ERANGE, "more are none");
	is_int(parse_duration("99999999999", &v), -ERANGE, "nor in seconds");
	is_int(parse_duration("99999999999d", &v), -ERANGE, "a duration too long is out of range");
	is_int(parse_size("1X", &v), -EINVAL, "an unknown unit is refused");
}

static void times(void)
{
	static const char *const same[] = { "2026-11-22T16:01:02Z",
					    "2026-11-22T16:01:02",
					    "2026-11-22 16:01:02",
					    "2026-11-22T16:01:02.000Z",
					    "2026-11-22T18:01:02+02:00",
					    "2026-11-22T12:31:02-0330",
					    "@1795363262" };
	uint64_t v = 0, now = UINT64_C(1795363262) * S;
	struct buf b = BUF_INIT(64);

	for (size_t i = 0; i < array_len(same); i++) {
		v = 0;
		ok(!parse_time(same[i], now, &v) && v == now, "the time %s parses", same[i]);
	}
	ok(!parse_time("10m", now, &v) && v == now - 600 * S, "10m is ten minutes ago");
	ok(!parse_time("-10m", now, &v) && v == now - 600 * S, "so is -10m");
	ok(!parse_time("now", now, &v) && v == now, "now is now");
	ok(!parse_time("2026-11-22T16:01:02.25Z", now, &v) && v == now + S / 4,
	   "a fraction of a second counts");
	is_int(parse_time("2026-13-01", now, &v), -EINVAL, "month 13 is refused");
	ok(!parse_time("2262-04-11T23:47:15.999999999", now, &v) &&
		   v == (uint64_t)INT64_MAX / S * S - 1,
	   "2262 has the last time");
	is_int(parse_time("2262-04-11T23:47:16", now, &v), -ERANGE,
	       "what no store holds is refused");
	is_int(parse_time("9999-12-31", now, &v), -ERANGE, "and does not come round again");
	is_int(parse_time("@9223372036", now, &v), -ERANGE, "nor as seconds");
	is_int(parse_time("@18446744074", now, &v), -ERANGE, "however many");
	is_int(parse_time("2026-02-31", now, &v), -EINVAL, "February 31 is refused");
	is_int(parse_time("2027-02-29", now, &v), -EINVAL,
	       "February 29 is refused in a year without");
	ok(!parse_time("2028-02-29", now, &v), "and is taken in a year with it");
	is_int(parse_time("2026-11-22T16:01:60", now, &v), -EINVAL, "second 60 is refused");
	is_int(parse_time("2026-11-22T16:01:02+2:00", now, &v), -EINVAL,
	       "half an offset is refused");
	is_int(parse_time("2026-11-22T16:01:02+02", now, &v), -EINVAL, "so is one without minutes");
	is_int(parse_time("2026-11-22T16:01:02+24:00", now, &v), -EINVAL, "and one of a day");
	is_int(parse_time("2026-11-22T16:01:02+02:00x", now, &v), -EINVAL,
	       "an offset ends where its string ends");
	is_int(parse_time("yesterday", now, &v), -EINVAL, "a word is refused");
	clock_format(&b, now + 123456789);
	is_str(buf_str(&b), "2026-11-22T16:01:02.123456Z",
	       "a time is written in UTC with microseconds");
	buf_done(&b);
}

int main(void)
{
	uint64_t boot = clock_boot_ns(), wall = clock_wall_ns(), of = clock_wall_of_boot(boot);

	numbers();
	durations_and_sizes();
	times();
	ok(of > wall - S && of < wall + S, "the wall time of a boot stamp of now is now");
	return tap_done();
}
