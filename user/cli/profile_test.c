/* SPDX-License-Identifier: GPL-2.0 */
/* `ajar profile test`: which rule decides about this door, and why the others do not. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ajar/exit.h"
#include "audit/audit.h"
#include "audit/explain.h"
#include "audit/match.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/profile_util.h"
#include "conf/conf.h"
#include "conf/profile_text.h"
#include "core/argv_pattern.h"
#include "core/exe_pattern.h"
#include "core/executable.h"
#include "store/store.h"
#include "view/view.h"
#include "view/writer.h"

#define NEAR_MAX 20
#define SOME_UID 65532 /* of a user whose number nobody said */

struct question {
	struct door door;
	struct process opener;
	struct exe_account file;
	struct buf argv;
	const struct profile *p;
	uint64_t now_ns;
	struct judgement j;
};

static uint32_t uid_of(const char *user)
{
	uint32_t uid;

	if (!parse_u32(user, &uid))
		return uid;
	return strcmp(user, "root") ? SOME_UID : 0;
}

/* The file that the rule asks for. */
static void take_file(const struct profile_row *r, struct exe_file *f)
{
	size_t n;

	f->state = EXE_FILE_READ;
	f->hashed = r->sha256 && !text_unhex(text_of(r->sha256), f->sha256, SHA256_LEN, &n);
	f->listed = r->package ? EXE_LISTED_MATCHES : EXE_LISTED_UNKNOWN;
	snprintf(f->package, sizeof(f->package), "%s", r->package ? r->package : "");
}

static void take_argv(const struct profile_row *r, struct question *q)
{
	buf_puts(&q->argv, r->exe ? r->exe : "?");
	buf_putc(&q->argv, '\0');
	argv_pattern_example(&q->argv, r->argv);
	q->opener.argv = (struct text){ q->argv.data, (uint32_t)q->argv.len };
}

/* The rule that would permit exactly this door is a good way to name it. */
static void make_door(const struct profile_row *r, struct question *q)
{
	struct process *p = &q->opener;
	bool in_job = r->job && strcasecmp(r->job, PROFILE_NONE);
	bool contained = r->container && strcasecmp(r->container, PROFILE_NONE) &&
			 strcasecmp(r->container, PROFILE_EITHER);

	q->door = (struct door){
		.proto = r->proto,
		.family = FAMILY_INET,
		.scope = r->scope ? r->scope : SCOPE_ANY,
		.port = r->port,
	};
	*p = (struct process){ .known = r->job || r->container || profile_row_wants_owner(r),
			       .uid = ID_UNKNOWN };
	if (r->exe && !strcmp(r->exe, EXE_KERNEL))
		p->kernel = true;
	else
		p->exe = text_of(r->exe);
	if (r->exe && strrchr(r->exe, '/'))
		snprintf(p->comm, sizeof(p->comm), "%.15s", strrchr(r->exe, '/') + 1);
	if (r->user) {
		p->user = text_of(r->user);
		p->uid = uid_of(r->user);
	}
	if (profile_row_wants_file(r)) {
		q->file = (struct exe_account){ .state = EXE_ACCOUNT_KNOWN };
		take_file(r, &q->file.file);
	}
	p->account = profile_row_wants_file(r) ? &q->file : NULL;
	if (r->argv)
		take_argv(r, q);
	p->job_state = in_job ? PLACE_IN : PLACE_NONE;
	p->container_state = contained ? PLACE_IN : PLACE_NONE;
	if (in_job)
		p->job = TEXT("1");
	if (contained)
		p->container = text_of(strcasecmp(r->container, PROFILE_ANY) ? r->container : "0");
}

/*
 * Worth explaining: a row about this port, or about this program; of wide ranges those that nearly
 * fit.
 */
static bool is_near(const struct profile_row *r, const struct question *q, unsigned misses)
{
	if (match_port(r, &q->door) && (misses == 1 || !row_is_wide(r)))
		return true;
	return r->exe && q->opener.exe.ptr && exe_pattern_fits(r->exe, q->opener.exe);
}

