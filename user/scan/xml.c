/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan/xml_tree.h"

/*
 * Expat 2.9 counts lines in 64 bits everywhere, and marks the function that may not as deprecated.
 */
#ifdef XML_ATTR_DEPRECATED
#define xml_line XML_GetCurrentLineNumber64
#else
#define xml_line XML_GetCurrentLineNumber
#endif

#define PIECE_BYTES (64u << 10)
#define MARK_MAX 16 /* longer than each word of mark_at() */
#define RUN_TEXT_MAX (4u << 20)
#define ELEM_BYTES_MAX (64u << 10) /* a certificate in PEM has 2 KiB or so */

/* --- failures --------------------------------------------------------------------------------- */

/* --- the parser ------------------------------------------------------------------------------- */

static void XMLCALL on_start(void *arg, const char *name, const char **atts)
{
	struct scan_xml *x = arg;
	enum element e = E_OTHER;

	x->token_bytes = 0;
	if (x->err)
		return;
	if (x->depth == SCAN_XML_DEPTH_MAX) {
		xml_fail(x, -E2BIG, "its elements are nested deeper than %d", SCAN_XML_DEPTH_MAX);
		return;
	}
	if (x->depth) {
		e = xml_enter(x, name, atts);
	} else if (!strcmp(name, "nmaprun")) {
		e = E_NMAPRUN;
		xml_begin_run(x, atts);
	} else {
		xml_fail(x, -EBADMSG, "it is not nmap's: no element 'nmaprun' is around it");
		return;
	}
	x->path[x->depth++] = e;
}

static void XMLCALL on_end(void *arg, const char *name)
{
	struct scan_xml *x = arg;

	(void)name;
	x->token_bytes = 0;
	if (x->err || !x->depth)
		return;
	xml_leave(x, x->path[--x->depth]);
}

static void XMLCALL on_text(void *arg, const char *s, int n)
{
	struct scan_xml *x = arg;

	x->token_bytes = 0;
	if (!x->err && x->wanted_elem && x->path[x->depth - 1] == E_ELEM)
		buf_put(&x->elem, s, (size_t)n);
}

/*
 * Nmap writes "<!DOCTYPE nmaprun>", 6.45 and 6.46 the name of its public DTD with it, which nobody
 * here fetches. Whatever declares something by itself, or comes with another DTD, is not nmap's.
 */
static void XMLCALL on_doctype(void *arg, const char *name, const char *sysid, const char *pubid,
			       int internal)
{
	static const char public[] = "-//IDN nmap.org//DTD Nmap XML ";
	bool nmaps = pubid ? !strncmp(pubid, public, sizeof(public) - 1) : !sysid;

	if (internal || strcmp(name, "nmaprun") || !nmaps)
		xml_fail(arg, -EBADMSG, "it has a document type of its own, which is refused");
}

/* Only a document with a DTD may name an entity that it does not declare; nmap's declares none. */
static void XMLCALL on_skipped(void *arg, const char *name, int is_parameter)
{
	(void)name;
	(void)is_parameter;
	xml_fail(arg, -EBADMSG, "it refers to an entity, which is refused");
}

static void XMLCALL on_entity(void *arg, const char *name, int is_parameter, const char *value,
			      int value_len, const char *base, const char *sysid, const char *pubid,
			      const char *notation)
{
	(void)name;
	(void)is_parameter;
	(void)value;
	(void)value_len;
	(void)base;
	(void)sysid;
	(void)pubid;
	(void)notation;
	xml_fail(arg, -EBADMSG, "it declares an entity, which is refused");
}

static void XMLCALL on_comment(void *arg, const char *text)
{
	struct scan_xml *x = arg;

	(void)text;
	x->token_bytes = 0;
}

/* --- the stream ------------------------------------------------------------------------------- */

