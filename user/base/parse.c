/* SPDX-License-Identifier: GPL-2.0 */
#include "base/parse.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NS_PER_S UINT64_C(1000000000)
#define LAST_WALL_NS ((uint64_t)INT64_MAX)
#define LONGEST_NS (UINT64_C(36525) * 86400 * NS_PER_S)

/* Digits at the start of s; *ret_end is behind them. */
static int parse_digits(const char *s, uint64_t *ret_v, const char **ret_end)
{
	uint64_t v = 0;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	for (; isdigit((unsigned char)*s); s++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return -ERANGE;
	}
	*ret_v = v;
	*ret_end = s;
	return 0;
}

int parse_u64(const char *s, uint64_t *ret_v)
{
	const char *end;
	uint64_t v;
	int err = parse_digits(s, &v, &end);

	if (err)
		return err;
	if (*end)
		return -EINVAL;
	*ret_v = v;
	return 0;
}

int parse_u32(const char *s, uint32_t *ret_v)
{
	uint64_t v;
	int err = parse_u64(s, &v);

	if (err)
		return err;
	if (v > UINT32_MAX)
		return -ERANGE;
	*ret_v = (uint32_t)v;
	return 0;
}

int parse_port(const char *s, uint16_t *ret_port)
{
	uint64_t v;
	int err = parse_u64(s, &v);

	if (err)
		return err;
	if (v > UINT16_MAX)
		return -ERANGE;
	*ret_port = (uint16_t)v;
	return 0;
}

int parse_bool(const char *s, bool *ret_v)
{
	static const char *const words[2][4] = { { "no", "false", "off", "0" },
						 { "yes", "true", "on", "1" } };

	for (size_t i = 0; i < 8; i++) {
		if (!strcmp(s, words[i / 4][i % 4])) {
			*ret_v = i / 4;
			return 0;
		}
	}
	return -EINVAL;
}

bool parse_is_loopback(const char *host, size_t n)
{
	char name[INET_ADDRSTRLEN];
	struct in_addr a;

	if (n >= sizeof(name))
		return false;
	memcpy(name, host, n);
	name[n] = '\0';
	if (inet_pton(AF_INET, name, &a) == 1)
		return ntohl(a.s_addr) >> 24 == 127;
	return !strcmp(name, "localhost") || !strcmp(name, "::1");
}

struct unit {
	const char *suffix;
	uint64_t factor;
};

static int parse_with_unit(const char *s, const struct unit *units, uint64_t *ret_v)
{
	const char *end;
	uint64_t v;
	int err = parse_digits(s, &v, &end);

	if (err)
		return err;
	for (; units->suffix; units++) {
		if (strcmp(end, units->suffix))
			continue;
		if (__builtin_mul_overflow(v, units->factor, &v))
			return -ERANGE;
		*ret_v = v;
		return 0;
	}
	return -EINVAL;
}

static const struct unit durations[] = {
	{ "w", 604800 * NS_PER_S },
	{ "d", 86400 * NS_PER_S },
	{ "h", 3600 * NS_PER_S },
	{ "m", 60 * NS_PER_S },
	{ "s", NS_PER_S },
	{ "ms", 1000000 },
	{ "us", 1000 },
	{ 0 },
};

/* Parts, each of a smaller unit than the one before it. */
int parse_duration(const char *s, uint64_t *ret_ns)
{
	static const struct unit bare[] = { { "", NS_PER_S }, { 0 } };
	const struct unit *unit = durations;
	uint64_t sum = 0, v;
	int err = parse_with_unit(s, bare, &sum);

	if (err != -EINVAL) {
		if (!err && sum > LONGEST_NS)
			err = -ERANGE;
		if (!err)
			*ret_ns = sum;
		return err;
	}
	do {
		const char *suffix;
		size_t n;

		err = parse_digits(s, &v, &suffix);
		if (err)
			return err;
		n = strspn(suffix, "wdhmus");
		while (unit->suffix && (strncmp(unit->suffix, suffix, n) || unit->suffix[n]))
			unit++;
		if (!n || !unit->suffix)
			return -EINVAL;
		if (__builtin_mul_overflow(v, unit->factor, &v) ||
		    __builtin_add_overflow(sum, v, &sum))
			return -ERANGE;
		unit++;
		s = suffix + n;
	} while (*s);
	if (sum > LONGEST_NS)
		return -ERANGE;
	*ret_ns = sum;
	return 0;
}

