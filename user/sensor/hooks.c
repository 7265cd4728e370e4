/* SPDX-License-Identifier: GPL-2.0 */
#include "sensor/hooks.h"

#include <unistd.h>

#include <linux/bpf.h>

#include "ajar/event.h"
#include "base/err.h"

/* clang-format off */
const struct hook hooks[HOOKS_MAX] = {
	[HOOK_LISTEN]      = { "tcp listen and its end", true,  { { "sockops LISTEN_CB, STATE_CB", "listen_sockops", HOOK_CGROUP, NULL },
							     { "tp_btf/inet_sock_set_state, confirmed by sweeps", "state_set", HOOK_TRACE, NULL },
							     { "tracepoint sock/inet_sock_set_state, confirmed by sock_diag", "state_bare", HOOK_BARE, NULL } } },
	[HOOK_BIND4]       = { "ipv4 port asked for",    false, { { "cgroup/bind4",      "bind_bind4",      HOOK_CGROUP, NULL } } },
	[HOOK_BIND6]       = { "ipv6 port asked for",    false, { { "cgroup/bind6",      "bind_bind6",      HOOK_CGROUP, NULL } } },
	[HOOK_POST_BIND4]  = { "ipv4 udp and bind",      true,  { { "cgroup/post_bind4", "bind_post_bind4", HOOK_CGROUP, NULL } } },
	[HOOK_POST_BIND6]  = { "ipv6 udp and bind",      true,  { { "cgroup/post_bind6", "bind_post_bind6", HOOK_CGROUP, NULL } } },
	[HOOK_RELEASE]     = { "udp closed",             true,  { { "cgroup/sock_release", "release_sock",  HOOK_CGROUP, NULL } } },
	[HOOK_SWEEP_FILES] = { "sweep of held sockets",  true,  { { "iter/task_file",    "sweep_task_file", HOOK_ITER, NULL } } },
	[HOOK_SWEEP_TCP]   = { "sweep of kernel tcp",    false, { { "iter/tcp",          "sweep_tcp",       HOOK_ITER, NULL } } },
	[HOOK_SETTLE]      = { "what udp becomes",       false, { { "iter/bpf_map",     "settle_look",     HOOK_ITER, NULL } } },
	[HOOK_UNHOOKED]    = { "end without a hook",     false, { { "iter/bpf_map_elem", "unhooked_look",   HOOK_ITER, "ajar_unhooked" } } },
	[HOOK_SWEEP_UDP]   = { "sweep of kernel udp",    false, { { "iter/udp",          "sweep_udp",       HOOK_ITER, NULL } } },
	[HOOK_FORK]        = { "children of holders",    false, { { "tp_btf/sched_process_fork", "holders_fork", HOOK_TRACE, NULL } } },
	[HOOK_EXEC]        = { "exec with a door",       false, { { "tp_btf/sched_process_exec", "holders_exec", HOOK_TRACE, NULL } } },
	[HOOK_EXIT]        = { "end of a holder",        false, { { "tp_btf/sched_process_exit", "holders_exit", HOOK_TRACE, NULL } } },
	[HOOK_RECEIVE]     = { "door taken over",        false, { { "fentry/receive_fd",         "holders_receive", HOOK_TRACE, NULL } } },
};

const struct map_spec map_specs[MAPS_MAX] = {
	[MAP_RING]    = { "ajar_ring",    BPF_MAP_TYPE_RINGBUF,  0, 0 },
	[MAP_DOORS]   = { "ajar_doors",   BPF_MAP_TYPE_HASH,     8, sizeof(struct ajar_door_state) },
	[MAP_OWNERS]  = { "ajar_owners",  BPF_MAP_TYPE_LRU_HASH, sizeof(struct ajar_owner_key), 8 },
	[MAP_CPUS]    = { "ajar_cpus",    BPF_MAP_TYPE_ARRAY,    4, sizeof(struct ajar_cpu) },
	[MAP_CONTROL] = { "ajar_control", BPF_MAP_TYPE_ARRAY,    4, sizeof(struct ajar_control) },
	[MAP_HOLDERS] = { "ajar_holders", BPF_MAP_TYPE_HASH,     4, sizeof(struct ajar_holder) },
};
/* clang-format on */

static bool fits(enum hook_how how, char tier)
{
	switch (how) {
	case HOOK_CGROUP:
		return tier == 'A';
	case HOOK_TRACE:
	case HOOK_ITER:
		return tier < TIER_BARE;
	case HOOK_BARE:
		return tier == TIER_BARE;
	}
	return false;
}

const struct hook_alt *hook_alt(enum hook_id id, char tier)
{
	for (size_t i = 0; i < array_len(hooks[id].alts); i++) {
		const struct hook_alt *alt = &hooks[id].alts[i];

		if (alt->prog && fits(alt->how, tier))
			return alt;
	}
	return NULL;
}

const char *tier_misses(char tier)
{
	switch (tier) {
	case 'B':
		return "UDP, raw and SCTP doors are found only by sweeps, so what comes and goes "
		       "between two and who opened it stays unknown";
	case TIER_BARE:
		return "all but TCP is looked for every few seconds, so what comes and goes "
		       "between two looks is not seen, and who holds such a door counts as who "
		       "opened it; of a TCP door that is gone at once only its opener's name, if "
		       "it is gone too";
	case TIER_POLL:
		return "doors are looked for every few seconds, so what comes and goes between two "
		       "looks is not seen, and who holds a door counts as who opened it";
	}
	return NULL;
}

void handles_init(struct handles *h)
{
	h->tier = 0;
	h->plain = false;
	for (int i = 0; i < MAPS_MAX; i++)
		h->maps[i] = -1;
	for (int i = 0; i < HOOKS_MAX; i++)
		h->links[i] = -1;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void handles_close(struct handles *h)
{
	for (int i = 0; i < MAPS_MAX; i++)
		close_one(&h->maps[i]);
	for (int i = 0; i < HOOKS_MAX; i++)
		close_one(&h->links[i]);
}
