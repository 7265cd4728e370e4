/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A POST for each change. Headers besides the usual ones:
 *
 *	Idempotency-Key: STORE-CHANGE		the same whenever the same change is sent again
 *	Ajar-Timestamp: SECONDS			since 1970, when this request was made
 *	Ajar-Signature: v1=HEX			HMAC-SHA256 by the key in secret-file over "SECONDS." and the body
 *
 * A receiver compares the signature in constant time and refuses old timestamps: then nobody can
 * make requests up or send one again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hmac.h"
#include "base/secret.h"
#include "notify/post.h"
#include "notify/sinks.h"

struct sink {
	const struct notify_env *env;
	const struct conf_sink *conf;
	struct post post;
};

static void webhook_free(struct sink *s)
{
	post_done(&s->post);
	free(s);
}

static int webhook_open(const struct notify_env *env, const struct conf_sink *conf,
			struct sink **ret_sink)
{
	struct sink *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->env = env;
	s->conf = conf;
	post_init(&s->post, env->http, conf);
	*ret_sink = s;
	return 0;
}

static int sign(const struct sink *s, const char *seconds, char *header, size_t size,
		char **ret_why)
{
	const struct buf *body = &s->post.body;
	const struct hmac_piece pieces[] = { { seconds, strlen(seconds) },
					     { ".", 1 },
					     { body->data, body->len } };
	uint8_t mac[SHA256_LEN];
	char *key = NULL;
	int err, n;

	*header = '\0';
	if (!*s->conf->secret_file)
		return 0;
	err = secret_read(s->conf->secret_file, &key, ret_why);
	if (err)
		return err;
	hmac_sha256(key, strlen(key), pieces, array_len(pieces), mac);
	secret_free(key);
	n = snprintf(header, size, "Ajar-Signature: v1=");
	for (size_t i = 0; i < SHA256_LEN; i++)
		n += snprintf(header + n, size - (size_t)n, "%02x", mac[i]);
	return 0;
}

static int webhook_send(struct sink *s, const struct sink_message *m, sink_done_fn done, void *arg)
{
	char seconds[24], stamp[64], key[160], signature[128];
	const char *type = !strcmp(s->conf->format, "cef")
				   ? "Content-Type: text/plain; charset=utf-8"
				   : "Content-Type: application/json";
	const char *headers[] = { type, key, stamp, signature, NULL };
	_free_ char *why = NULL;
	int err;

	buf_reset(&s->post.body);
	buf_put(&s->post.body, m->json, m->json_len);
	snprintf(seconds, sizeof(seconds), "%" PRIu64, clock_wall_ns() / UINT64_C(1000000000));
	snprintf(stamp, sizeof(stamp), "Ajar-Timestamp: %s", seconds);
	snprintf(key, sizeof(key), "Idempotency-Key: %s-%" PRIu64, s->env->uuid, m->log_id);
	err = sign(s, seconds, signature, sizeof(signature), &why);
	if (err) {
		done(err, why, arg);
		return 0;
	}
	if (!*signature)
		headers[3] = NULL;
	return post_send(&s->post, headers, done, arg);
}

static uint64_t webhook_pause(const struct sink *s)
{
	return s->post.pause_ns;
}

const struct notify_type notify_webhook = {
	.type = "webhook",
	.open = webhook_open,
	.ops = { .name = "webhook",
		 .send = webhook_send,
		 .free = webhook_free,
		 .pause_ns = webhook_pause },
};
