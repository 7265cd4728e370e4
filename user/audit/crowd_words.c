/* SPDX-License-Identifier: GPL-2.0 */
#include <inttypes.h>
#include <stdbool.h>

#include "audit/audit.h"
#include "base/buf.h"
#include "base/text.h"

/* What the alert of a crowd says: one user's, or one node's, doors on top of too many alerts. */
#define NAME_BYTES_MAX 256
#define MINUTES (int)(AUDIT_CROWD_NS / UINT64_C(60000000000))

static void put_user(const struct process *who, struct buf *b)
{
	if (who->kernel)
		buf_puts(b, "the kernel");
	else if (!who->known || (who->uid == ID_UNKNOWN && !who->user.len))
		buf_puts(b, "an unknown user");
	else if (who->user.ptr && who->user.len)
		esc_text(b, who->user.ptr, who->user.len, NAME_BYTES_MAX);
	else
		buf_printf(b, "uid %" PRIu32, who->uid);
}

void audit_crowd_summary(enum crowd_of of, const char *node, const struct process *who,
			 const struct audit_crowd_size *n, struct buf *b)
{
	if (of == CROWD_USER)
		put_user(who, b);
	else
		buf_puts(b, "a node");
	buf_puts(b, " opens doors in a flood: ");
	if (n->doors)
		buf_printf(b,
			   "%" PRIu64 "%s door%s by %" PRIu64 " program%s without an alert of "
			   "their own",
			   n->doors, n->cut ? " or more" : "", n->doors == 1 ? "" : "s",
			   n->programs, n->programs == 1 ? "" : "s");
	else
		buf_printf(b, "more than %d alerts in %d minutes",
			   of == CROWD_USER ? AUDIT_CROWD_USER_MAX : AUDIT_CROWD_NODE_MAX, MINUTES);
	buf_puts(b, " on ");
	esc_text(b, node, text_of(node).len, NAME_BYTES_MAX);
}

void audit_crowd_why(enum crowd_of of, struct buf *b)
{
	buf_printf(b,
		   "doors of this %s opened more than %d alerts within %d minutes: those that come "
		   "on top have this one alert together, and each keeps its verdict",
		   of == CROWD_USER ? "user on this node" : "node",
		   of == CROWD_USER ? AUDIT_CROWD_USER_MAX : AUDIT_CROWD_NODE_MAX, MINUTES);
}

void audit_crowd_remedy(enum crowd_of of, const char *node, const struct process *who,
			struct buf *b)
{
	buf_puts(b, "see them: ajar ls state:unexpected node:");
	esc_text(b, node, text_of(node).len, NAME_BYTES_MAX);
	if (of == CROWD_USER && who->user.ptr && who->user.len) {
		buf_puts(b, " user:");
		esc_text(b, who->user.ptr, who->user.len, NAME_BYTES_MAX);
	}
	buf_puts(b, "; stop what opens them; what is wanted is allowed by 'ajar profile learn'");
}
