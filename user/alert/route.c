/* SPDX-License-Identifier: GPL-2.0 */
#include "alert/route.h"

#include "alert/sink_queue.h"

#define SINKS_MAX 20
#define BACKOFF_MIN_NS NS_PER_S
#define BACKOFF_MAX_NS (300 * NS_PER_S)
#define RETRY_NS (60 * NS_PER_S)

struct route {
	struct route_opts o;
	unsigned len;
	struct sink_queue *queues[SINKS_MAX];
	char holder[HOLDER_MAX];
};

int route_new(const struct route_opts *o, struct route **ret_route)
{
	struct route *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->o = *o;
	lease_name(r->holder);
	r->o.holder = r->holder;
	if (!r->o.backoff_min_ns)
		r->o.backoff_min_ns = BACKOFF_MIN_NS;
	if (!r->o.backoff_max_ns)
		r->o.backoff_max_ns = BACKOFF_MAX_NS;
	if (!r->o.retry_ns)
		r->o.retry_ns = RETRY_NS;
	*ret_route = r;
	return 0;
}

int route_add_open(struct route *r, const struct route_sink *s)
{
	int err;

	if (r->len == SINKS_MAX)
		return -E2BIG;
	err = sender_new(&r->o, s, &r->queues[r->len]);
	if (!err)
		r->len++;
	return err;
}

int route_add(struct route *r, const struct sink_ops *ops, const char *target, uint64_t timeout_ns)
{
	struct route_sink s = { .name = ops->name, .ops = ops };
	int err = ops->open(r->o.loop, target, timeout_ns, &s.sink);

	if (err)
		return err;
	err = route_add_open(r, &s);
	if (err)
		ops->free(s.sink);
	return err;
}

void route_kick(struct route *r)
{
	for (unsigned i = 0; i < r->len; i++) {
		sender_look(r->queues[i]);
		sender_pump(r->queues[i]);
	}
}

bool route_is_sending(const struct route *r)
{
	for (unsigned i = 0; i < r->len; i++)
		if (r->queues[i]->phase == QUEUE_SENDING)
			return true;
	return false;
}

bool route_drain(struct route *r)
{
	bool busy = false;

	for (unsigned i = 0; i < r->len; i++) {
		r->queues[i]->draining = true;
		busy |= r->queues[i]->phase == QUEUE_SENDING;
		if (r->queues[i]->phase != QUEUE_SENDING)
			lease_give_up(r->queues[i]);
	}
	return busy;
}

bool route_stats(const struct route *r, unsigned i, struct route_stats *ret_st)
{
	const struct sink_queue *q = i < r->len ? r->queues[i] : NULL;

	if (!q)
		return false;
	*ret_st = (struct route_stats){
		.sink = q->name,
		.cursor = q->state.log_id,
		.sent = q->state.sent,
		.failed = q->state.failed,
		.skipped = q->state.skipped,
		.given_up = q->state.given_up,
		.dropped = q->dropped,
		.idle = q->phase == QUEUE_IDLE,
	};
	return true;
}

void route_free(struct route *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < r->len; i++)
		sender_free(r->queues[i]);
	free(r);
}
