/* SPDX-License-Identifier: GPL-2.0 */
#include <fcntl.h>
#include <sys/stat.h>

#include "alert_help.h"
#include "conf/conf.h"
#include "conf/sinks.h"

/* Loads a file of that text and checks its sinks; what is wrong with it, or "". */
static const char *fault(const char *text)
{
	static char said[1024];
	struct conf *c = NULL;
	char *why = NULL;
	int err;

	if (file_write_atomic(AT_FDCWD, in_dir("conf"), text, strlen(text), 0600) || conf_new(&c))
		return "no file";
	err = conf_load(c, in_dir("conf"), &why);
	for (unsigned i = 0; !err && i < c->sinks_len; i++)
		err = conf_sink_check(&c->sinks[i], &why);
	if (err && why && !strncmp(why, in_dir(""), strlen(in_dir(""))))
		snprintf(said, sizeof(said), "%s", why + strlen(in_dir("")));
	else
		snprintf(said, sizeof(said), "%s", err ? why ? why : "no reason" : "");
	free(why);
	conf_free(c);
	return said;
}

static void test_faults(void)
{
	static const struct {
		const char *text, *want;
	} t[] = {
		{ "sink.a.type webhook\nsink.a.url https://h/x\n", "" },
		{ "sink.a.type syslog\nsink.a.url tls://h:6514\nsink.a.format cef\n", "" },
		{ "sink.a.url https://h/\n", "conf:1: sink 'a' has no type: say 'sink.a.type "
					     "webhook' (or alertmanager, slack, "
					     "mail, syslog)" },
		{ "sink.a.type webhok\n",
		  "conf:1: bad value 'webhok' for sink.a.type (did you mean 'webhook'?): webhook, "
		  "alertmanager, slack, mail or syslog" },
		{ "sink.a.type webhook\n",
		  "conf:1: sink 'a': it needs 'sink.a.url' (https://...)" },
		{ "sink.a.type webhook\nsink.a.url ftp://h/\n",
		  "conf:1: sink 'a': a url of webhook begins with one of: http https then ://" },
		{ "sink.a.type webhook\nsink.a.url https://u:p@h/\n",
		  "conf:1: sink 'a': the url has a user or password in it: put them into "
		  "auth-file" },
		{ "sink.a.type webhook\nsink.a.url https:///x\n",
		  "conf:1: sink 'a': the url has no host" },
		{ "sink.a.type syslog\nsink.a.url udp://h:514/x\n",
		  "conf:1: sink 'a': the url of a syslog server has no path" },
		{ "sink.a.type slack\nsink.a.url https://h/\nsink.a.format cef\n",
		  "conf:1: sink 'a': format is for webhook and syslog" },
		{ "sink.a.type mail\nsink.a.program /bin/true\n",
		  "conf:1: sink 'a': it needs 'sink.a.to'" },
		{ "sink.a.type mail\nsink.a.program /bin/true\nsink.a.to root -oQ/tmp\n",
		  "conf:1: sink 'a': '-oQ/tmp' is no mail address" },
		{ "sink.a.type mail\nsink.a.program true\nsink.a.to root\n",
		  "conf:1: sink 'a': program is a full path, not 'true'" },
		{ "sink.a.type mail\nsink.a.url smtp://localhost:25\nsink.a.to root "
		  "admins@x.example\n",
		  "" },
		{ "sink.a.typ webhook\n",
		  "conf:1: unknown key 'sink.a.typ' (did you mean 'sink.a.type'?)" },
		{ "sink.type webhook\n", "conf:1: key 'sink.type' has no name: a sink's keys are "
					 "sink.NAME.type, sink.NAME.url ..." },
		{ "sink.A.type webhook\n",
		  "conf:1: bad name 'A' of a sink: 1 to 32 small letters, digits, '-' or '_'" },
		{ "sink.syslog.type webhook\n", "conf:1: 'syslog' is the name of the sink of "
						"alert.syslog: give this one another" },
		{ "sink.a.timeout 0s\n", "conf:1: bad value '0s' for sink.a.timeout: 100ms to 1h" },
		{ "sink.a.type\n", "conf:1: key 'sink.a.type' has no value (webhook, alertmanager, "
				   "slack, mail or syslog)" },
	};

	for (size_t i = 0; i < array_len(t); i++)
		is_str(fault(t[i].text), t[i].want, "fault %zu is named", i);
	ok(strstr(fault("sink.a.type slack\nsink.a.type slack\n"),
		  "duplicate key 'sink.a.type' (first at"),
	   "a key twice is a fault");
}

static void test_files(void)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "sink.a.type webhook\nsink.a.url http://h/\nsink.a.auth-file %s\n",
		 in_dir("secret"));
	ok(strstr(fault(text), "over the network in clear"), "a password does not travel in clear");
	snprintf(text, sizeof(text),
		 "sink.a.type webhook\nsink.a.url http://127.evil.example/\nsink.a.auth-file %s\n",
		 in_dir("secret"));
	ok(strstr(fault(text), "over the network in clear"),
	   "nor to a name that begins like an address of this machine");
	snprintf(text, sizeof(text),
		 "sink.a.type webhook\nsink.a.url http://127.0.0.1:1/\nsink.a.auth-file %s\n",
		 in_dir("secret"));
	ok(strstr(fault(text), "No such file"), "a file that is not there");
	if (file_write_atomic(AT_FDCWD, in_dir("secret"), "Bearer x\n", 9, 0644))
		return;
	ok(strstr(fault(text), "'chmod 600 "), "one that others can read");
	chmod(in_dir("secret"), 0600);
	is_str(fault(text), "", "and one that is right");
	if (file_write_atomic(AT_FDCWD, in_dir("secret"), "\n", 1, 0600))
		return;
	ok(strstr(fault(text), "is empty"), "an empty one is none");
	chmod(in_dir("secret"), 0600);
}

static unsigned shown;

static void on_key(const char *key, const char *value, const char *def, const char *help,
		   const char *origin, void *arg)
{
	(void)def;
	(void)help;
	(void)origin;
	(void)arg;
	if (!strcmp(key, "sink.a.url") && !strcmp(value, "https://h/"))
		shown++;
	else if (!strncmp(key, "sink.", 5))
		shown += 100;
}

static void test_api(void)
{
	struct conf *c = NULL;
	char name[32];
	int err = 0;

	if (conf_new(&c))
		return;
	ok(!conf_set(c, "sink.a.url", "https://h/", "test", NULL), "set");
	conf_each(c, on_key, NULL);
	is_int(shown, 1, "what was set is shown, and nothing else");
	ok(conf_sink_find(c, "a") && !conf_sink_find(c, "b"), "found by name");
	is_str(conf_sink_find(c, "a")->program, "/usr/sbin/sendmail", "with its defaults");
	is_str(conf_range("sink.x.timeout"), "100ms to 1h", "a range");
	for (int i = 0; i < CONF_SINKS_MAX; i++) {
		snprintf(name, sizeof(name), "sink.n%d.url", i);
		err = conf_set(c, name, "x", "test", NULL);
	}
	is_int(err, -EINVAL, "there is a limit");
	conf_free(c);
}

int main(void)
{
	make_dir();
	test_faults();
	test_files();
	test_api();
	return tap_done();
}