int parse_size(const char *s, uint64_t *ret_bytes)
{
	static const struct unit units[] = {
		{ "", 1 },	  { "K", 1 << 10 },	      { "M", 1 << 20 },
		{ "G", 1 << 30 }, { "T", UINT64_C(1) << 40 }, { 0 }
	};

	return parse_with_unit(s, units, ret_bytes);
}

static unsigned two_digits(const char *s)
{
	return isdigit((unsigned char)s[0]) && isdigit((unsigned char)s[1])
		       ? (unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0')
		       : 100;
}

/* "", "Z", "+02:00", "-0330": how far the clock of the text is ahead of UTC. */
static int parse_offset(const char *s, time_t *ret_s)
{
	unsigned hours, minutes;

	*ret_s = 0;
	if (!*s || !strcmp(s, "Z"))
		return 0;
	if (*s != '+' && *s != '-')
		return -EINVAL;
	hours = two_digits(s + 1);
	if (hours > 23)
		return -EINVAL;
	minutes = two_digits(s + 3 + (s[3] == ':'));
	if (minutes > 59 || s[5 + (s[3] == ':')])
		return -EINVAL;
	*ret_s = (time_t)(hours * 60 + minutes) * 60 * (*s == '-' ? -1 : 1);
	return 0;
}

/* timegm() makes March 3 of February 31. */
static int time_of_day(const struct tm *tm, time_t *ret_t)
{
	struct tm real = *tm;
	time_t t = timegm(&real);

	if (real.tm_mday != tm->tm_mday || real.tm_mon != tm->tm_mon || real.tm_sec != tm->tm_sec)
		return -EINVAL;
	*ret_t = t;
	return 0;
}

/* "2026-11-22[T ]16:01[:02[.5]][Z|+02:00]", or the day alone; UTC where it does not say. */
static int parse_date(const char *s, uint64_t *ret_ns)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
					     "%Y-%m-%dT%H:%M",	  "%Y-%m-%d %H:%M",
					     "%Y-%m-%d",	  NULL };

	for (size_t i = 0; forms[i]; i++) {
		struct tm tm = { 0 };
		const char *end = strptime(s, forms[i], &tm);
		uint64_t frac = 0, unit = NS_PER_S;
		time_t t, ahead;

		if (!end)
			continue;
		if (*end == '.' && isdigit((unsigned char)end[1])) {
			for (end++; isdigit((unsigned char)*end); end++) {
				unit /= 10;
				frac += unit * (uint64_t)(*end - '0');
			}
		}
		if (parse_offset(end, &ahead))
			continue;
		if (time_of_day(&tm, &t))
			return -EINVAL;
		t -= ahead;
		if (t < 0 || (uint64_t)t >= LAST_WALL_NS / NS_PER_S)
			return -ERANGE;
		*ret_ns = (uint64_t)t * NS_PER_S + frac;
		return 0;
	}
	return -EINVAL;
}

int parse_time(const char *s, uint64_t now_wall_ns, uint64_t *ret_wall_ns)
{
	uint64_t v;

	if (*s == '@') {
		int err = parse_u64(s + 1, &v);

		if (err)
			return err;
		if (v >= LAST_WALL_NS / NS_PER_S)
			return -ERANGE;
		*ret_wall_ns = v * NS_PER_S;
		return 0;
	}
	if (!strcmp(s, "now")) {
		*ret_wall_ns = now_wall_ns;
		return 0;
	}
	if (!parse_duration(*s == '-' ? s + 1 : s, &v)) {
		*ret_wall_ns = v < now_wall_ns ? now_wall_ns - v : 0;
		return 0;
	}
	return parse_date(s, ret_wall_ns);
}
