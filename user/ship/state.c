/* SPDX-License-Identifier: GPL-2.0 */
#include "ship/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/text.h"

/*
 * "ajar-ship-state 1" and then a line a field: its name, a blank, its value. Text is escaped, so
 * that it is one line; a name nobody knows is passed over. An empty value is left out.
 */
#define HEADER "ajar-ship-state 1\n"
#define FILE_MAX (16 * 1024)

static const char *const status_names[] = {
	[SHIP_UNKNOWN] = "unknown", [SHIP_WELL] = "well",   [SHIP_AWAY] = "away",
	[SHIP_HELD] = "held",	    [SHIP_ENDED] = "ended",
};

/* The fields that are numbers, and those that are text. */
static const struct number {
	const char *name;
	size_t off;
} numbers[] = {
	{ "since_ns", offsetof(struct ship_state, since_ns) },
	{ "written_ns", offsetof(struct ship_state, written_ns) },
	{ "store_ns", offsetof(struct ship_state, store_ns) },
	{ "seq", offsetof(struct ship_state, at.seq) },
	{ "sent", offsetof(struct ship_state, sent) },
	{ "stored", offsetof(struct ship_state, stored) },
	{ "batches", offsetof(struct ship_state, batches) },
	{ "quarantined", offsetof(struct ship_state, quarantined) },
};
static const struct words {
	const char *name;
	size_t off, size;
} words[] = {
	{ "why", offsetof(struct ship_state, why), sizeof(((struct ship_state *)0)->why) },
	{ "store", offsetof(struct ship_state, store), sizeof(((struct ship_state *)0)->store) },
	{ "cluster", offsetof(struct ship_state, cluster),
	  sizeof(((struct ship_state *)0)->cluster) },
};

/* "well", "away", "held" ... */
static const char *ship_status_name(enum ship_status status)
{
	return (unsigned)status < array_len(status_names) ? status_names[status] : "unknown";
}

void ship_state_format(const struct ship_state *st, struct buf *b)
{
	const char *base = (const char *)st;

	buf_puts(b, HEADER);
	buf_printf(b, "status %s\n", ship_status_name(st->status));
	buf_printf(b, "boot_seq %" PRIu32 "\nerrno %d\n", st->at.boot_seq, -st->err);
	for (size_t i = 0; i < array_len(numbers); i++) {
		uint64_t v;

		memcpy(&v, base + numbers[i].off, sizeof(v));
		buf_printf(b, "%s %" PRIu64 "\n", numbers[i].name, v);
	}
	for (size_t i = 0; i < array_len(words); i++) {
		const char *text = base + words[i].off;

		if (!*text)
			continue;
		buf_printf(b, "%s ", words[i].name);
		esc_text(b, text, strlen(text), words[i].size - 16);
		buf_putc(b, '\n');
	}
}

static int parse_status(const char *value, struct ship_state *st)
{
	for (size_t i = 0; i < array_len(status_names); i++) {
		if (!strcmp(value, status_names[i])) {
			st->status = (enum ship_status)i;
			return 0;
		}
	}
	return -EBADMSG;
}

static int parse_field(const char *name, const char *value, struct ship_state *st)
{
	char *base = (char *)st;
	uint32_t small;

	if (!strcmp(name, "status"))
		return parse_status(value, st);
	if (!strcmp(name, "boot_seq"))
		return parse_u32(value, &st->at.boot_seq);
	if (!strcmp(name, "errno")) {
		if (parse_u32(value, &small) || small > INT32_MAX)
			return -EBADMSG;
		st->err = -(int)small;
		return 0;
	}
	for (size_t i = 0; i < array_len(numbers); i++) {
		uint64_t v;

		if (strcmp(name, numbers[i].name))
			continue;
		if (parse_u64(value, &v))
			return -EBADMSG;
		memcpy(base + numbers[i].off, &v, sizeof(v));
		return 0;
	}
	for (size_t i = 0; i < array_len(words); i++) {
		if (strcmp(name, words[i].name))
			continue;
		if (strlen(value) >= words[i].size)
			return -EBADMSG;
		snprintf(base + words[i].off, words[i].size, "%s", value);
		return 0;
	}
	return 0;
}

int ship_state_parse(const char *text, struct ship_state *ret_st)
{
	struct ship_state st = { 0 };
	char line[1024];

	if (strncmp(text, HEADER, strlen(HEADER)))
		return -EBADMSG;
	text += strlen(HEADER);
	while (*text) {
		const char *end = strchrnul(text, '\n');
		size_t len = (size_t)(end - text);
		char *blank;

		if (!*end || len >= sizeof(line))
			return -EBADMSG;
		memcpy(line, text, len);
		line[len] = '\0';
		blank = strchr(line, ' ');
		if (!blank)
			return -EBADMSG;
		*blank = '\0';
		if (parse_field(line, blank + 1, &st))
			return -EBADMSG;
		text = end + 1;
	}
	*ret_st = st;
	return 0;
}

int ship_state_write(int journal_dirfd, const struct ship_state *st)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(FILE_MAX);
	struct ship_state now = *st;

	now.written_ns = clock_wall_ns();
	ship_state_format(&now, &b);
	return b.err ? b.err
		     : file_write_atomic(journal_dirfd, SHIP_STATE_FILE, b.data, b.len, 0640);
}

int ship_state_read(int journal_dirfd, struct ship_state *ret_st)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(FILE_MAX);
	int err = file_read(journal_dirfd, SHIP_STATE_FILE, &b);

	if (err)
		return err == -E2BIG ? -EBADMSG : err;
	return ship_state_parse(buf_str(&b), ret_st);
}
