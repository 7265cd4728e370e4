/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_WEB_SESSION_H
#define AJAR_WEB_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"

/*
 * Who is logged in, in memory alone: a restart logs everybody out. A token is 32 random bytes as
 * text; what is kept of it is its SHA-256, and all comparisons take as long whatever is compared.
 * Times are of the boot clock.
 */
enum web_role { ROLE_VIEWER = 1, ROLE_OPERATOR = 2, ROLE_APPROVER = 3 };
const char *web_role_name(enum web_role r);
must_check int web_role_parse(const char *s, enum web_role *ret_r);

#define SESSIONS_MAX 256 /* beyond it the one that was not used for the longest time ends */
#define SESSION_IDLE_NS UINT64_C(28800000000000) /* 8 h */
#define SESSION_LIFE_NS UINT64_C(43200000000000) /* 12 h */
#define ONCE_MAX 16 /* beyond it the oldest is void */
#define ONCE_LIFE_NS UINT64_C(900000000000) /* 15 min */
#define TOKEN_TEXT 44 /* with its NUL */
#define LOGIN_MAX 64

struct session {
	uint8_t hash[SHA256_LEN];
	uint64_t made_ns, used_ns; /* made 0: free */
	enum web_role role;
	char login[LOGIN_MAX + 1], csrf[TOKEN_TEXT];
};

struct once {
	uint8_t hash[SHA256_LEN];
	uint64_t ends_ns; /* 0: free */
	enum web_role role;
	char login[LOGIN_MAX + 1];
};

struct sessions {
	struct session all[SESSIONS_MAX];
	struct once once[ONCE_MAX];
};

/* 32 random bytes in the alphabet of URLs. */
must_check int token_new(char to[TOKEN_TEXT]);
void token_hash(const char *token, uint8_t to[SHA256_LEN]);
/* As long as the two are, whatever is in them. */
bool same_bytes(const void *a, const void *b, size_t n);
bool same_text(const char *a, const char *b);

/* The session's token goes into the cookie. */
must_check int session_new(struct sessions *s, const char *login, enum web_role role,
			   uint64_t now_ns, char token[TOKEN_TEXT], struct session **ret_se);
/* NULL: there is none, or it is over. Counts as use. */
struct session *session_find(struct sessions *s, const char *token, uint64_t now_ns);
void session_end(struct session *se);

/* A token that logs in one time. */
must_check int once_new(struct sessions *s, const char *login, enum web_role role, uint64_t now_ns,
			char token[TOKEN_TEXT]);
/* -ENOENT: there is none, it was used, or it is too old. */
must_check int once_take(struct sessions *s, const char *token, uint64_t now_ns,
			 struct once *ret_once);

#endif
