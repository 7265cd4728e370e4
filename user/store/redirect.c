/* SPDX-License-Identifier: GPL-2.0 */
#include "store/redirect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "core/redirect.h"

#define NAME_MAX_LEN 255 /* of a setting */

/*
 * The value: "BOOT SEQ NETNS\n", the record it is from and the node's own namespace, and the lines.
 * -ENOENT: none; -ENAMETOOLONG: there can be none.
 */
static int get(struct store *s, const char *node, char name[NAME_MAX_LEN + 1], struct buf *value)
{
	if (snprintf(name, NAME_MAX_LEN + 1, REDIRECT_SETTING "%s", node) > NAME_MAX_LEN)
		return -ENAMETOOLONG;
	return store_setting_get(s, name, value);
}

struct head {
	uint32_t boot, netns;
	uint64_t seq;
};

/* All zeros where there is none. */
static struct head head_of(const char *value)
{
	struct head h = { 0 };

	if (sscanf(value, "%" SCNu32 " %" SCNu64 " %" SCNu32, &h.boot, &h.seq, &h.netns) < 2)
		h = (struct head){ 0 };
	return h;
}

/* A record that is judged once more, or late, is not news. */
static bool is_older(const struct store_event_row *row, const struct head *h)
{
	return row->raw.boot_seq != h->boot ? row->raw.boot_seq < h->boot : row->raw.seq < h->seq;
}

int store_redirect_note(struct store *s, const struct store_event_row *row)
{
	_cleanup_(buf_done) struct buf old = BUF_INIT(REDIRECT_STORED_MAX + 64),
				       value = BUF_INIT(REDIRECT_STORED_MAX);
	struct text list = row->ev.kind == EVENT_REDIRECT ? row->ev.reason : (struct text){ 0 },
		    line;
	char name[NAME_MAX_LEN + 1];
	int err = get(s, row->node, name, &old);
	uint32_t netns = row->ev.own_netns;
	struct head before;

	if (err == -ENAMETOOLONG)
		return 0;
	if (err && err != -ENOENT)
		return err;
	before = head_of(buf_str(&old));
	if (is_older(row, &before))
		return 0;
	if (row->ev.kind == EVENT_REDIRECT)
		netns = before.netns; /* as the start before it said */
	buf_printf(&value, "%" PRIu32 " %" PRIu64 " %" PRIu32 "\n", row->raw.boot_seq, row->raw.seq,
		   netns);
	while (redirect_next(&list, &line)) {
		if (value.len + 4 * REDIRECT_LINE_MAX + 1 > REDIRECT_STORED_MAX)
			break;
		esc_text(&value, line.ptr, line.len, REDIRECT_LINE_MAX);
		buf_putc(&value, '\n');
	}
	return value.err ? value.err : store_setting_set(s, name, buf_str(&value));
}

int store_redirect_lines(const char *value, struct buf *b)
{
	const char *lines = strchr(value, '\n');

	if (!lines)
		return 0;
	buf_puts(b, lines + 1);
	return b->err;
}

int store_redirect_get(struct store *s, const char *node, struct buf *b, uint32_t *ret_netns)
{
	_cleanup_(buf_done) struct buf value = BUF_INIT(REDIRECT_STORED_MAX + 64);
	char name[NAME_MAX_LEN + 1];
	int err = get(s, node, name, &value);

	if (ret_netns)
		*ret_netns = err ? 0 : head_of(buf_str(&value)).netns;
	if (err)
		return err == -ENOENT || err == -ENAMETOOLONG ? 0 : err;
	return b ? store_redirect_lines(buf_str(&value), b) : 0;
}
