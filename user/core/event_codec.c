/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The encoded event
 * =================
 *
 * Kept in journals and stores for ever, so it only ever grows. All numbers are little-endian.
 *
 *	u8  version = 1
 *	u8  kind            enum event_kind
 *	u8  origin          enum event_origin, 0 when it has no meaning (lost, gap, start, stop, redirect)
 *	u8  reserved = 0
 *	u64 time_ns         wall clock
 *	u64 boot_ns         CLOCK_BOOTTIME
 *	fields...           { u16 tag; u16 length; length bytes }, in any order, each tag at most once
 *
 * A field that is unknown to the writer is absent; a tag that is unknown to the reader is skipped;
 * a field longer than the reader expects is read as far as it knows (a later version may append).
 *
 *	tag  content
 *	1    door: u8 proto, u8 family (0 = none), u8 scope, u8 flags (1 v6only, 2 autoport,
 *	     4 settling, 8 connected, 16 multicast, 32 bound, 64 lasting, 128 shared),
 *	     u32 port, u32 netns, u32 reserved = 0, u64 netns_cookie, u64 cookie, u64 inode,
 *	     16 bytes address
 *	2    opener: a process, see below
 *	3    closer: a process
 *	4    cgroup: u64 id, then its path
 *	5    u64 opened_ns; of a gap: since when nothing was watched
 *	6    u64 count
 *	7    u64 from_seq, u64 to_seq, u32 gap_boot
 *	8    reason: text
 *	9    u64 lost_since_ns, u64 lost_total, u32 lost_cpu
 *	10   u32 own_netns
 *	11   the opener's cgroup paths in other hierarchies (v1), each ended by NUL; absent: they were not read
 *	12   the door's device: text
 *	13   the door is in another network namespace than the agent: its name, empty when it is not known
 *	14   holders: u32 more, u32 reserved = 0, then { u16 tag = 1; u16 length; a process } ...
 *	15   asker: a process
 *
 * A process is itself fixed numbers followed by fields of the same shape:
 *
 *	u32 flags (1 kernel, 2 exe cut, 4 argv cut; enum process_space from bit 3 on), u32 pid, u32 tid, u32 uid, u32 gid,
 *	u32 loginuid, u32 session, u64 start_ns, 16 bytes comm, fields...
 *	1    exe   2 argv   3 user   4 ancestors: { u32 pid, 16 bytes comm } ...
 *	5    cgroup: path   6 u32 alike   7 cgroup paths in other hierarchies, each ended by NUL (all of holders alone)
 *
 * An unknown text has no field; an empty one has a field of length 0. A text longer than a field
 * can hold (65,535 bytes) does not occur: EVENT_RECORD_MAX bounds the whole.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "core/event.h"
#include "core/holders.h"
#include "core/place.h"

#define CODEC_VERSION 1
#define HEAD_LEN 20
#define FIELD_HEAD 4
#define DOOR_LEN 56
#define PROCESS_LEN 52
#define ANCESTOR_LEN (4 + COMM_LEN)

enum {
	TAG_DOOR = 1,
	TAG_OPENER,
	TAG_CLOSER,
	TAG_CGROUP,
	TAG_OPENED,
	TAG_COUNT,
	TAG_RANGE,
	TAG_REASON,
	TAG_LOST,
	TAG_NETNS,
	TAG_CGROUPS,
	TAG_DEVICE,
	TAG_ELSEWHERE,
	TAG_HOLDERS,
	TAG_ASKER
};
enum {
	DOOR_V6ONLY = 1,
	DOOR_AUTOPORT = 2,
	DOOR_SETTLING = 4,
	DOOR_CONNECTED = 8,
	DOOR_MULTICAST = 16,
	DOOR_BOUND = 32,
	DOOR_LASTING = 64,
	DOOR_SHARED = 128,
};
enum { PTAG_EXE = 1, PTAG_ARGV, PTAG_USER, PTAG_ANCESTORS, PTAG_CGROUP, PTAG_ALIKE, PTAG_CGROUPS };
enum { HTAG_HOLDER = 1 };
enum { PROCESS_KERNEL = 1, PROCESS_EXE_CUT = 2, PROCESS_ARGV_CUT = 4 };
#define PROCESS_SPACE_SHIFT 3
#define PROCESS_SPACE_MASK                                                                         \
	(SPACE_KNOWN | SPACE_PID | SPACE_USER | SPACE_ROOT | SPACE_EXE | SPACE_FILE)

/* --- encoding ------------------------------------------------------------------------------- */

