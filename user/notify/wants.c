/* SPDX-License-Identifier: GPL-2.0 */
#include <fnmatch.h>
#include <string.h>

#include "conf/sinks.h"
#include "notify/sinks.h"
#include "store/store.h"

/* Which alerts a sink of the configuration wants: by severity and by class. */
#define PATTERN_MAX 255

static enum severity least(const struct conf_sink *conf)
{
	return !strcmp(conf->min_severity, "critical")	? SEVERITY_CRITICAL
	       : !strcmp(conf->min_severity, "warning") ? SEVERITY_WARNING
							: SEVERITY_NOTICE;
}

static bool class_matches(const char *patterns, const char *class)
{
	char one[PATTERN_MAX + 1];
	bool any = false;

	for (const char *p = patterns; *p;) {
		size_t n = strcspn(p, " ,\t");

		if (n && n <= PATTERN_MAX) {
			any = true;
			memcpy(one, p, n);
			one[n] = '\0';
			if (!fnmatch(one, class, 0))
				return true;
		}
		p += n + strspn(p + n, " ,\t");
	}
	return !any;
}

bool notify_wants_alert(const struct conf_sink *conf, const struct store_alert *a)
{
	return a->severity >= least(conf) &&
	       class_matches(conf->classes, a->host_type ? a->host_type : "");
}
