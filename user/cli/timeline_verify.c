/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The proof that the record is whole: first the journal by itself (checksums, sequence, chain),
 * then each record that both have against the store's copy: same bytes, same place in the chain.
 * Records the journal has already dropped or expired cannot be compared; they are counted as what
 * they are.
 */
#include "cli/timeline.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ajar/exit.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "conf/conf.h"
#include "conf/paths.h"
#include "journal/journal.h"
#include "journal/status.h"
#include "store/health.h"
#include "store/store.h"
#include "view/writer.h"

#define PAGE 1000

struct verify {
	struct cmd_ctx *c;
	int dirfd;
	struct store *store; /* NULL: there is none */
	struct buf node;
	struct journal_verdict journal;
	uint32_t journal_boot, store_boot; /* what the store calls the boot looked at last */
	uint64_t compared, not_shipped, pruned, store_damages;
	struct buf b;
	struct writer w; /* for programs */
};

static int print_damage(struct verify *v, const char *file, uint64_t offset,
			struct journal_pos after, const char *what)
{
	if (v->c->json) {
		writer_start(&v->w, NULL);
		writer_str(&v->w, "damage", what);
		writer_str(&v->w, "file", file);
		writer_u64(&v->w, "offset", offset);
		writer_start(&v->w, "after");
		writer_u64(&v->w, "boot_seq", after.boot_seq);
		writer_u64(&v->w, "seq", after.seq);
		writer_end(&v->w);
		return writer_end(&v->w);
	}
	esc_text(&v->b, file, strlen(file), 0);
	buf_printf(&v->b, ":%" PRIu64 ": ", offset);
	esc_text(&v->b, what, strlen(what), 0);
	buf_printf(&v->b, " (after record %" PRIu32 ":%" PRIu64 ")\n", after.boot_seq, after.seq);
	return out_put(&v->b);
}

static int on_damage(const struct journal_damage *d, void *arg)
{
	return print_damage(arg, d->file, d->offset, d->after, d->what);
}

/* --- the store's copy ---------------------------------------------------------------------------- */

/* A page of the store's rows of one boot, by sequence number. */
struct copy {
	uint64_t seq;
	uint8_t chain[SHA256_LEN];
	uint8_t record[SHA256_LEN]; /* its hash: enough to compare */
};
struct copies {
	uint32_t boot_seq;
	size_t len, next;
	bool ended;
	uint64_t last_seq;
	struct copy page[PAGE];
};

static void hash_record(struct text t, uint8_t out[SHA256_LEN])
{
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, t.ptr ? t.ptr : "", t.len);
	sha256_final(&s, out);
}

static int keep_copy(const struct store_event_row *row, void *arg)
{
	struct copies *k = arg;
	struct copy *one = &k->page[k->len++];

	k->last_seq = one->seq = row->raw.seq;
	memcpy(one->chain, row->raw.chain, SHA256_LEN);
	hash_record(row->raw.record, one->record);
	return 0;
}

static int next_page(struct verify *v, struct copies *k)
{
	const struct store_event_query q = { .node = buf_str(&v->node),
					     .boot_seq = k->boot_seq,
					     .after_seq = k->last_seq,
					     .limit = PAGE };
	int err;

	k->len = k->next = 0;
	err = store_events(v->store, &q, keep_copy, k);
	k->ended = k->len < PAGE;
	return err == -ENOENT ? 0
			      : err; /* the store does not know the node: it has nothing of it */
}

struct boot_search {
	struct verify *v;
	const uint8_t *installation;
	const char *boot_id;
	uint32_t journal_boot;
};

static int on_boot(const struct store_boot *b, void *arg)
{
	struct boot_search *s = arg;

	if (b->journal_boot == s->journal_boot && !strcmp(b->boot_id, s->boot_id) &&
	    !memcmp(b->installation, s->installation, INSTALLATION_LEN))
		s->v->store_boot = b->boot_seq;
	return 0;
}

/*
 * What the store calls a boot of this journal: its own number, but for a node that was installed
 * anew.
 */
