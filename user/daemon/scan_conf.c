/* SPDX-License-Identifier: GPL-2.0 */
#include "daemon/scan_conf.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/hostlist.h"
#include "base/log.h"
#include "base/proc.h"
#include "conf/conf.h"
#include "scan/capture.h"
#include "scan/nmap.h"

#define IDLE_NS UINT64_C(10000000000)
#define RESOLVE_NS UINT64_C(20000000000)

static int read_own(const struct conf *conf, struct scan_conf *sc)
{
	const char *s = conf->scan_address;

	for (s += strspn(s, " ,"); *s; s += strspn(s, " ,")) {
		char text[ADDRESS_TEXT_MAX];
		size_t n = strcspn(s, " ,");

		if (n >= sizeof(text) || sc->own_len == SCAN_OWN_MAX)
			return log_usage("scan.address: '%.60s' is not a list of addresses", s);
		memcpy(text, s, n);
		text[n] = '\0';
		if (address_parse(text, &sc->own[sc->own_len]))
			return log_usage("scan.address: '%s' is not an address", text);
		sc->own_len++;
		s += n;
	}
	return 0;
}

int scan_conf_read(const struct conf *conf, struct scan_conf *ret)
{
	struct scan_conf sc = { 0 };
	int err;

	if (networks_parse(conf->scan_networks, &sc.networks))
		return log_usage(
			"scan.networks: '%s' is not a list of networks such as 10.0.0.0/8 fd00::/8",
			conf->scan_networks);
	err = read_own(conf, &sc);
	if (err)
		return err;
	/*
	 * On the embedded store this machine is the node; on a server's it is one of them only when
	 * it says where it is.
	 */
	if (!*conf->store_uri || sc.own_len)
		sc.self = conf->node_name;
	if (sc.self && !sc.own_len)
		err = address_own(sc.own, SCAN_OWN_MAX, &sc.own_len);
	if (err)
		log_warn(
			"cannot list the addresses of this machine (%s): give them as scan.address",
			strerror(-err));
	*ret = sc;
	return 0;
}

void scan_conf_scope(const struct scan_conf *sc, struct plan_scope *ret)
{
	ret->networks = &sc->networks;
	ret->self = sc->self;
	ret->own = sc->own;
	ret->own_len = sc->own_len;
	ret->resolve_ns = RESOLVE_NS;
}

int scan_conf_idle(const struct conf *conf, struct hostlist *idle, bool *ret_asked)
{
	_cleanup_(buf_done) struct buf b = BUF_INIT(HOSTLIST_TEXT_MAX);
	struct hostlist_error herr = { 0 };
	int err;

	*ret_asked = false;
	if (!*conf->scan_idle_command)
		return 0;
	err = capture_program(conf->scan_idle_command, IDLE_NS, &b);
	if (err)
		return log_err(err, "cannot ask '%s' which nodes are idle (scan.idle-command)",
			       conf->scan_idle_command);
	for (size_t i = 0; i < b.len; i++) {
		if (b.data[i] == '\n' || b.data[i] == '\r')
			b.data[i] = ' ';
	}
	err = b.len ? hostlist_parse(idle, b.data, NULL, &herr) : 0;
	if (err)
		return log_usage("'%s' (scan.idle-command) does not print a node set: %s",
				 conf->scan_idle_command, herr.what ? herr.what : strerror(-err));
	*ret_asked = true;
	return 0;
}

bool scan_has_nmap(void)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT(8192);

	if (!proc_find(nmap_program(), &path))
		return true;
	log_usage("there is no nmap, so nothing is seen from outside: 'apt-get install nmap' or "
		  "'dnf install nmap'");
	return false;
}
