/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_EVENT_H
#define AJAR_EVENT_H

/*
 * The contract between the BPF programs and user space: what is in the ring, in the iterators'
 * output and in the pinned maps. All fields have fixed width, padding is explicit and zero, every
 * record is 8-byte aligned. Host byte order unless a field says otherwise.
 * Any change of layout or meaning raises AJAR_ABI: it names the pin folder, so an old kernel side
 * is never read by a new agent. tests/abi freezes each offset.
 */
#ifndef __bpf__
#include <linux/types.h>
#endif

#define AJAR_ABI 3

enum ajar_record_type {
	/* struct ajar_owner: who a key is; unread in the ring when a door names it */
	AJAR_RECORD_OWNER = 1,
	AJAR_RECORD_OPEN = 2, /* struct ajar_open */
	AJAR_RECORD_CLOSE = 3, /* struct ajar_close; of an iterator: its socket is a door no more */
	/*
	 * struct ajar_open, iterators only: TCP that has a port, and neither listens nor is
	 * connected; and one who holds it (in opener)
	 */
	AJAR_RECORD_BIND = 4,
	/*
	 * struct ajar_open, iterators only: a door that is open, and one who holds it (in
	 * opener)
	 */
	AJAR_RECORD_SEEN = 5,
	AJAR_RECORD_TASK = 6, /* struct ajar_task: who holds doors may have changed */
	/*
	 * struct ajar_open: what a UDP socket is AJAR_SETTLE_NS after its bind; port 0: it is bound
	 * no more
	 */
	AJAR_RECORD_SETTLE = 7,
	/* struct ajar_state: a TCP socket begins or ends to listen; nothing knows its cookie */
	AJAR_RECORD_STATE = 8,
	/* struct ajar_end: a close whose opening is unread in the ring when it is written */
	AJAR_RECORD_END = 9,
};

/* Numbers equal enum door_proto of user/core/event.h. */
enum ajar_proto {
	AJAR_PROTO_TCP = 1,
	AJAR_PROTO_MPTCP = 2,
	AJAR_PROTO_UDP = 3,
	AJAR_PROTO_UDPLITE = 4,
	AJAR_PROTO_SCTP = 5,
	AJAR_PROTO_RAW = 6,
	AJAR_PROTO_PACKET = 7,
	AJAR_PROTO_VSOCK = 8,
};

enum ajar_door_flags {
	AJAR_DOOR_V6ONLY = 1 << 0,
	AJAR_DOOR_AUTOPORT = 1 << 1, /* the kernel chose the port */
	AJAR_DOOR_HOOKED = 1 << 2, /* its end will be reported by STATE_CB */
	AJAR_DOOR_SWEPT = 1 << 3, /* found by an iterator */
	/* the kernel made the socket for itself; the opener is who asked for what needs it */
	AJAR_DOOR_KERNEL = 1 << 4,
	AJAR_DOOR_CONNECTED = 1 << 5, /* SEEN, SETTLE: UDP with a peer: only known doors count */
	AJAR_DOOR_KNOWN = 1 << 6, /* SEEN: stood in ajar_doors already */
	AJAR_DOOR_UNSURE = 1 << 7, /* listen() may still fail, the port may be 0: confirm it */
};

enum ajar_device_flags {
	/* what is bound to it is reached from its network namespace alone */
	AJAR_DEVICE_LOOPBACK = 1 << 0,
};

/* More of a door, for which flags has no bit left. */
enum ajar_door_marks {
	/* UDP: bind() was called, be it for port 0; else it was not seen */
	AJAR_MARK_BOUND = 1 << 0,
	/* SEEN, SETTLE: the socket is a member of a multicast group */
	AJAR_MARK_MULTICAST = 1 << 1,
	AJAR_MARK_SETTLED = 1 << 2, /* its SETTLE has been written */
};

/*
 * A UDP socket that is bound is looked at after this long: connected or gone it is a client's, else
 * a door.
 */
#define AJAR_SETTLE_NS 1000000000ULL
/* What a process that holds doors, or is a child of one, did. */
enum ajar_task_what {
	/* runs another program now, and still has a door's descriptor, or was seen to hold one */
	AJAR_TASK_EXEC = 1,
	AJAR_TASK_EXIT = 2, /* its last thread ends; what it had is closed in a moment */
	/* took a door's descriptor out of a message or out of another process */
	AJAR_TASK_RECEIVED = 3,
};

enum ajar_state_what {
	/* listen() has begun: it may fail yet, and port may be 0 */
	AJAR_STATE_LISTEN = 1,
	AJAR_STATE_FAILED = 2, /* that listen() has failed */
	AJAR_STATE_END = 3, /* it listens no more */
};

