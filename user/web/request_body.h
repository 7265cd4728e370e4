/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_WEB_REQUEST_BODY_H
#define AJAR_WEB_REQUEST_BODY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/requests.h"

#define REQUEST_IDS_TEXT (REQUEST_ALERTS_MAX * 20 + 1)

struct request_body {
	enum request_verb verb;
	char alerts[REQUEST_IDS_TEXT]; /* "7,9,12" */
	unsigned alerts_len;
	char reason[REQUEST_REASON_MAX + 1], ticket[REQUEST_TICKET_MAX + 1];
	uint64_t until_ns; /* 0: not given */
};
/*
 * {"action":"ack","alerts":[7],"reason":...,"until":...,"ticket":...}, a JSON object with the first
 * two and nothing but these. -EINVAL with what is wrong.
 */
must_check int request_body_parse(const char *text, size_t len, uint64_t now_wall_ns,
				  struct request_body *ret, const char **ret_why);

#endif
