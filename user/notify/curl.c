/* SPDX-License-Identifier: GPL-2.0 */
#include "notify/curl.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const struct {
	const char *name;
	size_t off;
} symbols[] = {
	{ "curl_global_init", offsetof(struct curl_api, global_init) },
	{ "curl_easy_init", offsetof(struct curl_api, easy_init) },
	{ "curl_easy_setopt", offsetof(struct curl_api, easy_setopt) },
	{ "curl_easy_getinfo", offsetof(struct curl_api, easy_getinfo) },
	{ "curl_easy_strerror", offsetof(struct curl_api, easy_strerror) },
	{ "curl_easy_send", offsetof(struct curl_api, easy_send) },
	{ "curl_easy_recv", offsetof(struct curl_api, easy_recv) },
	{ "curl_easy_cleanup", offsetof(struct curl_api, easy_cleanup) },
	{ "curl_multi_init", offsetof(struct curl_api, multi_init) },
	{ "curl_multi_setopt", offsetof(struct curl_api, multi_setopt) },
	{ "curl_multi_add_handle", offsetof(struct curl_api, multi_add_handle) },
	{ "curl_multi_remove_handle", offsetof(struct curl_api, multi_remove_handle) },
	{ "curl_multi_socket_action", offsetof(struct curl_api, multi_socket_action) },
	{ "curl_multi_assign", offsetof(struct curl_api, multi_assign) },
	{ "curl_multi_info_read", offsetof(struct curl_api, multi_info_read) },
	{ "curl_multi_cleanup", offsetof(struct curl_api, multi_cleanup) },
	{ "curl_slist_append", offsetof(struct curl_api, slist_append) },
	{ "curl_slist_free_all", offsetof(struct curl_api, slist_free_all) },
};

static int fill(void *lib, struct curl_api *api, char **ret_why)
{
	for (size_t i = 0; i < array_len(symbols); i++) {
		void *p = dlsym(lib, symbols[i].name);

		if (!p) {
			*ret_why = strdup("the libcurl here is too old");
			return -ENOENT;
		}
		memcpy((char *)api + symbols[i].off, &p, sizeof(p));
	}
	return 0;
}

int curl_load(const struct curl_api **ret_api, char **ret_why)
{
	/* The name of its ABI, the same since 2006; the second is Debian's build with GnuTLS. */
	static const char *const names[] = { "libcurl.so.4", "libcurl-gnutls.so.4" };
	static struct curl_api api;
	static bool loaded;
	void *lib = NULL;
	int err;

	for (size_t i = 0; i < array_len(names) && !loaded && !lib; i++)
		lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (!loaded && !lib) {
		*ret_why = strdup("libcurl is missing: 'apt-get install libcurl4' (Debian) or 'dnf "
				  "install libcurl'");
		return -ENOENT;
	}
	if (!loaded) {
		err = fill(lib, &api, ret_why);
		if (!err && api.global_init(CURL_GLOBAL_DEFAULT))
			err = -ENOMEM;
		if (err)
			return err;
		loaded = true;
	}
	*ret_api = &api;
	return 0;
}
