/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_VIEW_ENCODE_H
#define AJAR_VIEW_ENCODE_H

#include <stdbool.h>

#include "base/err.h"
#include "view/view.h"

/*
 * The same alert for other people's systems. Each is one line without newline, valid whatever bytes
 * a process called itself by:
 *
 * 	json	INTERFACE.md's, with what changed
 * 	ocsf	Open Cybersecurity Schema Framework: Detection Finding (2004); doors are Network
 * 	Activity (4001). Version 1.4.0
 * 		of the schema: the first that has the activity "Listen".
 * 	ecs	Elastic Common Schema, 8.11
 * 	cef	ArcSight's Common Event Format, 0
 */
enum view_format { VIEW_JSON, VIEW_OCSF, VIEW_ECS, VIEW_CEF };
#define VIEW_OCSF_VERSION "1.4.0"
#define VIEW_ECS_VERSION "8.11.0"

must_check int view_format_parse(const char *name, enum view_format *ret_format); /* -ENOENT */

/*
 * store: its cluster_uuid, which with the number of the change makes an id that no other has; ""
 * when it is not known.
 */
must_check int view_encode_change(enum view_format f, const struct store_alert_change *c,
				  const char *store, struct buf *b);
/*
 * A door's opening or closing; -EOPNOTSUPP for other events, and in other formats than these: JSON,
 * OCSF, ECS.
 */
must_check int view_encode_event(enum view_format f, const struct event *ev,
				 const struct view_event_ctx *ctx, struct buf *b);

/* --- between the encoders --------------------------------------------------------------------- */

/* The event that opened the alert's door; false: it has none, or one that cannot be read. */
bool view_change_event(const struct store_alert_change *c, struct event *ret_ev);
void view_encode_ocsf(const struct store_alert_change *c, const char *store, struct buf *b);
void view_encode_ocsf_event(const struct event *ev, const struct view_event_ctx *ctx,
			    struct buf *b);
void view_encode_ecs(const struct store_alert_change *c, const char *store, struct buf *b);
void view_encode_ecs_event(const struct event *ev, const struct view_event_ctx *ctx, struct buf *b);
void view_encode_cef(const struct store_alert_change *c, const char *store, struct buf *b);

#endif