/* w or b */
static void put_near(const struct question *q, struct writer *w, struct buf *b)
{
	unsigned shown = 0, left = 0;

	for (size_t i = 0; i < q->p->rows_len; i++) {
		_cleanup_(buf_done) struct buf why = BUF_INIT(4096), rule = BUF_INIT(1 << 15);
		const struct profile_row *r = &q->p->rows[i];
		unsigned misses = audit_row_misses(r, &q->door, &q->opener, q->now_ns, &why);

		if (!misses || !is_near(r, q, misses))
			continue;
		if (shown++ >= NEAR_MAX) {
			left++;
			continue;
		}
		profile_rule_plain(&rule, r);
		if (w) {
			writer_start(w, NULL);
			writer_u64(w, "row", r->id);
			writer_str(w, "rule", buf_str(&rule));
			writer_str(w, "is_about", buf_str(&why));
			writer_end(w);
			continue;
		}
		buf_printf(b, "%s  row %" PRIu64 ": %s\n    is about %s\n",
			   shown == 1 ? "near misses:\n" : "", r->id, buf_str(&rule),
			   buf_str(&why));
	}
	if (left && b)
		buf_printf(b, "  and %u more\n", left);
}

static void put_json(const struct question *q, struct writer *w)
{
	_cleanup_(buf_done) struct buf why = BUF_INIT(4096);

	audit_why(&q->j, q->p->host_type, q->p, &q->door, &q->opener, &why);
	writer_start(w, NULL);
	writer_str(w, "class", q->p->host_type);
	writer_str(w, "verdict", verdict_name(q->j.verdict));
	writer_str(w, "severity", q->j.kind ? severity_name(q->j.severity) : NULL);
	writer_str(w, "why", buf_str(&why));
	if (q->j.row)
		writer_u64(w, "row", q->j.row->id);
	else
		writer_null(w, "row");
	writer_list(w, "near");
	put_near(q, w, NULL);
	writer_end(w);
	writer_end(w);
}

static bool decides(const struct question *q)
{
	return q->j.row && (q->j.verdict == VERDICT_PROFILED || q->j.row->action == PROFILE_DENY);
}

static void put_words(const struct question *q, struct buf *b, bool colour)
{
	const char *sgr = colour ? view_verdict_sgr(q->j.verdict) : NULL;

	if (sgr)
		buf_printf(b, "\033[%sm", sgr);
	buf_puts(b, verdict_name(q->j.verdict));
	if (q->j.kind)
		buf_printf(b, ", %s", severity_name(q->j.severity));
	buf_puts(b, sgr ? "\033[0m: " : ": ");
	audit_why(&q->j, q->p->host_type, q->p, &q->door, &q->opener, b);
	buf_putc(b, '\n');
	if (decides(q)) {
		buf_printf(b, "decided by row %" PRIu64 ": ", q->j.row->id);
		profile_rule_plain(b, q->j.row);
		buf_putc(b, '\n');
	}
}

static int answer(struct cmd_ctx *c, const struct question *q)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(1 << 20);
	struct writer w;
	int rc;

	if (c->json) {
		if (out_open(c, NULL, &w))
			return AJAR_EXIT_ERROR;
		put_json(q, &w);
		rc = out_close(&w, 0, NULL, "");
	} else {
		put_words(q, &b, c->colour);
		put_near(q, NULL, &b);
		int err = out_put(&b);

		rc = out_report(err ? err : out_flush());
	}
	if (rc)
		return AJAR_EXIT_ERROR;
	return q->j.kind ? AJAR_EXIT_NEGATIVE : AJAR_EXIT_OK;
}

int profile_test(struct cmd_ctx *c)
{
	_cleanup_(profile_row_done) struct profile_row r = { 0 };
	_cleanup_(profile_freep) struct profile *p = NULL;
	_cleanup_(store_freep) struct store *s = NULL;
	struct question q = { .argv = BUF_INIT(1 << 14), .now_ns = clock_wall_ns() };
	int rc;

	if (profile_words(c, 2, &r) || cmd_store(c, STORE_READONLY, &s) ||
	    profile_load(c, s, c->argv[1], &p))
		return AJAR_EXIT_ERROR;
	if (r.port_end || !r.port) {
		(void)log_usage("a door has one port");
		return AJAR_EXIT_ERROR;
	}
	q.p = p;
	make_door(&r, &q);
	audit_judge(p, &q.door, &q.opener, q.now_ns, &q.j);
	rc = answer(c, &q);
	buf_done(&q.argv);
	return rc;
}
