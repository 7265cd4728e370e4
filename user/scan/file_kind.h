/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SCAN_FILE_KIND_H
#define AJAR_SCAN_FILE_KIND_H

#include <stddef.h>

/*
 * What a file is that somebody takes for nmap's XML, told by its first bytes: so that the refusal
 * names the mistake and not what an XML parser makes of it.
 */
#define FILE_KIND_HEAD 4096 /* so many bytes are enough; a longer prolog is left to the parser */

struct file_kind {
	const char *what; /* "is nmap's grepable output (-oG)" */
	const char *remedy; /* a sentence part: "make XML with 'nmap -p- -oX FILE HOST'" */
};

/* NULL: it may be nmap's XML, which the parser finds out. Static. */
const struct file_kind *file_kind(const void *head, size_t n);

#endif
