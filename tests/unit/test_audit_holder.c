/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/holder.h"

#include <string.h>

#include "audit/verdict.h"
#include "audit_help.h"
#include "core/holders.h"

static char str_python[] = "/usr/bin/python3", str_nginx[] = "/usr/sbin/nginx";
static struct buf list = BUF_INIT(HOLDERS_BYTES_MAX);
static struct event ev;
static struct process who;

static struct event opened_by(struct process opener)
{
	buf_reset(&list);
	return (struct event){ .kind = EVENT_HELD,
			       .origin = ORIGIN_SWEEP,
			       .door = a_door(PROTO_TCP, 8080),
			       .opener = opener };
}

static void held_by(struct process p)
{
	p.alike = 1;
	holders_put(&ev.holders, &list, &p);
}

static enum verdict verdict_by(const struct profile_row *row)
{
	const struct profile p = { .accepted = true,
				   .host_type = (char[]){ "compute" },
				   .rows = (struct profile_row *)row,
				   .rows_len = 1 };
	struct judgement j;

	audit_judge_event(&p, &ev, NOW, OUTSIDE_UNKNOWN, &j, &who);
	return j.verdict;
}

static void test_holders(void)
{
	const struct profile_row python = { .proto = PROTO_TCP, .port = 8080, .exe = str_python },
				 anybody = { .proto = PROTO_TCP, .port = 8080 };

	ev = opened_by(a_process("python3", str_python, 0, "root"));
	is_int(verdict_by(&python), VERDICT_PROFILED, "a permitted program opens its door");
	held_by(a_process("evil", "/tmp/evil", 0, "root"));
	is_int(verdict_by(&python), VERDICT_IMPOSTOR,
	       "held by another it is an impostor's, whoever opened it");
	is_str(who.comm, "evil", "and that one is named");
	is_int(verdict_by(&anybody), VERDICT_PROFILED, "a row for anybody permits anybody");
	held_by(a_process("python3", str_python, 0, "root"));
	is_int(verdict_by(&python), VERDICT_IMPOSTOR, "the worst of several counts");
	ev = opened_by(a_process("evil", "/tmp/evil", 0, "root"));
	held_by(a_process("python3", str_python, 0, "root"));
	is_int(verdict_by(&python), VERDICT_PROFILED,
	       "what the right program holds is right, whoever opened it");
}

static void test_unknown(void)
{
	const struct profile_row python = { .proto = PROTO_TCP, .port = 8080, .exe = str_python },
				 anybody = { .proto = PROTO_TCP, .port = 8080 };

	ev = opened_by(a_process("python3", str_python, 0, "root"));
	ev.holders.known = true;
	is_int(verdict_by(&python), VERDICT_PROFILED, "where no holder is seen the opener decides");
	ev.opener = (struct process){ .uid = ID_UNKNOWN };
	is_int(verdict_by(&python), VERDICT_UNEXPECTED,
	       "where nobody is known a row that names a program permits nothing");
	is_int(verdict_by(&anybody), VERDICT_PROFILED, "one that names nobody does");
	ev = opened_by(a_process("python3", str_python, 0, "root"));
	held_by(ev.opener);
	ev.holders.more = 1;
	is_int(verdict_by(&python), VERDICT_UNEXPECTED, "nor are those beyond the list permitted");
}

static void test_daemons(void)
{
	const struct profile_row nginx = {
		.proto = PROTO_TCP, .port = 8080, .exe = str_nginx, .user = str_root
	};

	ev = opened_by(a_process("nginx", str_nginx, 0, "root"));
	held_by(a_process("nginx", str_nginx, 0, "root"));
	held_by(a_process("nginx", str_nginx, 33, "www-data"));
	is_int(verdict_by(&nginx), VERDICT_PROFILED,
	       "root's daemon may become its user and fork workers, on any port");
	ev.opener.uid = 1041;
	is_int(verdict_by(&nginx), VERDICT_IMPOSTOR, "another user's daemon may not");
	ev = opened_by(a_process("nginx", str_nginx, 0, "root"));
	held_by(a_process("sh", "/bin/sh", 33, "www-data"));
	is_int(verdict_by(&nginx), VERDICT_IMPOSTOR, "nor may a worker become another program");
}

static void test_words(void)
{
	struct buf b = BUF_INIT(4096), key = BUF_INIT(1024);
	struct process evil = a_process("evil", "/tmp/evil", 0, "root");

	ev = opened_by(a_process("python3", str_python, 0, "root"));
	held_by(ev.opener);
	held_by(evil);
	audit_why_holder(&ev, &evil, &b);
	is_str(buf_str(&b),
	       "; it was opened by python3, /usr/bin/python3, and this one holds it now",
	       "why says who opened it");
	audit_key("compute", NULL, &ev.door, &evil, FINDING_IMPOSTOR, &key);
	audit_holder_of_key(buf_str(&key), "compute", &ev, &who);
	is_str(who.comm, "evil", "an alert's key leads to the holder it is about");
	audit_holder_of_key("impostor tcp many", "compute", &ev, &who);
	is_str(who.comm, "python3", "or to the first");
	buf_reset(&b);
	ev.holders = (struct holders){ .known = true };
	audit_why_holder(&ev, &ev.opener, &b);
	ok(strstr(buf_str(&b), "no process is seen to hold it"), "and that nobody is seen to");
	buf_done(&b);
	buf_done(&key);
}

int main(void)
{
	test_holders();
	test_unknown();
	test_daemons();
	test_words();
	buf_done(&list);
	return tap_done();
}
