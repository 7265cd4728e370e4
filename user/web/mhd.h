/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_WEB_MHD_H
#define AJAR_WEB_MHD_H

#include <microhttpd.h>

#include "base/err.h"

/*
 * libmicrohttpd, loaded by the web server alone: linked, it and GnuTLS behind it would be mapped
 * into every role and cost every `ajar ls` time to start.
 */
struct mhd_api {
	struct MHD_Daemon *(*start_daemon)(unsigned flags, uint16_t port,
					   MHD_AcceptPolicyCallback apc, void *apc_arg,
					   MHD_AccessHandlerCallback dh, void *dh_arg, ...);
	void (*stop_daemon)(struct MHD_Daemon *d);
	enum MHD_Result (*run)(struct MHD_Daemon *d);
	enum MHD_Result (*get_timeout)(struct MHD_Daemon *d, MHD_UNSIGNED_LONG_LONG *ret_ms);
	const union MHD_DaemonInfo *(*get_daemon_info)(struct MHD_Daemon *d,
						       enum MHD_DaemonInfoType what, ...);
	const union MHD_ConnectionInfo *(*get_connection_info)(struct MHD_Connection *c,
							       enum MHD_ConnectionInfoType what,
							       ...);
	const char *(*lookup_connection_value)(struct MHD_Connection *c, enum MHD_ValueKind kind,
					       const char *key);
	int (*get_connection_values)(struct MHD_Connection *c, enum MHD_ValueKind kind,
				     MHD_KeyValueIterator fn, void *arg);
	struct MHD_Response *(*create_response_from_buffer)(size_t n, void *p,
							    enum MHD_ResponseMemoryMode mode);
	struct MHD_Response *(*create_response_from_callback)(
		uint64_t size, size_t block, MHD_ContentReaderCallback fn, void *arg,
		MHD_ContentReaderFreeCallback free_fn);
	enum MHD_Result (*add_response_header)(struct MHD_Response *r, const char *name,
					       const char *value);
	enum MHD_Result (*queue_response)(struct MHD_Connection *c, unsigned status,
					  struct MHD_Response *r);
	void (*destroy_response)(struct MHD_Response *r);
	void (*suspend_connection)(struct MHD_Connection *c);
	void (*resume_connection)(struct MHD_Connection *c);
};

/* -ENOENT with the line to say (caller frees) when it is not installed. It stays loaded. */
must_check int mhd_load(const struct mhd_api **ret_api, char **ret_why);

#endif
