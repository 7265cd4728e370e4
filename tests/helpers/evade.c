/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Opens a door in a way that hides who holds it: evade WAY PORT [OTHER]; says "open PID", of who
 * holds it then, and stays until a signal. Where OTHER is named the door becomes that program's, a
 * copy of this one. Ways: tcp; deleted (its file is, before); exec; fork (the opener ends); inflight (in a message that nobody
 * takes); ring (a registered file of an io_uring); memfd; range (UDP on a port that
 * IP_LOCAL_PORT_RANGE leaves no choice of); auto (UDP that got its port by sending); vsock; denied
 * (UDP, PORT, CGROUP: another program of that cgroup refuses the bind). 77: not on this machine.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

#define SKIP 77

static int stay(void)
{
	printf("open %d\n", (int)getpid());
	fflush(stdout);
	pause();
	return 0;
}

static int become(const char *other)
{
	execl(other, other, "wait", "0", (char *)NULL);
	return -1;
}

static struct sockaddr_in at(const char *ip, unsigned port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };

	inet_pton(AF_INET, ip, &sin.sin_addr);
	return sin;
}

static int bound(int type, unsigned port)
{
	struct sockaddr_in sin = at("0.0.0.0", port);
	int fd = socket(AF_INET, type, 0);

	return fd < 0 || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ? -1 : fd;
}

static int listening(unsigned port)
{
	int fd = bound(SOCK_STREAM, port);

	return fd < 0 || listen(fd, 1) < 0 ? -1 : fd;
}

static int way_tcp(unsigned port, const char *other)
{
	(void)other;
	return listening(port) < 0 ? -1 : stay();
}

static int way_exec(unsigned port, const char *other)
{
	return listening(port) < 0 ? -1 : become(other);
}

static int way_fork(unsigned port, const char *other)
{
	if (listening(port) < 0)
		return -1;
	return fork() ? 0 : become(other);
}

static int way_inflight(unsigned port, const char *other)
{
	char bytes[CMSG_SPACE(sizeof(int))] = { 0 }, c = 'x';
	struct iovec text = { &c, 1 };
	struct msghdr m = { .msg_iov = &text,
			    .msg_iovlen = 1,
			    .msg_control = bytes,
			    .msg_controllen = sizeof(bytes) };
	struct cmsghdr *head = CMSG_FIRSTHDR(&m);
	int fd = listening(port), pair[2];

	if (fd < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return -1;
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(fd));
	if (sendmsg(pair[0], &m, 0) < 0)
		return -1;
	close(fd);
	return become(other);
}

static int way_ring(unsigned port, const char *other)
{
	struct io_uring_params params = { 0 };
	int fd = listening(port), ring = (int)syscall(SYS_io_uring_setup, 4, &params);

	if (ring < 0)
		return SKIP;
	if (fd < 0 || syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, &fd, 1) < 0 ||
	    fcntl(ring, F_SETFD, 0) < 0)
		return -1;
	close(fd);
	return become(other);
}

static int way_deleted(unsigned port, const char *other)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	(void)other;
	if (n < 0)
		return -1;
	path[n] = '\0';
	return unlink(path) || listening(port) < 0 ? -1 : stay();
}

static int way_memfd(unsigned port, const char *other)
{
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC),
	    fd = memfd_create("evade", MFD_CLOEXEC);
	char number[16], name[] = "evade", way[] = "tcp";
	char *args[] = { name, way, number, NULL }, *none[] = { NULL };
	struct stat st;

	(void)other;
	snprintf(number, sizeof(number), "%u", port);
	if (self < 0 || fd < 0 || fstat(self, &st) ||
	    sendfile(fd, self, NULL, (size_t)st.st_size) < 0)
		return -1;
	return fexecve(fd, args, none);
}

static int way_range(unsigned port, const char *other)
{
	uint32_t range = port << 16 | port;
	struct sockaddr_in any = at("0.0.0.0", 0);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)other;
	if (setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, sizeof(range)) < 0)
		return errno == ENOPROTOOPT ? SKIP : -1;
	return bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 ? -1 : stay();
}

/* Its number is said, too: the kernel chooses it. */
static int way_auto(unsigned port, const char *other)
{
	struct sockaddr_in to = at("127.0.0.1", port), own;
	socklen_t len = sizeof(own);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)other;
	if (sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&own, &len) < 0)
		return -1;
	printf("port %u\n", ntohs(own.sin_port));
	return stay();
}

static int way_vsock(unsigned port, const char *other)
{
	struct sockaddr_vm vm = { .svm_family = AF_VSOCK,
				  .svm_cid = VMADDR_CID_ANY,
				  .svm_port = port };
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0);

	(void)other;
	if (fd < 0)
		return SKIP;
	if (bind(fd, (struct sockaddr *)&vm, sizeof(vm)) < 0 || listen(fd, 1) < 0)
		return -1;
	return stay();
}

static long bpf_call(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* "return 0" at the end of each bind for IPv4 in the cgroup; goes with this process. */
static int deny_binds(const char *cgroup)
{
	const struct bpf_insn deny[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr load = { .prog_type = BPF_PROG_TYPE_CGROUP_SOCK,
				.expected_attach_type = BPF_CGROUP_INET4_POST_BIND,
				.insns = (uintptr_t)deny,
				.insn_cnt = 2,
				.license = (uintptr_t) "GPL" };
	union bpf_attr link = { 0 };
	int prog = (int)bpf_call(BPF_PROG_LOAD, &load);

	link.link_create.prog_fd = (uint32_t)prog;
	link.link_create.target_fd = (uint32_t)open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	link.link_create.attach_type = BPF_CGROUP_INET4_POST_BIND;
	return prog < 0 ? -1 : (int)bpf_call(BPF_LINK_CREATE, &link);
}

static int way_denied(unsigned port, const char *cgroup)
{
	if (deny_binds(cgroup) < 0 || bound(SOCK_DGRAM, port) >= 0)
		return -1;
	return stay();
}

static int way_wait(unsigned port, const char *other)
{
	(void)port;
	(void)other;
	return stay();
}

static const struct {
	const char *name;
	int (*run)(unsigned port, const char *other);
} ways[] = {
	{ "tcp", way_tcp },	      { "exec", way_exec },	{ "fork", way_fork },
	{ "inflight", way_inflight }, { "ring", way_ring },	{ "memfd", way_memfd },
	{ "range", way_range },	      { "auto", way_auto },	{ "vsock", way_vsock },
	{ "deleted", way_deleted },   { "denied", way_denied }, { "wait", way_wait },
};

int main(int argc, char **argv)
{
	int ret = 2;

	if (argc < 3)
		return ret;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(argv[1], ways[i].name))
			ret = ways[i].run((unsigned)strtoul(argv[2], NULL, 10), argv[3]);
	if (ret < 0)
		perror(argv[1]);
	if (ret == SKIP)
		puts("skip");
	return ret < 0 ? 1 : ret;
}
