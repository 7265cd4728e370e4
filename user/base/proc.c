/* SPDX-License-Identifier: GPL-2.0 */
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/parse.h"

#define INPUT_MAX (1 << 20)

static int set_capabilities(uint32_t effective, uint32_t permitted, uint32_t inheritable)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct data[2] = { { effective, permitted, inheritable },
							{ 0 } };

	return (int)syscall(SYS_capset, &head, data);
}

/* The input as a file that the child reads at its own pace: a pipe would block us behind 64 KiB. */
static int input_fd(const struct proc_opts *o, int *ret_fd)
{
	_close_ int fd = -1;
	int err;

	if (o->own_stdin) {
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	} else if (!o->input) {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	} else if (o->input_len > INPUT_MAX) {
		return -E2BIG;
	} else {
		fd = memfd_create("input", MFD_CLOEXEC);
	}
	if (fd < 0)
		return -errno;
	if (o->input) {
		err = file_write_all(fd, o->input, o->input_len);
		if (err)
			return err;
		if (lseek(fd, 0, SEEK_SET) < 0)
			return -errno;
	}
	*ret_fd = take_fd(fd);
	return 0;
}

static void reset_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		sigaction(i, &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int clear_cloexec(const int *fds)
{
	for (; fds && *fds >= 0; fds++) {
		if (fcntl(*fds, F_SETFD, 0) < 0)
			return -errno;
	}
	return 0;
}

/* Over exec, by way of the ambient set; and no other. */
static int pass_net_raw(void)
{
	const uint32_t bit = 1U << CAP_NET_RAW;

	if (set_capabilities(bit, bit, bit) < 0 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) < 0)
		return -errno;
	return 0;
}

static int limit(int what, uint64_t max)
{
	struct rlimit l;

	if (getrlimit(what, &l) < 0)
		return -errno;
	if (l.rlim_max > max) /* which may be stricter already */
		l.rlim_max = max;
	l.rlim_cur = l.rlim_max;
	return setrlimit(what, &l) < 0 ? -errno : 0;
}

static int set_limits(const struct proc_opts *o)
{
	int err = o->memory_max ? limit(RLIMIT_AS, o->memory_max) : 0;

	if (!err && o->cpu_s_max)
		err = limit(RLIMIT_CPU, o->cpu_s_max);
	return !err && o->no_files ? limit(RLIMIT_FSIZE, 0) : err;
}

static int become(const struct proc_opts *o)
{
	bool kept = false;
	int err;

	if (!o->net_raw)
		return !o->uid || geteuid() ? 0 : proc_drop_privileges(o->uid, o->gid);
	err = proc_keep_net_raw(o->uid, o->gid, &kept);
	if (err || !kept)
		return err ? err : -EPERM;
	return pass_net_raw();
}

static int set_plain_env(void)
{
	const char *path = getenv("PATH");
	static char kept[4096] = "PATH=/usr/bin:/bin:/usr/sbin:/sbin";
	static char *env[] = { kept, NULL };

	if (path && snprintf(kept, sizeof(kept), "PATH=%s", path) >= (int)sizeof(kept))
		return -E2BIG;
	environ = env;
	return 0;
}

