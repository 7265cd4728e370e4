/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_BASE_PROC_H
#define AJAR_BASE_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Child processes are started from argv arrays, never through a shell. */
#define PROC_PASSWORD_ENV "AJAR_STORE_PASSWORD"
struct proc_opts {
	const char *const *argv; /* argv[0] is a path with '/' or is looked up in PATH */
	const void *input; /* written to its standard input, then closed; NULL: /dev/null */
	size_t input_len; /* at most 1 MiB */
	bool quiet; /* stdout and stderr to /dev/null */
	bool own_stdin; /* our stdin is its stdin, and input is not looked at: an editor */
	bool own_stdout; /* our stdout is its stdout; else its stdout goes to our stderr */
	bool own_session; /* setsid: proc_kill_group() ends its children too */
	/* SIGTERM when we die; proc_follow_supervisor() renews that after a change of uid */
	bool ends_with_us;
	const int *keep_fds; /* -1-terminated: fds that stay open across exec; NULL: only 0, 1, 2 */
	int stdout_fd, stderr_fd; /* become its 1 and 2; 0: as the flags above say */
	/* PROC_PASSWORD_ENV goes on to it: one of ours that opens the store, and nobody else */
	bool keep_password;
	bool plain_env; /* nothing of our environment but PATH: no password of ours reaches it */
	uid_t uid; /* root gives it this account, and no capability but net_raw; 0: as we are */
	gid_t gid;
	bool net_raw; /* with CAP_NET_RAW, which we must be permitted: -EPERM */
	uint64_t memory_max, cpu_s_max; /* 0: no limit */
	bool no_files; /* it may not write any: RLIMIT_FSIZE 0 */
};

/* Where a program is, as argv[0] would find it: a file that we may run, else -ENOENT or -EACCES. */
struct buf;
must_check int proc_find(const char *program, struct buf *ret_path);

/*
 * Starts it; signal mask and dispositions are reset. -ENOENT, -EACCES ... when exec itself fails.
 */
must_check int proc_spawn(const struct proc_opts *o, pid_t *ret_pid);

/* "exited with status 3", "was killed by SIGSEGV": for messages; a static buffer. */
const char *proc_status_text(int wait_status);

/*
 * Goes on as uid and gid without supplementary groups and without any capability (bounding and
 * ambient sets too), no_new_privs set, core dumps off. A process that is not root keeps its uid and
 * drops what else there is. Verifies the result.
 */
must_check int proc_drop_privileges(uid_t uid, gid_t gid);
/*
 * The same, but for the capabilities of `keep` (bits), as far as we have them; no child of ours
 * gets them.
 */
must_check int proc_drop_privileges_but(uid_t uid, gid_t gid, uint64_t keep);
/*
 * The same, but CAP_NET_RAW stays permitted if it is: not effective here and in no child, until one
 * is started with net_raw. *ret_kept: it is.
 */
must_check int proc_keep_net_raw(uid_t uid, gid_t gid, bool *ret_kept);
/* Could a child be started with net_raw? */
bool proc_has_net_raw(void);

/*
 * Roles that `ajar run` started end with it: SIGTERM when the process that AJAR_SUPERVISOR names,
 * our parent, dies; -ESRCH when it is dead already. To be called after the last change of uid,
 * which clears the request. 0 when nobody supervises.
 */
#define PROC_SUPERVISOR_ENV "AJAR_SUPERVISOR"
must_check int proc_follow_supervisor(void);

/* The account roles run as: user `name` when /etc/passwd has it, else "nobody" (*ret_fallback). */
must_check int proc_role_ids(const char *name, uid_t *ret_uid, gid_t *ret_gid, bool *ret_fallback);

#endif
