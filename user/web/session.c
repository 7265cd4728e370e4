/* SPDX-License-Identifier: GPL-2.0 */
#include "web/session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/base64.h"
#include "base/buf.h"

static const char *const role_names[] = {
	[ROLE_VIEWER] = "viewer",
	[ROLE_OPERATOR] = "operator",
	[ROLE_APPROVER] = "approver",
};

const char *web_role_name(enum web_role r)
{
	return role_names[r];
}

int web_role_parse(const char *s, enum web_role *ret_r)
{
	for (unsigned i = ROLE_VIEWER; i < array_len(role_names); i++)
		if (!strcmp(role_names[i], s)) {
			*ret_r = (enum web_role)i;
			return 0;
		}
	return -EINVAL;
}

int token_new(char to[TOKEN_TEXT])
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(128);
	uint8_t bytes[32];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	base64_put(&b, bytes, sizeof(bytes), false);
	if (b.err || b.len != TOKEN_TEXT - 1)
		return b.err ? b.err : -EIO;
	for (size_t i = 0; i < b.len; i++)
		to[i] = b.data[i] == '+' ? '-' : b.data[i] == '/' ? '_' : b.data[i];
	to[b.len] = '\0';
	return 0;
}

void token_hash(const char *token, uint8_t to[SHA256_LEN])
{
	struct sha256 sha;

	sha256_init(&sha);
	sha256_update(&sha, token, strlen(token));
	sha256_final(&sha, to);
}

bool same_bytes(const void *a, const void *b, size_t n)
{
	const volatile uint8_t *x = a, *y = b;
	uint8_t differ = 0;

	for (size_t i = 0; i < n; i++)
		differ |= x[i] ^ y[i];
	return !differ;
}

bool same_text(const char *a, const char *b)
{
	uint8_t x[SHA256_LEN], y[SHA256_LEN];

	token_hash(a, x);
	token_hash(b, y);
	return same_bytes(x, y, sizeof(x));
}

static bool is_over(const struct session *se, uint64_t now_ns)
{
	return now_ns - se->made_ns > SESSION_LIFE_NS || now_ns - se->used_ns > SESSION_IDLE_NS;
}

int session_new(struct sessions *s, const char *login, enum web_role role, uint64_t now_ns,
		char token[TOKEN_TEXT], struct session **ret_se)
{
	struct session *se = &s->all[0], fresh = { .made_ns = now_ns, .used_ns = now_ns };
	int err = token_new(token);

	if (!err)
		err = token_new(fresh.csrf);
	if (err)
		return err;
	for (unsigned i = 0; i < SESSIONS_MAX && se->made_ns; i++)
		if (!s->all[i].made_ns || is_over(&s->all[i], now_ns) ||
		    s->all[i].used_ns < se->used_ns)
			se = &s->all[i];
	fresh.role = role;
	snprintf(fresh.login, sizeof(fresh.login), "%s", login);
	token_hash(token, fresh.hash);
	*se = fresh;
	*ret_se = se;
	return 0;
}

struct session *session_find(struct sessions *s, const char *token, uint64_t now_ns)
{
	struct session *found = NULL;
	uint8_t hash[SHA256_LEN];

	token_hash(token, hash);
	for (unsigned i = 0; i < SESSIONS_MAX; i++)
		if (same_bytes(s->all[i].hash, hash, sizeof(hash)) && s->all[i].made_ns)
			found = &s->all[i];
	if (found && is_over(found, now_ns)) {
		session_end(found);
		return NULL;
	}
	if (found)
		found->used_ns = now_ns;
	return found;
}

void session_end(struct session *se)
{
	*se = (struct session){ 0 };
}

int once_new(struct sessions *s, const char *login, enum web_role role, uint64_t now_ns,
	     char token[TOKEN_TEXT])
{
	struct once *o = &s->once[0];
	int err = token_new(token);

	if (err)
		return err;
	for (unsigned i = 1; i < ONCE_MAX; i++)
		if (s->once[i].ends_ns < o->ends_ns)
			o = &s->once[i];
	*o = (struct once){ .ends_ns = now_ns + ONCE_LIFE_NS, .role = role };
	snprintf(o->login, sizeof(o->login), "%s", login);
	token_hash(token, o->hash);
	return 0;
}

int once_take(struct sessions *s, const char *token, uint64_t now_ns, struct once *ret_once)
{
	struct once *found = NULL;
	uint8_t hash[SHA256_LEN];

	token_hash(token, hash);
	for (unsigned i = 0; i < ONCE_MAX; i++)
		if (same_bytes(s->once[i].hash, hash, sizeof(hash)) && s->once[i].ends_ns)
			found = &s->once[i];
	if (!found)
		return -ENOENT;
	*ret_once = *found;
	*found = (struct once){ 0 };
	return ret_once->ends_ns > now_ns ? 0 : -ENOENT;
}
