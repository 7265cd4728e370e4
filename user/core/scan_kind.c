/* SPDX-License-Identifier: GPL-2.0 */
#include "core/scan_kind.h"

#include <string.h>

#include "base/err.h"

static const char *const kind_names[] = {
	"",
	[SCAN_CONNECT] = "connect",
	[SCAN_SYN] = "syn",
	[SCAN_UDP] = "udp",
	[SCAN_IDENTITY] = "identity",
	[SCAN_VERSION] = "version",
	[SCAN_VERIFY] = "verify",
};

static const char *const state_names[] = {
	"",
	[SCAN_QUEUED] = "queued",
	[SCAN_RUNNING] = "running",
	[SCAN_DONE] = "done",
	[SCAN_FAILED] = "failed",
};

static const char *const host_state_names[] = {
	"",
	[SCAN_HOST_QUEUED] = "queued",
	[SCAN_HOST_SEEN] = "seen",
	[SCAN_HOST_TIMED_OUT] = "timed-out",
	[SCAN_HOST_CUT] = "cut",
	[SCAN_HOST_FLOODED] = "flooded",
	[SCAN_HOST_LOST] = "lost",
	[SCAN_HOST_BACKED_OFF] = "backed-off",
};

static const char *name_of(const char *const *names, size_t len, unsigned v)
{
	return names[v < len ? v : 0];
}

static unsigned number_of(const char *const *names, size_t len, const char *s)
{
	for (unsigned i = 1; i < len; i++) {
		if (!strcmp(names[i], s))
			return i;
	}
	return 0;
}

const char *scan_kind_name(enum scan_kind k)
{
	return name_of(kind_names, array_len(kind_names), k);
}

enum scan_kind scan_kind_parse(const char *s)
{
	return (enum scan_kind)number_of(kind_names, array_len(kind_names), s);
}

bool scan_kind_is_raw(enum scan_kind k)
{
	return k == SCAN_SYN || k == SCAN_UDP;
}

const char *scan_state_name(enum scan_state s)
{
	return name_of(state_names, array_len(state_names), s);
}

enum scan_state scan_state_parse(const char *s)
{
	return (enum scan_state)number_of(state_names, array_len(state_names), s);
}

const char *scan_host_state_name(enum scan_host_state s)
{
	return name_of(host_state_names, array_len(host_state_names), s);
}

enum scan_host_state scan_host_state_parse(const char *s)
{
	return (enum scan_host_state)number_of(host_state_names, array_len(host_state_names), s);
}
