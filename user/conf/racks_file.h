/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_CONF_RACKS_FILE_H
#define AJAR_CONF_RACKS_FILE_H

#include "base/err.h"

struct racks;

/* The file of web.racks; *ret_why: what is wrong with it and where; the caller frees it. */
must_check int racks_read(const char *path, struct racks **ret_racks, char **ret_why);

#endif
