/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/overview.h"
#include "store/store.h"
#include "web/web_internal.h"

#define BUCKETS 120
#define BUCKETS_MAX 1000
#define DAY_NS UINT64_C(86400000000000)
#define NS_PER_S UINT64_C(1000000000)

enum series { OPENED, CLOSED, CRITICAL, WARNING, SERIES };
static const char *const names[SERIES] = { "opened", "closed", "critical", "warning" };

struct histogram {
	uint64_t n[SERIES][BUCKETS_MAX];
};

static int on_row(const struct store_histogram_row *r, void *arg)
{
	struct histogram *h = arg;

	if (r->what == HISTOGRAM_OPENED)
		h->n[OPENED][r->bucket] = r->count;
	else if (r->what == HISTOGRAM_CLOSED)
		h->n[CLOSED][r->bucket] = r->count;
	else if (r->severity == SEVERITY_CRITICAL)
		h->n[CRITICAL][r->bucket] = r->count;
	else
		h->n[WARNING][r->bucket] += r->count; /* and notices */
	return 0;
}

static void put(struct jsonw *j, const struct histogram *h, uint64_t since_ns, uint64_t step_ns,
		uint64_t buckets)
{
	jsonw_obj(j, NULL);
	jsonw_time(j, "since", since_ns);
	jsonw_time(j, "until", since_ns + step_ns * buckets);
	jsonw_u64(j, "step_s", step_ns / NS_PER_S);
	for (unsigned k = 0; k < SERIES; k++) {
		jsonw_arr(j, names[k]);
		for (uint64_t i = 0; i < buckets; i++)
			jsonw_u64(j, NULL, h->n[k][i]);
		jsonw_end_arr(j);
	}
	jsonw_end_obj(j);
}

/*
 * Steps are whole seconds, so that the same question a moment later has the same steps but for the
 * last.
 */
int api_histogram(struct api_call *c)
{
	uint64_t now_ns = clock_wall_ns(), until_ns = now_ns, since_ns = now_ns - DAY_NS;
	uint64_t buckets = BUCKETS, step_ns;
	struct histogram *h;
	int err = api_time(c, "since", &since_ns);

	if (!err)
		err = api_time(c, "until", &until_ns);
	if (err)
		return err;
	if (query_u64(c->q, "buckets", 1, BUCKETS_MAX, &buckets) || until_ns <= since_ns)
		return api_error(c->a, 400, "since before until, buckets from 1 to 1000",
				 "this is no span of time");
	step_ns = (until_ns - since_ns + buckets - 1) / buckets;
	step_ns = (step_ns + NS_PER_S - 1) / NS_PER_S * NS_PER_S;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	err = store_histogram(c->w->store, since_ns, step_ns, buckets, on_row, h);
	if (!err)
		put(&c->json, h, since_ns, step_ns, buckets);
	free(h);
	return err;
}
