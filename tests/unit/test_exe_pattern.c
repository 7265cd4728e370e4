/* SPDX-License-Identifier: GPL-2.0 */
#include <stdlib.h>

#include "core/exe_pattern.h"
#include "tap.h"

static const struct {
	const char *pattern, *path;
	bool fits;
} pairs[] = {
	{ "/usr/sbin/sshd", "/usr/sbin/sshd", true },
	{ "/usr/sbin/sshd", "/usr/sbin/sshd2", false },
	{ "/usr/sbin/sshd", "/usr/sbin/ssh", false },
	{ "/usr/lib/jvm/*/bin/java", "/usr/lib/jvm/java-17.0.10/bin/java", true },
	{ "/usr/lib/jvm/*/bin/java", "/usr/lib/jvm/a/b/bin/java", false },
	{ "/usr/lib/jvm/*/bin/java", "/usr/lib/jvm/java-17/bin/javac", false },
	{ "/usr/lib/jvm/*/bin/java", "/tmp/usr/lib/jvm/x/bin/java", false },
	{ "/usr/lib/jvm/java-17*/bin/java", "/usr/lib/jvm/java-17/bin/java", true },
	{ "/usr/lib/jvm/java-17*/bin/java", "/usr/lib/jvm/java-18/bin/java", false },
	{ "/opt/*-*/x", "/opt/a-b-c/x", true },
	{ "/opt/*a*b*/x", "/opt/xaayb/x", true },
	{ "/opt/*a*b*/x", "/opt/xbya/x", false },
	{ "/opt/*", "/opt/x", true },
	{ "/opt/*", "/opt/x/y", false },
	{ "/opt/*x", "/opt/", false },
	{ "*", "", true },
	{ "/opt/\\*/x", "/opt/*/x", true },
	{ "/opt/\\*/x", "/opt/a/x", false },
	{ "/opt/a\\\\b", "/opt/a\\b", true },
	{ "/opt/a\\b", "/opt/a\\b", true },
	{ "", "/x", false },
	{ "/x", "", false },
};

static const struct {
	const char *path, *want;
} releases[] = {
	{ "/usr/lib/jvm/java-17.0.9/bin/java", "/usr/lib/jvm/java-17*/bin/java" },
	{ "/usr/lib/jvm/java-17-openjdk-amd64/bin/java", "/usr/lib/jvm/java-17*/bin/java" },
	{ "/snap/lxd/24322/bin/lxd", "/snap/lxd/*/bin/lxd" },
	{ "/snap/lxd/current/bin/lxd", NULL },
	{ "/nix/store/0c5b1yqfxr2vl0wlzc1rgbbmhzhhr4vz-openssh-9.6p1/bin/sshd",
	  "/nix/store/*-openssh-*/bin/sshd" },
	{ "/opt/spack/linux-x86_64/gcc-12.2.0/openmpi-4.1.5-7u2dkzvhrz3q5pvmkwbzbdpjyqx4yn2e/bin/"
	  "orted",
	  "/opt/spack/linux-x86_64/gcc-12.2.0/openmpi-*/bin/orted" },
	{ "/usr/sbin/sshd", NULL },
	{ "/usr/bin/python3.11", NULL },
	{ "/usr/lib/jvm/java-17", NULL },
	{ "/opt/a*b-1.0-7u2dkzvhrz3q5pvmkwbzbdpjyqx4yn2e/x", "/opt/a\\*b-*/x" },
	{ "", NULL },
};

static void ends(void)
{
	struct text end = TEXT("a-17.0.9/bin/java");

	ok(exe_pattern_may_fit_end("/usr/lib/jvm/*/bin/java", end) &&
		   exe_pattern_may_fit_end("/usr/lib/jvm/java-17.0.9/bin/java",
					   (struct text)TEXT("17.0.9/bin/java")),
	   "a path whose beginning is not known may be the pattern's");
	ok(!exe_pattern_may_fit_end("/usr/lib/jvm/*/bin/javac", end) &&
		   !exe_pattern_may_fit_end("/bin/java", end) &&
		   !exe_pattern_may_fit_end("/*", (struct text)TEXT("no-slash-in-it")) &&
		   !exe_pattern_may_fit_end("/x", (struct text){ 0 }),
	   "one with another end is not, nor one that is longer than the pattern");
}

int main(void)
{
	for (size_t i = 0; i < array_len(pairs); i++)
		is_int(exe_pattern_fits(pairs[i].pattern, text_of(pairs[i].path)), pairs[i].fits,
		       "'%s' and '%s'", pairs[i].pattern, pairs[i].path);
	for (size_t i = 0; i < array_len(releases); i++) {
		_free_ char *got = NULL;

		is_int(exe_pattern_of_releases(text_of(releases[i].path), &got), 0, "%s",
		       releases[i].path);
		is_str(got, releases[i].want, "the releases of '%s'", releases[i].path);
		ok(!got || exe_pattern_fits(got, text_of(releases[i].path)), "it is one of them");
	}
	{
		static const char strange[] = "/opt/*\\*\\\\/x";
		_free_ char *got = NULL;

		ok(!exe_pattern_of(text_of(strange), &got) && !exe_pattern_has_star(got) &&
			   exe_pattern_fits(got, text_of(strange)) &&
			   !exe_pattern_fits(got, (struct text)TEXT("/opt/a\\a\\\\/x")),
		   "a path full of stars is a pattern for itself alone");
	}
	ok(exe_pattern_covers("/opt/*/x", "/opt/a/x") &&
		   exe_pattern_covers("/opt/*/x", "/opt/*/x") &&
		   !exe_pattern_covers("/opt/a/x", "/opt/*/x") &&
		   !exe_pattern_covers("/opt/*/x", "/opt/*/*"),
	   "what one pattern covers of another");
	ends();
	return tap_done();
}