enum ajar_holder_flags {
	/* it opened a door, took one or was seen to hold one; else only its parent did */
	AJAR_HOLDER_SEEN = 1 << 0,
};

enum ajar_actor_flags {
	AJAR_ACTOR_KTHREAD = 1 << 0,
	AJAR_ACTOR_NONE = 1 << 1, /* nobody is known */
};

enum ajar_owner_flags {
	AJAR_OWNER_EXE = 1 << 0, /* exe is known */
	AJAR_OWNER_EXE_CUT = 1 << 1, /* its head is missing */
	AJAR_OWNER_EXE_DELETED = 1 << 2, /* unlinked: " (deleted)" belongs behind it */
	AJAR_OWNER_ARGV = 1 << 3, /* argv is known */
	AJAR_OWNER_ARGV_CUT = 1 << 4,
	AJAR_OWNER_CGROUPS = 1 << 5, /* the paths of all hierarchies are there */
	/* the three below are known: it differs from the node's init in */
	AJAR_OWNER_SPACE = 1 << 6,
	AJAR_OWNER_OTHER_PID = 1 << 7, /* its PID namespace */
	AJAR_OWNER_OTHER_USER = 1 << 8, /* its user namespace */
	AJAR_OWNER_OTHER_ROOT = 1 << 9, /* its root directory, in a mount namespace of its own */
	/* the executable's path is of a mount namespace that another user namespace owns */
	AJAR_OWNER_OTHER_EXE = 1 << 10,
	/* the node's init has another file of that path, or none, as far as mounts say */
	AJAR_OWNER_OTHER_FILE = 1 << 11,
};

#define AJAR_COMM_LEN 16
#define AJAR_EXE_MAX 4096
#define AJAR_ARGV_MAX 1024
#define AJAR_ANCESTORS_MAX 8
#define AJAR_DEVICE_LEN 16
#define AJAR_CGROUPS_MAX 3072 /* beyond it: AJAR_OWNER_CGROUPS is not set, and there are none */

struct ajar_header {
	__u16 abi; /* AJAR_ABI */
	__u16 type; /* enum ajar_record_type */
	__u32 size; /* of the whole record */
	__u64 ktime_ns; /* CLOCK_BOOTTIME */
	__u32 cpu;
	__u32 pad;
	__u64 cpu_seq; /* per CPU, counted before the reservation: a hole is a lost record */
};

/* One run of one program: a process between two execs. */
struct ajar_owner_key {
	__u64 start_ns; /* CLOCK_BOOTTIME of the thread group leader's start */
	__u32 tgid;
	__u32 exec_id; /* low half of task->self_exec_id */
};

/* Who did it, with what may change from call to call. */
struct ajar_actor {
	struct ajar_owner_key owner;
	__u64 cgroup_id; /* v2; 0 unknown */
	__u32 tid;
	__u32 uid; /* real, in the initial user namespace */
	__u32 gid;
	__u32 loginuid;
	__u32 session;
	__u32 flags; /* enum ajar_actor_flags */
	char comm[AJAR_COMM_LEN]; /* of the thread group leader, NUL-terminated */
};

struct ajar_door {
	__u64 cookie;
	__u64 netns_cookie;
	__u64 inode; /* of the socket; 0 unknown */
	__u8 addr[16]; /* network order; IPv4 in the first four bytes */
	__u32 netns; /* inode number; 0 unknown */
	__u32 port; /* raw: IP protocol; packet: ethertype */
	__u16 family;
	__u8 proto; /* enum ajar_proto */
	__u8 flags; /* enum ajar_door_flags */
	__u32 ifindex; /* of the device that it is bound to; 0: none */
	char device[AJAR_DEVICE_LEN]; /* its name, NUL-terminated; empty: unknown */
	__u32 device_flags; /* enum ajar_device_flags */
	__u32 marks; /* enum ajar_door_marks */
};

struct ajar_open {
	struct ajar_header h;
	struct ajar_door door;
	struct ajar_actor opener;
};

struct ajar_close {
	struct ajar_header h;
	struct ajar_door door;
	__u64 opened_ns; /* CLOCK_BOOTTIME; 0 unknown */
	struct ajar_actor opener; /* AJAR_ACTOR_NONE when the opening was not seen */
	struct ajar_actor closer;
};

/* The rest is in the record of its opening. */
struct ajar_end {
	struct ajar_header h;
	__u64 cookie;
	struct ajar_actor closer;
};

