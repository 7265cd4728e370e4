/* SPDX-License-Identifier: GPL-2.0 */
/* One description of a record: as JSON, CSV, table and text. */
#include <errno.h>
#include <locale.h>

#include "tap.h"
#include "view/csv.h"
#include "view/view.h"
#include "view/writer.h"

#define T UINT64_C(1795363262123456000) /* 2026-11-22T16:01:02.123456Z */

struct record {
	uint64_t id, ends_ns;
	const char *name, *reason;
	bool on;
};

static const struct writer_field fields[] = {
	COLUMN("id", "ID", .right = true),
	COLUMN("name", "NAME", .trunc = true),
	FIELD("on"),
	COLUMN("ends", "UNTIL", .none = "for good"),
	COLUMN("who", "WHO", .people = true),
	FIELD("opener.pid"),
	FIELD("opener.argv"),
	FIELD("holders.comm"),
	FIELD("skew"),
	COLUMN("reason", "REASON"),
	{ 0 },
};

static int describe(struct writer *w, const struct record *r)
{
	writer_start(w, NULL);
	writer_u64(w, "id", r->id);
	writer_str(w, "reason", r->reason);
	writer_str(w, "name", r->name);
	writer_bool(w, "on", r->on);
	writer_time(w, "ends", r->ends_ns);
	writer_i64(w, "skew", -3);
	writer_start(w, "opener");
	writer_u64(w, "pid", 7);
	writer_list(w, "argv");
	writer_str(w, NULL, "nc");
	writer_str(w, NULL, "-l");
	writer_end(w);
	writer_null(w, "exe");
	writer_end(w);
	writer_list(w, "holders");
	for (unsigned i = 0; i < 2; i++) {
		writer_start(w, NULL);
		writer_str(w, "comm", i ? "sshd" : "nc");
		writer_end(w);
	}
	writer_end(w);
	writer_cell(w, "who", "%s by %d", "nc", 7);
	return writer_end(w);
}

/* What the form makes of the records; the caller frees it. */
static char *in_form(enum writer_form form, const struct record *r, unsigned n, int *ret_err)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	struct writer w;
	int err = f ? writer_open(&w, form, fields, false, f) : -1;

	for (unsigned i = 0; i < n && !err; i++)
		err = describe(&w, &r[i]);
	if (!err)
		err = writer_close(&w);
	writer_done(&w);
	if (f)
		fclose(f);
	*ret_err = err;
	return text;
}

#define is_form(form, r, n, want, ...)                                                             \
	({                                                                                         \
		int err_ = 0;                                                                      \
		char *text_ = in_form(form, r, n, &err_);                                          \
		is_str(err_ ? "failed" : text_, want, __VA_ARGS__);                                \
		free(text_);                                                                       \
	})

static const struct record plain = { 1, T, "compute", "firmware", true };
static const struct record unknown = { 2, 0, NULL, "", false };

#define HEAD "id,name,on,ends,opener.pid,opener.argv,holders.comm,skew,reason\n"

static void test_json(void)
{
	is_form(WRITER_JSON, &plain, 1,
		"{\"id\":1,\"reason\":\"firmware\",\"name\":\"compute\",\"on\":true,\"ends\":"
		"\"2026-11-22T16:01:02.123456Z\",\"skew\":-3,\"opener\":{\"pid\":7,\"argv\":["
		"\"nc\",\"-l\"],\"exe\":null},\"holders\":[{\"comm\":\"nc\"},{\"comm\":\"sshd\"}]}"
		"\n",
		"JSON has all that is described, in that order, a record a line");
	is_form(WRITER_JSON, &unknown, 1,
		"{\"id\":2,\"reason\":\"\",\"name\":null,\"on\":false,\"ends\":null,\"skew\":-3,"
		"\"opener\":{\"pid\":7,\"argv\":[\"nc\",\"-l\"],\"exe\":null},\"holders\":[{"
		"\"comm\":\"nc\"},{\"comm\":\"sshd\"}]}\n",
		"in JSON what is not known is null, and a text of no characters is one");
	is_form(WRITER_JSON, &plain, 0, "", "no record is no JSON");
}

static void test_csv(void)
{
	const struct record hostile = { 3, T, "a,b \"c\"\r\nd\x1b[2J\xff", "=cmd|'/C calc'!A0",
					true };
	const struct record blanks = { 4, T, " x", "x ", true };
	const struct record wide = { 5, T, "größe \xe2\x86\x90 \xe6\xbc\xa2", "@SUM(1)", true };

	is_form(WRITER_CSV, &plain, 1,
		HEAD "1,compute,true,2026-11-22T16:01:02.123456Z,7,nc -l,nc sshd,-3,firmware\n",
		"CSV has the fields of the list in its order, lists joined, numbers as they are");
	is_form(WRITER_CSV, &unknown, 1, HEAD "2,,false,,7,nc -l,nc sshd,-3,\"\"\n",
		"in CSV null is nothing, and a text of no characters is in quotes");
	is_form(WRITER_CSV, &plain, 0, HEAD, "no record is a head all the same");
	is_form(WRITER_CSV, &hostile, 1,
		HEAD "3,\"a,b \"\"c\"\"\\x0d\\x0ad\\x1b[2J\\xff\",true,2026-11-22T16:01:02.123456Z,"
		     "7,nc -l,nc sshd,-3,\\x3dcmd|'/C calc'!A0\n",
		"quotes are doubled, line breaks and escapes stay a line, a formula is none");
	is_form(WRITER_CSV, &blanks, 1,
		HEAD "4,\" x\",true,2026-11-22T16:01:02.123456Z,7,nc -l,nc sshd,-3,\"x \"\n",
		"a blank at an end is in quotes");
	is_form(WRITER_CSV, &wide, 1,
		HEAD "5,größe \xe2\x86\x90 \xe6\xbc\xa2,true,2026-11-22T16:01:02.123456Z,7,nc -l,"
		     "nc sshd,-3,\\x40SUM(1)\n",
		"UTF-8 stays as it is");
}

