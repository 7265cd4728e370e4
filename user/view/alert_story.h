/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_VIEW_ALERT_STORY_H
#define AJAR_VIEW_ALERT_STORY_H

#include "base/err.h"

struct buf;
struct writer;
struct store;
struct store_alert;

/*
 * What stands behind an alert, for people: its open doors, the nodes where it stood, and its log.
 */
must_check int alert_story(struct store *s, const struct store_alert *a, struct buf *b);

/*
 * The same as members of an object: "doors" (ALERT_STORY_DOORS_MAX at most, and "more_doors"),
 * "where", "log" and "scans".
 */
#define ALERT_STORY_DOORS_MAX 500
must_check int alert_story_json(struct store *s, const struct store_alert *a, struct writer *w);

#endif
