/* SPDX-License-Identifier: GPL-2.0 */
#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "conf/paths.h"
#include "conf/suggest.h"
#include "tap.h"

static char file[] = "/tmp/test_conf_XXXXXX";

static int load(const char *text, size_t n, struct conf **ret_c, char **ret_why)
{
	*ret_why = NULL;
	if (conf_new(ret_c) || file_write_atomic(AT_FDCWD, file, text, n, 0600))
		return -EIO;
	return conf_load(*ret_c, file, ret_why);
}

/* The message without the file's name, which is another one in each run. */
static void refused(const char *text, size_t n, const char *want, const char *what)
{
	_cleanup_(conf_freep) struct conf *c = NULL;
	_free_ char *why = NULL;

	is_int(load(text, n, &c, &why), -EINVAL, "%s is refused", what);
	is_str(why && !strncmp(why, file, strlen(file)) ? why + strlen(file) : why, want,
	       "%s: the message names the line and the fault", what);
}
#define REFUSED(text, want, what) refused(text, sizeof(text) - 1, want, what)

static void test_defaults(void)
{
	_cleanup_(conf_freep) struct conf *c = NULL;
	char host[256] = "";

	gethostname(host, sizeof(host) - 1);
	is_int(conf_new(&c), 0, "a configuration of defaults can be made");
	is_str(c->node_name, host, "the node's name is the host's");
	is_str(c->node_class, "default", "the class is 'default'");
	is_str(c->data_dir, "/var/lib/ajar", "data lives in /var/lib/ajar");
	is_int(c->journal_max_bytes, 1LL << 30, "the journal is capped at 1 GiB");
	is_int(c->journal_segment_bytes, 8LL << 20, "a segment has 8 MiB");
	is_int(c->journal_replay_ns, 86400000000000LL, "a segment stays a day");
	is_int(c->sweep_every_ns, 60000000000LL, "a sweep runs every minute");
	is_int(c->alert_exec_timeout_ns, 10000000000LL, "an alert program has 10 s");
	ok(c->alert_syslog && !c->keep_pins, "syslog is on, pins do not stay");
	is_str(c->origins[0], "default", "the origin of a default is 'default'");
}

static void test_good_file(void)
{
	static const char text[] = "# a comment\n"
				   "\n"
				   "  node.name\t node007   # the bond\r\n"
				   "data.dir /srv/a#b c\n"
				   "journal.max-bytes 64M\n"
				   "sensor.keep-pins on\n"
				   "sensor.sweep-every 5m";
	_cleanup_(conf_freep) struct conf *c = NULL;
	_free_ char *why = NULL;
	char origin[128];

	is_int(load(text, sizeof(text) - 1, &c, &why), 0,
	       "a file without a newline at its end is read");
	is_str(c->node_name, "node007", "blanks and a comment behind the value are cut");
	is_str(c->data_dir, "/srv/a#b c", "a hash inside a word and a blank are part of the value");
	is_int(c->journal_max_bytes, 64LL << 20, "sizes have units");
	is_int(c->sweep_every_ns, 300000000000LL, "durations have units");
	ok(c->keep_pins, "on is yes");
	snprintf(origin, sizeof(origin), "%s:3", file);
	is_str(c->origins[0], origin, "the origin is file and line");
}

static void test_bad_files(void)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(2 << 20);

	REFUSED("\nnod.name x\n", ":2: unknown key 'nod.name' (did you mean 'node.name'?)",
		"a mistyped key");
	REFUSED("frobnicate yes\n", ":1: unknown key 'frobnicate'", "a key like no other");
	REFUSED("node.name a\nnode.class b\nnode.name c\n",
		":3: duplicate key 'node.name' (first on line 1)", "a duplicate key");
	REFUSED("node.class\n", ":1: key 'node.class' has no value (1 to 64 bytes)",
		"a key without a value");
	REFUSED("journal.max-bytes 4K\n", ":1: bad value '4K' for journal.max-bytes: 1M to 1024G",
		"a value out of range");
	REFUSED("journal.max-bytes 999999999999999999999G\n",
		":1: bad value '999999999999999999999G' for journal.max-bytes: 1M to 1024G",
		"a number beyond 64 bits");
	REFUSED("sensor.sweep-every soon\n",
		":1: bad value 'soon' for sensor.sweep-every: 1s to 1d", "a word for a duration");
	REFUSED("alert.syslog maybe\n", ":1: bad value 'maybe' for alert.syslog: yes or no",
		"a word for a truth");
	REFUSED("sensor.scope netn\n",
		":1: bad value 'netn' for sensor.scope (did you mean 'netns'?): machine or netns",
		"a word that is not of the list");
	REFUSED("sensor.scope or\n", ":1: bad value 'or' for sensor.scope: machine or netns",
		"a word of the message that is not of the list");
	REFUSED("node.name a\0b\n", ":1: NUL byte: not a text file", "a NUL byte");
	REFUSED("node.name \x1b[2Jx\n",
		":1: bad value '\\x1b[2Jx' for node.name: it has control characters or is not "
		"UTF-8",
		"an escape sequence in a value");
	REFUSED("\xff\xfe\x01 y\n", ":1: unknown key '\\xff\\xfe\\x01'", "binary garbage");
	for (unsigned i = 0; i < 5000; i++)
		buf_putc(&b, 'x');
	refused(b.data, b.len, ":1: line is longer than 4096 bytes", "an endless line");
	buf_reset(&b);
	for (unsigned i = 0; i < (1 << 20) + 1; i++)
		buf_putc(&b, '\n');
	refused(b.data, b.len, ": larger than 1048576 bytes: not a configuration file",
		"a huge file");
}

