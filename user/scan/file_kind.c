/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/file_kind.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"

#define MAKE_XML "make XML with 'nmap -p- -oX FILE HOST'"
#define UNPACK(program) "unpack it first: '" program " FILE | ajar profile learn --from-nmap -'"
#define MASSCAN_XML "masscan writes nmap's XML with '-oX FILE'"
#define GIVE_XML "give the XML that it was made from"

/* --- by a signature --------------------------------------------------------------------------- */

struct signature {
	const char *bytes;
	size_t len;
	struct file_kind kind;
};
#define SIGNATURE(bytes, what, remedy)                                                             \
	{                                                                                          \
		bytes, sizeof(bytes) - 1,                                                          \
		{                                                                                  \
			what, remedy                                                               \
		}                                                                                  \
	}

static const struct signature signatures[] = {
	SIGNATURE("\x1f\x8b", "is compressed with gzip", UNPACK("zcat")),
	SIGNATURE("BZh", "is compressed with bzip2", UNPACK("bzcat")),
	SIGNATURE("\xfd"
		  "7zXZ",
		  "is compressed with xz", UNPACK("xzcat")),
	SIGNATURE("\x28\xb5\x2f\xfd", "is compressed with zstd", UNPACK("zstdcat")),
	SIGNATURE("PK\x03\x04", "is a ZIP archive", UNPACK("unzip -p")),
	SIGNATURE("%PDF", "is a PDF", GIVE_XML),
	SIGNATURE("\xff\xfe", "is in UTF-16", UNPACK("iconv -f UTF-16 -t UTF-8")),
	SIGNATURE("\xfe\xff", "is in UTF-16", UNPACK("iconv -f UTF-16 -t UTF-8")),
	SIGNATURE("<\0", "is in UTF-16", UNPACK("iconv -f UTF-16LE -t UTF-8")),
	SIGNATURE("\0<", "is in UTF-16", UNPACK("iconv -f UTF-16BE -t UTF-8")),
	SIGNATURE("masscan/", "is masscan's binary output (-oB)",
		  "turn it into XML: 'masscan --readscan FILE -oX OUT'"),
};

/* --- by its first element --------------------------------------------------------------------- */

static const struct {
	const char *root;
	struct file_kind kind;
} roots[] = {
	{ "html", { "is an HTML page, as nmap's XML makes with its style sheet", GIVE_XML } },
	{ "xsl:stylesheet", { "is a style sheet (XSL)", MAKE_XML } },
	{ "xsl:transform", { "is a style sheet (XSL)", MAKE_XML } },
	{ "nmapdiff", { "is ndiff's XML", "give one of the two scans it compares" } },
	{ "NessusClientData_v2", { "is a report of Nessus", MAKE_XML } },
	{ "report",
	  { "is a report of another scanner (its first element is 'report')", MAKE_XML } },
};
static const struct file_kind other_xml = {
	"is XML, but not nmap's: its first element is no 'nmaprun'", MAKE_XML
};

static const char *skip_to(const char *p, const char *end, const char *what)
{
	const char *at = memmem(p, (size_t)(end - p), what, strlen(what));

	return at ? at + strlen(what) : NULL;
}

/* The name of the first element, past declarations and comments; false: the head ends before it. */
static bool first_element(const char *p, const char *end, const char **ret_name, size_t *ret_len)
{
	while (p) {
		while (p < end && isspace((unsigned char)*p))
			p++;
		if (end - p < 4 || *p != '<')
			return false;
		if (!memcmp(p, "<!--", 4)) {
			p = skip_to(p + 4, end, "-->");
		} else if (p[1] == '?') {
			p = skip_to(p, end, "?>");
		} else if (p[1] == '!') {
			p = memchr(p, '[', (size_t)(end - p)) ? NULL : skip_to(p, end, ">");
		} else {
			for (*ret_name = ++p;
			     p < end && !isspace((unsigned char)*p) && !memchr("/>", *p, 2);)
				p++;
			*ret_len = (size_t)(p - *ret_name);
			return p < end;
		}
	}
	return false;
}

static const struct file_kind *kind_of_xml(const char *p, const char *end)
{
	const char *name;
	size_t n;

	if (end - p >= 14 && !strncasecmp(p, "<!doctype html", 14))
		return &roots[0].kind;
	if (!first_element(p, end, &name, &n) || (n == 7 && !memcmp(name, "nmaprun", 7)))
		return NULL;
	for (size_t i = 0; i < array_len(roots); i++)
		if (strlen(roots[i].root) == n && !strncasecmp(name, roots[i].root, n))
			return &roots[i].kind;
	return &other_xml;
}

/* --- by its first words ----------------------------------------------------------------------- */

