/* SPDX-License-Identifier: GPL-2.0 */
/*
 * run.sh: beside, for it looks at its own network namespaces alone. What redirects connections past
 * doors, read back from the real kernel: nft rules, sets and maps, rules of iptables, a program
 * that looks up sockets. Each in a network namespace of its own.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/proc.h"
#include "core/redirect.h"
#include "redirect/keeper.h"
#include "redirect/reader.h"
#include "redirect/word.h"
#include "tap.h"

static const struct redirect_fds none = { -1, -1 };

static bool feed(const char *const *argv, const char *input, size_t len)
{
	const struct proc_opts o = { .argv = argv, .input = input, .input_len = len };
	pid_t pid;
	int status;

	return !proc_spawn(&o, &pid) && waitpid(pid, &status, 0) == pid && !status;
}

static bool nft(const char *rules)
{
	return feed((const char *[]){ "nft", "-f", "-", NULL }, rules, strlen(rules));
}

static bool new_namespace(void)
{
	static const char links[] = "link set lo up\nlink add v0 type veth peer name v1\n"
				    "addr add 192.0.2.1/24 dev v0\nlink set v0 up\n";

	return !unshare(CLONE_NEWNET) &&
	       feed((const char *[]){ "ip", "-b", "-", NULL }, links, strlen(links));
}

/* The list as it is now; the last one is kept for has(). */
static struct buf list;
static uint64_t ways;

static bool look(void)
{
	buf_done(&list);
	list = (struct buf)BUF_INIT(REDIRECT_TEXT_MAX);
	return !redirect_read(&none, &list, &ways);
}

static bool has(const char *line)
{
	const char *p = strstr(buf_str(&list), line);
	bool good = p && (p == list.data || p[-1] == '\n') && p[strlen(line)] == '\n';

	if (!good)
		printf("# not there: %s\n# in:\n%s\n", line, buf_str(&list));
	return good;
}

static void test_plain(void)
{
	if (!ok(new_namespace() && look() && !list.len,
		"a namespace without rules redirects nothing"))
		printf("# %s\n", buf_str(&list));
	ok(nft("table inet u {\n chain pre {\n type nat hook prerouting priority -90;\n"
	       "tcp dport { 443, 990-995 } redirect to :1443\n }\n}\n"),
	   "rules with sets are made");
	ok(look(), "they are read");
	ok(has("tcp 443 * :1443 nft inet u pre: redirect"), "a port of a set");
	ok(has("tcp 990-995 * :1443 nft inet u pre: redirect"), "a range of a set");
}

static void test_each(void)
{
	ok(new_namespace() &&
		   nft("table ip nat {\n chain pre {\n type nat hook prerouting priority -100;\n"
		       "tcp dport 2222 dnat to 10.0.0.1:22\n"
		       "tcp dport 8000-8010 redirect to :80\n"
		       "ip daddr 192.0.2.1 udp dport 53 dnat to 10.0.0.2\n"
		       "ip daddr 203.0.113.7 tcp dport 443 dnat to 10.0.0.3\n"
		       "ip daddr 127.0.0.1 tcp dport 25 dnat to 10.0.0.3\n"
		       "ip protocol icmp dnat to 10.0.0.9\n }\n"
		       "chain out {\n type nat hook output priority -100;\n"
		       "tcp dport 99 dnat to 10.0.0.1\n }\n}\n"),
	   "dnat and redirect");
	ok(look(), "they are read");
	ok(has("tcp 2222 * 10.0.0.1:22 nft ip nat pre: dnat"), "dnat names port and target");
	ok(has("tcp 8000-8010 * :80 nft ip nat pre: redirect"), "redirect of a range");
	ok(has("udp 53 192.0.2.1 10.0.0.2 nft ip nat pre: dnat"), "for one address of the machine");
	ok(!strstr(buf_str(&list), " 443 "), "what is for another machine is not listed");
	ok(!strstr(buf_str(&list), " 25 ") && !strstr(buf_str(&list), " 99 "),
	   "nor what only the machine itself can reach");
	is_int(ways, 3, "three ways, and no ICMP");
	ok(new_namespace() &&
		   nft("table ip6 m {\n chain pre {\n type filter hook prerouting priority -150;\n"
		       "tcp dport 81 tproxy to [::1]:8081\n }\n}\n"
		       "table inet t {\n chain pre {\n type filter hook prerouting priority -150;\n"
		       "meta l4proto tcp tproxy ip to :3128\n }\n}\n") &&
		   look(),
	   "tproxy");
	ok(has("tcp 81 * [::1]:8081 nft ip6 m pre: tproxy"), "tproxy names port and target");
	ok(has("tcp any * :3128 nft inet t pre: tproxy"), "or all ports of TCP");
}

