/* SPDX-License-Identifier: GPL-2.0 */
#include "web/mhd.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const struct {
	const char *name;
	size_t off;
} symbols[] = {
	{ "MHD_start_daemon", offsetof(struct mhd_api, start_daemon) },
	{ "MHD_stop_daemon", offsetof(struct mhd_api, stop_daemon) },
	{ "MHD_run", offsetof(struct mhd_api, run) },
	{ "MHD_get_timeout", offsetof(struct mhd_api, get_timeout) },
	{ "MHD_get_daemon_info", offsetof(struct mhd_api, get_daemon_info) },
	{ "MHD_get_connection_info", offsetof(struct mhd_api, get_connection_info) },
	{ "MHD_lookup_connection_value", offsetof(struct mhd_api, lookup_connection_value) },
	{ "MHD_get_connection_values", offsetof(struct mhd_api, get_connection_values) },
	{ "MHD_create_response_from_buffer",
	  offsetof(struct mhd_api, create_response_from_buffer) },
	{ "MHD_create_response_from_callback",
	  offsetof(struct mhd_api, create_response_from_callback) },
	{ "MHD_add_response_header", offsetof(struct mhd_api, add_response_header) },
	{ "MHD_queue_response", offsetof(struct mhd_api, queue_response) },
	{ "MHD_destroy_response", offsetof(struct mhd_api, destroy_response) },
	{ "MHD_suspend_connection", offsetof(struct mhd_api, suspend_connection) },
	{ "MHD_resume_connection", offsetof(struct mhd_api, resume_connection) },
};

static int fill(void *lib, struct mhd_api *api, char **ret_why)
{
	for (size_t i = 0; i < array_len(symbols); i++) {
		void *p = dlsym(lib, symbols[i].name);

		if (!p) {
			*ret_why = strdup("the libmicrohttpd here is too old for the web page");
			return -ENOENT;
		}
		memcpy((char *)api + symbols[i].off, &p, sizeof(p));
	}
	return 0;
}

int mhd_load(const struct mhd_api **ret_api, char **ret_why)
{
	static struct mhd_api api;
	static bool loaded;
	void *lib = NULL;
	int err;

	if (!loaded) {
		lib = dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);
		if (!lib) {
			*ret_why = strdup("libmicrohttpd is missing, which the web page needs: "
					  "'apt-get install libmicrohttpd12' (Debian) or 'dnf "
					  "install libmicrohttpd'; or say --web off");
			return -ENOENT;
		}
		err = fill(lib, &api, ret_why);
		if (err)
			return err;
		loaded = true;
	}
	*ret_api = &api;
	return 0;
}
