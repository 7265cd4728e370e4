/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/route_log.h"

#include "alert/route.h"
#include "base/log.h"

void route_log(const struct route_report *r, void *arg)
{
	unsigned long long id = r->log_id;

	(void)arg;
	switch (r->news) {
	case ROUTE_FAILED:
		if (r->failures == 1)
			log_warn("the %s sink failed: %s; trying again", r->sink, r->why);
		else
			log_warn("the %s sink failed %llu times in a row: %s; trying again",
				 r->sink, (unsigned long long)r->failures, r->why);
		break;
	case ROUTE_RECOVERED:
		log_info("the %s sink works again", r->sink);
		break;
	case ROUTE_ABSENT:
		log_info("the %s sink has no place here, continuing without it: %s", r->sink,
			 r->why);
		break;
	case ROUTE_DROPPED:
		log_warn("alert change %llu cannot be sent to the %s sink, skipping it: %s", id,
			 r->sink, r->why);
		break;
	case ROUTE_STORE:
		log_warn("alerts cannot be read from the store: %s; trying again", r->why);
		break;
	case ROUTE_RETRY:
		log_warn("the %s sink refuses alert change %llu (%s): it is put aside and tried "
			 "again later, what is behind it goes on; see 'ajar notify --status'",
			 r->sink, id, r->why);
		break;
	case ROUTE_GIVEN_UP:
		log_warn(
			"the %s sink has refused alert change %llu for a day (%s): it is not tried "
			"again; once that is fixed run 'ajar notify --retry %s'",
			r->sink, id, r->why, r->sink);
		break;
	}
}
