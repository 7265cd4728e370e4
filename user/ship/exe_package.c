/* SPDX-License-Identifier: GPL-2.0 */
#include "ship/exe_package.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/map.h"

/*
 * dpkg's database, see dpkg(1): info/NAME.list or info/NAME:ARCH.list has the paths of a package, a
 * line each; info/NAME.md5sums has "<32 hex digits>  path/without/slash" of those that are no
 * configuration; `status` has paragraphs with Package, Architecture and Version; `diversions` has
 * three lines each: the path, where it went, and the package that took it (dpkg-divert(1)).
 */
#define LINE_MAX_LEN 8192 /* a longer line is passed over */
#define USR "/usr"

struct search {
	int dir;
	struct map *by_path; /* to struct exe_package */
	struct map *diverted; /* set of paths */
};

/* The next line without its end. 1: there is one. What is longer than the buffer is no line. */
static int next_line(FILE *f, char line[LINE_MAX_LEN], size_t *ret_len)
{
	for (bool skip = false; fgets(line, LINE_MAX_LEN, f);) {
		size_t n = strlen(line);
		bool whole = n && line[n - 1] == '\n';

		if (!whole && !feof(f)) {
			skip = true;
			continue;
		}
		if (whole)
			line[--n] = '\0';
		if (!skip) {
			*ret_len = n;
			return 1;
		}
		skip = false;
	}
	return 0;
}

static FILE *open_in(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	FILE *f;

	if (fd < 0)
		return NULL;
	f = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? fdopen(fd, "r") : NULL;
	if (!f)
		close(fd);
	return f;
}

/* The other name of a path where /bin, /sbin and /lib* are links into /usr; false: it has none. */
static bool merged(const char *path, char *out, size_t size)
{
	static const char *const dirs[] = { "/bin/",   "/sbin/",  "/lib/",
					    "/lib32/", "/lib64/", "/libx32/" };
	bool usr = !strncmp(path, USR "/", sizeof(USR));
	const char *rest = usr ? path + sizeof(USR) - 1 : path;

	for (size_t i = 0; i < array_len(dirs); i++)
		if (!strncmp(rest, dirs[i], strlen(dirs[i])))
			return snprintf(out, size, "%s%s", usr ? "" : USR, rest) < (int)size;
	return false;
}

static int index_paths(struct search *s, struct exe_package *p, size_t n)
{
	char other[LINE_MAX_LEN];
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		p[i].listed = EXE_LISTED_NONE;
		err = map_put(s->by_path, p[i].path, strlen(p[i].path), &p[i]);
	}
	/* A path that is asked for is that one's, even if it is another's other name. */
	for (size_t i = 0; i < n && !err; i++)
		if (merged(p[i].path, other, sizeof(other)) &&
		    !map_get(s->by_path, other, strlen(other)))
			err = map_put(s->by_path, other, strlen(other), &p[i]);
	return err;
}

static int read_diversions(struct search *s)
{
	char line[LINE_MAX_LEN];
	FILE *f = open_in(s->dir, "diversions");
	size_t len;
	int err = 0;

	if (!f)
		return 0;
	for (unsigned n = 0; !err && next_line(f, line, &len); n++)
		if (n % 3 < 2)
			err = map_put(s->diverted, line, len, s);
	fclose(f);
	return err;
}

/* "libc6:amd64.list" */
static void read_list(struct search *s, int info, const char *file)
{
	size_t stem = strlen(file) - strlen(".list"), len;
	char line[LINE_MAX_LEN];
	struct exe_package *p;
	FILE *f;

	if (stem >= EXE_PACKAGE_LEN)
		return;
	f = open_in(info, file);
	if (!f)
		return;
	while (next_line(f, line, &len)) {
		p = map_get(s->by_path, line, len);
		if (!p || p->listed == EXE_LISTED_NO_DIGEST)
			continue;
		p->listed = EXE_LISTED_NO_DIGEST;
		snprintf(p->name, sizeof(p->name), "%.*s", (int)stem, file);
	}
	fclose(f);
}

