/* SPDX-License-Identifier: GPL-2.0 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "ajar/exit.h"
#include "ajar/version.h"
#include "base/log.h"
#include "conf/conf.h"

#define DEFAULT_CONF "/etc/ajar/ajar.conf"

static const char usage[] =
	"usage: ajar-agent [OPTIONS]\n"
	"\n"
	"A node's privileged part: sees each socket that starts or stops listening and records it "
	"in\n"
	"the journal. Attaches as root, then gives up every privilege.\n"
	"\n"
	"  -C, --config FILE  configuration (default " DEFAULT_CONF ", when it exists)\n"
	"      --data DIR     where the journal lives (default /var/lib/ajar)\n"
	"      --keep-pins    leave the sensor pinned at exit: it goes on recording for the next "
	"agent\n"
	"  -v, --verbose      say more\n"
	"  -q, --quiet        only warnings and errors\n"
	"  -h, --help         this text\n"
	"  -V, --version      the version\n";

enum { OPT_DATA = 256, OPT_KEEP_PINS };

static const struct option options[] = { { "config", required_argument, NULL, 'C' },
					 { "verbose", no_argument, NULL, 'v' },
					 { "quiet", no_argument, NULL, 'q' },
					 { "data", required_argument, NULL, OPT_DATA },
					 { "keep-pins", no_argument, NULL, OPT_KEEP_PINS },
					 { "help", no_argument, NULL, 'h' },
					 { "version", no_argument, NULL, 'V' },
					 { 0 } };

struct args {
	const char *conf_file, *data_dir;
	bool keep_pins, help, version;
};

static int parse_args(int argc, char **argv, struct args *a)
{
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":C:vqhV", options, NULL)) != -1) {
		switch (c) {
		case 'C':
			a->conf_file = optarg;
			break;
		case OPT_DATA:
			a->data_dir = optarg;
			break;
		case OPT_KEEP_PINS:
			a->keep_pins = true;
			break;
		case 'v':
			log_set_level(LOG_LEVEL_DEBUG);
			break;
		case 'q':
			log_set_level(LOG_LEVEL_WARN);
			break;
		case 'h':
			a->help = true;
			break;
		case 'V':
			a->version = true;
			break;
		case ':':
			return log_usage("option '%s' needs a value: run 'ajar-agent --help'",
					 argv[optind - 1]);
		default:
			return log_usage("unknown option '%s': run 'ajar-agent --help'",
					 argv[optind - 1]);
		}
	}
	if (optind < argc)
		return log_usage("unexpected argument '%s': run 'ajar-agent --help'", argv[optind]);
	return 0;
}

static int load_conf(const struct args *a, struct conf **ret_conf)
{
	_cleanup_(conf_freep) struct conf *conf = NULL;
	const char *file = a->conf_file;
	_free_ char *why = NULL;
	int err = conf_new(&conf);

	if (!file && !access(DEFAULT_CONF, F_OK))
		file = DEFAULT_CONF;
	if (!err && file)
		err = conf_load(conf, file, &why);
	if (!err && a->data_dir)
		err = conf_set(conf, "data.dir", a->data_dir, "--data", &why);
	if (!err && a->keep_pins)
		err = conf_set(conf, "sensor.keep-pins", "yes", "--keep-pins", &why);
	if (err)
		return why ? log_usage("%s", why) : log_err(err, "cannot read the configuration");
	*ret_conf = take_ptr(conf);
	return 0;
}

int main(int argc, char **argv)
{
	_cleanup_(conf_freep) struct conf *conf = NULL;
	struct args args = { 0 };

	log_init("ajar-agent");
	if (parse_args(argc, argv, &args))
		return AJAR_EXIT_ERROR;
	if (args.help || args.version) {
		printf("%s", args.help ? usage : "ajar-agent " AJAR_VERSION "\n");
		return AJAR_EXIT_OK;
	}
	if (load_conf(&args, &conf) || agent_run(conf))
		return AJAR_EXIT_ERROR;
	return AJAR_EXIT_OK;
}
