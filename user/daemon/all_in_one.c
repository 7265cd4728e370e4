/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ajar/exit.h"
#include "alert/exec_spawner.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/notify.h"
#include "base/proc.h"
#include "conf/conf.h"
#include "conf/paths.h"
#include "daemon/daemon.h"
#include "daemon/role.h"
#include "daemon/supervisor.h"
#include "sensor/unpin.h"

/*
 * Everything on one machine: agent, ship and monitor as children, each with the privileges it has
 * when it runs alone, and this process, which starts them again, runs the alert program for the
 * monitor and, unless it is told to be quiet, a child that shows what happens. A demo has one more,
 * which plays the nodes of a cluster; without root it is that and nothing of this machine.
 */
enum { ROLE_AGENT, ROLE_FEED, ROLE_SHIP, ROLE_MONITOR, ROLE_NOTIFY, ROLE_WEB, ROLE_SHOW, ROLES };

struct run {
	const struct daemon_opts *o;
	struct loop *loop;
	struct supervisor *supervisor;
	struct supervised roles[ROLES];
	unsigned roles_len;
	struct exec_spawner *spawner;
	int hook_ours, hook_theirs; /* the socket pair of the alert program */
	char hook_arg[32];
	char self[PATH_MAX], agent[PATH_MAX];
	const char *outer_notify;
	struct unpinner unpinner;
	char *pin_dir; /* that it removes; NULL: none */
	bool had_pins, was_ready; /* before we came; all roles were, once */
};

/* Ours, and ajar-agent: beside us (as built), in ../sbin (as installed), else by PATH. */
static int find_programs(struct run *r)
{
	static const char *const places[] = { "ajar-agent", "../sbin/ajar-agent" };
	ssize_t n = readlink("/proc/self/exe", r->self, sizeof(r->self) - 1);
	const char *slash;

	if (n < 0)
		return log_err(-errno, "cannot read /proc/self/exe");
	r->self[n] = '\0';
	slash = strrchr(r->self, '/');
	for (size_t i = 0; slash && i < array_len(places); i++) {
		int len = snprintf(r->agent, sizeof(r->agent), "%.*s%s", (int)(slash + 1 - r->self),
				   r->self, places[i]);

		if (len < (int)sizeof(r->agent) && !access(r->agent, X_OK))
			return 0;
	}
	snprintf(r->agent, sizeof(r->agent), "ajar-agent");
	return 0;
}

static void add_arg(struct supervised *s, const char *arg)
{
	unsigned i = 0;

	while (i < ROLE_ARGS_MAX - 1 && s->argv[i])
		i++;
	if (i < ROLE_ARGS_MAX - 1)
		s->argv[i] = arg;
}

/* The global options that we were given, for a child. */
static void add_globals(struct run *r, struct supervised *s)
{
	if (r->o->conf_file) {
		add_arg(s, "-C");
		add_arg(s, r->o->conf_file);
	}
	add_arg(s, "--data");
	add_arg(s, r->o->conf->data_dir);
	if (r->o->verbose)
		add_arg(s, "-v");
	if (r->o->quiet && s != &r->roles[ROLE_SHOW])
		add_arg(s, "-q");
}

static void add_store(struct run *r, struct supervised *s)
{
	if (!*r->o->conf->store_uri)
		return;
	add_arg(s, "--store");
	add_arg(s, r->o->conf->store_uri);
}

static void leave_out(struct run *r, unsigned role)
{
	memmove(&r->roles[role], &r->roles[role + 1], (ROLES - role - 1) * sizeof(r->roles[0]));
	r->roles_len--;
}

