/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AJAR_NOTIFY_CURL_H
#define AJAR_NOTIFY_CURL_H

/* CURLOPT_PROTOCOLS: its successor is not in every libcurl that is still about */
#define CURL_DISABLE_DEPRECATION
#include <curl/curl.h>

#include "base/err.h"

/*
 * libcurl, loaded when somebody needs it: linked, it and the 29 libraries behind it would cost
 * every `ajar ls` more time to start than all the rest, and be mapped into roles that have no
 * business on the network.
 */
struct curl_api {
	CURLcode (*global_init)(long flags);
	CURL *(*easy_init)(void);
	CURLcode (*easy_setopt)(CURL *easy, CURLoption option, ...);
	CURLcode (*easy_getinfo)(CURL *easy, CURLINFO info, ...);
	const char *(*easy_strerror)(CURLcode code);
	CURLcode (*easy_send)(CURL *easy, const void *p, size_t n, size_t *ret_n);
	CURLcode (*easy_recv)(CURL *easy, void *p, size_t n, size_t *ret_n);
	void (*easy_cleanup)(CURL *easy);
	CURLM *(*multi_init)(void);
	CURLMcode (*multi_setopt)(CURLM *multi, CURLMoption option, ...);
	CURLMcode (*multi_add_handle)(CURLM *multi, CURL *easy);
	CURLMcode (*multi_remove_handle)(CURLM *multi, CURL *easy);
	CURLMcode (*multi_socket_action)(CURLM *multi, curl_socket_t fd, int events,
					 int *ret_running);
	CURLMcode (*multi_assign)(CURLM *multi, curl_socket_t fd, void *p);
	CURLMsg *(*multi_info_read)(CURLM *multi, int *ret_left);
	CURLMcode (*multi_cleanup)(CURLM *multi);
	struct curl_slist *(*slist_append)(struct curl_slist *list, const char *s);
	void (*slist_free_all)(struct curl_slist *list);
};

/* -ENOENT with the line to say (caller frees) when it is not installed. It stays loaded. */
must_check int curl_load(const struct curl_api **ret_api, char **ret_why);

#endif