static int read_lists(struct search *s, int info)
{
	int copy = fcntl(info, F_DUPFD_CLOEXEC, 3);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *e;

	if (!d) {
		if (copy >= 0)
			close(copy);
		return -errno;
	}
	while ((e = readdir(d))) {
		size_t n = strlen(e->d_name);

		if (n > 5 && !strcmp(e->d_name + n - 5, ".list"))
			read_list(s, info, e->d_name);
	}
	closedir(d);
	return 0;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_md5(const char *hex, uint8_t out[MD5_LEN])
{
	for (size_t i = 0; i < MD5_LEN; i++) {
		int hi = digit(hex[2 * i]), lo = hi < 0 ? -1 : digit(hex[2 * i + 1]);

		if (lo < 0)
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

/* The file of a diversion is another package's, or lies elsewhere: its digest says nothing. */
static void read_md5(const struct search *s, int info, struct exe_package *p)
{
	char name[EXE_PACKAGE_LEN + 16], line[LINE_MAX_LEN], other[LINE_MAX_LEN] = "";
	size_t len, from = 2 * MD5_LEN + 2;
	FILE *f;

	(void)!merged(p->path, other, sizeof(other));
	if (map_get(s->diverted, p->path, strlen(p->path)) ||
	    (*other && map_get(s->diverted, other, strlen(other))))
		return;
	snprintf(name, sizeof(name), "%s.md5sums", p->name);
	f = open_in(info, name);
	if (!f)
		return;
	while (!p->has_md5 && next_line(f, line, &len))
		if (len > from && (!strcmp(line + from, p->path + 1) ||
				   (*other && !strcmp(line + from, other + 1))))
			p->has_md5 = parse_md5(line, p->md5);
	fclose(f);
}

/* --- versions --------------------------------------------------------------------------------- */

struct paragraph {
	char name[EXE_PACKAGE_LEN], arch[64], version[EXE_VERSION_LEN];
};

static bool is_of(const struct exe_package *p, const struct paragraph *g)
{
	size_t n = strcspn(p->name, ":");

	return strlen(g->name) == n && !memcmp(g->name, p->name, n) &&
	       (!p->name[n] || !strcmp(p->name + n + 1, g->arch));
}

static void take_paragraph(struct paragraph *g, struct exe_package *p, size_t n)
{
	for (size_t i = 0; i < n && *g->name; i++)
		if (*p[i].name && is_of(&p[i], g))
			snprintf(p[i].version, sizeof(p[i].version), "%s", g->version);
	*g = (struct paragraph){ 0 };
}

static void keep(char *to, size_t size, const char *value)
{
	snprintf(to, size, "%.*s", (int)size - 1, value);
}

static void read_versions(const struct search *s, struct exe_package *p, size_t n)
{
	struct paragraph g = { 0 };
	char line[LINE_MAX_LEN];
	FILE *f = open_in(s->dir, "status");
	size_t len;

	if (!f)
		return;
	while (next_line(f, line, &len)) {
		if (!len)
			take_paragraph(&g, p, n);
		else if (!strncmp(line, "Package: ", 9))
			keep(g.name, sizeof(g.name), line + 9);
		else if (!strncmp(line, "Architecture: ", 14))
			keep(g.arch, sizeof(g.arch), line + 14);
		else if (!strncmp(line, "Version: ", 9))
			keep(g.version, sizeof(g.version), line + 9);
	}
	take_paragraph(&g, p, n);
	fclose(f);
}

/* --- all -------------------------------------------------------------------------------------- */

static int find(struct search *s, int info, struct exe_package *p, size_t n)
{
	bool any = false;
	int err = index_paths(s, p, n);

	if (!err)
		err = read_diversions(s);
	if (!err)
		err = read_lists(s, info);
	for (size_t i = 0; i < n && !err; i++) {
		if (p[i].listed != EXE_LISTED_NO_DIGEST)
			continue;
		any = true;
		read_md5(s, info, &p[i]);
	}
	if (!err && any)
		read_versions(s, p, n);
	return err;
}

int exe_packages_find(const char *dpkg_dir, struct exe_package *p, size_t n)
{
	_close_ int dir = open(dpkg_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_close_ int info = dir < 0 ? -1 : openat(dir, "info", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct search s = { .dir = dir };
	int err = info < 0 ? -errno : map_new(NULL, &s.by_path);

	if (!err)
		err = map_new(NULL, &s.diverted);
	if (!err)
		err = find(&s, info, p, n);
	for (size_t i = 0; i < n && err; i++)
		p[i].listed = EXE_LISTED_UNKNOWN;
	map_free(s.by_path);
	map_free(s.diverted);
	return err;
}

void exe_package_judge(const struct exe_package *p, const uint8_t md5[MD5_LEN], struct exe_file *f)
{
	f->listed = p->listed;
	snprintf(f->package, sizeof(f->package), "%s", p->name);
	snprintf(f->version, sizeof(f->version), "%s", p->version);
	if (p->listed == EXE_LISTED_NO_DIGEST && p->has_md5 && f->hashed)
		f->listed = memcmp(p->md5, md5, MD5_LEN) ? EXE_LISTED_DIFFERS : EXE_LISTED_MATCHES;
}