static void describe_roles(struct run *r)
{
	struct supervised *agent = &r->roles[ROLE_AGENT], *feed = &r->roles[ROLE_FEED],
			  *ship = &r->roles[ROLE_SHIP], *monitor = &r->roles[ROLE_MONITOR],
			  *notify = &r->roles[ROLE_NOTIFY], *web = &r->roles[ROLE_WEB],
			  *show = &r->roles[ROLE_SHOW];

	*agent = (struct supervised){ .name = "ajar-agent", .argv = { r->agent } };
	add_globals(r, agent);
	if (r->o->conf->keep_pins)
		add_arg(agent, "--keep-pins");
	*feed = (struct supervised){
		.name = "ajar demo",
		.argv = { r->self, "demo", "--feed", "--nodes", r->o->demo_nodes },
	};
	*ship = (struct supervised){ .name = "ajar ship", .argv = { r->self, "ship" } };
	*monitor = (struct supervised){ .name = "ajar monitor", .argv = { r->self, "monitor" } };
	*notify = (struct supervised){ .name = "ajar notify",
				       .argv = { r->self, "notify" },
				       .bystander = true };
	*web = (struct supervised){ .name = "ajar web",
				    .argv = { r->self, "web", "--web", r->o->conf->web_listen },
				    .bystander = true };
	*show = (struct supervised){ .name = "the display",
				     .argv = { r->self, "timeline", "--follow" },
				     .optional = true,
				     .own_stdout = true };
	for (unsigned i = ROLE_FEED; i < ROLES; i++) {
		add_globals(r, &r->roles[i]);
		add_store(r, &r->roles[i]);
	}
	if (r->o->json)
		add_arg(show, "--json");
	if (!r->o->colour)
		add_arg(show, "--no-color");
	if (r->o->no_scan)
		add_arg(monitor, "--no-scan");
	add_arg(monitor, "--web");
	add_arg(monitor, r->o->conf->web_listen);
	if (r->hook_theirs >= 0) {
		snprintf(r->hook_arg, sizeof(r->hook_arg), "fd:%d", r->hook_theirs);
		add_arg(monitor, "--on-alert");
		add_arg(monitor, r->hook_arg);
	}
	for (unsigned i = 0; i < ROLES; i++)
		r->roles[i].keep_fds[0] = r->roles[i].keep_fds[1] = -1;
	monitor->keep_fds[0] = r->hook_theirs;
	/* The events of an invented cluster are on its page. */
	r->roles_len = r->o->quiet || r->o->demo_nodes ? ROLE_SHOW : ROLES;
	if (!strcmp(r->o->conf->web_listen, "off"))
		leave_out(r, ROLE_WEB);
	if (!r->o->conf->sinks_len) /* nobody to tell over the network */
		leave_out(r, ROLE_NOTIFY);
	if (r->o->demo_nodes && geteuid())
		leave_out(r, ROLE_SHIP);
	if (!r->o->demo_nodes)
		leave_out(r, ROLE_FEED);
	else if (geteuid())
		leave_out(r, ROLE_AGENT);
}

/*
 * The program may need what the monitor has given up, so we run it. Both ends stay open here: a
 * monitor that is started again finds what the one before it had sent.
 */
static int set_up_hook(struct run *r)
{
	const struct conf *conf = r->o->conf;
	int fds[2], err;

	if (!*conf->alert_exec)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
		return log_err(-errno, "cannot make a socket pair");
	r->hook_ours = fds[0];
	r->hook_theirs = fds[1];
	err = exec_spawner_new(r->loop, r->hook_ours, conf->alert_exec, conf->alert_exec_timeout_ns,
			       &r->spawner);
	return err ? log_err(err, "cannot use the alert program '%s'", conf->alert_exec) : 0;
}

/* The agent's folder of pins may be another one than before. */
static void on_role_ready(const struct supervised *role, void *arg)
{
	const struct run *r = arg;
	struct stat st;

	if (role->argv[0] == r->agent && r->pin_dir && stat(r->pin_dir, &st) == 0)
		unpin_folder_is(&r->unpinner, st.st_ino);
}

static int on_ready(void *arg)
{
	struct run *r = arg;

	r->was_ready = true;
	fputs("ready\n", stderr);
	if (r->outer_notify && setenv("NOTIFY_SOCKET", r->outer_notify, 1) == 0)
		return notify_send("READY=1");
	return 0;
}

static int on_signal(int signo, void *arg)
{
	struct run *r = arg;

	log_debug("SIG%s: stopping", sigabbrev_np(signo));
	supervisor_stop(r->supervisor);
	return 0;
}

/*
 * Root's own folder: what the roles may write lies below it and is theirs. Nobody's home is taken
 * for it.
 */
