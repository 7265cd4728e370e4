/* SPDX-License-Identifier: GPL-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/argv_pattern.h"
#include "tap.h"

/* A string of C ends them with one more NUL, as the last argument has. */
#define ARGS(lit)                                                                                  \
	{                                                                                          \
		(lit), sizeof(lit)                                                                 \
	}

static const struct {
	const char *pattern;
	struct text argv;
	bool cut;
	enum argv_fit fit;
	const char *name;
} cases[] = {
	{ "/opt/a.py", ARGS("python3\0/opt/a.py"), false, ARGV_FITS, "the script" },
	{ "/opt/a.py", ARGS("python3\0/opt/b.py"), false, ARGV_DIFFERS, "another script" },
	{ "/opt/a.py", ARGS("python3\0/opt/a.py\0-v"), false, ARGV_DIFFERS, "one argument more" },
	{ "/opt/a.py ...", ARGS("python3\0/opt/a.py\0-v"), false, ARGV_FITS,
	  "any further arguments" },
	{ "/opt/a.py ...", ARGS("python3\0/opt/a.py"), false, ARGV_FITS, "or none" },
	{ "/opt/a.py ...", ARGS("python3\0-c\0/opt/a.py"), false, ARGV_DIFFERS,
	  "the script's name as the code of another" },
	{ "/opt/a.py ...", ARGS("python3\0/opt/b.py\0/opt/a.py"), false, ARGV_DIFFERS,
	  "the script's name behind another one's" },
	{ "/opt/a.py /opt/b.py", ARGS("python3\0/opt/a.py /opt/b.py"), false, ARGV_DIFFERS,
	  "one argument with a blank is not two" },
	{ "/opt/a.py ...", ARGS("python3\0/opt/a.py /opt/b.py"), false, ARGV_DIFFERS,
	  "nor one and any further ones" },
	{ "/opt/a.py\\ /opt/b.py", ARGS("python3\0/opt/a.py /opt/b.py"), false, ARGV_FITS,
	  "a blank of the argument is escaped" },
	{ "/opt/a.py\\ /opt/b.py", ARGS("python3\0/opt/a.py\0/opt/b.py"), false, ARGV_DIFFERS,
	  "and is no end of one" },
	{ "/opt/a.py ...", ARGS("/opt/a.py\0/opt/b.py"), false, ARGV_DIFFERS,
	  "the program's own name is none of them" },
	{ "a.py ...", ARGS("python3\0/opt/a.py"), false, ARGV_DIFFERS,
	  "a relative script is not one of a directory" },
	{ "/opt/a.py ...", ARGS("python3\0a.py"), false, ARGV_DIFFERS, "nor the other way round" },
	{ "/opt/a.py ...", ARGS("python3\0/opt/../opt/a.py"), false, ARGV_DIFFERS,
	  "another way to write the path" },
	{ "/opt/*/run.py ...", ARGS("python3\0/opt/app-2/run.py"), false, ARGV_FITS, "a star" },
	{ "/opt/*/run.py ...", ARGS("python3\0/opt/x/y/run.py"), false, ARGV_DIFFERS,
	  "a star ends at a slash" },
	{ "/opt/*/run.py ...", ARGS("python3\0/opt/../run.py"), false, ARGV_DIFFERS,
	  "a star does not climb" },
	{ "/opt/*/*/*/run.py", ARGS("python3\0/opt/../tmp/x/run.py"), false, ARGV_DIFFERS,
	  "nowhere in the argument" },
	{ "/opt/*", ARGS("python3\0/opt/.."), false, ARGV_DIFFERS, "nor at its end" },
	{ "/opt/*", ARGS("python3\0/opt/..a"), false, ARGV_FITS, "two dots of a name are none" },
	{ "/opt/../a.py", ARGS("python3\0/opt/../a.py"), false, ARGV_FITS,
	  "what is written out fits" },
	{ "/opt/* /x", ARGS("python3\0/opt/a /x"), false, ARGV_DIFFERS,
	  "a star does not go beyond its argument" },
	{ "*", ARGS("python3\0"), false, ARGV_FITS, "a star fits an empty argument" },
	{ "/opt/\\*.py", ARGS("python3\0/opt/*.py"), false, ARGV_FITS, "an escaped star" },
	{ "/opt/\\*.py", ARGS("python3\0/opt/a.py"), false, ARGV_DIFFERS, "is no star" },
	{ "\\...", ARGS("python3\0..."), false, ARGV_FITS, "three dots of an argument" },
	{ "\\...", ARGS("python3\0x"), false, ARGV_DIFFERS, "are not any further ones" },
	{ "-m http.server 8000", ARGS("python3\0-m\0http.server\08000"), false, ARGV_FITS,
	  "a module" },
	{ "-m http.server 8000", ARGS("python3\0-m\0http.server\08001"), false, ARGV_DIFFERS,
	  "with other arguments" },
	{ "/opt/a.py", ARGS("python3"), false, ARGV_DIFFERS, "no arguments" },
	{ "/opt/a.py", { "", 0 }, false, ARGV_DIFFERS, "not even a name" },
	{ "/opt/a.py ...", { NULL, 0 }, false, ARGV_UNKNOWN, "not known" },
	{ "/opt/a.py ...", ARGS("python3\0/opt/a.py"), true, ARGV_FITS,
	  "cut behind what the rule asks for" },
	{ "/opt/a.py", ARGS("python3\0/opt/a.py"), true, ARGV_UNKNOWN, "cut where it should end" },
	{ "/opt/a.py -x ...", ARGS("python3\0/opt/a.py"), true, ARGV_UNKNOWN,
	  "cut before what the rule asks for" },
	{ "/opt/a.py ...",
	  { "python3\0/opt/a.py", 17 },
	  true,
	  ARGV_UNKNOWN,
	  "cut within the argument" },
	{ "/opt/a.py ...",
	  { "python3\0/opt/a.py", 17 },
	  false,
	  ARGV_UNKNOWN,
	  "an argument without an end" },
	{ "/opt/a.py ...", { "python3", 7 }, true, ARGV_UNKNOWN, "cut within the name" },
	{ "/opt/a.py ...", ARGS("python3\0/opt/b.py"), true, ARGV_DIFFERS,
	  "cut, and another one all the same" },
	{ "/opt/a.py  -x", ARGS("python3\0/opt/a.py\0\0-x"), false, ARGV_DIFFERS,
	  "what is not valid fits nothing" },
};

