/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CLI_ALERT_STORY_H
#define AJAR_CLI_ALERT_STORY_H

#include "base/err.h"

struct buf;
struct store;
struct store_alert;

/* What stands behind an alert, for people: its open doors, the nodes where it stood, and its log. */
must_check int alert_story(struct store *s, const struct store_alert *a, struct buf *b);

#endif