static int make_data_folder(const struct conf *conf)
{
	const char *dir = conf->data_dir;
	bool fallback;
	struct stat st;
	uid_t uid;
	gid_t gid;
	int err = proc_role_ids(conf->role_user, &uid, &gid, &fallback);

	if (err)
		return log_err(err, "neither user '%s' nor 'nobody' is in /etc/passwd",
			       conf->role_user);
	if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid &&
	    (st.st_uid != uid || fallback))
		return log_usage("the folder '%s' belongs to uid %u: give another --data, or "
				 "'chown root: %s'",
				 dir, (unsigned)st.st_uid, dir);
	err = file_mkdir_p(dir, 0755, 0, 0);
	return err ? log_usage("cannot make the folder '%s' (%s): give another --data", dir,
			       strerror(-err))
		   : 0;
}

static int set_up(struct run *r)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, 0 };
	struct supervisor_opts o = {
		.roles = r->roles, .on_role_ready = on_role_ready, .on_ready = on_ready, .arg = r
	};
	char pid[16];
	int err = find_programs(r);

	if (err)
		return err;
	err = r->o->demo_nodes ? 0 : make_data_folder(r->o->conf);
	if (err)
		return err;
	err = loop_new(&r->loop);
	if (!err)
		err = loop_add_signals(r->loop, signals, on_signal, r);
	if (err)
		return log_err(err, "cannot set up the event loop");
	err = set_up_hook(r);
	if (err)
		return err;
	describe_roles(r);
	o.roles_len = r->roles_len;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	r->outer_notify = getenv("NOTIFY_SOCKET");
	if (r->outer_notify)
		r->outer_notify = strdup(r->outer_notify);
	err = setenv(PROC_SUPERVISOR_ENV, pid, 1) < 0 ? -errno : notify_listen(&o.notify_fd);
	if (!err)
		err = supervisor_new(r->loop, &o, &r->supervisor);
	return err ? log_err(err, "cannot set up the supervisor") : 0;
}

/*
 * The agent cannot remove the folder of its pins. It goes with us, however we end, also while our
 * agent is between two lives: else the sensor would fill a ring that nobody is going to read.
 */
static int start_unpinner(struct run *r)
{
	struct buf dir = BUF_INIT(4096);
	int err = 0;

	if (!r->o->conf->keep_pins && !geteuid()) {
		err = paths_pin_dir(r->o->conf, &dir);
		r->had_pins = !err && access(buf_str(&dir), F_OK) == 0;
		r->pin_dir = err ? NULL : strdup(buf_str(&dir));
		if (!err)
			err = r->pin_dir ? unpin_start(r->pin_dir, true, &r->unpinner) : -ENOMEM;
	}
	buf_done(&dir);
	return err ? log_err(err, "cannot start what removes the pin folder at the end") : 0;
}

static int go(struct run *r)
{
	int err = set_up(r);

	if (!err)
		err = start_unpinner(r);
	if (!err)
		err = supervisor_start(r->supervisor);
	if (!err) {
		err = loop_run(r->loop);
		if (err)
			log_err(err, "the event loop failed");
	}
	return err ? err : supervisor_result(r->supervisor);
}

int daemon_all_in_one(const struct daemon_opts *o)
{
	struct run r = { .o = o, .hook_ours = -1, .hook_theirs = -1 };
	int err;

	role_log_level(o->quiet);
	if (geteuid() && !o->demo_nodes) {
		log_usage("watching the kernel needs root: run 'sudo ajar run'");
		return AJAR_EXIT_ERROR;
	}
	err = go(&r);
	supervisor_free(r.supervisor);
	/* What somebody kept on purpose outlives a start that failed. */
	unpin_end(&r.unpinner, !err || r.was_ready || !r.had_pins);
	free(r.pin_dir);
	exec_spawner_free(r.spawner);
	loop_free(r.loop);
	if (r.hook_ours >= 0)
		close(r.hook_ours);
	if (r.hook_theirs >= 0)
		close(r.hook_theirs);
	return err ? AJAR_EXIT_ERROR : AJAR_EXIT_OK;
}