static void put_head(struct buf *b, unsigned tag, size_t len)
{
	buf_put_u16(b, (uint16_t)tag);
	if (len > UINT16_MAX && !b->err)
		b->err = -E2BIG;
	buf_put_u16(b, (uint16_t)len);
}

static void put_text(struct buf *b, unsigned tag, struct text t)
{
	if (!t.ptr)
		return;
	put_head(b, tag, t.len);
	buf_put(b, t.ptr, t.len);
}

static void put_name(struct buf *b, unsigned tag, const char *name)
{
	put_text(b, tag, text_of(name));
}

static void put_u64_field(struct buf *b, unsigned tag, uint64_t v)
{
	if (!v)
		return;
	put_head(b, tag, sizeof(v));
	buf_put_u64(b, v);
}

static unsigned door_flags(const struct door *d)
{
	return (d->v6only ? DOOR_V6ONLY : 0) | (d->autoport ? DOOR_AUTOPORT : 0) |
	       (d->settling ? DOOR_SETTLING : 0) | (d->connected ? DOOR_CONNECTED : 0) |
	       (d->multicast ? DOOR_MULTICAST : 0) | (d->bound ? DOOR_BOUND : 0) |
	       (d->lasting ? DOOR_LASTING : 0) | (d->shared ? DOOR_SHARED : 0);
}

static void put_door(struct buf *b, const struct door *d)
{
	if (!d->proto)
		return;
	put_head(b, TAG_DOOR, DOOR_LEN);
	buf_putc(b, (char)d->proto);
	buf_putc(b, (char)d->family);
	buf_putc(b, (char)d->scope);
	buf_putc(b, (char)door_flags(d));
	buf_put_u32(b, d->port);
	buf_put_u32(b, d->netns);
	buf_put_u32(b, 0);
	buf_put_u64(b, d->netns_cookie);
	buf_put_u64(b, d->cookie);
	buf_put_u64(b, d->inode);
	buf_put(b, d->addr, sizeof(d->addr));
}

static size_t text_field_len(struct text t)
{
	return t.ptr ? FIELD_HEAD + t.len : 0;
}

void event_encode_process(struct buf *b, const struct process *p)
{
	uint32_t n = p->ancestors_len < ANCESTORS_MAX ? p->ancestors_len : ANCESTORS_MAX;

	buf_put_u32(b, (p->kernel ? PROCESS_KERNEL : 0) | (p->exe_cut ? PROCESS_EXE_CUT : 0) |
			       (p->argv_cut ? PROCESS_ARGV_CUT : 0) |
			       (p->space & PROCESS_SPACE_MASK) << PROCESS_SPACE_SHIFT);
	buf_put_u32(b, p->pid);
	buf_put_u32(b, p->tid);
	buf_put_u32(b, p->uid);
	buf_put_u32(b, p->gid);
	buf_put_u32(b, p->loginuid);
	buf_put_u32(b, p->session);
	buf_put_u64(b, p->start_ns);
	buf_put(b, p->comm, COMM_LEN);
	put_text(b, PTAG_EXE, p->exe);
	put_text(b, PTAG_ARGV, p->argv);
	put_text(b, PTAG_USER, p->user);
	put_text(b, PTAG_CGROUP, p->cgroup);
	if (p->cgroups_known)
		put_text(b, PTAG_CGROUPS, p->cgroups.ptr ? p->cgroups : TEXT(""));
	if (p->alike) {
		put_head(b, PTAG_ALIKE, sizeof(uint32_t));
		buf_put_u32(b, p->alike);
	}
	if (!n)
		return;
	put_head(b, PTAG_ANCESTORS, n * ANCESTOR_LEN);
	for (uint32_t i = 0; i < n; i++) {
		buf_put_u32(b, p->ancestors[i].pid);
		buf_put(b, p->ancestors[i].comm, COMM_LEN);
	}
}

static size_t process_len(const struct process *p)
{
	uint32_t n = p->ancestors_len < ANCESTORS_MAX ? p->ancestors_len : ANCESTORS_MAX;

	return PROCESS_LEN + text_field_len(p->exe) + text_field_len(p->argv) +
	       text_field_len(p->user) + text_field_len(p->cgroup) +
	       (p->cgroups_known ? FIELD_HEAD + p->cgroups.len : 0) +
	       (p->alike ? FIELD_HEAD + sizeof(uint32_t) : 0) +
	       (n ? FIELD_HEAD + n * ANCESTOR_LEN : 0);
}

static void put_process(struct buf *b, unsigned tag, const struct process *p)
{
	if (!p->known)
		return;
	put_head(b, tag, process_len(p));
	event_encode_process(b, p);
}

