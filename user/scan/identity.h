/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_SCAN_IDENTITY_H
#define AJAR_SCAN_IDENTITY_H

#include <stddef.h>

#include "core/observation.h"

/*
 * Keys as nmap's scripts print them, turned into fingerprints. An SSH host key is the base64 of its
 * wire form; of a certificate in PEM only the public key counts, since that is what a renewal
 * keeps. -EBADMSG: it is none.
 */
must_check int identity_of_ssh_key(const char *base64, size_t n, struct fingerprint *ret_f);
must_check int identity_of_certificate(const char *pem, size_t n, struct fingerprint *ret_f);

#endif
