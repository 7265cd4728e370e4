/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CORE_EVENT_H
#define AJAR_CORE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

struct buf;

/*
 * The domain's central type: something that happened to a door. Numbers are stored and sent:
 * they are written out and never reused. All text is borrowed from whoever produced the event (the
 * sensor during its callback, the decoded record) and is hostile until escaped.
 */
enum event_kind {
	EVENT_OPEN = 1,
	EVENT_CLOSE = 2,
	EVENT_BIND = 3, /* TCP bound, not listening */
	EVENT_LOST = 4, /* the sensor lost count records */
	/*
	 * records from..to are missing on purpose or by damage, or, with opened_ns, nothing was
	 * watched since then; reason says why
	 */
	EVENT_GAP = 5,
	EVENT_START = 6, /* the agent began to record; reason: tier and hooks */
	EVENT_STOP = 7,
	/*
	 * what the node says answers without a door has changed; reason: the whole, core/redirect.h
	 */
	EVENT_REDIRECT = 8,
	EVENT_HELD = 9, /* others hold a door than before: door, opener, holders */
	/*
	 * what a UDP socket is a moment after its bind, or has become since: connected, a member of
	 * a group
	 */
	EVENT_SETTLE = 10,
};

enum event_origin {
	ORIGIN_EVENT = 1, /* seen as it happened */
	ORIGIN_SNAPSHOT = 2, /* was open when watching began */
	ORIGIN_SWEEP = 3, /* found or closed by a sweep */
};

enum door_proto {
	PROTO_TCP = 1,
	PROTO_MPTCP = 2,
	PROTO_UDP = 3,
	PROTO_UDPLITE = 4,
	PROTO_SCTP = 5,
	PROTO_RAW = 6,
	PROTO_PACKET = 7,
	PROTO_VSOCK = 8,
};

enum door_family { FAMILY_INET = 2, FAMILY_INET6 = 10, FAMILY_PACKET = 17, FAMILY_VSOCK = 40 };

enum door_scope { SCOPE_ANY = 1, SCOPE_HOST = 2, SCOPE_LOOPBACK = 3 };

#define ID_UNKNOWN UINT32_MAX /* uid, gid, loginuid, session */
#define ANCESTORS_MAX 8
#define COMM_LEN 16

struct ancestor {
	uint32_t pid;
	char comm[COMM_LEN];
};

/*
 * Whether a process runs in something: null and "none" are two things, for a rule about what runs
 * in none must not permit what was merely not recognised.
 */
enum place_state {
	PLACE_UNKNOWN = 0,
	PLACE_NONE = 1,
	PLACE_IN = 2,
};

/* How a process' surroundings differ from those of the node's init. */
enum process_space {
	SPACE_KNOWN = 1, /* looked at: what is not set below is the same */
	SPACE_PID = 2, /* PID namespace */
	SPACE_USER = 4, /* user namespace */
	SPACE_ROOT = 8, /* root directory, in a mount namespace of its own */
	/* its executable's path is of a mount namespace that another user namespace owns; told also
	 * where the rest is not known */
	SPACE_EXE = 16,
	SPACE_FILE = 32, /* the node has another file of its executable's path, or none */
};

/* A process as the kernel knew it at the event. pid 0 with kernel set: the kernel itself. */
struct process {
	bool known; /* false: nothing below is */
	bool kernel;
	uint32_t pid, tid; /* thread group and thread */
	uint64_t start_ns; /* wall */
	char comm[COMM_LEN]; /* NUL-terminated */
	struct text exe; /* " (deleted)" and "memfd:" kept; unknown for the kernel */
	bool exe_cut; /* longer than the capture: the head is missing */
	struct text argv; /* arguments, each ended by NUL; unknown is not empty */
	bool argv_cut;
	uint32_t uid, gid, loginuid, session;
	struct text user; /* name of uid by the node's /etc/passwd, or unknown */
	unsigned space; /* enum process_space */
	/*
	 * Openers and holders, see core/place.h: place_fill(). A name may be there though the state
	 * is unknown: a hint for people.
	 */
	enum place_state job_state, container_state;
	struct text job, container;
	/*
	 * Of no event: what its file is, where somebody has asked the store; NULL: nobody has. See
	 * store_event_files().
	 */
	const struct exe_account *account;
	/* Holders only; an opener's are the event's. */
	struct text cgroup, cgroups;
	bool cgroups_known;
	/*
	 * holders only: so many processes of this program, user and place hold the door; this is
	 * the oldest
	 */
	uint32_t alike;
	uint32_t ancestors_len;
	struct ancestor ancestors[ANCESTORS_MAX]; /* parent first */
};

struct exe_account;

/*
 * Who holds a door: one entry for all processes of one program, user and place. The list is
 * encoded; see core/holders.h. known and empty: it is held, and no process is seen to (a descriptor
 * in a message or an io_uring, the kernel).
 */
struct holders {
	bool known; /* somebody has looked; else whoever opened it is all there is */
	uint32_t len; /* entries in the list */
	uint32_t more; /* entries that found no room in it */
	struct text list;
};

#define DEVICE_LEN 16
#define NETNS_NAME_LEN 64 /* a longer one is cut, and ends in "+" */