/*
 * False when it would take the list beyond HOLDERS_MAX entries or HOLDERS_BYTES_MAX: it is counted
 * as one more.
 */
bool holders_put(struct holders *h, struct buf *list, const struct process *p)
{
	size_t need = FIELD_HEAD + process_len(p);

	h->known = true;
	if (h->len >= HOLDERS_MAX || list->len + need > HOLDERS_BYTES_MAX) {
		h->more++;
		return false;
	}
	put_process(list, HTAG_HOLDER, p);
	h->len++;
	h->list = (struct text){ list->data, (uint32_t)list->len };
	return true;
}

static void put_holders(struct buf *b, const struct holders *h)
{
	if (!h->known)
		return;
	put_head(b, TAG_HOLDERS, 2 * sizeof(uint32_t) + h->list.len);
	buf_put_u32(b, h->more);
	buf_put_u32(b, 0);
	if (h->list.len)
		buf_put(b, h->list.ptr, h->list.len);
}

void event_encode(const struct event *ev, struct buf *b)
{
	buf_putc(b, CODEC_VERSION);
	buf_putc(b, (char)ev->kind);
	buf_putc(b, (char)ev->origin);
	buf_putc(b, 0);
	buf_put_u64(b, ev->time_ns);
	buf_put_u64(b, ev->boot_ns);
	put_door(b, &ev->door);
	put_process(b, TAG_OPENER, &ev->opener);
	put_process(b, TAG_CLOSER, &ev->closer);
	if (ev->cgroup_id || ev->cgroup.ptr) {
		put_head(b, TAG_CGROUP, sizeof(uint64_t) + (ev->cgroup.ptr ? ev->cgroup.len : 0));
		buf_put_u64(b, ev->cgroup_id);
		if (ev->cgroup.ptr)
			buf_put(b, ev->cgroup.ptr, ev->cgroup.len);
	}
	put_holders(b, &ev->holders);
	put_text(b, TAG_ASKER, ev->asker);
	put_u64_field(b, TAG_OPENED, ev->opened_ns);
	put_u64_field(b, TAG_COUNT, ev->count);
	if (ev->from_seq || ev->to_seq) {
		put_head(b, TAG_RANGE, 2 * sizeof(uint64_t) + sizeof(uint32_t));
		buf_put_u64(b, ev->from_seq);
		buf_put_u64(b, ev->to_seq);
		buf_put_u32(b, ev->gap_boot);
	}
	put_text(b, TAG_REASON, ev->reason);
	if (ev->lost_since_ns) {
		put_head(b, TAG_LOST, 2 * sizeof(uint64_t) + sizeof(uint32_t));
		buf_put_u64(b, ev->lost_since_ns);
		buf_put_u64(b, ev->lost_total);
		buf_put_u32(b, ev->lost_cpu);
	}
	if (ev->own_netns) {
		put_head(b, TAG_NETNS, sizeof(uint32_t));
		buf_put_u32(b, ev->own_netns);
	}
	if (ev->cgroups_known)
		put_text(b, TAG_CGROUPS, ev->cgroups.ptr ? ev->cgroups : TEXT(""));
	if (ev->door.device[0])
		put_name(b, TAG_DEVICE, ev->door.device);
	if (ev->door.elsewhere)
		put_name(b, TAG_ELSEWHERE, ev->door.netns_name);
}

/* --- decoding ------------------------------------------------------------------------------- */

/* What is left to read; reading past the end sets bad and yields zeros. */
struct cursor {
	const uint8_t *p;
	size_t n;
	bool bad;
};

static const uint8_t *get(struct cursor *c, size_t n)
{
	static const uint8_t zeros[COMM_LEN];
	const uint8_t *p = c->p;

	if (n > c->n) {
		c->bad = true;
		c->n = 0;
		return zeros;
	}
	c->p += n;
	c->n -= n;
	return p;
}

static uint8_t get_u8(struct cursor *c)
{
	return *get(c, 1);
}

static uint16_t get_u16(struct cursor *c)
{
	uint16_t v;

	memcpy(&v, get(c, sizeof(v)), sizeof(v));
	return le16toh(v);
}

static uint32_t get_u32(struct cursor *c)
{
	uint32_t v;

	memcpy(&v, get(c, sizeof(v)), sizeof(v));
	return le32toh(v);
}

static uint64_t get_u64(struct cursor *c)
{
	uint64_t v;

	memcpy(&v, get(c, sizeof(v)), sizeof(v));
	return le64toh(v);
}