static void test_maps(void)
{
	ok(new_namespace() &&
		   nft("table ip kube {\n"
		       "map ports { type inet_service : ipv4_addr\n elements = { 30080 : 10.0.0.4 "
		       "} }\n"
		       "map svc { type ipv4_addr . inet_proto . inet_service : verdict\n"
		       "elements = { 192.0.2.1 . tcp . 5000 : goto ep, 203.0.113.1 . tcp . 5001 : "
		       "goto ep }\n }\n"
		       "chain ep { meta l4proto tcp dnat to 10.0.0.5:5432; }\n"
		       "chain deep { tcp dport 70 jump ep; tcp dport 71 jump nothing; }\n"
		       "chain nothing { counter; }\n"
		       "chain pre {\n type nat hook prerouting priority -100;\n"
		       "dnat to tcp dport map @ports\n"
		       "ip daddr . meta l4proto . th dport vmap @svc\n"
		       "tcp dport vmap { 6000 : jump ep, 6001 : accept }\n"
		       "fib daddr type local jump deep\n }\n}\n") &&
		   look(),
	   "maps and chains");
	ok(has("tcp 30080 * - nft ip kube pre: dnat by a map"), "a map of ports");
	ok(has("tcp 5000 192.0.2.1 10.0.0.5:5432 nft ip kube ep: dnat"),
	   "a map of addresses and ports");
	ok(!strstr(buf_str(&list), "5001"), "not for other machines");
	ok(has("tcp 6000 * 10.0.0.5:5432 nft ip kube ep: dnat"), "a map of verdicts");
	ok(has("tcp 70 * 10.0.0.5:5432 nft ip kube ep: dnat"), "through chains");
	ok(!strstr(buf_str(&list), " 71 ") && !strstr(buf_str(&list), " 6001 "),
	   "a chain that redirects nothing is none");
}

static void test_iptables(void)
{
	static const char rules[] =
		"*nat\n:DOCKER - [0:0]\n"
		"-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n"
		"-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination "
		"172.17.0.2:80\n"
		"-A DOCKER -p udp --dport 5300:5310 -j REDIRECT --to-ports 53\nCOMMIT\n"
		"*mangle\n-A PREROUTING -p tcp --dport 82 -j TPROXY --on-port 8082 --tproxy-mark "
		"1\nCOMMIT\n";

	ok(new_namespace() &&
		   feed((const char *[]){ "iptables-nft-restore", NULL }, rules, strlen(rules)) &&
		   look(),
	   "rules of iptables, as containers have them");
	ok(has("tcp 8080 * 172.17.0.2:80 nft ip nat DOCKER: dnat"), "DNAT");
	ok(has("udp 5300-5310 * :53 nft ip nat DOCKER: redirect"), "REDIRECT");
	ok(has("tcp 82 * :8082 nft ip mangle PREROUTING: tproxy"), "TPROXY");
}

static void test_sk_lookup(void)
{
	const struct bpf_insn pass[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = 1 },
					 { .code = BPF_JMP | BPF_EXIT } };
	LIBBPF_OPTS(bpf_prog_load_opts, o, .expected_attach_type = BPF_SK_LOOKUP);
	int prog, netns, link;

	if (!ok(new_namespace(), "a namespace"))
		return;
	prog = bpf_prog_load(BPF_PROG_TYPE_SK_LOOKUP, "ajar_t_lookup", "GPL", pass, 2, &o);
	netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	link = prog < 0 ? -1 : bpf_link_create(prog, netns, BPF_SK_LOOKUP, NULL);
	ok(link >= 0, "a program looks up sockets there");
	ok(look() && !strncmp(buf_str(&list), "any any * - sk_lookup: BPF program ", 35),
	   "it is reported, and that its ports cannot be");
	close(link);
	close(netns);
	close(prog);
	ok(look() && !list.len, "and gone when it is");
}

/* The next word, within the time that a slow machine needs. */
static int next_word(int fd, struct redirect_word *w)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 60000) == 1 ? redirect_word_take(fd, w) : -ETIMEDOUT;
}

static bool says(int fd, struct redirect_word *w, const char *text)
{
	return ok(next_word(fd, w) == 1 && !w->ended && w->len == strlen(text) &&
			  !memcmp(w->text, text, w->len),
		  "which says: '%.*s'", (int)strcspn(text, "\n"), text);
}

/* The only child of a process; 0: it has none. */
static pid_t child_of(pid_t pid)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);
	char path[64];
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	return !file_read(AT_FDCWD, path, &b) && sscanf(buf_str(&b), "%d", &child) == 1 ? child : 0;
}

/* A kernel without seccomp has no such line. */
static bool is_confined(pid_t pid)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(16384);
	const char *line;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (file_read(AT_FDCWD, path, &b))
		return false;
	line = strstr(buf_str(&b), "\nSeccomp:\t");
	return !line || line[strlen("\nSeccomp:\t")] == '2';
}

