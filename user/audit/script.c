/* SPDX-License-Identifier: GPL-2.0 */
#include "audit/script.h"

#include <string.h>

#include "audit/match.h"
#include "core/argv_pattern.h"
#include "core/event.h"

/* Whose first argument that is no option is a script; the letters of options that take no value. */
static const struct interpreter {
	const char *name, *options;
	bool modules; /* "-m NAME" */
} interpreters[] = {
	{ "python", "bBdEIOPqRsSuv", true },
	{ "pypy", "bBdEIOPqRsSuv", true },
	{ "perl", "wWtT", false },
	{ "ruby", "w", false },
	{ "node", "", false },
	{ "nodejs", "", false },
	{ "php", "", false },
	{ "lua", "", false },
	{ "luajit", "", false },
	{ "julia", "", false },
	{ "tclsh", "", false },
	{ "mono", "", false },
	{ "sh", "eux", false },
	{ "bash", "eux", false },
	{ "dash", "eux", false },
	{ "zsh", "eux", false },
	{ "ksh", "eux", false },
};

static const struct interpreter *interpreter_of(struct text exe)
{
	for (size_t i = 0; i < array_len(interpreters); i++)
		if (exe_is_version_of(exe, interpreters[i].name))
			return &interpreters[i];
	return NULL;
}

/* "-Es": each letter is an option without a value. */
static bool is_flags(const struct interpreter *in, struct text arg)
{
	for (uint32_t i = 1; i < arg.len; i++)
		if (!strchr(in->options, arg.ptr[i]))
			return false;
	return arg.len > 1 && arg.ptr[0] == '-';
}

/* How many arguments there are up to the script and with it; 0: it has none that can be told. */
static uint32_t script_at(const struct interpreter *in, struct text argv, struct text *ret_script)
{
	struct text arg;
	uint32_t n = 0;
	bool whole;

	if (!argv_next(&argv, &arg, &whole))
		return 0;
	while (argv_next(&argv, &arg, &whole) && whole) {
		n++;
		if (is_flags(in, arg))
			continue;
		if (in->modules && text_is(arg, "-m")) {
			*ret_script = arg;
			return n + 1;
		}
		*ret_script = arg;
		return arg.len && arg.ptr[0] != '-' && arg.ptr[0] != '+' ? n : 0;
	}
	return 0;
}

int script_of(const struct process *p, struct script *ret)
{
	const struct interpreter *in;
	struct text script = { 0 };
	uint32_t n;

	*ret = (struct script){ 0 };
	if (!p || !p->known || p->kernel || !exe_runs_scripts(exe_path(p)))
		return 0;
	in = interpreter_of(exe_path(p));
	n = in ? script_at(in, p->argv, &script) : 0;
	ret->exact = !n;
	ret->full_path = n && script.ptr[0] == '/';
	return argv_pattern_of(p->argv, p->argv_cut, n, &ret->argv);
}