/* The next field as a cursor of its own; false at the end. */
static bool next_field(struct cursor *c, unsigned *ret_tag, struct cursor *ret_field)
{
	uint16_t tag, len;

	if (!c->n || c->bad)
		return false;
	tag = get_u16(c);
	len = get_u16(c);
	if (c->bad || len > c->n) {
		c->bad = true;
		return false;
	}
	*ret_tag = tag;
	*ret_field = (struct cursor){ .p = get(c, len), .n = len };
	return true;
}

static struct text rest_as_text(const struct cursor *c)
{
	return (struct text){ (const char *)c->p, (uint32_t)c->n };
}

static void get_comm(struct cursor *c, char comm[COMM_LEN])
{
	memcpy(comm, get(c, COMM_LEN), COMM_LEN);
	comm[COMM_LEN - 1] = '\0';
}

/* What does not fit is cut and ends in "+": a later version may write longer ones. */
static void get_name(const struct cursor *c, char *ret, size_t size)
{
	size_t n = c->n < size ? c->n : size - 1;

	memcpy(ret, c->p, n);
	ret[n] = '\0';
	if (c->n >= size)
		ret[size - 2] = '+';
}

static bool family_is_known(unsigned family)
{
	return !family || family == FAMILY_INET || family == FAMILY_INET6 ||
	       family == FAMILY_PACKET || family == FAMILY_VSOCK;
}

static void get_door(struct cursor *c, struct door *d)
{
	unsigned proto = get_u8(c), family = get_u8(c), scope = get_u8(c), flags = get_u8(c);

	d->port = get_u32(c);
	d->netns = get_u32(c);
	get_u32(c);
	d->netns_cookie = get_u64(c);
	d->cookie = get_u64(c);
	d->inode = get_u64(c);
	memcpy(d->addr, get(c, sizeof(d->addr)), sizeof(d->addr));
	d->v6only = flags & DOOR_V6ONLY;
	d->autoport = flags & DOOR_AUTOPORT;
	d->settling = flags & DOOR_SETTLING;
	d->connected = flags & DOOR_CONNECTED;
	d->multicast = flags & DOOR_MULTICAST;
	d->bound = flags & DOOR_BOUND;
	d->lasting = flags & DOOR_LASTING;
	d->shared = flags & DOOR_SHARED;
	if (proto < PROTO_TCP || proto > PROTO_VSOCK || scope > SCOPE_LOOPBACK ||
	    !family_is_known(family)) {
		c->bad = true;
		return;
	}
	d->proto = (enum door_proto)proto;
	d->family = (enum door_family)family;
	d->scope = (enum door_scope)scope;
}

static void get_ancestors(struct cursor *c, struct process *p)
{
	p->ancestors_len = 0;
	while (c->n >= ANCESTOR_LEN && p->ancestors_len < ANCESTORS_MAX) {
		struct ancestor *a = &p->ancestors[p->ancestors_len++];

		a->pid = get_u32(c);
		get_comm(c, a->comm);
	}
}

static void get_process(struct cursor *c, struct process *p)
{
	uint32_t flags = get_u32(c);
	struct cursor f;
	unsigned tag;

	p->known = true;
	p->kernel = flags & PROCESS_KERNEL;
	p->exe_cut = flags & PROCESS_EXE_CUT;
	p->argv_cut = flags & PROCESS_ARGV_CUT;
	p->space = flags >> PROCESS_SPACE_SHIFT & PROCESS_SPACE_MASK;
	p->pid = get_u32(c);
	p->tid = get_u32(c);
	p->uid = get_u32(c);
	p->gid = get_u32(c);
	p->loginuid = get_u32(c);
	p->session = get_u32(c);
	p->start_ns = get_u64(c);
	get_comm(c, p->comm);
	while (next_field(c, &tag, &f)) {
		switch (tag) {
		case PTAG_EXE:
			p->exe = rest_as_text(&f);
			break;
		case PTAG_ARGV:
			p->argv = rest_as_text(&f);
			break;
		case PTAG_USER:
			p->user = rest_as_text(&f);
			break;
		case PTAG_ANCESTORS:
			get_ancestors(&f, p);
			break;
		case PTAG_CGROUP:
			p->cgroup = rest_as_text(&f);
			break;
		case PTAG_CGROUPS:
			p->cgroups = rest_as_text(&f);
			p->cgroups_known = true;
			break;
		case PTAG_ALIKE:
			p->alike = get_u32(&f);
			break;
		}
	}
}