struct door {
	enum door_proto proto;
	enum door_family family;
	enum door_scope scope;
	uint8_t addr[16]; /* IPv4 in the first four bytes; network order */
	uint32_t port; /* vsock ports have 32 bits; raw: the IP protocol; packet: the ethertype */
	bool v6only;
	bool autoport; /* the kernel chose the port: bind to 0, listen without bind, UDP autobind */
	/*
	 * Of UDP. settling: too young to be judged, a settle record follows unless it is closed
	 * before. bound: it called bind(), as far as that was seen. lasting: on a port that the
	 * kernel chose, without a bind() that was seen, and there for a minute.
	 */
	bool settling, connected, multicast, bound, lasting;
	/*
	 * Said by who judges it: the port's rightful holder is on it too, and both are members of a
	 * multicast group.
	 */
	bool shared;
	uint64_t netns_cookie; /* with cookie and boot_seq: the identity of a door */
	uint64_t cookie; /* socket cookie */
	uint32_t netns; /* inode number, for people; 0 unknown */
	/* in another network namespace than the agent's: not among the host's own doors */
	bool elsewhere;
	char netns_name[NETNS_NAME_LEN]; /* of that one, as 'ip netns' has it; empty: unknown */
	char device[DEVICE_LEN]; /* that it is bound to (SO_BINDTODEVICE, a VRF); empty: to none */
	uint64_t inode; /* of the socket: joins an MPTCP pair and the holders */
};

struct event {
	/* with seq and the node: the identity of a record; given by the journal */
	uint32_t boot_seq;
	uint64_t seq;
	uint64_t time_ns; /* wall, of the happening */
	uint64_t boot_ns; /* CLOCK_BOOTTIME of the same */
	enum event_kind kind;
	enum event_origin origin;
	struct door door; /* open, close, bind, held, settle */
	struct process opener; /* open, bind, held, settle; on close: who opened it */
	struct process closer; /* close: who closed it, as far as known */
	uint64_t cgroup_id; /* of the opener */
	struct text cgroup; /* its path below the cgroup root, or unknown */
	bool cgroups_known; /* its other hierarchies were read (v1): */
	struct text cgroups; /* other paths than that, each ended by NUL */
	struct holders holders; /* open, held, settle */
	/*
	 * open, held: for whom the kernel made the socket, encoded: event_asker(); unknown: nobody
	 * is known
	 */
	struct text asker;
	/*
	 * close, held, settle: wall time of the opening, 0 unknown; gap: since when nothing was
	 * watched, 0: it is of records
	 */
	uint64_t opened_ns;
	uint64_t count; /* lost, gap: how many records; redirect: how many ways */
	/*
	 * lost: of which CPU's counter, of the sensor that was attached then (CLOCK_BOOTTIME; 0: of
	 * none), and how far that is reported with this record. Who finds it in a journal need not
	 * tell it again.
	 */
	uint32_t lost_cpu;
	uint64_t lost_since_ns, lost_total;
	uint64_t from_seq, to_seq; /* gap */
	uint32_t gap_boot; /* gap: the boot_seq that from..to belong to */
	/*
	 * start: inode of the network namespace that the node's addresses are in, the agent's; 0
	 * unknown
	 */
	uint32_t own_netns;
	struct text reason; /* lost, gap, start, stop, redirect */
	struct text raw; /* the encoded record this was decoded from, if any */
	/* No part of it: of each of holders_judged(), what its file is; see store_event_files(). */
	const struct exe_account *files;
};

/*
 * The encoded form, kept in journals and stores for ever: see event_codec.c. Decoding checks
 * everything and borrows from p; unknown tags are skipped, so older readers read newer records.
 */
#define EVENT_RECORD_MAX 16384
/*
 * A record with a later time, or none, is refused: sums of it must fit the smallest number of a
 * store.
 */
#define EVENT_TIME_MAX ((uint64_t)INT64_MAX / 2)
void event_encode(const struct event *ev, struct buf *b); /* boot_seq and seq are not part of it */
must_check int event_decode(const void *p, size_t n, struct event *ret_ev); /* -EBADMSG */

/*
 * A process as a record has it; the reverse fills its job and container by the cgroup that is with
 * it. -EBADMSG.
 */
void event_encode_process(struct buf *b, const struct process *p);
/* False when nobody is known to have asked for it. */
bool event_asker(const struct event *ev, struct process *ret_p);

/* Whether an event of this kind is about a door. */
bool event_has_door(enum event_kind k);

/* Names as INTERFACE.md writes them; "?" for numbers out of range. The reverse returns -ENOENT. */
const char *event_kind_name(enum event_kind k);
const char *event_origin_name(enum event_origin o);
const char *door_proto_name(enum door_proto p);
const char *door_family_name(enum door_family f);
const char *door_scope_name(enum door_scope s);
must_check int door_proto_parse(const char *s, enum door_proto *ret_p);

/* TCP and MPTCP answer the same clients on the same port: one class. */
enum door_proto proto_class(enum door_proto p);

/* any, host or loopback, from family and address (127/8, ::1, ::ffff:127/104). */
enum door_scope door_scope_of(enum door_family family, const uint8_t addr[16]);
/* Appends the address alone ("0.0.0.0", "::", "*" for packet, the cid for vsock, "*" for any). */
void door_addr_format(struct buf *b, const struct door *d);
/* Appends "0.0.0.0:22", "[::]:22"; "0.0.0.0%lo:22" when it is bound to a device. */
void door_endpoint_format(struct buf *b, const struct door *d);
/* Appends the door's identity "7:4026531840:0x1007" (boot_seq : netns : socket cookie). */
void door_id_format(struct buf *b, uint32_t boot_seq, const struct door *d);

#endif
