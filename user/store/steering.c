/* SPDX-License-Identifier: GPL-2.0 */
#include "store/steering.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "core/steering.h"

#define NAME_MAX_LEN 255 /* of a setting */

/* The value: "BOOT SEQ\n", the record it is from, and the lines. -ENOENT: none; -ENAMETOOLONG: there can be none. */
static int get(struct store *s, const char *node, char name[NAME_MAX_LEN + 1], struct buf *value)
{
	if (snprintf(name, NAME_MAX_LEN + 1, "steering %s", node) > NAME_MAX_LEN)
		return -ENAMETOOLONG;
	return store_setting_get(s, name, value);
}

/* A record that is judged once more, or late, is not news. */
static bool is_older(const struct store_event_row *row, const char *value)
{
	uint32_t boot = 0;
	uint64_t seq = 0;

	if (sscanf(value, "%" SCNu32 " %" SCNu64, &boot, &seq) != 2)
		return false;
	return row->raw.boot_seq != boot ? row->raw.boot_seq < boot : row->raw.seq < seq;
}

int store_steering_note(struct store *s, const struct store_event_row *row)
{
	_cleanup_(buf_done) struct buf old = BUF_INIT(STEERING_STORED_MAX + 64),
				       value = BUF_INIT(STEERING_STORED_MAX);
	struct text list = row->ev.kind == EVENT_STEER ? row->ev.reason : (struct text){ 0 }, line;
	char name[NAME_MAX_LEN + 1];
	int err = get(s, row->node, name, &old);

	if (err == -ENAMETOOLONG || (err == -ENOENT && row->ev.kind != EVENT_STEER))
		return 0;
	if (err && err != -ENOENT)
		return err;
	if (!err && is_older(row, buf_str(&old)))
		return 0;
	buf_printf(&value, "%" PRIu32 " %" PRIu64 "\n", row->raw.boot_seq, row->raw.seq);
	while (steering_next(&list, &line)) {
		if (value.len + 4 * STEERING_LINE_MAX + 1 > STEERING_STORED_MAX)
			break;
		esc_text(&value, line.ptr, line.len, STEERING_LINE_MAX);
		buf_putc(&value, '\n');
	}
	return value.err ? value.err : store_setting_set(s, name, buf_str(&value));
}

int store_steering_get(struct store *s, const char *node, struct buf *b)
{
	_cleanup_(buf_done) struct buf value = BUF_INIT(STEERING_STORED_MAX + 64);
	char name[NAME_MAX_LEN + 1];
	const char *lines;
	int err = get(s, node, name, &value);

	if (err)
		return err == -ENOENT || err == -ENAMETOOLONG ? 0 : err;
	lines = strchr(buf_str(&value), '\n');
	if (lines)
		buf_puts(b, lines + 1);
	return b->err;
}