static int event_decode_process(struct text encoded, struct process *ret_p)
{
	struct cursor c = { .p = (const uint8_t *)encoded.ptr, .n = encoded.len };
	struct process p = { 0 };

	get_process(&c, &p);
	if (c.bad)
		return -EBADMSG;
	place_process(&p);
	*ret_p = p;
	return 0;
}

bool event_asker(const struct event *ev, struct process *ret_p)
{
	return ev->asker.ptr && !event_decode_process(ev->asker, ret_p);
}

bool holders_next(struct text *list, struct process *ret_p)
{
	struct cursor c = { .p = (const uint8_t *)list->ptr, .n = list->len }, f;
	unsigned tag;

	while (next_field(&c, &tag, &f)) {
		*list = rest_as_text(&c);
		if (tag == HTAG_HOLDER && !event_decode_process(rest_as_text(&f), ret_p))
			return true;
	}
	return false;
}

/* Every entry is read once here, so that whoever walks the list meets no surprise. */
static void get_holders(struct cursor *c, struct holders *h)
{
	struct process p;
	struct cursor f;
	unsigned tag;

	h->known = true;
	h->more = get_u32(c);
	get_u32(c);
	h->list = rest_as_text(c);
	while (next_field(c, &tag, &f)) {
		if (tag != HTAG_HOLDER)
			continue;
		h->len++;
		if (event_decode_process(rest_as_text(&f), &p))
			c->bad = true;
	}
}

static void get_field(unsigned tag, struct cursor *f, struct event *ev)
{
	switch (tag) {
	case TAG_DOOR:
		get_door(f, &ev->door);
		break;
	case TAG_OPENER:
		get_process(f, &ev->opener);
		break;
	case TAG_CLOSER:
		get_process(f, &ev->closer);
		break;
	case TAG_CGROUP:
		ev->cgroup_id = get_u64(f);
		if (f->n)
			ev->cgroup = rest_as_text(f);
		break;
	case TAG_OPENED:
		ev->opened_ns = get_u64(f);
		break;
	case TAG_COUNT:
		ev->count = get_u64(f);
		break;
	case TAG_RANGE:
		ev->from_seq = get_u64(f);
		ev->to_seq = get_u64(f);
		ev->gap_boot = get_u32(f);
		break;
	case TAG_REASON:
		ev->reason = rest_as_text(f);
		break;
	case TAG_LOST:
		ev->lost_since_ns = get_u64(f);
		ev->lost_total = get_u64(f);
		ev->lost_cpu = get_u32(f);
		break;
	case TAG_NETNS:
		ev->own_netns = get_u32(f);
		break;
	case TAG_CGROUPS:
		ev->cgroups = rest_as_text(f);
		ev->cgroups_known = true;
		break;
	case TAG_DEVICE:
		get_name(f, ev->door.device, sizeof(ev->door.device));
		break;
	case TAG_ELSEWHERE:
		ev->door.elsewhere = true;
		get_name(f, ev->door.netns_name, sizeof(ev->door.netns_name));
		break;
	case TAG_HOLDERS:
		get_holders(f, &ev->holders);
		break;
	case TAG_ASKER: {
		struct process p;

		ev->asker = rest_as_text(f);
		if (event_decode_process(ev->asker, &p))
			f->bad = true;
		break;
	}
	}
}

int event_decode(const void *p, size_t n, struct event *ret_ev)
{
	struct cursor c = { .p = p, .n = n }, f;
	struct event ev = { 0 };
	unsigned tag, kind, origin;

	if (n < HEAD_LEN || n > EVENT_RECORD_MAX || get_u8(&c) != CODEC_VERSION)
		return -EBADMSG;
	kind = get_u8(&c);
	origin = get_u8(&c);
	get_u8(&c);
	if (kind < EVENT_OPEN || kind > EVENT_SETTLE || origin > ORIGIN_SWEEP)
		return -EBADMSG;
	ev.kind = (enum event_kind)kind;
	ev.origin = (enum event_origin)origin;
	ev.time_ns = get_u64(&c);
	ev.boot_ns = get_u64(&c);
	while (next_field(&c, &tag, &f)) {
		get_field(tag, &f, &ev);
		if (f.bad)
			return -EBADMSG;
	}
	if (c.bad)
		return -EBADMSG;
	if (event_has_door(ev.kind) && !ev.door.proto)
		return -EBADMSG; /* something about a door, without the door */
	if (!ev.time_ns || ev.time_ns > EVENT_TIME_MAX || ev.opened_ns > EVENT_TIME_MAX)
		return -EBADMSG; /* no time that can be reckoned with */
	place_fill(&ev);
	ev.raw = (struct text){ p, (uint32_t)n };
	*ret_ev = ev;
	return 0;
}