enum text_kind {
	NORMAL,
	KIDDIE,
	GREPABLE,
	MASSCAN_LIST,
	MASSCAN_JSON,
	JSON,
	NOTHING,
	LEADING,
	BINARY,
	SOMETHING,
};
static const struct file_kind text_kinds[] = {
	[NORMAL] = { "is nmap's normal output (-oN)", MAKE_XML },
	[KIDDIE] = { "is nmap's s|<rIpt kIddi3 output (-oS)", MAKE_XML },
	[GREPABLE] = { "is grepable output (-oG)", MAKE_XML },
	[MASSCAN_LIST] = { "is masscan's list (-oL)", MASSCAN_XML },
	[MASSCAN_JSON] = { "is masscan's JSON (-oJ)", MASSCAN_XML },
	[JSON] = { "is JSON", MAKE_XML },
	[NOTHING] = { "is empty", MAKE_XML },
	[LEADING] = { "has other text before its XML (what nmap or a shell said?)",
		      "leave that out: 'sed -n \"/<nmaprun/,\\$p\" FILE | ajar profile learn "
		      "--from-nmap -'" },
	[BINARY] = { "is binary data", MAKE_XML },
	[SOMETHING] = { "is text, but not XML", MAKE_XML },
};

static bool has(const char *p, const char *end, const char *what)
{
	return skip_to(p, end, what) != NULL;
}

static bool begins(const char *p, const char *end, const char *what)
{
	return (size_t)(end - p) >= strlen(what) && !memcmp(p, what, strlen(what));
}

/* What -oS puts for a letter, and in any case. */
static char plain(char c)
{
	switch (c) {
	case '4':
		return 'a';
	case '3':
		return 'e';
	case '!':
	case '|':
	case '1':
		return 'i';
	case '0':
		return 'o';
	case '$':
	case 'z':
	case 'Z':
		return 's';
	default:
		return (char)tolower((unsigned char)c);
	}
}

static bool begins_plainly(const char *p, const char *end, const char *what)
{
	for (; *what; p++, what++)
		if (p == end || plain(*p) != *what)
			return false;
	return true;
}

static bool has_plainly(const char *p, const char *end, const char *what)
{
	for (; p < end; p++)
		if (begins_plainly(p, end, what))
			return true;
	return false;
}

/*
 * -oS alters letters by chance, so that any one phrase may stand there as it was: one that is there
 * in other letters alone tells.
 */
static bool is_kiddie(const char *p, const char *end)
{
	static const char *const phrases[][2] = { { "Nmap scan report for ",
						    "nmap scan report for " },
						  { "https://nmap.org ", "https://nmap.org " },
						  { "Nmap done: ", "nmap done: " } };

	if (!begins_plainly(p, end, "starting nmap ") &&
	    !begins_plainly(p, end, "nmap scan report for "))
		return false;
	if (!begins(p, end, "Starting Nmap ") && !begins(p, end, "Starting nmap ") &&
	    !begins(p, end, "Nmap scan report for "))
		return true;
	for (size_t i = 0; i < array_len(phrases); i++)
		if (!has(p, end, phrases[i][0]) && has_plainly(p, end, phrases[i][1]))
			return true;
	return false;
}

/* Control characters that no text has, in whatever charset. */
static bool is_binary(const char *p, const char *end)
{
	for (; p < end; p++) {
		if ((unsigned char)*p < ' ' && !isspace((unsigned char)*p) && *p != '\b' &&
		    *p != '\x1b')
			return true;
	}
	return false;
}

static enum text_kind kind_of_text(const char *p, const char *end)
{
	if (begins(p, end, "#masscan"))
		return MASSCAN_LIST;
	/* The comment at the top names every option of the command, those of other files too. */
	if (has(p, end, "\tPorts: ") || has(p, end, "\tStatus: ") ||
	    (begins(p, end, "# ") && has(p, end, " -oG ") && !has(p, end, "\nNmap scan report ") &&
	     !has(p, end, "\nInteresting ports ")))
		return GREPABLE;
	if (*p == '[' || *p == '{')
		return has(p, end, "\"ip\"") && has(p, end, "\"ports\"") ? MASSCAN_JSON : JSON;
	if (is_kiddie(p, end))
		return KIDDIE;
	if (begins(p, end, "# Nmap ") || begins(p, end, "Starting Nmap ") ||
	    begins(p, end, "# nmap ") || begins(p, end, "Starting nmap ") ||
	    begins(p, end, "Nmap scan report for ") || begins(p, end, "Interesting ports on "))
		return NORMAL;
	if (has(p, end, "\n<?xml ") || has(p, end, "\n<nmaprun "))
		return LEADING;
	return is_binary(p, end) ? BINARY : SOMETHING;
}

const struct file_kind *file_kind(const void *head, size_t n)
{
	const char *p = head, *end = p + n;

	for (size_t i = 0; i < array_len(signatures); i++)
		if (n >= signatures[i].len && !memcmp(p, signatures[i].bytes, signatures[i].len))
			return &signatures[i].kind;
	if (begins(p, end, "\xef\xbb\xbf"))
		p += 3;
	while (p < end && isspace((unsigned char)*p))
		p++;
	if (p == end)
		return &text_kinds[NOTHING];
	return *p == '<' ? kind_of_xml(p, end) : &text_kinds[kind_of_text(p, end)];
}
