/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_MONITOR_JUDGE_INTERNAL_H
#define AJAR_MONITOR_JUDGE_INTERNAL_H

#include <stdbool.h>

#include "audit/audit.h"
#include "core/executable.h"
#include "core/holders.h"
#include "monitor/judge.h"
#include "store/store.h"

/*
 * judge.c has the steps, judge_turns.c whose events are next, judge_events.c what an event does to
 * doors and alerts, judge_profiles.c what another profile does, and judge_door.c below them the
 * verdict on one door.
 */
struct alerting;
struct chains;
struct classes;
struct peer_check;
struct hits;
struct map;

#define AWAIT_NS UINT64_C(60000000000) /* then a file that nobody has told of is not known */

/* A file that nobody has told of. */
struct awaited {
	uint64_t since_ns; /* the store's clock, when it was missed first */
	bool over; /* the node's doors are judged without it */
};

struct judge {
	struct store *store;
	struct alerting *alerting;
	struct peer_check *peer_check;
	struct chains *chains;
	struct hits *hits;
	struct classes *classes; /* of `revision` */
	struct map *profiles; /* host_type -> struct profile, of `revision` */
	uint64_t revision, expiry_ns;
	uint64_t now_ns;
	uint64_t at_ns; /* when the event at hand happened, by the store's clock */
	int64_t ahead_ns; /* of that, the clock of its node */
	uint64_t known_ns; /* up to when the nodes that had events last are known */
	bool behind; /* records were left by the last step */
	uint64_t news_ns; /* when that was; 0: not yet */
	bool news; /* this step had events */
	bool more; /* something is left for the next step */
	bool hurried;
	uint64_t slice_ns, slice_end_ns; /* how long a step works; until then, by the boot clock */
	/* Turns (judge_turns.c): */
	struct map *troubles; /* boots that are left alone for a while */
	uint64_t turn_id; /* the node that was served last; 0: a round begins */
	/* the earliest of what the nodes of this round are known up to; 0: none had events */
	uint64_t round_ns;
	/* until the first boot that is left alone is tried again; 0: none is */
	uint64_t retry_in_ns;
	bool left; /* a node that was served in this round has more */
	bool served; /* somebody was, in this step */
	int conflict; /* of this step: another writer has undone a turn */
	/* Open doors that are judged again, a slice at a time: */
	struct judge_walk {
		char **nodes; /* NULL: no walk is under way */
		size_t len, at;
		/*
		 * so many more nodes, each in a transaction of its own: one of them cannot be
		 * judged
		 */
		size_t singly;
		uint64_t revision; /* by these profiles */
		bool done;
	} rejudging, sharing;
	bool looked; /* for sharers, since this judge began */
	uint64_t sharers_due_ns; /* when doors that share a port are judged again; 0: never */
	char *own_programs[2];
	uint16_t own_port;
	/* Rules that ask for the program's file (judge_files.c): */
	struct exe_account files[HOLDERS_JUDGED_MAX]; /* of the door at hand */
	struct map *awaited; /* node, NUL, path -> struct awaited: nobody has told of that file */
	struct map *awaited_nodes; /* node -> size_t *, how many of these are its own */
	bool closing; /* the door at hand closes: what is not known now never will be */
	bool want_files, files_seen; /* as of files_revision; all doors were looked at once */
	uint64_t files_revision;
	uint64_t files_since_ns, files_next_ns;
	struct judge_walk filing;
	unsigned conflicts; /* steps in a row that another writer has undone */
};

/*
 * Fills in what the files of the event's holders are. final: what is not known now never will be.
 */
must_check int judge_fill_files(struct judge *j, const char *node, const struct profile *p,
				bool final, struct event *ev);
/* Judges the doors again of nodes that have told of files, or have not in time. */
must_check int judge_files(struct judge *j, uint64_t *ret_next_ns);
/* All open doors of these nodes, a slice at a time, as far as the step has time. */
must_check int judge_walk_doors(struct judge *j, struct judge_walk *w);
must_check int judge_walk_begin(struct judge *j, struct judge_walk *w);
must_check int judge_walk_add(struct judge_walk *w, const char *node);

/* The step's slice of time is over. */
bool judge_is_over(const struct judge *j);
void judge_walk_free(struct judge_walk *w);
/* Takes what is new, in turns over the nodes. */
must_check int judge_new_events(struct judge *j);

/* NULL when the class has no profile; cached until the revision moves. */
must_check int judge_profile(struct judge *j, const char *host_type,
			     const struct profile **ret_profile);

/*
 * Judges the door and sets its verdict, severity and ev.door.shared; *ret_profile: what it was
 * judged by, *ret_who: by whom of its holders.
 */
must_check int judge_door(struct judge *j, struct store_door *d, const struct event *ev,
			  const struct profile **ret_profile, struct judgement *ret_j,
			  struct process *ret_who);
/*
 * Under which alert the door goes: set in d, kept in b. who: decided; kept: the key it has in the
 * store, or NULL; at_ns: when it is raised.
 */
must_check int judge_key(struct judge *j, struct store_door *d, const struct process *who,
			 enum finding_kind kind, const char *kept, uint64_t at_ns, struct buf *b);
/* Why an alert has lost the door that is judged so now: for its log. NULL: it is as profiled. */
const char *judge_over(const struct judgement *judgement);
/*
 * Keeps that the verdict on the door, `was` so far, is another from at_ns on: what happened before
 * is shown with the verdict of then.
 */
must_check int judge_keep_past(struct judge *j, const struct store_door *d, enum verdict was,
			       const struct judgement *judgement, uint64_t at_ns);
/* Its record is its event from now on, as the judge has completed that. b holds it. */
must_check int judge_seal(struct store_door *d, struct buf *b);
/*
 * Within a transaction: doors that may share the port with this one, which is as profiled, are
 * judged again.
 */
must_check int judge_sharers(struct judge *j, const struct store_door *d);
/*
 * The rightful holder of a shared port may be gone: a restart takes it a while, then who shares it
 * is judged again.
 */
void judge_sharers_later(struct judge *j);
must_check int judge_sharers_due(struct judge *j, uint64_t *ret_next_ns);
/* Within a transaction. */
must_check int judge_event(struct judge *j, const struct store_event_row *row);
/*
 * Within a transaction, behind late records of a boot that may have opened doors: when a later boot
 * of the node has begun its doors closed then, at the latest, as they did when it was judged.
 */
must_check int judge_boot_over(struct judge *j, const char *node, uint32_t boot_seq);
/* The event is at hand. */
void judge_set_time(struct judge *j, const struct store_event_row *row);

/* Reads what changed in the profiles, and judges all open doors again when something has. */
must_check int judge_profiles(struct judge *j);

#endif
