/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_VIEW_SCAN_JSON_H
#define AJAR_VIEW_SCAN_JSON_H

struct store_plan;
struct store_scan;
struct writer;

/* A scan as `ajar scan ls` lists it: its members, into a record that has begun. */
void view_scan_members(struct writer *w, const struct store_scan *sc);
/* The same for a plan, as `ajar scan plans` lists it. */
void view_plan_members(struct writer *w, const struct store_plan *p);

#endif
