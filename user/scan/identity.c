/* SPDX-License-Identifier: GPL-2.0 */
#include "scan/identity.h"

#include <errno.h>
#include <string.h>

#include "base/base64.h"
#include "base/buf.h"

#define KEY_BYTES_MAX (16 << 10)
#define DER_SEQUENCE 0x30
#define DER_VERSION 0xa0 /* [0], constructed */

static void hash(const void *p, size_t n, enum fingerprint_kind kind, struct fingerprint *ret_f)
{
	struct sha256 sha;

	sha256_init(&sha);
	sha256_update(&sha, p, n);
	sha256_final(&sha, ret_f->sha256);
	ret_f->kind = kind;
}

/*
 * RFC 4253: a key begins with the name of its kind, as a string with a length of four bytes before
 * it.
 */
static bool is_ssh_key(const struct buf *b)
{
	const uint8_t *p = (const uint8_t *)b->data;
	uint32_t len;

	if (b->len < 8)
		return false;
	len = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	return len && len <= b->len - 4 && len < 64;
}

int identity_of_ssh_key(const char *base64, size_t n, struct fingerprint *ret_f)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT(KEY_BYTES_MAX);

	if (base64_get(&key, base64, n) || !is_ssh_key(&key))
		return -EBADMSG;
	hash(key.data, key.len, FINGERPRINT_SSH, ret_f);
	return 0;
}

struct der {
	const uint8_t *p, *end;
};

/* The element at d: its tag and where its content is. Moves d behind it. */
static int der_next(struct der *d, uint8_t *ret_tag, struct der *ret_content)
{
	const uint8_t *p = d->p;
	size_t len, bytes;
	uint8_t tag;

	if (d->end - p < 2)
		return -EBADMSG;
	tag = *p++;
	len = *p++;
	if (len >= 0x80) {
		bytes = len & 0x7f;
		if (!bytes || bytes > 3 || (size_t)(d->end - p) < bytes)
			return -EBADMSG;
		for (len = 0; bytes; bytes--)
			len = len << 8 | *p++;
	}
	if ((size_t)(d->end - p) < len)
		return -EBADMSG;
	*ret_tag = tag;
	*ret_content = (struct der){ p, p + len };
	d->p = p + len;
	return 0;
}

/*
 * RFC 5280: Certificate { tbs { [0] version?, serial, signature, issuer, validity, subject,
 * publicKeyInfo, ... } ... }
 */
static int find_public_key(const struct buf *cert, const uint8_t **ret_p, size_t *ret_n)
{
	struct der d = { (const uint8_t *)cert->data, (const uint8_t *)cert->data + cert->len };
	const uint8_t *at = NULL;
	struct der inside;
	uint8_t tag;

	for (int level = 0; level < 2; level++) {
		if (der_next(&d, &tag, &inside) || tag != DER_SEQUENCE)
			return -EBADMSG;
		d = inside;
	}
	for (int field = 0; field < 6; field++) {
		at = d.p;
		if (der_next(&d, &tag, &inside))
			return -EBADMSG;
		if (!field && tag == DER_VERSION)
			field--;
	}
	if (tag != DER_SEQUENCE)
		return -EBADMSG;
	*ret_p = at;
	*ret_n = (size_t)(d.p - at);
	return 0;
}

int identity_of_certificate(const char *pem, size_t n, struct fingerprint *ret_f)
{
	static const char head[] = "-----BEGIN CERTIFICATE-----", tail[] = "-----END";
	_cleanup_(buf_done) struct buf cert = BUF_INIT(KEY_BYTES_MAX);
	const char *from = memmem(pem, n, head, sizeof(head) - 1), *to;
	const uint8_t *key;
	size_t len;

	if (!from)
		return -EBADMSG;
	from += sizeof(head) - 1;
	to = memmem(from, n - (size_t)(from - pem), tail, sizeof(tail) - 1);
	if (!to || base64_get(&cert, from, (size_t)(to - from)) ||
	    find_public_key(&cert, &key, &len))
		return -EBADMSG;
	hash(key, len, FINGERPRINT_TLS, ret_f);
	return 0;
}
