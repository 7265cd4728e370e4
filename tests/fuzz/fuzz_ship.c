/* SPDX-License-Identifier: GPL-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "core/event.h"
#include "ship/quarantine.h"
#include "ship/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Any bytes are the shipper's state, or are not; what is one comes back the same. And any line is a
 * record in quarantine, or is not.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_free_ char *text = strndup((const char *)data, size);
	struct buf b = BUF_INIT(1 << 16);
	char record[EVENT_RECORD_MAX];
	struct ship_state st, again;
	struct quarantined one;

	if (!text)
		return 0;
	if (!ship_state_parse(text, &st)) {
		ship_state_format(&st, &b);
		if (b.err || ship_state_parse(b.data, &again) || again.sent != st.sent ||
		    again.status != st.status)
			__builtin_trap();
	}
	buf_done(&b);
	if (!quarantine_parse((const char *)data, size, record, sizeof(record), &one) &&
	    (one.record.len > sizeof(record) || one.why.len > size))
		__builtin_trap();
	return 0;
}
