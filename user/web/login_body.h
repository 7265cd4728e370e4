/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_WEB_LOGIN_BODY_H
#define AJAR_WEB_LOGIN_BODY_H

#include <stddef.h>

#include "base/err.h"
#include "web/accounts.h"

struct login_body {
	char name[LOGIN_MAX + 1], password[PASSWORD_MAX + 1];
};
/* {"name":...,"password":...}, a JSON object with these two texts and nothing else. -EINVAL. */
must_check int login_body_parse(const char *text, size_t len, struct login_body *ret);

#endif