/* In the child. Only returns when exec failed, with why. */
static int child_exec(const struct proc_opts *o, int in_fd, pid_t parent)
{
	_close_ int null_fd = -1;
	int err;

	reset_signals();
	if (!o->keep_password)
		unsetenv(PROC_PASSWORD_ENV);
	if (o->own_session)
		setsid();
	if (dup2(in_fd, STDIN_FILENO) < 0)
		return -errno;
	if (o->quiet) {
		null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
		if (null_fd < 0 || dup2(null_fd, STDERR_FILENO) < 0)
			return -errno;
	}
	if (!o->own_stdout && dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return -errno;
	if ((o->stdout_fd && dup2(o->stdout_fd, STDOUT_FILENO) < 0) ||
	    (o->stderr_fd && dup2(o->stderr_fd, STDERR_FILENO) < 0))
		return -errno;
	if (clear_cloexec(o->keep_fds))
		return -EBADF;
	err = set_limits(o);
	if (!err)
		err = become(o);
	if (!err && o->plain_env)
		err = set_plain_env();
	if (err)
		return err;
	if (o->ends_with_us) { /* last: a change of uid clears it */
		prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
		if (getppid() != parent)
			return -ESRCH;
	}
	execvp(o->argv[0], (char *const *)o->argv);
	return -errno;
}

static int may_run(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return access(path, X_OK) < 0 ? -errno : 0;
}

int proc_find(const char *program, struct buf *ret_path)
{
	const char *path = getenv("PATH");
	int err = -ENOENT, here;

	if (strchr(program, '/')) {
		buf_puts(ret_path, program);
		return ret_path->err ? ret_path->err : may_run(program);
	}
	for (const char *p = path ? path : "/usr/bin:/bin"; *p && *program;) {
		size_t n = strcspn(p, ":");

		buf_reset(ret_path);
		buf_put(ret_path, n ? p : ".", n ? n : 1);
		buf_printf(ret_path, "/%s", program);
		if (ret_path->err)
			return ret_path->err;
		here = may_run(ret_path->data);
		if (!here)
			return 0;
		if (here == -EACCES)
			err = here;
		p += n + (p[n] == ':');
	}
	return err;
}

int proc_spawn(const struct proc_opts *o, pid_t *ret_pid)
{
	_close_ int in_fd = -1, report_r = -1, report_w = -1;
	int pipe_fds[2], err, child_err = 0;
	pid_t pid, parent = getpid();
	ssize_t n;

	err = input_fd(o, &in_fd);
	if (err)
		return err;
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	report_r = pipe_fds[0];
	report_w = pipe_fds[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		/* report_w is O_CLOEXEC: a successful exec closes it, which is the report. */
		err = child_exec(o, in_fd, parent);
		if (write(report_w, &err, sizeof(err)) < 0)
			_exit(126);
		_exit(127);
	}
	close(take_fd(report_w));
	do {
		n = read(report_r, &child_err, sizeof(child_err));
	} while (n < 0 && errno == EINTR);
	if (n == sizeof(child_err)) {
		waitpid(pid, NULL, 0);
		return child_err;
	}
	*ret_pid = pid;
	return 0;
}

const char *proc_status_text(int wait_status)
{
	static char text[64];

	if (WIFSIGNALED(wait_status)) {
		const char *name = sigabbrev_np(WTERMSIG(wait_status));

		snprintf(text, sizeof(text), "was killed by SIG%s", name ? name : "?");
	} else {
		snprintf(text, sizeof(text), "exited with status %d", WEXITSTATUS(wait_status));
	}
	return text;
}

/* The bounding set needs CAP_SETPCAP, so it goes before the uid does. */
static void drop_bounding_set(int but)
{
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
		if (cap != but)
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	}
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static bool has_capability(const struct __user_cap_data_struct data[2])
{
	return data[0].effective | data[0].permitted | data[0].inheritable | data[1].effective |
	       data[1].permitted | data[1].inheritable;
}

/*
 * What starts without any has nothing to give up: its service may then forbid capset(2) altogether.
 */
static int clear_capability_sets(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	if (!has_capability(data))
		return 0;
	if (set_capabilities(0, 0, 0) < 0 || syscall(SYS_capget, &head, data) < 0)
		return -errno;
	return has_capability(data) ? -EPERM : 0;
}

static int change_user(uid_t uid, gid_t gid, int but)
{
	uid_t r, e, s;

	drop_bounding_set(but);
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	if (getresuid(&r, &e, &s) < 0 || r != uid || e != uid || s != uid)
		return -EPERM;
	/* With root to be had back, refuse to go on. */
	return uid && setuid(0) == 0 ? -EPERM : 0;
}

static int lock_down(void)
{
	const struct rlimit no_core = { 0, 0 };

	setrlimit(RLIMIT_CORE, &no_core);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int proc_drop_privileges(uid_t uid, gid_t gid)
{
	int err = geteuid() ? 0 : change_user(uid, gid, -1);

	if (!err)
		err = lock_down();
	return err ? err : clear_capability_sets();
}

/* Those of `keep` that we have, and nothing to hand on. */
static int keep_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &head, data) < 0)
		return -errno;
	for (unsigned i = 0; i < 2; i++) {
		data[i].permitted &= (uint32_t)(keep >> 32 * i);
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}

int proc_drop_privileges_but(uid_t uid, gid_t gid, uint64_t keep)
{
	int err = prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 ? -errno : 0;

	if (!err && !geteuid())
		err = change_user(uid, gid, -1);
	if (!err)
		err = lock_down();
	return err ? err : keep_capabilities(keep);
}

bool proc_has_net_raw(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	return !syscall(SYS_capget, &head, data) && data[0].permitted & 1U << CAP_NET_RAW;
}

int proc_keep_net_raw(uid_t uid, gid_t gid, bool *ret_kept)
{
	int err = 0;

	if (!proc_has_net_raw()) {
		*ret_kept = false;
		return proc_drop_privileges(uid, gid);
	}
	if (!geteuid() && uid) {
		if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
			return -errno;
		err = change_user(uid, gid, CAP_NET_RAW);
	}
	if (!err)
		err = lock_down();
	if (!err && (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
		     set_capabilities(0, 1U << CAP_NET_RAW, 0) < 0))
		err = -errno;
	if (!err)
		*ret_kept = true;
	return err;
}

int proc_follow_supervisor(void)
{
	const char *env = getenv(PROC_SUPERVISOR_ENV);
	uint64_t pid;

	if (!env)
		return 0;
	if (parse_u64(env, &pid))
		return -EINVAL;
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) < 0)
		return -errno;
	return (uint64_t)getppid() == pid ? 0 : -ESRCH;
}

/* By /etc/passwd alone: the agent must not ask a directory server over the network. */
static int passwd_lookup(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
	FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *pw;
	int err = -ENOENT;

	if (!f)
		return -errno;
	while (err && (pw = fgetpwent(f))) {
		if (strcmp(pw->pw_name, name))
			continue;
		*ret_uid = pw->pw_uid;
		*ret_gid = pw->pw_gid;
		err = 0;
	}
	fclose(f);
	return err;
}

int proc_role_ids(const char *name, uid_t *ret_uid, gid_t *ret_gid, bool *ret_fallback)
{
	int err = passwd_lookup(name, ret_uid, ret_gid);

	*ret_fallback = err != 0;
	return err ? passwd_lookup("nobody", ret_uid, ret_gid) : 0;
}
