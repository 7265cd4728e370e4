/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_VERSION_H
#define AJAR_VERSION_H

#define AJAR_VERSION "0.1.0"
#define AJAR_SCHEMA 1 /* highest migration in sql/store/ that this program knows */

#endif
