/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_VIEW_RFC5424_H
#define AJAR_VIEW_RFC5424_H

#include <stddef.h>
#include <stdint.h>

struct buf;
struct store_alert_change;

/*
 * One syslog message as RFC 5424 has it: "<PRI>1 TIME HOST ajar PID KIND [ajar@32473 alert="7" ...]
 * TEXT", UTF-8 without a byte order mark, no control character in it. host: the machine that sends;
 * what is no host name in it becomes '-'. text: what to say, such as the alert in another format;
 * NULL: summary and reason in words, at most 2 KiB.
 */
void view_rfc5424(const struct store_alert_change *c, const char *host, unsigned pid,
		  const char *text, size_t len, struct buf *b);

#endif