static int store_boot(struct verify *v, uint32_t boot_seq, uint32_t *ret)
{
	uint8_t installation[INSTALLATION_LEN];
	char boot_id[CLOCK_BOOT_ID_LEN + 1] = "";
	struct boot_search s = { v, installation, boot_id, boot_seq };
	int err = 0;

	if (v->journal_boot != boot_seq) {
		v->journal_boot = v->store_boot = boot_seq;
		err = journal_identity(v->dirfd, installation);
		if (!err)
			err = journal_boot_id(v->dirfd, boot_seq, boot_id);
		if (!err)
			err = store_boots(v->store, buf_str(&v->node), on_boot, &s);
	}
	*ret = v->store_boot;
	return err == -ENOENT ? 0 : err;
}

/* The store's row of that number, or NULL. */
static int find_copy(struct verify *v, struct copies *k, struct journal_pos pos,
		     const struct copy **ret)
{
	uint32_t boot = 0;
	int err;

	err = store_boot(v, pos.boot_seq, &boot);
	if (err)
		return err;
	if (k->boot_seq != boot || (!k->len && !k->ended)) {
		k->boot_seq = boot;
		k->last_seq = pos.seq - 1;
		err = next_page(v, k);
	}
	for (;;) {
		while (!err && k->next < k->len && k->page[k->next].seq < pos.seq)
			k->next++;
		if (err || k->next < k->len || k->ended)
			break;
		err = next_page(v, k);
	}
	*ret = !err && k->next < k->len && k->page[k->next].seq == pos.seq ? &k->page[k->next]
									   : NULL;
	return err;
}

static int compare(struct verify *v, struct copies *k, const struct journal_record *r,
		   struct journal_pos acked, struct journal_pos before)
{
	bool shipped = r->pos.boot_seq < acked.boot_seq ||
		       (r->pos.boot_seq == acked.boot_seq && r->pos.seq <= acked.seq);
	const char *what = NULL;
	const struct copy *one;
	uint8_t hash[SHA256_LEN];
	int err = find_copy(v, k, r->pos, &one);

	if (err)
		return err;
	if (!one && !shipped) {
		v->not_shipped++;
		return 0;
	}
	if (!one) {
		uint64_t pruned = 0;

		err = store_event_base(v->store, buf_str(&v->node), k->boot_seq, &pruned);
		if (err)
			return err;
		if (r->pos.seq <= pruned) {
			v->pruned++;
			return 0;
		}
	}
	v->compared++;
	hash_record(r->payload, hash);
	if (!one)
		what = "record is missing in the store";
	else if (memcmp(one->record, hash, SHA256_LEN) != 0)
		what = "record in the store is altered";
	else if (memcmp(one->chain, r->chain, SHA256_LEN) != 0)
		what = "chain of the record in the store is altered";
	if (!what)
		return 0;
	v->store_damages++;
	return print_damage(v, "store", r->pos.seq, before, what);
}

static int compare_all(struct verify *v, struct copies *k)
{
	_cleanup_(journal_reader_freep) struct journal_reader *reader = NULL;
	struct journal_pos acked = { 0 }, before = { 0 };
	struct journal_record rec;
	struct journal_damage damage;
	int err = journal_ack_read(v->dirfd, &acked);

	if (!err)
		err = journal_reader_new(v->dirfd, before, &reader);
	while (!err) {
		int got = journal_next(reader, &rec, &damage);

		if (got <= 0)
			return got;
		if (got == 2)
			continue; /* the first part has told */
		err = compare(v, k, &rec, acked, before);
		before = rec.pos;
	}
	return err;
}

static int verify_store(struct verify *v)
{
	struct copies *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return -ENOMEM;
	err = compare_all(v, k);
	free(k);
	return err;
}

/* --- the result ---------------------------------------------------------------------------------- */

