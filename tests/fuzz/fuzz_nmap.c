/* SPDX-License-Identifier: GPL-2.0 */
#include <stddef.h>
#include <stdint.h>

#include "scan/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_host(const struct scan_host *h, void *arg)
{
	unsigned *hosts = arg;

	++*hosts;
	if (!h->family || h->ports_len > SCAN_XML_PORTS_MAX || !h->addr_text[0])
		__builtin_trap();
	for (size_t i = 0; i < h->ports_len; i++) {
		if (h->ports[i].fingerprints_len > FINGERPRINTS_MAX ||
		    h->ports[i].service.conf > 10)
			__builtin_trap();
		(void)scan_host_state(h, h->ports[i].proto, h->ports[i].port);
	}
	return 0;
}

static int on_progress(const struct scan_progress *p, void *arg)
{
	(void)arg;
	if (!(p->percent >= 0 && p->percent <= 100))
		__builtin_trap();
	return 0;
}

/*
 * Any bytes are nmap's output, in any pieces: never a crash, and the same hosts whatever the pieces
 * are.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct scan_xml_ops ops = { on_host, on_progress };
	unsigned hosts[2] = { 0, 0 };
	int err[2];

	for (unsigned i = 0; i < 2; i++) {
		struct scan_xml *x = NULL;
		size_t piece = i ? 1 + (size ? data[0] : 0) : size, at = 0;

		if (scan_xml_new(&ops, &hosts[i], &x))
			return 0;
		for (err[i] = 0; !err[i] && at < size; at += piece) {
			if (piece > size - at)
				piece = size - at;
			err[i] = scan_xml_feed(x, data + at, piece);
		}
		if (!err[i])
			err[i] = scan_xml_end(x);
		if (err[i] && !*scan_xml_why(x))
			__builtin_trap();
		scan_xml_free(x);
	}
	if (hosts[0] != hosts[1] || err[0] != err[1])
		__builtin_trap();
	return 0;
}