static void begin_document(struct scan_xml *x)
{
	XML_SetUserData(x->parser, x);
	XML_SetElementHandler(x->parser, on_start, on_end);
	XML_SetCharacterDataHandler(x->parser, on_text);
	XML_SetStartDoctypeDeclHandler(x->parser, on_doctype);
	XML_SetEntityDeclHandler(x->parser, on_entity);
	XML_SetSkippedEntityHandler(x->parser, on_skipped);
	XML_SetCommentHandler(x->parser, on_comment);
	x->run.documents++;
	x->fed = x->begun = x->rooted = false;
	x->token_bytes = 0;
	x->depth = 0;
	x->port = NULL;
	x->script = SCRIPT_OTHER;
	x->wanted_elem = false;
	x->run.finished = false;
}

int scan_xml_new(const struct scan_xml_ops *ops, void *arg, struct scan_xml **ret_x)
{
	_cleanup_(scan_xml_freep) struct scan_xml *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->ops = ops;
	x->arg = arg;
	x->cleaned.max = PIECE_BYTES + 2 * CLEAN_HELD_MAX + 1 + MARK_MAX;
	x->elem.max = ELEM_BYTES_MAX;
	x->run_texts.max = RUN_TEXT_MAX;
	x->host_texts.max = SCAN_XML_HOST_TEXT_MAX;
	x->parser = XML_ParserCreate("UTF-8");
	if (!x->parser)
		return -ENOMEM;
	begin_document(x);
	*ret_x = take_ptr(x);
	return 0;
}

void scan_xml_free(struct scan_xml *x)
{
	if (!x)
		return;
	if (x->parser)
		XML_ParserFree(x->parser);
	arena_reset(&x->run_texts);
	arena_reset(&x->host_texts);
	buf_done(&x->cleaned);
	buf_done(&x->elem);
	free(x->ports);
	free(x);
}

/* The errors of a document that stops before its end. */
static bool is_cut(enum XML_Error code)
{
	return code == XML_ERROR_NO_ELEMENTS || code == XML_ERROR_UNCLOSED_TOKEN ||
	       code == XML_ERROR_PARTIAL_CHAR || code == XML_ERROR_UNCLOSED_CDATA_SECTION;
}

static int parse(struct scan_xml *x, const char *p, size_t n, bool last)
{
	enum XML_Error code;

	for (size_t i = 0; i < n && !x->begun; i++)
		x->begun = !memchr(" \t\r\n\xef\xbb\xbf", p[i], 7);
	x->fed |= n > 0;
	if (x->err || XML_Parse(x->parser, p, (int)n, last) != XML_STATUS_ERROR)
		return x->err;
	code = XML_GetErrorCode(x->parser);
	if (!x->err && !(last && is_cut(code)))
		xml_fail(x, code == XML_ERROR_NO_MEMORY ? -ENOMEM : -EBADMSG, "line %llu: %s",
			 (unsigned long long)xml_line(x->parser), XML_ErrorString(code));
	return x->err;
}

/* Blanks and a mark of byte order before a declaration are no document, and are forgiven. */
static int next_document(struct scan_xml *x)
{
	int err = 0;

	if (x->begun) {
		err = parse(x, "", 0, true);
		x->run.cut_documents += x->depth || !x->run.finished;
	} else {
		x->run.documents--;
	}
	if (err)
		return err;
	if (!XML_ParserReset(x->parser, "UTF-8"))
		return -ENOMEM;
	begin_document(x);
	return 0;
}

/*
 * Where a document may begin: "<?xml " always, "<nmaprun " when the one before has had its own.
 * Nmap escapes every "<" that comes from outside, so neither stands elsewhere. MAYBE: the piece
 * ends before it is known.
 */
enum mark { MARK_NONE, MARK_MAYBE, MARK_DECLARATION, MARK_ROOT };
static enum mark mark_at(const char *p, size_t n)
{
	static const struct {
		const char *word;
		enum mark mark;
	} words[] = { { "<?xml", MARK_DECLARATION }, { "<nmaprun", MARK_ROOT } };