/* How children with nothing but two capabilities tell of a change, and of their end. */
static void test_spawn(void)
{
	static const char rule[] = "tcp 2222 * 10.0.0.1:22 nft ip nat pre: dnat\n";
	_cleanup_(child_freep) struct child *c = NULL;
	struct pollfd ended = { .events = POLLIN };
	struct redirect_word w;
	int fd = -1;

	if (!ok(new_namespace(), "a namespace"))
		return;
	if (!ok(!redirect_spawn(65534, 65534, UINT64_C(60000000000), &c, &fd), "a child"))
		return;
	ok(next_word(fd, &w) == 1 && !w.ended && !w.len,
	   "a child that is nobody reads that there is nothing");
	ok(is_confined(child_of(child_pid(c))), "it is confined to the calls that this takes");
	ok(nft("table ip nat {\n chain pre {\n type nat hook prerouting priority -100;\n"
	       "tcp dport 2222 dnat to 10.0.0.1:22\n }\n}\n"),
	   "a rule is made: it tells of the change by itself");
	says(fd, &w, rule);
	is_int(w.ways, 1, "one way");
	ok(!kill(child_of(child_pid(c)), SIGKILL), "the reader is killed");
	ok(next_word(fd, &w) == 1 && WIFSIGNALED((int)w.ended) && WTERMSIG((int)w.ended) == SIGKILL,
	   "its end is reported, and how it ended");
	says(fd, &w, rule);
	ok(!kill(child_of(child_pid(c)), SIGSTOP), "another one is there; it is stopped");
	ok(next_word(fd, &w) == 1 && w.ended, "which is its end, too");
	says(fd, &w, rule);
	is_int(redirect_word_take(fd, &w), 0, "when there is nothing to say nobody waits for it");
	ended.fd = child_pidfd(c);
	close(fd);
	ok(poll(&ended, 1, 60000) == 1, "and both end when nobody listens");
}

/* As kube-proxy has them: a service is a chain. */
static void test_many(unsigned n)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(64 << 20);
	uint64_t began, took;

	buf_puts(&b, "*nat\n:SERVICES - [0:0]\n:NODEPORTS - [0:0]\n");
	for (unsigned i = 0; i < n / 4; i++)
		buf_printf(&b, ":SVC-%u - [0:0]\n", i);
	buf_puts(&b, "-A PREROUTING -j SERVICES\n");
	for (unsigned i = 0; i < n / 4; i++)
		buf_printf(&b,
			   "-A SERVICES -d 203.0.113.%u/32 -p tcp -m tcp --dport %u -j SVC-%u\n"
			   "-A SVC-%u -m statistic --mode random --probability 0.5 -j RETURN\n"
			   "-A SVC-%u -p tcp -j DNAT --to-destination 10.0.%u.%u:80\n"
			   "-A NODEPORTS -p tcp -m tcp --dport %u -j SVC-%u\n",
			   i % 250 + 1, i % 60000 + 1, i, i, i, i / 250 % 250, i % 250 + 1,
			   i % 60000 + 1, i);
	buf_puts(&b, "-A SERVICES -m addrtype --dst-type LOCAL -j NODEPORTS\nCOMMIT\n");
	if (!ok(!b.err && new_namespace(), "a namespace for many rules"))
		return;
	{
		int fd = open("/tmp/redirect-rules", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		if (fd < 0 || write(fd, b.data, b.len) != (ssize_t)b.len)
			printf("# cannot write the rules: %s\n", strerror(errno));
		close(fd);
	}
	ok(feed((const char *[]){ "iptables-nft-restore", "/tmp/redirect-rules", NULL }, "", 0),
	   "%u rules as kube-proxy makes them", n);
	unlink("/tmp/redirect-rules");
	began = clock_boot_ns();
	ok(look(), "are read");
	took = clock_boot_ns() - began;
	printf("# %u rules: %.1f ms\n", n, (double)took / 1e6);
	is_int(ways, n / 4, "each published port is counted");
	ok(list.len <= REDIRECT_TEXT_MAX && strstr(buf_str(&list), "! "),
	   "and the list is bounded and says so");
	/* The kernel walks all rules anew for each 32 KiB of its answer. */
	ok(took < UINT64_C(2000000000) * (n / 10000) * (n / 10000), "in bounded time");
}

int main(void)
{
	if (geteuid())
		tap_skip_all("needs root");
	test_plain();
	test_each();
	test_maps();
	test_iptables();
	test_sk_lookup();
	test_spawn();
	test_many(getenv("AJAR_LONG") ? 50000 : 10000);
	buf_done(&list);
	return tap_done();
}
