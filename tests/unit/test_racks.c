/* SPDX-License-Identifier: GPL-2.0 */
#include "core/racks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hostlist.h"
#include "tap.h"

static struct racks *parsed(const char *text, const char *what)
{
	struct racks *r = NULL;
	char *why = NULL;
	int err = racks_parse(text, &r, &why);

	ok(!err, "%s is read (%s)", what, why ? why : "");
	free(why);
	return r;
}

static void refused(const char *text, const char *words, const char *what)
{
	struct racks *r = NULL;
	char *why = NULL;
	int err = racks_parse(text, &r, &why);

	ok(err && !r && why && strstr(why, words), "%s is refused: %s", what, why ? why : "");
	free(why);
	racks_free(r);
}

static const char *rack(const struct racks *r, const char *node)
{
	return racks_name(r, racks_of(r, node));
}

static void whole_files(void)
{
	struct racks *r =
		parsed("# left aisle\n\n r01\tnode[001-032]\r\nr02 node[033-064],gpu1 # door"
		       "\nr01 login1\n  \nr03 node064",
		       "a file");

	if (!r)
		return;
	is_int(racks_len(r), 4, "three racks and none");
	is_str(rack(r, "node001"), "r01", "a node is in its rack");
	is_str(rack(r, "login1"), "r01", "a rack may have several lines");
	is_str(rack(r, "gpu1"), "r02", "and sets of any names");
	is_str(rack(r, "node064"), "r03", "of two racks the last counts");
	is_str(rack(r, "node065"), "", "what nobody names is in none");
	racks_free(r);
	r = parsed("", "an empty file");
	is_int(racks_len(r), 1, "which has no rack");
	racks_free(r);
	is_int(racks_of(NULL, "node001"), 0, "without a file no node is in a rack");
	is_int(racks_len(NULL), 0, "and there is none");
}

static void limits(void)
{
	struct buf b = BUF_INIT(RACKS_BYTES_MAX);
	struct racks *r;

	for (unsigned i = 0; i < RACKS_MAX; i++)
		buf_printf(&b, "r%u n%u\n", i, i);
	r = parsed(buf_str(&b), "as many racks as there may be");
	racks_free(r);
	buf_puts(&b, "one n9999\n");
	refused(buf_str(&b), "line 1024: more than 1023 racks", "one more");
	buf_reset(&b);
	for (unsigned i = 0; i < RACK_NAME_MAX; i++)
		buf_puts(&b, "x");
	buf_puts(&b, " n1");
	r = parsed(buf_str(&b), "a name as long as it may be");
	racks_free(r);
	buf_reset(&b);
	for (unsigned i = 0; i <= RACK_NAME_MAX; i++)
		buf_puts(&b, "x");
	buf_puts(&b, " n1");
	refused(buf_str(&b), "at most 64 bytes", "a longer one");
	buf_done(&b);
}

static void there_and_back(void)
{
	struct racks *r = parsed("r01 node[001-004]\nr02 gpu[1-2],node003\n", "two racks");
	_cleanup_(hostlist_done) struct hostlist nodes = { 0 };
	_cleanup_(buf_done) struct buf b = BUF_INIT(100);
	unsigned i = 7;

	is_str(racks_name_of(r, "gpu2"), "r02", "a node's rack has a name");
	ok(!racks_name_of(r, "gpu3") && !racks_name_of(NULL, "gpu2"), "what is in none has none");
	is_int(racks_find(r, "r03", &i), -ENOENT, "a rack that there is not");
	is_int(i, 7, "has no number");
	is_int(racks_find(r, "", &i), -ENOENT, "nor has none");
	is_int(racks_find(r, "r02", &i), 0, "one that there is has");
	is_int(racks_nodes(r, i, &nodes), 0, "its nodes");
	hostlist_fold(&nodes, &b);
	is_str(buf_str(&b), "gpu[1-2],node003", "are those that it is the last for");
	racks_free(r);
}

int main(void)
{
	whole_files();
	there_and_back();
	refused("r01 n1\nr02\n", "line 2: wants a name", "a line without nodes");
	refused("r01 n[1-", "line 1: ", "what is no node set");
	refused("r01 @compute", "line 1: groups are not known", "a group");
	limits();
	return tap_done();
}