static void test_formulas(void)
{
	static const char first[] = "=+-@";
	char text[] = "x1";

	for (const char *p = first; *p; p++) {
		struct buf b = BUF_INIT(64);
		char want[16];

		text[0] = *p;
		snprintf(want, sizeof(want), "\\x%02x1", (unsigned)*p);
		csv_harmless(&b, text, 2);
		is_str(buf_str(&b), want, "a text that begins with %c is no formula", *p);
		buf_done(&b);
	}
}

static void test_table(void)
{
	const struct record wide[] = { plain, { 20, 0, "\xe6\xbc\xa2", "", true } };

	is_form(WRITER_TABLE, &plain, 1,
		"ID NAME    UNTIL               WHO     REASON\n"
		" 1 compute 2026-11-22 16:01:02 nc by 7 firmware\n",
		"a table has the columns of the list, and what people are told instead");
	is_form(WRITER_TABLE, &unknown, 1,
		"ID NAME UNTIL    WHO     REASON\n 2 -    for good nc by 7 \n",
		"what is null has a word of its own for people");
	is_form(WRITER_TABLE, wide, 2,
		"ID NAME    UNTIL               WHO     REASON\n"
		" 1 compute 2026-11-22 16:01:02 nc by 7 firmware\n"
		"20 \xe6\xbc\xa2      for good            nc by 7 \n",
		"a wide character takes two columns");
	is_form(WRITER_TABLE, &plain, 0, "", "no record is no table");
}

static void test_hidden(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	struct writer w;

	ok(!writer_open(&w, WRITER_TABLE, fields, false, f), "a table is opened");
	writer_hide(&w, "who");
	writer_hide(&w, "ends");
	ok(writer_wants(&w, "name") && !writer_wants(&w, "who") && !writer_wants(&w, "opener"),
	   "it wants its columns, not those that are hidden, no objects");
	ok(!describe(&w, &plain) && !writer_close(&w), "and written");
	writer_done(&w);
	fclose(f);
	is_str(text, "ID NAME    REASON\n 1 compute firmware\n", "a column may be hidden");
	free(text);
	ok(!writer_open(&w, WRITER_CSV, fields, false, stdout) && writer_wants(&w, "opener") &&
		   !writer_wants(&w, "who"),
	   "CSV wants an object of which it has a field, and nothing that is for people");
	writer_done(&w);
}

static void test_pages(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	struct writer w;

	ok(!writer_open(&w, WRITER_TABLE, fields, false, f), "a table is opened");
	writer_hide(&w, "who");
	writer_hide(&w, "ends");
	ok(!writer_page(&w) && !describe(&w, &plain) && !writer_page(&w), "a page is written");
	is_str(text, "ID NAME    REASON\n 1 compute firmware\n", "and is there at once");
	ok(!describe(&w, &plain) && !writer_page(&w), "another one");
	writer_show(&w, "who");
	writer_show(&w, "who");
	ok(!describe(&w, &plain) && !writer_close(&w), "and one with a column more");
	writer_done(&w);
	fclose(f);
	is_str(text,
	       "ID NAME    REASON\n 1 compute firmware\n 1 compute firmware\n"
	       "ID NAME    WHO     REASON\n 1 compute nc by 7 firmware\n",
	       "a column that comes in later has its heads then");
	free(text);
}

static void test_bounds(void)
{
	static struct writer_field many[WRITER_FIELDS_MAX + 2];
	struct buf b = BUF_INIT(8);
	struct writer w;

	for (unsigned i = 0; i <= WRITER_FIELDS_MAX; i++)
		many[i].key = "x";
	ok(writer_open(&w, WRITER_CSV, many, false, stdout), "a field too many is refused");
	writer_done(&w);
	many[WRITER_FIELDS_MAX].key = NULL;
	ok(!writer_open(&w, WRITER_CSV, many, false, stdout), "as many as may be are taken");
	writer_done(&w);
	ok(!writer_open(&w, WRITER_CSV, fields, false, NULL), "a writer into a buffer");
	writer_to(&w, &b);
	ok(describe(&w, &plain) == -E2BIG && writer_close(&w) == -E2BIG,
	   "what does not fit is an error that stays");
	ok(writer_end(&w) == -E2BIG, "an end too many does not hide it");
	writer_done(&w);
	buf_done(&b);
	ok(!writer_open(&w, WRITER_TABLE, fields, false, stdout) && writer_end(&w) == -EINVAL,
	   "an end without a start is an error");
	writer_done(&w);
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	test_json();
	test_csv();
	test_formulas();
	test_table();
	test_hidden();
	test_pages();
	test_bounds();
	return tap_done();
}
