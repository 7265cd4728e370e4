/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hooks and pins that somebody takes away from a sensor that watches: told, and put right by a
 * process that has given up its privileges.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/proc.h"
#include "sensor/internal.h"
#include "witness.h"

#define PINS "/sys/fs/bpf/ajar-test-links"
#define NOBODY 65534

static const enum hook_id cgroup_hooks[] = {
	HOOK_LISTEN, HOOK_BIND4, HOOK_BIND6, HOOK_POST_BIND4, HOOK_POST_BIND6, HOOK_RELEASE,
};

struct harms {
	unsigned hooks, pins;
	int err; /* of the last one */
};

static void count(const struct sensor_harm *h, void *arg)
{
	struct harms *n = arg;

	if (h->what)
		n->hooks++;
	else
		n->pins++;
	n->err = h->err;
}

static bool look(struct witness *w, struct harms *n)
{
	*n = (struct harms){ 0 };
	return sensor_look_after(w->s, count, n);
}

/* One that lets everything pass and sees nothing. */
static int other_program(void)
{
	const struct bpf_insn pass[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 },
					 { .code = BPF_JMP | BPF_EXIT } };
	LIBBPF_OPTS(bpf_prog_load_opts, o, .expected_attach_type = BPF_CGROUP_INET4_POST_BIND);

	return bpf_prog_load(BPF_PROG_TYPE_CGROUP_SOCK, "ajar_t_blind", "GPL", pass, 2, &o);
}

static bool take_away(struct sensor *s, unsigned *ret_n)
{
	_close_ int blind = other_program();
	bool good = blind >= 0 && !bpf_link_update(s->h.links[HOOK_POST_BIND4], blind, NULL);

	*ret_n = 1;
	for (size_t i = 0; i < array_len(cgroup_hooks); i++) {
		int link = s->h.links[cgroup_hooks[i]];

		if (cgroup_hooks[i] == HOOK_POST_BIND4 || link < 0)
			continue;
		good = !bpf_link_detach(link) && good;
		++*ret_n;
	}
	return good;
}

/* All that a door of each kind needs is there again. */
static void test_sees(struct witness *w)
{
	static const int families[] = { AF_INET, AF_INET6 };

	for (size_t i = 0; i < array_len(families); i++) {
		int tcp = socket(families[i], SOCK_STREAM | SOCK_CLOEXEC, 0);
		int udp = socket(families[i], SOCK_DGRAM | SOCK_CLOEXEC, 0);
		uint64_t of_tcp = cookie_of(tcp), of_udp = cookie_of(udp);
		const char *v = families[i] == AF_INET ? "IPv4" : "IPv6";

		ok(!bind_loopback(tcp, families[i], 0) && !listen(tcp, 1) &&
			   !bind_loopback(udp, families[i], 0),
		   "doors of %s open", v);
		ok(witness_wait(w, EVENT_OPEN, of_tcp), "the one of TCP is seen");
		ok(witness_wait(w, EVENT_OPEN, of_udp), "the one of UDP, too");
		close(tcp);
		close(udp);
		ok(witness_wait(w, EVENT_CLOSE, of_tcp), "and its end");
		ok(witness_wait(w, EVENT_CLOSE, of_udp), "and the other's");
	}
}

static unsigned pinned(const struct sensor *s)
{
	unsigned n = 0;

	for (int i = 0; i < MAPS_MAX; i++)
		n += !faccessat(s->pins.version, map_specs[i].name, F_OK, 0);
	for (size_t i = 0; i < array_len(cgroup_hooks); i++) {
		char name[64];

		snprintf(name, sizeof(name), "link_%s", hook_alt(cgroup_hooks[i], 'A')->prog);
		n += !faccessat(s->pins.version, name, F_OK, 0);
	}
	return n;
}

static void test_pins(struct witness *w, unsigned n)
{
	struct pins *p = &w->s->pins;
	struct harms seen;
	char name[16];

	is_int(pinned(w->s), MAPS_MAX + n, "maps and links are pinned");
	pins_clear(p);
	is_int(pinned(w->s), 0, "somebody removes the pins");
	ok(look(w, &seen) && seen.pins == 1 && !seen.err && !seen.hooks, "that is reported");
	is_int(pinned(w->s), MAPS_MAX + n, "and they are made again");
	ok(look(w, &seen) && !seen.pins, "which is reported once");
	pins_clear(p);
	snprintf(name, sizeof(name), "v%u", (unsigned)AJAR_ABI);
	ok(!unlinkat(p->base, name, AT_REMOVEDIR), "somebody removes their folder");
	ok(look(w, &seen) && seen.pins == 1 && !seen.err, "that is reported");
	is_int(pinned(w->s), MAPS_MAX + n, "and it is made again");
}

static int run(void)
{
	const struct sensor_opts o = { .pin_dir = PINS, .uid = NOBODY, .gid = NOBODY, .tier = 'A' };
	struct witness w;
	struct harms seen;
	unsigned n = 0;

	if (!ok(witness_open(&w, &o), "a pinned sensor of tier A opens"))
		return tap_done();
	ok(look(&w, &seen) && !seen.hooks && !seen.pins, "nothing is missing");
	ok(take_away(w.s, &n), "somebody detaches its hooks, and gives one another program");
	ok(!proc_drop_privileges(NOBODY, NOBODY), "privileges are dropped");
	bool whole = look(&w, &seen);
	is_int(seen.hooks, n, "each hook that was taken away is reported by itself");
	if (seen.err == -EPERM) {
		ok(!whole, "this kernel lets only the privileged attach them again: it is blind");
		ok(!look(&w, &seen) && !seen.hooks, "and stays so, which is reported once");
	} else {
		ok(whole && !seen.err, "all are put right");
		ok(look(&w, &seen) && !seen.hooks && !seen.pins, "which is reported once");
		test_sees(&w);
		test_pins(&w, n);
	}
	witness_close(&w, true);
	return tap_done();
}

/* What is in PINS goes with the sensor; the folder's own name is root's to remove. */
int main(void)
{
	pid_t pid;
	int status;

	if (geteuid())
		tap_skip_all("needs root");
	fflush(stdout);
	pid = fork();
	if (!pid)
		exit(run());
	status = reap(pid);
	if (rmdir(PINS) < 0 && errno != ENOENT)
		printf("# cannot remove " PINS ": %s\n", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