static void test_missing_file(void)
{
	_cleanup_(conf_freep) struct conf *c = NULL;
	_free_ char *why = NULL;

	is_int(conf_new(&c), 0, "defaults");
	is_int(conf_load(c, "/nonexistent/ajar.conf", &why), -ENOENT,
	       "a missing file is told apart");
	is_str(why, "cannot read configuration '/nonexistent/ajar.conf': No such file or directory",
	       "and named");
}

/* What conf_each() prints can be read again. */
static void read_back(const char *key, const char *value, const char *def, const char *help,
		      const char *origin, void *arg)
{
	_cleanup_(conf_freep) struct conf *c = NULL;
	unsigned *n = arg;

	if (conf_new(&c) == 0 && conf_set(c, key, value, "test", NULL) == 0 && *help && origin &&
	    def)
		n[0]++;
	n[1]++;
}

static void test_each(void)
{
	_cleanup_(conf_freep) struct conf *c = NULL;
	unsigned n[2] = { 0 };

	is_int(conf_new(&c), 0, "defaults");
	conf_each(c, read_back, n);
	ok(n[1] >= 17, "there are keys");
	is_int(n[0], n[1],
	       "each prints a value that can be read again, and has help and an origin");
	is_int(conf_set(c, "node.name", "", "test", NULL), 0, "an empty name is taken");
	ok(c->node_name[0] != '\0', "and stands for the host's name");
	is_int(conf_set(c, "node.name", "x", "test", NULL), 0, "a failed set");
	is_int(conf_set(c, "journal.replay", "x", "test", NULL), -EINVAL,
	       "without a place for why");
	is_int(c->journal_replay_ns, 86400000000000LL, "leaves the value as it was");
}

static void test_paths(void)
{
	_cleanup_(conf_freep) struct conf *c = NULL;
	_cleanup_(buf_done) struct buf b = BUF_INIT(4096);

	is_int(conf_new(&c), 0, "defaults");
	is_int(paths_store_uri(c, &b), 0, "the store has an address");
	is_str(buf_str(&b), "sqlite:/var/lib/ajar/store/ajar.db", "in data.dir");
	is_str(paths_store_file(buf_str(&b)), "/var/lib/ajar/store/ajar.db", "and a file");
	is_str(paths_store_file("/a/b:c"), "/a/b:c", "a plain path is a file");
	is_str(paths_store_file("mysql://u@h/db"), NULL, "a server has none");
}

static const char *nearest(const char *word)
{
	static const char *const words[] = {
		"watch", "run", "ls", "timeline", "alerts", "profile"
	};
	struct suggest s;

	suggest_init(&s, word);
	for (unsigned i = 0; i < array_len(words); i++)
		suggest_try(&s, words[i]);
	return s.best;
}

static void test_suggest(void)
{
	is_str(nearest("wacth"), "watch", "swapped letters are one edit");
	is_str(nearest("tmeline"), "timeline", "a letter is missing");
	is_str(nearest("prof"), "profile", "the beginning of a word is near");
	is_str(nearest("alert"), "alerts", "a plural is near");
	is_str(nearest("xyzzy"), NULL, "nothing is near to nonsense");
	is_str(nearest("q"), NULL, "nor to one letter");
	is_str(nearest(""), NULL, "nor to nothing");
	is_str(nearest("wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwatch"), NULL,
	       "nor to an absurd length");
}

int main(void)
{
	int fd = mkstemp(file);

	if (fd < 0)
		tap_skip_all("cannot make a file in /tmp");
	close(fd);
	test_defaults();
	test_good_file();
	test_bad_files();
	test_missing_file();
	test_each();
	test_paths();
	test_suggest();
	unlink(file);
	return tap_done();
}
