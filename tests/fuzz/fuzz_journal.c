/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A journal whose files are hostile. The input is cut into files: { u8 which, u16 length, bytes },
 * which chooses the name and whether the bytes replace the file of a good small journal or are laid
 * over it at an offset. Then: verify, read all, open, append, read.
 */
#include <stdint.h>

#include "journal_util.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static struct dir d;
static struct shots good;

static void end(void)
{
	shots_free(&good);
	dir_remove(&d);
}

static void begin(void)
{
	struct journal *j;

	d = dir_make();
	j = must_open(&d, BOOT_A, 256 << 10, 4096);
	for (int i = 0; i < 30; i++)
		append_n(j, 1);
	journal_free(j);
	good = shots_take(&d);
	atexit(end);
}

static const char *name_of(unsigned which)
{
	static const char *const names[] = { "head", "ack", "00000002-0000000000000001.seg",
					     "00000001-0000000000000013.seg" };

	return which % 8 < 4 ? names[which % 8] : good.s[which % good.n].name;
}

static void lay_over(unsigned which, const uint8_t *p, size_t n)
{
	int fd = openat(d.fd, name_of(which), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	off_t at = n > 2 ? (p[0] | p[1] << 8) % 8192 : 0;

	if (fd >= 0 && n > 2 && pwrite(fd, p + 2, n - 2, at) < 0)
		bail("pwrite", errno);
	if (fd >= 0)
		close(fd);
}

static void use(void)
{
	const struct journal_opts o = { .node = "n1",
					.max_bytes = 256 << 10,
					.segment_bytes = 4096 };
	struct journal *j = NULL;
	struct journal_verdict v;
	struct journal_pos pos;
	char *why = NULL;
	uint64_t dropped;

	if (journal_verify(d.fd, NULL, NULL, &v) < 0)
		errno = 0;
	census_of(&d, (struct journal_pos){ 0 });
	census_of(&d, (struct journal_pos){ 1, 15 });
	if (journal_open(d.fd, &o, BOOT_A, &j, &why) == 0) {
		for (int i = 0; i < 40; i++)
			if (journal_append(j, "record", 6, &pos) < 0 ||
			    journal_commit(j, &dropped) < 0)
				break;
		journal_free(j);
	}
	free(why);
	census_of(&d, (struct journal_pos){ 0 });
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (!good.n)
		begin();
	shots_restore(&d, &good);
	for (int files = 0; n >= 3 && files < 4; files++) {
		size_t len = p[1] | p[2] << 8;

		if (len > n - 3)
			len = n - 3;
		if (p[0] & 0x80)
			put_file(&d, name_of(p[0] & 0x7f), p + 3, len);
		else
			lay_over(p[0], p + 3, len);
		p += 3 + len;
		n -= 3 + len;
	}
	use();
	return 0;
}
