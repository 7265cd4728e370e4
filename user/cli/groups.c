/* SPDX-License-Identifier: GPL-2.0 */
#include "cli/groups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/file.h"
#include "base/hostlist.h"
#include "base/proc.h"
#include "conf/conf.h"
#include "conf/racks_file.h"
#include "core/racks.h"

#define FILE_MAX (4 << 20)
#define COMMAND_NS UINT64_C(10000000000)
#define SYSTEM_GROUPS "/etc/clustershell/groups.d"

static int fail(struct groups *g, int err, const char *fmt, ...) printf_like(3, 4);
static int fail(struct groups *g, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(g->why, sizeof(g->why), fmt, ap);
	va_end(ap);
	return err;
}

/* --- a program's answer --------------------------------------------------------------------------------- */

static int ask(struct groups *g, const char *const *argv, struct buf *out)
{
	const struct proc_opts p = { .argv = argv, .quiet = true, .own_session = true };
	const struct child_opts o = { .program = &p, .timeout_ns = COMMAND_NS };
	int status = 0, err = child_run(&o, out, &status);

	switch (err) {
	case 0:
		return 0;
	case -ETIMEDOUT:
		return fail(g, err, "'%s' did not answer within %d s", argv[0],
			    (int)(COMMAND_NS / 1000000000));
	case -E2BIG:
		return fail(g, err, "the answer of '%s' is longer than %zu bytes", argv[0],
			    out->max);
	case -EIO:
		if (status)
			return fail(g, err, "'%s' %s", argv[0], proc_status_text(status));
		break;
	}
	return fail(g, err, "cannot start '%s': %s", argv[0], strerror(-err));
}

/* --- ClusterShell's files: "name: nodes" a line ------------------------------------------------------------ */

/* Calls fn with each line, without its comment and blanks at the end. */
static int each_line(struct groups *g, const char *path,
		     int (*fn)(char *line, const char *want, struct buf *out), const char *want,
		     struct buf *out)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(FILE_MAX);
	char *next;
	int err;

	buf_puts(&b, "");
	err = file_read(AT_FDCWD, path, &b);
	if (err)
		return fail(g, err, "cannot read '%s': %s", path, strerror(-err));
	for (char *line = b.data; line && !err; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		line[strcspn(line, "#")] = '\0';
		for (size_t n = strlen(line); n && strchr(" \t\r", line[n - 1]); n--)
			line[n - 1] = '\0';
		err = fn(line, want, out);
	}
	return err;
}

static int group_line(char *line, const char *want, struct buf *out)
{
	char *colon = strchr(line, ':');

	if (!colon || (size_t)(colon - line) != strlen(want) ||
	    strncmp(line, want, strlen(want)) != 0)
		return 0;
	buf_printf(out, "%s%s", out->len ? "," : "", colon + 1);
	return out->err;
}

static int from_folder(struct groups *g, const char *folder, const char *name, struct buf *out)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	int err = 0;

	if (!d)
		return fail(g, -errno, "cannot read the groups in '%s': %s", folder,
			    strerror(errno));
	while (!err && (e = readdir(d))) {
		_cleanup_(buf_done) struct buf path = BUF_INIT(4096);
		size_t n = strlen(e->d_name);

		if (n < 5 || strcmp(e->d_name + n - 4, ".cfg") || e->d_name[0] == '.')
			continue;
		buf_printf(&path, "%s/%s", folder, e->d_name);
		err = each_line(g, buf_str(&path), group_line, name, out);
	}
	closedir(d);
	if (!err && !out->len)
		err = fail(g, -ENOENT, "no group '%s' in %s/*.cfg", name, folder);
	return err;
}

static int from_clustershell(struct groups *g, const char *group, struct buf *out)
{
	const char *name = strncmp(group, "local:", 6) ? group : group + 6;
	_cleanup_(buf_done) struct buf word = BUF_INIT(4096), program = BUF_INIT(4096);
	const char *argv[] = { "nodeset", "-f", NULL, NULL };
	int err;

	if (g->conf->class_groups[0])
		return from_folder(g, g->conf->class_groups, name, out);
	if (proc_find("nodeset", &program))
		return from_folder(g, SYSTEM_GROUPS, name, out);
	buf_printf(&word, "@%s", group);
	argv[2] = buf_str(&word);
	err = ask(g, argv, out);
	if (err)
		return err;
	if (!out->len || out->data[0] == '\n')
		return fail(g, -ENOENT, "nodeset knows no group '%s'", group);
	return 0;
}

/* --- genders: "nodes attr[=value],..." a line ------------------------------------------------------------------ */

static bool has_attribute(char *attrs, const char *want)
{
	for (char *next, *a = attrs; a; a = next) {
		size_t n;

		next = strchr(a, ',');
		if (next)
			*next++ = '\0';
		a += strspn(a, " \t");
		n = strcspn(a, " \t");
		/* "ATTR" is any value of it, "ATTR=VALUE" that one. */
		if (!strchr(want, '='))
			n = strcspn(a, "= \t");
		if (n == strlen(want) && !strncmp(a, want, n))
			return true;
	}
	return false;
}

static int genders_line(char *line, const char *want, struct buf *out)
{
	char *attrs;

	line += strspn(line, " \t");
	attrs = line + strcspn(line, " \t");
	if (!*line || !*attrs)
		return 0;
	*attrs++ = '\0';
	if (has_attribute(attrs, want))
		buf_printf(out, "%s%s", out->len ? "," : "", line);
	return out->err;
}

static int from_genders(struct groups *g, const char *want, struct buf *out)
{
	int err = each_line(g, g->conf->class_genders, genders_line, want, out);

	if (!err && !out->len)
		err = fail(g, -ENOENT, "no node has the attribute '%s' in %s", want,
			   g->conf->class_genders);
	return err;
}

/* --- Slurm ------------------------------------------------------------------------------------------------------- */

static int from_slurm(struct groups *g, const char *partition, struct buf *out)
{
	const char *const argv[] = {
		g->conf->class_slurm, "-h", "-o", "%N", "-p", partition, NULL
	};
	int err = ask(g, argv, out);

	if (!err && strspn(out->data ? out->data : "", " \t\n") == out->len)
		err = fail(g, -ENOENT, "Slurm has no partition '%s', or no node in it", partition);
	return err;
}

/* --- racks -------------------------------------------------------------------------------------------------------- */

static int from_racks(struct groups *g, const char *name, struct buf *out)
{
	_cleanup_(racks_freep) struct racks *racks = NULL;
	_cleanup_(hostlist_done) struct hostlist nodes = { 0 };
	_free_ char *why = NULL;
	unsigned i;
	int err;

	if (!*g->conf->web_racks)
		return fail(g, -ENOENT, "web.racks names no file that says which nodes a rack has");
	err = racks_read(g->conf->web_racks, &racks, &why);
	if (err)
		return fail(g, err, "%s", why ? why : strerror(-err));
	if (racks_find(racks, name, &i))
		return fail(g, -ENOENT, "no rack '%s' in %s", name, g->conf->web_racks);
	err = racks_nodes(racks, i, &nodes);
	if (!err)
		hostlist_fold(&nodes, out);
	return err ? err : out->err;
}

int groups_resolve(const char *group, struct buf *text, void *groups)
{
	struct groups *g = groups;

	g->why[0] = '\0';
	if (!strncmp(group, "genders:", 8))
		return from_genders(g, group + 8, text);
	if (!strncmp(group, "slurm:", 6))
		return from_slurm(g, group + 6, text);
	if (!strncmp(group, "rack:", 5))
		return from_racks(g, group + 5, text);
	return from_clustershell(g, group, text);
}
