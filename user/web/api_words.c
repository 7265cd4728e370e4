/* SPDX-License-Identifier: GPL-2.0 */
#include <stddef.h>

#include "core/event.h"
#include "core/finding.h"
#include "core/racks.h"
#include "store/store.h"
#include "web/web_internal.h"

/* What a filter can say, for completion: the words of core/filter.h. */

static const struct {
	const char *name, *kind;
} words[] = {
	{ "tcp", "proto" },    { "udp", "proto" },  { ":", "port" },
	{ "exe:", "exe" },     { "user:", "user" }, { "node:", "node" },
	{ "class:", "class" }, { "rack:", "rack" }, { "state:", "state" },
};

static int on_class(const char *host_type, bool accepted, uint64_t accepted_ns, uint64_t rows,
		    uint64_t nodes, void *arg)
{
	(void)accepted;
	(void)accepted_ns;
	(void)rows;
	(void)nodes;
	jsonw_str(arg, NULL, host_type);
	return 0;
}

static int put_values(struct api_call *c, const char *kind)
{
	const struct racks *racks = c->w->racks;
	int err = 0;

	jsonw_arr(&c->json, "values");
	if (kind[0] == 'c')
		err = store_host_types(c->w->store, on_class, &c->json);
	for (unsigned i = 1; kind[0] == 'r' && i < racks_len(racks); i++)
		jsonw_str(&c->json, NULL, racks_name(racks, i));
	for (unsigned v = VERDICT_LEARNING; kind[0] == 's' && v <= VERDICT_SHARED; v++)
		jsonw_str(&c->json, NULL,
			  v == VERDICT_PROFILED ? "profiled" : verdict_name((enum verdict)v));
	jsonw_end_arr(&c->json);
	return err;
}

int api_filter_words(struct api_call *c)
{
	int err = 0;

	jsonw_obj(&c->json, NULL);
	jsonw_arr(&c->json, "words");
	for (size_t i = 0; i < array_len(words) && !err; i++) {
		if (words[i].kind[0] == 'r' && !c->w->racks)
			continue;
		jsonw_obj(&c->json, NULL);
		jsonw_str(&c->json, "name", words[i].name);
		jsonw_str(&c->json, "kind", words[i].kind);
		err = put_values(c, words[i].kind);
		jsonw_end_obj(&c->json);
	}
	jsonw_end_arr(&c->json);
	jsonw_end_obj(&c->json);
	return err;
}
