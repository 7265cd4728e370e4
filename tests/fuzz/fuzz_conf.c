/* SPDX-License-Identifier: GPL-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any bytes are a configuration or one message; never a crash, and text stays text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_close_ int fd = memfd_create("conf", MFD_CLOEXEC);
	_cleanup_(conf_freep) struct conf *c = NULL;
	_free_ char *why = NULL;
	char path[64];
	int err;

	if (fd < 0 || conf_new(&c) || file_write_all(fd, data, size))
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = conf_load(c, path, &why);
	if ((err != 0) != (why != NULL) || !c->node_name[0] || !c->data_dir[0])
		__builtin_trap();
	return 0;
}
