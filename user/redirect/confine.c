/* SPDX-License-Identifier: GPL-2.0 */
#include "redirect/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0
#endif

#define FILTER_MAX 160
#define WRITES (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND)

/* Beside those whose arguments are looked at. */
static const int allowed[] = {
	SYS_read,
	SYS_pread64,
	SYS_readv,
	SYS_write,
	SYS_writev,
	SYS_close,
	SYS_lseek,
	SYS_fstat,
	SYS_newfstatat,
	SYS_statx,
	SYS_fcntl,
	SYS_ioctl, /* the name of a device */
	SYS_bind,
	SYS_getsockname,
	SYS_getsockopt,
	SYS_setsockopt,
	SYS_sendto,
	SYS_sendmsg,
	SYS_recvfrom,
	SYS_recvmsg,
	SYS_ppoll,
#ifdef SYS_poll
	SYS_poll,
#endif
	SYS_restart_syscall,
	SYS_brk,
	SYS_mmap,
	SYS_munmap,
	SYS_mremap,
	SYS_mprotect,
	SYS_madvise,
	SYS_futex,
	SYS_clock_gettime,
	SYS_clock_nanosleep,
	SYS_nanosleep,
	SYS_getrandom,
	SYS_getpid,
	SYS_gettid,
	SYS_getppid,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_sigaltstack,
	SYS_exit,
	SYS_exit_group,
};

/* What bpf(2) is asked: nothing that loads, attaches or changes. */
static const int asked[] = {
	BPF_PROG_GET_NEXT_ID,  BPF_PROG_GET_FD_BY_ID,  BPF_LINK_GET_NEXT_ID,
	BPF_LINK_GET_FD_BY_ID, BPF_OBJ_GET_INFO_BY_FD, BPF_PROG_QUERY,
};

static const int families[] = { AF_NETLINK, AF_UNIX };

struct filter {
	struct sock_filter of[FILTER_MAX];
	unsigned short len;
};

static void put(struct filter *f, uint16_t code, uint8_t yes, uint8_t no, uint32_t k)
{
	if (f->len < FILTER_MAX)
		f->of[f->len++] = (struct sock_filter)BPF_JUMP(code, k, yes, no);
}

static void load(struct filter *f, size_t at)
{
	put(f, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)at);
}

static void answer(struct filter *f, uint32_t what)
{
	put(f, BPF_RET | BPF_K, 0, 0, what);
}

/* The low half of an argument; these are all ints. */
static size_t argument(unsigned i)
{
	return offsetof(struct seccomp_data, args) + i * sizeof(uint64_t);
}

static void allow_if(struct filter *f, uint32_t value)
{
	put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value);
	answer(f, SECCOMP_RET_ALLOW);
}

static void allow_call_with(struct filter *f, int call, unsigned arg, const int *values, size_t n)
{
	put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, (uint8_t)(2 * n + 2), (uint32_t)call);
	load(f, argument(arg));
	for (size_t i = 0; i < n; i++)
		allow_if(f, (uint32_t)values[i]);
	answer(f, SECCOMP_RET_ERRNO | EPERM);
}

static void allow_reading_files(struct filter *f)
{
	put(f, BPF_JMP | BPF_JEQ | BPF_K, 0, 4, SYS_openat);
	load(f, argument(2));
	put(f, BPF_JMP | BPF_JSET | BPF_K, 0, 1, WRITES);
	answer(f, SECCOMP_RET_ERRNO | EPERM);
	answer(f, SECCOMP_RET_ALLOW);
}

static void build(struct filter *f)
{
	load(f, offsetof(struct seccomp_data, arch));
	put(f, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ARCH);
	answer(f, SECCOMP_RET_ERRNO | EPERM);
	load(f, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < array_len(allowed); i++)
		allow_if(f, (uint32_t)allowed[i]);
	allow_reading_files(f);
	allow_call_with(f, SYS_socket, 0, families, array_len(families));
	allow_call_with(f, SYS_bpf, 0, asked, array_len(asked));
	answer(f, SECCOMP_RET_ERRNO | EPERM);
}

int redirect_confine(void)
{
	struct filter f = { .len = 0 };
	struct sock_fprog prog;

	if (!ARCH)
		return -EOPNOTSUPP;
	build(&f);
	if (f.len == FILTER_MAX)
		return -E2BIG;
	prog = (struct sock_fprog){ .len = f.len, .filter = f.of };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		return errno == EINVAL || errno == ENOSYS ? -EOPNOTSUPP : -errno;
	return 0;
}

int redirect_confine_try(void)
{
	pid_t pid = fork();
	int status = 0;

	if (pid < 0)
		return -errno;
	/* Errors that there are fit into an exit status. */
	if (!pid)
		_exit(-redirect_confine());
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}