static void fits(void)
{
	for (size_t i = 0; i < array_len(cases); i++)
		is_int(argv_pattern_fit(cases[i].pattern, cases[i].argv, cases[i].cut),
		       cases[i].fit, "%s: '%s'", cases[i].name, cases[i].pattern);
}

static void valid(void)
{
	static const char *const bad[] = { "",	      " a",  "a ",   "a  b", "...",   "... a",
					   "a ... b", "a\\", "a\\x", "\\n",  "a ... " };
	static const char *const good[] = { "a", "a ...", "\\...", "a\\ b", "*", "-c \\*", "\\\\" };
	char text[ARGV_PATTERN_MAX + 2];

	for (size_t i = 0; i < array_len(bad); i++)
		ok(!argv_pattern_is_valid(bad[i]), "'%s' is no pattern", bad[i]);
	for (size_t i = 0; i < array_len(good); i++)
		ok(argv_pattern_is_valid(good[i]), "'%s' is one", good[i]);
	memset(text, 'a', sizeof(text));
	text[ARGV_PATTERN_MAX] = '\0';
	ok(argv_pattern_is_valid(text), "one of %d bytes is", ARGV_PATTERN_MAX);
	text[ARGV_PATTERN_MAX] = 'a';
	text[ARGV_PATTERN_MAX + 1] = '\0';
	ok(!argv_pattern_is_valid(text), "one of a byte more is not");
}

static void covers(void)
{
	static const struct {
		const char *a, *b;
		bool covers;
	} pairs[] = {
		{ "/opt/a.py ...", "/opt/a.py -x", true },
		{ "/opt/a.py ...", "/opt/a.py", true },
		{ "/opt/a.py ...", "/opt/a.py ...", true },
		{ "/opt/a.py", "/opt/a.py ...", false },
		{ "/opt/a.py -x", "/opt/a.py", false },
		{ "/opt/a.py", "/opt/a.py -x", false },
		{ "/opt/* ...", "/opt/a.py ...", true },
		{ "/opt/*", "/opt/b*", false },
		{ "/opt/*", "/opt/a\\ b", true },
		{ "/opt/*", "/opt/..", false },
		{ "/opt/a.py ...", "/opt/b.py ...", false },
		{ "* *", "/opt/a.py ...", false },
		{ "a", "a  ", false },
	};

	for (size_t i = 0; i < array_len(pairs); i++)
		is_int(argv_pattern_covers(pairs[i].a, pairs[i].b), pairs[i].covers, "'%s' %s '%s'",
		       pairs[i].a, pairs[i].covers ? "covers" : "does not cover", pairs[i].b);
}

static void made_of(struct text argv, bool cut, uint32_t n, const char *want)
{
	_free_ char *pattern = NULL;

	is_int(argv_pattern_of(argv, cut, n, &pattern), 0, "a pattern of arguments is asked for");
	is_str(pattern ? pattern : "none", want, "it is '%s'", want);
	if (pattern)
		is_int(argv_pattern_fit(pattern, argv, cut), ARGV_FITS, "and fits them");
}

static void made(void)
{
	static const struct text script = ARGS("python3\0/opt/a.py\0-v\0x y\0*\0...\0b\\s"),
				 empty = ARGS("python3\0/opt/a.py\0\0x"),
				 bytes = ARGS("python3\0-c\0\xff"), lone = ARGS("python3"),
				 open = { "python3\0/opt/a.p", 16 };
	char text[ARGV_PATTERN_MAX + 8] = "python3";

	made_of(script, false, 1, "/opt/a.py ...");
	made_of(script, true, 1, "/opt/a.py ...");
	made_of(script, false, 0, "/opt/a.py -v x\\ y \\* \\... b\\\\s");
	made_of(script, true, 0, "none");
	made_of(script, false, 7, "none");
	made_of(empty, false, 1, "/opt/a.py ...");
	made_of(empty, false, 0, "none");
	made_of(bytes, false, 0, "none");
	made_of(lone, false, 0, "none");
	made_of(open, true, 1, "none");
	made_of((struct text){ 0 }, false, 1, "none");
	memset(text + 8, 'a', ARGV_PATTERN_MAX - 1);
	made_of((struct text){ text, ARGV_PATTERN_MAX + 8 }, false, 1, "none");
}

int main(void)
{
	fits();
	valid();
	covers();
	made();
	return tap_done();
}
