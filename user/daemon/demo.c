/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/parse.h"
#include "conf/conf.h"
#include "daemon/daemon.h"
#include "sim/cluster.h"
#include "sim/story.h"

/*
 * `ajar run` on a configuration and a folder of its own that go at the end, with one role more,
 * which plays the nodes (demo_feed.c). Who is not root has no sensor, and needs none. Nothing is
 * scanned: the nodes' addresses lead nowhere.
 */
static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	if (remove(path) < 0 && errno != ENOENT)
		log_warn("cannot remove %s: %s", path, strerror(errno));
	return 0;
}

static void remove_folder(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/*
 * A port that is free now, for who did not say one: it may differ each time, so two can run side by
 * side.
 */
static int pick_address(char ret_address[32])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(a);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return log_err(-errno, "cannot find a free port on 127.0.0.1");
	snprintf(ret_address, 32, "127.0.0.1:%u", ntohs(a.sin_port));
	return 0;
}

static int write_racks(const struct daemon_opts *o, const char *path)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 18);
	uint64_t nodes;
	int err = parse_u64(o->demo_nodes, &nodes);

	if (err)
		return err;
	sim_cluster_racks(nodes, &b);
	err = b.err ? b.err : file_write_atomic(AT_FDCWD, path, buf_str(&b), b.len, 0644);
	return err ? log_err(err, "cannot write %s", path) : 0;
}

static int write_conf(const struct daemon_opts *o, const char *dir, const char *path)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(8192);
	char address[32];
	int err = o->demo_web ? 0 : pick_address(address);

	if (err)
		return err;
	buf_printf(&b,
		   "# Of 'ajar demo': goes with it.\n"
		   "data.dir %s\nsensor.pin-dir /sys/fs/bpf/%s\nnode.name %s\nnode.class "
		   "this-machine\n"
		   "health.interval %llus\nhealth.silent-after %llus\n"
		   "alert.syslog no\nscan.enabled no\nscan.networks 127.0.0.0/8\n"
		   "web.racks %s/racks\n"
		   "web.listen %s\n",
		   dir, strrchr(dir, '/') + 1, o->conf->node_name,
		   (unsigned long long)(STORY_INTERVAL_NS / 1000000000),
		   (unsigned long long)(STORY_SILENT_NS / 1000000000), dir,
		   o->demo_web ? o->demo_web : address);
	err = b.err ? b.err : file_write_atomic(AT_FDCWD, path, buf_str(&b), b.len, 0644);
	return err ? log_err(err, "cannot write %s", path) : 0;
}

static int run(const struct daemon_opts *o, const char *dir)
{
	_cleanup_(conf_freep) struct conf *conf = NULL;
	struct daemon_opts all = *o;
	_free_ char *why = NULL;
	char path[PATH_MAX + 16];
	int err;

	snprintf(path, sizeof(path), "%s/racks", dir);
	err = write_racks(o, path);
	snprintf(path, sizeof(path), "%s/ajar.conf", dir);
	if (!err)
		err = write_conf(o, dir, path);
	if (!err)
		err = conf_new(&conf);
	if (!err)
		err = conf_load(conf, path, &why);
	if (why)
		log_usage("%s", why);
	if (err)
		return AJAR_EXIT_ERROR;
	all.conf = conf;
	all.conf_file = path;
	all.no_scan = true;
	return daemon_all_in_one(&all);
}

int daemon_demo(const struct daemon_opts *o)
{
	const char *tmp = getenv("TMPDIR");
	char dir[PATH_MAX];
	int code;

	snprintf(dir, sizeof(dir), "%s/ajar-demo-XXXXXX", tmp && *tmp == '/' ? tmp : "/tmp");
	if (!mkdtemp(dir)) {
		log_usage("cannot make the folder %s (%s): set TMPDIR to one that you may write",
			  dir, strerror(errno));
		return AJAR_EXIT_ERROR;
	}
	code = run(o, dir);
	remove_folder(dir);
	return code;
}
