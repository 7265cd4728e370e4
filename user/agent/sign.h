/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_AGENT_SIGN_H
#define AJAR_AGENT_SIGN_H

#include <stdint.h>

#include "base/err.h"

struct sensor;

/*
 * The agent's sign of life, in the journal's folder: whoever reads it (the shipper) knows that the agent lives, and how well
 * it sees. It is never synced: what matters is only that it is renewed.
 */
struct sign;

/* sensor: what the start record says. max_bytes: the journal's cap. */
must_check int sign_new(int journal_dir, struct sensor *s, const char *sensor, uint64_t max_bytes, struct sign **ret_sign);
/* Also tries the sensor now and then: drain it before. shed: records the journal has lost. */
must_check int sign_renew(struct sign *g, uint64_t shed);
must_check int sign_end(struct sign *g, uint64_t shed); /* told to stop */
void sign_free(struct sign *g);

#endif
