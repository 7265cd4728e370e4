/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_TESTS_TAP_H
#define AJAR_TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The whole test framework: ok() counts and prints one TAP line, names are sentences. A test file's
 * main() ends with `return tap_done();`. What does not run is a skip, with the reason, and never
 * ok(true, ...): tests/run.sh counts skips apart, and in CI one is a failure.
 */
static unsigned tap_count, tap_failed;

__attribute__((format(printf, 4, 5))) static inline bool tap_ok(bool good, const char *file,
								int line, const char *fmt, ...)
{
	va_list ap;

	printf("%s %u - ", good ? "ok" : "not ok", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	if (good) {
		putchar('\n');
	} else {
		tap_failed++;
		printf("\n#   at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, ...)                                                                     \
	({                                                                                         \
		long long got_ = (long long)(got), want_ = (long long)(want);                      \
		bool good_ = tap_ok(got_ == want_, __FILE__, __LINE__, __VA_ARGS__);               \
		if (!good_)                                                                        \
			printf("#   got %lld, wanted %lld\n", got_, want_);                        \
		good_;                                                                             \
	})
#define is_str(got, want, ...)                                                                     \
	({                                                                                         \
		const char *got_ = (got), *want_ = (want);                                         \
		bool good_ = tap_ok(got_ && want_ ? !strcmp(got_, want_) : got_ == want_,          \
				    __FILE__, __LINE__, __VA_ARGS__);                              \
		if (!good_)                                                                        \
			printf("#   got    '%s'\n#   wanted '%s'\n", got_ ? got_ : "(null)",       \
			       want_ ? want_ : "(null)");                                          \
		good_;                                                                             \
	})

static inline int tap_done(void)
{
	printf("1..%u\n", tap_count);
	return tap_failed ? 1 : 0;
}

/*
 * Instead of `n` checks that cannot run here: something is missing that can be installed or given.
 */
__attribute__((format(printf, 2, 3))) static inline void tap_skip(unsigned n, const char *fmt, ...)
{
	while (n--) {
		va_list ap;

		printf("ok %u # SKIP ", ++tap_count);
		va_start(ap, fmt);
		vprintf(fmt, ap);
		va_end(ap);
		putchar('\n');
	}
	fflush(stdout);
}

/* The same for what this kernel or CPU cannot do, which nobody can install: no failure in CI. */
#define tap_skip_machine(n, why, ...) tap_skip(n, "machine: " why, ##__VA_ARGS__)

/* Leaves the program; exit code 77 tells the runner. */
static inline void tap_skip_all(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	exit(77);
}

#endif