struct ajar_task {
	struct ajar_header h;
	struct ajar_owner_key key;
	__u32 what; /* enum ajar_task_what */
	__u32 pad;
};

/* Of the bare object, which knows no type of the kernel: bpf/bare/state.bpf.c. */
struct ajar_state {
	struct ajar_header h;
	__u64 sock; /* its address: names the socket from LISTEN to END or FAILED */
	__u64 cgroup_id; /* v2, of the caller; 0 unknown */
	__u8 addr[16]; /* as in struct ajar_door */
	__u32 port;
	__u16 family;
	__u8 proto; /* enum ajar_proto */
	__u8 what; /* enum ajar_state_what */
	__u32 tgid, tid, uid, gid; /* of the caller */
	char comm[AJAR_COMM_LEN]; /* of the calling thread, NUL-terminated */
};

struct ajar_ancestor {
	__u32 tgid;
	char comm[AJAR_COMM_LEN];
};

/*
 * Followed by exe_len bytes of path, argv_len bytes of arguments, each ended by NUL, and
 * cgroups_len bytes of cgroup paths: of v2 first, then of each v1 hierarchy where it is not in the
 * root. A path is its names from the last to the first, each ended by NUL, and an empty one.
 */
struct ajar_owner {
	struct ajar_header h;
	struct ajar_owner_key key;
	__u32 flags; /* enum ajar_owner_flags */
	__u16 exe_len;
	__u16 argv_len;
	char comm[AJAR_COMM_LEN];
	struct ajar_ancestor ancestors[AJAR_ANCESTORS_MAX]; /* parent first; tgid 0 ends them */
	__u64 cgroup_id; /* v2: the paths are of an actor in this one */
	__u16 cgroups_len;
	__u16 pad[3];
};

/* Value of ajar_doors, by socket cookie. */
struct ajar_door_state {
	struct ajar_door door;
	__u64 opened_ns;
	struct ajar_actor opener;
	__u64 at; /* a position in the ring before the record of its opening; 0: there is none */
};

/* Value of ajar_holders, by tgid. */
struct ajar_holder {
	__u64 swept; /* number of the sweep that has its owner record in its output */
	__u32 exec_id; /* of the program then */
	__u32 flags; /* enum ajar_holder_flags */
};

/* Value of ajar_cpus, by CPU; mapped by user space. */
struct ajar_cpu {
	__u64 produced; /* sequence numbers given out */
	__u64 dropped; /* of them, records that found no room */
	__u64 reported; /* of them, told to the reader's caller (written by user space) */
	__u64 seen; /* the next sequence number the reader expects (written by user space) */
	__u64 pad[4];
};

/* The one value of ajar_control; mapped by user space. */
struct ajar_control {
	__u32 abi;
	__u32 armed; /* the reader sleeps: the next record wakes it and clears this */
	/*
	 * Iterators tell of the doors alone whose cookie & part_mask is part, so that a sweep of
	 * many has them by parts (written by user space). 0: of all
	 */
	__u32 part, part_mask;
	__u64 drained_ns; /* CLOCK_BOOTTIME of the last drain */
	__u64 build; /* hash of the programs */
	__u64 doors_full; /* doors that found no room in ajar_doors */
	__u64 owners_busy; /* owners not captured: no scratch slot */
	/*
	 * CLOCK_BOOTTIME when it was attached: counters that began then are of this set; 0 unknown
	 */
	__u64 since_ns;
	__u64 sweep; /* number of the sweep that runs (written by user space) */
};

_Static_assert(sizeof(struct ajar_header) == 32, "ABI");
_Static_assert(sizeof(struct ajar_owner_key) == 16, "ABI");
_Static_assert(sizeof(struct ajar_actor) == 64, "ABI");
_Static_assert(sizeof(struct ajar_door) == 80, "ABI");
_Static_assert(sizeof(struct ajar_open) == 176, "ABI");
_Static_assert(sizeof(struct ajar_close) == 248, "ABI");
_Static_assert(sizeof(struct ajar_task) == 56, "ABI");
_Static_assert(sizeof(struct ajar_state) == 104, "ABI");
_Static_assert(sizeof(struct ajar_holder) == 16, "ABI");
_Static_assert(sizeof(struct ajar_ancestor) == 20, "ABI");
_Static_assert(sizeof(struct ajar_owner) == 248, "ABI");
_Static_assert(sizeof(struct ajar_end) == 104, "ABI");
_Static_assert(sizeof(struct ajar_door_state) == 160, "ABI");
_Static_assert(sizeof(struct ajar_cpu) == 64, "ABI");
_Static_assert(sizeof(struct ajar_control) == 64, "ABI");

#endif
