/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_CROSSCHECK_INTERNAL_H
#define AJAR_MONITOR_CROSSCHECK_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "audit/compare.h"
#include "base/buf.h"
#include "core/portset.h"
#include "monitor/crosscheck.h"
#include "scan/address.h"
#include "store/compared.h"
#include "store/keys.h"

/*
 * crosscheck.c has the steps; crosscheck_view.c what is known of the host at hand,
 * crosscheck_reach.c which doors were reached, crosscheck_whole.c what is said of the host,
 * crosscheck_ports.c of its ports, crosscheck_keys.c of who answers there, crosscheck_confirm.c
 * what is looked at twice, crosscheck_words.c the words.
 */
struct alerting;
struct map;

/* A host that waits to be compared, with copies. */
struct seen_host {
	uint64_t scan_id, from_ns, to_ns;
	char node[256], addr[ADDRESS_TEXT_MAX + 1];
	enum scan_host_state state;
	bool probe; /* made because of an alert's door */
	char *folded, *asked;
	uint64_t open_count;
};

/* A door, open or closed, with its record; times by the store's clock. */
struct door_copy {
	struct door door;
	uint32_t boot_seq;
	uint64_t open_seq, opened_ns, closed_ns;
	struct event ev;
	struct process who; /* of its holders the one that decides */
	char *record, *alert_key; /* NULL: none */
	enum verdict verdict;
	struct exe_account *files; /* NULL: no rule asks for them */
};

/* An alert that stands on the node. */
struct alert_copy {
	char *key;
	enum finding_kind kind;
	enum door_proto proto;
	uint32_t port;
	char *host_type;
	char what[32]; /* its subject; "" there is none */
	bool found; /* this scan shows it too */
};

/* What is known of who answers on a TCP port of the node. */
struct key_copy {
	uint32_t port;
	size_t f_len;
	struct fingerprint f[FINGERPRINTS_MAX];
	char product[256], version[256];
	uint64_t first_ns, changed_ns;
};

struct unconfirmed_copy {
	struct store_unconfirmed d; /* node and addr: the host's */
};

/* What is known of a host at the time of a scan; one at a time. */
struct view {
	struct seen_host h;
	struct address address;
	char host_type[256];
	bool has_agent, blind;
	/*
	 * the node itself says that its agent does not record: nothing more will come about that
	 * time
	 */
	bool is_down;
	bool holds; /* the node says that the address is one of its own network namespace: */
	uint32_t netns; /* that; 0 unknown */
	/* the node says which addresses it has, and the one that was scanned is none of them */
	bool is_strange;
	uint64_t sees_from_ns, sees_to_ns;
	/*
	 * how far the node's clock is ahead of the store's, by which scans go; times of doors are
	 * put back by it
	 */
	int64_t ahead_ns;
	struct profile *profile;
	struct buf redirects; /* what the node says answers without a door */
	bool cut; /* it has more doors than are compared: what no door is known for may have one */
	size_t doors_len, alerts_len, unconfirmed_len, keys_len;
	struct door_copy *doors;
	struct compare_door *views; /* of the doors */
	struct alert_copy *alerts;
	struct unconfirmed_copy *unconfirmed;
	struct key_copy *keys;
	/*
	 * TCP ports that were asked for and answered for; of those, where service, key, product and
	 * version were seen to be right.
	 */
	struct ports asked, sound, sound_key, sound_banner;
};

struct crosscheck {
	struct store *store;
	struct alerting *alerting;
	uint64_t now_ns, wall_ns; /* the store's clock, and the one alerts go by */
	/* hosts that wait, and whose doors of alerts were looked for already */
	struct map *reached;
	unsigned conflicts; /* steps in a row that another writer has undone */
	struct view v;
};

/* The host's copies; view_done() frees all there is. */
must_check int view_take(struct view *v, const struct store_scan_host *h);
/* How far the agent's view reaches: enough to know whether the comparison has to wait. */
must_check int view_health(struct view *v, struct store *s);
must_check int view_read(struct view *v, struct store *s);
/* Only its open doors, and its address. */
must_check int view_read_open(struct view *v, struct store *s);
/* What the struct store_scan_port of a row says, as far as it can be compared; f holds its keys. */
void view_seen(const struct store_scan_port *p, struct fingerprint f[FINGERPRINTS_MAX],
	       struct port_seen *ret);
struct compare_in view_input(const struct view *v, uint64_t now_ns);
void view_done(struct view *v);

/*
 * In a transaction of its own, and without waiting for what the node has to say: alerts about doors
 * learn whether a scan has reached them. Once for each host; doing it twice changes nothing.
 */
must_check int crosscheck_reach(struct crosscheck *o);

/*
 * What the scan says of each of the view's doors (audit_reach()); seen: zeroed, as many as there
 * are doors.
 */
must_check int view_reach(struct crosscheck *o, enum outside *seen);

/*
 * Within a transaction: what is to be said of the host as a whole. *ret_ports: its ports say
 * something too; else it answers for everything, or lets nobody in.
 */
must_check int crosscheck_whole(struct crosscheck *o, bool *ret_ports);

/* Within a transaction: raises what the host at hand shows, and ends what it shows to be over. */
must_check int crosscheck_ports(struct crosscheck *o);
/* Keys, products and versions, against what is known of them; what is seen first is remembered. */
must_check int crosscheck_keys(struct crosscheck *o, const struct compared *c,
			       const struct compare_in *in);

/* The finding stands on the node already; it is marked as found. */
bool crosscheck_is_open(struct crosscheck *o, enum finding_kind kind, enum door_proto proto,
			uint32_t port, const char *what);

/*
 * Whether this is the second scan that shows it; else it is noted, and looked at again: at once,
 * or, where the scan itself may have filled a queue, when that has had time to drain.
 */
must_check int crosscheck_confirmed(struct crosscheck *o, enum finding_kind kind,
				    enum door_proto proto, uint32_t port, bool *ret_yes);
must_check int crosscheck_forget_unconfirmed(struct crosscheck *o, enum door_proto proto,
					     uint32_t port);
/* In a transaction of its own: asks for the confirmation scans that are due. */
must_check int crosscheck_ask(struct crosscheck *o);

#endif
