/* SPDX-License-Identifier: GPL-2.0 */
#include "core/executable.h"

#include <string.h>

#include "core/event.h"
#include "core/place.h"

const char *exe_file_state_name(enum exe_file_state s)
{
	static const char *const names[] = {
		[EXE_FILE_READ] = "read",
		[EXE_FILE_NEWER] = "changed since the program was started",
		[EXE_FILE_LARGE] = "too large to be read",
		[EXE_FILE_UNREADABLE] = "not readable",
		[EXE_FILE_MISSING] = "not there, or not visible to the shipper",
		[EXE_FILE_OTHER] = "no regular file",
		[EXE_FILE_REMOTE] = "on a network file system: not read",
		[EXE_FILE_CHANGING] = "written to while it was read",
		[EXE_FILE_SLOW] = "took too long to read",
	};

	return s >= EXE_FILE_READ && s < array_len(names) ? names[s] : "?";
}

const char *exe_listed_name(enum exe_listed l)
{
	static const char *const names[] = {
		[EXE_LISTED_UNKNOWN] = "unknown",
		[EXE_LISTED_NONE] = "none",
		[EXE_LISTED_MATCHES] = "as packaged",
		[EXE_LISTED_DIFFERS] = "differs from its package",
		[EXE_LISTED_NO_DIGEST] = "not compared",
	};

	return l < array_len(names) ? names[l] : "?";
}

bool exe_digest_is_text(const char *s)
{
	return strlen(s) == 2 * SHA256_LEN && strspn(s, "0123456789abcdef") == 2 * SHA256_LEN;
}

bool exe_digest_is(const uint8_t sha256[SHA256_LEN], const char *text)
{
	uint8_t want[SHA256_LEN];
	size_t n;

	return !text_unhex(text_of(text), want, sizeof(want), &n) && n == SHA256_LEN &&
	       !memcmp(want, sha256, SHA256_LEN);
}

static bool ends_with(struct text t, const char *suffix)
{
	size_t n = strlen(suffix);

	return t.len >= n && !memcmp(t.ptr + t.len - n, suffix, n);
}

static bool begins_with(struct text t, const char *prefix)
{
	size_t n = strlen(prefix);

	return t.len >= n && !memcmp(t.ptr, prefix, n);
}

bool exe_file_is_the_nodes(const struct process *p, const char **ret_why)
{
	const char *why = NULL;

	if (!p->known || p->kernel || !p->exe.ptr || !p->exe.len)
		why = "not known";
	else if (p->container_state == PLACE_IN)
		why = "in a container";
	else if (place_exe_is_foreign(p))
		why = "of another mount namespace";
	else if (p->exe_cut)
		why = "of a path that is too long";
	else if (begins_with(p->exe, "/memfd:") || begins_with(p->exe, "memfd:"))
		why = "in memory alone";
	else if (ends_with(p->exe, " (deleted)"))
		why = "deleted";
	else if (p->exe.ptr[0] != '/' || memchr(p->exe.ptr, '\0', p->exe.len))
		why = "no path";
	if (ret_why && why)
		*ret_why = why;
	return !why;
}
