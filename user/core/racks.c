/* SPDX-License-Identifier: GPL-2.0 */
#include "core/racks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/hostlist.h"
#include "base/map.h"

struct racks {
	struct map *by_node; /* to the rack's number */
	unsigned len;
	char *names[RACKS_MAX + 1];
};

static int number_of(struct racks *r, const char *name, unsigned *ret_i)
{
	if (!racks_find(r, name, ret_i))
		return 0;
	if (r->len > RACKS_MAX)
		return -E2BIG;
	r->names[r->len] = strdup(name);
	if (!r->names[r->len])
		return -ENOMEM;
	*ret_i = r->len++;
	return 0;
}

static int put_nodes(struct racks *r, const char *set, unsigned rack, struct hostlist_error *why)
{
	_cleanup_(hostlist_done) struct hostlist nodes = { 0 };
	int err = hostlist_parse(&nodes, set, NULL, why);

	for (size_t i = 0; !err && i < nodes.len; i++)
		err = map_put(r->by_node, nodes.names[i], strlen(nodes.names[i]),
			      (void *)(uintptr_t)rack);
	return err;
}

static int take_line(struct racks *r, char *line, unsigned number, char **ret_why)
{
	struct hostlist_error why = { 0 };
	size_t n;
	char *set;
	unsigned i;
	int err;

	line[strcspn(line, "#")] = '\0';
	line += strspn(line, " \t\r");
	n = strcspn(line, " \t\r");
	if (!n)
		return 0;
	set = line + n;
	set += strspn(set, " \t\r");
	if (n > RACK_NAME_MAX || !*set)
		return fault(ret_why, -EINVAL,
			     "line %u: wants a name of at most %d bytes and a node set, such as "
			     "'r01 node[001-032]'",
			     number, RACK_NAME_MAX);
	line[n] = '\0';
	err = number_of(r, line, &i);
	if (err == -E2BIG)
		return fault(ret_why, err, "line %u: more than %d racks", number, RACKS_MAX);
	if (!err)
		err = put_nodes(r, set, i, &why);
	return err ? fault(ret_why, err, "line %u: %s", number,
			   why.what ? why.what : strerror(-err))
		   : 0;
}

int racks_parse(const char *text, struct racks **ret_racks, char **ret_why)
{
	_cleanup_(racks_freep) struct racks *r = calloc(1, sizeof(*r));
	_free_ char *copy = strdup(text);
	unsigned number = 0;
	int err = r && copy ? map_new(NULL, &r->by_node) : -ENOMEM;

	if (!err && !(r->names[r->len++] = strdup("")))
		err = -ENOMEM;
	for (char *line = copy, *next; !err && line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		err = take_line(r, line, ++number, ret_why);
	}
	if (!err)
		*ret_racks = take_ptr(r);
	return err;
}

void racks_free(struct racks *r)
{
	if (!r)
		return;
	map_free(r->by_node);
	for (unsigned i = 0; i < r->len; i++)
		free(r->names[i]);
	free(r);
}

unsigned racks_of(const struct racks *r, const char *node)
{
	return r ? (unsigned)(uintptr_t)map_get(r->by_node, node, strlen(node)) : 0;
}

unsigned racks_len(const struct racks *r)
{
	return r ? r->len : 0;
}

const char *racks_name(const struct racks *r, unsigned i)
{
	return r->names[i];
}

const char *racks_name_of(const struct racks *r, const char *node)
{
	unsigned i = racks_of(r, node);

	return i ? r->names[i] : NULL;
}

int racks_find(const struct racks *r, const char *name, unsigned *ret_i)
{
	for (unsigned i = 1; i < r->len; i++)
		if (!strcmp(r->names[i], name)) {
			*ret_i = i;
			return 0;
		}
	return -ENOENT;
}

struct collecting {
	struct hostlist *to;
	unsigned rack;
	int err;
};

static bool collect(const void *key, size_t len, void *value, void *arg)
{
	struct collecting *k = arg;
	_free_ char *name = NULL;

	if ((uintptr_t)value != k->rack || k->err)
		return false;
	name = strndup(key, len);
	k->err = name ? hostlist_add(k->to, name) : -ENOMEM;
	return false;
}

int racks_nodes(const struct racks *r, unsigned i, struct hostlist *to)
{
	struct collecting k = { .to = to, .rack = i };

	map_each(r->by_node, collect, &k);
	return k.err;
}