static int print_result(struct verify *v)
{
	const struct journal_verdict *j = &v->journal;
	bool good = !j->damages && !v->store_damages;

	if (v->c->json) {
		writer_start(&v->w, NULL);
		writer_bool(&v->w, "ok", good);
		writer_u64(&v->w, "records", j->records);
		writer_u64(&v->w, "segments", j->segments);
		writer_u64(&v->w, "gap_records", j->gap_records);
		writer_u64(&v->w, "records_in_gaps", j->gaps);
		writer_u64(&v->w, "damages", j->damages);
		writer_bool(&v->w, "store_checked", v->store);
		writer_u64(&v->w, "store_compared", v->compared);
		writer_u64(&v->w, "store_pending", v->not_shipped);
		writer_u64(&v->w, "store_pruned", v->pruned);
		writer_u64(&v->w, "store_damages", v->store_damages);
		return writer_end(&v->w);
	}
	buf_printf(&v->b, "journal: %" PRIu64 " record%s in %" PRIu64 " segment%s", j->records,
		   plural(j->records), j->segments, plural(j->segments));
	if (j->gap_records)
		buf_printf(&v->b, ", %" PRIu64 " gap record%s for %" PRIu64 " lost", j->gap_records,
			   plural(j->gap_records), j->gaps);
	buf_printf(&v->b, ": %s", j->damages ? "" : "whole, chain unbroken\n");
	if (j->damages)
		buf_printf(&v->b, "%" PRIu64 " damaged place%s\n", j->damages, plural(j->damages));
	if (!v->store)
		buf_puts(&v->b, "store: none here to compare with\n");
	else if (v->store_damages)
		buf_printf(&v->b,
			   "store: %" PRIu64 " of %" PRIu64 " records differ or are missing\n",
			   v->store_damages, v->compared);
	else
		buf_printf(&v->b, "store: %" PRIu64 " record%s equal, %" PRIu64 " not there yet\n",
			   v->compared, plural(v->compared), v->not_shipped);
	if (v->pruned)
		buf_printf(&v->b,
			   "store: %" PRIu64 " record%s pruned, being old ('ajar db prune')\n",
			   v->pruned, plural(v->pruned));
	return out_put(&v->b);
}

static int verify(struct verify *v)
{
	int err, out;

	if (v->c->json && out_open(v->c, NULL, &v->w))
		return AJAR_EXIT_ERROR;
	err = journal_node(v->dirfd, &v->node);
	if (err == -ENOENT) {
		log_usage("the journal in '%s' is empty: 'ajar run' or ajar-agent fills it",
			  v->c->conf->data_dir);
		return AJAR_EXIT_ERROR;
	}
	err = journal_verify(v->dirfd, on_damage, v, &v->journal);
	if (err) {
		log_err(err, "cannot verify the journal");
		return AJAR_EXIT_ERROR;
	}
	if (cmd_store_meant(v->c) && cmd_store(v->c, STORE_READONLY, &v->store))
		return AJAR_EXIT_ERROR;
	err = v->store ? verify_store(v) : 0;
	if (err && err != -EPIPE) {
		cmd_store_err(err, v->store, "cannot compare with the store");
		return AJAR_EXIT_ERROR;
	}
	err = print_result(v);
	if (!err && v->c->json)
		err = writer_close(&v->w);
	out = out_report(err);
	if (out)
		return out;
	return v->journal.damages || v->store_damages ? AJAR_EXIT_NEGATIVE : AJAR_EXIT_OK;
}

int timeline_verify(struct cmd_ctx *c)
{
	struct verify v = { .c = c, .dirfd = -1, .b = BUF_INIT(1 << 16), .node = BUF_INIT(1024) };
	_cleanup_(buf_done) struct buf path = BUF_INIT(4096);
	int err = paths_journal(c->conf, &path), rc = AJAR_EXIT_ERROR;

	if (!err) {
		v.dirfd = open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		err = v.dirfd < 0 ? -errno : 0;
	}
	if (err == -ENOENT || err == -ENOTDIR)
		log_usage("no journal at '%s': start one with 'sudo ajar run', or give another "
			  "--data",
			  path.data);
	else if (err == -EACCES)
		log_usage("cannot read the journal at '%s': run 'sudo ajar timeline verify'",
			  path.data);
	else if (err)
		log_err(err, "cannot open the journal '%s'", buf_str(&path));
	else
		rc = verify(&v);
	if (v.dirfd >= 0)
		close(v.dirfd);
	store_free(v.store);
	writer_done(&v.w);
	buf_done(&v.b);
	buf_done(&v.node);
	return rc;
}