	for (size_t i = 0; i < array_len(words); i++) {
		size_t len = strlen(words[i].word);

		if (n <= len && !memcmp(p, words[i].word, n))
			return MARK_MAYBE;
		if (n > len && !memcmp(p, words[i].word, len) && memchr(" \t\r\n/>", p[len], 6))
			return words[i].mark;
	}
	return MARK_NONE;
}

/* Gives what was cleaned to the parser, a new one for each document; last: nothing will follow. */
static int parse_cleaned(struct scan_xml *x, bool last)
{
	const char *from = buf_str(&x->cleaned), *end = from + x->cleaned.len, *p = from;
	enum mark mark = MARK_NONE;
	int err = x->err;

	if (x->cleaned.err) {
		xml_fail(x, x->cleaned.err, "there is no memory");
		return x->err;
	}
	for (; !err && (p = memchr(p, '<', (size_t)(end - p))); p++) {
		mark = mark_at(p, (size_t)(end - p));
		if (mark == MARK_MAYBE && !last)
			break;
		if (mark != MARK_DECLARATION && mark != MARK_ROOT)
			continue;
		err = parse(x, from, (size_t)(p - from), false);
		from = p;
		if (!err && (mark == MARK_DECLARATION ? x->fed : x->rooted))
			err = next_document(x);
		x->rooted |= mark == MARK_ROOT;
	}
	if (!p)
		p = end;
	if (!err)
		err = parse(x, from, (size_t)(p - from), last);
	x->kept = err ? 0 : (size_t)(end - p);
	if (x->kept)
		memmove(x->cleaned.data, p, x->kept);
	return err;
}

static void keep_only_kept(struct scan_xml *x)
{
	x->cleaned.len = x->kept;
	x->kept = 0;
}

int scan_xml_feed(struct scan_xml *x, const void *p, size_t n)
{
	const char *in = p;
	int err = x->err;

	for (size_t piece; !err && n; in += piece, n -= piece) {
		piece = n < PIECE_BYTES ? n : PIECE_BYTES;
		x->bytes += piece;
		x->token_bytes += piece;
		if (x->bytes > SCAN_XML_BYTES_MAX) {
			xml_fail(x, -E2BIG, "it has more than %llu bytes", SCAN_XML_BYTES_MAX);
			return x->err;
		}
		keep_only_kept(x);
		clean_put(&x->clean, in, piece, &x->cleaned);
		err = parse_cleaned(x, false);
		if (!err && x->token_bytes > SCAN_XML_TOKEN_MAX) {
			xml_fail(x, -E2BIG, "one of its elements has more than %u bytes",
				 SCAN_XML_TOKEN_MAX);
			err = x->err;
		}
	}
	return err;
}

int scan_xml_end(struct scan_xml *x)
{
	int err = x->err;

	/* The parser may keep back what could go on; now it does not. */
	keep_only_kept(x);
	clean_end(&x->clean, &x->cleaned);
	if (!err)
		err = parse_cleaned(x, true);
	if (err)
		return err;
	if (!x->depth && x->run.finished && !x->run.cut_documents)
		return 0;
	if (x->run.error.ptr && x->run.error.len)
		snprintf(x->why, sizeof(x->why), "nmap says: %.200s", x->run.error.ptr);
	else if (x->depth || !x->run.finished)
		snprintf(x->why, sizeof(x->why),
			 "it ends in the middle: nmap was killed or failed");
	else
		snprintf(x->why, sizeof(x->why),
			 "%u of its %u runs end%s in the middle: nmap was killed or failed",
			 x->run.cut_documents, x->run.documents,
			 x->run.cut_documents == 1 ? "s" : "");
	return -ENODATA;
}

const char *scan_xml_why(const struct scan_xml *x)
{
	return x->why;
}

const struct scan_run *scan_xml_run(const struct scan_xml *x)
{
	return &x->run;
}
